//! Shelly, second generation and later: `ID/events/rpc` notifications, `ID/status/COMPONENT`,
//! `ID/online`.
//!
//! An input and a sensor behind Bluetooth are devices of their own (`ID-input0`), so that they can be
//! declared. A notified event has the time of a synchronised clock: that makes its identity.

use crate::meaning::{self, Heard};
use crate::speaker::{Sayings, Speaker};
use crate::{Decoded, Fault, Learned, Message, PAYLOAD_BYTES_MAX, Role, json, learned};
use care::{DeviceId, HomeId, Signal, SignalKind, Timestamp, Value};
use serde_json::{Map, Value as Json};

/// Most components and events that one message may speak of.
const PARTS_MAX: usize = 64;

/// A clock that shows less than this (seconds) has not been set since the device started.
const CLOCK_SET_S: f64 = 1_600_000_000.0;

enum Topic<'t> {
    Notification(&'t str),
    Status(&'t str, &'t str),
    Online(&'t str),
    Other,
}

fn split(topic: &str) -> Option<Topic<'_>> {
    if let Some(id) = topic.strip_suffix("/events/rpc") {
        return Some(Topic::Notification(id));
    }
    if let Some(id) = topic.strip_suffix("/online") {
        return Some(Topic::Online(id));
    }
    if let Some((id, component)) = topic.rsplit_once("/status/") {
        return (component.contains(':') || matches!(component, "sys" | "wifi" | "cloud" | "mqtt" | "ble" | "ui"))
            .then_some(Topic::Status(id, component));
    }
    (topic.starts_with("shelly") && topic.contains('/')).then_some(Topic::Other)
}

/// True for topics of this language.
pub(crate) fn owns(topic: &str) -> bool {
    split(topic).is_some()
}

/// Reads a message.
pub(crate) fn decode(message: &Message<'_>, home: &HomeId, learned: &Learned) -> Decoded {
    match split(message.topic) {
        Some(Topic::Online(id)) => online(message, home, id),
        Some(Topic::Status(id, component)) => {
            let (body, fault) = json::read(message.payload, PAYLOAD_BYTES_MAX);
            let mut scene = Scene::new(message, home, learned, id);
            match body {
                Some(Json::Object(status)) => scene.status(component, &status, None),
                Some(_) | None if message.payload.is_empty() => return Decoded::Nothing,
                Some(_) | None => scene.fault = Some(Fault::NotJson),
            }
            scene.fault = fault.or(scene.fault);
            Decoded::from_parts(scene.signals, scene.fault)
        }
        Some(Topic::Notification(id)) => notification(message, home, learned, id),
        Some(Topic::Other) | None => Decoded::Nothing,
    }
}

fn online(message: &Message<'_>, home: &HomeId, id: &str) -> Decoded {
    let kind = match message.payload {
        b"true" => SignalKind::Online,
        b"false" => SignalKind::Offline,
        b"" => return Decoded::Nothing,
        _ => return Decoded::Quarantine { fault: Fault::BadValue { field: "online".into() }, signals: Vec::new() },
    };
    Decoded::Signals(vec![Speaker::new(home, learned::device_id(id), message.heard_at).says(kind, Value::None)])
}

fn notification(message: &Message<'_>, home: &HomeId, learned: &Learned, id: &str) -> Decoded {
    let (body, fault) = json::read(message.payload, PAYLOAD_BYTES_MAX);
    let Some(body) = body else {
        return Decoded::Quarantine { fault: fault.unwrap_or(Fault::NotJson), signals: Vec::new() };
    };
    let mut scene = Scene::new(message, home, learned, id);
    scene.fault = fault;
    let empty = Map::new();
    let params = body.get("params").and_then(Json::as_object).unwrap_or(&empty);
    let at = params.get("ts").and_then(json::number);
    match body.get("method").and_then(Json::as_str) {
        Some("NotifyStatus" | "NotifyFullStatus") => {
            for (component, status) in params.iter().take(PARTS_MAX) {
                if let Some(status) = status.as_object() {
                    scene.status(component, status, at);
                }
            }
        }
        Some("NotifyEvent") => {
            for event in params.get("events").and_then(Json::as_array).into_iter().flatten().take(PARTS_MAX) {
                scene.event(event, at);
            }
        }
        Some(_) | None => return Decoded::from_parts(Vec::new(), scene.fault),
    }
    if scene.signals.is_empty() {
        scene.say(scene.device.clone(), Sayings::default(), None, "");
    }
    Decoded::from_parts(scene.signals, scene.fault)
}

struct Scene<'a> {
    message: &'a Message<'a>,
    home: &'a HomeId,
    learned: &'a Learned,
    id: &'a str,
    device: DeviceId,
    signals: Vec<Signal>,
    fault: Option<Fault>,
}

impl<'a> Scene<'a> {
    fn new(message: &'a Message<'a>, home: &'a HomeId, learned: &'a Learned, id: &'a str) -> Self {
        Self { message, home, learned, id, device: learned::device_id(id), signals: Vec::new(), fault: None }
    }

    fn part(&self, component: &str) -> DeviceId {
        learned::device_id(&format!("{}-{}", self.id, component.replace(':', "")))
    }

