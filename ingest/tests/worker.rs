//! Stories of the way from log to facts, over the adapters in memory and on simulated time.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use async_trait::async_trait;
use care::home::{Occupancy, Part, Told};
use care::{Alarm, Cause, DeviceId, ElderId, HomeId, Lane, Level, TimeDelta, Timestamp};
use ingest::{Book, Handle, Ports, Settings, Worker};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use store::ledger::{Decided, LedgerError, Tx, Which, Write};
use store::memory::{MemoryLedger, MemoryLog};
use store::telemetry::NoTelemetry;
use store::{Clock, Done, Entry, EventLog, Ledger, LogError, Offset, Record, Shard};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Tokio's paused time as a clock.
struct Simulated {
    zero: tokio::time::Instant,
    at_zero: Timestamp,
}

impl Clock for Simulated {
    fn now(&self) -> Timestamp {
        self.at_zero + TimeDelta::from_std(self.zero.elapsed()).unwrap()
    }

    fn sleep_until<'a>(&'a self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        let left = (at - self.now()).to_std().unwrap_or_default();
        Box::pin(tokio::time::sleep(left))
    }
}

/// Whether the home's knob is declared its call button.
#[derive(Clone, Default)]
struct Nobody {
    declared: Arc<Mutex<bool>>,
}

#[async_trait]
impl Book for Nobody {
    async fn elders(&self, _: &HomeId) -> Result<Vec<ElderId>, LedgerError> {
        Ok(vec!["elder-1".into()])
    }

    async fn knows(&self, _: &HomeId, device: &DeviceId) -> Result<bool, LedgerError> {
        Ok(!device.as_str().starts_with("stranger"))
    }

    async fn roles(&self, _: &HomeId) -> Result<Vec<(DeviceId, Option<wire::Role>)>, LedgerError> {
        let declared = self.declared.lock().unwrap().then_some(wire::Role::CallButton);
        Ok(vec![("knob".into(), declared)])
    }

    fn is_test(&self, home: &HomeId) -> bool {
        home.as_str() == "canary"
    }
}

/// A log that may fall silent about its routine lane.
#[derive(Clone)]
struct Log {
    inner: MemoryLog,
    silent: Arc<AtomicBool>,
}

#[async_trait]
impl EventLog for Log {
    fn submit(&self, record: Record, done: Done) {
        self.inner.submit(record, done);
    }

    async fn read(&self, shard: Shard, lane: Lane, after: Offset, max: usize) -> Result<Vec<Entry>, LogError> {
        if lane == Lane::Routine && self.silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.inner.read(shard, lane, after, max).await
    }

    async fn end(&self, shard: Shard, lane: Lane) -> Result<Offset, LogError> {
        self.inner.end(shard, lane).await
    }

    fn changed(&self, lane: Lane) -> watch::Receiver<u64> {
        self.inner.changed(lane)
    }

    fn shards(&self) -> u16 {
        self.inner.shards()
    }
}

struct House {
    log: Log,
    ledger: MemoryLedger,
    clock: Arc<Simulated>,
    book: Nobody,
    stop: watch::Sender<bool>,
    running: Option<(JoinHandle<()>, Handle)>,
}

impl House {
    fn new() -> Self {
        let clock = Arc::new(Simulated { zero: tokio::time::Instant::now(), at_zero: "2026-11-23T01:00:00Z".parse().unwrap() });
        Self { log: Log { inner: MemoryLog::new(1), silent: Arc::default() }, ledger: MemoryLedger::new(), clock, book: Nobody::default(), stop: watch::channel(false).0, running: None }
    }

    async fn start(&mut self) {
        self.stop = watch::channel(false).0;
        let ports = Ports {
            log: Arc::new(self.log.clone()),
            ledger: Arc::new(self.ledger.clone()),
            ownership: Arc::new(self.ledger.clone()),
            book: Arc::new(self.book.clone()),
            clock: self.clock.clone(),
            telemetry: Arc::new(NoTelemetry),
        };
        let worker = Worker::start(Shard(0), ports, Settings::default()).await.unwrap();
        let handle = worker.handle();
        self.running = Some((tokio::spawn(worker.run(self.stop.subscribe())), handle));
    }

    /// As a kill does it: nothing is written any more.
    fn kill(&mut self) {
        if let Some((task, _)) = self.running.take() {
            task.abort();
        }
    }

    /// As a hand-over does it: the states are written.
    async fn end(&mut self) {
        if let Some((task, _)) = self.running.take() {
            self.stop.send(true).unwrap();
            task.await.unwrap();
        }
    }

