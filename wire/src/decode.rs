//! Picks the language of a message by its topic.

use crate::{Decoded, Fault, Lane, Learned, Message, Retained, native};
use care::{Signal, SignalKind, Value};

/// What a message means. `learned` belongs to the home of the message; describing messages change it.
pub fn decode(message: &Message<'_>, learned: &mut Learned) -> Decoded {
    let decoded = if native::is_native(message.topic) {
        native::decode(message, learned)
    } else {
        Decoded::Quarantine { fault: Fault::UnknownLanguage, signals: Vec::new() }
    };
    match message.retained {
        Retained::No => decoded,
        Retained::Yes => without_old_movement(decoded),
    }
}

/// The lane of a message, before the commit and without changing anything. Native by topic: doubt
/// on a red-named topic is red. Other languages by what the payload says, read with what was learned.
pub fn lane(topic: &str, payload: &[u8], learned: Option<&Learned>) -> Lane {
    if native::is_native(topic) {
        return native::lane(topic);
    }
    let mut scratch = learned.cloned().unwrap_or_default();
    let message = Message { home: None, topic, payload, heard_at: care::Timestamp::UNIX_EPOCH, retained: Retained::No };
    let on = |signal: &Signal| signal.kind.is_red() && signal.value != Value::Bool(false);
    match decode(&message, &mut scratch).signals().iter().any(on) {
        true => Lane::Red,
        false => Lane::Routine,
    }
}

/// True if messages on this topic describe devices: whoever keeps a [`Learned`] must see them.
pub fn teaches(topic: &str) -> bool {
    topic.ends_with("/bridge/devices") || topic.ends_with("/config")
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
        | SignalKind::Temperature
        | SignalKind::Tamper
        | SignalKind::Battery
        | SignalKind::Online
        | SignalKind::Offline => true,
        SignalKind::Cancel
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
