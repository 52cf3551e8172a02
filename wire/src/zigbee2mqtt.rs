//! zigbee2mqtt: `BASE/bridge/devices` describes every device by its `exposes`; `BASE/NAME` carries
//! its state. Any model works that names its properties in the words of that project.
//!
//! Polarity and values come from the exposes. Messages carry no identity: each one is an event.

use crate::meaning::{self, Heard, Reading, Shape};
use crate::speaker::{Sayings, Speaker};
use crate::{Decoded, Described, Fault, LESSON_BYTES_MAX, Language, Learned, Lesson, Message, PAYLOAD_BYTES_MAX, Role, json, learned};
use care::{DeviceId, HomeId, Signal, SignalKind, Timestamp, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};

/// The base topic unless a bridge has shown another.
const BASE: &str = "zigbee2mqtt";

/// Most bridges of one home.
const BASES_MAX: usize = 8;

/// Most properties of one device that are kept.
const PROPERTIES_MAX: usize = 64;

/// Longest name or topic that is kept, in bytes.
const NAME_MAX: usize = 256;

/// Properties that are reports in every device, even where a definition lets them be written.
const ALWAYS: &[&str] = &[
    "occupancy", "presence", "moving", "vibration", "contact", "smoke", "gas", "carbon_monoxide", "water_leak", "sos", "tamper", "battery_low",
];

/// What the bridges of a home have described.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Bridges {
    bases: BTreeSet<String>,
    /// By state topic.
    devices: BTreeMap<String, Known>,
    /// State topics that belong to groups: they repeat what their members say.
    groups: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    device: DeviceId,
    properties: Vec<Property>,
    #[serde(default)]
    presses_in_state: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Property {
    path: Vec<String>,
    reading: Reading,
}

impl Bridges {
    /// True if a topic is under the base of a known bridge, or under the usual one.
    pub(crate) fn owns(&self, topic: &str) -> bool {
        self.split(topic).is_some()
    }

    /// True if a topic is told by a described device or by its bridge itself.
    pub(crate) fn knows(&self, topic: &str) -> bool {
        let of_bridge = |base: &String| topic.strip_prefix(base.as_str()).is_some_and(|rest| rest.starts_with("/bridge/"));
        self.find(topic).is_some() || self.bases.iter().any(of_bridge)
    }

    /// Notes that a device tells its presses in its state: then its `action` topic only repeats them.
    pub(crate) fn note(&mut self, message: &Message<'_>) {
        let told = |known: &Known| !known.presses_in_state && known.properties.iter().any(|p| p.path == ["action"]);
        if let Some(known) = self.devices.get_mut(message.topic).filter(|known| told(known)) {
            let body = json::read(message.payload, PAYLOAD_BYTES_MAX).0;
            known.presses_in_state = body.is_some_and(|body| body.get("action").is_some_and(Json::is_string));
        }
    }

    fn split<'t>(&self, topic: &'t str) -> Option<(&'t str, &'t str)> {
        let under = |base: &str| {
            let rest = topic.strip_prefix(base)?.strip_prefix('/')?;
            Some((topic.get(..base.len())?, rest))
        };
        self.bases.iter().find_map(|base| under(base)).or_else(|| under(BASE))
    }

    /// The device of a state topic; with the property where a bridge publishes each one by itself.
    fn find<'t>(&self, topic: &'t str) -> Option<(&Known, Option<&'t str>)> {
        if let Some(known) = self.devices.get(topic) {
            return Some((known, None));
        }
        let (parent, last) = topic.rsplit_once('/')?;
        self.devices.get(parent).map(|known| (known, Some(last)))
    }
}

/// True if messages on this topic describe devices.
pub(crate) fn teaches(topic: &str) -> bool {
    topic.ends_with("/bridge/devices") || topic.ends_with("/bridge/groups")
}

