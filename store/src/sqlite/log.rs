//! The event log on SQLite day files: two bounded queues in front of one writer thread, readers on connections of
//! their own. See [`super::writer`] for how a batch is written and what happens when that fails.

use super::ballast::Ballast;
use super::dir::{DataDir, OpenError};
use super::files::{DayFile, Full, LEAP, is_damaged, slot};
use super::stats::{Latency, LogStats};
use super::tail::Tails;
use super::writer::Writer;
use super::{beside, is_full, lock, open_reader, open_writer};
use crate::ledger::Decided;
use crate::log::{Done, Entry, EventLog, LogError, Offset, Record, Shard, shard_of};
use async_trait::async_trait;
use care::Lane;
use chrono::NaiveDate;
use rusqlite::Connection;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use tokio::sync::watch;

/// Read connections kept open between reads.
const IDLE_READERS_MAX: usize = 8;

/// Settings of the event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// How many shards (1 to 4096). Fixed when the directory is made.
    pub shards: u16,
    /// Disk space put aside for red records when the disk is full.
    pub ballast_bytes: u64,
    /// Most records that wait in each lane.
    pub queue_rows_max: usize,
    /// Most bytes that wait in each lane.
    pub queue_bytes_max: usize,
    /// After this many bytes the WAL is moved into the database, beside the writing.
    pub checkpoint_bytes: u64,
    /// At this size of the WAL the writer itself makes an end to its growth.
    pub wal_bytes_max: u64,
    /// Every commit takes so much longer: a disk that is slow, for trying things out.
    pub slower_by: std::time::Duration,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            shards: 8,
            ballast_bytes: 64 << 20,
            queue_rows_max: 65_536,
            queue_bytes_max: 32 << 20,
            checkpoint_bytes: 4 << 20,
            wal_bytes_max: 64 << 20,
            slower_by: std::time::Duration::ZERO,
        }
    }
}

/// The records of one lane that wait for the writer.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) records: VecDeque<(Record, Done)>,
    pub(super) bytes: usize,
}

/// What waits for the writer.
#[derive(Default)]
pub(super) struct Queues {
    pub(super) red: Queue,
    pub(super) routine: Queue,
    pub(super) closed: bool,
}

pub(super) struct Shared {
    pub(super) dir: Arc<DataDir>,
    pub(super) options: LogOptions,
    pub(super) ballast: Arc<Ballast>,
    pub(super) queues: Mutex<Queues>,
    pub(super) wake: Condvar,
    /// The last durable offset of every lane, by [`slot`].
    pub(super) ends: Vec<AtomicU64>,
    pub(super) tails: Tails,
    pub(super) files: Mutex<Vec<Arc<DayFile>>>,
    readers: Mutex<Vec<(PathBuf, Connection)>>,
    red: watch::Sender<u64>,
    routine: watch::Sender<u64>,
    pub(super) counters: Counters,
    damaged: u64,
}

/// What was found in the directory.
struct Found {
    files: Vec<Arc<DayFile>>,
    /// The newest file, if it can be written on.
    db: Option<Connection>,
    ends: Vec<u64>,
    damaged: u64,
    /// Day and part of the newest file, sound or not.
    newest: Option<(NaiveDate, u32)>,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) red_rows: AtomicU64,
    pub(super) routine_rows: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) commit: Latency,
    pub(super) busy: AtomicU64,
    pub(super) refused_full: AtomicU64,
    pub(super) failures: AtomicU64,
    /// Commits that are to fail, for tests.
    #[cfg(test)]
    pub(super) fail_commits: AtomicU64,
}

impl Queue {
    pub(super) fn push(&mut self, record: Record, done: Done) {
        self.bytes = self.bytes.saturating_add(size(&record));
        self.records.push_back((record, done));
    }

    pub(super) fn pop(&mut self) -> Option<(Record, Done)> {
        let (record, done) = self.records.pop_front()?;
        self.bytes = self.bytes.saturating_sub(size(&record));
        Some((record, done))
    }
}

