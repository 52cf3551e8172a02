//! What the platform asks of its storage beside the ports: upkeep and figures. One face for one machine and for many.

use crate::ledger::{Decided, Ledger, LedgerError};
use crate::log::{EventLog, LogError, Shard};
use crate::ownership::Ownership;
use crate::register::Register;
use crate::sqlite::{LedgerStats, LogStats, SqliteLedger, SqliteLog};
use async_trait::async_trait;
use care::{HomeId, Timestamp};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// A ledger with its upkeep.
#[async_trait]
pub trait LedgerKeeper: Ledger + Register + Ownership {
    /// The figures since the start.
    fn stats(&self) -> LedgerStats;
    /// True while only what red alarms need is written.
    fn disk_full(&self) -> bool;
    /// Forgets what is older than it must be; about once an hour.
    async fn purge(&self, now: Timestamp) -> Result<u64, LedgerError>;
    /// Forgets closed alarms of one home that were raised before an instant: the platform's own presses.
    async fn purge_alarms_of(&self, home: &HomeId, before: Timestamp) -> Result<u64, LedgerError>;
    /// Up to where the log is no longer needed, shard by shard.
    async fn kept_after(&self, shards: u16) -> Result<BTreeMap<Shard, Decided>, LedgerError>;
    /// Writes what waits, then stops.
    fn close(&self);
}

/// A log with its upkeep.
pub trait LogKeeper: EventLog {
    /// The figures since the start.
    fn stats(&self) -> LogStats;
    /// True while not everything is taken because there is no room.
    fn disk_full(&self) -> bool;
    /// True while an acknowledgement is so late that a press may not have been stored.
    fn is_late(&self) -> bool;
    /// Drops what is older than a day and no longer needed. Returns how many files went.
    ///
    /// # Errors
    /// [`LogError`] if something could not be removed.
    fn retain(&self, kept_after: &BTreeMap<Shard, Decided>, before: NaiveDate) -> Result<usize, LogError>;
    /// Writes what waits, then stops.
    fn close(&self);
}

#[async_trait]
impl LedgerKeeper for SqliteLedger {
    fn stats(&self) -> LedgerStats {
        Self::stats(self)
    }

    fn disk_full(&self) -> bool {
        Self::disk_full(self)
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, LedgerError> {
        Self::purge(self, now).await
    }

    async fn purge_alarms_of(&self, home: &HomeId, before: Timestamp) -> Result<u64, LedgerError> {
        Self::purge_alarms_of(self, home, before).await
    }

    async fn kept_after(&self, shards: u16) -> Result<BTreeMap<Shard, Decided>, LedgerError> {
        Self::kept_after(self, shards).await
    }

    fn close(&self) {
        Self::close(self);
    }
}

impl LogKeeper for SqliteLog {
    fn stats(&self) -> LogStats {
        Self::stats(self)
    }

    fn disk_full(&self) -> bool {
        Self::disk_full(self)
    }

    fn is_late(&self) -> bool {
        false
    }

    fn retain(&self, kept_after: &BTreeMap<Shard, Decided>, before: NaiveDate) -> Result<usize, LogError> {
        Self::retain(self, kept_after, before)
    }

    fn close(&self) {
        Self::close(self);
    }
}

#[cfg(feature = "cluster")]
mod cluster {
    use super::{BTreeMap, Decided, HomeId, LedgerError, LedgerKeeper, LedgerStats, LogError, LogKeeper, LogStats, NaiveDate, Shard, Timestamp};
    use crate::jetstream::JetLog;
    use crate::postgres::PgLedger;
    use async_trait::async_trait;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn of(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    #[async_trait]
    impl LedgerKeeper for PgLedger {
        fn stats(&self) -> LedgerStats {
            let figures = self.figures();
            LedgerStats {
                transactions: of(&figures.transactions),
                conflicts: of(&figures.conflicts) + of(&figures.fenced),
                failures: of(&figures.failures),
                ..LedgerStats::default()
            }
        }

        fn disk_full(&self) -> bool {
            false
        }

        async fn purge(&self, now: Timestamp) -> Result<u64, LedgerError> {
            Self::purge(self, now).await
        }

        async fn purge_alarms_of(&self, home: &HomeId, before: Timestamp) -> Result<u64, LedgerError> {
            Self::purge_alarms_of(self, home, before).await
        }

        async fn kept_after(&self, shards: u16) -> Result<BTreeMap<Shard, Decided>, LedgerError> {
            Self::kept_after(self, shards).await
        }

        fn close(&self) {}
    }

    impl LogKeeper for JetLog {
        fn stats(&self) -> LogStats {
            let figures = self.figures();
            LogStats {
                red_rows: of(&figures.red_rows),
                routine_rows: of(&figures.routine_rows),
                busy: of(&figures.busy),
                refused_full: of(&figures.refused_full),
                failures: of(&figures.failures),
                ..LogStats::default()
            }
        }

        fn disk_full(&self) -> bool {
            false
        }

        fn is_late(&self) -> bool {
            Self::is_late(self)
        }

        /// The servers drop what is too old by themselves (`max_age`).
        fn retain(&self, _kept_after: &BTreeMap<Shard, Decided>, _before: NaiveDate) -> Result<usize, LogError> {
            Ok(0)
        }

        fn close(&self) {}
    }
}
