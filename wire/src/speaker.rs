//! Who says it: builds the signals of one message.

use crate::meaning::Heard;
use crate::{Decoded, Fault, Role};
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

/// What was heard of one device in one message, and what was wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Sayings {
    pub(crate) heard: Vec<(SignalKind, Value)>,
    pub(crate) fault: Option<Fault>,
}

impl Sayings {
    /// Takes in what a value said. `release` is true for the end of a press.
    pub(crate) fn take(&mut self, heard: Heard, role: Option<Role>, field: &str, release: bool) {
        match heard {
            Heard::Says(kind, said) => self.heard.push(Role::apply(role, kind, said, release)),
            Heard::Silent => {}
            Heard::Unknown => self.bad_value(field),
            Heard::Doubtful(kind) => {
                self.heard.push((kind, Value::Bool(true)));
                self.bad_value(field);
            }
        }
    }

    pub(crate) fn bad_value(&mut self, field: &str) {
        if self.fault.is_none() {
            self.fault = Some(Fault::BadValue { field: field.chars().take(64).collect() });
        }
    }

    /// The signals; a message that says nothing about people still says that the device lives.
    pub(crate) fn signals(&self, speaker: &Speaker) -> Vec<Signal> {
        if self.heard.is_empty() {
            return vec![speaker.says(SignalKind::Heartbeat, Value::None)];
        }
        speaker.say_all(&self.heard)
    }

    pub(crate) fn finish(self, speaker: &Speaker) -> Decoded {
        Decoded::from_parts(self.signals(speaker), self.fault)
    }
}
