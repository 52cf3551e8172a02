//! The seeded world around the process: buttons that retry until they are told "received", a network that loses,
//! doubles, delays and reorders, people at phones and at the console, and the hand that starts the process again.

use super::auditor::{Act, Auditor};
use super::awake::together;
use super::dice::Dice;
use super::faults::{Faults, Life};
use super::phones::{Phones, Route, Weather};
use super::ports::Ports;
use alerts::directory::{ContactFacts, Directory, HomeFacts};
use alerts::patrol::walk;
use alerts::self_audit::{AuditSettings, SelfAudit};
use alerts::{Channel, Engine, EngineSettings};
use async_trait::async_trait;
use care::alarm::{Claimant, Input, State};
use care::plan::{Order, Plan, Rung, RungContact};
use care::{Alarm, ContactId, DeviceId, ElderId, HomeId, Lane, TimeDelta, Timestamp};
use futures_util::FutureExt;
use ingest::{Book, Worker};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::ledger::Which;
use store::memory::{MemoryLedger, MemoryLog};
use store::register::{PlanRecord, PlanScope, Put, Register};
use store::{Clock, EventLog, Ledger, LedgerError, Ownership, Record, Shard, desk};
use tokio::sync::watch;
use tokio::time::Instant;

/// Shards of the log: two workers.
pub const SHARDS: u16 = 2;
/// Homes of the world.
pub const HOMES: u64 = 5;
/// A claimed alarm comes back after this.
pub const REPORT_WITHIN: TimeDelta = TimeDelta::minutes(5);
/// The longest pause between two rounds.
pub const PAUSE_MAX: TimeDelta = TimeDelta::minutes(2);

/// Tokio's paused time as a clock.
pub struct SimClock {
    start: Instant,
    zero: Timestamp,
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.zero + TimeDelta::from_std(self.start.elapsed()).unwrap()
    }

    fn sleep_until<'a>(&'a self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(tokio::time::sleep_until(self.start + (at - self.zero).to_std().unwrap_or_default()))
    }
}

/// What became of one press.
#[derive(Debug, Clone)]
pub struct Press {
    /// Its home.
    pub home: HomeId,
    /// Its signal.
    pub signal: &'static str,
    /// When the door said "received" first.
    pub acked_at: Option<Timestamp>,
    /// True if it was made in the healed world.
    pub late: bool,
}

/// The world.
pub struct World {
    /// Its time.
    pub clock: Arc<SimClock>,
    /// What is kept.
    pub ledger: MemoryLedger,
    /// What is kept.
    pub log: MemoryLog,
    /// What goes wrong.
    pub faults: Arc<Faults>,
    /// Who looks on.
    pub auditor: Arc<Auditor>,
    /// Who is called.
    pub phones: Arc<Phones>,
    /// Every press by the name of its event.
    pub presses: Mutex<BTreeMap<String, Press>>,
    door: Mutex<Option<(Arc<Ports>, Timestamp)>>,
    seed: u64,
    start: Instant,
}

struct Town;

#[async_trait]
impl Book for Town {
    async fn elders(&self, home: &HomeId) -> Result<Vec<ElderId>, LedgerError> {
        Ok(vec![ElderId::new(format!("elder-of-{home}"))])
    }

    async fn knows(&self, _home: &HomeId, device: &DeviceId) -> Result<bool, LedgerError> {
        Ok(device.as_str() != "stranger")
    }

    fn is_test(&self, _home: &HomeId) -> bool {
        false
    }
}

#[async_trait]
impl Directory for Town {
    async fn contact(&self, _id: &ContactId) -> Result<Option<ContactFacts>, LedgerError> {
        let addresses = ["voice", "sms"].map(|c| (c.to_owned(), "1".to_owned()));
        Ok(Some(ContactFacts { addresses: BTreeMap::from(addresses), language: "en".to_owned() }))
    }

    async fn home(&self, _id: &HomeId) -> Result<HomeFacts, LedgerError> {
        Ok(HomeFacts::default())
    }

