//! Stories of the office's jobs over the adapters in memory, on time that is set by hand.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use care::office::elder::SourceKind;
use care::office::{ConsentState, ConsentStep, ElderFile, Proof, Visit};
use care::{ElderId, Lane, Level};
use console::office::HomeDay;
use ingest::{Book, Ports, Settings, Worker};
use std::pin::Pin;
use std::sync::Mutex;
use store::ledger::LedgerError;
use store::memory::{MemoryLedger, MemoryLog};
use store::register::{Area, HomeRecord, Put};
use store::sheet::SheetAsk;
use store::telemetry::NoTelemetry;
use store::{Ownership, Record, Register, Shard};

struct HandClock(Mutex<Timestamp>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep_until<'a>(&'a self, _: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(std::future::pending())
    }
}

struct Everybody;

#[async_trait::async_trait]
impl Book for Everybody {
    async fn elders(&self, _: &HomeId) -> Result<Vec<ElderId>, LedgerError> {
        Ok(vec!["elder-1".into()])
    }

    async fn knows(&self, _: &HomeId, _: &care::DeviceId) -> Result<bool, LedgerError> {
        Ok(true)
    }

    fn is_test(&self, _: &HomeId) -> bool {
        false
    }
}

struct House {
    log: MemoryLog,
    ledger: MemoryLedger,
    clock: Arc<HandClock>,
    office: Arc<Office>,
    jobs: Jobs,
    folder: tempfile::TempDir,
}

fn home() -> HomeId {
    "home-1".into()
}

async fn jobs(log: &MemoryLog, ledger: &MemoryLedger, clock: &Arc<HandClock>, office: &Arc<Office>, folder: &Path) -> Jobs {
    let blueprint = OfficeBlueprint::new(&[], Some(folder.to_owned()), Retention::default()).unwrap();
    let settings = care::home::Settings::default();
    // The sender goes; what it has said last holds.
    let (_, duty) = watch::channel(Some(ledger.take(Shard::OFFICE).await.unwrap()));
    Jobs::new(office.clone(), Arc::new(ledger.clone()), Arc::new(log.clone()), clock.clone(), settings, blueprint, duty)
}

impl House {
    async fn new(at: &str) -> Self {
        let (log, ledger) = (MemoryLog::new(1), MemoryLedger::new());
        let clock = Arc::new(HandClock(Mutex::new(at.parse().unwrap())));
        let folder = tempfile::tempdir().unwrap();
        let rules = OfficeBlueprint::new(&[], None, Retention::default()).unwrap().rules();
        let office = Arc::new(Office::new(Arc::new(ledger.clone()), clock.clone(), rules));
        let area = |id: &str| Put::Area(Area { id: id.into(), name: id.into() });
        let place = Put::Home(HomeRecord { id: home(), area: "350582/meiling".into(), address: String::new(), access_notes: String::new() });
        ledger.put(vec![area("350582"), area("350582/meiling"), place]).await.unwrap();
        let file: ElderFile = serde_json::from_value(serde_json::json!({
            "id": "elder-1", "home": "home-1", "area": "350582/meiling", "filed_on": "2026-10-01", "enrolled_on": "2026-10-01", "name": "陈秀英",
            "born": "1940-03-02", "no_id": "补办中", "entered": ["no_kin"],
        }))
        .unwrap();
        office.save_elder(file, 0, &"city".into(), SourceKind::Survey, None).await.unwrap();
        let jobs = jobs(&log, &ledger, &clock, &office, folder.path()).await;
        Self { log, ledger, clock, office, jobs, folder }
    }

    fn set(&self, at: &str) {
        *self.clock.0.lock().unwrap() = at.parse().unwrap();
    }

    async fn say(&self, device: &str, signal: &str, at: Timestamp) {
        let lane = if ["call", "fall", "smoke", "gas", "carbon_monoxide"].contains(&signal) { Lane::Red } else { Lane::Routine };
        let topic = format!("care/v1/home-1/{device}/{signal}");
        let record = Record { lane, home: home(), source: "hub".into(), topic, payload: Vec::new(), heard_at: at };
        store::log::append(&self.log, record).await.unwrap();
    }