/// The bytes of a record, for limits.
pub(super) fn size(record: &Record) -> usize {
    record.payload.len() + record.topic.len() + record.source.len() + record.home.as_str().len() + 32
}

/// The event log in a data directory.
pub struct SqliteLog {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl SqliteLog {
    /// Opens the log, goes on where it was, and starts its threads.
    ///
    /// # Errors
    /// [`OpenError`] if a file cannot be opened, was written by a newer version, or has another number of shards.
    pub fn open(dir: &Arc<DataDir>, options: LogOptions) -> Result<Self, OpenError> {
        let options = LogOptions { shards: options.shards.clamp(1, care::id::PARTITIONS), ..options };
        let ballast = Ballast::open(dir, "log.ballast", options.ballast_bytes).map_err(|e| OpenError::Io("put the log's ballast aside".into(), e))?;
        let Found { files, db, ends, damaged, newest } = loop {
            match Self::open_files(dir, &options) {
                Err(OpenError::Sqlite(_, error)) if is_full(&error, dir) && ballast.release() => {}
                other => break other?,
            }
        };
        let next = ends.iter().map(|end| end.saturating_add(1)).collect();
        let shared = Arc::new(Shared {
            dir: dir.clone(),
            ballast: Arc::new(ballast),
            queues: Mutex::default(),
            wake: Condvar::new(),
            tails: Tails::new(&ends),
            ends: ends.into_iter().map(AtomicU64::new).collect(),
            files: Mutex::new(files),
            readers: Mutex::default(),
            red: watch::Sender::new(0),
            routine: watch::Sender::new(0),
            counters: Counters::default(),
            damaged,
            options,
        });
        let (tell, told) = std::sync::mpsc::sync_channel(8);
        let writer = Writer::new(shared.clone(), db, newest, next, tell);
        let ballast = shared.ballast.clone();
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.into()).spawn(run).map_err(|e| OpenError::Io(format!("start the thread {name}"), e))
        };
        let threads =
            vec![spawn("log-checkpoint", Box::new(move || beside::run(&ballast, &told)))?, spawn("log-writer", Box::new(move || writer.run()))?];
        Ok(Self { shared, threads: Mutex::new(threads) })
    }

    fn open_files(dir: &DataDir, options: &LogOptions) -> Result<Found, OpenError> {
        let (mut files, damaged) = DayFile::all(dir)?;
        let lanes = usize::from(options.shards) * 2;
        let mut found = Found { files: Vec::new(), db: None, ends: vec![0; lanes], damaged: damaged.len() as u64, newest: None };
        let mut leap = damaged.last().map(|f| (f.day, f.part));
        found.newest = leap;
        if let Some(newest) = files.last() {
            if newest.starts.len() != lanes {
                let have = u16::try_from(newest.starts.len() / 2).unwrap_or_default();
                return Err(OpenError::Shards { have, asked: options.shards });
            }
            let open = || {
                let db = open_writer(&newest.path)?;
                let ends = newest.ends(&db)?;
                Ok((db, ends))
            };
            match open() {
                Ok((db, ends)) => (found.db, found.ends) = (Some(db), ends),
                Err(error) if is_damaged(&error) => {
                    tracing::error!(file = %newest.path.display(), %error, "the newest day file of the event log is damaged: going on in a new one");
                    found.ends = newest.starts.iter().map(|start| start.saturating_sub(1)).collect();
                    found.damaged += 1;
                    leap = Some((newest.day, newest.part));
                }
                Err(error) => return Err(OpenError::Sqlite(format!("open {}", newest.path.display()), error)),
            }
            let place = Some((newest.day, newest.part));
            if leap < place {
                leap = None;
            }
            found.newest = found.newest.max(place);
        }
        if leap.is_some() {
            // Behind a damaged file: not written any more, and far beyond whatever it may have held.
            found.db = None;
            found.ends.iter_mut().for_each(|end| *end = end.saturating_add(LEAP));
        }
        found.files = files.drain(..).map(Arc::new).collect();
        Ok(found)
    }

    /// Drops day files from before the day `before` (UTC), oldest first, as long as everything in them stands at or
    /// before `keep_after`: what is not decided and in a snapshot is never dropped. The newest file stays. Returns how
    /// many were dropped.
    ///
    /// # Errors
    /// [`LogError::Failed`] if a file could not be removed.
    pub fn retain(&self, keep_after: &BTreeMap<Shard, Decided>, before: NaiveDate) -> Result<usize, LogError> {
        let failed = |e: std::io::Error| LogError::Failed(e.to_string());
        let mut dropped = 0;
        loop {
            let oldest = {
                let mut files = lock(&self.shared.files);
                let (Some(oldest), Some(next)) = (files.first(), files.get(1)) else {
                    break;
                };
                if oldest.day >= before || !self.all_kept(next, keep_after) {
                    break;
                }
                files.remove(0)
            };
            lock(&self.shared.readers).retain(|(path, _)| *path != oldest.path);
            oldest.remove().map_err(failed)?;
            dropped += 1;
        }
        if dropped > 0 {
            self.shared.dir.sync().map_err(failed)?;
        }
        Ok(dropped)
    }

    /// True if everything before the file `next` stands at or before `keep_after`.
    fn all_kept(&self, next: &DayFile, keep_after: &BTreeMap<Shard, Decided>) -> bool {
        let shards = self.shared.options.shards;
        (0..shards).map(Shard).all(|shard| {
            let kept = keep_after.get(&shard).copied().unwrap_or_default();
            [(Lane::Red, kept.red), (Lane::Routine, kept.routine)]
                .into_iter()
                .all(|(lane, kept)| next.starts.get(slot(lane, shard, shards)).is_some_and(|start| *start <= kept.0.saturating_add(1)))
        })
    }

    /// The figures since the start.
    pub fn stats(&self) -> LogStats {
        let counters = &self.shared.counters;
        let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let (red_queue, routine_queue) = {
            let queues = lock(&self.shared.queues);
            (queues.red.records.len() as u64, queues.routine.records.len() as u64)
        };
        let files = lock(&self.shared.files).clone();
        LogStats {
            red_rows: of(&counters.red_rows),
            routine_rows: of(&counters.routine_rows),
            bytes: of(&counters.bytes),
            commit: counters.commit.read(),
            red_queue,
            routine_queue,
            busy: of(&counters.busy),
            refused_full: of(&counters.refused_full),
            failures: of(&counters.failures),
            files: files.len() as u64,
            damaged_files: self.shared.damaged,
            disk_bytes: files.iter().map(|f| f.disk_bytes()).sum(),
            disk_full: self.shared.ballast.is_full(),
            ballast_bytes: self.shared.ballast.bytes(),
        }
    }

    /// True while the disk is full: red records are taken as long as the ballast lasts, nothing else.
    pub fn disk_full(&self) -> bool {
        self.shared.ballast.is_full()
    }

    /// Looks at once whether a full disk has room again, instead of at the next second. True if everything is taken.
    pub fn look_for_room(&self) -> bool {
        self.shared.ballast.refill()
    }

    /// Writes what waits, then stops. Whatever is submitted afterwards is refused as closed.
    pub fn close(&self) {
        lock(&self.shared.queues).closed = true;
        self.shared.wake.notify_all();
        for thread in lock(&self.threads).drain(..).rev() {
            if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
                tracing::error!("a thread of the event log ended by a panic");
            }
        }
    }

    #[cfg(test)]
    pub(super) fn fail_commits(&self, n: u64) {
        self.shared.counters.fail_commits.store(n, Ordering::Relaxed);
    }
}

