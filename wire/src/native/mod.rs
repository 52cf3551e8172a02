//! The native MQTT language, version 1: `care/v1/{home}/{device}/{signal}`, QoS 1, a small JSON
//! object. [`down`] is what we say back to the device.

pub mod down;
mod say;
#[cfg(test)]
mod tests;

pub use down::{Down, Help, ack_for, command, parse_command, told_at};
pub use say::encode;

use crate::speaker::Speaker;
use crate::{Decoded, Fault, Lane, Learned, Message, NAME_BYTES_MAX, PAYLOAD_BYTES_MAX, Role, json, learned};
use care::id::well_formed;
use care::{DeviceId, EventId, HomeId, SignalKind, TimeDelta, Timestamp, Value};
use serde_json::{Map, Value as Json};

const PREFIX: &str = "care/v1/";

/// The longest age that a message may have: as long as a device's own time is believed.
const AGE_MAX: TimeDelta = TimeDelta::days(400);

/// The topic of a signal.
pub fn topic(home: &HomeId, device: &DeviceId, kind: SignalKind) -> String {
    if matches!(kind, SignalKind::Online | SignalKind::Offline) {
        return status_topic(home, device);
    }
    format!("{PREFIX}{home}/{device}/{}", kind.name())
}

/// The topic that a device or hub leaves its last will on.
pub fn status_topic(home: &HomeId, device: &DeviceId) -> String {
    format!("{PREFIX}{home}/{device}/status")
}

/// The topic that a device listens on.
pub fn cmd_topic(home: &HomeId, device: &DeviceId) -> String {
    format!("{PREFIX}{home}/{device}/cmd")
}

/// True if a topic is in this language, well formed or not.
pub fn is_native(topic: &str) -> bool {
    topic.starts_with(PREFIX)
}

/// The home that a native topic names.
pub fn home_of(topic: &str) -> Option<HomeId> {
    let home = topic.strip_prefix(PREFIX)?.split('/').next()?;
    well_formed(home).then(|| HomeId::new(home))
}

/// What stands in the last part of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Signal(SignalKind),
    Status,
    Cmd,
    Unknown,
}

impl Last {
    fn parse(text: &str) -> Self {
        match text {
            "status" => Self::Status,
            "cmd" => Self::Cmd,
            _ => match SignalKind::parse(text) {
                None | Some(SignalKind::Online | SignalKind::Offline) => Self::Unknown,
                Some(kind) => Self::Signal(kind),
            },
        }
    }
}

/// A native topic, taken apart with a readiness to see a call in anything.
struct Topic {
    home: Option<HomeId>,
    device: DeviceId,
    last: Last,
    fault: Option<Fault>,
}

impl Topic {
    fn parse(topic: &str) -> Self {
        let rest = topic.strip_prefix(PREFIX).unwrap_or_default();
        let (home, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let (device, last) = rest.rsplit_once('/').unwrap_or(("", rest));
        let exact = Last::parse(last);
        let found = if exact == Last::Unknown { Last::parse(&last.trim().to_ascii_lowercase()) } else { exact };
        let sound = well_formed(home) && well_formed(device) && found == exact;
        Self {
            home: well_formed(home).then(|| HomeId::new(home)),
            device: learned::device_id(if device.is_empty() { "unnamed" } else { device }),
            last: found,
            fault: (!sound).then_some(Fault::BadTopic),
        }
    }
}

/// Red if the topic's last part names a red signal, however it is spelled, or a button that was declared a call button.
pub(crate) fn lane(topic: &str, learned: Option<&Learned>) -> Lane {
    let last = topic.rsplit('/').next().unwrap_or_default().trim();
    match SignalKind::ALL.iter().find(|kind| kind.name().eq_ignore_ascii_case(last)) {
        Some(kind) if kind.is_red() => Lane::Red,
        Some(SignalKind::Button) if learned.is_some_and(|l| l.role(&Topic::parse(topic).device) == Some(Role::CallButton)) => Lane::Red,
        Some(_) | None => Lane::Routine,
    }
}

/// The identity that a message gives itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// `"id":"..."`.
    Text(String),
    /// `"id":7`.
    Number(i128),
    /// `"boot":n,"seq":n`.
    BootSeq {
        /// How often the device has started.
        boot: u64,
        /// The message of this start.
        seq: u64,
    },
}

