//! The sender's side of the native language: firmware, firmware models and the home hub.

use super::{Name, status_topic, topic};
use care::{Signal, SignalKind, Value};
use serde_json::{Map, Value as Json};

/// The topic and the payload that say a signal. `name` is the identity that the sender gives the
/// message; [`Signal::event`] is made of it at the other end. `battery_percent` rides along.
pub fn encode(signal: &Signal, name: Option<&Name>, battery_percent: Option<u8>) -> (String, Vec<u8>) {
    if signal.kind == SignalKind::Online || signal.kind == SignalKind::Offline {
        return (status_topic(&signal.home, &signal.device), signal.kind.name().as_bytes().to_vec());
    }
    let mut object = Map::new();
    match name {
        Some(Name::BootSeq { boot, seq }) => {
            object.insert("boot".into(), Json::from(*boot));
            object.insert("seq".into(), Json::from(*seq));
        }
        Some(name @ (Name::Text(_) | Name::Number(_))) => {
            object.insert("id".into(), name.json());
        }
        None => {}
    }
    if let Some(at) = signal.said_at {
        object.insert("at".into(), Json::from(at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)));
    }
    let value = match signal.value {
        Value::None => None,
        Value::Bool(truth) => Some(Json::from(truth)),
        Value::Number(number) => Some(Json::from(number)),
        Value::Open => Some(Json::from("open")),
        Value::Closed => Some(Json::from("closed")),
    };
    if let Some(value) = value {
        object.insert("value".into(), value);
    }
    if let Some(percent) = battery_percent {
        object.insert("battery".into(), Json::from(percent.min(100)));
    }
    (topic(&signal.home, &signal.device, signal.kind), Json::Object(object).to_string().into_bytes())
}
