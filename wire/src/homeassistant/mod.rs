//! Home Assistant MQTT discovery: `homeassistant/COMPONENT/.../config` describes an entity, its
//! state topic carries what it says. ESPHome, Theengs, zigbee2mqtt and many more speak it.
//!
//! What an entity means comes from its device class, then from the words of its name. Templates are
//! evaluated in a safe subset; an entity with another template is shown when it is described.

mod entity;
mod template;
#[cfg(test)]
mod tests;

use crate::meaning::Heard;
use crate::speaker::Speaker;
use crate::{Decoded, Fault, LESSON_BYTES_MAX, Language, Learned, Lesson, Message, PAYLOAD_BYTES_MAX, Role, json, learned};
use care::{DeviceId, HomeId, Signal, SignalKind, Value};
use entity::{Entity, Watch};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use template::Template;

/// Most entities of one home that are kept.
const ENTITIES_MAX: usize = 4096;

/// What has been discovered in a home.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Entities {
    /// By state topic.
    states: BTreeMap<String, Vec<Entity>>,
    /// By availability topic.
    watches: BTreeMap<String, Vec<Watch>>,
}

impl Entities {
    /// True if something that was discovered is told on this topic.
    pub(crate) fn owns(&self, topic: &str) -> bool {
        self.states.contains_key(topic) || self.watches.contains_key(topic)
    }

    /// Forgets what one configuration topic described.
    fn forget(&mut self, key: &str) {
        for list in self.states.values_mut() {
            list.retain(|entity| entity.key != key);
        }
        for list in self.watches.values_mut() {
            list.retain(|watch| watch.key != key);
        }
        self.states.retain(|_, list| !list.is_empty());
        self.watches.retain(|_, list| !list.is_empty());
    }

    fn len(&self) -> usize {
        self.states.values().map(Vec::len).sum::<usize>() + self.watches.values().map(Vec::len).sum::<usize>()
    }
}

/// True if messages on this topic describe entities.
pub(crate) fn teaches(topic: &str) -> bool {
    topic.starts_with("homeassistant/") && topic.ends_with("/config")
}

/// Takes a description in; an empty one takes the entity away.
pub(crate) fn learn(message: &Message<'_>, learned: &mut Learned) -> Decoded {
    let segments: Vec<&str> = message.topic.split('/').collect();
    let (Some(component), 4..=5) = (segments.get(1), segments.len()) else {
        return Decoded::Quarantine { fault: Fault::BadTopic, signals: Vec::new() };
    };
    if message.payload.iter().all(u8::is_ascii_whitespace) {
        learned.entities.forget(message.topic);
        return Decoded::Nothing;
    }
    let (body, fault) = json::read(message.payload, LESSON_BYTES_MAX);
    let Some(Json::Object(body)) = body else {
        return Decoded::Quarantine { fault: fault.unwrap_or(Fault::NotJson), signals: Vec::new() };
    };
    learned.entities.forget(message.topic);
    let mut lesson = Lesson { language: Language::HomeAssistant, devices: Vec::new(), left_out: 0 };
    let mut outside = None;
    for described in entity::describe(component, message.topic, &body) {
        if let Some(field) = described.outside {
            outside = outside.or(Some(Fault::Template { field }));
        }
        if learned.entities.len() + described.entities.len() + described.watches.len() > ENTITIES_MAX {
            lesson.left_out += 1;
            continue;
        }
        if !lesson.devices.contains(&described.device) {
            lesson.devices.push(described.device);
        }
        for (topic, entity) in described.entities {
            let list = learned.entities.states.entry(topic).or_default();
            // What says nothing about people is kept once per device: it shows that the device lives.
            if entity.reading.is_some() || !list.iter().any(|other| other.device == entity.device) {
                list.push(entity);
            }
        }
        for (topic, watch) in described.watches {
            let list = learned.entities.watches.entry(topic).or_default();
            if !list.iter().any(|other| other.device == watch.device) {
                list.push(watch);
            }
        }
    }
    match outside {
        Some(fault) => Decoded::Quarantine { fault, signals: Vec::new() },
        None if lesson.devices.is_empty() => Decoded::Nothing,
        None => Decoded::Learned(lesson),
    }
}

/// What one device was heard saying on one topic.
#[derive(Default)]
struct Sayings {
    room: Option<String>,
    heard: Vec<(SignalKind, Value)>,
}

/// Reads a message on a topic that was described.
pub(crate) fn decode(message: &Message<'_>, home: &HomeId, learned: &Learned) -> Decoded {
    let mut fault = None;
    let mut signals: Vec<Signal> = Vec::new();
    if let Some(watches) = learned.entities.watches.get(message.topic) {
        signals.extend(availability(message, home, watches));
    }
    let Some(entities) = learned.entities.states.get(message.topic).filter(|_| !message.payload.is_empty()) else {
        return Decoded::from_parts(signals, None);
    };
    if message.payload.len() > PAYLOAD_BYTES_MAX {
        return Decoded::Quarantine { fault: Fault::TooLarge { bytes: message.payload.len() }, signals };
    }
    let mut devices: BTreeMap<&DeviceId, Sayings> = BTreeMap::new();
    for entity in entities {
        let sayings = devices.entry(&entity.device).or_default();
        sayings.room = sayings.room.take().or_else(|| entity.room.clone());
        if entity.trigger.is_some() && told_elsewhere(message.topic, entity, learned) {
            continue;
        }
        match entity.read(message.payload) {
            Ok((Heard::Says(kind, value), release)) => {
                let role = learned.role(&entity.device).or(entity.call.then_some(Role::CallButton));
                sayings.heard.push(Role::apply(role, kind, value, release));
            }
            Ok((Heard::Silent, _)) => {}
            Ok((Heard::Unknown, _)) => fault = fault.or_else(|| Some(Fault::BadValue { field: entity.name.clone() })),
            Ok((Heard::Doubtful(kind), _)) => {
                sayings.heard.push((kind, Value::Bool(true)));
                fault = fault.or_else(|| Some(Fault::BadValue { field: entity.name.clone() }));
            }
            Err(template::Outside) => fault = fault.or_else(|| Some(Fault::Template { field: entity.name.clone() })),
        }
    }
    for (device, mut sayings) in devices {
        let mut speaker = Speaker::new(home, device.clone(), message.heard_at);
        speaker.room = sayings.room;
        if sayings.heard.is_empty() {
            sayings.heard.push((SignalKind::Heartbeat, Value::None));
        }
        signals.extend(speaker.say_all(&sayings.heard));
    }
    Decoded::from_parts(signals, fault)
}

/// True if a press on a trigger's own topic is told by its device's state as well: one press, one signal.
fn told_elsewhere(topic: &str, entity: &Entity, learned: &Learned) -> bool {
    let parent = topic.rsplit_once('/').map_or("", |(parent, _)| parent);
    let pressed = |other: &Entity| other.device == entity.device && other.is_press() && other.trigger.is_none();
    learned.entities.states.get(parent).is_some_and(|list| list.iter().any(pressed))
}

/// One device's availability is its own; one that many share is that of the bridge before them.
fn availability(message: &Message<'_>, home: &HomeId, watches: &[Watch]) -> Option<Signal> {
    let watch = watches.first()?;
    let kind = watch.read(message.payload)?;
    let device = if watches.len() == 1 { watch.device.clone() } else { learned::device_id(message.topic) };
    Some(Speaker::new(home, device, message.heard_at).says(kind, Value::None))
}

/// Reads a template, if there is one.
fn template(source: Option<&str>) -> Result<Option<Template>, template::Outside> {
    source.map(Template::parse).transpose()
}