impl Name {
    /// The identity in an object, and whether one was there that cannot be used.
    fn find(object: &Map<String, Json>) -> (Option<Self>, Option<Fault>) {
        match object.get("id") {
            None | Some(Json::Null) => {}
            Some(Json::String(text)) if text.is_empty() => {}
            // A replacement character stands for bytes that are lost: two names may look the same.
            Some(Json::String(text)) if text.contains('\u{fffd}') => return (None, Some(Fault::BadName)),
            Some(Json::String(text)) => {
                let fault = (text.len() > NAME_BYTES_MAX).then_some(Fault::BadName);
                return (Some(Self::Text(text.clone())), fault);
            }
            // A fraction or a number too long for an integer has been rounded: two names may look the same.
            Some(Json::Number(number)) => {
                let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
                return (whole.map(Self::Number), whole.is_none().then_some(Fault::BadName));
            }
            Some(Json::Bool(_) | Json::Array(_) | Json::Object(_)) => return (None, Some(Fault::BadName)),
        }
        let whole = |key: &str| match object.get(key) {
            Some(Json::Number(number)) => number.as_u64(),
            Some(Json::String(text)) => text.trim().parse().ok(),
            Some(Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_)) | None => None,
        };
        match (whole("boot"), whole("seq")) {
            (Some(boot), Some(seq)) => (Some(Self::BootSeq { boot, seq }), None),
            (None, _) | (_, None) => (None, None),
        }
    }

    /// The identity as text: what [`EventId::named`] is made of.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::BootSeq { boot, seq } => format!("{boot}:{seq}"),
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::Text(text) => Json::from(text.as_str()),
            Self::Number(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(number), _) => Json::from(number),
                (_, Ok(number)) => Json::from(number),
                (Err(_), Err(_)) => Json::from(number.to_string()),
            },
            Self::BootSeq { boot, seq } => serde_json::json!({"boot": boot, "seq": seq}),
        }
    }
}

/// The first 12 hex digits of a hash.
pub(crate) fn short_hash(text: &str) -> String {
    let all = EventId::named(&HomeId::new(""), &DeviceId::new(""), "name", text);
    all.as_str().chars().take(12).collect()
}

pub(crate) fn decode(message: &Message<'_>, learned: &Learned) -> Decoded {
    let topic = Topic::parse(message.topic);
    let Some(home) = topic.home.or_else(|| message.home.cloned()) else {
        return Decoded::Quarantine { fault: Fault::UnknownHome, signals: Vec::new() };
    };
    let speaker = Speaker::new(&home, topic.device, message.heard_at);
    match topic.last {
        Last::Cmd => Decoded::Nothing,
        Last::Unknown => Decoded::Quarantine { fault: topic.fault.unwrap_or(Fault::UnknownSignal), signals: Vec::new() },
        Last::Status => status(message.payload, &speaker, topic.fault),
        Last::Signal(kind) => {
            let kind = match (kind, learned.role(&speaker.device)) {
                (SignalKind::Button, Some(Role::CallButton)) => SignalKind::Call,
                _ => kind,
            };
            signal(message.payload, speaker, kind, topic.fault)
        }
    }
}

/// `online` or `offline`, as plain text, as JSON text, or as `{"value":...}` or `{"state":...}`.
fn status(payload: &[u8], speaker: &Speaker, fault: Option<Fault>) -> Decoded {
    if payload.is_empty() {
        return Decoded::from_parts(Vec::new(), fault);
    }
    let text = String::from_utf8_lossy(payload.get(..256).unwrap_or(payload));
    let object = json::read(payload, PAYLOAD_BYTES_MAX).0;
    let word = match &object {
        Some(Json::Object(map)) => map.get("value").or_else(|| map.get("state")).and_then(Json::as_str).unwrap_or_default(),
        Some(Json::String(text)) => text,
        Some(_) | None => text.trim(),
    };
    let kind = match word.to_ascii_lowercase().as_str() {
        "online" => SignalKind::Online,
        "offline" => SignalKind::Offline,
        _ => {
            let fault = fault.unwrap_or(Fault::BadValue { field: "status".into() });
            return Decoded::Quarantine { fault, signals: Vec::new() };
        }
    };
    Decoded::from_parts(vec![speaker.says(kind, Value::None)], fault)
}