    fn zone(&self) -> chrono_tz::Tz {
        chrono_tz::UTC
    }
}

fn plan(of: u64) -> Plan {
    let contact = |name: &str, channels: &[&str]| RungContact { contact: name.into(), channels: channels.iter().map(|c| (*c).into()).collect() };
    let rung = |order, contacts| Rung { contacts, order, wait: TimeDelta::seconds(20) };
    let rungs = match of {
        0 => vec![
            rung(Order::AtOnce, vec![contact("c1", &["voice", "sms"]), contact("c2", &["voice", "sms"])]),
            rung(Order::InTurn, vec![contact("c3", &["sms"])]),
        ],
        1 => vec![
            rung(Order::InTurn, vec![contact("c1", &["voice"]), contact("c2", &["voice"])]),
            rung(Order::AtOnce, vec![contact("c3", &["voice"]), contact("c4", &["voice"])]),
        ],
        2 => vec![rung(Order::InTurn, vec![contact("c5", &["voice"])])],
        3 => vec![rung(Order::InTurn, vec![contact("c6", &["sms", "voice"])]), rung(Order::InTurn, vec![contact("c1", &["voice"])])],
        _ => vec![rung(Order::AtOnce, vec![contact("c7", &["voice"]), contact("c8", &["voice"]), contact("c9", &["sms"])])],
    };
    Plan {
        rungs,
        round_pause: TimeDelta::seconds(20),
        round_pause_max: PAUSE_MAX,
        report_within: REPORT_WITHIN,
        close_within: TimeDelta::minutes(20),
        ..Plan::default()
    }
}

/// The name of a home.
pub fn home(i: u64) -> HomeId {
    HomeId::new(format!("home-{i}"))
}

impl World {
    /// A world out of a seed.
    pub fn new(seed: u64) -> Arc<Self> {
        let start = Instant::now();
        let clock = Arc::new(SimClock { start, zero: "2026-11-23T00:00:00Z".parse().unwrap() });
        let ledger = MemoryLedger::new();
        let auditor = Arc::new(Auditor::new(ledger.clone(), clock.clone()));
        let phones = Arc::new(Phones::new(seed, auditor.clone()));
        Arc::new(Self {
            clock,
            log: MemoryLog::new(SHARDS),
            faults: Arc::new(Faults::new(seed)),
            auditor,
            phones,
            presses: Mutex::default(),
            door: Mutex::new(None),
            seed,
            start,
            ledger,
        })
    }

    /// What it came out of.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Puts the plans of action into the register.
    pub async fn furnish(&self) {
        let plans = (0..HOMES).map(|i| Put::Plan(PlanRecord { scope: PlanScope::Home(home(i)), cause: None, level: None, plan: plan(i) }));
        self.ledger.put(plans.collect()).await.unwrap();
        let city = PlanRecord { scope: PlanScope::City, cause: None, level: None, plan: Plan { rungs: Vec::new(), ..plan(0) } };
        self.ledger.put(vec![Put::Plan(city)]).await.unwrap();
    }

    /// How long the process has been up.
    pub fn up_for(&self) -> TimeDelta {
        self.door.lock().unwrap().as_ref().map_or(TimeDelta::zero(), |(_, since)| self.clock.now() - *since)
    }

    fn ports(&self) -> Option<Arc<Ports>> {
        self.door.lock().unwrap().as_ref().map(|(ports, _)| ports.clone()).filter(|p| !p.life.is_dead())
    }

