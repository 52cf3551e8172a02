//! What a configuration describes: entities with their readings, and topics of availability.

use super::template::{BYTES_MAX, Outside, first_key};
use crate::meaning::{self, Heard, Reading, Shape};
use crate::{Described, learned};
use care::{DeviceId, SignalKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// Longest topic, name or value that is kept, in bytes.
const TEXT_MAX: usize = 256;

/// Most components of one device's configuration.
const COMPONENTS_MAX: usize = 128;

/// One entity that says something on its topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entity {
    /// The configuration that described it.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) device: DeviceId,
    pub(super) room: Option<String>,
    pub(super) template: Option<String>,
    /// How to read it; `None` if it says nothing about people.
    pub(super) reading: Option<Reading>,
    /// A trigger fires when the payload is this.
    pub(super) trigger: Option<String>,
    /// Every press is a call for help: it is named so.
    pub(super) call: bool,
}

/// A topic on which a device's availability is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Watch {
    pub(super) key: String,
    pub(super) device: DeviceId,
    online: String,
    offline: String,
    template: Option<String>,
}

/// What one configuration, or one component of it, describes.
pub(super) struct Descriptions {
    pub(super) device: Described,
    pub(super) entities: Vec<(String, Entity)>,
    pub(super) watches: Vec<(String, Watch)>,
    /// The name of an entity whose template is outside the subset.
    pub(super) outside: Option<String>,
}

/// The short forms of keys that matter here.
const SHORT: [(&str, &str); 31] = [
    ("avty", "availability"),
    ("avty_t", "availability_topic"),
    ("avty_tpl", "availability_template"),
    ("atype", "automation_type"),
    ("cmps", "components"),
    ("cns", "connections"),
    ("dev", "device"),
    ("dev_cla", "device_class"),
    ("evt_typ", "event_types"),
    ("ids", "identifiers"),
    ("json_attr_t", "json_attributes_topic"),
    ("mdl", "model"),
    ("mf", "manufacturer"),
    ("obj_id", "object_id"),
    ("ops", "options"),
    ("p", "platform"),
    ("pl", "payload"),
    ("pl_avail", "payload_available"),
    ("pl_not_avail", "payload_not_available"),
    ("pl_off", "payload_off"),
    ("pl_on", "payload_on"),
    ("sa", "suggested_area"),
    ("stat_t", "state_topic"),
    ("stype", "subtype"),
    ("t", "topic"),
    ("type", "type"),
    ("uniq_id", "unique_id"),
    ("unit_of_meas", "unit_of_measurement"),
    ("val_tpl", "value_template"),
    ("ent_cat", "entity_category"),
    ("en", "enabled_by_default"),
];

/// A configuration's field under its long or its short name.
fn field<'j>(map: &'j Map<String, Json>, name: &str) -> Option<&'j Json> {
    map.get(name).or_else(|| SHORT.iter().filter(|(_, long)| *long == name).find_map(|(short, _)| map.get(*short)))
}

fn text<'j>(map: &'j Map<String, Json>, name: &str) -> Option<&'j str> {
    field(map, name).and_then(Json::as_str).filter(|text| !text.is_empty() && text.len() <= BYTES_MAX)
}

/// A topic, with `~` at either end standing for the base.
fn topic(map: &Map<String, Json>, name: &str) -> Option<String> {
    let topic = text(map, name)?;
    let base = map.get("~").and_then(Json::as_str).unwrap_or_default();
    let full = match (topic.strip_prefix('~'), topic.strip_suffix('~')) {
        (Some(rest), _) => format!("{base}{rest}"),
        (None, Some(rest)) => format!("{rest}{base}"),
        (None, None) => topic.to_owned(),
    };
    (full.len() <= TEXT_MAX).then_some(full)
}

/// What a configuration describes: one entity, or the components of one device.
pub(super) fn describe(component: &str, key: &str, body: &Map<String, Json>) -> Vec<Descriptions> {
    if component != "device" {
        return describe_one(component, key, body).into_iter().collect();
    }
    let components = field(body, "components").and_then(Json::as_object);
    components
        .into_iter()
        .flatten()
        .take(COMPONENTS_MAX)
        .filter_map(|(object, part)| {
            // What stands at the device holds for all of its components.
            let mut whole = body.clone();
            whole.remove("components");
            whole.remove("cmps");
            whole.extend(part.as_object()?.clone());
            if text(&whole, "object_id").is_none() {
                whole.insert("object_id".into(), Json::from(object.as_str()));
            }
            let platform = text(&whole, "platform")?.to_owned();
            describe_one(&platform, key, &whole)
        })
        .collect()
}

