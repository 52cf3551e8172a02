//! SCAIP: alarms of social care as small XML documents inside SIP MESSAGEs (SS 91100). Only the
//! documents are here; SIP is the door's.
//!
//! Two styles of answer are in use: the answer as a MESSAGE of its own, and the answer inside the
//! 200 OK; the dialect of the request tells which. Read leniently (namespaces, unknown elements,
//! leading zeros of codes), because the published schema contradicts the published tables.

use crate::speaker::Speaker;
use crate::{Decoded, Fault};
use care::{DeviceId, HomeId, SignalKind, Timestamp, Value};
use roxmltree::{Document, Node, ParsingOptions};
use std::fmt::Write as _;

/// Longest document that is read, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024;

/// The content type of the standard.
pub const CONTENT_TYPE: &str = "application/scaip+xml";

/// How a document is written, and with it how it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `<mrq>` and `<mrs>`; the answer is a MESSAGE of its own to the sender.
    Standard,
    /// `<scaip>` both ways, `application/xml`; the answer stands inside the 200 OK.
    Inside,
}

/// The status of an answer (`snu`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Handled: the session is over, the sender may forget it.
    Handled,
    /// Too long.
    TooLong,
    /// Not of the form.
    Format,
    /// A value that it cannot have.
    Content,
    /// Wait: the sender repeats the same request every 5 to 20 s.
    Hold,
    /// Not treated: the sender goes on to its next receiver.
    NotTreated,
    /// Busy: likewise.
    Busy,
    /// A mandatory element is missing.
    Mandatory,
    /// The reference is missing.
    NoReference,
    /// Something else.
    Undefined,
}

impl Status {
    /// The number on the wire.
    pub fn number(self) -> u16 {
        match self {
            Self::Handled => 0,
            Self::TooLong => 1,
            Self::Format => 2,
            Self::Content => 3,
            Self::Hold => 4,
            Self::NotTreated => 5,
            Self::Busy => 6,
            Self::Mandatory => 7,
            Self::NoReference => 10,
            Self::Undefined => 99,
        }
    }

    fn parse(number: u16) -> Self {
        [
            Self::Handled,
            Self::TooLong,
            Self::Format,
            Self::Content,
            Self::Hold,
            Self::NotTreated,
            Self::Busy,
            Self::Mandatory,
            Self::NoReference,
        ]
        .into_iter()
        .find(|status| status.number() == number)
        .unwrap_or(Self::Undefined)
    }
}

/// What a request is for (`mty`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// An alarm or another event.
    Message,
    /// The alarm was reset at the device.
    Reset,
    /// News within a session.
    Update,
    /// A heartbeat.
    Heartbeat,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Message => "ME",
            Self::Reset => "RE",
            Self::Update => "IN",
            Self::Heartbeat => "PI",
        }
    }
}

/// A request, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// How it was written.
    pub dialect: Dialect,
    /// The session's reference (`ref`), new for each one.
    pub reference: String,
    /// The controller's identity (`cid`), digits; a leading `+` is dropped.
    pub account: String,
    /// What kind of device speaks (`dty`).
    pub device_type: u16,
    /// What it is for.
    pub purpose: Purpose,
    /// What happened (`stc`), if told.
    pub status_code: Option<u16>,
    /// The device behind the controller (`did`), if told.
    pub device: Option<String>,
    /// Where (`lco`), if told.
    pub location: Option<u16>,
    /// Numbers at which the home can be called back (`tnu`), as written: `sip:`, `gsm:`, `no-voice`.
    pub call_back: Vec<String>,
    /// The interval of heartbeats in minutes (`hbi`), and whether it may be set by us (`hbo`).
    pub heartbeat_minutes: Option<u16>,
    /// True if the receiver may set the interval.
    pub heartbeat_settable: bool,
    /// What is told in words (`dte`, `stt`, `lte`, `ite`).
    pub texts: Vec<String>,
}

/// Why a document is no request: what to answer, and to which reference if one was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the document is no request: status {}", status.number())]
pub struct Refused {
    /// What to answer.
    pub status: Status,
    /// To which session.
    pub reference: Option<String>,
    /// In which dialect.
    pub dialect: Dialect,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// How to write it.
    pub dialect: Dialect,
    /// The session that it answers.
    pub reference: String,
    /// The status.
    pub status: Status,
    /// Which media to open (`mre`): 0 none, 1 duplex, 2 microphone only, 3 loudspeaker only.
    pub media: Option<u8>,
    /// Where to call (`tnu`).
    pub call: Option<String>,
    /// The interval of heartbeats to use from now on, minutes (1 to 1440).
    pub heartbeat_minutes: Option<u16>,
}

