//! One worker: reads the log of one shard of homes and decides.

mod intake;

use crate::book::Book;
use crate::decide::{Done, decide, wishes};
use crate::handle::{Handle, Lag, Request};
use crate::homes::Homes;
use care::home::{Home, Input};
use care::{HomeId, Lane, TimeDelta, Timestamp};
use intake::Pending;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::ledger::{Decided, LedgerError, Tx, Write};
use store::{Clock, EventLog, Fence, Ledger, LogError, Ownership, Shard, TelemetrySink};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

/// Settings of a worker.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The detector's.
    pub homes: care::home::Settings,
    /// How often the states of changed homes are written. 1 s to 1 h.
    pub snapshot_every: TimeDelta,
    /// How long the routine lane's place may lag behind in the ledger. 50 ms to 10 s.
    pub decided_every: TimeDelta,
    /// How often the sign that we live is written (SIL-2). 1 s to 30 s.
    pub alive_every: TimeDelta,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            homes: care::home::Settings::default(),
            snapshot_every: TimeDelta::seconds(60),
            decided_every: TimeDelta::milliseconds(250),
            alive_every: TimeDelta::seconds(5),
        }
    }
}

/// What a worker has done since it started, for `/metrics`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Records read from the log.
    pub records: AtomicU64,
    /// Signals in them.
    pub signals: AtomicU64,
    /// Alarms raised.
    pub raised: AtomicU64,
    /// Second presses.
    pub again: AtomicU64,
    /// Copies of events that were counted before.
    pub copies: AtomicU64,
    /// Messages in quarantine.
    pub quarantined: AtomicU64,
    /// Messages of unregistered devices.
    pub unknown_devices: AtomicU64,
    /// Transactions that had to be tried again.
    pub retries: AtomicU64,
}

