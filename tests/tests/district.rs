//! The power of a village is cut for fourteen hours: the operators are told once, no silence is taken for a collapse, a
//! call from the dark is answered as ever, and the village beside it is watched on.

#![allow(clippy::unwrap_used, reason = "tests")]

use alerts::district::DistrictWatch;
use alerts::patrol::walk;
use async_trait::async_trait;
use care::{Alarm, Cause, DeviceId, ElderId, HomeId, Lane, Level, TimeDelta, Timestamp};
use ingest::{Book, Ports, Settings, Worker};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use store::ledger::Which;
use store::memory::{MemoryLedger, MemoryLog};
use store::register::{Area, HomeRecord, Put, Register};
use store::telemetry::NoTelemetry;
use store::{Clock, Ledger, LedgerError, Ownership, Record, Shard};
use tokio::sync::watch;

/// Tokio's paused time as a clock.
struct Simulated(tokio::time::Instant);

impl Clock for Simulated {
    fn now(&self) -> Timestamp {
        "2026-11-23T01:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::from_std(self.0.elapsed()).unwrap()
    }

    fn sleep_until<'a>(&'a self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(tokio::time::sleep((at - self.now()).to_std().unwrap_or_default()))
    }
}

struct Everybody;

#[async_trait]
impl Book for Everybody {
    async fn elders(&self, _: &HomeId) -> Result<Vec<ElderId>, LedgerError> {
        Ok(vec!["elder-1".into()])
    }

    async fn knows(&self, _: &HomeId, _: &DeviceId) -> Result<bool, LedgerError> {
        Ok(true)
    }

    async fn roles(&self, _: &HomeId) -> Result<Vec<(DeviceId, Option<wire::Role>)>, LedgerError> {
        Ok(Vec::new())
    }

    fn is_test(&self, _: &HomeId) -> bool {
        false
    }
}

struct Town {
    log: MemoryLog,
    ledger: MemoryLedger,
    clock: Arc<Simulated>,
    /// The homes whose hubs have power.
    lit: Vec<String>,
    _stop: watch::Sender<bool>,
}

const EAST: [&str; 8] = ["east-1", "east-2", "east-3", "east-4", "east-5", "east-6", "east-7", "east-8"];
const WEST: [&str; 3] = ["west-1", "west-2", "west-3"];

impl Town {
    async fn start() -> Self {
        let (log, ledger, clock) = (MemoryLog::new(1), MemoryLedger::new(), Arc::new(Simulated(tokio::time::Instant::now())));
        let named = [("c", "City"), ("c/east", "East"), ("c/west", "West")];
        let mut entries: Vec<Put> = named.map(|(id, name)| Put::Area(Area { id: id.to_owned(), name: name.to_owned() })).into();
        for home in EAST.iter().chain(&WEST) {
            let area = if home.starts_with("east") { "c/east" } else { "c/west" };
            entries.push(Put::Home(HomeRecord { id: (*home).into(), area: area.to_owned(), address: String::new(), access_notes: String::new() }));
        }
        ledger.put(entries).await.unwrap();
        let ports = Ports {
            log: Arc::new(log.clone()),
            ledger: Arc::new(ledger.clone()),
            ownership: Arc::new(ledger.clone()),
            book: Arc::new(Everybody),
            clock: clock.clone(),
            telemetry: Arc::new(NoTelemetry),
        };
        let (stop, stopped) = watch::channel(false);
        let worker = Worker::start(Shard(0), ports, Settings::default()).await.unwrap();
        tokio::spawn(worker.run(stopped.clone()));
        let districts = DistrictWatch::new(Arc::new(ledger.clone()), Arc::new(ledger.clone()), clock.clone());
        let (_, duty) = watch::channel(Some(ledger.take(Shard::OFFICE).await.unwrap()));
        tokio::spawn(walk(districts, clock.clone(), duty, stopped));
        let lit = EAST.iter().chain(&WEST).map(|home| (*home).to_owned()).collect();
        Self { log, ledger, clock, lit, _stop: stop }
    }

