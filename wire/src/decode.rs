//! Picks the language of a message by its topic.

use crate::{Decoded, Fault, Lane, Language, Learned, Message, Retained, chirpstack, dc09, homeassistant, native, pack, scaip, shelly, tasmota, zigbee2mqtt};
use care::{HomeId, Signal, SignalKind, Value};

/// What a message means. `learned` belongs to the home of the message; describing messages change it.
pub fn decode(message: &Message<'_>, learned: &mut Learned) -> Decoded {
    let mut decoded = if teaches(message.topic) {
        let payload = pack::unpack(message.topic, message.payload);
        learn(&Message { payload: &payload, ..*message }, learned)
    } else {
        learned.bridges.note(message);
        read(message, learned)
    };
    if let (Decoded::Signals(signals) | Decoded::Quarantine { signals, .. }, false) = (&mut decoded, native::is_native(message.topic)) {
        signals.iter_mut().for_each(|signal| learned.remember(signal));
    }
    match message.retained {
        Retained::No => decoded,
        Retained::Yes => without_old_movement(decoded),
    }
}

/// The lane of a message, before the commit and without changing anything. Native by topic: doubt
/// on a red-named topic is red, and so is a button that was declared a call button. Other languages by what the payload says, read with what was learned.
pub fn lane(topic: &str, payload: &[u8], learned: Option<&Learned>) -> Lane {
    if native::is_native(topic) {
        return native::lane(topic, learned);
    }
    if teaches(topic) {
        return Lane::Routine;
    }
    let nobody = HomeId::new("nobody");
    let message =
        Message { home: Some(&nobody), topic, payload, heard_at: care::Timestamp::UNIX_EPOCH, retained: Retained::No };
    let empty = Learned::default();
    let decoded = read(&message, learned.unwrap_or(&empty));
    let red = decoded.signals().iter().any(|signal| signal.kind.is_red() && signal.value != Value::Bool(false));
    if red { Lane::Red } else { Lane::Routine }
}

/// True if messages on this topic describe devices: whoever keeps a [`Learned`] must see them.
pub fn teaches(topic: &str) -> bool {
    !native::is_native(topic) && (zigbee2mqtt::teaches(topic) || homeassistant::teaches(topic))
}

fn learn(message: &Message<'_>, learned: &mut Learned) -> Decoded {
    if homeassistant::teaches(message.topic) {
        homeassistant::learn(message, learned)
    } else {
        zigbee2mqtt::learn(message, learned)
    }
}

/// What the receivers stored: `dc09/{account}` a frame in the clear, `scaip/{account}` a document.
fn received(topic: &str) -> Option<Language> {
    let name = topic.split_once('/')?.0;
    [Language::Dc09, Language::Scaip].into_iter().find(|language| language.name() == name)
}

fn panel(message: &Message<'_>, home: &HomeId) -> Decoded {
    match dc09::parse(message.payload, |_| None) {
        Ok(frame) => dc09::signals(&frame, home, message.heard_at),
        Err(_) => Decoded::Quarantine { fault: Fault::BadValue { field: "frame".into() }, signals: Vec::new() },
    }
}

fn controller(message: &Message<'_>, home: &HomeId) -> Decoded {
    match scaip::parse(message.payload) {
        Ok(request) => scaip::signals(&request, home, message.heard_at),
        Err(_) => Decoded::Quarantine { fault: Fault::BadValue { field: "document".into() }, signals: Vec::new() },
    }
}

fn read(message: &Message<'_>, learned: &Learned) -> Decoded {
    if native::is_native(message.topic) {
        return native::decode(message, learned);
    }
    let quarantine = |fault| Decoded::Quarantine { fault, signals: Vec::new() };
    let Some(language) = language_of(message.topic, learned) else { return quarantine(Fault::UnknownLanguage) };
    let Some(home) = message.home else { return quarantine(Fault::UnknownHome) };
    match language {
        Language::Native => native::decode(message, learned),
        Language::Zigbee2mqtt => zigbee2mqtt::decode(message, home, learned),
        Language::HomeAssistant => homeassistant::decode(message, home, learned),
        Language::Tasmota => tasmota::decode(message, home, learned),
        Language::Shelly => shelly::decode(message, home, learned),
        Language::Chirpstack => chirpstack::decode(message, home, learned),
        Language::Dc09 => panel(message, home),
        Language::Scaip => controller(message, home),
    }
}