/// Takes a description in.
pub(crate) fn learn(message: &Message<'_>, learned: &mut Learned) -> Decoded {
    let (base, groups) = match (message.topic.strip_suffix("/bridge/devices"), message.topic.strip_suffix("/bridge/groups")) {
        (Some(base), _) => (base, false),
        (None, Some(base)) => (base, true),
        (None, None) => return Decoded::Nothing,
    };
    let (body, fault) = json::read(message.payload, LESSON_BYTES_MAX);
    // What cannot be read leaves everything as it was.
    let Some(Json::Array(list)) = body else {
        return Decoded::Quarantine { fault: fault.unwrap_or(Fault::NotJson), signals: Vec::new() };
    };
    let bridges = &mut learned.bridges;
    if base.is_empty() || base.len() > NAME_MAX || (!bridges.bases.contains(base) && bridges.bases.len() >= BASES_MAX) {
        return Decoded::Quarantine { fault: Fault::BadTopic, signals: Vec::new() };
    }
    bridges.bases.insert(base.to_owned());
    let mine = |topic: &String| topic.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
    if groups {
        bridges.groups.retain(|topic| !mine(topic));
        for name in list.iter().filter_map(|g| g.get("friendly_name")?.as_str()).filter(|n| n.len() <= NAME_MAX).take(Learned::DEVICES_MAX) {
            bridges.groups.insert(format!("{base}/{name}"));
        }
        return Decoded::Learned(Lesson { language: Language::Zigbee2mqtt, devices: Vec::new(), left_out: 0 });
    }
    bridges.devices.retain(|topic, _| !mine(topic));
    let mut lesson = Lesson { language: Language::Zigbee2mqtt, devices: Vec::new(), left_out: 0 };
    for entry in &list {
        if entry.get("type").and_then(Json::as_str) == Some("Coordinator") {
            continue;
        }
        match described(entry) {
            Some((name, known, about)) if bridges.devices.len() < Learned::DEVICES_MAX => {
                lesson.devices.push(Described { device: known.device.clone(), name: name.to_owned(), model: about });
                bridges.devices.insert(format!("{base}/{name}"), known);
            }
            Some(_) | None => lesson.left_out += 1,
        }
    }
    Decoded::Learned(lesson)
}

fn described(entry: &Json) -> Option<(&str, Known, String)> {
    let text = |json: &Json, key: &str| json.get(key).and_then(Json::as_str).unwrap_or_default().chars().take(128).collect::<String>();
    let address = entry.get("ieee_address").and_then(Json::as_str);
    let name = entry.get("friendly_name").and_then(Json::as_str).or(address).filter(|n| !n.is_empty() && n.len() <= NAME_MAX)?;
    let definition = entry.get("definition").unwrap_or(&Json::Null);
    let about = text(definition, "description");
    let exposes = || definition.get("exposes").and_then(Json::as_array).into_iter().flatten();
    let mut properties = Vec::new();
    for expose in exposes() {
        walk(expose, &mut Vec::new(), &about, By::Name, &mut properties);
    }
    // What names do not tell may stand in the descriptions: of kinds that no name has told.
    let mut described = Vec::new();
    for expose in exposes() {
        walk(expose, &mut Vec::new(), &about, By::Description, &mut described);
    }
    let told: Vec<Option<SignalKind>> = properties.iter().map(|p| p.reading.kind()).collect();
    described.retain(|p| !told.contains(&p.reading.kind()));
    properties.extend(described);
    properties.truncate(PROPERTIES_MAX);
    let known = Known { device: learned::device_id(address.filter(|a| !a.is_empty()).unwrap_or(name)), properties, presses_in_state: false };
    Some((name, known, format!("{} {}", text(definition, "vendor"), text(definition, "model")).trim().to_owned()))
}

/// Where the meaning of a property is looked for.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Name,
    Description,
}