    fn say(&mut self, device: DeviceId, sayings: Sayings, at: Option<f64>, name: &str) {
        let mut speaker = Speaker::new(self.home, device, self.message.heard_at);
        let set = at.filter(|at| *at >= CLOCK_SET_S);
        speaker.said_at = set.and_then(instant);
        if !name.is_empty() {
            speaker.name = set.map(|at| format!("{name}@{at}"));
        }
        let said = sayings.signals(&speaker);
        // One device, one heartbeat, however many of its components had nothing to say.
        let repeated = |s: &Signal| s.kind == SignalKind::Heartbeat && self.signals.iter().any(|other| other.device == s.device);
        let fresh: Vec<Signal> = said.into_iter().filter(|s| !repeated(s)).collect();
        self.signals.extend(fresh);
        self.fault = self.fault.take().or(sayings.fault);
    }

    /// A component's state, or the part of it that changed.
    fn status(&mut self, component: &str, status: &Map<String, Json>, at: Option<f64>) {
        let kind = component.split(':').next().unwrap_or_default();
        let mut sayings = Sayings::default();
        let mut device = self.device.clone();
        let alarm = match kind {
            "smoke" => Some(SignalKind::Smoke),
            "flood" => Some(SignalKind::WaterLeak),
            "gas" => Some(SignalKind::Gas),
            _ => None,
        };
        match (alarm, kind) {
            (Some(kind), _) => match status.get("alarm") {
                None | Some(Json::Null) => {}
                Some(Json::Bool(truth)) => sayings.heard.push((kind, Value::Bool(*truth))),
                Some(_) => sayings.bad_value(component),
            },
            (None, "presence" | "presencezone") => match (status.get("value"), status.get("num_objects").and_then(Json::as_u64)) {
                (Some(Json::Bool(truth)), _) => sayings.heard.push((SignalKind::Presence, Value::Bool(*truth))),
                (None, Some(people)) => sayings.heard.push((SignalKind::Presence, Value::Bool(people > 0))),
                (_, _) => {}
            },
            (None, "input" | "bthomesensor" | "boolean") => {
                device = self.part(component);
                let value = status.get("state").or_else(|| status.get("value"));
                if let Some(Json::Bool(on)) = value {
                    sayings.heard.extend(declared(self.learned.role(&device), *on));
                }
            }
            (None, "bthomedevice") => {
                device = self.part(component);
                level(&mut sayings, SignalKind::Battery, status.get("battery"), component);
            }
            (None, "devicepower") => {
                let percent = status.get("battery").and_then(|battery| battery.get("percent"));
                level(&mut sayings, SignalKind::Battery, percent, component);
                if let Some(Json::Bool(there)) = status.get("external").and_then(|external| external.get("present")) {
                    sayings.heard.push((SignalKind::Mains, Value::Bool(*there)));
                }
            }
            (None, "temperature") => level(&mut sayings, SignalKind::Temperature, status.get("tC"), component),
            (None, "switch" | "pm1" | "light" | "cover") => level(&mut sayings, SignalKind::Power, status.get("apower"), component),
            (None, "em") => level(&mut sayings, SignalKind::Power, status.get("total_act_power"), component),
            (None, _) => {}
        }
        self.say(device, sayings, at, "");
    }

    /// Something that happened: a press, an alarm.
    fn event(&mut self, event: &Json, at: Option<f64>) {
        let text = |key: &str| event.get(key).and_then(Json::as_str).unwrap_or_default();
        let (component, what) = (text("component"), text("event"));
        let at = event.get("ts").and_then(json::number).or(at);
        let kind = component.split(':').next().unwrap_or_default();
        let mut sayings = Sayings::default();
        let mut device = self.device.clone();
        let alarm = match kind {
            "smoke" => Some(SignalKind::Smoke),
            "flood" => Some(SignalKind::WaterLeak),
            "gas" => Some(SignalKind::Gas),
            _ => None,
        };
        if let Some(kind) = alarm {
            match what.rsplit('.').next().unwrap_or_default() {
                "alarm" | "alarm_on" => sayings.heard.push((kind, Value::Bool(true))),
                "alarm_off" => sayings.heard.push((kind, Value::Bool(false))),
                _ => {}
            }
        } else if what.ends_with("_push") || what.ends_with("_press") || what == "hold_press" {
            device = self.part(component);
            let heard = meaning::press_reading(&[]).read(&Json::from(what));
            let heard = if matches!(heard, Heard::Unknown) { Heard::Silent } else { heard };
            sayings.take(heard, self.learned.role(&device), component, false);
        }
        let name = if sayings.heard.is_empty() { String::new() } else { format!("{component} {what}") };
        self.say(device, sayings, at, &name);
    }
}

fn level(sayings: &mut Sayings, kind: SignalKind, value: Option<&Json>, component: &str) {
    let Some(value) = value.filter(|value| !value.is_null()) else { return };
    match json::number(value).filter(|n| meaning::within(kind, *n)) {
        Some(n) => sayings.heard.push((kind, Value::Number(n))),
        None => sayings.bad_value(component),
    }
}

/// What an input means that people declared; on is open, occupied or pressed.
fn declared(role: Option<Role>, on: bool) -> Option<(SignalKind, Value)> {
    let contact = if on { Value::Open } else { Value::Closed };
    match role? {
        Role::CallButton => Some((SignalKind::Call, Value::Bool(on))),
        Role::ExitDoor => Some((SignalKind::Door, contact)),
        Role::Contact => Some((SignalKind::Contact, contact)),
        Role::Bed => Some((SignalKind::Bed, Value::Bool(on))),
        Role::Seat => Some((SignalKind::Seat, Value::Bool(on))),
    }
}

/// Seconds since 1970 with a fraction, as an instant.
fn instant(seconds: f64) -> Option<Timestamp> {
    let span = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    chrono::DateTime::from_timestamp(i64::try_from(span.as_secs()).ok()?, span.subsec_nanos())
}
