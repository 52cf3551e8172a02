//! Who says it: builds the signals of one message.

use care::{DeviceId, EventId, HomeId, Signal, SignalKind, Timestamp, Value};

/// The sender of one message, and when.
#[derive(Debug, Clone)]
pub(crate) struct Speaker {
    pub(crate) home: HomeId,
    pub(crate) device: DeviceId,
    pub(crate) room: Option<String>,
    /// What the message calls itself, if it does.
    pub(crate) name: Option<String>,
    pub(crate) said_at: Option<Timestamp>,
    pub(crate) heard_at: Timestamp,
}

impl Speaker {
    pub(crate) fn new(home: &HomeId, device: DeviceId, heard_at: Timestamp) -> Self {
        Self { home: home.clone(), device, room: None, name: None, said_at: None, heard_at }
    }

    pub(crate) fn says(&self, kind: SignalKind, value: Value) -> Signal {
        Signal {
            home: self.home.clone(),
            device: self.device.clone(),
            kind,
            value,
            room: self.room.clone(),
            event: self.name.as_ref().map(|name| EventId::named(&self.home, &self.device, kind.name(), name)),
            said_at: self.said_at,
            heard_at: self.heard_at,
        }
    }

    /// The signals of what was heard: of several yes and no of one kind one remains, and yes wins.
    pub(crate) fn say_all(&self, heard: &[(SignalKind, Value)]) -> Vec<Signal> {
        let mut said: Vec<(SignalKind, Value)> = Vec::new();
        for (kind, value) in heard {
            let before = said.iter_mut().find(|(k, v)| k == kind && matches!(v, Value::Bool(_)));
            if let (Some((_, Value::Bool(before))), Value::Bool(now)) = (before, value) {
                *before |= now;
            } else if !said.contains(&(*kind, *value)) {
                said.push((*kind, *value));
            }
        }
        said.into_iter().map(|(kind, value)| self.says(kind, value)).collect()
    }
}
