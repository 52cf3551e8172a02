//! What we say to a device on `care/v1/{home}/{device}/cmd`: that its message is stored, and how
//! things stand with the help that was called for. The button's lamp tells the truth.

use super::{Last, Name, Topic, cmd_topic};
use crate::{NAME_BYTES_MAX, PAYLOAD_BYTES_MAX, json};
use care::{DeviceId, HomeId, SignalKind, Timestamp};
use serde_json::Value as Json;

/// A word to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Down {
    /// The message of this name is stored.
    Ack(Name),
    /// How things stand with the help.
    Help(Help),
}

/// How things stand with the help that was called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Help {
    /// A person has claimed the alarm.
    Taken,
    /// A person says to be on the way.
    Coming,
    /// A claim lapsed: nobody has it just now.
    Waiting,
    /// The alarm is closed.
    Over,
}

impl Help {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Coming => "coming",
            Self::Waiting => "waiting",
            Self::Over => "over",
        }
    }

    /// The reverse of [`Help::name`].
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Taken, Self::Coming, Self::Waiting, Self::Over].into_iter().find(|help| help.name() == name)
    }
}

/// The topic and the payload of a word to a device.
pub fn command(home: &HomeId, device: &DeviceId, down: &Down) -> (String, Vec<u8>) {
    (cmd_topic(home, device), payload(down))
}

fn payload(down: &Down) -> Vec<u8> {
    match down {
        Down::Ack(name) => serde_json::json!({ "ack": name.json() }),
        Down::Help(help) => serde_json::json!({ "help": help.name() }),
    }
    .to_string()
    .into_bytes()
}

/// The device's side: what a command says, `None` if it is none that version 1 knows.
pub fn parse_command(payload: &[u8]) -> Option<Down> {
    let Json::Object(object) = json::read(payload, PAYLOAD_BYTES_MAX).0? else { return None };
    if let Some(help) = object.get("help").and_then(Json::as_str) {
        return Help::parse(help).map(Down::Help);
    }
    match object.get("ack")? {
        Json::Object(inner) => Name::find(inner).0.map(Down::Ack),
        Json::String(text) => Some(Down::Ack(Name::Text(text.clone()))),
        Json::Number(number) => {
            let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
            whole.map(|number| Down::Ack(Name::Number(number)))
        }
        Json::Null | Json::Bool(_) | Json::Array(_) => None,
    }
}

/// The time that the platform told with the answer to a heartbeat.
pub fn told_at(payload: &[u8]) -> Option<Timestamp> {
    let Json::Object(object) = json::read(payload, PAYLOAD_BYTES_MAX).0? else { return None };
    let at = object.get("at").filter(|_| object.contains_key("ack"))?.as_str()?;
    Some(at.parse::<chrono::DateTime<chrono::FixedOffset>>().ok()?.to_utc())
}

/// The word that tells a sender that its message is stored: the command's topic and payload. `None`
/// if the message is none of a device, or gave itself no name that could be told back. The answer to a
/// heartbeat tells our time as well, so that whoever has no clock of its own learns it.
pub fn ack_for(topic: &str, payload: &[u8], heard_at: Timestamp) -> Option<(String, Vec<u8>)> {
    let place = super::is_native(topic).then(|| Topic::parse(topic))?;
    if place.fault.is_some() || !matches!(place.last, Last::Signal(_)) {
        return None;
    }
    let Json::Object(object) = json::read(payload, PAYLOAD_BYTES_MAX).0? else { return None };
    let name = Name::find(&object).0?;
    if matches!(&name, Name::Text(text) if text.len() > NAME_BYTES_MAX) {
        return None;
    }
    let home = place.home?;
    if place.last == Last::Signal(SignalKind::Heartbeat) {
        let at = heard_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let word = serde_json::json!({ "ack": name.json(), "at": at });
        return Some((cmd_topic(&home, &place.device), word.to_string().into_bytes()));
    }
    Some(command(&home, &place.device, &Down::Ack(name)))
}