fn describe_one(component: &str, key: &str, body: &Map<String, Json>) -> Option<Descriptions> {
    let empty = Map::new();
    let device = field(body, "device").and_then(Json::as_object).unwrap_or(&empty);
    let unique = text(body, "unique_id");
    let identifier = match field(device, "identifiers") {
        Some(Json::Array(list)) => list.first().and_then(Json::as_str),
        Some(Json::String(text)) => Some(text.as_str()),
        Some(_) | None => None,
    };
    let identifier = identifier.or(unique).or_else(|| key.split('/').rev().nth(1)).filter(|id| !id.is_empty())?;
    let identifier = identifier.strip_prefix("zigbee2mqtt_").unwrap_or(identifier);
    let id = learned::device_id(identifier);
    let device_name = text(device, "name").unwrap_or_default();
    let about = format!("{device_name} {}", text(device, "model").unwrap_or_default());
    let described = Described {
        device: id.clone(),
        name: short(device_name),
        model: short(format!("{} {}", text(device, "manufacturer").unwrap_or_default(), text(device, "model").unwrap_or_default()).trim()),
    };
    let names = Names {
        own: text(body, "name").unwrap_or_default(),
        object: text(body, "object_id").or(unique).unwrap_or_default(),
        device: device_name,
        about: &about,
    };
    let source = text(body, "value_template");
    let mut found = Descriptions { device: described, entities: Vec::new(), watches: watches(body, key, &id), outside: None };
    let name = short([names.own, names.object, component].into_iter().find(|n| !n.is_empty()).unwrap_or_default());
    let (readable, property) = match super::template(source) {
        Ok(template) => (true, template.as_ref().and_then(|t| t.key().map(str::to_owned))),
        Err(Outside) => (false, source.and_then(first_key).map(str::to_owned)),
    };
    let (state, reading) = match component {
        "device_automation" => {
            let pressed = field(body, "payload").map(|payload| payload.as_str().map_or_else(|| payload.to_string(), str::to_owned));
            let words = format!("{} {}", text(body, "subtype").unwrap_or_default(), text(body, "type").unwrap_or_default());
            let reading = meaning::press_reading(&[]);
            let called = matches!(reading.read(&Json::String(words)), Heard::Says(SignalKind::Call, _));
            let mut entity = blank(key, &name, &id, device);
            entity.call = called || names.call_for_help();
            if !readable {
                found.outside = Some(name);
                return Some(found);
            }
            entity.template = source.map(str::to_owned);
            entity.reading = Some(reading);
            entity.trigger = Some(pressed.filter(|p| p.len() <= TEXT_MAX).unwrap_or_default());
            found.entities.extend(topic(body, "topic").map(|topic| (topic, entity)));
            return Some(found);
        }
        "event" => (topic(body, "state_topic"), Some(event(body))),
        "binary_sensor" => (topic(body, "state_topic"), binary(body, property.as_deref(), &names)),
        "sensor" => (topic(body, "state_topic"), sensor(body, property.as_deref(), &names)),
        _ => (topic(body, "state_topic"), None),
    };
    // Attributes say nothing here, but that the device lives.
    if let Some(attributes) = topic(body, "json_attributes_topic").filter(|attributes| state.as_ref() != Some(attributes)) {
        found.entities.push((attributes, blank(key, &name, &id, device)));
    }
    if let Some(state) = state {
        let mut entity = blank(key, &name, &id, device);
        entity.call = component == "event" && names.call_for_help();
        // What could tell of people but cannot be read is shown; what could not is kept as a sign of its device.
        found.outside = (!readable && reading.is_some()).then_some(name);
        entity.template = source.filter(|_| readable).map(str::to_owned);
        entity.reading = reading.filter(|_| readable);
        found.entities.push((state, entity));
    }
    Some(found)
}