    /// A day as a hub and a sensor tell it.
    async fn day(&self, day: &str) {
        let start = care::calendar::start_of_day(day.parse().unwrap(), chrono_tz::Asia::Shanghai);
        for minute in (0..1440).step_by(30) {
            self.say("hub", "heartbeat", start + TimeDelta::minutes(minute)).await;
        }
        for minute in [30, 420, 700, 900, 1100, 1320] {
            self.say("motion-1", "motion", start + TimeDelta::minutes(minute)).await;
        }
    }

    async fn consent(&self, state: ConsentState, at: &str) {
        let step = ConsentStep {
            state,
            at: at.parse().unwrap(),
            said_by: "本人".into(),
            taken_by: "city".into(),
            proof: Some(Proof::Witness("王".into())),
            reason: String::new(),
            ask_again_on: None,
        };
        self.office.consent(&"elder-1".into(), "remote", step, &"city".into()).await.unwrap();
    }

    async fn remote_visits(&self) -> Vec<Visit> {
        let visits = self.office.all::<Visit>(SheetAsk::of("visit")).await.unwrap();
        visits.into_iter().map(|kept| kept.record).filter(|visit| visit.mode == care::policy::Mode::Remote).collect()
    }
}

#[tokio::test]
async fn a_week_of_signals_becomes_a_visit_by_itself_also_across_a_death() {
    let mut house = House::new("2026-11-01T01:00:00Z").await;
    house.consent(ConsentState::Given, "2026-10-30T01:00:00Z").await;
    for day in 1..=4 {
        house.day(&format!("2026-11-0{day}")).await;
    }
    house.set("2026-11-05T00:00:00Z");
    house.jobs.turn().await;
    assert_eq!(house.office.all::<HomeDay>(SheetAsk::of("home_day")).await.unwrap().len(), 4, "08:00 on the 5th: the 4th is closed");
    // The process dies and another reads on.
    house.jobs = jobs(&house.log, &house.ledger, &house.clock, &house.office, house.folder.path()).await;
    for day in 5..=7 {
        house.day(&format!("2026-11-0{day}")).await;
    }
    house.set("2026-11-08T00:00:00Z");
    house.jobs.turn().await;
    house.jobs.turn().await;
    let days: Vec<_> = house.office.all::<HomeDay>(SheetAsk::of("home_day")).await.unwrap().into_iter().map(|kept| kept.record.evidence).collect();
    assert_eq!(days.len(), 7);
    assert!(days.iter().all(|day| day.coverage_pct > 97.0 && day.presence_events == 6), "{days:?}");
    let visits = house.remote_visits().await;
    assert_eq!(visits.len(), 1);
    let evidence = visits[0].evidence.as_ref().unwrap();
    assert!(evidence.is_intact());
    assert_eq!((evidence.from.to_string(), evidence.to.to_string()), ("2026-11-01".into(), "2026-11-07".into()));
}

#[tokio::test]
async fn days_without_cover_are_unknown_and_make_no_visit() {
    let mut house = House::new("2026-11-01T01:00:00Z").await;
    house.consent(ConsentState::Given, "2026-10-30T01:00:00Z").await;
    for day in 1..=7 {
        if day == 3 || day == 5 {
            // The hub lives, the sensors are dead.
            let start = care::calendar::start_of_day(format!("2026-11-0{day}").parse().unwrap(), chrono_tz::Asia::Shanghai);
            for minute in (0..1440).step_by(30) {
                house.say("hub", "heartbeat", start + TimeDelta::minutes(minute)).await;
            }
        } else {
            house.day(&format!("2026-11-0{day}")).await;
        }
    }
    house.set("2026-11-08T00:00:00Z");
    house.jobs.turn().await;
    let days = house.office.all::<HomeDay>(SheetAsk::of("home_day")).await.unwrap();
    let thin: Vec<String> = days.iter().map(|kept| &kept.record.evidence).filter(|day| day.coverage_pct < 80.0).map(|day| day.day.to_string()).collect();
    assert_eq!(thin, ["2026-11-03", "2026-11-05"], "unknown, never well");
    assert!(house.remote_visits().await.is_empty());
}

