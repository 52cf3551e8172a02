//! The one thread that writes the event log.
//!
//! A batch is what came while the last fsync ran: red records first, then routine ones until a red one comes or the
//! batch is large enough. So a red record waits for at most one running fsync (LANE-1). A commit that failed for any
//! reason but a full disk leaves the file in doubt: its batch is refused, the file is left and the next one begins,
//! for whatever is written behind a torn place of a WAL is lost at the next power cut.

use super::beside::Beside;
use super::dir::OpenError;
use super::files::{DayFile, key, nanos};
use super::log::{Shared, lane_of, size};
use super::{checkpoint, is_doubtful, is_full, lock, open_writer};
use crate::log::{Done, LogError, Record, Shard};
use care::Lane;
use chrono::NaiveDate;
use rusqlite::{Connection, TransactionBehavior, params};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// Most records in one transaction.
const BATCH_ROWS_MAX: usize = 4_096;
/// Most bytes in one transaction.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Routine records that go along with red ones.
const ROUTINE_BESIDE_RED: usize = 256;
/// Routine records between two looks at the red queue.
const CHUNK: usize = 64;
/// How long the writer waits for readers when it must empty the WAL itself.
const RESTART_PATIENCE: Duration = Duration::from_millis(50);

/// A record that is being written.
struct Taken {
    record: Record,
    done: Done,
    shard: Shard,
    slot: usize,
    offset: u64,
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    /// `None`: there is no file yet, or the last one was left.
    db: Option<Connection>,
    /// The file that is written.
    file: Option<Arc<DayFile>>,
    /// Day and part of the newest file, whether it can be written on or not.
    newest: Option<(NaiveDate, u32)>,
    /// The next offset of every lane.
    next: Vec<u64>,
    beside: SyncSender<Beside>,
    /// Bytes since the WAL was last looked at.
    unmoved: u64,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, db: Option<Connection>, newest: Option<(NaiveDate, u32)>, next: Vec<u64>, beside: SyncSender<Beside>) -> Self {
        let file = db.as_ref().and_then(|_| lock(&shared.files).last().cloned());
        let writer = Self { shared, db, file, newest, next, beside, unmoved: 0 };
        if let Some(file) = &writer.file {
            writer.tell(Beside::File(file.path.clone()));
        }
        writer
    }

    /// Writes until the log is closed and its queues are empty.
    pub(super) fn run(mut self) {
        while let Some(day) = self.wait() {
            match self.stand_ready(day) {
                Ok(()) => self.batch(),
                Err(error) => self.refuse_all(&error),
            }
        }
        if let Some(db) = &self.db
            && let Err(error) = checkpoint(db, "TRUNCATE")
        {
            tracing::debug!(%error, "the WAL was not emptied at the end");
        }
    }

    /// Waits for a record; returns its day. `None`: closed.
    fn wait(&self) -> Option<NaiveDate> {
        let mut queues = lock(&self.shared.queues);
        loop {
            let first = queues.red.records.front().or_else(|| queues.routine.records.front());
            if let Some((record, _)) = first {
                return Some(record.heard_at.date_naive());
            }
            if queues.closed {
                return None;
            }
            queues = self.shared.wake.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sees to it that the file of `day` is open, or a later one: files never go back.
    fn stand_ready(&mut self, day: NaiveDate) -> Result<(), LogError> {
        let current = self.newest.map(|(day, _)| day);
        let wanted = current.map_or(day, |current| current.max(day));
        if self.db.is_some() && current == Some(wanted) {
            return Ok(());
        }
        match self.begin_file(wanted) {
            Ok(()) => Ok(()),
            // The day's file cannot be made, but the one before is sound: order matters more than names.
            Err(error) if self.db.is_some() => {
                tracing::warn!(%error, "the day's log file could not be made; going on in the one before");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Begins a new file, with the ballast's help if the disk is full.
    fn begin_file(&mut self, day: NaiveDate) -> Result<(), LogError> {
        let part = self.newest.filter(|(newest, _)| *newest == day).map_or(0, |(_, part)| part.saturating_add(1));
        let (file, db) = loop {
            match DayFile::create(&self.shared.dir, day, part, &self.next) {
                Ok(made) => break made,
                Err(OpenError::Sqlite(what, error)) if is_full(&error, &self.shared.dir) => {
                    if !self.shared.ballast.release() {
                        tracing::debug!(%error, "could not {what}");
                        return Err(LogError::DiskFull);
                    }
                }
                Err(error) => return Err(LogError::Failed(error.to_string())),
            }
        };
        let file = Arc::new(file);
        self.tell(Beside::File(file.path.clone()));
        lock(&self.shared.files).push(file.clone());
        self.newest = Some((file.day, file.part));
        self.file = Some(file);
        if let Some(old) = self.db.replace(db) {
            self.tell(Beside::Close(old));
        }
        Ok(())
    }

    fn tell(&self, what: Beside) {
        if self.beside.send(what).is_err() {
            tracing::debug!("the checkpoint thread has ended");
        }
    }

    /// Refuses what waits: no file can be opened.
    fn refuse_all(&self, error: &LogError) {
        let waiting: Vec<_> = {
            let mut queues = lock(&self.shared.queues);
            let mut all: Vec<_> = std::iter::from_fn(|| queues.red.pop()).collect();
            all.extend(std::iter::from_fn(|| queues.routine.pop()));
            all
        };
        self.shared.counters.failures.fetch_add(1, Ordering::Relaxed);
        waiting.into_iter().for_each(|(_, done)| call(done, Err(error.clone())));
    }

    /// Writes one batch and tells its submitters.
    fn batch(&mut self) {
        let mut taken = Vec::new();
        let mut result = self.transaction(&mut taken, Fill::FromQueues);
        if let Err(error) = &result {
            let full = is_full(error, &self.shared.dir);
            if full {
                // Red ones once more, on what the ballast gives back; everything else is refused.
                let (red, routine): (Vec<_>, Vec<_>) = taken.into_iter().partition(|t| t.record.lane == Lane::Red);
                self.shared.counters.refused_full.fetch_add(routine.len() as u64, Ordering::Relaxed);
                if !self.shared.ballast.is_full() {
                    tracing::error!("the disk of the event log is full: red records only, from the ballast");
                }
                self.recover(error);
                let mut released = self.shared.ballast.release();
                routine.into_iter().for_each(|t| call(t.done, Err(LogError::DiskFull)));
                taken = red;
                while !taken.is_empty() && result.as_ref().is_err_and(|e| is_full(e, &self.shared.dir)) && released {
                    result = self.transaction(&mut taken, Fill::AsGiven);
                    if let Err(error) = &result {
                        self.recover(error);
                        released = self.shared.ballast.release();
                    }
                }
            } else {
                self.shared.counters.failures.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, rows = taken.len(), "a commit of the event log failed");
                self.recover(error);
            }
        }
        match result {
            Ok(()) => self.publish(taken),
            Err(error) => {
                let error = if is_full(&error, &self.shared.dir) { LogError::DiskFull } else { LogError::Failed(error.to_string()) };
                taken.into_iter().for_each(|t| call(t.done, Err(error.clone())));
            }
        }
    }

    /// After a failed transaction: the same file again if nothing is in doubt, else none, so that a new one begins.
    fn recover(&mut self, error: &rusqlite::Error) {
        self.db = None;
        let Some(file) = self.file.clone() else {
            return;
        };
        if !is_doubtful(error) {
            for (next, end) in self.next.iter_mut().zip(&self.shared.ends) {
                *next = end.load(Ordering::Acquire).saturating_add(1);
            }
            match open_writer(&file.path) {
                Ok(db) => self.db = Some(db),
                Err(error) => tracing::warn!(%error, "the log file could not be opened again"),
            }
        }
        if self.db.is_none()
            && let Err(error) = self.begin_file(file.day)
        {
            tracing::error!(%error, "no log file can be begun");
        }
    }

    /// One transaction: fills `taken` from the queues and writes it, or writes it as it is.
    fn transaction(&mut self, taken: &mut Vec<Taken>, fill: Fill) -> rusqlite::Result<()> {
        let began = Instant::now();
        let Some(db) = &mut self.db else {
            return Err(rusqlite::Error::InvalidQuery);
        };
        let shared = &self.shared;
        let next = &mut self.next;
        let tx = match db.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(tx) => tx,
            Err(error) => {
                // What caused it decides who is refused: the records must be in hand for that.
                take(shared, taken, next, Lane::Red, BATCH_ROWS_MAX);
                take(shared, taken, next, Lane::Routine, BATCH_ROWS_MAX);
                return Err(error);
            }
        };
        {
            let mut insert = tx.prepare_cached("INSERT INTO record (key, home, source, topic, heard_at, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            let mut write = |taken: &[Taken]| -> rusqlite::Result<()> {
                for t in taken {
                    let r = &t.record;
                    insert.execute(params![
                        key(r.lane, t.shard, t.offset),
                        r.home.as_str(),
                        r.source,
                        r.topic,
                        nanos(r.heard_at),
                        r.payload.as_slice()
                    ])?;
                }
                Ok(())
            };
            match fill {
                Fill::AsGiven => {
                    for t in taken.iter_mut() {
                        t.offset = place(next, t.slot);
                    }
                    write(taken)?;
                }
                Fill::FromQueues => {
                    let mut budget = BATCH_ROWS_MAX;
                    let mut bytes = 0_usize;
                    let mut from = 0;
                    loop {
                        let red = take(shared, taken, next, Lane::Red, BATCH_ROWS_MAX);
                        if red > 0 {
                            budget = budget.min(ROUTINE_BESIDE_RED);
                        }
                        let routine = take(shared, taken, next, Lane::Routine, budget.min(CHUNK));
                        budget -= routine;
                        let new = taken.get(from..).unwrap_or_default();
                        bytes = new.iter().fold(bytes, |n, t| n.saturating_add(size(&t.record)));
                        write(new)?;
                        from = taken.len();
                        if routine < CHUNK || budget == 0 || bytes >= BATCH_BYTES_MAX {
                            break;
                        }
                    }
                }
            }
        }
        #[cfg(test)]
        if shared.counters.fail_commits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
            tx.commit()?;
            return Err(rusqlite::Error::InvalidQuery);
        }
        tx.commit()?;
        if !shared.options.slower_by.is_zero() {
            std::thread::sleep(shared.options.slower_by);
        }
        shared.counters.commit.observe(began.elapsed());
        Ok(())
    }

    /// Makes a batch visible and tells its submitters.
    fn publish(&mut self, taken: Vec<Taken>) {
        let shared = self.shared.clone();
        let (mut red, mut routine, mut bytes) = (0_u64, 0_u64, 0_u64);
        let mut told = Vec::with_capacity(taken.len());
        for t in taken {
            match t.record.lane {
                Lane::Red => red += 1,
                Lane::Routine => routine += 1,
            }
            bytes = bytes.saturating_add(size(&t.record) as u64);
            // In the tail before it is visible: who sees the end finds the record.
            shared.tails.push(t.slot, t.offset, t.record);
            if let Some(end) = shared.ends.get(t.slot) {
                end.store(t.offset, Ordering::Release);
            }
            told.push(t.done);
        }
        shared.counters.red_rows.fetch_add(red, Ordering::Relaxed);
        shared.counters.routine_rows.fetch_add(routine, Ordering::Relaxed);
        shared.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
        for (lane, rows) in [(Lane::Red, red), (Lane::Routine, routine)] {
            if rows > 0 {
                shared.sender(lane).send_modify(|n| *n = n.wrapping_add(rows));
            }
        }
        told.into_iter().for_each(|done| call(done, Ok(())));
        self.unmoved = self.unmoved.saturating_add(bytes);
        if self.unmoved >= shared.options.checkpoint_bytes {
            self.unmoved = 0;
            self.limit_wal();
        }
    }

    /// Has the WAL moved into the database; does it itself if the WAL has become too large all the same.
    fn limit_wal(&self) {
        let (Some(db), Some(file)) = (&self.db, &self.file) else {
            return;
        };
        let wal = std::fs::metadata(file.path.with_extension("db-wal")).map(|m| m.len()).unwrap_or_default();
        if wal > self.shared.options.wal_bytes_max {
            let restart = || {
                db.busy_timeout(RESTART_PATIENCE)?;
                checkpoint(db, "RESTART")?;
                db.busy_timeout(Duration::from_secs(5))
            };
            if let Err(error) = restart() {
                tracing::debug!(%error, wal_bytes = wal, "the WAL could not be begun anew");
            }
        }
        if self.beside.try_send(Beside::Move).is_err() {
            tracing::trace!("the checkpoint thread is behind");
        }
    }
}

/// Where a transaction's records come from.
#[derive(Debug, Clone, Copy)]
enum Fill {
    FromQueues,
    AsGiven,
}

fn place(next: &mut [u64], slot: usize) -> u64 {
    next.get_mut(slot).map_or(0, |n| {
        let offset = *n;
        *n = n.saturating_add(1);
        offset
    })
}

/// Takes up to `max` records of a lane from its queue and gives them their places. Returns how many.
fn take(shared: &Shared, taken: &mut Vec<Taken>, next: &mut [u64], lane: Lane, max: usize) -> usize {
    let mut queues = lock(&shared.queues);
    let queue = match lane {
        Lane::Red => &mut queues.red,
        Lane::Routine => &mut queues.routine,
    };
    let mut n = 0;
    while n < max {
        let Some((record, done)) = queue.pop() else {
            break;
        };
        let (shard, slot) = lane_of(&record, shared.options.shards);
        let offset = place(next, slot);
        taken.push(Taken { record, done, shard, slot, offset });
        n += 1;
    }
    n
}

/// Calls back; a panic there must not take the log down.
fn call(done: Done, result: Result<(), LogError>) {
    if std::panic::catch_unwind(AssertUnwindSafe(|| done(result))).is_err() {
        tracing::error!("a submitter's callback panicked");
    }
}

#[cfg(test)]
mod tests {
    use crate::log::{EventLog, LogError, Offset, Record, Shard, append};
    use crate::sqlite::{DataDir, LogOptions, SqliteLog};
    use care::Lane;

    fn record(lane: Lane, n: u32) -> Record {
        Record {
            lane,
            home: "home-1".into(),
            source: "test".into(),
            topic: format!("t/{n}"),
            payload: n.to_string().into_bytes(),
            heard_at: "2026-11-23T12:00:00Z".parse().unwrap(),
        }
    }

    #[tokio::test]
    async fn after_a_failed_commit_a_new_file_begins_and_no_place_is_used_twice() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temp.path()).unwrap();
        let options = LogOptions { shards: 1, ballast_bytes: 0, ..LogOptions::default() };
        let log = SqliteLog::open(&dir, options.clone()).unwrap();
        append(&log, record(Lane::Red, 1)).await.unwrap();
        log.fail_commits(1);
        assert!(matches!(append(&log, record(Lane::Red, 2)).await, Err(LogError::Failed(_))));
        append(&log, record(Lane::Red, 3)).await.unwrap();
        assert_eq!(log.stats().files, 2);
        let read = log.read(Shard(0), Lane::Red, Offset(0), 10).await.unwrap();
        let topics: Vec<_> = read.iter().map(|e| (e.offset.0, e.record.topic.as_str())).collect();
        assert_eq!(topics, [(1, "t/1"), (3, "t/3")]);
        drop(log);
        let log = SqliteLog::open(&dir, options).unwrap();
        // The second was refused, but it is there: at least once, and in a place of its own.
        let read = log.read(Shard(0), Lane::Red, Offset(0), 10).await.unwrap();
        assert_eq!(read.iter().map(|e| e.offset.0).collect::<Vec<_>>(), [1, 2, 3]);
        append(&log, record(Lane::Red, 4)).await.unwrap();
        assert_eq!(log.end(Shard(0), Lane::Red).await.unwrap(), Offset(4));
    }
}
