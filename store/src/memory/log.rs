//! The event log in memory.

use super::lock;
use crate::log::{Done, Entry, EventLog, LogError, Offset, Record, Shard, shard_of};
use async_trait::async_trait;
use care::Lane;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// An event log that lives as long as its last clone.
#[derive(Clone)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

struct Shared {
    shards: u16,
    lanes: Mutex<BTreeMap<(Lane, Shard), Vec<Record>>>,
    red: watch::Sender<u64>,
    routine: watch::Sender<u64>,
}

impl MemoryLog {
    /// An empty log with this many shards (1 to 4096).
    pub fn new(shards: u16) -> Self {
        Self {
            shared: Arc::new(Shared {
                shards: shards.clamp(1, care::id::PARTITIONS),
                lanes: Mutex::default(),
                red: watch::Sender::new(0),
                routine: watch::Sender::new(0),
            }),
        }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        lock(&self.shared.lanes).values().map(Vec::len).sum()
    }

    /// True if there are no records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn sender(&self, lane: Lane) -> &watch::Sender<u64> {
        match lane {
            Lane::Red => &self.shared.red,
            Lane::Routine => &self.shared.routine,
        }
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    fn submit(&self, record: Record, done: Done) {
        if !record.fits() {
            return done(Err(LogError::TooLarge));
        }
        let lane = record.lane;
        let shard = shard_of(&record.home, self.shared.shards);
        lock(&self.shared.lanes).entry((lane, shard)).or_default().push(record);
        self.sender(lane).send_modify(|n| *n = n.wrapping_add(1));
        done(Ok(()));
    }

    async fn read(&self, shard: Shard, lane: Lane, after: Offset, max: usize) -> Result<Vec<Entry>, LogError> {
        let lanes = lock(&self.shared.lanes);
        let skip = usize::try_from(after.0).unwrap_or(usize::MAX);
        let rest = lanes.get(&(lane, shard)).and_then(|all| all.get(skip..)).unwrap_or_default();
        let place = |i: usize| Offset(after.0.saturating_add(1).saturating_add(i as u64));
        Ok(rest.iter().take(max).enumerate().map(|(i, record)| Entry { offset: place(i), record: record.clone() }).collect())
    }

    async fn end(&self, shard: Shard, lane: Lane) -> Result<Offset, LogError> {
        Ok(Offset(lock(&self.shared.lanes).get(&(lane, shard)).map_or(0, |all| all.len() as u64)))
    }

    fn changed(&self, lane: Lane) -> watch::Receiver<u64> {
        self.sender(lane).subscribe()
    }

    fn shards(&self) -> u16 {
        self.shared.shards
    }
}