fn blank(key: &str, name: &str, id: &DeviceId, device: &Map<String, Json>) -> Entity {
    Entity {
        key: key.to_owned(),
        name: name.to_owned(),
        device: id.clone(),
        room: text(device, "suggested_area").map(short),
        template: None,
        reading: None,
        trigger: None,
        call: false,
    }
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

fn watches(body: &Map<String, Json>, key: &str, device: &DeviceId) -> Vec<(String, Watch)> {
    let watch = |map: &Map<String, Json>, topic: String, template: Option<&str>| {
        let word = |name: &str, usual: &str| {
            field(map, name).map_or_else(|| usual.to_owned(), |v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
        };
        let template = match super::template(template) {
            Ok(_) => template.map(str::to_owned),
            Err(Outside) => return None,
        };
        let (online, offline) = (word("payload_available", "online"), word("payload_not_available", "offline"));
        let sound = online.len() <= TEXT_MAX && offline.len() <= TEXT_MAX;
        sound.then(|| (topic, Watch { key: key.to_owned(), device: device.clone(), online, offline, template }))
    };
    let base = body.get("~");
    let mut found = Vec::new();
    for item in field(body, "availability").and_then(Json::as_array).into_iter().flatten().take(4) {
        let Some(item) = item.as_object() else { continue };
        let mut item = item.clone();
        if let Some(base) = base {
            item.insert("~".into(), base.clone());
        }
        found.extend(topic(&item, "topic").and_then(|topic| watch(&item, topic, text(&item, "value_template"))));
    }
    found.extend(topic(body, "availability_topic").and_then(|topic| watch(body, topic, text(body, "availability_template"))));
    found
}

/// What an entity and its device are called.
struct Names<'a> {
    own: &'a str,
    object: &'a str,
    device: &'a str,
    about: &'a str,
}

impl Names<'_> {
    /// The subject that the property, the entity's name or its object id speaks of.
    fn subject(&self, property: Option<&str>) -> Option<SignalKind> {
        let known = |name: &str| meaning::subject(name);
        let without_device = |name: &str| {
            let of_device = meaning::words(self.device);
            meaning::words(name).into_iter().filter(|word| !of_device.contains(word)).collect::<Vec<_>>().join("_")
        };
        property
            .and_then(known)
            .or_else(|| known(self.own))
            .or_else(|| known(&without_device(self.own)))
            .or_else(|| known(&without_device(self.object)))
            .or_else(|| self.call_for_help().then_some(SignalKind::Call))
    }

    /// True if people named it as a means to call for help, whatever else is in the name.
    fn call_for_help(&self) -> bool {
        [self.own, self.object, self.device].into_iter().any(meaning::calls_for_help)
    }
}

fn event(body: &Map<String, Json>) -> Reading {
    if text(body, "device_class") == Some("motion") {
        return Reading::Plain { subject: SignalKind::Motion };
    }
    let types = field(body, "event_types").and_then(Json::as_array);
    meaning::press_reading(&types.into_iter().flatten().filter_map(Json::as_str).collect::<Vec<_>>())
}

/// The kind that a binary sensor's class stands for. `Some(None)`: a class that says nothing here.
fn class_kind(class: &str) -> Option<Option<SignalKind>> {
    Some(Some(match class {
        "smoke" => SignalKind::Smoke,
        "gas" => SignalKind::Gas,
        "carbon_monoxide" => SignalKind::CarbonMonoxide,
        "moisture" => SignalKind::WaterLeak,
        "motion" | "occupancy" | "moving" => SignalKind::Motion,
        "presence" => SignalKind::Presence,
        "vibration" => SignalKind::Vibration,
        "door" | "garage_door" | "opening" | "window" => SignalKind::Contact,
        "tamper" => SignalKind::Tamper,
        "battery" => SignalKind::Battery,
        "" => return None,
        _ => return Some(None),
    }))
}

fn binary(body: &Map<String, Json>, property: Option<&str>, names: &Names<'_>) -> Option<Reading> {
    let (usual_on, usual_off) = (Json::from("ON"), Json::from("OFF"));
    let on = field(body, "payload_on").unwrap_or(&usual_on);
    let off = field(body, "payload_off").unwrap_or(&usual_off);
    let shape = Shape::Binary { on, off };
    let named = names.subject(property);
    let kind = match class_kind(text(body, "device_class").unwrap_or_default()) {
        Some(Some(SignalKind::WaterLeak)) if rain(property, names) => return None,
        // A bed's occupancy is told by the name; the class only knows of somebody.
        Some(Some(SignalKind::Motion | SignalKind::Presence)) if matches!(named, Some(SignalKind::Bed | SignalKind::Seat)) => named?,
        Some(Some(kind)) => kind,
        // A class of another kind, `safety`, `problem` or `power`: only a call, a fall or the mains by its name counts.
        Some(None) => named.filter(|kind| matches!(kind, SignalKind::Call | SignalKind::Fall | SignalKind::Mains))?,
        None => named?,
    };
    meaning::reading_of_kind(kind, property.unwrap_or(names.own), names.about, &shape)
}