    /// One life of the process: the production worker and engine over the ports, in one future.
    async fn live(self: &Arc<Self>, life: Arc<Life>) {
        let ports = Arc::new(Ports { life: life.clone(), ledger: self.ledger.clone(), log: self.log.clone(), auditor: self.auditor.clone() });
        let (_stop, stop) = watch::channel(false);
        let mut workers = Vec::new();
        for shard in 0..SHARDS {
            let ports = ingest::Ports {
                log: ports.clone(),
                ledger: ports.clone(),
                ownership: ports.clone(),
                book: Arc::new(Town),
                clock: self.clock.clone(),
                telemetry: ports.clone(),
            };
            let settings = ingest::Settings { alive_every: TimeDelta::seconds(20), ..ingest::Settings::default() };
            match Worker::start(Shard(shard), ports, settings).await {
                Ok(worker) => workers.push(worker),
                Err(_) => return,
            }
        }
        let route = |name| -> Arc<dyn Channel> { Arc::new(Route { name, phones: self.phones.clone(), life: life.clone() }) };
        let settings = EngineSettings { seed: self.seed, ..EngineSettings::default() };
        let channels = vec![route("voice"), route("sms"), route("device")];
        let engine = Engine::new(ports.clone(), Arc::new(Town), channels, self.clock.clone(), settings);
        engine.recover().await;
        let overdue = self.auditor.open().iter().any(|a| a.next_step_at.is_some_and(|at| self.clock.now() - at > TimeDelta::seconds(20)));
        if overdue {
            self.auditor.violated("ALM-1", "the doors open while a deadline is overdue".to_owned());
        }
        *self.door.lock().unwrap() = Some((ports.clone(), self.clock.now()));
        let audit = SelfAudit::new(ports.clone(), self.clock.clone(), AuditSettings { every: TimeDelta::minutes(3), ..AuditSettings::default() });
        let (_duty, on_duty) = watch::channel(self.ledger.take(Shard::OFFICE).await.ok());
        let walk = walk(audit, self.clock.clone(), on_duty, stop.clone());
        let workers = workers.into_iter().map(|worker| worker.run(stop.clone()).boxed());
        together(workers.chain([engine.run(stop.clone()).boxed(), walk.boxed()])).await;
    }

    /// Starts the process again and again until the world ends.
    pub async fn keep_alive(self: Arc<Self>) {
        let mut dice = Dice::new(self.seed, "keeper");
        loop {
            let life = Life::new(self.faults.clone(), self.start);
            let killed_after = if self.faults.is_on() && dice.chance(300) { dice.between(100, 600_000) } else { u64::MAX / 1_000_000 };
            tokio::select! {
                biased;
                () = life.died() => {}
                () = self.live(life.clone()) => {}
                () = tokio::time::sleep(Duration::from_millis(killed_after)) => {}
            }
            life.kill();
            *self.door.lock().unwrap() = None;
            let outage = if !self.faults.is_on() {
                100
            } else {
                match dice.below(100) {
                    0..60 => dice.between(50, 3_000),
                    60..92 => dice.between(3_000, 60_000),
                    _ => dice.between(60_000, 220_000),
                }
            };
            tokio::time::sleep(Duration::from_millis(outage)).await;
        }
    }

    /// One transmission to the door: true if the door says "received".
    async fn transmit(&self, record: Record, name: &str) -> bool {
        let Some(ports) = self.ports() else { return false };
        let (tell, told) = tokio::sync::oneshot::channel();
        ports.submit(
            Record { heard_at: self.clock.now(), ..record },
            Box::new(move |result| {
                let _gone = tell.send(result);
            }),
        );
        let Ok(Ok(Ok(()))) = tokio::time::timeout(Duration::from_secs(3), told).await else { return false };
        if ports.life.is_dead() {
            return false;
        }
        if let Some(press) = self.presses.lock().unwrap().get_mut(name) {
            press.acked_at.get_or_insert(self.clock.now());
        }
        true
    }

