//! One house that hears messages, for the stories of all languages.

#![allow(dead_code, clippy::unwrap_used, reason = "each test program uses a part; tests stop at the first surprise")]

use care::{HomeId, SignalKind, Timestamp, Value};
use serde_json::Value as Json;
use wire::{Decoded, Lane, Learned, Message, Retained};

/// A home with what it has learned.
pub(crate) struct House {
    pub(crate) home: HomeId,
    pub(crate) learned: Learned,
}

impl Default for House {
    fn default() -> Self {
        Self { home: HomeId::from("home-1"), learned: Learned::default() }
    }
}

impl House {
    pub(crate) fn raw(&mut self, topic: &str, payload: &[u8], retained: Retained) -> Decoded {
        let heard_at: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let message = Message { home: Some(&self.home), topic, payload, heard_at, retained };
        let lane = wire::lane(topic, payload, Some(&self.learned));
        let decoded = wire::decode(&message, &mut self.learned);
        let red = decoded.signals().iter().any(|s| s.kind.is_red() && s.value != Value::Bool(false));
        assert!(!red || lane == Lane::Red, "a red signal without the red lane: {topic} {decoded:?}");
        decoded
    }

    pub(crate) fn hear(&mut self, topic: &str, payload: &str) -> Decoded {
        self.raw(topic, payload.as_bytes(), Retained::No)
    }

    /// What was told, as one line.
    pub(crate) fn told(&mut self, topic: &str, payload: &str) -> String {
        line(&self.hear(topic, payload))
    }

    pub(crate) fn check(&mut self, topic: &str, payload: &str, expected: &str) {
        assert_eq!(self.told(topic, payload), expected, "{topic} {payload}");
    }

    pub(crate) fn teach(&mut self, topic: &str, payload: &Json) {
        let decoded = self.hear(topic, &payload.to_string());
        assert!(matches!(decoded, Decoded::Learned(_)), "{topic} {decoded:?}");
    }
}

/// `device: kind=value kind` for each device; behind `!` the fault.
pub(crate) fn line(decoded: &Decoded) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut last = "";
    for s in decoded.signals() {
        if s.device.as_str() != last {
            words.push(format!("{}:", s.device));
            last = s.device.as_str();
        }
        words.push(match s.value {
            Value::None => s.kind.name().to_owned(),
            Value::Bool(true) => s.kind.name().to_owned(),
            Value::Bool(false) => format!("{}=no", s.kind.name()),
            Value::Number(n) => format!("{}={}", s.kind.name(), (n * 100.0).round() / 100.0),
            Value::Open => format!("{}=open", s.kind.name()),
            Value::Closed => format!("{}=closed", s.kind.name()),
        });
    }
    match decoded {
        Decoded::Quarantine { fault, .. } => words.push(format!("!{}", fault.code())),
        Decoded::Learned(lesson) => words.push(format!("learned {}", lesson.devices.len())),
        Decoded::Nothing => words.push("nothing".into()),
        Decoded::Signals(_) => {}
    }
    words.join(" ")
}

/// A signal kind by name, for declarations in stories.
pub(crate) fn kind(name: &str) -> SignalKind {
    SignalKind::parse(name).unwrap()
}
