//! The spool behind the doors: an [`EventLog`] whose commit is the spool's, so that the door of the platform serves in
//! the home as it is. One thread writes; what gathers during one sync shares the next.
//!
//! Limits: 4,096 messages that wait for the disk (1,024 more if they are red), then the door is told that the log is busy,
//! and the device keeps its message.

use crate::disk::Disk;
use crate::intake::{Intake, Piece};
use crate::spool::{Item, Refused, Spool};
use async_trait::async_trait;
use care::{Lane, Timestamp};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::log::Done;
use store::{Entry, EventLog, LogError, Offset, Record, Shard};
use tokio::sync::watch;

/// Messages that wait for the disk; red ones may be so many more.
const WAITING_MAX: (usize, usize) = (4_096, 1_024);
/// Messages of one sync, and their bytes.
const BATCH: (usize, usize) = (256, 128 * 1024);
/// How often the ballast is looked after while nothing else happens.
const UPKEEP: Duration = Duration::from_secs(30);
/// No time was told.
const UNTOLD: i64 = i64::MIN;
/// The file of what bridges taught.
pub(crate) const LESSONS: &str = "learned";

/// The hub's own clocks: a count that nobody sets, and the wall, which may be wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clocks {
    started: Instant,
    wall: fn() -> Timestamp,
}

impl Clocks {
    /// Begins to count now.
    pub(crate) fn start(wall: fn() -> Timestamp) -> Self {
        Self {
            started: Instant::now(),
            wall,
        }
    }

    /// Milliseconds of this life.
    pub(crate) fn up_ms(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// The wall clock, as it is.
    pub(crate) fn wall(&self) -> Timestamp {
        (self.wall)()
    }
}

struct Job {
    pieces: Vec<Piece>,
    up_ms: i64,
    wall_ms: i64,
    done: Option<Done>,
}

#[derive(Default)]
struct Queue {
    red: VecDeque<Job>,
    routine: VecDeque<Job>,
    closing: bool,
}

struct Shared {
    spool: Mutex<Spool<Box<dyn Disk>>>,
    intake: Mutex<Intake>,
    queue: Mutex<Queue>,
    wake: Condvar,
    clocks: Clocks,
    /// The platform's time when this life began, milliseconds since 1970; [`UNTOLD`] until it is told. Beside the spool, so that
    /// whoever asks for the time does not wait for the disk.
    began_at: AtomicI64,
    changed: [watch::Sender<u64>; 2],
}

/// The spool at work. Clones are the same.
#[derive(Clone)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    /// Starts the writing thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start(
        spool: Spool<Box<dyn Disk>>,
        intake: Intake,
        clocks: Clocks,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            spool: Mutex::new(spool),
            intake: Mutex::new(intake),
            queue: Mutex::default(),
            wake: Condvar::new(),
            clocks,
            began_at: AtomicI64::new(UNTOLD),
            changed: [watch::Sender::new(0), watch::Sender::new(0)],
        });
        let at_work = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("spool".into())
            .spawn(move || at_work.write())?;
        Ok(Self {
            shared,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// The spool, for whoever forwards. Held for moments only: the devices wait for it.
    pub(crate) fn spool(&self) -> MutexGuard<'_, Spool<Box<dyn Disk>>> {
        lock(&self.shared.spool)
    }

    /// The translation.
    pub(crate) fn intake(&self) -> MutexGuard<'_, Intake> {
        lock(&self.shared.intake)
    }

    /// The clocks.
    pub(crate) fn clocks(&self) -> Clocks {
        self.shared.clocks
    }

    /// The platform told its time at `up_ms` of this life.
    ///
    /// # Errors
    /// If it cannot be kept for the next life.
    pub(crate) fn told(&self, platform_ms: i64, up_ms: i64) -> std::io::Result<()> {
        self.shared
            .began_at
            .store(platform_ms.saturating_sub(up_ms), Ordering::Relaxed);
        self.spool().told(platform_ms, up_ms)
    }

    /// The time by the platform's clock, once it has told it; by the wall clock before.
    pub(crate) fn now(&self) -> Timestamp {
        let clocks = self.shared.clocks;
        match self.shared.began_at.load(Ordering::Relaxed) {
            UNTOLD => clocks.wall(),
            began => Timestamp::from_timestamp_millis(began.saturating_add(clocks.up_ms()))
                .unwrap_or_else(|| clocks.wall()),
        }
    }

    /// Puts in what the hub itself has to say.
    pub(crate) fn say(&self, lane: Lane, topic: String, payload: Vec<u8>) {
        self.shared.queue(
            lane,
            vec![Piece {
                lane,
                topic,
                payload,
                age_ms: 0,
            }],
            None,
        );
    }

    /// Writes what waits, and ends. What comes later is refused.
    pub(crate) fn close(&self) {
        lock(&self.shared.queue).closing = true;
        self.shared.wake.notify_all();
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            let _panicked = thread.join();
        }
    }
}