impl Drop for SqliteLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    pub(super) fn sender(&self, lane: Lane) -> &watch::Sender<u64> {
        match lane {
            Lane::Red => &self.red,
            Lane::Routine => &self.routine,
        }
    }

    /// A read connection to a file: an idle one, or a new one.
    fn reader(&self, file: &DayFile) -> Result<Connection, LogError> {
        let idle = {
            let mut readers = lock(&self.readers);
            readers.iter().position(|(path, _)| *path == file.path).map(|i| readers.swap_remove(i).1)
        };
        match idle {
            Some(db) => Ok(db),
            None => open_reader(&file.path).map_err(|e| LogError::Failed(e.to_string())),
        }
    }

    fn give_back(&self, file: &DayFile, db: Connection) {
        let mut readers = lock(&self.readers);
        if readers.len() >= IDLE_READERS_MAX {
            readers.remove(0);
        }
        readers.push((file.path.clone(), db));
    }

    fn read(&self, shard: Shard, lane: Lane, after: Offset, end: u64, max: usize) -> Result<Vec<Entry>, LogError> {
        let at = slot(lane, shard, self.options.shards);
        let files = lock(&self.files).clone();
        // The first file that may hold the next record: the last one that starts at or before it.
        let wanted = after.0.saturating_add(1);
        let first = files.partition_point(|f| f.starts.get(at).is_some_and(|start| *start <= wanted)).saturating_sub(1);
        let mut out = Vec::new();
        for file in files.iter().skip(first) {
            let db = self.reader(file)?;
            let full = DayFile::read(&db, (shard, lane), after, end, max, &mut out)?;
            self.give_back(file, db);
            if full == Full::Yes {
                break;
            }
        }
        Ok(out)
    }
}

