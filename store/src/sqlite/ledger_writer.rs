//! The one thread that writes the ledger. Transactions of many callers share one commit to the disk; each runs in a
//! savepoint of its own, so that a conflict fails alone. Those of red alarms go first (LANE-1).

use super::apply::{self, Failure, is_vital};
use super::ballast::Ballast;
use super::beside::Beside;
use super::dir::DataDir;
use super::register as rows;
use super::seal::Keys;
use super::stats::Latency;
use super::{checkpoint, is_doubtful, is_full, lock, open_writer};
use crate::ledger::{LedgerError, Tx};
use crate::log::Shard;
use crate::memory::wakes;
use crate::register::Put;
use rusqlite::{Connection, TransactionBehavior};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

/// Most transactions of callers in one commit.
const GROUP_MAX: usize = 256;
/// The WAL is looked at after this many commits.
const COMMITS_PER_LOOK: u32 = 16;
/// At this size the WAL is moved into the database, beside the writing.
const WAL_BYTES_MOVE: u64 = 4 << 20;
/// At this size the writer itself makes an end to its growth.
const WAL_BYTES_MAX: u64 = 64 << 20;

/// A chore of the platform itself: returns how many rows it touched.
pub(super) type Chore = Box<dyn Fn(&Connection, &Keys) -> Result<u64, Failure> + Send>;

/// What is to be written.
pub(super) enum Work {
    Commit(Tx),
    Put(Vec<Put>),
    Take(Shard),
    Chore(Chore),
}

/// Work with its caller.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) vital: bool,
    pub(super) reply: oneshot::Sender<Result<u64, LedgerError>>,
    /// Its place in the queue, given back when it is done.
    pub(super) _permit: OwnedSemaphorePermit,
}

#[derive(Default)]
pub(super) struct Waiting {
    pub(super) vital: VecDeque<Job>,
    pub(super) other: VecDeque<Job>,
    pub(super) closed: bool,
}

/// What the writer shares with the ledger.
pub(super) struct Desk {
    pub(super) dir: Arc<DataDir>,
    pub(super) path: PathBuf,
    pub(super) keys: Arc<Keys>,
    pub(super) ballast: Arc<Ballast>,
    pub(super) waiting: Mutex<Waiting>,
    pub(super) wake: Condvar,
    pub(super) changed: watch::Sender<u64>,
    /// Grows whenever plans or homes were written.
    pub(super) plans_version: AtomicU64,
    pub(super) transactions: AtomicU64,
    pub(super) conflicts: AtomicU64,
    pub(super) commit: Latency,
    pub(super) refused_full: AtomicU64,
    pub(super) failures: AtomicU64,
    /// Groups that are to fail, for tests.
    #[cfg(test)]
    pub(super) fail_commits: AtomicU64,
}

impl Work {
    /// True if it must get in even when the disk is full, and goes first.
    pub(super) fn is_vital(&self) -> bool {
        match self {
            Self::Commit(tx) => is_vital(tx),
            // Operators must be able to sign in while the disk is full.
            Self::Put(entries) => entries.iter().all(|e| matches!(e, Put::Token(_) | Put::EndToken(_) | Put::Audit { .. })),
            Self::Take(_) => true,
            Self::Chore(_) => false,
        }
    }

    fn run(&self, db: &Connection, keys: &Keys) -> Result<u64, Failure> {
        match self {
            Self::Commit(tx) => apply::tx(db, keys, tx).map(|()| 0),
            Self::Put(entries) => entries.iter().try_for_each(|entry| rows::put(db, keys, entry)).map(|()| 0),
            Self::Take(shard) => apply::take(db, *shard),
            Self::Chore(chore) => chore(db, keys),
        }
    }
}

pub(super) struct Writer {
    pub(super) desk: Arc<Desk>,
    pub(super) db: Option<Connection>,
    pub(super) beside: SyncSender<Beside>,
    pub(super) commits: u32,
}

impl Writer {
    /// Writes until the ledger is closed and nothing waits.
    pub(super) fn run(mut self) {
        while let Some(group) = self.wait() {
            self.group(group);
        }
        if let Some(db) = &self.db
            && let Err(error) = checkpoint(db, "TRUNCATE")
        {
            tracing::debug!(%error, "the WAL was not emptied at the end");
        }
    }