/// Why a worker could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ledger failed.
    #[error("the ledger could not be read: {0}")]
    Ledger(#[source] LedgerError),
    /// The log failed.
    #[error("the event log could not be read: {0}")]
    Log(#[source] LogError),
}

/// The key of the ledger's setting that says when we last surely listened.
pub const ALIVE_AT: &str = "alive_at";

const RED_BATCH: usize = 64;
const ROUTINE_BATCH: usize = 512;
/// Deadlines decided in one transaction.
const DUE_BATCH: usize = 256;
/// Homes written in one transaction of a snapshot.
const SNAPSHOT_BATCH: usize = 500;

/// A worker for one shard.
pub struct Worker {
    shard: Shard,
    fence: Fence,
    log: Arc<dyn EventLog>,
    ledger: Arc<dyn Ledger>,
    book: Arc<dyn Book>,
    clock: Arc<dyn Clock>,
    telemetry: Arc<dyn TelemetrySink>,
    settings: Settings,
    counters: Arc<Counters>,
    homes: Homes,
    /// Read and applied.
    read: Decided,
    /// Known to the ledger.
    decided: Decided,
    /// Of the routine lane and of deadlines: waits for the ledger while the red lane goes on.
    routine: Pending,
    decided_at: Timestamp,
    snapshot_at: Timestamp,
    alive_at: Timestamp,
    looked_at: Timestamp,
    last_heard_at: Option<Timestamp>,
    quarantined: BTreeMap<HomeId, u32>,
    quarantine_hour: i64,
    requests: mpsc::Receiver<Request>,
    handle: Handle,
}

/// Everything a worker needs from outside.
pub struct Ports {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// The ledger.
    pub ledger: Arc<dyn Ledger>,
    /// Who may write.
    pub ownership: Arc<dyn Ownership>,
    /// The register's facts.
    pub book: Arc<dyn Book>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Charts.
    pub telemetry: Arc<dyn TelemetrySink>,
}

impl Worker {
    /// Takes the shard, loads its homes and reads the log up to now, red lane first. When this returns, everything
    /// that was stored before has been decided and every overdue deadline of a home has fired: only then may the
    /// listeners open (ALM-1, SIL-2).
    ///
    /// # Errors
    /// If the ledger or the log cannot be read.
    pub async fn start(shard: Shard, ports: Ports, settings: Settings) -> Result<Self, StartError> {
        let Ports { log, ledger, ownership, book, clock, telemetry } = ports;
        let fence = ownership.take(shard).await.map_err(StartError::Ledger)?;
        let decided = ledger.decided(shard).await.map_err(StartError::Ledger)?;
        let (as_of, snapshots) = ledger.snapshots(shard).await.map_err(StartError::Ledger)?;
        let alive_at = ledger.setting(ALIVE_AT).await.map_err(StartError::Ledger)?;
        let now = clock.now();
        let (tell, requests) = mpsc::channel(256);
        let mut worker = Self {
            shard,
            fence,
            log,
            ledger,
            book,
            clock,
            telemetry,
            settings,
            counters: Arc::default(),
            homes: Homes::default(),
            read: as_of,
            decided,
            routine: Pending::default(),
            decided_at: now,
            snapshot_at: now,
            alive_at: now,
            looked_at: now,
            last_heard_at: None,
            quarantined: BTreeMap::new(),
            quarantine_hour: 0,
            requests,
            handle: Handle { requests: tell },
        };
        worker.homes.load(snapshots);
        worker.catch_up().await.map_err(StartError::Log)?;
        let alive_at = alive_at.and_then(|text| text.parse::<Timestamp>().ok());
        let last_listened = alive_at.max(worker.last_heard_at);
        if let Some(from) = last_listened.filter(|from| *from < now) {
            worker.we_were_down(from, now);
        }
        while worker.fire_deadlines(now).await {}
        worker.flush_routine().await;
        worker.snapshot().await;
        worker.write_alive(now).await;
        info!(shard = shard.0, homes = worker.homes.len(), red = worker.read.red.0, routine = worker.read.routine.0, "ingest has caught up");
        Ok(worker)
    }

    /// The way to ask this worker.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// What it has counted.
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }

    /// Works until `stop` turns true or another owner takes the shard. Then the states of the homes are written.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut red = self.log.changed(Lane::Red);
        let mut routine = self.log.changed(Lane::Routine);
        let clock = self.clock.clone();
        loop {
            red.mark_unchanged();
            routine.mark_unchanged();
            match self.turn(&mut red).await {
                Turn::Busy => {
                    if *stop.borrow() {
                        break;
                    }
                    while let Ok(request) = self.requests.try_recv() {
                        self.answer(request);
                    }
                    tokio::task::yield_now().await;
                    continue;
                }
                Turn::Fenced => {
                    warn!(shard = self.shard.0, "another owner has taken this shard: this worker ends");
                    return;
                }
                Turn::Idle => {}
            }
            let wake = self.wake_at();
            tokio::select! {
                biased;
                stopped = stop.wait_for(|s| *s) => { let _gone = stopped; break }
                changed = red.changed() => { if changed.is_err() { break } }
                Some(request) = self.requests.recv() => self.answer(request),
                changed = routine.changed() => { if changed.is_err() { break } }
                () = clock.sleep_until(wake) => {}
            }
        }
        self.flush_routine().await;
        self.snapshot().await;
        self.write_alive(self.clock.now()).await;
    }

    /// One turn: the red lane, what is due, one batch of the routine lane, what is to be written.
    async fn turn(&mut self, red: &mut watch::Receiver<u64>) -> Turn {
        let now = self.clock.now();
        self.notice_a_leap(now);
        let mut busy = match self.red_batch().await {
            Ok(busy) => busy,
            Err(LedgerError::Fenced) => return Turn::Fenced,
            Err(_) => false,
        };
        busy |= self.fire_deadlines(now).await;
        if self.routine.wishes.is_empty() {
            busy |= self.routine_batch(red).await;
        }
        let due = now - self.decided_at >= self.settings.decided_every || now < self.decided_at;
        if !self.routine.is_empty() || (due && self.decided.routine < self.read.routine) {
            match self.commit_routine().await {
                Ok(()) => {}
                Err(LedgerError::Fenced) => return Turn::Fenced,
                Err(_) => busy = false,
            }
        }
        if now - self.snapshot_at >= self.settings.snapshot_every || now < self.snapshot_at {
            self.snapshot().await;
        }
        if now - self.alive_at >= self.settings.alive_every || now < self.alive_at {
            self.write_alive(now).await;
        }
        if busy { Turn::Busy } else { Turn::Idle }
    }

    fn wake_at(&self) -> Timestamp {
        let now = self.clock.now();
        let soon = now + self.settings.alive_every;
        let mut wake = self.homes.next_deadline().map_or(soon, |at| at.min(soon));
        if self.decided.routine < self.read.routine {
            wake = wake.min(self.decided_at + self.settings.decided_every);
        }
        // After a failed write: not at once again, but soon.
        if !self.routine.is_empty() {
            wake = now + TimeDelta::milliseconds(200);
        }
        wake.max(now + TimeDelta::milliseconds(1))
    }

    /// The clock leapt ahead (the machine slept, or was set): for the homes that is an outage of ours.
    fn notice_a_leap(&mut self, now: Timestamp) {
        let before = std::mem::replace(&mut self.looked_at, now);
        if now - before > self.settings.homes.outage_tolerated {
            self.we_were_down(before, now);
        }
    }

    fn we_were_down(&mut self, from: Timestamp, to: Timestamp) {
        warn!(from = %from, to = %to, homes = self.homes.len(), "we were not listening");
        for (id, place) in self.homes.ids() {
            let effects = self.homes.step(place, Input::WeWereDown { from, to }, &self.settings.homes, to);
            self.routine.wishes.extend(wishes(&id, effects, to));
        }
    }

    /// Reads the log from the snapshots' place. What was decided before only brings the homes up to date; the rest is
    /// decided now. A failing ledger is tried again until it answers: nothing may be skipped.
    async fn catch_up(&mut self) -> Result<(), LogError> {
        loop {
            let batch = self.log.read(self.shard, Lane::Red, self.read.red, RED_BATCH).await?;
            if batch.is_empty() {
                break;
            }
            let mut pending = Pending::default();
            self.take_in(Lane::Red, batch, &mut pending).await;
            self.commit_until_done(pending, Lane::Red).await;
        }
        loop {
            let batch = self.log.read(self.shard, Lane::Routine, self.read.routine, ROUTINE_BATCH).await?;
            if batch.is_empty() {
                break;
            }
            let mut pending = std::mem::take(&mut self.routine);
            self.take_in(Lane::Routine, batch, &mut pending).await;
            self.commit_until_done(pending, Lane::Routine).await;
        }
        Ok(())
    }

    async fn commit_until_done(&mut self, mut pending: Pending, lane: Lane) {
        self.fill_in(&mut pending).await;
        pending.writes.push(self.decided_write(lane));
        let mut wait = TimeDelta::milliseconds(50);
        loop {
            match decide(&*self.ledger, &*self.book, self.fence, &pending.wishes, &pending.writes, self.clock.now()).await {
                Ok(done) => {
                    self.count(done);
                    self.now_decided(lane);
                    return;
                }
                Err(LedgerError::Fenced) => return,
                Err(error) => {
                    warn!(%error, "a step could not be stored while catching up: trying again");
                    self.counters.retries.fetch_add(1, Ordering::Relaxed);
                    self.clock.sleep_until(self.clock.now() + wait).await;
                    wait = (wait * 2).min(TimeDelta::seconds(2));
                }
            }
        }
    }

    fn decided_write(&self, lane: Lane) -> Write {
        let offset = match lane {
            Lane::Red => self.read.red,
            Lane::Routine => self.read.routine,
        };
        Write::Decided { shard: self.shard, lane, offset }
    }

    fn now_decided(&mut self, lane: Lane) {
        match lane {
            Lane::Red => self.decided.red = self.decided.red.max(self.read.red),
            Lane::Routine => {
                self.decided.routine = self.decided.routine.max(self.read.routine);
                self.decided_at = self.clock.now();
            }
        }
    }

    fn count(&self, done: Done) {
        self.counters.raised.fetch_add(done.raised, Ordering::Relaxed);
        self.counters.again.fetch_add(done.again, Ordering::Relaxed);
        self.counters.copies.fetch_add(done.copies, Ordering::Relaxed);
    }

    async fn red_batch(&mut self) -> Result<bool, LedgerError> {
        let from = self.read.red;
        let batch = match self.log.read(self.shard, Lane::Red, from, RED_BATCH).await {
            Ok(batch) => batch,
            Err(error) => {
                warn!(%error, "the red lane could not be read: trying again");
                return Ok(false);
            }
        };
        if batch.is_empty() {
            return Ok(false);
        }
        let mut pending = Pending::default();
        self.take_in(Lane::Red, batch, &mut pending).await;
        self.fill_in(&mut pending).await;
        pending.writes.push(self.decided_write(Lane::Red));
        match decide(&*self.ledger, &*self.book, self.fence, &pending.wishes, &pending.writes, self.clock.now()).await {
            Ok(done) => {
                self.count(done);
                self.now_decided(Lane::Red);
                Ok(true)
            }
            Err(error) => {
                // The homes have taken the records in already; reading them again asks for the same alarms.
                self.read.red = from;
                self.counters.retries.fetch_add(1, Ordering::Relaxed);
                if !matches!(error, LedgerError::Fenced) {
                    warn!(%error, "red alarms could not be stored: trying again");
                    self.clock.sleep_until(self.clock.now() + TimeDelta::milliseconds(50)).await;
                }
                Err(error)
            }
        }
    }

    async fn routine_batch(&mut self, red: &mut watch::Receiver<u64>) -> bool {
        let read = self.log.read(self.shard, Lane::Routine, self.read.routine, ROUTINE_BATCH);
        let read = tokio::select! {
            biased;
            read = read => read,
            // A log whose servers are in trouble may be silent about this lane for seconds: a call does not wait for it (LANE-1).
            changed = red.changed() => return changed.is_ok(),
        };
        let batch = match read {
            Ok(batch) => batch,
            Err(error) => {
                warn!(%error, "the routine lane could not be read: trying again");
                return false;
            }
        };
        if batch.is_empty() {
            return false;
        }
        let mut pending = std::mem::take(&mut self.routine);
        self.take_in(Lane::Routine, batch, &mut pending).await;
        self.fill_in(&mut pending).await;
        self.routine = pending;
        true
    }

    async fn commit_routine(&mut self) -> Result<(), LedgerError> {
        let mut writes = self.routine.writes.clone();
        writes.push(self.decided_write(Lane::Routine));
        match decide(&*self.ledger, &*self.book, self.fence, &self.routine.wishes, &writes, self.clock.now()).await {
            Ok(done) => {
                self.routine = Pending::default();
                self.count(done);
                self.now_decided(Lane::Routine);
                Ok(())
            }
            Err(error) => {
                self.counters.retries.fetch_add(1, Ordering::Relaxed);
                if !matches!(error, LedgerError::Fenced) {
                    warn!(%error, "what the routine lane asks for could not be stored: trying again");
                }
                Err(error)
            }
        }
    }

    async fn flush_routine(&mut self) {
        if !self.routine.is_empty() || self.decided.routine < self.read.routine {
            let _tried_again_next_time = self.commit_routine().await;
        }
    }

    /// Fires what is due. True if there may be more.
    async fn fire_deadlines(&mut self, now: Timestamp) -> bool {
        for _ in 0..DUE_BATCH {
            let Some((at, place)) = self.homes.due(now) else { return false };
            let effects = self.homes.step(place, Input::TimePassed, &self.settings.homes, now);
            if let Some(home) = self.homes.get(place) {
                self.routine.wishes.extend(wishes(&home.id, effects, at));
            }
        }
        let _stored_with_the_next_turn = self.commit_routine().await;
        true
    }

    /// Writes the states of the homes that changed, with the place in the log that they include.
    async fn snapshot(&mut self) {
        self.snapshot_at = self.clock.now();
        if !self.routine.is_empty() {
            return; // a state must not be ahead of what it has asked for
        }
        let as_of = (self.read.red, self.read.routine);
        loop {
            let homes = self.homes.take_dirty(SNAPSHOT_BATCH);
            let last = homes.len() < SNAPSHOT_BATCH;
            let ids: Vec<HomeId> = homes.iter().map(|(id, _)| id.clone()).collect();
            if !ids.is_empty() || last {
                // The shard's place moves only with the last part: a death in between reads a little more again. And not at all beside
                // states that only a newer program can bring up to date.
                let place = (last && !self.homes.keeps_newer()).then_some(as_of);
                let mut writes = vec![Write::Snapshot { shard: self.shard, as_of: place, homes }];
                if last {
                    writes.push(self.decided_write(Lane::Routine));
                }
                if let Err(error) = self.ledger.commit(Tx { fence: Some(self.fence), writes }).await {
                    warn!(%error, "the homes' states could not be written: the log will be read further back");
                    self.homes.give_back(ids.into_iter());
                    return;
                }
            }
            if last {
                self.now_decided(Lane::Routine);
                return;
            }
        }
    }

    async fn write_alive(&mut self, now: Timestamp) {
        self.alive_at = now;
        let write = Write::Setting { key: ALIVE_AT.into(), value: now.to_rfc3339() };
        if let Err(error) = self.ledger.commit(Tx { fence: Some(self.fence), writes: vec![write] }).await {
            warn!(%error, "the sign that we live could not be written");
        }
    }

    fn home(&self, id: &HomeId) -> Option<&Home> {
        self.homes.find(id).and_then(|place| self.homes.get(place))
    }

    fn answer(&mut self, request: Request) {
        let now = self.clock.now();
        match request {
            Request::View(id, tell) => {
                let _gone = tell.send(self.home(&id).map(|h| h.view(&self.settings.homes, now)));
            }
            Request::OutageWorklist(tell) => {
                let mut list: Vec<_> = self.homes.iter().map(|h| h.view(&self.settings.homes, now)).filter(|v| v.outage_worklist).collect();
                list.sort_by(|a, b| a.home.cmp(&b.home));
                let _gone = tell.send(list);
            }
            Request::Routine(id, tell) => {
                let _gone = tell.send(self.home(&id).map(|h| h.routine_view(&self.settings.homes, now)));
            }
            Request::Recent(id, device, tell) => {
                let _gone = tell.send(self.homes.find(&id).map(|place| self.homes.slot(place).recent(&device)).unwrap_or_default());
            }
            Request::Lag(tell) => {
                let lag = Lag {
                    homes: self.homes.len(),
                    red: self.read.red.0.saturating_sub(self.decided.red.0),
                    routine: self.read.routine.0.saturating_sub(self.decided.routine.0),
                    last_heard_at: self.last_heard_at,
                };
                let _gone = tell.send(lag);
            }
        }
    }
}

enum Turn {
    Busy,
    Idle,
    Fenced,
}