#[async_trait]
impl EventLog for SqliteLog {
    fn submit(&self, record: Record, done: Done) {
        if !record.fits() {
            return done(Err(LogError::TooLarge));
        }
        let options = &self.shared.options;
        let refusal = {
            let mut queues = lock(&self.shared.queues);
            let closed = queues.closed;
            let queue = match record.lane {
                Lane::Red => &mut queues.red,
                Lane::Routine => &mut queues.routine,
            };
            if closed {
                Some((done, LogError::Closed))
            } else if record.lane == Lane::Routine && self.shared.ballast.is_full() {
                self.shared.counters.refused_full.fetch_add(1, Ordering::Relaxed);
                Some((done, LogError::DiskFull))
            } else if queue.records.len() >= options.queue_rows_max || queue.bytes.saturating_add(size(&record)) > options.queue_bytes_max {
                self.shared.counters.busy.fetch_add(1, Ordering::Relaxed);
                Some((done, LogError::Busy))
            } else {
                queue.push(record, done);
                None
            }
        };
        match refusal {
            Some((done, error)) => done(Err(error)),
            None => self.shared.wake.notify_one(),
        }
    }

    async fn read(&self, shard: Shard, lane: Lane, after: Offset, max: usize) -> Result<Vec<Entry>, LogError> {
        let end = self.end(shard, lane).await?;
        if end <= after || max == 0 {
            return Ok(Vec::new());
        }
        if let Some(found) = self.shared.tails.read(slot(lane, shard, self.shared.options.shards), after, end.0, max) {
            return Ok(found);
        }
        let shared = self.shared.clone();
        tokio::task::spawn_blocking(move || shared.read(shard, lane, after, end.0, max)).await.unwrap_or(Err(LogError::Closed))
    }

    async fn end(&self, shard: Shard, lane: Lane) -> Result<Offset, LogError> {
        let end = self.shared.ends.get(slot(lane, shard, self.shared.options.shards));
        Ok(Offset(end.map(|end| end.load(Ordering::Acquire)).unwrap_or_default()))
    }

    fn changed(&self, lane: Lane) -> watch::Receiver<u64> {
        self.shared.sender(lane).subscribe()
    }

    fn shards(&self) -> u16 {
        self.shared.options.shards
    }
}

/// The shard of a record among this log's.
pub(super) fn lane_of(record: &Record, shards: u16) -> (Shard, usize) {
    let shard = shard_of(&record.home, shards);
    (shard, slot(record.lane, shard, shards))
}