fn document(bytes: &[u8]) -> Result<String, Status> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(Status::TooLong);
    }
    // An element nests in few others; thousands of open ones are an attack.
    let (mut depth, mut text) = (0usize, String::from_utf8_lossy(bytes).into_owned());
    for (i, _) in text.match_indices('<') {
        match text.get(i + 1..).and_then(|rest| rest.chars().next()) {
            Some('/') => depth = depth.saturating_sub(1),
            Some('?' | '!') => {}
            Some(_) | None => depth += 1,
        }
        if depth > 512 {
            return Err(Status::Format);
        }
    }
    if let Some(bare) = text.strip_prefix('\u{feff}') {
        text = bare.to_owned();
    }
    Ok(text)
}

/// The text of an element by its name, whatever its namespace.
fn text(root: Node<'_, '_>, name: &str) -> Option<String> {
    let element = root.descendants().find(|node| node.is_element() && node.tag_name().name().eq_ignore_ascii_case(name))?;
    let text: String = element.text().unwrap_or_default().trim().chars().take(256).collect();
    (!text.is_empty()).then_some(text)
}

/// A code: leading zeros are optional.
fn code(text: &str) -> Option<u16> {
    (text.len() <= 8 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn is_reference(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Reads a request.
///
/// # Errors
/// [`Refused`] with the status to answer.
pub fn parse(bytes: &[u8]) -> Result<Request, Refused> {
    let refused = |status| Refused { status, reference: None, dialect: Dialect::Standard };
    let source = document(bytes).map_err(refused)?;
    let options = ParsingOptions { nodes_limit: 1024, ..ParsingOptions::default() };
    let tree = Document::parse_with_options(&source, options).map_err(|_| refused(Status::Format))?;
    let root = tree.root_element();
    let dialect = match root.tag_name().name() {
        "mrq" => Dialect::Standard,
        "scaip" => Dialect::Inside,
        _ => return Err(refused(Status::Format)),
    };
    let reference = text(root, "ref");
    let refused = |status| Refused { status, reference: reference.clone().filter(|r| is_reference(r)), dialect };
    let Some(found) = reference.clone() else { return Err(refused(Status::NoReference)) };
    if !is_reference(&found) {
        return Err(refused(Status::Content));
    }
    let account = text(root, "cid").ok_or_else(|| refused(Status::Mandatory))?;
    let account = account.trim_start_matches('+').to_owned();
    let sound = (1..=32).contains(&account.len()) && account.bytes().all(|b| b.is_ascii_digit());
    if !sound {
        return Err(refused(Status::Content));
    }
    let number = |name: &str| match text(root, name) {
        None => Ok(None),
        Some(text) => code(&text).map(Some).ok_or_else(|| refused(Status::Content)),
    };
    let purpose = match text(root, "mty").as_deref() {
        None | Some("ME") => Purpose::Message,
        Some("RE") => Purpose::Reset,
        Some("IN") => Purpose::Update,
        Some("PI") => Purpose::Heartbeat,
        Some(_) => return Err(refused(Status::Content)),
    };
    let device_type = number("dty")?.ok_or_else(|| refused(Status::Mandatory))?;
    let elements = root.descendants().filter(|n| n.is_element() && n.tag_name().name() == "tnu");
    let call_back = elements.filter_map(|n| n.text()).map(|t| t.trim().chars().take(128).collect()).take(8).collect();
    Ok(Request {
        dialect,
        reference: found,
        account,
        device_type,
        purpose,
        status_code: number("stc")?,
        device: text(root, "did"),
        location: number("lco")?,
        call_back,
        heartbeat_minutes: number("hbi")?.filter(|minutes| (1..=1440).contains(minutes)),
        heartbeat_settable: number("hbo")? == Some(1),
        texts: ["dte", "stt", "lte", "ite"].into_iter().filter_map(|name| text(root, name)).collect(),
    })
}

/// Reads an answer, of either dialect.
///
/// # Errors
/// [`Refused`] if it is none.
pub fn parse_reply(bytes: &[u8]) -> Result<Reply, Refused> {
    let refused = |status| Refused { status, reference: None, dialect: Dialect::Standard };
    let source = document(bytes).map_err(refused)?;
    let options = ParsingOptions { nodes_limit: 1024, ..ParsingOptions::default() };
    let tree = Document::parse_with_options(&source, options).map_err(|_| refused(Status::Format))?;
    let root = tree.root_element();
    let dialect = match root.tag_name().name() {
        "mrs" => Dialect::Standard,
        "scaip" => Dialect::Inside,
        _ => return Err(refused(Status::Format)),
    };
    let reference = text(root, "ref").filter(|r| is_reference(r)).ok_or_else(|| refused(Status::NoReference))?;
    let status = text(root, "snu").and_then(|t| code(&t)).map(Status::parse).ok_or_else(|| refused(Status::Mandatory))?;
    Ok(Reply {
        dialect,
        reference,
        status,
        media: text(root, "mre").and_then(|t| code(&t)).and_then(|n| u8::try_from(n).ok()),
        call: text(root, "tnu"),
        heartbeat_minutes: text(root, "hbi").and_then(|t| code(&t)).filter(|minutes| (1..=1440).contains(minutes)),
    })
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// A document of a root and its elements, in their order.
fn written(root: &str, elements: &[(&str, Option<String>)]) -> String {
    let mut out = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}>");
    for (name, text) in elements {
        if let Some(text) = text {
            // Writing to a string cannot fail.
            let _written = write!(out, "<{name}>{}</{name}>", escaped(text));
        }
    }
    let _written = write!(out, "</{root}>");
    out
}

impl Reply {
    /// An answer to a request, without media.
    pub fn to(request: &Request, status: Status) -> Self {
        let (dialect, reference) = (request.dialect, request.reference.clone());
        Self { dialect, reference, status, media: None, call: None, heartbeat_minutes: None }
    }

    /// The document.
    pub fn encode(&self) -> String {
        let root = match self.dialect {
            Dialect::Standard => "mrs",
            Dialect::Inside => "scaip",
        };
        written(
            root,
            &[
                ("ref", Some(self.reference.clone())),
                ("snu", Some(self.status.number().to_string())),
                ("mre", self.media.map(|m| m.to_string())),
                ("tnu", self.call.clone()),
                ("hbi", self.heartbeat_minutes.map(|m| m.to_string())),
            ],
        )
    }
}

impl Request {
    /// The document: for forwarding to another centre.
    pub fn encode(&self) -> String {
        let root = match self.dialect {
            Dialect::Standard => "mrq",
            Dialect::Inside => "scaip",
        };
        let four = |n: u16| format!("{n:04}");
        let mut elements = vec![
            ("ref", Some(self.reference.clone())),
            ("ver", Some("01.00".to_owned())),
            ("mty", (self.purpose != Purpose::Message).then(|| self.purpose.name().to_owned())),
            ("cid", Some(self.account.clone())),
            ("dty", Some(four(self.device_type))),
            ("did", self.device.clone()),
            ("stc", self.status_code.map(four)),
            ("lco", self.location.map(|n| format!("{n:03}"))),
            ("hbo", self.heartbeat_settable.then(|| "001".to_owned())),
            ("hbi", self.heartbeat_minutes.map(|m| m.to_string())),
        ];
        elements.extend(self.call_back.iter().map(|number| ("tnu", Some(number.clone()))));
        elements.extend(self.texts.iter().map(|text| ("ite", Some(text.clone()))));
        written(root, &elements)
    }

    /// The room that the location code names.
    pub fn room(&self) -> Option<&'static str> {
        match self.location? {
            11 => Some("bathroom"),
            12 => Some("bedroom"),
            21 => Some("kitchen"),
            43 => Some("living_room"),
            _ => None,
        }
    }
}

/// What a request means.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Meaning {
    Says(SignalKind, Value),
    Alive,
    Unknown,
}

/// The signals of a request from an account of `home`. The device is `did` where it is told, else
/// `controller`. A repeated request (HOLD) is the same event.
pub fn signals(request: &Request, home: &HomeId, heard_at: Timestamp) -> Decoded {
    let device = match &request.device {
        Some(device) => crate::learned::device_id(device),
        None => DeviceId::from("controller"),
    };
    let mut speaker = Speaker::new(home, device, heard_at);
    speaker.room = request.room().map(str::to_owned);
    let status = request.status_code.map(|code| code.to_string()).unwrap_or_default();
    speaker.name = Some(format!("{}:{}:{}:{status}", request.reference, request.purpose.name(), request.device_type));
    match meaning(request) {
        Meaning::Says(kind, value) => Decoded::Signals(vec![speaker.says(kind, value)]),
        Meaning::Alive => Decoded::Signals(vec![speaker.says(SignalKind::Heartbeat, Value::None)]),
        Meaning::Unknown => Decoded::Quarantine {
            fault: Fault::BadValue { field: "stc".into() },
            signals: vec![speaker.says(SignalKind::Heartbeat, Value::None)],
        },
    }
}

fn meaning(request: &Request) -> Meaning {
    match request.purpose {
        Purpose::Heartbeat => return Meaning::Alive,
        Purpose::Reset => return Meaning::Says(SignalKind::Cancel, Value::None),
        Purpose::Message | Purpose::Update => {}
    }
    let on = |kind| Meaning::Says(kind, Value::Bool(true));
    let plain = |kind| Meaning::Says(kind, Value::None);
    match request.status_code {
        // Alarms, automatic or by hand: the kind of device tells what about.
        Some(9 | 10) => alarm(request.device_type),
        // Without a status the dialect inside of the 200 OK sends its heartbeats for the base unit.
        None if request.dialect == Dialect::Inside && matches!(request.device_type, 2 | 45) => Meaning::Alive,
        None if request.purpose == Purpose::Update => Meaning::Alive,
        None => alarm(request.device_type),
        Some(16) => on(SignalKind::Battery),
        Some(73 | 123) => plain(SignalKind::Offline),
        Some(75 | 124) => plain(SignalKind::Online),
        Some(87 | 88) => plain(SignalKind::CheckIn),
        Some(111) => plain(SignalKind::CheckOut),
        Some(117) => on(SignalKind::Bed),
        Some(119) => on(SignalKind::Motion),
        Some(121) => plain(SignalKind::Back),
        Some(125) => on(SignalKind::Tamper),
        Some(18 | 70 | 85 | 86 | 102) => Meaning::Alive,
        Some(_) => Meaning::Unknown,
    }
}

/// What an alarm of a kind of device is about. One that this house has no word for still calls.
fn alarm(device_type: u16) -> Meaning {
    let kind = match device_type {
        5 => SignalKind::Fall,
        21 => SignalKind::Gas,
        23 | 25 => SignalKind::Smoke,
        26 => SignalKind::CarbonMonoxide,
        33 => SignalKind::WaterLeak,
        _ => SignalKind::Call,
    };
    Meaning::Says(kind, Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(inside: &str) -> String {
        format!("<?xml version=\"1.0\"?><mrq><ref>a1</ref><cid>0123456</cid>{inside}</mrq>")
    }

    fn check(document: &str, expected: &str) {
        let told = match parse(document.as_bytes()) {
            Ok(request) => {
                let decoded = signals(&request, &HomeId::from("h"), Timestamp::UNIX_EPOCH);
                let told: Vec<String> = decoded.signals().iter().map(|s| format!("{}:{}", s.device, s.kind.name())).collect();
                let fault = if let Decoded::Quarantine { fault, .. } = &decoded { format!(" !{}", fault.code()) } else { String::new() };
                format!("{}{fault}", told.join(" "))
            }
            Err(refused) => format!("{} {}", refused.status.number(), refused.reference.unwrap_or_default()),
        };
        assert_eq!(told, expected, "{document}");
    }

    #[test]
    fn alarms_by_the_kind_of_device() {
        check(&request("<dty>0003</dty><did>pendant7</did><stc>0010</stc>"), "pendant7:call");
        check(&request("<dty>3</dty><stc>10</stc>"), "controller:call");
        check(&request("<dty>0005</dty><stc>0009</stc>"), "controller:fall");
        check(&request("<dty>0023</dty><stc>0009</stc>"), "controller:smoke");
        check(&request("<dty>0021</dty><stc>0009</stc>"), "controller:gas");
        check(&request("<dty>0026</dty><stc>0009</stc>"), "controller:carbon_monoxide");
        check(&request("<dty>0033</dty><stc>0009</stc>"), "controller:water_leak");
        check(&request("<dty>0010</dty><stc>0009</stc>"), "controller:call");
        check(&request("<dty>0012</dty>"), "controller:call");
    }

    #[test]
    fn states_heartbeats_and_visits() {
        check(&request("<dty>0002</dty><mty>PI</mty><hbo>001</hbo><hbi>60</hbi>"), "controller:heartbeat");
        check(&request("<dty>0003</dty><stc>0016</stc>"), "controller:battery");
        check(&request("<dty>0003</dty><mty>RE</mty>"), "controller:cancel");
        check(&request("<dty>0002</dty><stc>0088</stc>"), "controller:check_in");
        check(&request("<dty>0002</dty><stc>0111</stc>"), "controller:check_out");
        check(&request("<dty>0012</dty><stc>0117</stc>"), "controller:bed");
        check(&request("<dty>0018</dty><stc>0119</stc>"), "controller:motion");
        check(&request("<dty>0023</dty><stc>0125</stc>"), "controller:tamper");
        check(&request("<dty>0003</dty><stc>0123</stc>"), "controller:offline");
        check(&request("<dty>0002</dty><stc>0102</stc>"), "controller:heartbeat");
        check(&request("<dty>0002</dty><stc>0555</stc>"), "controller:heartbeat !bad_value");
    }

    #[test]
    fn namespaces_dialects_and_the_room_are_understood() {
        check("<s:mrq xmlns:s=\"urn:x\"><s:ref>a1</s:ref><s:cid>12</s:cid><s:dty>3</s:dty></s:mrq>", "controller:call");
        check("<scaip><ref>a1</ref><cid>+123456</cid><dty>0003</dty><stc>0010</stc></scaip>", "controller:call");
        check("<scaip><ref>a1</ref><cid>+123456</cid><dty>0002</dty></scaip>", "controller:heartbeat");
        let request = parse(request("<dty>3</dty><lco>011</lco><tnu>sip:a@b</tnu><tnu>no-voice</tnu>").as_bytes()).unwrap();
        assert_eq!((request.room(), request.call_back.len(), request.account.as_str()), (Some("bathroom"), 2, "0123456"));
    }

    #[test]
    fn what_is_no_request_is_answered_with_its_reason() {
        check("<mrq><ref>a1</ref>", "2 ");
        check("rubbish", "2 ");
        check("<other/>", "2 ");
        check("<mrq><cid>1</cid><dty>3</dty></mrq>", "10 ");
        check("<mrq><ref>a1</ref><dty>3</dty></mrq>", "7 a1");
        check("<mrq><ref>a1</ref><cid>1</cid></mrq>", "7 a1");
        check("<mrq><ref>a1</ref><cid>x</cid><dty>3</dty></mrq>", "3 a1");
        check("<mrq><ref>a1</ref><cid>1</cid><dty>3</dty><stc>many</stc></mrq>", "3 a1");
        check(&format!("<mrq><ref>a1</ref>{}</mrq>", " ".repeat(20_000)), "1 ");
        check(&"<a>".repeat(5_000), "2 ");
        check("<!DOCTYPE a [<!ENTITY b \"c\">]><mrq><ref>&b;</ref></mrq>", "2 ");
    }

    #[test]
    fn answers_are_written_and_read_in_both_dialects() {
        for document in ["<mrq><ref>a1</ref><cid>1</cid><dty>3</dty></mrq>", "<scaip><ref>a1</ref><cid>1</cid><dty>3</dty></scaip>"] {
            let request = parse(document.as_bytes()).unwrap();
            let mut reply = Reply::to(&request, Status::Hold);
            assert_eq!(parse_reply(reply.encode().as_bytes()).unwrap(), reply);
            reply = Reply { status: Status::Handled, media: Some(1), call: Some("sip:centre@x".into()), heartbeat_minutes: Some(60), ..reply };
            assert_eq!(parse_reply(reply.encode().as_bytes()).unwrap(), reply);
        }
        let written = Reply::to(&parse(b"<mrq><ref>a1</ref><cid>1</cid><dty>3</dty></mrq>").unwrap(), Status::Handled).encode();
        assert!(written.ends_with("<mrs><ref>a1</ref><snu>0</snu></mrs>"), "{written}");
        assert_eq!(parse_reply(b"<mrs><ref>a1</ref><snu>0042</snu></mrs>").unwrap().status, Status::Undefined);
    }

    #[test]
    fn a_request_is_forwarded_unchanged() {
        let request = parse(request("<dty>0003</dty><did>p&lt;7</did><stc>0010</stc><lco>021</lco><hbo>001</hbo><hbi>60</hbi><tnu>gsm:1</tnu><ite>a &amp; b</ite>").as_bytes()).unwrap();
        assert_eq!(parse(request.encode().as_bytes()).unwrap(), request);
    }

    #[test]
    fn a_repeated_request_is_one_event_and_a_new_session_another() {
        let event = |document: String| {
            let request = parse(document.as_bytes()).unwrap();
            signals(&request, &HomeId::from("h"), Timestamp::UNIX_EPOCH).signals()[0].event.clone().unwrap()
        };
        let alarm = || request("<dty>3</dty><stc>10</stc>");
        assert_eq!(event(alarm()), event(alarm()));
        assert_ne!(event(alarm()), event(alarm().replace("a1", "a2")));
    }
}
