//! The four ports over the adapters in memory, with faults in front of and behind every call.

use super::auditor::Auditor;
use super::faults::{Life, Moment, Point};
use async_trait::async_trait;
use care::plan::Plan;
use care::{Alarm, AlarmId, Cause, EventId, HomeId, Lane, Level, Timestamp};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::ledger::{Decided, Note, Waiting, Which};
use store::memory::{MemoryLedger, MemoryLog};
use store::telemetry::Point as Measurement;
use store::{Done, Entry, EventLog, Fence, Ledger, LedgerError, LogError, Offset, Ownership, Record, Shard, Stored, TelemetrySink, Tx, Write};
use tokio::sync::watch;

/// All four ports of one life.
pub struct Ports {
    /// Whose.
    pub life: Arc<Life>,
    /// What is kept beyond it.
    pub ledger: MemoryLedger,
    /// What is kept beyond it.
    pub log: MemoryLog,
    /// Looks at every commit.
    pub auditor: Arc<Auditor>,
}

fn broken() -> LedgerError {
    LedgerError::Failed("a fault of the simulator".to_owned())
}

impl Ports {
    async fn ask<T>(&self, point: Point, answer: impl Future<Output = Result<T, LedgerError>> + Send) -> Result<T, LedgerError> {
        if self.life.pass(point, Moment::Before).await {
            return Err(broken());
        }
        let answer = answer.await;
        if self.life.pass(point, Moment::After).await {
            return Err(broken());
        }
        answer
    }
}

#[async_trait]
impl Ledger for Ports {
    async fn commit(&self, tx: Tx) -> Result<(), LedgerError> {
        if self.life.pass("ledger.commit", Moment::Before).await {
            return Err(match self.life.throw(3) {
                0 => LedgerError::Conflict,
                1 => LedgerError::DiskFull,
                _ => broken(),
            });
        }
        let watched = |w: &&Write| matches!(w, Write::PutAlarm { .. } | Write::EffectDone { .. } | Write::Seen { .. });
        let writes: Vec<Write> = tx.writes.iter().filter(watched).cloned().collect();
        self.ledger.commit(tx).await?;
        self.auditor.committed(writes);
        if self.life.pass("ledger.commit", Moment::After).await {
            self.life.faults().doubtful_commits.fetch_add(1, Ordering::Relaxed);
            return Err(broken());
        }
        Ok(())
    }

    async fn alarm(&self, id: &AlarmId) -> Result<Option<Stored<Alarm>>, LedgerError> {
        self.ask("ledger.alarm", self.ledger.alarm(id)).await
    }

    async fn open_alarm(&self, home: &HomeId, cause: &Cause) -> Result<Option<Stored<Alarm>>, LedgerError> {
        self.ask("ledger.open_alarm", self.ledger.open_alarm(home, cause)).await
    }

    async fn seen(&self, events: &[EventId]) -> Result<Vec<(EventId, Option<AlarmId>)>, LedgerError> {
        self.ask("ledger.seen", self.ledger.seen(events)).await
    }

    async fn alarms(&self, which: Which, after: Option<&AlarmId>, max: usize) -> Result<Vec<Stored<Alarm>>, LedgerError> {
        self.ask("ledger.alarms", self.ledger.alarms(which, after, max)).await
    }

    async fn open_versions(&self) -> Result<Vec<(AlarmId, u64)>, LedgerError> {
        self.ask("ledger.open_versions", self.ledger.open_versions()).await
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<AlarmId>, LedgerError> {
        self.ask("ledger.due", self.ledger.due(now, max)).await
    }

    async fn next_deadline(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.ask("ledger.next_deadline", self.ledger.next_deadline()).await
    }

    async fn effects_due(&self, now: Timestamp, max: usize) -> Result<Vec<Waiting>, LedgerError> {
        self.ask("ledger.effects_due", self.ledger.effects_due(now, max)).await
    }

    async fn effects_trying(&self) -> Result<Vec<Waiting>, LedgerError> {
        self.ask("ledger.effects_trying", self.ledger.effects_trying()).await
    }

    async fn next_effect(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.ask("ledger.next_effect", self.ledger.next_effect()).await
    }

    async fn notes(&self, alarm: &AlarmId) -> Result<Vec<Note>, LedgerError> {
        self.ask("ledger.notes", self.ledger.notes(alarm)).await
    }

    async fn decided(&self, shard: Shard) -> Result<Decided, LedgerError> {
        self.ask("ledger.decided", self.ledger.decided(shard)).await
    }

    async fn snapshots(&self, shard: Shard) -> Result<(Decided, Vec<(HomeId, Vec<u8>)>), LedgerError> {
        self.ask("ledger.snapshots", self.ledger.snapshots(shard)).await
    }

    async fn plan(&self, home: &HomeId, cause: &Cause, level: Level) -> Result<Plan, LedgerError> {
        self.ask("ledger.plan", self.ledger.plan(home, cause, level)).await
    }

    async fn setting(&self, key: &str) -> Result<Option<String>, LedgerError> {
        self.ask("ledger.setting", self.ledger.setting(key)).await
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.ledger.changed()
    }
}

#[async_trait]
impl EventLog for Ports {
    fn submit(&self, record: Record, done: Done) {
        if self.life.pass_at_once("log.submit", Moment::Before) {
            return;
        }
        let (fault, is_on) = (self.life.throw(100), self.life.faults().is_on());
        match fault {
            0 if is_on => return done(Err(LogError::Busy)),
            1 if is_on => return done(Err(LogError::DiskFull)),
            _ => {}
        }
        let (lane, shard) = (record.lane, store::log::shard_of(&record.home, self.log.shards()));
        let life = Arc::clone(&self.life);
        let auditor = Arc::clone(&self.auditor);
        self.log.submit(
            record,
            Box::new(move |result| {
                auditor.stored(shard, lane);
                if life.pass_at_once("log.submit", Moment::After) {
                    return;
                }
                let doubtful = fault == 2 && is_on;
                done(if doubtful { Err(LogError::Failed("a fault of the simulator".to_owned())) } else { result });
            }),
        );
    }

    async fn read(&self, shard: Shard, lane: Lane, after: Offset, max: usize) -> Result<Vec<Entry>, LogError> {
        self.auditor.reads(shard, lane);
        let broken = || LogError::Failed("a fault of the simulator".to_owned());
        if self.life.pass("log.read", Moment::Before).await {
            return Err(broken());
        }
        let entries = self.log.read(shard, lane, after, max).await;
        if self.life.pass("log.read", Moment::After).await {
            return Err(broken());
        }
        entries
    }

    async fn end(&self, shard: Shard, lane: Lane) -> Result<Offset, LogError> {
        self.log.end(shard, lane).await
    }

    fn changed(&self, lane: Lane) -> watch::Receiver<u64> {
        EventLog::changed(&self.log, lane)
    }

    fn shards(&self) -> u16 {
        self.log.shards()
    }
}

#[async_trait]
impl Ownership for Ports {
    async fn take(&self, shard: Shard) -> Result<Fence, LedgerError> {
        self.ask("ownership.take", self.ledger.take(shard)).await
    }
}

impl TelemetrySink for Ports {
    fn offer(&self, _point: Measurement) {
        if !self.life.pass_at_once("telemetry.offer", Moment::Before) {
            self.life.pass_at_once("telemetry.offer", Moment::After);
        }
    }

    fn dropped(&self) -> u64 {
        0
    }
}
