//! What became of each call, written down with what was said: a sheet beside the attempt, sealed at rest. And, where it is
//! switched on and announced, the sound of connected calls.

use super::audio::Law;
use super::leg::LegReport;
use crate::channel::{EffectKey, Job};
use base64::Engine as _;
use care::{AlarmId, ContactId, HomeId, Timestamp};
use std::sync::Arc;
use store::register::Put;
use store::{Clock, Register, Sheet};
use tokio::sync::mpsc;

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

/// The kind of sheets that hold what was spoken in connected calls.
pub const RECORDING: &str = "call_recording";
/// One sheet holds a minute: 8 kB a second of A-law, in base64 within the limit of a sheet.
const PART: usize = 60 * 8_000;
/// Sound of the taps that waits to be put together, in packets.
const TAPPED: usize = 256;

/// Records a connected call: both sides mixed, a sheet a minute, sealed at rest like every sheet.
pub(super) struct Taping {
    sound: mpsc::Sender<(usize, Vec<i16>)>,
    writing: tokio::task::JoinHandle<()>,
}

impl Taping {
    pub(super) fn begin(register: Arc<dyn Register>, clock: Arc<dyn Clock>, alarm: AlarmId, home: HomeId) -> Self {
        let (sound, heard) = mpsc::channel(TAPPED);
        let began_at = clock.now();
        let writing = tokio::spawn(tape(register, clock, began_at, alarm, home, heard));
        Self { sound, writing }
    }

    /// What goes through here is recorded on its way.
    pub(super) fn tap(&self, on: mpsc::Sender<Vec<i16>>, side: usize) -> mpsc::Sender<Vec<i16>> {
        let (send, mut through) = mpsc::channel::<Vec<i16>>(16);
        let tape = self.sound.clone();
        tokio::spawn(async move {
            while let Some(sound) = through.recv().await {
                // A recording that is behind loses sound rather than the people theirs.
                let _lost = tape.try_send((side, sound.clone())).is_err();
                if on.try_send(sound).is_err() && on.is_closed() {
                    return;
                }
            }
        });
        send
    }

    /// Writes the rest.
    pub(super) async fn end(self) {
        drop(self.sound);
        if tokio::time::timeout(std::time::Duration::from_secs(10), self.writing).await.is_err() {
            tracing::warn!("the end of a recording could not be kept in time");
        }
    }
}

async fn tape(register: Arc<dyn Register>, clock: Arc<dyn Clock>, began_at: Timestamp, alarm: AlarmId, home: HomeId, mut heard: mpsc::Receiver<(usize, Vec<i16>)>) {
    let mut sides = [Vec::<i16>::new(), Vec::new()];
    let mut mixed: Vec<i16> = Vec::new();
    let mut part = 0u32;
    loop {
        let more = heard.recv().await;
        let is_over = more.is_none();
        if let Some((side, sound)) = more
            && let Some(kept) = sides.get_mut(side)
        {
            kept.extend(sound);
        }
        let [one, two] = &mut sides;
        // The sides run alike; whoever is silent for long does not hold the other up.
        let both = if is_over { one.len().max(two.len()) } else { one.len().min(two.len()).max(one.len().max(two.len()).saturating_sub(8_000)) };
        let take = |from: &mut Vec<i16>| from.drain(..both.min(from.len())).collect::<Vec<i16>>();
        let (a, b) = (take(one), take(two));
        mixed.extend((0..both).map(|i| a.get(i).copied().unwrap_or(0).saturating_add(b.get(i).copied().unwrap_or(0))));
        while mixed.len() >= PART || (is_over && !mixed.is_empty()) {
            let now: Vec<i16> = mixed.drain(..mixed.len().min(PART)).collect();
            part += 1;
            let sheet = Sheet {
                kind: RECORDING.into(),
                id: format!("{alarm}-{}-{part:03}", began_at.timestamp_millis()),
                version: 1,
                area: String::new(),
                home: Some(home.clone()),
                elder: None,
                at: began_at,
                state: "kept".into(),
                body: serde_json::json!({ "alarm": alarm, "part": part, "form": "audio/PCMA", "sound": base64::engine::general_purpose::STANDARD.encode(Law::A.encode(&now)) }),
                written_at: clock.now(),
                written_by: "voice".into(),
            };
            if let Err(error) = register.put(vec![Put::Sheet(sheet)]).await {
                tracing::warn!(%error, "a recording could not be kept");
            }
        }
        if is_over {
            return;
        }
    }
}

/// Erases recordings that are older than they may be.
pub(super) async fn forget_recordings(register: &dyn Register, before: Timestamp) {
    let ask = store::SheetAsk::of(RECORDING).to(before).max(200);
    match register.sheets(&ask).await {
        Ok(old) => {
            let entries: Vec<Put> = old.into_iter().map(|s| Put::EraseSheet { kind: s.kind, id: s.id }).collect();
            if !entries.is_empty()
                && let Err(error) = register.put(entries).await
            {
                tracing::warn!(%error, "old recordings could not be erased");
            }
        }
        Err(error) => tracing::warn!(%error, "old recordings could not be found"),
    }
}