    async fn say(&self, home: &str, device: &str, signal: &str, payload: &str) {
        let lane = if signal == "call" { Lane::Red } else { Lane::Routine };
        let topic = format!("care/v1/{home}/{device}/{signal}");
        let record = Record { lane, home: home.into(), source: "test".into(), topic, payload: payload.as_bytes().to_vec(), heard_at: self.clock.now() };
        store::log::append(&self.log, record).await.unwrap();
    }

    async fn seen(&self, homes: &[&str]) {
        for home in homes {
            self.say(home, "kitchen", "motion", r#"{"value":true}"#).await;
        }
    }

    /// Time goes by, with the heartbeats of all hubs that have power.
    async fn pass(&self, minutes: u32) {
        for minute in 0..minutes {
            if minute % 5 == 0 {
                for home in &self.lit {
                    self.say(home, "hub", "heartbeat", "{}").await;
                }
            }
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        }
    }

    /// How many alarms of each cause, by village.
    async fn told(&self) -> BTreeMap<String, usize> {
        let mut out = BTreeMap::new();
        for alarm in self.alarms().await {
            let village = alarm.home.as_str().split('-').next().unwrap_or_default().to_owned();
            *out.entry(format!("{village}: {}", alarm.cause)).or_default() += 1;
        }
        out
    }

    async fn alarms(&self) -> Vec<Alarm> {
        self.ledger.alarms(Which::All, None, 500).await.unwrap().into_iter().map(|stored| stored.value).collect()
    }
}

fn counts(of: &[(&str, usize)]) -> BTreeMap<String, usize> {
    of.iter().map(|(cause, count)| ((*cause).to_owned(), *count)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_power_cut_of_a_village_is_one_cause_and_nobodys_silence() {
    let mut town = Town::start().await;
    for home in EAST.iter().chain(&WEST) {
        town.say(home, "hub", "status", "online").await;
    }
    for _ in 0..6 {
        town.seen(&EAST).await;
        town.seen(&WEST).await;
        town.pass(10).await;
    }
    assert_eq!(town.told().await, counts(&[]));

    // the lights go out: the brokers publish the hubs' wills
    town.lit.retain(|home| home.starts_with("west"));
    for home in EAST {
        town.say(home, "hub", "status", "offline").await;
    }
    town.pass(30).await;
    let cut = [("east: technical/hub_offline", 8), ("platform: technical/district_silent/c/east", 1)];
    assert_eq!(town.told().await, counts(&cut));

    // a battery button with a radio of its own
    town.say("east-3", "pendant", "call", r#"{"id":"1"}"#).await;
    town.pass(1).await;
    let call: Vec<_> = town.alarms().await.into_iter().filter(|alarm| alarm.cause == Cause::Call).map(|a| (a.home, a.level)).collect();
    assert_eq!(call, [("east-3".into(), Level::Red)]);

    // longer than anybody may be silent at home: the village that is heard is judged, the dark one is not
    town.pass(13 * 60).await;
    let inactive = |told: &BTreeMap<String, usize>, village: &str| told.keys().any(|key| key.starts_with(village) && key.ends_with(": inactivity"));
    let told = town.told().await;
    assert!(inactive(&told, "west") && !inactive(&told, "east"), "{told:?}");

    // and there was light
    town.lit = EAST.iter().chain(&WEST).map(|home| (*home).to_owned()).collect();
    for home in EAST {
        town.say(home, "hub", "status", "online").await;
    }
    town.seen(&EAST).await;
    town.pass(60).await;
    let after = town.told().await;
    let east: BTreeMap<_, _> = after.into_iter().filter(|(key, _)| !key.starts_with("west")).collect();
    assert_eq!(east, counts(&[("east: call", 1), ("east: technical/hub_offline", 8), ("platform: technical/district_silent/c/east", 1)]));
}
