//! ChirpStack v4: `application/APP/device/EUI/event/up` with the object that the device profile's
//! codec decoded, and `.../event/status` with the battery.
//!
//! Codecs name their fields freely; what is told comes from the words of the names and values. The
//! server's deduplication id is the identity of an uplink.

use crate::meaning;
use crate::speaker::{Sayings, Speaker};
use crate::{Decoded, Fault, Learned, Message, NAME_BYTES_MAX, PAYLOAD_BYTES_MAX, json, learned};
use care::{HomeId, SignalKind, Value};
use serde_json::{Map, Value as Json};

/// Deepest object that a codec may make, and most fields that are looked at.
const DEPTH_MAX: usize = 4;
const FIELDS_MAX: usize = 128;

/// The device and the kind of event that a topic names.
fn split(topic: &str) -> Option<(&str, &str)> {
    let mut parts = topic.rsplit('/');
    let (event, word, eui, device, _, application) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (word == "event" && device == "device" && application == "application" && !eui.is_empty()).then_some((eui, event))
}

/// True for topics of this language.
pub(crate) fn owns(topic: &str) -> bool {
    split(topic).is_some()
}

/// Reads a message.
pub(crate) fn decode(message: &Message<'_>, home: &HomeId, learned: &Learned) -> Decoded {
    let Some((eui, event)) = split(message.topic) else { return Decoded::Nothing };
    if !matches!(event, "up" | "status" | "join") {
        return Decoded::Nothing;
    }
    let (body, fault) = json::read(message.payload, PAYLOAD_BYTES_MAX);
    let Some(Json::Object(body)) = body else {
        return Decoded::Quarantine { fault: fault.unwrap_or(Fault::NotJson), signals: Vec::new() };
    };
    let mut speaker = Speaker::new(home, learned::device_id(eui), message.heard_at);
    let name = body.get("deduplicationId").and_then(Json::as_str);
    speaker.name = name.filter(|n| (1..=NAME_BYTES_MAX).contains(&n.len())).map(str::to_owned);
    let time = body.get("time").and_then(Json::as_str);
    speaker.said_at = time.and_then(|t| t.parse::<chrono::DateTime<chrono::FixedOffset>>().ok()).map(|at| at.to_utc());
    let mut sayings = Sayings { heard: Vec::new(), fault };
    match event {
        "up" => up(&body, learned, &speaker, &mut sayings),
        "status" if body.get("batteryLevelUnavailable") != Some(&Json::Bool(true)) => {
            if let Some(percent) = body.get("batteryLevel").and_then(json::number) {
                if meaning::within(SignalKind::Battery, percent) {
                    sayings.heard.push((SignalKind::Battery, Value::Number(percent)));
                } else {
                    sayings.bad_value("batteryLevel");
                }
            }
        }
        _ => {}
    }
    sayings.finish(&speaker)
}

fn up(body: &Map<String, Json>, learned: &Learned, speaker: &Speaker, sayings: &mut Sayings) {
    let profile = |key: &str| body.get("deviceInfo").and_then(|info| info.get(key)).and_then(Json::as_str).unwrap_or_default();
    let about = format!("{} {}", profile("deviceProfileName"), profile("deviceName"));
    let Some(object) = body.get("object").and_then(Json::as_object).filter(|object| !object.is_empty()) else {
        // Bytes that nobody decoded may be a call: they are shown.
        if body.get("data").and_then(Json::as_str).is_some_and(|data| !data.is_empty()) {
            sayings.fault = sayings.fault.take().or(Some(Fault::NotDescribed));
        }
        return;
    };
    let role = learned.role(&speaker.device);
    let mut fields = Vec::new();
    flatten("", object, 0, &mut fields);
    for (name, value) in fields {
        if let Some(heard) = meaning::plain_heard(&name, &about, value) {
            let release = value.as_str().is_some_and(meaning::is_release);
            sayings.take(heard, role, &name, release);
        }
    }
}

/// The fields of an object under their full names; lists are histories, not news.
fn flatten<'j>(before: &str, object: &'j Map<String, Json>, depth: usize, into: &mut Vec<(String, &'j Json)>) {
    for (key, value) in object {
        if into.len() >= FIELDS_MAX {
            return;
        }
        let name = if before.is_empty() { key.clone() } else { format!("{before}_{key}") };
        match value {
            Json::Object(inner) if depth < DEPTH_MAX => flatten(&name, inner, depth + 1, into),
            Json::Object(_) | Json::Array(_) => {}
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => into.push((name, value)),
        }
    }
}
