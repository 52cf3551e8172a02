//! The second reader of the log: what each home's devices prove of each local day, for remote monitoring as a visit (R75).
//! It never stands in an alarm's way, keeps its own place, and after a crash reads the days that were open again.

use care::home::Settings;
use care::visit::days::{DayTally, day_of};
use care::visit::remote::DayEvidence;
use care::{HomeId, Lane, Timestamp};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::ledger::{Tx, Write};
use store::{EventLog, Fence, Ledger, LedgerError, LogError, Offset, Shard};

const BATCH: usize = 2_000;
/// A day is closed so long after its end: a hub that was cut off for the night has sent its backlog.
pub const CLOSE_AFTER_H: i64 = 6;

/// Why days could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DaysError {
    /// The log failed.
    #[error("the event log could not be read: {0}")]
    Log(#[source] LogError),
    /// The ledger failed.
    #[error("the place in the log could not be kept: {0}")]
    Ledger(#[source] LedgerError),
}

/// A closed day of a home.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedDay {
    /// The home.
    pub home: HomeId,
    /// What was proved.
    pub evidence: DayEvidence,
}

type Place = (u16, Lane);

/// The reader.
pub struct Days {
    log: Arc<dyn EventLog>,
    ledger: Arc<dyn Ledger>,
    settings: Settings,
    fence: Fence,
    read: BTreeMap<(u16, bool), Offset>,
    /// Where each day on which something was heard begins in the log.
    begins: BTreeMap<NaiveDate, BTreeMap<(u16, bool), Offset>>,
    open: BTreeMap<NaiveDate, BTreeMap<HomeId, DayTally>>,
    learned: BTreeMap<HomeId, wire::Learned>,
    closed_to: Option<NaiveDate>,
}

fn key(place: Place) -> (u16, bool) {
    (place.0, place.1 == Lane::Red)
}

/// The ledger's setting that says up to which day everything is closed, and where the days after it begin.
const PLACE: &str = "days_place";

#[derive(serde::Serialize, serde::Deserialize, Default)]
struct Kept {
    closed_to: Option<NaiveDate>,
    from: Vec<(u16, bool, u64)>,
}

