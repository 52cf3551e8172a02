//! Tasmota: `tele/TOPIC/SENSOR`, `tele/TOPIC/LWT`, `stat/TOPIC/RESULT`, also with the prefix behind the
//! topic; and what its Zigbee bridge receives (`ZbReceived`).
//!
//! A switch input has no meaning of its own: people declare it. A contact of the bridge is 1 when open.

use crate::meaning::{self, Heard};
use crate::speaker::{Sayings, Speaker};
use crate::{Decoded, Fault, Learned, Message, PAYLOAD_BYTES_MAX, Role, json, learned, zigbee2mqtt};
use care::{DeviceId, HomeId, Signal, SignalKind, Value};
use serde_json::{Map, Value as Json};

/// Most devices and inputs that one message may speak of.
const PARTS_MAX: usize = 64;

/// The device part and the last part of a topic of this language.
fn split(topic: &str) -> Option<(String, &str)> {
    if topic.starts_with("tasmota/discovery/") {
        return Some((String::new(), "DISCOVERY"));
    }
    let (front, last) = topic.rsplit_once('/')?;
    if topic.starts_with("cmnd/") {
        return Some((String::new(), "COMMAND"));
    }
    let known = matches!(last, "SENSOR" | "STATE" | "LWT" | "RESULT" | "UPTIME" | "MARGINS" | "LOGGING")
        || ["INFO", "STATUS", "POWER", "SENSOR", "HASS"].iter().any(|start| last.starts_with(start));
    let mut segments: Vec<&str> = front.split('/').collect();
    let prefix = segments.iter().position(|s| matches!(*s, "tele" | "stat"))?;
    segments.remove(prefix);
    (known && !segments.is_empty()).then(|| (segments.join("/"), last))
}

/// True for topics of this language.
pub(crate) fn owns(topic: &str) -> bool {
    split(topic).is_some()
}

/// Reads a message.
pub(crate) fn decode(message: &Message<'_>, home: &HomeId, learned: &Learned) -> Decoded {
    let Some((name, last)) = split(message.topic) else { return Decoded::Nothing };
    let device = learned::device_id(&name);
    match last {
        "LWT" => return zigbee2mqtt::availability(message, home, device),
        "SENSOR" | "RESULT" | "STATE" => {}
        _ => return Decoded::Nothing,
    }
    if message.payload.is_empty() {
        return Decoded::Nothing;
    }
    let (body, fault) = json::read(message.payload, PAYLOAD_BYTES_MAX);
    let Some(Json::Object(body)) = body else {
        return Decoded::Quarantine { fault: fault.unwrap_or(Fault::NotJson), signals: Vec::new() };
    };
    let scene = Scene { home, message, learned, name: &name };
    if let Some(received) = body.get("ZbReceived").and_then(Json::as_object) {
        return bridge(&scene, received, fault);
    }
    let mut own = Sayings { heard: Vec::new(), fault };
    let mut signals: Vec<Signal> = Vec::new();
    let fahrenheit = body.get("TempUnit").and_then(Json::as_str) == Some("F");
    for (key, value) in body.iter().take(PARTS_MAX) {
        match value {
            Json::Object(part) => {
                if let Some(action) = part.get("Action").and_then(Json::as_str) {
                    let (said, wrong) = input(&scene, key, action);
                    signals.extend(said);
                    own.fault = own.fault.take().or(wrong);
                }
                readings(part, fahrenheit, &mut own);
            }
            Json::String(text) if key.starts_with("Switch") => signals.extend(input(&scene, key, text).0),
            Json::String(_) | Json::Bool(_) => {
                if let Some(heard) = meaning::plain_heard(key, "", value).filter(|_| meaning::subject(key).is_some()) {
                    own.take(heard, learned.role(&device), key, false);
                }
            }
            Json::Null | Json::Number(_) | Json::Array(_) => {}
        }
    }
    signals.extend(own.signals(&Speaker::new(home, device, message.heard_at)));
    Decoded::from_parts(signals, own.fault)
}

struct Scene<'a> {
    home: &'a HomeId,
    message: &'a Message<'a>,
    learned: &'a Learned,
    name: &'a str,
}

impl Scene<'_> {
    fn part(&self, part: &str) -> DeviceId {
        learned::device_id(&format!("{}-{}", self.name, part.to_ascii_lowercase()))
    }
}

fn readings(part: &Map<String, Json>, fahrenheit: bool, own: &mut Sayings) {
    if let Some(power) = part.get("Power").and_then(json::number) {
        own.heard.push((SignalKind::Power, Value::Number(power)));
    }
    if let Some(degrees) = part.get("Temperature").and_then(json::number) {
        let celsius = if fahrenheit { (degrees - 32.0) * 5.0 / 9.0 } else { degrees };
        if meaning::within(SignalKind::Temperature, celsius) {
            own.heard.push((SignalKind::Temperature, Value::Number(celsius)));
        }
    }
}