    fn wait(&self) -> Option<Vec<Job>> {
        let mut waiting = lock(&self.desk.waiting);
        while waiting.vital.is_empty() && waiting.other.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self.desk.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let vital = waiting.vital.len().min(GROUP_MAX);
        let mut group: Vec<_> = waiting.vital.drain(..vital).collect();
        // A little of the rest goes along with red ones, all of it otherwise.
        let room = if vital > 0 { GROUP_MAX / 16 } else { GROUP_MAX };
        let other = waiting.other.len().min(room);
        group.extend(waiting.other.drain(..other));
        Some(group)
    }

    fn group(&mut self, mut group: Vec<Job>) {
        loop {
            match self.transaction(&group) {
                Ok(results) => return self.publish(group, results),
                Err(error) if is_full(&error, &self.desk.dir) => {
                    if !self.desk.ballast.is_full() {
                        tracing::error!("the disk of the ledger is full: only what red alarms need is written, from the ballast");
                    }
                    self.reopen(&error);
                    // What stands in the WAL already goes into the database: that makes room, too.
                    let made_room = self.desk.ballast.release() | self.empty_wal();
                    let (vital, other): (Vec<_>, Vec<_>) = group.into_iter().partition(|job| job.vital);
                    self.refuse(other, &LedgerError::DiskFull);
                    if vital.is_empty() {
                        return;
                    }
                    if !made_room {
                        return self.refuse(vital, &LedgerError::DiskFull);
                    }
                    group = vital;
                }
                Err(error) => {
                    tracing::error!(%error, transactions = group.len(), "a commit of the ledger failed");
                    self.desk.failures.fetch_add(1, Ordering::Relaxed);
                    self.reopen(&error);
                    return self.refuse(group, &LedgerError::Failed(error.to_string()));
                }
            }
        }
    }

    fn refuse(&self, jobs: Vec<Job>, error: &LedgerError) {
        if matches!(error, LedgerError::DiskFull) {
            self.desk.refused_full.fetch_add(jobs.len() as u64, Ordering::Relaxed);
        }
        for job in jobs {
            // The caller may have gone: then nobody is told.
            let _gone = job.reply.send(Err(error.clone()));
        }
    }