impl Days {
    /// Goes on where the life before has closed its last day. Its place is kept only while `fence` is the newest.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn resume(log: Arc<dyn EventLog>, ledger: Arc<dyn Ledger>, settings: Settings, fence: Fence) -> Result<Self, DaysError> {
        let kept = ledger.setting(PLACE).await.map_err(DaysError::Ledger)?;
        let kept: Kept = kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let read = kept.from.into_iter().map(|(shard, red, offset)| ((shard, red), Offset(offset))).collect();
        let mut learned = BTreeMap::new();
        for shard in 0..log.shards() {
            let (_, homes) = ledger.snapshots(Shard(shard)).await.map_err(DaysError::Ledger)?;
            learned.extend(homes.into_iter().filter_map(|(home, bytes)| Some((home.clone(), crate::homes::learned_of(&home, &bytes)?))));
        }
        Ok(Self { log, ledger, settings, fence, read, begins: BTreeMap::new(), open: BTreeMap::new(), learned, closed_to: kept.closed_to })
    }

    /// Reads what has come since. Nothing is tallied for homes in `off`: without consent nothing is counted (VIS-3).
    ///
    /// # Errors
    /// If the log cannot be read.
    pub async fn read(&mut self, off: &BTreeSet<HomeId>) -> Result<usize, DaysError> {
        let mut count = 0;
        for shard in 0..self.log.shards() {
            for lane in [Lane::Red, Lane::Routine] {
                loop {
                    let after = self.read.get(&key((shard, lane))).copied().unwrap_or_default();
                    let batch = self.log.read(Shard(shard), lane, after, BATCH).await.map_err(DaysError::Log)?;
                    let Some(last) = batch.last() else { break };
                    let last = last.offset;
                    for entry in &batch {
                        let day = care::calendar::local_day(entry.record.heard_at, self.settings.zone);
                        let begin = Offset(entry.offset.0.saturating_sub(1));
                        self.begins.entry(day).or_default().entry(key((shard, lane))).or_insert(begin);
                        self.hear(&entry.record, off);
                    }
                    count += batch.len();
                    self.read.insert(key((shard, lane)), last);
                    tokio::task::yield_now().await;
                }
            }
        }
        Ok(count)
    }

    fn hear(&mut self, record: &store::Record, off: &BTreeSet<HomeId>) {
        if record.source == crate::SOURCE {
            return;
        }
        let learned = self.learned.entry(record.home.clone()).or_default();
        let message = wire::Message {
            home: Some(&record.home),
            topic: &record.topic,
            payload: &record.payload,
            heard_at: record.heard_at,
            retained: wire::Retained::No,
        };
        let decoded = wire::decode(&message, learned);
        for signal in decoded.signals() {
            if off.contains(&signal.home) {
                continue;
            }
            let day = day_of(signal, self.settings.zone);
            if self.closed_to.is_some_and(|closed| day < closed) {
                continue;
            }
            self.open.entry(day).or_default().entry(signal.home.clone()).or_default().hear(signal, &self.settings, day);
        }
    }

    /// Somebody spoke with or saw the elders of a home then: the silence around it is explained.
    pub fn explain(&mut self, home: &HomeId, at: Timestamp) {
        let day = care::calendar::local_day(at, self.settings.zone);
        if let Some(tally) = self.open.get_mut(&day).and_then(|homes| homes.get_mut(home)) {
            tally.explain(at, day, self.settings.zone);
        }
    }

    /// Takes away everything of a home: its consent was withdrawn (VIS-3).
    pub fn forget(&mut self, home: &HomeId) {
        for homes in self.open.values_mut() {
            homes.remove(home);
        }
    }

    /// The days that are over and not closed yet, the earliest first, with what they prove. They stay open until
    /// [`Days::closed`] says that they are kept.
    pub fn over(&self, now: Timestamp) -> Vec<(NaiveDate, Vec<ClosedDay>)> {
        let zone = self.settings.zone;
        let over = |day: NaiveDate| care::calendar::end_of_day(day, zone) + care::TimeDelta::hours(CLOSE_AFTER_H) <= now;
        self.open
            .iter()
            .filter(|(day, _)| over(**day) && self.closed_to.is_none_or(|closed| **day > closed))
            .map(|(day, homes)| {
                let before = day.pred_opt().and_then(|yesterday| self.open.get(&yesterday));
                let closed = homes
                    .iter()
                    .map(|(home, tally)| {
                        let evidence = tally.evidence(before.and_then(|homes| homes.get(home)), *day, zone);
                        ClosedDay { home: home.clone(), evidence }
                    })
                    .collect();
                (*day, closed)
            })
            .collect()
    }

    /// A day and all before it are kept elsewhere. The day itself is remembered: the next one's silence begins in it.
    ///
    /// # Errors
    /// If the place cannot be kept: the days are read and closed again after the next start.
    pub async fn closed(&mut self, day: NaiveDate) -> Result<(), DaysError> {
        self.closed_to = Some(day);
        self.open.retain(|open, _| *open >= day);
        // Where this day, or the first one after it, begins: from there the next life reads.
        let mut from: BTreeMap<(u16, bool), Offset> = self.read.clone();
        for (_, begins) in self.begins.range(day..).rev() {
            from.extend(begins.iter().map(|(place, offset)| (*place, *offset)));
        }
        self.begins.retain(|begun, _| *begun >= day);
        let kept = Kept { closed_to: Some(day), from: from.into_iter().map(|((shard, red), offset)| (shard, red, offset.0)).collect() };
        let value = serde_json::to_string(&kept).unwrap_or_default();
        let tx = Tx { fence: Some(self.fence), writes: vec![Write::Setting { key: PLACE.to_owned(), value }] };
        self.ledger.commit(tx).await.map_err(DaysError::Ledger)
    }
}