    /// The stored states, and the place in the log that they are as of.
    async fn states(&self) -> (Decided, Vec<(HomeId, Vec<u8>)>) {
        self.ledger.snapshots(Shard(0)).await.unwrap()
    }

    /// Writes the number of every stored home's form.
    async fn form(&self, version: u8) {
        let mut homes = self.states().await.1;
        homes.iter_mut().for_each(|(_, state)| state[1 + 8 + 8 + 4] = version);
        self.ledger.commit(Tx { fence: None, writes: vec![Write::Snapshot { shard: Shard(0), as_of: None, homes }] }).await.unwrap();
    }

    async fn say(&self, home: &str, device: &str, signal: &str, payload: &str) {
        let lane = if ["call", "fall", "smoke", "gas", "carbon_monoxide"].contains(&signal) { Lane::Red } else { Lane::Routine };
        let topic = format!("care/v1/{home}/{device}/{signal}");
        let record = Record { lane, home: home.into(), source: "test".into(), topic, payload: payload.as_bytes().to_vec(), heard_at: self.clock.now() };
        store::log::append(&self.log, record).await.unwrap();
    }

    async fn pass(&self, span: TimeDelta) {
        tokio::time::sleep(span.to_std().unwrap()).await;
    }

    async fn alarms(&self) -> Vec<Alarm> {
        self.pass(TimeDelta::seconds(1)).await;
        self.ledger.alarms(Which::All, None, 500).await.unwrap().into_iter().map(|s| s.value).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_button_calls_from_when_it_is_declared_a_call_button_until_it_is_no_longer_without_a_restart() {
    let mut house = House::new();
    house.start().await;
    house.say("home-1", "knob", "button", r#"{"id":"1"}"#).await;
    assert_eq!(house.alarms().await.len(), 0, "nobody has declared it");
    *house.book.declared.lock().unwrap() = true;
    house.pass(TimeDelta::minutes(2)).await;
    house.say("home-1", "knob", "button", r#"{"id":"2"}"#).await;
    let alarms = house.alarms().await;
    assert_eq!(alarms.iter().map(|a| &a.cause).collect::<Vec<_>>(), [&Cause::Call]);
    *house.book.declared.lock().unwrap() = false;
    house.pass(TimeDelta::minutes(2)).await;
    house.say("home-1", "knob", "button", r#"{"id":"3"}"#).await;
    let alarms = house.alarms().await;
    assert_eq!((alarms.len(), alarms[0].presses), (1, 1), "it was declared to be none");
}

#[tokio::test(start_paused = true)]
async fn a_press_does_not_wait_for_a_routine_lane_that_has_fallen_silent() {
    let mut house = House::new();
    house.start().await;
    house.log.silent.store(true, Ordering::Relaxed);
    house.say("home-1", "m-1", "motion", r#"{"id":"1"}"#).await;
    house.pass(TimeDelta::seconds(1)).await;
    house.say("home-1", "button", "call", r#"{"id":"7"}"#).await;
    assert_eq!(house.alarms().await.len(), 1, "decided within a second");
    house.say("home-2", "button", "call", r#"{"id":"8"}"#).await;
    assert_eq!(house.alarms().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_press_becomes_one_alarm_and_its_copies_are_counted_also_across_a_death() {
    let mut house = House::new();
    house.start().await;
    house.say("home-1", "button", "call", r#"{"id":"7"}"#).await;
    house.say("home-1", "button", "call", r#"{"id":"7"}"#).await;
    let alarms = house.alarms().await;
    assert_eq!(alarms.len(), 1);
    assert_eq!((alarms[0].presses, alarms[0].copies, alarms[0].level), (1, 1, Level::Red));
    assert_eq!(alarms[0].elders, vec![ElderId::from("elder-1")]);
    house.kill();
    house.say("home-1", "button", "call", r#"{"id":"7"}"#).await;
    house.start().await;
    house.say("home-1", "button", "call", r#"{"id":"8"}"#).await;
    let alarms = house.alarms().await;
    assert_eq!(alarms.len(), 1);
    assert_eq!((alarms[0].presses, alarms[0].copies), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn presses_stored_before_a_death_are_decided_before_the_doors_open() {
    let mut house = House::new();
    for i in 0..200 {
        house.say(&format!("home-{i}"), "button", "call", r#"{"id":"1"}"#).await;
    }
    house.start().await;
    let stored = house.ledger.alarms(Which::Open, None, 500).await.unwrap();
    assert_eq!(stored.len(), 200);
}

#[tokio::test(start_paused = true)]
async fn two_presses_without_a_name_are_two_presses() {
    let mut house = House::new();
    house.start().await;
    house.say("home-1", "button", "call", "").await;
    house.say("home-1", "button", "call", "").await;
    let alarms = house.alarms().await;
    assert_eq!((alarms.len(), alarms[0].presses, alarms[0].copies), (1, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_on_a_broken_payload_of_a_stranger_is_still_a_call() {
    let mut house = House::new();
    house.start().await;
    house.say("home-1", "stranger", "call", "{\"id\": broken").await;
    let alarms = house.alarms().await;
    assert_eq!((alarms.len(), alarms[0].cause.clone()), (1, Cause::Call));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_from_the_home_is_shown_and_closes_nothing() {
    let mut house = House::new();
    house.start().await;
    house.say("home-1", "button", "call", r#"{"id":"1"}"#).await;
    house.say("home-1", "button", "cancel", r#"{"id":"2"}"#).await;
    let alarms = house.alarms().await;
    assert!(alarms[0].is_open() && alarms[0].cancelled_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn silence_becomes_an_alarm_once_also_if_we_die_in_between() {
    let mut house = House::new();
    house.start().await;
    house.say("home-1", "motion", "motion", r#"{"id":"1"}"#).await;
    house.pass(TimeDelta::hours(11)).await;
    house.kill();
    house.start().await;
    house.pass(TimeDelta::hours(2)).await;
    let silent = |alarms: &[Alarm]| alarms.iter().filter(|a| a.cause == Cause::Inactivity).count();
    assert_eq!(silent(&house.alarms().await), 1);
    house.kill();
    house.start().await;
    house.pass(TimeDelta::hours(1)).await;
    assert_eq!(silent(&house.alarms().await), 1);
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_of_ours_homes_get_a_grace_and_stand_in_the_worklist() {
    let mut house = House::new();
    house.start().await;
    for i in 0..50 {
        house.say(&format!("home-{i}"), "motion", "motion", r#"{"id":"1"}"#).await;
    }
    house.pass(TimeDelta::minutes(5)).await;
    house.kill();
    house.pass(TimeDelta::hours(13)).await;
    house.start().await;
    let (_, handle) = house.running.as_ref().unwrap();
    let handle = handle.clone();
    assert_eq!(handle.outage_worklist().await.len(), 50);
    assert_eq!(house.alarms().await.len(), 0, "our own outage is not the homes' silence");
    house.say("home-0", "motion", "motion", r#"{"id":"2"}"#).await;
    house.pass(TimeDelta::minutes(16)).await;
    assert_eq!(house.alarms().await.len(), 49, "who is still silent after the grace is called about");
    assert_eq!(handle.view(&"home-0".into()).await.unwrap().occupancy, Occupancy::Home);
    assert_eq!(handle.outage_worklist().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_short_outage_overdue_silences_fire_at_once() {
    let mut house = House::new();
    house.start().await;
    for i in 0..50 {
        house.say(&format!("home-{i}"), "motion", "motion", r#"{"id":"1"}"#).await;
    }
    house.pass(TimeDelta::hours(12) - TimeDelta::seconds(30)).await;
    house.kill();
    house.pass(TimeDelta::seconds(90)).await;
    house.start().await;
    assert_eq!(house.ledger.alarms(Which::Open, None, 500).await.unwrap().len(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_red_press_does_not_wait_behind_telemetry() {
    let mut house = House::new();
    for i in 0..5_000 {
        house.say("home-1", "motion", "motion", &format!("{{\"id\":\"m{i}\"}}")).await;
    }
    house.say("home-2", "button", "call", r#"{"id":"1"}"#).await;
    let end = house.log.end(Shard(0), Lane::Red).await.unwrap();
    assert_eq!(end.0, 1, "a lane of its own from the first record on");
    house.start().await;
    assert_eq!(house.alarms().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_people_tell_is_there_again_after_a_death_and_nobody_else_can_tell_it() {
    use care::home::{Occupancy, Rules, Switch, Told};
    let mut house = House::new();
    house.start().await;
    house.say("home-1", "motion-1", "motion", "{}").await;
    let now = house.clock.now();
    let rules = Rules { temperature: Switch::On, ..Rules::default() };
    ingest::tell(&house.log, &"home-1".into(), &Told::Holiday { until: now + TimeDelta::days(3) }, now).await.unwrap();
    ingest::tell(&house.log, &"home-1".into(), &Told::Rules(rules), now).await.unwrap();
    house.kill();
    // A device's words on our topic are quarantined, not believed.
    let payload = serde_json::to_vec(&Told::BackHome).unwrap();
    let forged = Record { lane: Lane::Routine, home: "home-1".into(), source: "bridge".into(), topic: "platform/told".into(), payload, heard_at: now };
    store::log::append(&house.log, forged).await.unwrap();
    house.start().await;
    house.pass(TimeDelta::seconds(1)).await;
    let (_, handle) = house.running.as_ref().unwrap();
    assert_eq!(handle.view(&"home-1".into()).await.unwrap().occupancy, Occupancy::Away);
    assert_eq!(handle.routine(&"home-1".into()).await.unwrap().rules, rules);
}

#[tokio::test(start_paused = true)]
async fn what_a_newer_program_has_learned_it_finds_again_after_an_older_one_had_the_shard() {
    use care::home::{Cover, Monitoring, Rules, Switch};
    let mut house = House::new();
    house.start().await;
    let tell = async |house: &House, home: &str, told: Told| ingest::tell(&house.log, &home.into(), &told, house.clock.now()).await.unwrap();
    let rules = Rules { temperature: Switch::On, ..Rules::default() };
    house.say("home-1", "motion-1", "motion", "{}").await;
    tell(&house, "home-1", Told::Rules(rules)).await;
    tell(&house, "home-2", Told::Consent(Monitoring::Off)).await;
    house.pass(TimeDelta::minutes(2)).await;
    house.end().await;
    let known = house.states().await.1[0].1[1 + 8 + 8 + 4];

    // For the older program the states are in a form that it does not know.
    house.form(u8::MAX).await;
    let before = house.states().await;
    house.start().await;
    let (_, handle) = house.running.as_ref().unwrap();
    assert_ne!(handle.routine(&"home-1".into()).await.unwrap().rules, rules, "it does not know them");
    assert_eq!(handle.view(&"home-2".into()).await.unwrap().cover, Cover::Unprotected, "VIS-3");
    house.say("home-1", "button", "call", r#"{"id":"1"}"#).await;
    house.say("home-3", "motion-1", "motion", "{}").await;
    tell(&house, "home-1", Told::Holiday { until: house.clock.now() + TimeDelta::days(3) }).await;
    assert_eq!(house.alarms().await.len(), 1, "a call is a call");
    house.pass(TimeDelta::minutes(2)).await;
    house.end().await;
    let after = house.states().await;
    assert!((after.0, &after.1[..2]) == (before.0, &before.1[..]), "nothing is written over, and the log is read again from there");
    assert_eq!(after.1.len(), 3, "what it knows it writes");

    house.form(known).await;
    house.start().await;
    let (_, handle) = house.running.as_ref().unwrap();
    assert_eq!(handle.routine(&"home-1".into()).await.unwrap().rules, rules);
    assert_eq!(handle.view(&"home-1".into()).await.unwrap().occupancy, Occupancy::Away, "told while the older one had the shard");
    let alarms = house.alarms().await;
    assert_eq!((alarms.len(), alarms[0].presses), (1, 1));
    house.end().await;
    assert!(house.states().await.0.red > before.0.red, "the place moves on again");
}

#[tokio::test(start_paused = true)]
async fn the_past_of_a_home_is_read_back_in_order_and_nobody_elses() {
    let mut house = House::new();
    house.start().await;
    for minute in 0..5 {
        house.say("home-1", "motion-1", "motion", "{}").await;
        house.say("home-2", "motion-1", "motion", "{}").await;
        house.say("home-1", "button", "call", &format!(r#"{{"id":"{minute}"}}"#)).await;
        house.pass(TimeDelta::minutes(1)).await;
    }
    let now = house.clock.now();
    let past = ingest::history(&house.log, &"home-1".into(), now - TimeDelta::minutes(3), 100).await.unwrap();
    assert_eq!(past.len(), 6);
    assert!(past.iter().all(|s| s.home.as_str() == "home-1") && past.is_sorted_by_key(|s| s.heard_at));
    assert_eq!(ingest::history(&house.log, &"home-1".into(), now - TimeDelta::minutes(3), 2).await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_key_i_am_well_is_kept_for_the_daily_call_answers_it_and_closes_nothing_else() {
    let mut house = House::new();
    house.start().await;
    let (home, elder) = (HomeId::from("home-1"), ElderId::from("elder-1"));
    let now = house.clock.now();
    let plan = care::plan::Plan::default();
    let mut ids = Vec::new();
    for (cause, key) in [(Cause::Anomaly("well_call".into()), "a"), (Cause::Inactivity, "b")] {
        let raise = care::cause::Raise { cause, level: Level::Attention, reason: care::Reason::new("well_call").time("at", now), key: key.into(), device: None };
        let (alarm, effects) = Alarm::raise(care::AlarmId::derive(now, key), home.clone(), vec![elder.clone()], raise, false, &plan, now);
        ids.push(alarm.id.clone());
        house.ledger.commit(store::Tx { fence: None, writes: store::desk::writes(None, &alarm, &effects, now) }).await.unwrap();
    }
    house.say("home-1", "well-key", "well", r#"{"id":"1"}"#).await;
    house.pass(TimeDelta::seconds(1)).await;
    let stored = house.ledger.setting("well_at/home-1").await.unwrap().unwrap();
    assert!(stored.parse::<Timestamp>().unwrap() >= now);
    let state = async |i: usize| house.ledger.alarm(&ids[i]).await.unwrap().unwrap().value;
    assert_eq!(state(0).await.state_name(), "closed");
    assert_eq!(state(1).await.state_name(), "raised", "nothing else is closed by it");
}

#[tokio::test(start_paused = true)]
async fn a_supervised_device_that_falls_silent_is_an_alarm_across_a_death_and_not_because_we_were_down() {
    let mut house = House::new();
    house.start().await;
    let tell = |device: &str, minutes: u32| Told::Supervise { device: device.into(), every_s: minutes * 60, part: Part::Sensor };
    for (device, minutes) in [("smoke", 60), ("door", 60), ("bed", 1_440)] {
        ingest::tell(&house.log, &"home-1".into(), &tell(device, minutes), house.clock.now()).await.unwrap();
    }
    house.pass(TimeDelta::hours(1)).await;
    house.kill();
    house.pass(TimeDelta::hours(2)).await;
    house.start().await;
    assert_eq!(house.alarms().await.len(), 0, "two hours in which we did not listen");
    house.pass(TimeDelta::hours(1)).await;
    house.say("home-1", "door", "heartbeat", r#"{"id":"1"}"#).await;
    house.pass(TimeDelta::hours(1) + TimeDelta::minutes(2)).await;
    let alarms = house.alarms().await;
    assert_eq!(alarms.iter().map(|a| (a.cause.name(), a.devices.clone())).collect::<Vec<_>>(), [("technical/device_silent".to_owned(), vec!["smoke".into()])]);
    assert!(alarms[0].next_step_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn while_a_home_is_tested_a_call_rings_and_says_so_and_an_opened_case_does_not() {
    let mut house = House::new();
    house.start().await;
    let (home, now): (HomeId, Timestamp) = ("home-1".into(), house.clock.now());
    ingest::tell(&house.log, &home, &Told::Test { until: now + TimeDelta::hours(5) }, now).await.unwrap();
    house.pass(TimeDelta::seconds(1)).await;
    house.say("home-1", "button", "tamper", r#"{"id":"1","value":true}"#).await;
    house.say("home-1", "button", "call", r#"{"id":"2"}"#).await;
    let alarms = house.alarms().await;
    assert_eq!(alarms.iter().map(|a| (a.cause.name(), a.reason.code.as_str(), a.test)).collect::<Vec<_>>(), [("call".to_owned(), "device_signal_in_test", false)]);
    // it has ended by itself
    house.pass(TimeDelta::minutes(30)).await;
    house.say("home-1", "button", "tamper", r#"{"id":"3","value":true}"#).await;
    assert_eq!(house.alarms().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn mains_that_are_back_are_told_to_the_open_alarm_and_a_replay_does_not_end_the_next_cut() {
    let mut house = House::new();
    house.start().await;
    house.say("home-1", "hub", "mains", r#"{"id":"1","value":false}"#).await;
    house.say("home-1", "hub", "mains", r#"{"id":"2","value":true}"#).await;
    let alarms = house.alarms().await;
    let over = alarms[0].cause_over().map(|over| over.reason.code.as_str());
    assert_eq!((alarms.len(), alarms[0].state_name(), over), (1, "raised", Some("over_signal")));
    house.say("home-1", "hub", "mains", r#"{"id":"3","value":false}"#).await;
    let gone_again = |alarms: &[Alarm]| (alarms.len(), alarms[0].presses, alarms[0].cause_over().is_none());
    assert_eq!(gone_again(&house.alarms().await), (1, 2, true));
    // the whole log is read again: the second message is about the first cut
    house.kill();
    house.start().await;
    assert_eq!(gone_again(&house.alarms().await), (1, 2, true));
    house.say("home-2", "hub", "mains", r#"{"id":"9","value":true}"#).await;
    assert_eq!(house.alarms().await.len(), 1, "what was never told is not over");
}