fn signal(payload: &[u8], mut speaker: Speaker, kind: SignalKind, mut fault: Option<Fault>) -> Decoded {
    let blank = payload.iter().all(u8::is_ascii_whitespace);
    let (body, unread) = if blank { (Some(Json::Object(Map::new())), None) } else { json::read(payload, PAYLOAD_BYTES_MAX) };
    fault = fault.or(unread);
    let empty = Map::new();
    let object = match &body {
        Some(Json::Object(object)) => object,
        _ => &empty,
    };
    let (name, bad_name) = Name::find(object);
    fault = fault.or(bad_name);
    let said_at = match object.get("at") {
        None | Some(Json::Null) => None,
        Some(Json::String(text)) => match text.parse::<chrono::DateTime<chrono::FixedOffset>>() {
            Ok(at) => Some(at.to_utc()),
            Err(_) => {
                fault = fault.or(Some(Fault::BadTime));
                None
            }
        },
        Some(Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) => {
            fault = fault.or(Some(Fault::BadTime));
            None
        }
    };
    let heard_there = match object.get("age_ms").filter(|age| !age.is_null()).map(age) {
        None => None,
        Some(Some(age)) => Some(speaker.heard_at - age),
        Some(None) => {
            fault = fault.or_else(|| Some(Fault::BadValue { field: "age_ms".into() }));
            None
        }
    };
    (speaker.name, speaker.said_at) = (name.map(|name| name.text()), happened(said_at, heard_there));
    let said = match &body {
        Some(Json::Object(object)) => object.get("value").filter(|value| !value.is_null()),
        Some(Json::Null) => None,
        other => other.as_ref(),
    };
    let mut signals = Vec::new();
    // A payload that could not be read at all says nothing but its topic: enough for a call only.
    let value = if body.is_none() { None } else { value(kind, said) };
    match value {
        Some(value) => signals.push(speaker.says(kind, value)),
        None => {
            fault = fault.or_else(|| Some(Fault::BadValue { field: "value".into() }));
            if kind.is_red() {
                signals.push(speaker.says(kind, Value::Bool(true)));
            }
        }
    }
    if kind != SignalKind::Battery
        && let Some(level) = object.get("battery").filter(|level| !level.is_null())
    {
        match percent(level) {
            Some(value) => signals.push(speaker.says(SignalKind::Battery, value)),
            None => fault = fault.or_else(|| Some(Fault::BadValue { field: "battery".into() })),
        }
    }
    Decoded::from_parts(signals, fault)
}

/// How long ago it happened when the message was sent, by the count of the one who kept it: no clock is needed for that.
fn age(value: &Json) -> Option<TimeDelta> {
    let millis = json::number(value).filter(|n| (0.0..=1e15).contains(n))?;
    let age = TimeDelta::try_milliseconds(format!("{millis:.0}").parse().ok()?)?;
    (age <= AGE_MAX).then_some(age)
}

/// The device's own time, unless it is later than the moment when a hub heard it: that moment is counted, not told by a clock.
fn happened(said_at: Option<Timestamp>, heard_there: Option<Timestamp>) -> Option<Timestamp> {
    match (said_at, heard_there) {
        (Some(said), Some(heard)) => Some(said.min(heard)),
        (said, heard) => said.or(heard),
    }
}

fn percent(value: &Json) -> Option<Value> {
    json::number(value).filter(|n| (0.0..=100.0).contains(n)).map(Value::Number)
}

/// The value of a kind, or `None` if it cannot be one. `said` is `None` where it was left out.
fn value(kind: SignalKind, said: Option<&Json>) -> Option<Value> {
    let within = |low: f64, high: f64| said.and_then(json::number).filter(|n| (low..=high).contains(n)).map(Value::Number);
    match kind {
        SignalKind::Call
        | SignalKind::Fall
        | SignalKind::Smoke
        | SignalKind::Gas
        | SignalKind::CarbonMonoxide
        | SignalKind::WaterLeak
        | SignalKind::Motion
        | SignalKind::Presence
        | SignalKind::Vibration
        | SignalKind::Button
        | SignalKind::Bed
        | SignalKind::Seat
        | SignalKind::Tamper => said.map_or(Some(true), json::truth).map(Value::Bool),
        SignalKind::Door | SignalKind::Contact => match said?.as_str()?.trim().to_ascii_lowercase().as_str() {
            "open" => Some(Value::Open),
            "closed" => Some(Value::Closed),
            _ => None,
        },
        // only a plain word: a cut of the mains is not guessed
        SignalKind::Mains => said.and_then(json::truth).map(Value::Bool),
        SignalKind::Water => within(0.0, 1e6),
        SignalKind::Power => within(-1e6, 1e6),
        SignalKind::Temperature => within(-60.0, 150.0),
        SignalKind::Link => within(0.0, 100.0),
        SignalKind::Battery => match said {
            // "true = low": what devices say that know no level.
            Some(Json::Bool(low)) => Some(Value::Bool(*low)),
            _ => within(0.0, 100.0),
        },
        // These say themselves; one that says "no" is in doubt, and doubt is no sign of life.
        SignalKind::Cancel
        | SignalKind::Heartbeat
        | SignalKind::Well
        | SignalKind::Away
        | SignalKind::Back
        | SignalKind::CheckIn
        | SignalKind::CheckOut
        | SignalKind::Online
        | SignalKind::Offline => match said.and_then(json::truth) {
            Some(false) => None,
            Some(true) | None => Some(Value::None),
        },
    }
}