/// A button or a switch input: a device of its own, so that it can be declared.
fn input(scene: &Scene<'_>, key: &str, action: &str) -> (Vec<Signal>, Option<Fault>) {
    let device = scene.part(key);
    let role = scene.learned.role(&device);
    let speaker = Speaker::new(scene.home, device, scene.message.heard_at);
    let action = action.to_ascii_lowercase();
    let mut sayings = Sayings::default();
    if key.starts_with("Button") {
        match action.as_str() {
            "single" | "double" | "triple" | "quad" | "penta" | "hold" | "toggle" | "on" | "off" => {
                sayings.take(Heard::Says(SignalKind::Button, Value::Bool(true)), role, key, false);
            }
            "clear" => return (Vec::new(), None),
            _ => sayings.bad_value(key),
        }
    } else {
        let on = match action.as_str() {
            "on" | "toggle" | "inc" | "dec" | "hold" => true,
            "off" => false,
            _ => {
                sayings.bad_value(key);
                return (sayings.signals(&speaker), sayings.fault);
            }
        };
        match role {
            Some(Role::CallButton) => sayings.heard.push((SignalKind::Call, Value::Bool(on))),
            Some(Role::ExitDoor) => sayings.heard.push((SignalKind::Door, if on { Value::Open } else { Value::Closed })),
            Some(Role::Contact) => sayings.heard.push((SignalKind::Contact, if on { Value::Open } else { Value::Closed })),
            Some(Role::Bed) => sayings.heard.push((SignalKind::Bed, Value::Bool(on))),
            Some(Role::Seat) => sayings.heard.push((SignalKind::Seat, Value::Bool(on))),
            None => {}
        }
    }
    (sayings.signals(&speaker), sayings.fault)
}

/// What the Zigbee bridge received, by device.
fn bridge(scene: &Scene<'_>, received: &Map<String, Json>, mut fault: Option<Fault>) -> Decoded {
    let mut signals = Vec::new();
    for (key, attributes) in received.iter().take(PARTS_MAX) {
        let Some(attributes) = attributes.as_object() else { continue };
        let text = |name: &str| attributes.get(name).and_then(Json::as_str).map(str::trim).filter(|t| !t.is_empty());
        let name = text("Name").or_else(|| text("Device")).unwrap_or(key);
        let device = learned::device_id(name);
        let role = scene.learned.role(&device);
        let speaker = Speaker::new(scene.home, device, scene.message.heard_at);
        let mut sayings = Sayings::default();
        for (attribute, value) in attributes {
            if let Some(heard) = attribute_heard(attribute, value) {
                let release = value.as_str().is_some_and(meaning::is_release);
                sayings.take(heard, role, attribute, release);
            }
        }
        if let Some(status) = attributes.get("ZoneStatusChange").or_else(|| attributes.get("ZoneStatus")).and_then(Json::as_u64) {
            for (bit, kind) in [(0x04, SignalKind::Tamper), (0x08, SignalKind::Battery)] {
                if status & bit != 0 {
                    sayings.heard.push((kind, Value::Bool(true)));
                }
            }
        }
        signals.extend(sayings.signals(&speaker));
        fault = fault.or(sayings.fault);
    }
    Decoded::from_parts(signals, fault)
}

/// What an attribute of the bridge says; `None` if it is not about people.
fn attribute_heard(name: &str, value: &Json) -> Option<Heard> {
    let kind = match name {
        "Occupancy" | "Movement" => SignalKind::Motion,
        "Contact" => SignalKind::Contact,
        "Fire" => SignalKind::Smoke,
        "Water" => SignalKind::WaterLeak,
        "CO" => SignalKind::CarbonMonoxide,
        "PersonalAlarm" | "Panic" => SignalKind::Call,
        "Vibration" | "AqaraVibrationMode" => SignalKind::Vibration,
        "BatteryPercentage" => SignalKind::Battery,
        "Temperature" => SignalKind::Temperature,
        "Click" | "click" | "Action" | "action" => return Some(meaning::press_reading(&[]).read(value)),
        _ => return None,
    };
    if matches!(kind, SignalKind::Battery | SignalKind::Temperature) {
        let number = json::number(value).filter(|n| meaning::within(kind, *n));
        return Some(number.map_or(Heard::Unknown, |n| Heard::Says(kind, Value::Number(n))));
    }
    if name == "AqaraVibrationMode" {
        return Some(Heard::Says(kind, Value::Bool(true)));
    }
    Some(match (json::truth(value), kind) {
        (Some(true), SignalKind::Contact) => Heard::Says(kind, Value::Open),
        (Some(false), SignalKind::Contact) => Heard::Says(kind, Value::Closed),
        (Some(truth), _) => Heard::Says(kind, Value::Bool(truth)),
        (None, _) => Heard::Unknown,
    })
}