/// VIS-3: a withdrawal takes effect in one turn of the jobs, which comes every 20 s: learning, counting and sharing stop.
/// Call, fall, smoke, gas and carbon monoxide are answered all the same.
#[tokio::test]
async fn a_withdrawal_stops_learning_counting_and_sharing_and_no_red_alarm() {
    assert!(LOOK_EVERY <= Duration::from_secs(300 / 2), "within 5 min, a failed turn included");
    let mut house = House::new("2026-11-01T01:00:00Z").await;
    let ports = Ports {
        log: Arc::new(house.log.clone()),
        ledger: Arc::new(house.ledger.clone()),
        ownership: Arc::new(house.ledger.clone()),
        book: Arc::new(Everybody),
        clock: house.clock.clone(),
        telemetry: Arc::new(NoTelemetry),
    };
    house.consent(ConsentState::Given, "2026-10-30T01:00:00Z").await;
    for day in 1..=7 {
        house.day(&format!("2026-11-0{day}")).await;
    }
    house.set("2026-11-07T15:59:00Z");
    house.consent(ConsentState::Withdrawn, "2026-11-07T15:58:00Z").await;
    house.jobs.turn().await;
    let worker = Worker::start(Shard(0), ports, Settings::default()).await.unwrap();
    let handle = worker.handle();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(worker.run(stopped));
    let view = handle.view(&home()).await.unwrap();
    assert_eq!(view.cover_reason.code, "cover_no_consent", "the home is not watched any more");
    assert!(view.learned_days < 0.001, "what was learned is forgotten: {}", view.learned_days);
    // Nothing is counted, nothing is kept.
    house.set("2026-11-09T00:00:00Z");
    house.day("2026-11-08").await;
    house.jobs.turn().await;
    assert!(house.remote_visits().await.is_empty());
    assert!(house.office.all::<HomeDay>(SheetAsk::of("home_day")).await.unwrap().is_empty());
    // Every red signal is an alarm.
    for (device, signal) in [("button", "call"), ("fall-1", "fall"), ("smoke", "smoke"), ("gas", "gas"), ("co", "carbon_monoxide")] {
        house.say(device, signal, house.clock.now()).await;
    }
    let limit = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let open = house.ledger.alarms(Which::Open, None, 100).await.unwrap();
        if open.iter().filter(|alarm| alarm.value.level == Level::Red).count() == 5 {
            break;
        }
        assert!(tokio::time::Instant::now() < limit, "{open:?}");
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn consent_that_was_given_again_is_told_by_whoever_succeeds() {
    let mut house = House::new("2026-11-01T01:00:00Z").await;
    let told = async |house: &House| {
        let entries = house.log.read(Shard(0), Lane::Routine, store::Offset(0), 1_000).await.unwrap();
        let said: Vec<Told> = entries.iter().filter(|e| e.record.source == ingest::SOURCE).map(|e| serde_json::from_slice(&e.record.payload).unwrap()).collect();
        said
    };
    let (off, on) = ([Told::Consent(Monitoring::Off), Told::Forget], Told::Consent(Monitoring::On));
    house.consent(ConsentState::Given, "2026-10-30T01:00:00Z").await;
    house.jobs.turn().await;
    assert!(told(&house).await.is_empty(), "a home goes on by itself");
    house.consent(ConsentState::Withdrawn, "2026-10-31T01:00:00Z").await;
    house.jobs.turn().await;
    house.jobs.turn().await;
    assert_eq!(told(&house).await, off);
    // It dies; meanwhile the consent is given again.
    house.consent(ConsentState::Given, "2026-10-31T02:00:00Z").await;
    let mut first = std::mem::replace(&mut house.jobs, jobs(&house.log, &house.ledger, &house.clock, &house.office, house.folder.path()).await);
    // Whoever was only paused says nothing any more.
    first.turn().await;
    assert_eq!(told(&house).await, off);
    house.jobs.turn().await;
    house.jobs.turn().await;
    assert_eq!(told(&house).await, [off.as_slice(), std::slice::from_ref(&on)].concat());
    // What holds is nothing new for the next one.
    house.jobs = jobs(&house.log, &house.ledger, &house.clock, &house.office, house.folder.path()).await;
    house.jobs.turn().await;
    assert_eq!(told(&house).await.last(), Some(&on));
    assert_eq!(told(&house).await.len(), 3);
}

const CAP: &str = r#"<?xml version="1.0" encoding="UTF-8"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>350582-1</identifier><sender>met@example.cn</sender><sent>2026-11-01T08:30:00+08:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope><info><language>zh-CN</language><category>Met</category><event>台风</event><urgency>Immediate</urgency><severity>Severe</severity><certainty>Likely</certainty><headline>台风橙色预警</headline><area><areaDesc>晋江市</areaDesc><geocode><valueName>GB/T 2260</valueName><value>350582</value></geocode></area></info></alert>"#;

#[tokio::test]
async fn a_warning_in_the_folder_asks_for_visits_and_a_file_that_is_none_is_put_aside() {
    let mut house = House::new("2026-11-01T01:00:00Z").await;
    let folder = house.folder.path().to_owned();
    std::fs::write(folder.join("1.xml"), CAP).unwrap();
    std::fs::write(folder.join("2.xml"), "<html/>").unwrap();
    std::fs::write(folder.join("3.xml.part"), CAP).unwrap();
    house.jobs.turn().await;
    assert!(folder.join("done/1.xml").is_file() && folder.join("refused/2.xml").is_file() && folder.join("3.xml.part").is_file());
    let due = house.office.due("", None).await.unwrap();
    let weather: Vec<_> = due.iter().flat_map(|row| &row.duties).filter(|duty| duty.id == "weather").collect();
    assert_eq!(weather.len(), 1, "the key tier goes within a day: {due:?}");
}

#[tokio::test]
async fn the_demos_office_is_the_same_on_the_same_day_and_has_something_of_everything() {
    use care::office::{Finding, FollowUp, Hazard, Incident, Referral};
    let mut seals = Vec::new();
    for _ in 0..2 {
        let ledger = MemoryLedger::new();
        let clock = Arc::new(HandClock(Mutex::new("2026-11-20T02:00:00Z".parse().unwrap())));
        let rules = OfficeBlueprint::new(&[], None, Retention::default()).unwrap().rules();
        let office = Office::new(Arc::new(ledger.clone()), clock.clone(), rules);
        ledger.put(crate::seed::areas()).await.unwrap();
        ledger.put((1..=60).flat_map(|n| crate::seed::home(n, false, clock.now())).collect()).await.unwrap();
        crate::seed_office::fill(&office, &ledger, 60).await.unwrap();
        let report = office.report("2026-10".parse().unwrap(), "").await.unwrap();
        assert!(report.closed.is_some() && report.report.total.elders > 40, "{:?}", report.report.total);
        assert!(!report.report.home_missed.is_empty() && report.report.total.home_met > 10);
        let running = office.report("2026-11".parse().unwrap(), "").await.unwrap().report;
        assert!(running.total.cover.with_devices > 100 && !running.still_owed.is_empty());
        assert!(!office.due("", None).await.unwrap().is_empty());
        assert!(!office.all::<Hazard>(SheetAsk::of("hazard")).await.unwrap().is_empty());
        assert!(!office.all::<Referral>(SheetAsk::of("referral")).await.unwrap().is_empty());
        assert!(!office.all::<FollowUp>(SheetAsk::of("follow_up")).await.unwrap().is_empty());
        assert!(!office.all::<Incident>(SheetAsk::of("incident")).await.unwrap().is_empty());
        assert!(office.all::<Finding>(SheetAsk::of("finding")).await.unwrap().is_empty());
        let remote = office.all::<Visit>(SheetAsk::of("visit")).await.unwrap().into_iter().filter(|kept| kept.record.evidence.is_some()).count();
        assert!(remote > 5, "{remote}");
        seals.push((report.report.seal(), running.seal()));
    }
    assert_eq!(seals[0], seals[1]);
}

/// PRV-1, Done-when: what is erased is gone from the disk, not only from answers. Bodies are sealed; the identifier is not,
/// so it is looked for in every file of the data directory.
#[tokio::test]
async fn what_is_erased_is_gone_from_the_disk() {
    use store::sqlite::{DataDir, LedgerOptions, SqliteLedger};
    let folder = tempfile::tempdir().unwrap();
    let now: Timestamp = "2026-11-20T02:00:00Z".parse().unwrap();
    let (name, other) = ("home-that-is-to-be-forgotten", "home-that-stays-in-the-register");
    let on_disk = |wanted: &str| {
        let mut found = Vec::new();
        let mut folders = vec![folder.path().to_owned()];
        while let Some(at) = folders.pop() {
            for entry in std::fs::read_dir(at).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if std::fs::read(&path).unwrap().windows(wanted.len()).any(|bytes| bytes == wanted.as_bytes()) {
                    found.push(path);
                }
            }
        }
        found
    };
    let dir = DataDir::open(folder.path()).unwrap();
    let (ledger, _) = SqliteLedger::open(&dir, &LedgerOptions::default(), now).unwrap();
    let ledger = Arc::new(ledger);
    let clock = Arc::new(HandClock(Mutex::new(now)));
    let rules = OfficeBlueprint::new(&[], None, Retention::default()).unwrap().rules();
    let office = Office::new(ledger.clone(), clock.clone(), rules);
    let day = |day: NaiveDate| care::visit::remote::DayEvidence {
        day,
        coverage_pct: 99.0,
        presence_events: 9,
        longest_gap_hours: 8.0,
        devices: (0..32).map(|n| format!("device-{n}")).collect(),
        signs_at: vec![now; 48],
    };
    let old: NaiveDate = "2025-06-01".parse().unwrap();
    for n in 0..20 {
        let days = vec![(name.into(), day(care::calendar::plus_days(old, n))), (other.into(), day("2026-11-19".parse().unwrap()))];
        office.keep_days(days).await.unwrap();
    }
    assert!(!on_disk(name).is_empty() && !on_disk(other).is_empty());
    assert_eq!(office.expire(&Retention::default()).await.unwrap(), 20);
    drop(office);
    ledger.close();
    drop(ledger);
    assert_eq!(on_disk(name), Vec::<PathBuf>::new());
    assert!(!on_disk(other).is_empty());
}