impl Shared {
    fn queue(&self, lane: Lane, pieces: Vec<Piece>, done: Option<Done>) {
        let job = Job {
            pieces,
            up_ms: self.clocks.up_ms(),
            wall_ms: self.clocks.wall().timestamp_millis(),
            done,
        };
        let mut queue = lock(&self.queue);
        let waiting = queue.red.len() + queue.routine.len();
        let most = match lane {
            Lane::Red => WAITING_MAX.0 + WAITING_MAX.1,
            Lane::Routine => WAITING_MAX.0,
        };
        let refused = if queue.closing {
            Some(LogError::Closed)
        } else {
            (waiting >= most).then_some(LogError::Busy)
        };
        if let Some(error) = refused {
            drop(queue);
            if let Some(done) = job.done {
                done(Err(error));
            }
            return;
        }
        match lane {
            Lane::Red => queue.red.push_back(job),
            Lane::Routine => queue.routine.push_back(job),
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// What is to be written next: red alone first. `None` at the end.
    fn batch(&self) -> Option<Vec<Job>> {
        let mut queue = lock(&self.queue);
        loop {
            let from = if queue.red.is_empty() {
                &mut queue.routine
            } else {
                &mut queue.red
            };
            if !from.is_empty() {
                let (mut jobs, mut bytes) = (Vec::new(), 0);
                while jobs.len() < BATCH.0 && bytes < BATCH.1 {
                    let Some(job) = from.pop_front() else { break };
                    bytes += job
                        .pieces
                        .iter()
                        .map(|piece| piece.payload.len() + piece.topic.len())
                        .sum::<usize>();
                    jobs.push(job);
                }
                return Some(jobs);
            }
            if queue.closing {
                return None;
            }
            let (next, late) = self
                .wake
                .wait_timeout(queue, UPKEEP)
                .unwrap_or_else(PoisonError::into_inner);
            queue = next;
            if late.timed_out() {
                drop(queue);
                lock(&self.spool).refill();
                queue = lock(&self.queue);
            }
        }
    }

    fn write(&self) {
        while let Some(jobs) = self.batch() {
            let items: Vec<Item> = jobs.iter().flat_map(items).collect();
            let lessons = lock(&self.intake).lessons();
            let mut spool = lock(&self.spool);
            if let Some(lessons) = lessons
                && let Err(error) = spool.keep(LESSONS, &lessons)
            {
                tracing::warn!(%error, "what the bridges taught could not be kept: they have to teach again after a restart");
            }
            let together = if items.is_empty() {
                Ok(())
            } else {
                spool.append(&items)
            };
            let results: Vec<Result<(), LogError>> = match together {
                Ok(()) => jobs.iter().map(|_| Ok(())).collect(),
                // One by one: what is small enough and red still gets in.
                Err(_) => jobs.iter().map(|job| one_by_one(&mut spool, job)).collect(),
            };
            drop(spool);
            for sender in &self.changed {
                sender.send_modify(|count| *count = count.wrapping_add(1));
            }
            for (job, result) in jobs.into_iter().zip(results) {
                if let Err(error) = &result {
                    tracing::error!(%error, "the spool did not take a message: its sender has to keep it");
                }
                if let Some(done) = job.done {
                    done(result);
                }
            }
        }
    }
}

fn items(job: &Job) -> Vec<Item> {
    let item = |piece: &Piece| Item {
        lane: piece.lane,
        up_ms: job.up_ms.saturating_sub(piece.age_ms),
        wall_ms: job.wall_ms.saturating_sub(piece.age_ms),
        topic: piece.topic.clone(),
        payload: piece.payload.clone(),
    };
    job.pieces.iter().map(item).collect()
}

/// A batch that failed may be in the spool in part: a record that is there twice has the same name twice.
fn one_by_one(spool: &mut Spool<Box<dyn Disk>>, job: &Job) -> Result<(), LogError> {
    spool.append(&items(job)).map_err(|refused| match refused {
        Refused::Full => LogError::DiskFull,
        Refused::TooLarge => LogError::TooLarge,
        Refused::Failed(error) => LogError::Failed(error.to_string()),
    })
}

#[async_trait]
impl EventLog for Writer {
    fn submit(&self, record: Record, done: Done) {
        let pieces = self
            .intake()
            .take(&record.topic, &record.payload, self.shared.clocks.wall());
        self.shared.queue(record.lane, pieces, Some(done));
    }

    async fn read(
        &self,
        _shard: Shard,
        _lane: Lane,
        _after: Offset,
        _max: usize,
    ) -> Result<Vec<Entry>, LogError> {
        Err(LogError::Failed(
            "a spool is read by the one who forwards it".to_owned(),
        ))
    }

    async fn end(&self, _shard: Shard, lane: Lane) -> Result<Offset, LogError> {
        let spool = self.spool();
        let waiting = match lane {
            Lane::Red => spool.count().red,
            Lane::Routine => spool.count().routine,
        };
        Ok(Offset(spool.is_done_to(lane) + waiting))
    }

    fn changed(&self, lane: Lane) -> watch::Receiver<u64> {
        let [red, routine] = &self.shared.changed;
        match lane {
            Lane::Red => red.subscribe(),
            Lane::Routine => routine.subscribe(),
        }
    }

    fn shards(&self) -> u16 {
        1
    }
}

impl gateway::Lanes for Writer {
    fn lane(&self, _home: &care::HomeId, topic: &str, payload: &[u8]) -> Lane {
        self.intake().lane(topic, payload)
    }
}
