//! What the tests of this room share: a clock that runs with tokio's paused time, a ledger in memory with homes in it,
//! a channel that does as it is told.

use crate::channel::{Channel, Delivery, EffectKey, Errand, Health, Job, Reconciled, Take, Taken};
use crate::directory::{ContactFacts, Directory, HomeFacts};
use crate::engine::{Engine, EngineSettings};
use async_trait::async_trait;
use care::alarm::{AttemptOutcome, Claimant, Input};
use care::cause::Raise;
use care::plan::{Order, Plan, Rung, RungContact};
use care::{Alarm, AlarmId, Cause, ContactId, HomeId, Level, Reason, TimeDelta, Timestamp};
use chrono_tz::Tz;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::memory::MemoryLedger;
use store::register::{PlanRecord, PlanScope, Put, Register};
use store::{Clock, Ledger, LedgerError, Tx, Write, desk};
use tokio::sync::watch;
use tokio::time::Instant;

pub(crate) struct TestClock {
    start: Instant,
}

impl TestClock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now() }
    }
}

pub(crate) fn start_of_time() -> Timestamp {
    "2026-11-23T00:00:00Z".parse().unwrap()
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        start_of_time() + TimeDelta::from_std(self.start.elapsed()).unwrap()
    }

    fn sleep_until<'a>(&'a self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        let span = (at - start_of_time()).to_std().unwrap_or_default();
        Box::pin(tokio::time::sleep_until(self.start + span))
    }
}

/// Everybody can be reached by every channel, at the address `tel-` and the contact's name.
pub(crate) struct Everybody;

#[async_trait]
impl Directory for Everybody {
    async fn contact(&self, id: &ContactId) -> Result<Option<ContactFacts>, LedgerError> {
        let addresses = ["voice", "webhook", "sms", "canary"].map(|c| (c.to_owned(), format!("tel-{id}")));
        Ok(Some(ContactFacts { addresses: BTreeMap::from(addresses), language: "en".to_owned() }))
    }

    async fn home(&self, _id: &HomeId) -> Result<HomeFacts, LedgerError> {
        Ok(HomeFacts { elders: vec!["Li Ming".to_owned()], address: "3 Lake Road".to_owned(), ..HomeFacts::default() })
    }

    fn zone(&self) -> Tz {
        chrono_tz::Asia::Shanghai
    }
}

/// What the channel does with every job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Ends with "delivered" after some time.
    Delivers,
    /// A person takes it after two seconds.
    Takes,
    /// Says "try again".
    Refuses,
    /// Never says anything.
    Hangs,
    /// Says to be down.
    Down,
    /// The driver has a bug.
    Crashes,
}

pub(crate) struct Scripted {
    name: String,
    pub(crate) simulated: AtomicBool,
    clock: Arc<dyn Clock>,
    mode: Mutex<Mode>,
    seen: Mutex<Vec<(Timestamp, EffectKey, Errand)>>,
    released: Mutex<BTreeSet<EffectKey>>,
    pub(crate) known: Mutex<BTreeMap<EffectKey, AttemptOutcome>>,
}

impl Scripted {
    pub(crate) fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    pub(crate) fn seen(&self) -> Vec<(Timestamp, EffectKey, Errand)> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn seen_since(&self, at: Timestamp) -> usize {
        self.seen().iter().filter(|(t, _, _)| *t >= at).count()
    }

    pub(crate) fn released(&self) -> usize {
        self.released.lock().unwrap().len()
    }
}

#[async_trait]
impl Channel for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_simulated(&self) -> bool {
        self.simulated.load(Ordering::Relaxed)
    }

    async fn deliver(&self, job: &Job, take: &dyn Take) -> Delivery {
        self.seen.lock().unwrap().push((self.clock.now(), job.key.clone(), job.errand.clone()));
        let mode = *self.mode.lock().unwrap();
        match mode {
            Mode::Delivers => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Delivery::Ended(AttemptOutcome::Delivered)
            }
            Mode::Takes => {
                tokio::time::sleep(Duration::from_secs(2)).await;
                match take.accept().await {
                    Taken::Yours => Delivery::Ended(AttemptOutcome::Accepted),
                    Taken::TooLate => Delivery::Ended(AttemptOutcome::TooLate),
                    Taken::NotStored => Delivery::Ended(AttemptOutcome::NoKey),
                }
            }
            Mode::Refuses => Delivery::Again(None),
            Mode::Hangs => std::future::pending().await,
            Mode::Down => Delivery::Down,
            Mode::Crashes => panic!("a bug in a driver"),
        }
    }

    async fn release(&self, key: &EffectKey) {
        self.released.lock().unwrap().insert(key.clone());
    }

    async fn reconcile(&self, key: &EffectKey) -> Reconciled {
        match self.known.lock().unwrap().get(key) {
            Some(outcome) => Reconciled::Known(outcome.clone()),
            None => Reconciled::NotKnown,
        }
    }

    fn health(&self) -> Health {
        Health::Up
    }

    fn deliver_within(&self) -> Duration {
        Duration::from_secs(8)
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) ledger: MemoryLedger,
    pub(crate) channels: Vec<Arc<dyn Channel>>,
    pub(crate) stop: watch::Sender<bool>,
}

/// A rung whose contacts are called at once, each by these channels.
pub(crate) fn rung(contacts: &[&str], channels: &[&str]) -> Rung {
    let channels: Vec<_> = channels.iter().map(|c| (*c).into()).collect();
    Rung {
        contacts: contacts.iter().map(|c| RungContact { contact: (*c).into(), channels: channels.clone() }).collect(),
        order: Order::AtOnce,
        wait: TimeDelta::seconds(30),
    }
}