    fn transaction(&mut self, group: &[Job]) -> rusqlite::Result<Vec<Result<u64, LedgerError>>> {
        let began = Instant::now();
        if self.db.is_none() {
            self.db = Some(open_again(&self.desk)?);
        }
        let Some(db) = &mut self.db else {
            return Err(rusqlite::Error::InvalidQuery);
        };
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut results = Vec::with_capacity(group.len());
        for job in group {
            tx.prepare_cached("SAVEPOINT job")?.execute([])?;
            let result = match job.work.run(&tx, &self.desk.keys) {
                Ok(n) => Ok(n),
                Err(Failure::Alone(error)) => {
                    tx.prepare_cached("ROLLBACK TO job")?.execute([])?;
                    Err(error)
                }
                Err(Failure::Group(error)) => return Err(error),
            };
            tx.prepare_cached("RELEASE job")?.execute([])?;
            results.push(result);
        }
        tx.commit()?;
        #[cfg(test)]
        if self.desk.fail_commits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
            return Err(rusqlite::Error::InvalidQuery);
        }
        self.desk.commit.observe(began.elapsed());
        Ok(results)
    }

    fn publish(&mut self, group: Vec<Job>, results: Vec<Result<u64, LedgerError>>) {
        let desk = &self.desk;
        let mut wake = false;
        for (job, result) in group.iter().zip(&results) {
            match (&job.work, result) {
                (Work::Commit(tx), Ok(_)) => wake |= tx.writes.iter().any(wakes),
                (Work::Put(entries), Ok(_)) if entries.iter().any(|e| matches!(e, Put::Plan(_) | Put::EndPlan { .. } | Put::Home(_) | Put::Elder(_))) => {
                    desk.plans_version.fetch_add(1, Ordering::AcqRel);
                }
                (Work::Put(_) | Work::Take(_) | Work::Chore(_), Ok(_)) => {}
                (_, Err(_)) => {
                    desk.conflicts.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        desk.transactions.fetch_add(results.iter().filter(|r| r.is_ok()).count() as u64, Ordering::Relaxed);
        if wake {
            desk.changed.send_modify(|n| *n = n.wrapping_add(1));
        }
        for (job, result) in group.into_iter().zip(results) {
            let _gone = job.reply.send(result);
        }
        self.commits = self.commits.wrapping_add(1);
        if self.commits.is_multiple_of(COMMITS_PER_LOOK) {
            self.limit_wal();
        }
    }

    /// Moves the WAL into the database and gives its space back. True if that made room.
    fn empty_wal(&self) -> bool {
        let Some(db) = &self.db else { return false };
        let bytes = || std::fs::metadata(self.desk.path.with_extension("db-wal")).map(|m| m.len()).unwrap_or_default();
        let before = bytes();
        if let Err(error) = checkpoint(db, "TRUNCATE") {
            tracing::debug!(%error, "the WAL could not be emptied on a full disk");
        }
        bytes() < before
    }

    fn limit_wal(&self) {
        let wal = std::fs::metadata(self.desk.path.with_extension("db-wal")).map(|m| m.len()).unwrap_or_default();
        if wal > WAL_BYTES_MAX
            && let Some(db) = &self.db
        {
            let restart = || {
                db.busy_timeout(Duration::from_millis(50))?;
                checkpoint(db, "RESTART")?;
                db.busy_timeout(Duration::from_secs(5))
            };
            if let Err(error) = restart() {
                tracing::debug!(%error, wal_bytes = wal, "the WAL could not be begun anew");
            }
        }
        if wal > WAL_BYTES_MOVE && self.beside.try_send(Beside::Move).is_err() {
            tracing::trace!("the checkpoint thread is behind");
        }
    }

    /// After a failed commit the handle is not used again. If the failure leaves the WAL in doubt, everything in it
    /// is written into the database and synced there before the next transaction: until that has succeeded, nothing
    /// is committed.
    fn reopen(&mut self, error: &rusqlite::Error) {
        self.db = None;
        if is_doubtful(error) {
            match open_again(&self.desk) {
                Ok(db) => self.db = Some(db),
                Err(error) => tracing::error!(%error, "the ledger could not be opened again"),
            }
        } else {
            match open_writer(&self.desk.path) {
                Ok(db) => self.db = Some(db),
                Err(error) => tracing::warn!(%error, "the ledger could not be opened again"),
            }
        }
    }
}

fn open_again(desk: &Desk) -> rusqlite::Result<Connection> {
    let db = open_writer(&desk.path)?;
    let (pages, moved) = checkpoint(&db, "TRUNCATE")?;
    if pages != moved {
        return Err(rusqlite::Error::InvalidQuery);
    }
    Ok(db)
}

#[cfg(test)]
mod tests {
    use crate::ledger::{Ledger, LedgerError, Tx, Write};
    use crate::sqlite::{DataDir, LedgerOptions, SqliteLedger};
    use std::sync::atomic::Ordering;

    #[tokio::test]
    async fn after_a_failed_commit_the_caller_is_told_and_the_ledger_goes_on() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temp.path()).unwrap();
        let options = LedgerOptions { ballast_bytes: 0, ..LedgerOptions::default() };
        let (ledger, _) = SqliteLedger::open(&dir, &options, "2026-11-23T12:00:00Z".parse().unwrap()).unwrap();
        let set = async |key: &str| ledger.commit(Tx { fence: None, writes: vec![Write::Setting { key: key.into(), value: "1".into() }] }).await;
        set("a").await.unwrap();
        ledger.desk.fail_commits.store(1, Ordering::Relaxed);
        assert!(matches!(set("b").await, Err(LedgerError::Failed(_))));
        set("c").await.unwrap();
        assert_eq!(ledger.setting("a").await.unwrap().as_deref(), Some("1"));
        assert_eq!(ledger.setting("c").await.unwrap().as_deref(), Some("1"));
        assert_eq!(ledger.stats().failures, 1);
    }
}
