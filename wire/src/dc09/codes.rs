//! What Contact ID and SIA codes mean for people. Sources: SIA DC-05 and DC-03 as devices of personal
//! emergency response use them.

use super::{Frame, Token};
use crate::speaker::Speaker;
use crate::{Decoded, Fault};
use care::{DeviceId, HomeId, Signal, SignalKind, Timestamp, Value};

/// What one event of a frame means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A signal that this house knows; `false` = it is over.
    Says(SignalKind, bool),
    /// The other system missed signs of life. Somebody may need help: it counts as a call.
    Inactivity,
    /// Something technical, by name.
    Trouble(&'static str),
    /// A test or a check-in: the device lives.
    Alive,
    /// Nothing about people or cover.
    Nothing,
    /// A code that is in no table of ours.
    Unknown,
}

/// One event of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The code as it was written: `101`, `QA`.
    pub code: String,
    /// The zone or user, without leading zeros; empty if none.
    pub zone: String,
    /// What it means.
    pub meaning: Meaning,
}

/// The events of a frame; a link test and answers have none.
pub fn reports(frame: &Frame) -> Vec<Report> {
    match &frame.token {
        Token::AdmCid => contact_id(&frame.data).into_iter().collect(),
        Token::SiaDcs => sia(&frame.data),
        Token::Null | Token::ExtendedNull | Token::Ack | Token::Nak | Token::Duh | Token::Rsp | Token::Other(_) => Vec::new(),
    }
}

/// The signals of a frame from an account of `home`. A zone is a device of its own: `zone-3`, the
/// panel itself is `panel`. What could not be read counts as nothing but is shown; a frame whose
/// code begins like a medical, fire or panic alarm is one.
pub fn signals(frame: &Frame, home: &HomeId, heard_at: Timestamp) -> Decoded {
    let mut signals: Vec<Signal> = Vec::new();
    let mut fault = None;
    let reports = reports(frame);
    let event = matches!(frame.token, Token::AdmCid | Token::SiaDcs);
    if event && reports.is_empty() {
        fault = Some(Fault::BadValue { field: "data".into() });
    }
    if event || matches!(frame.token, Token::Null | Token::ExtendedNull) {
        let speaker = speaker(frame, home, heard_at, "");
        if reports.iter().all(|report| says(report.meaning).is_none()) {
            signals.push(speaker.says(SignalKind::Heartbeat, Value::None));
        }
    } else if let Token::Other(_) = frame.token {
        fault = Some(Fault::UnknownSignal);
    }
    for report in &reports {
        if let Some((kind, value)) = says(report.meaning) {
            signals.push(speaker(frame, home, heard_at, &report.zone).says(kind, value));
        } else if report.meaning == Meaning::Unknown {
            fault = fault.or(Some(Fault::UnknownSignal));
        }
    }
    Decoded::from_parts(signals, fault)
}

fn says(meaning: Meaning) -> Option<(SignalKind, Value)> {
    match meaning {
        Meaning::Says(kind @ (SignalKind::CheckIn | SignalKind::CheckOut | SignalKind::Online | SignalKind::Offline), _) => {
            Some((kind, Value::None))
        }
        Meaning::Says(kind, on) => Some((kind, Value::Bool(on))),
        Meaning::Inactivity => Some((SignalKind::Call, Value::Bool(true))),
        Meaning::Trouble(_) | Meaning::Alive | Meaning::Nothing | Meaning::Unknown => None,
    }
}

fn speaker(frame: &Frame, home: &HomeId, heard_at: Timestamp, zone: &str) -> Speaker {
    let device = if zone.is_empty() { DeviceId::from("panel") } else { DeviceId::new(format!("zone-{zone}")) };
    let mut speaker = Speaker::new(home, device, heard_at);
    speaker.said_at = frame.happened_at();
    speaker.room = frame.extension('R').filter(|room| !room.is_empty()).map(|room| room.chars().take(64).collect());
    // The sequence number comes round again: only with the time of sending it names a message.
    speaker.name = frame.sent_at.map(|at| format!("{}@{}:{}", frame.seq, at.timestamp(), frame.data));
    speaker
}

fn zone_of(digits: &str) -> String {
    digits.trim_start_matches('0').chars().filter(char::is_ascii_alphanumeric).take(16).collect()
}

/// `QXYZ GG ZZZ`: qualifier and code, partition, zone.
fn contact_id(data: &str) -> Option<Report> {
    let mut parts = data.split_whitespace();
    let event = parts.next()?;
    let (qualifier, code) = event.split_at_checked(1)?;
    let code: String = code.chars().take(3).collect();
    if code.len() != 3 || !code.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let zone = zone_of(parts.nth(1).unwrap_or_default());
    let new = match qualifier {
        "1" | "6" => true,
        "3" => false,
        _ => return Some(Report { code, zone, meaning: Meaning::Unknown }),
    };
    let meaning = contact_id_meaning(&code, new);
    Some(Report { code, zone, meaning })
}