/// The language of a topic: a described device wins over the look of its topic.
fn language_of(topic: &str, learned: &Learned) -> Option<Language> {
    if native::is_native(topic) {
        Some(Language::Native)
    } else if let Some(language) = received(topic) {
        Some(language)
    } else if topic.starts_with("homeassistant/") || learned.entities.owns(topic) && !learned.bridges.knows(topic) {
        Some(Language::HomeAssistant)
    } else if learned.bridges.owns(topic) {
        Some(Language::Zigbee2mqtt)
    } else if chirpstack::owns(topic) {
        Some(Language::Chirpstack)
    } else if tasmota::owns(topic) {
        Some(Language::Tasmota)
    } else {
        shelly::owns(topic).then_some(Language::Shelly)
    }
}

/// The short names of what was said, for people and for checks from outside: `call`, `fall`,
/// `smoke`, `gas`, `carbon_monoxide`, `water_leak`, `activity`, `door_open`, `door_closed`, `button`,
/// `tamper`, `battery_low`. What was not said, or said to be over, has no name.
pub fn told(signals: &[Signal]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for signal in signals {
        let name = match (signal.kind, signal.value) {
            (SignalKind::Battery, Value::Number(percent)) if percent <= care::cause::BATTERY_LOW_PERCENT => "battery_low",
            (SignalKind::Battery, Value::Bool(true)) => "battery_low",
            (SignalKind::Link, _) => continue,
            (SignalKind::Door | SignalKind::Contact, Value::Open) => "door_open",
            (SignalKind::Door | SignalKind::Contact, Value::Closed) => "door_closed",
            (_, Value::Bool(false)) | (SignalKind::Battery | SignalKind::Door | SignalKind::Contact, _) => continue,
            (kind @ (SignalKind::Call | SignalKind::Fall | SignalKind::Smoke | SignalKind::Gas), _) => kind.name(),
            (kind @ (SignalKind::CarbonMonoxide | SignalKind::WaterLeak | SignalKind::Button | SignalKind::Tamper), _) => kind.name(),
            (SignalKind::Motion | SignalKind::Presence | SignalKind::Vibration | SignalKind::Bed | SignalKind::Seat, _) => "activity",
            (
                SignalKind::Cancel
                | SignalKind::Water
                | SignalKind::Power
                | SignalKind::Mains
                | SignalKind::Temperature
                | SignalKind::Heartbeat
                | SignalKind::Well
                | SignalKind::Away
                | SignalKind::Back
                | SignalKind::CheckIn
                | SignalKind::CheckOut
                | SignalKind::Online
                | SignalKind::Offline,
                _,
            ) => continue,
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A stored copy says how things stand. It never says that somebody moved just now.
fn without_old_movement(decoded: Decoded) -> Decoded {
    let keep = |signals: Vec<Signal>| signals.into_iter().filter(|s| stands(s.kind)).collect::<Vec<_>>();
    match decoded {
        Decoded::Signals(signals) => Decoded::from_parts(keep(signals), None),
        Decoded::Quarantine { fault, signals } => Decoded::from_parts(keep(signals), Some(fault)),
        Decoded::Learned(lesson) => Decoded::Learned(lesson),
        Decoded::Nothing => Decoded::Nothing,
    }
}

/// True for kinds that describe a state which a stored copy can still tell.
fn stands(kind: SignalKind) -> bool {
    match kind {
        SignalKind::Call
        | SignalKind::Fall
        | SignalKind::Smoke
        | SignalKind::Gas
        | SignalKind::CarbonMonoxide
        | SignalKind::WaterLeak
        | SignalKind::Mains
        | SignalKind::Temperature
        | SignalKind::Tamper
        | SignalKind::Battery
        | SignalKind::Online
        | SignalKind::Offline => true,
        SignalKind::Cancel
        | SignalKind::Link
        | SignalKind::Motion
        | SignalKind::Presence
        | SignalKind::Vibration
        | SignalKind::Door
        | SignalKind::Bed
        | SignalKind::Seat
        | SignalKind::Contact
        | SignalKind::Water
        | SignalKind::Power
        | SignalKind::Heartbeat
        | SignalKind::Well
        | SignalKind::Away
        | SignalKind::Back
        | SignalKind::CheckIn
        | SignalKind::CheckOut
        | SignalKind::Button => false,
    }
}
