//! The ledger on SQLite: opening it, and the writing half of its port. Reading is in [`super::read`], the register
//! that shares its file in [`super::register`].

use super::ballast::Ballast;
use super::beside::{self, Beside};
use super::dir::{DataDir, OpenError};
use super::ledger_writer::{Desk, Job, Waiting, Work, Writer};
use super::migrations::migrate;
use super::seal::{Keys, Place, hex};
use super::stats::Latency;
use super::{apply, is_full, lock, open_reader, open_writer};
use crate::ledger::{LedgerError, Tx};
use crate::log::Shard;
use crate::ownership::{Fence, Ownership};
use async_trait::async_trait;
use care::plan::Plan;
use care::{HomeId, Level, Timestamp};
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, oneshot, watch};

/// The name of the file in the data directory.
const FILE: &str = "ledger.db";
/// Transactions that may wait for the writer, of red alarms and of all others; more callers wait for their turn.
const WAITING_MAX: usize = 4_096;
/// Read connections kept open between reads.
const IDLE_READERS_MAX: usize = 8;
/// What the seal check seals.
const SEAL_CHECK: &[u8] = b"hearthline";

/// Settings of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerOptions {
    /// The key file for sealed columns; `None` = `keys/seal.key` in the data directory.
    pub key_file: Option<PathBuf>,
    /// Disk space put aside for red alarms when the disk is full.
    pub ballast_bytes: u64,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self { key_file: None, ballast_bytes: 64 << 20 }
    }
}

/// What was found when the ledger was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// There was none: a new one was made, with a new key file if there was none.
    New,
    /// The same one that was closed last.
    Same,
    /// A restored or copied one: calling is held until an operator releases it (ALM-8). The setting `calling` is
    /// `held` already.
    Copied {
        /// What the file was known by.
        was: String,
        /// What it is known by now.
        is: String,
    },
}