#[tokio::test]
async fn a_birthday_and_a_card_that_runs_out_change_the_tier_without_a_word() {
    let mut house = House::new("2026-11-01T01:00:00Z").await;
    for (id, more) in [
        ("elder-2", serde_json::json!({ "born": "1946-11-03", "entered": ["living_alone"] })),
        ("elder-3", serde_json::json!({ "born": "1950-01-01", "disability_card": "99999919500101001942", "card_valid_to": "2026-11-02" })),
    ] {
        let mut file = serde_json::json!({
            "id": id, "home": "home-1", "area": "350582/meiling", "filed_on": "2026-10-01", "enrolled_on": "2026-10-01", "name": "林", "no_id": "补办中",
        });
        file.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.office.save_elder(serde_json::from_value(file).unwrap(), 0, &"city".into(), SourceKind::Survey, None).await.unwrap();
    }
    let mut seen = Vec::new();
    for day in ["2026-11-02", "2026-11-03"] {
        house.set(&format!("{day}T01:00:00Z"));
        house.jobs.turn().await;
        house.jobs.turn().await;
        for id in ["elder-2", "elder-3"] {
            let tier = house.office.brief(&id.into()).await.unwrap().unwrap().tier;
            let desk = house.ledger.elders_of(&home()).await.unwrap().into_iter().find(|elder| elder.id.as_str() == id).unwrap().tier;
            let version = house.office.get::<ElderFile>(id).await.unwrap().version;
            seen.push(format!("{day} {id} {} desk {desk} version {version}", tier.unwrap_or_default()));
        }
    }
    let expected = ["2026-11-02 elder-2 general desk general version 1", "2026-11-02 elder-3 key desk key version 1", "2026-11-03 elder-2 key desk key version 1", "2026-11-03 elder-3  desk  version 2"];
    assert_eq!(seen, expected);
    let card = house.office.get::<ElderFile>("elder-3").await.unwrap();
    assert_eq!((card.written_by.as_str(), card.record.disability_level.last().unwrap().is), ("platform", None));
}