    /// A button's whole life with one press: sent until it is told that it was received, and sometimes once more later.
    pub async fn press(self: Arc<Self>, home: HomeId, device: &'static str, signal: &'static str, name: String, late: bool) {
        let mut dice = Dice::new(self.seed, &name);
        self.presses.lock().unwrap().insert(name.clone(), Press { home: home.clone(), signal, acked_at: None, late });
        // The device's clock may be wrong by hours.
        let skew = TimeDelta::seconds(i64::try_from(dice.below(20_000)).unwrap() - 10_000);
        let said_at = self.clock.now() + if dice.chance(300) { skew } else { TimeDelta::zero() };
        let payload = format!(r#"{{"id":"{name}","at":"{}"}}"#, said_at.to_rfc3339());
        let lane = if signal == "water_leak" { Lane::Routine } else { Lane::Red };
        let record = Record {
            lane,
            home: home.clone(),
            source: "button".to_owned(),
            topic: format!("care/v1/{home}/{device}/{signal}"),
            payload: payload.into_bytes(),
            heard_at: said_at,
        };
        let mut pause = 2_000;
        loop {
            let bad = self.faults.is_on();
            let mut received = false;
            for _ in 0..if bad && dice.chance(250) { dice.between(2, 5) } else { 1 } {
                if bad && dice.chance(250) {
                    continue; // lost on the way
                }
                tokio::time::sleep(Duration::from_millis(if bad { dice.below(900) } else { 5 })).await;
                if dice.chance(400) {
                    self.stir(&home, &name);
                }
                let told = self.transmit(record.clone(), &name).await;
                received |= told && !(bad && dice.chance(250));
            }
            if received {
                break;
            }
            tokio::time::sleep(Duration::from_millis(pause + dice.below(500))).await;
            pause = (pause * 2).min(30_000);
        }
        if dice.chance(250) && !late {
            tokio::time::sleep(Duration::from_millis(dice.between(500, 900_000))).await;
            self.transmit(record, &name).await;
        }
    }

    /// Who presses also moves: the sensor's word goes ahead of the press.
    fn stir(&self, home: &HomeId, name: &str) {
        let Some(ports) = self.ports() else { return };
        let record = Record {
            lane: Lane::Routine,
            home: home.clone(),
            source: "hub".to_owned(),
            topic: format!("care/v1/{home}/sensor/motion"),
            payload: format!(r#"{{"id":"by-{name}"}}"#).into_bytes(),
            heard_at: self.clock.now(),
        };
        ports.submit(record, Box::new(|_unheard| {}));
    }

    /// Everything else that a home says.
    pub async fn chatter(self: Arc<Self>, i: u64) {
        let mut dice = Dice::new(self.seed, &format!("chatter-{i}"));
        for n in 0u64.. {
            tokio::time::sleep(Duration::from_millis(dice.between(20_000, 240_000))).await;
            let (signal, value) = match dice.below(6) {
                0 => ("temperature", "19.5"),
                1 => ("cancel", "true"),
                2 => ("door", "\"open\""),
                _ => ("motion", "true"),
            };
            let device = if dice.chance(50) { "stranger" } else { "sensor" };
            let record = Record {
                lane: Lane::Routine,
                home: home(i),
                source: "hub".to_owned(),
                topic: format!("care/v1/{}/{device}/{signal}", home(i)),
                payload: format!(r#"{{"id":"m{n}","value":{value}}}"#).into_bytes(),
                heard_at: self.clock.now(),
            };
            self.transmit(record, "").await;
        }
    }

    /// The elders press.
    pub async fn elders(self: Arc<Self>, lasts: Duration) {
        let mut dice = Dice::new(self.seed, "elders");
        let millis = u64::try_from(lasts.as_millis()).unwrap();
        let mut times: Vec<u64> = (0..dice.between(3, 12)).map(|_| dice.below(millis)).collect();
        times.sort_unstable();
        for (n, at) in times.into_iter().enumerate() {
            tokio::time::sleep_until(self.start + Duration::from_millis(at)).await;
            let who = home(dice.below(HOMES));
            let signal = *dice.pick(&["call", "call", "call", "fall", "smoke", "water_leak"]).unwrap();
            let device = *dice.pick(&["button-1", "button-2"]).unwrap();
            // Some press again and again.
            for again in 0..if dice.chance(250) { dice.between(2, 4) } else { 1 } {
                tokio::spawn(self.clone().press(who.clone(), device, signal, format!("p{n}-{again}"), false));
                tokio::time::sleep(Duration::from_millis(dice.between(300, 9_000))).await;
            }
        }
    }

    /// The channels have their bad hours.
    pub async fn weather(self: Arc<Self>) {
        let mut dice = Dice::new(self.seed, "weather");
        while self.faults.is_on() {
            tokio::time::sleep(Duration::from_millis(dice.between(20_000, 300_000))).await;
            let channel = *dice.pick(&["voice", "voice", "sms"]).unwrap();
            let weather = *dice.pick(&[Weather::Down, Weather::Refuses, Weather::Hangs]).unwrap();
            if !self.faults.is_on() {
                return;
            }
            self.phones.set_weather(channel, weather);
            tokio::time::sleep(Duration::from_millis(dice.between(1_000, 200_000))).await;
            self.phones.set_weather(channel, Weather::Fair);
        }
    }

    /// Gives an input to an alarm as the console does.
    async fn act(&self, ports: &Arc<Ports>, alarm: &Alarm, input: Input) {
        let given = desk::give(&**ports, &alarm.id, input, Vec::new(), self.clock.now());
        let _refused_or_failed = tokio::time::timeout(Duration::from_secs(10), given).await;
    }

    /// An operator who claims, reports and closes, or forgets it.
    pub async fn operator(self: Arc<Self>, n: u64) {
        let name = format!("op{n}");
        let me = || Claimant::Person(name.as_str().into());
        let mut dice = Dice::new(self.seed, &name);
        while self.faults.is_on() {
            tokio::time::sleep(Duration::from_millis(dice.between(15_000, 150_000))).await;
            let Some(ports) = self.ports() else { continue };
            let Ok(Ok(open)) = tokio::time::timeout(Duration::from_secs(5), ports.alarms(Which::Open, None, 20)).await else { continue };
            let Some(alarm) = dice.pick(&open).map(|s| s.value.clone()) else { continue };
            let _read = tokio::time::timeout(Duration::from_secs(5), ports.notes(&alarm.id)).await;
            let input = match (&alarm.state, dice.below(100)) {
                (State::Raised, 0..40) => {
                    self.auditor.acts(&alarm.id, &name, Act::Claim);
                    Input::Claim { by: me() }
                }
                (State::Raised, 40..50) => Input::Skip,
                (State::Raised, 50..58) => Input::Stop,
                (State::Claimed { .. }, 0..40) => {
                    self.auditor.acts(&alarm.id, &name, Act::Report);
                    Input::Report { by: me() }
                }
                (State::Claimed { .. }, 40..50) => Input::LetGo { by: me() },
                (State::Claimed { .. }, 50..60) => {
                    self.auditor.acts(&alarm.id, "op9", Act::Claim);
                    Input::HandOver { by: me(), to: Claimant::Person("op9".into()) }
                }
                (State::Claimed { .. }, 60..70) => Input::OnTheWay { by: me() },
                (State::Reported { .. } | State::Claimed { .. }, 70..85) => {
                    self.auditor.acts(&alarm.id, &name, Act::Close);
                    Input::Close { by: me(), outcome: "help_given".to_owned() }
                }
                _ => continue,
            };
            self.act(&ports, &alarm, input).await;
        }
    }

    /// The operators of the healed world: everything that is open is claimed, reported and closed.
    pub async fn clear_up(&self) {
        let name = "op1";
        let me = || Claimant::Person(name.into());
        for _ in 0..6 {
            let Some(ports) = self.ports() else { return };
            for alarm in self.auditor.open() {
                for act in [Act::Claim, Act::Report, Act::Close] {
                    self.auditor.acts(&alarm.id, name, act);
                    let input = match act {
                        Act::Claim => Input::Claim { by: me() },
                        Act::Report => Input::Report { by: me() },
                        Act::Close => Input::Close { by: me(), outcome: "other".to_owned() },
                    };
                    self.act(&ports, &alarm, input).await;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
            tokio::time::sleep(Duration::from_secs(20)).await;
        }
    }
}
