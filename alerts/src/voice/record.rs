//! What became of each call, written down with what was said: a sheet beside the attempt, sealed at rest.

use super::leg::LegReport;
use crate::channel::{EffectKey, Job};
use care::{ContactId, HomeId, Timestamp};
use std::sync::Arc;
use store::register::Put;
use store::{Register, Sheet};

/// The kind of these sheets; their identifier is the attempt's key.
pub const CALL: &str = "call";

/// The record of one attempt.
pub(super) struct Record {
    key: EffectKey,
    home: HomeId,
    contact: ContactId,
    began_at: Timestamp,
    tries: u32,
    legs: Vec<serde_json::Value>,
    state: &'static str,
}

impl Record {
    pub(super) fn new(job: &Job, contact: &ContactId, now: Timestamp) -> Self {
        Self { key: job.key.clone(), home: job.home.clone(), contact: contact.clone(), began_at: now, tries: job.tries, legs: Vec::new(), state: "none" }
    }

    pub(super) fn add(&mut self, trunk: &str, report: &LegReport) {
        self.state = report.outcome.word();
        self.legs.push(serde_json::json!({
            "trunk": trunk,
            "outcome": report.outcome.word(),
            "rang_at": report.rang_at,
            "answered_at": report.answered_at,
            "key_at": report.key_at,
            "keys": report.keys,
            "said": report.said,
            "wire": report.wire,
        }));
    }

    /// Writes it down without keeping anybody waiting: the outcome itself is the engine's to store.
    pub(super) fn keep(self, register: Arc<dyn Register>, now: Timestamp) {
        tokio::spawn(async move {
            let sheet = Sheet {
                kind: CALL.into(),
                // A repetition after a crash is a record of its own.
                id: format!("{}-{}", self.key, self.tries),
                version: 1,
                area: String::new(),
                home: Some(self.home),
                elder: None,
                at: self.began_at,
                state: self.state.into(),
                body: serde_json::json!({ "contact": self.contact, "attempt": self.key.no, "alarm": self.key.alarm, "legs": self.legs }),
                written_at: now,
                written_by: "voice".into(),
            };
            if let Err(error) = register.put(vec![Put::Sheet(sheet)]).await {
                tracing::warn!(%error, "the record of a call could not be kept");
            }
        });
    }
}