/// Collects what an expose and its features say about people.
fn walk(expose: &Json, path: &mut Vec<String>, about: &str, by: By, into: &mut Vec<Property>) {
    if into.len() >= PROPERTIES_MAX || path.len() > 4 {
        return;
    }
    let property = expose.get("property").and_then(Json::as_str).filter(|p| p.len() <= NAME_MAX);
    let kind = expose.get("type").and_then(Json::as_str).unwrap_or_default();
    if let Some(features) = expose.get("features").and_then(Json::as_array) {
        let inner = property.filter(|_| kind == "composite");
        path.extend(inner.map(str::to_owned));
        for feature in features {
            walk(feature, path, about, by, into);
        }
        if inner.is_some() {
            path.pop();
        }
        return;
    }
    let name = expose.get("name").and_then(Json::as_str).or(property).unwrap_or_default();
    let Some(property) = property.or(Some(name)).filter(|p| !p.is_empty()) else { return };
    let access = expose.get("access").and_then(Json::as_u64).unwrap_or(1);
    let published = access & 1 != 0;
    let settable = access & 2 != 0;
    let purpose = expose.get("description").and_then(Json::as_str).unwrap_or_default();
    if !published || (settable && !ALWAYS.contains(&name)) {
        return;
    }
    let values: Vec<&str> = expose.get("values").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect();
    let told = |shape: &Shape<'_>| match by {
        By::Name => meaning::reading(name, about, shape),
        By::Description => {
            let text: String = purpose.chars().take(128).collect();
            meaning::reading_by_text(name, &text, about, shape)
        }
    };
    let reading = match kind {
        "enum" | "text" if name == "action" => (by == By::Name).then(|| meaning::press_reading(&values)),
        "binary" => {
            let (on, off) = (expose.get("value_on").unwrap_or(&Json::Bool(true)), expose.get("value_off").unwrap_or(&Json::Bool(false)));
            told(&Shape::Binary { on, off })
        }
        "enum" if !values.is_empty() => told(&Shape::Choice(values)),
        "numeric" => told(&Shape::Number { unit: expose.get("unit").and_then(Json::as_str).unwrap_or_default() }),
        _ => None,
    };
    if let Some(reading) = reading {
        path.push(property.to_owned());
        into.push(Property { path: path.clone(), reading });
        path.pop();
    }
}

/// Reads a message that describes nothing.
pub(crate) fn decode(message: &Message<'_>, home: &HomeId, learned: &Learned) -> Decoded {
    let Some((base, rest)) = learned.bridges.split(message.topic) else { return Decoded::Nothing };
    if let Some(about_bridge) = rest.strip_prefix("bridge/") {
        return match about_bridge {
            "state" => availability(message, home, learned::device_id(base)),
            _ => Decoded::Nothing,
        };
    }
    if let Some((known, property)) = learned.bridges.find(message.topic) {
        return match property {
            None => state(message, home, known, learned),
            Some("availability") => availability(message, home, known.device.clone()),
            Some("set" | "get") => Decoded::Nothing,
            Some("action") if known.presses_in_state => Decoded::Nothing,
            Some(property) => one_property(message, home, known, property, learned),
        };
    }
    let name = rest.strip_suffix("/availability");
    if learned.bridges.groups.contains(message.topic) || name.is_some_and(|n| learned.bridges.groups.contains(&format!("{base}/{n}"))) {
        return Decoded::Nothing;
    }
    if let Some(name) = name {
        return availability(message, home, learned::device_id(name));
    }
    if rest.ends_with("/set") || rest.ends_with("/get") {
        return Decoded::Nothing;
    }
    undescribed(message, home, rest)
}

/// `online` or `offline`, plain or as `{"state":...}`.
pub(crate) fn availability(message: &Message<'_>, home: &HomeId, device: DeviceId) -> Decoded {
    let (body, _) = json::read(message.payload, PAYLOAD_BYTES_MAX);
    let word = match &body {
        Some(Json::Object(map)) => map.get("state").and_then(Json::as_str).unwrap_or_default().to_owned(),
        Some(Json::String(text)) => text.clone(),
        Some(_) | None => String::from_utf8_lossy(message.payload.get(..64).unwrap_or(message.payload)).trim().to_owned(),
    };
    let kind = match word.to_ascii_lowercase().as_str() {
        "online" => SignalKind::Online,
        "offline" => SignalKind::Offline,
        "" => return Decoded::Nothing,
        _ => return Decoded::Quarantine { fault: Fault::BadValue { field: "state".into() }, signals: Vec::new() },
    };
    let speaker = Speaker::new(home, device, message.heard_at);
    Decoded::Signals(vec![speaker.says(kind, Value::None)])
}