/// Rain is water where water should be.
fn rain(property: Option<&str>, names: &Names<'_>) -> bool {
    [property.unwrap_or_default(), names.own, names.object].iter().any(|name| {
        meaning::words(name).iter().any(|word| word == "rain" || word == "raining" || word == "soil")
    })
}

fn sensor(body: &Map<String, Json>, property: Option<&str>, names: &Names<'_>) -> Option<Reading> {
    let unit = text(body, "unit_of_measurement").unwrap_or_default();
    let name = property.unwrap_or(names.own);
    let of_the_device = |name: &str| {
        let words = meaning::words(name);
        ["device", "chip", "cpu", "internal", "target", "setpoint", "outdoor", "external", "water", "soil", "board", "mcu", "min", "max"]
            .iter()
            .any(|other| words.iter().any(|word| word == other))
    };
    match text(body, "device_class") {
        Some("battery") if unit.is_empty() || unit == "%" => meaning::reading("battery", names.about, &Shape::Number { unit: "%" }),
        Some("temperature") if !of_the_device(name) && !of_the_device(names.object) => {
            meaning::reading("temperature", names.about, &Shape::Number { unit })
        }
        Some("power") => meaning::reading("power", names.about, &Shape::Number { unit }),
        None | Some("enum") if property == Some("action") => Some(meaning::press_reading(&[])),
        None | Some("enum") if unit.is_empty() => {
            let options = field(body, "options").and_then(Json::as_array);
            let options: Vec<&str> = options.into_iter().flatten().filter_map(Json::as_str).collect();
            meaning::reading(name, names.about, &Shape::Choice(options))
        }
        Some(_) | None => None,
    }
}

impl Entity {
    /// True if this tells of presses.
    pub(super) fn is_press(&self) -> bool {
        matches!(self.reading, Some(Reading::Press { .. }))
    }

    /// What a payload says, and whether it is the end of a press.
    pub(super) fn read(&self, payload: &[u8]) -> Result<(Heard, bool), Outside> {
        let Some(reading) = &self.reading else { return Ok((Heard::Silent, false)) };
        let value = match super::template(self.template.as_deref())? {
            Some(template) => template.render(payload)?,
            None => Some(Json::String(String::from_utf8_lossy(payload).trim().to_owned())),
        };
        let Some(value) = value else { return Ok((Heard::Silent, false)) };
        if matches!(&value, Json::String(text) if text.is_empty() || matches!(text.as_str(), "None" | "unknown" | "unavailable")) {
            return Ok((Heard::Silent, false));
        }
        if let Some(expected) = &self.trigger {
            // A trigger without a payload fires on any.
            let told = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let fired = told == *expected || expected.is_empty();
            let release = meaning::is_release(&told);
            let heard = if fired { reading.read(&Json::String(told)) } else { Heard::Silent };
            return Ok((heard, release));
        }
        // An event's type stands in an object, which a template may have left as text.
        let inner = match &value {
            Json::String(text) if self.is_press() && text.starts_with('{') => serde_json::from_str::<Json>(text).unwrap_or(Json::Null),
            Json::Object(_) => value.clone(),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => Json::Null,
        };
        let value = inner.get("event_type").cloned().unwrap_or(value);
        let release = value.as_str().is_some_and(meaning::is_release);
        let heard = match reading {
            Reading::Plain { subject } => Heard::Says(*subject, care::Value::Bool(true)),
            Reading::Switch { .. } | Reading::Choice { .. } | Reading::Level { .. } | Reading::Press { .. } => reading.read(&value),
        };
        Ok((heard, release))
    }
}

impl Watch {
    /// Online or offline, if the payload says one of the two.
    pub(super) fn read(&self, payload: &[u8]) -> Option<SignalKind> {
        let value = match super::template(self.template.as_deref()).ok()? {
            Some(template) => template.render(payload).ok()??,
            None => Json::String(String::from_utf8_lossy(payload).trim().to_owned()),
        };
        let word = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if word == self.online {
            Some(SignalKind::Online)
        } else {
            (word == self.offline).then_some(SignalKind::Offline)
        }
    }
}