pub(crate) fn plan(rungs: Vec<Rung>) -> Plan {
    Plan { rungs, call_up: Vec::new(), ..Plan::default() }
}

impl World {
    pub(crate) async fn new(plan: Plan) -> Self {
        let ledger = MemoryLedger::new();
        ledger.put(vec![Put::Plan(PlanRecord { scope: PlanScope::City, cause: None, level: None, plan })]).await.unwrap();
        Self { clock: Arc::new(TestClock::new()), ledger, channels: Vec::new(), stop: watch::Sender::new(false) }
    }

    pub(crate) fn scripted(&mut self, name: &str, mode: Mode) -> Arc<Scripted> {
        let channel = Arc::new(Scripted {
            name: name.to_owned(),
            simulated: AtomicBool::new(true),
            clock: self.clock.clone(),
            mode: Mutex::new(mode),
            seen: Mutex::default(),
            released: Mutex::default(),
            known: Mutex::default(),
        });
        self.channels.push(channel.clone());
        channel
    }

    pub(crate) fn engine(&self) -> Arc<Engine> {
        let ledger = Arc::new(self.ledger.clone());
        Arc::new(Engine::new(ledger, Arc::new(Everybody), self.channels.clone(), self.clock.clone(), EngineSettings::default()))
    }

    /// An engine that runs until the world ends or the handle is aborted.
    pub(crate) fn start(&self) -> (Arc<Engine>, tokio::task::JoinHandle<()>) {
        let engine = self.engine();
        let (running, stop) = (engine.clone(), self.stop.subscribe());
        (engine, tokio::spawn(async move { running.run(stop).await }))
    }

    pub(crate) async fn raise(&self, home: &str, level: Level) -> AlarmId {
        self.raise_as(home, level, false).await
    }

    pub(crate) async fn raise_as(&self, home: &str, level: Level, test: bool) -> AlarmId {
        let now = self.clock.now();
        let cause = if level == Level::Red { Cause::Call } else { Cause::WaterLeak };
        let id = AlarmId::derive(now, home);
        let plan = self.ledger.plan(&home.into(), &cause, level).await.unwrap();
        let raise = Raise { cause, level, reason: Reason::new("device_signal"), key: home.to_owned(), device: Some("button".into()) };
        let (alarm, effects) = Alarm::raise(id.clone(), home.into(), Vec::new(), raise, test, &plan, now);
        self.ledger.commit(Tx { fence: None, writes: desk::writes(None, &alarm, &effects, now) }).await.unwrap();
        id
    }

    pub(crate) async fn alarm(&self, id: &AlarmId) -> Alarm {
        self.ledger.alarm(id).await.unwrap().unwrap().value
    }

    pub(crate) async fn give(&self, id: &AlarmId, input: Input) {
        desk::give(&self.ledger, id, input, Vec::new(), self.clock.now()).await.unwrap();
    }

    pub(crate) async fn set(&self, key: &str, value: &str) {
        let write = Write::Setting { key: key.to_owned(), value: value.to_owned() };
        self.ledger.commit(Tx { fence: None, writes: vec![write] }).await.unwrap();
    }

    pub(crate) fn operator() -> Claimant {
        Claimant::Person("op-1".into())
    }
}

pub(crate) async fn seconds(n: u64) {
    tokio::time::sleep(Duration::from_secs(n)).await;
}

pub(crate) async fn millis(n: u64) {
    tokio::time::sleep(Duration::from_millis(n)).await;
}

/// The machine's own clock, for tests with real sockets.
pub(crate) struct WallTime;

impl Clock for WallTime {
    fn now(&self) -> Timestamp {
        std::time::SystemTime::now().into()
    }

    fn sleep_until<'a>(&'a self, _at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(std::future::pending())
    }
}

/// A receipt is not an acknowledgement: whoever takes an alarm by one fails the test (ALM-3).
pub(crate) struct TakesNothing;

#[async_trait]
impl Take for TakesNothing {
    async fn accept(&self) -> Taken {
        panic!("a receipt took an alarm");
    }

    fn reached(&self) {}
}

/// A written message to an address.
pub(crate) fn message_job(address: &str, text: &str) -> Job {
    Job {
        key: EffectKey { alarm: "01alarm".into(), no: 3 },
        home: "home-0001".into(),
        cause: Cause::Call,
        level: Level::Red,
        test: false,
        raised_at: start_of_time(),
        presses: 2,
        reason: Reason::new("device_signal").into(),
        tries: 1,
        errand: Errand::Notify {
            contact: "son".into(),
            address: address.into(),
            words: crate::words::Words { brief: "press 1".into(), full: "Li Ming, 3 Lake Road".into(), message: text.into(), ..Default::default() },
            language: care::reason::Language::En,
            tongue: "en".into(),
        },
    }
}

/// What a Python script prints, or `None` where Python or the module is missing: a failure where `scripts/test` has
/// installed them.
pub(crate) fn python(module: &str, script: &str, args: &[&str]) -> Option<String> {
    let there = std::process::Command::new("python3").args(["-c", &format!("import {module}")]).output().is_ok_and(|o| o.status.success());
    if !there && std::env::var_os("HEARTHLINE_PEERS").is_none() {
        eprintln!("python3 with {module} is missing: skipped");
        return None;
    }
    let out = std::process::Command::new("python3").arg("-c").arg(script).args(args).env("PYTHONIOENCODING", "utf-8").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Some(String::from_utf8(out.stdout).unwrap())
}