fn state(message: &Message<'_>, home: &HomeId, known: &Known, learned: &Learned) -> Decoded {
    if message.payload.is_empty() {
        return Decoded::Nothing;
    }
    let (body, fault) = json::read(message.payload, PAYLOAD_BYTES_MAX);
    let Some(Json::Object(state)) = body else {
        return Decoded::Quarantine { fault: fault.unwrap_or(Fault::NotJson), signals: Vec::new() };
    };
    let mut speaker = Speaker::new(home, known.device.clone(), message.heard_at);
    speaker.said_at = last_seen(&state);
    let role = learned.role(&known.device);
    let mut sayings = Sayings { heard: Vec::new(), fault };
    for property in &known.properties {
        if let Some(value) = at(&state, &property.path) {
            take(property, value, role, &mut sayings);
        }
    }
    // how well the coordinator hears it, 0 to 255: the radio's own figure, the same for every model
    if let Some(quality) = state.get("linkquality").and_then(Json::as_f64).filter(|quality| (0.0..=255.0).contains(quality)) {
        sayings.heard.push((SignalKind::Link, Value::Number((quality / 2.55).round())));
    }
    sayings.finish(&speaker)
}

fn one_property(message: &Message<'_>, home: &HomeId, known: &Known, name: &str, learned: &Learned) -> Decoded {
    let Some(property) = known.properties.iter().find(|p| matches!(p.path.as_slice(), [only] if only == name)) else {
        return Decoded::Nothing;
    };
    let (body, mut fault) = json::read(message.payload, PAYLOAD_BYTES_MAX);
    // Published by itself, a word stands without quotes.
    let value = body.unwrap_or_else(|| {
        fault = fault.take().filter(|fault| *fault != Fault::NotJson);
        Json::String(String::from_utf8_lossy(message.payload.get(..256).unwrap_or(message.payload)).into_owned())
    });
    let mut sayings = Sayings { heard: Vec::new(), fault };
    take(property, &value, learned.role(&known.device), &mut sayings);
    sayings.finish(&Speaker::new(home, known.device.clone(), message.heard_at))
}

fn take(property: &Property, value: &Json, role: Option<Role>, sayings: &mut Sayings) {
    let release = value.as_str().is_some_and(meaning::is_release);
    sayings.take(property.reading.read(value), role, &property.path.join("."), release);
}

fn at<'j>(state: &'j Map<String, Json>, path: &[String]) -> Option<&'j Json> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(state.get(first)?, |json, key| json.get(key))
}

/// When the bridge last heard the device, where it is set to tell: RFC 3339 or milliseconds.
fn last_seen(state: &Map<String, Json>) -> Option<Timestamp> {
    match state.get("last_seen")? {
        Json::String(text) => text.parse::<chrono::DateTime<chrono::FixedOffset>>().ok().map(|at| at.to_utc()),
        Json::Number(millis) => chrono::DateTime::from_timestamp_millis(millis.as_i64()?),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A device that its bridge has not described yet: only what needs no description counts, a red
/// property that is plainly true or a call by its own name.
fn undescribed(message: &Message<'_>, home: &HomeId, name: &str) -> Decoded {
    let (body, fault) = json::read(message.payload, PAYLOAD_BYTES_MAX);
    let speaker = Speaker::new(home, learned::device_id(name), message.heard_at);
    let mut signals: Vec<Signal> = Vec::new();
    if let Some(Json::Object(state)) = &body {
        for kind in [SignalKind::Smoke, SignalKind::Gas, SignalKind::CarbonMonoxide] {
            if state.get(kind.name()) == Some(&Json::Bool(true)) {
                signals.push(speaker.says(kind, Value::Bool(true)));
            }
        }
        let action = state.get("action").map(|value| meaning::press_reading(&[]).read(value));
        let called = matches!(action, Some(Heard::Says(SignalKind::Call, _))) || state.get("sos") == Some(&Json::Bool(true));
        if called {
            signals.push(speaker.says(SignalKind::Call, Value::Bool(true)));
        }
    }
    Decoded::Quarantine { fault: fault.unwrap_or(Fault::NotDescribed), signals }
}