/// Ledger, register and ownership in a data directory.
pub struct SqliteLedger {
    pub(super) desk: Arc<Desk>,
    readers: Arc<Mutex<Vec<Connection>>>,
    vital_room: Arc<Semaphore>,
    other_room: Arc<Semaphore>,
    pub(super) plans: Mutex<Plans>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Plans that were looked up, as of a version of the register.
#[derive(Default)]
pub(super) struct Plans {
    pub(super) version: u64,
    pub(super) found: BTreeMap<(HomeId, String, Level), Plan>,
}

impl SqliteLedger {
    /// Opens the ledger, or makes it, and starts its threads.
    ///
    /// # Errors
    /// [`OpenError`] if the file cannot be opened, was written by a newer version, or its keys do not fit.
    pub fn open(dir: &Arc<DataDir>, options: &LedgerOptions, now: Timestamp) -> Result<(Self, Opened), OpenError> {
        let path = dir.path().join(FILE);
        let key_file = options.key_file.clone().unwrap_or_else(|| dir.path().join("keys/seal.key"));
        let ballast =
            Ballast::open(dir, "ledger.ballast", options.ballast_bytes).map_err(|e| OpenError::Io("put the ledger's ballast aside".into(), e))?;
        let (db, keys, opened) = loop {
            match Self::open_file(dir, &path, &key_file, now) {
                Err(OpenError::Sqlite(_, error)) if is_full(&error, dir) && ballast.release() => {}
                other => break other?,
            }
        };
        let desk = Arc::new(Desk {
            dir: dir.clone(),
            path: path.clone(),
            keys: Arc::new(keys),
            ballast: Arc::new(ballast),
            waiting: Mutex::new(Waiting::default()),
            wake: Condvar::new(),
            changed: watch::Sender::new(0),
            plans_version: AtomicU64::new(0),
            transactions: AtomicU64::new(0),
            conflicts: AtomicU64::new(0),
            commit: Latency::default(),
            refused_full: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            #[cfg(test)]
            fail_commits: AtomicU64::new(0),
        });
        let (tell, told) = std::sync::mpsc::sync_channel(8);
        if tell.send(Beside::File(path)).is_err() {
            tracing::debug!("the checkpoint thread has ended");
        }
        let writer = Writer { desk: desk.clone(), db: Some(db), beside: tell, commits: 0 };
        let ballast = desk.ballast.clone();
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.into()).spawn(run).map_err(|e| OpenError::Io(format!("start the thread {name}"), e))
        };
        let threads = vec![
            spawn("ledger-checkpoint", Box::new(move || beside::run(&ballast, &told)))?,
            spawn("ledger-writer", Box::new(move || writer.run()))?,
        ];
        let ledger = Self {
            desk,
            readers: Arc::default(),
            vital_room: Arc::new(Semaphore::new(WAITING_MAX)),
            other_room: Arc::new(Semaphore::new(WAITING_MAX)),
            plans: Mutex::default(),
            threads: Mutex::new(threads),
        };
        Ok((ledger, opened))
    }

    fn open_file(dir: &DataDir, path: &Path, key_file: &Path, now: Timestamp) -> Result<(Connection, Keys, Opened), OpenError> {
        let failed = |e| OpenError::Sqlite(format!("open {}", path.display()), e);
        let new = !path.is_file();
        let mut db = open_writer(path).map_err(failed)?;
        migrate(&mut db, FILE)?;
        dir.sync().map_err(|e| OpenError::Io("make durable the name of the ledger".into(), e))?;
        let setting = |key: &str| -> Result<Option<String>, OpenError> {
            db.query_row("SELECT value FROM setting WHERE key = ?1", [key], |r| r.get(0)).optional().map_err(failed)
        };
        let check = setting("seal_check")?;
        if !key_file.is_file() {
            if check.is_some() {
                return Err(OpenError::Key(
                    key_file.to_owned(),
                    "is missing: bring back its copy, for without it names, numbers and notes cannot be read",
                ));
            }
            Keys::create(key_file)?;
        }
        let keys = Keys::read(key_file)?;
        let place = Place { column: "setting.value", row: "seal_check" };
        let unfit = || OpenError::Key(key_file.to_owned(), "belongs to another ledger");
        match &check {
            Some(sealed) if !keys.open(place, &unhex(sealed)).is_ok_and(|plain| plain == SEAL_CHECK) => {
                return Err(unfit());
            }
            Some(_) | None => {}
        }
        let is = dir.fingerprint(FILE).map_err(|e| OpenError::Io("look at the ledger's file".into(), e))?;
        let was = setting("fingerprint")?;
        let opened = match was {
            None if new || setting("ledger_id")?.is_none() => Opened::New,
            Some(was) if was == is => Opened::Same,
            was => Opened::Copied { was: was.unwrap_or_default(), is: is.clone() },
        };
        let random = || hex(&rand::random::<[u8; 16]>());
        let mut settings = vec![("fingerprint", is), ("instance_id", random())];
        if opened == Opened::New {
            settings.push(("ledger_id", random()));
            settings.push(("seal_check", hex(&keys.seal(place, SEAL_CHECK).map_err(|_| unfit())?)));
        }
        let mut note = None;
        if let Opened::Copied { was, .. } = &opened {
            settings.push(("calling", "held".into()));
            note = Some(format!("was {was}"));
        }
        let write = |db: &mut Connection| -> Result<(), apply::Failure> {
            let tx = db.transaction()?;
            for (key, value) in &settings {
                apply::setting(&tx, key, value)?;
            }
            if let Some(note) = &note {
                apply::audit(&tx, now, "platform", "ledger.copied", note)?;
            }
            Ok(tx.commit()?)
        };
        write(&mut db).map_err(|e| match e {
            apply::Failure::Group(e) => failed(e),
            apply::Failure::Alone(e) => OpenError::Io(format!("open {}", path.display()), std::io::Error::other(e)),
        })?;
        Ok((db, keys, opened))
    }

    /// Hands work to the writer and waits until it is on disk or refused. Callers beyond the limit wait for room.
    pub(super) async fn write(&self, work: Work) -> Result<u64, LedgerError> {
        let closed = || LedgerError::Failed("the ledger is closed".into());
        let vital = work.is_vital();
        if !vital && self.disk_full() {
            self.desk.refused_full.fetch_add(1, Ordering::Relaxed);
            return Err(LedgerError::DiskFull);
        }
        let room = if vital { &self.vital_room } else { &self.other_room };
        let permit = room.clone().acquire_owned().await.map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        {
            let mut waiting = lock(&self.desk.waiting);
            if waiting.closed {
                return Err(closed());
            }
            let job = Job { work, vital, reply, _permit: permit };
            if vital { waiting.vital.push_back(job) } else { waiting.other.push_back(job) }
        }
        self.desk.wake.notify_one();
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Asks a question that may take long on a read connection, away from the async threads.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection, &Keys) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (readers, desk) = (self.readers.clone(), self.desk.clone());
        let ask = move || answer(&readers, &desk, question);
        tokio::task::spawn_blocking(ask).await.unwrap_or_else(|e| Err(LedgerError::Failed(e.to_string())))
    }

    /// Asks a question by key, right here: from the page cache it takes some ten microseconds, less than handing it
    /// to another thread and, on a busy machine, waiting for that one's turn. The way of a press asks only such.
    pub(super) fn look<T>(&self, question: impl FnOnce(&Connection, &Keys) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        answer(&self.readers, &self.desk, question)
    }

    /// True while the disk is full: only what red alarms need is written, as long as the ballast lasts.
    pub fn disk_full(&self) -> bool {
        self.desk.ballast.is_full()
    }

    /// Looks at once whether a full disk has room again, instead of at the next second. True if everything is taken.
    pub fn look_for_room(&self) -> bool {
        self.desk.ballast.refill()
    }

    /// Writes what waits, then stops. Whatever comes afterwards is refused.
    pub fn close(&self) {
        lock(&self.desk.waiting).closed = true;
        self.desk.wake.notify_all();
        for thread in lock(&self.threads).drain(..).rev() {
            if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
                tracing::error!("a thread of the ledger ended by a panic");
            }
        }
    }

    pub(super) async fn commit_tx(&self, tx: Tx) -> Result<(), LedgerError> {
        self.write(Work::Commit(tx)).await.map(|_| ())
    }
}

impl Drop for SqliteLedger {
    fn drop(&mut self) {
        self.close();
    }
}

fn answer<T>(
    readers: &Mutex<Vec<Connection>>,
    desk: &Desk,
    question: impl FnOnce(&Connection, &Keys) -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    let idle = lock(readers).pop();
    let db = match idle {
        Some(db) => db,
        None => open_reader(&desk.path).map_err(|e| LedgerError::Failed(e.to_string()))?,
    };
    // A connection on which something failed is not used again.
    let answer = question(&db, &desk.keys)?;
    let mut readers = lock(readers);
    if readers.len() < IDLE_READERS_MAX {
        readers.push(db);
    }
    Ok(answer)
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).filter_map(|i| u8::from_str_radix(text.get(i..i + 2)?, 16).ok()).collect()
}

#[async_trait]
impl Ownership for SqliteLedger {
    async fn take(&self, shard: Shard) -> Result<Fence, LedgerError> {
        Ok(Fence { shard, epoch: self.write(Work::Take(shard)).await? })
    }
}