fn contact_id_meaning(code: &str, new: bool) -> Meaning {
    let says = |kind| Meaning::Says(kind, new);
    let reachable = || Meaning::Says(if new { SignalKind::Offline } else { SignalKind::Online }, true);
    match code {
        "100" | "101" => says(SignalKind::Call),
        "102" | "641" if new => Meaning::Inactivity,
        "102" | "641" => Meaning::Nothing,
        "110" | "111" | "112" | "114" | "115" | "116" | "117" => says(SignalKind::Smoke),
        "113" | "154" => says(SignalKind::WaterLeak),
        "118" => Meaning::Trouble("near_alarm"),
        // 120 is panic in the standard and a fall in some pendants: help is called for in both.
        "120" | "121" | "122" | "123" | "124" | "125" => says(SignalKind::Call),
        "137" | "144" | "145" | "383" | "341" => says(SignalKind::Tamper),
        "147" | "381" | "382" => reachable(),
        "151" => says(SignalKind::Gas),
        "162" => says(SignalKind::CarbonMonoxide),
        "302" | "311" | "338" | "384" => says(SignalKind::Battery),
        "301" => Meaning::Says(SignalKind::Mains, !new),
        "344" => Meaning::Trouble("radio_jammed"),
        "350" | "351" | "352" | "353" | "354" | "356" => Meaning::Trouble("communication"),
        "601" | "602" | "603" | "607" | "305" | "606" => Meaning::Alive,
        "661" => Meaning::Says(SignalKind::CheckIn, true),
        "662" => says(SignalKind::Call),
        "663" => Meaning::Says(SignalKind::CheckOut, true),
        _ if code.starts_with("10") || code.starts_with("12") => says(SignalKind::Call),
        _ if code.starts_with("11") => says(SignalKind::Smoke),
        _ if code.starts_with('1') => Meaning::Unknown,
        _ => match code.chars().next() {
            Some('2' | '3') => Meaning::Trouble("trouble"),
            Some('4' | '5' | '6') => Meaning::Nothing,
            Some(_) | None => Meaning::Unknown,
        },
    }
}

/// `Nri1/QA3^text^/...`: modifiers of two small letters, events of two capitals and a number.
fn sia(data: &str) -> Vec<Report> {
    let data = data.strip_prefix(['N', 'O']).filter(|rest| !rest.starts_with(|c: char| c.is_ascii_uppercase()) || is_event(rest)).unwrap_or(data);
    data.split('/')
        .take(32)
        .filter_map(|block| {
            let block = block.split('^').next().unwrap_or_default().trim();
            let (code, zone) = block.split_at_checked(2).filter(|_| is_event(block))?;
            let meaning = sia_meaning(code);
            Some(Report { code: code.to_owned(), zone: zone_of(zone), meaning })
        })
        .collect()
}

/// Two capitals, then nothing but the zone's digits or a word apart.
fn is_event(block: &str) -> bool {
    let mut letters = block.chars();
    let capitals = letters.by_ref().take(2).filter(char::is_ascii_uppercase).count() == 2;
    capitals && letters.next().is_none_or(|c| !c.is_ascii_uppercase() || c.is_ascii_hexdigit())
}

fn sia_meaning(code: &str) -> Meaning {
    match code {
        "NA" => return Meaning::Inactivity,
        "TA" | "ES" => return Meaning::Says(SignalKind::Tamper, true),
        "TR" | "EJ" => return Meaning::Says(SignalKind::Tamper, false),
        "YT" | "XT" => return Meaning::Says(SignalKind::Battery, true),
        "YR" | "XR" => return Meaning::Says(SignalKind::Battery, false),
        "AT" => return Meaning::Says(SignalKind::Mains, false),
        "AR" => return Meaning::Says(SignalKind::Mains, true),
        "XQ" => return Meaning::Trouble("radio_jammed"),
        "YC" | "YS" => return Meaning::Trouble("communication"),
        "RP" | "RX" | "TX" | "YK" | "RN" => return Meaning::Alive,
        _ => {}
    }
    let kind = match code.get(..1) {
        Some("M" | "Q" | "P") => SignalKind::Call,
        Some("F" | "K") => SignalKind::Smoke,
        Some("G") => SignalKind::Gas,
        Some("W") => SignalKind::WaterLeak,
        Some("H") if code == "HA" => SignalKind::Call,
        _ if code.starts_with(['B', 'C', 'O', 'U', 'D', 'J', 'L', 'R', 'T', 'X', 'Y', 'Z', 'A', 'E', 'I', 'V']) => return Meaning::Nothing,
        _ => return Meaning::Unknown,
    };
    match code.get(1..) {
        Some("A") => Meaning::Says(kind, true),
        Some("R" | "H") => Meaning::Says(kind, false),
        Some("T" | "J" | "S" | "B" | "U" | "G" | "X" | "Y" | "I" | "M" | "L") => Meaning::Trouble("trouble"),
        Some(_) | None => Meaning::Unknown,
    }
}
