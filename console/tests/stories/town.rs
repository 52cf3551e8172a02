//! A simulated town over twelve months: visitors who forget, lie and enter late, devices that fail, elders who move in, fall
//! ill and take their consent back. Its month reports, open and closed, are those that another program works out from the
//! exported facts, name by name (`scripts/recompute_month.py`, Python's standard library).
//!
//! A small town by default; `HEARTHLINE_LONG=town` makes one of 10,000 elders, kept on SQLite.

use crate::support::HandClock;
use care::calendar::{Month, start_of_day};
use care::office::elder::{ElderFile, Source, SourceKind, Suspended};
use care::office::import::{Offer, create};
use care::office::visit::{Asked, Origin};
use care::office::{ConsentState, ConsentStep, Since, Visit};
use care::policy::{Ability, Mode, Outcome, Policy};
use care::visit::form::{Change, Illness, People, Safety, Signature, VisitForm};
use care::visit::remote::DayEvidence;
use care::{ElderId, HomeId, PersonId, TimeDelta, Timestamp};
use chrono::{Datelike, NaiveDate, Weekday};
use console::office::{Finish, Office, OfficeError, Rules};
use futures_util::stream::{self, StreamExt};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use store::register::{HomeRecord, Put};
use store::sqlite::{DataDir, LedgerOptions, SqliteLedger};
use store::{Clock, MemoryLedger, Register};

/// Dice that fall the same way every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// People who enter something at the same time: their writes share a commit.
const AT_ONCE: usize = 64;

fn elder(n: usize) -> ElderId {
    ElderId::new(format!("e{n:05}"))
}

struct Town {
    office: Office,
    register: Arc<dyn Register>,
    clock: Arc<HandClock>,
    dice: Dice,
    /// Visits by the day on which somebody will enter them.
    waiting: BTreeMap<NaiveDate, Vec<(Visit, Finish)>>,
    numbers: u32,
}

impl Town {
    fn new(register: Arc<dyn Register>) -> Self {
        let policy = Policy::load(include_str!("../../../docs/policies/jinjiang.toml")).unwrap().policy;
        let rules = Rules::new(policy);
        let clock = Arc::new(HandClock(Mutex::new(Timestamp::UNIX_EPOCH)));
        let office = Office::new(Arc::clone(&register), Arc::<HandClock>::clone(&clock), rules);
        Self { office, register, clock, dice: Dice(0x5eed_7071), waiting: BTreeMap::new(), numbers: 0 }
    }

    fn set(&self, day: NaiveDate, hours: i64) {
        *self.clock.0.lock().unwrap() = start_of_day(day, self.office.zone()) + TimeDelta::hours(hours);
    }

    /// Who comes into the register, and whether they may be monitored.
    fn meet(&mut self, n: usize, today: NaiveDate) -> (Offer, bool) {
        let categories = [vec!["living_alone"], vec!["no_kin"], vec!["empty_nest"], vec!["left_behind"], vec!["empty_nest", "living_alone"]];
        let offer = Offer {
            name: format!("老人{n}"),
            born: NaiveDate::from_ymd_opt(1930 + i32::try_from(self.dice.roll(34)).unwrap(), 1 + u32::try_from(self.dice.roll(12)).unwrap(), 9),
            categories: categories[usize::try_from(self.dice.roll(5)).unwrap()].clone(),
            ability: Some(Ability::ALL[usize::try_from(self.dice.roll(5)).unwrap()]),
            enrolled_on: Some(today),
            ..Offer::default()
        };
        (offer, self.dice.chance(60))
    }

    async fn file(&self, n: usize, offer: &Offer, remote: bool, today: NaiveDate) {
        let by = PersonId::from("liaison");
        let (id, home) = (elder(n), HomeId::new(format!("home-{n:05}")));
        let area = format!("350582/town-{:02}/village-{:02}", n % 13, n % 5);
        let source = Source { from: SourceKind::Survey, batch: String::new(), row: None, at: self.clock.now(), by: by.clone() };
        let file = create(offer, id.clone(), home.clone(), &area, &source, today).unwrap();
        self.register.put(vec![Put::Home(HomeRecord { id: home, area, address: String::new(), access_notes: String::new() })]).await.unwrap();
        self.office.save_elder(file, 0, &by, SourceKind::Survey, None).await.unwrap();
        self.say(&id, "enrolment", ConsentState::Given).await;
        if remote {
            self.say(&id, "remote", ConsentState::Given).await;
        }
    }

    /// Enters visits as their visitors do: each elder's one after the other, many elders' at once.
    async fn enter(&self, visits: Vec<(Visit, Finish)>) {
        let mut by_elder: BTreeMap<ElderId, Vec<(Visit, Finish)>> = BTreeMap::new();
        for one in visits {
            by_elder.entry(one.0.elder.clone()).or_default().push(one);
        }
        let enter = async |visits: Vec<(Visit, Finish)>| {
            for (visit, finish) in visits {
                let by = visit.visitor.clone();
                match self.office.take_visit(visit, finish, &by).await {
                    Ok(_) | Err(OfficeError::Refused(_)) => {}
                    failed @ Err(_) => drop(failed.unwrap()),
                }
            }
        };
        stream::iter(by_elder.into_values()).for_each_concurrent(AT_ONCE, enter).await;
    }

    async fn say(&self, elder: &ElderId, purpose: &str, state: ConsentState) {
        let step = ConsentStep {
            state,
            at: self.clock.now(),
            said_by: "本人".into(),
            taken_by: PersonId::from("liaison"),
            proof: Some(care::office::Proof::Paper("档案柜".into())),
            reason: "不愿继续".into(),
            ask_again_on: None,
        };
        self.office.consent(elder, purpose, step, &PersonId::from("liaison")).await.unwrap();
    }

    /// Something happens to an elder.
    async fn life(&mut self, elder: &ElderId, today: NaiveDate) {
        let by = PersonId::from("liaison");
        let kept = self.office.get::<ElderFile>(elder.as_str()).await.unwrap();
        let mut file = kept.record;
        match self.dice.roll(4) {
            0 => {
                let to = today + TimeDelta::days(i64::try_from(self.dice.roll(50)).unwrap());
                file.suspensions.push(Suspended { reason: "hospital".into(), from: today, to: Some(to), proof: "住院证明".into(), by: by.clone() });
            }
            1 => Since::note(&mut file.ability, today, Ability::Severe),
            2 => file.left_on = Some(today),
            _ => {
                let said = self.office.consents_of(elder).await.unwrap();
                if let Some(given) = said.iter().find(|one| one.record.purpose == "remote" && one.record.holds()) {
                    let purpose = given.record.purpose.clone();
                    self.say(elder, &purpose, ConsentState::Withdrawn).await;
                }
                return;
            }
        }
        self.office.save_elder(file, kept.version, &by, SourceKind::Survey, None).await.unwrap();
    }

    /// What a visitor does on a day, and when it will be entered, if ever.
    fn go(&mut self, elder: &ElderId, today: NaiveDate) {
        let minutes = 8 * 60 + i64::try_from(self.dice.roll(600)).unwrap();
        let start = start_of_day(today, self.office.zone()) + TimeDelta::minutes(minutes);
        let mode = [Mode::Home, Mode::Home, Mode::Home, Mode::Phone, Mode::Video, Mode::Other][usize::try_from(self.dice.roll(6)).unwrap()];
        let outcome = [Outcome::Met, Outcome::Met, Outcome::Met, Outcome::Met, Outcome::NoAnswer, Outcome::Refused, Outcome::Proxy][usize::try_from(self.dice.roll(7)).unwrap()];
        self.numbers += 1;
        let visitor = PersonId::new(format!("visitor-{}", self.dice.roll(9)));
        let forgot_to_sign = self.dice.chance(4);
        let form = VisitForm {
            number: None,
            mode: Some(mode),
            people: Some(People::Same),
            speech: Some(Change::Same),
            movement: Some(Change::Same),
            illness: Some(Illness::Same),
            mood: Some(Change::Same),
            gas: Some(if self.dice.chance(3) { Safety::Unsafe } else { Safety::Safe }),
            water: Some(Safety::Safe),
            electricity: Some(Safety::Safe),
            personal_hygiene: Some(Change::Same),
            home_hygiene: Some(Change::Same),
            rooms: Some(Change::Same),
            needs: Some("无".into()),
            visitor: Some(Signature::Screen("s".into())),
            elder: Some(Signature::Missing("cannot_sign".into())),
            date: Some(today),
        };
        let no_answer = (outcome == Outcome::NoAnswer).then(|| care::office::visit::NoAnswer { result: "邻居称外出".into(), ..Default::default() });
        let visit = Visit {
            id: format!("v{:07}", self.numbers),
            elder: elder.clone(),
            home: HomeId::from(""),
            area: String::new(),
            visitor: visitor.clone(),
            organisation: String::new(),
            mode,
            origin: Origin::Regular,
            start,
            end: Some(start + TimeDelta::minutes(25)),
            outcome,
            form,
            asked: Asked::default(),
            no_answer,
            distance_m: None,
            check_in: None,
            recorded_at: start,
            recorded_by: visitor,
            signed_at: None,
            corrections: Vec::new(),
            alarm: None,
            evidence: None,
            reviewed: None,
        };
        let late = [0, 0, 0, 0, 0, 0, 0, 2, 12, 35][usize::try_from(self.dice.roll(10)).unwrap()];
        let finish = if forgot_to_sign { Finish::Draft } else { Finish::Sign };
        if self.dice.chance(2) {
            // A liar was somewhere else at that time: entered all the same, and pointed out.
            let mut lie = visit.clone();
            lie.id = format!("lie{:05}", self.numbers);
            lie.start += TimeDelta::minutes(5);
            lie.end = Some(lie.start + TimeDelta::minutes(20));
            self.waiting.entry(today).or_default().push((lie, Finish::Sign));
        }
        self.waiting.entry(today + TimeDelta::days(late)).or_default().push((visit, finish));
    }

    /// What the devices of a home proved of a day.
    fn devices(&mut self, today: NaiveDate) -> DayEvidence {
        DayEvidence {
            day: today,
            coverage_pct: if self.dice.chance(96) { 97.0 } else { 40.0 },
            presence_events: u32::try_from(self.dice.roll(40)).unwrap() + 3,
            longest_gap_hours: if self.dice.chance(98) { 8.0 } else { 15.0 },
            devices: vec!["pir-bedroom".into()],
            signs_at: Vec::new(),
        }
    }
}

/// Lives through twelve months; the reports as they were closed and as they stand at the end, and the facts.
async fn live(mut town: Town, elders: usize, homes_with_devices: usize) -> (Vec<serde_json::Value>, serde_json::Value, usize) {
    let (first, last) = (day("2025-11-25"), day("2026-12-10"));
    let mut reports = Vec::new();
    let mut filed = 0;
    let mut today = first;
    while today <= last {
        town.set(today, 7);
        // Two thirds are there from the beginning, the others come in the course of the year.
        let wanted = if today == first { elders * 2 / 3 } else { elders * 2 / 3 + (elders - elders * 2 / 3) * usize::try_from((today - first).num_days()).unwrap() / 380 };
        let new: Vec<_> = (filed..wanted.min(elders)).map(|n| (n, town.meet(n, today))).collect();
        filed += new.len();
        stream::iter(&new).for_each_concurrent(AT_ONCE, |(n, (offer, remote))| town.file(*n, offer, *remote, today)).await;
        for elder in (0..filed).map(elder) {
            if town.dice.roll(3_000) < 4 {
                town.life(&elder, today).await;
            }
            // Visits come about every ten days; some visitors forget.
            if town.dice.chance(10) && !town.dice.chance(8) {
                town.go(&elder, today);
            }
        }
        town.set(today, 22);
        let due = town.waiting.remove(&today).unwrap_or_default();
        town.enter(due).await;
        if homes_with_devices > 0 {
            let days = (0..homes_with_devices.min(filed)).map(|n| (HomeId::new(format!("home-{n:05}")), town.devices(today))).collect();
            town.office.keep_days(days).await.unwrap();
            if today.weekday() == Weekday::Sun {
                town.office.record_remote(today).await.unwrap();
            }
        }
        if today.day() == 10 && today > day("2025-12-31") {
            let month = Month::of(today - TimeDelta::days(20));
            town.office.close_month(month, &PersonId::from("city")).await.unwrap();
            reports.push(serde_json::to_value(town.office.report(month, "").await.unwrap().report.as_ref()).unwrap());
        }
        today = today.succ_opt().unwrap();
    }
    let flags = town.office.flagged(Month::of(day("2026-06-15")), "").await.unwrap().len();
    let mut month = Month::of(day("2025-12-01"));
    for n in 0..12 {
        let now = town.office.worked_out(month, "").await.unwrap();
        let closed = serde_json::to_value(town.office.report(month, "").await.unwrap().report.as_ref()).unwrap();
        assert_eq!(closed, reports[n], "a closed month does not change, whatever is entered later");
        reports.push(serde_json::to_value(now.as_ref()).unwrap());
        month = month.next();
    }
    (reports, town.office.facts("").await.unwrap(), flags)
}

fn recomputed(reports: &[serde_json::Value], facts: &serde_json::Value) -> (bool, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let facts = write("facts.json", facts.to_string());
    let reports = write("reports.json", serde_json::Value::from(reports.to_vec()).to_string());
    let mut python = std::process::Command::new("python3");
    python.arg("-B").arg(root.join("scripts/recompute_month.py")).arg(root.join("docs/policies/jinjiang.toml"));
    let out = python.arg(facts).arg(reports).output().unwrap();
    (out.status.success(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
}

#[tokio::test]
async fn a_towns_month_reports_are_those_that_another_program_works_out_name_by_name() {
    let long = std::env::var("HEARTHLINE_LONG").is_ok_and(|which| which == "town");
    let folder = tempfile::tempdir().unwrap();
    let register: Arc<dyn Register> = if long {
        let options = LedgerOptions { ballast_bytes: 1 << 20, ..LedgerOptions::default() };
        Arc::new(SqliteLedger::open(&DataDir::open(folder.path()).unwrap(), &options, Timestamp::UNIX_EPOCH).unwrap().0)
    } else {
        Arc::new(MemoryLedger::new())
    };
    let (elders, devices) = if long { (10_000, 400) } else { (40, 16) };
    let (mut reports, facts, flags) = live(Town::new(register), elders, devices).await;
    let (same, text) = recomputed(&reports, &facts);
    println!("{text}");
    assert!(same, "{text}");
    assert_eq!(reports.len(), 24);
    assert!(flags > 0, "those who lie are pointed out");
    let sum = |field: &str| reports.iter().map(|report| report["total"][field].as_u64().unwrap()).sum::<u64>();
    for field in ["home_owed", "home_met", "reach_met", "remote_only", "exempt"] {
        assert!(sum(field) > 0, "{field} never happens: the town is no test of it");
    }
    assert!(sum("home_met") < sum("home_owed"));
    assert!((0..12).any(|n| reports[n]["total"] != reports[n + 12]["total"]), "what was entered late shows beside the closed months");
    // The other program is no yes-man.
    let missed = reports[3]["home_missed"].as_array_mut().unwrap();
    assert!(missed.pop().is_some());
    assert!(!recomputed(&reports, &facts).0);
}

#[tokio::test]
async fn visits_signed_at_the_same_moment_have_numbers_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&DataDir::open(folder.path()).unwrap(), &LedgerOptions::default(), Timestamp::UNIX_EPOCH).unwrap().0;
    let mut town = Town::new(Arc::new(ledger));
    let today = day("2026-03-02");
    town.set(today, 20);
    let (offer, remote) = town.meet(0, today);
    town.file(0, &offer, remote, today).await;
    for _ in 0..40 {
        town.go(&elder(0), today);
    }
    let visits: Vec<Visit> = town.waiting.remove(&today).unwrap().into_iter().filter(|(_, finish)| *finish == Finish::Sign).map(|(visit, _)| visit).collect();
    let sent = stream::iter(visits.iter().take(6)).map(|visit| town.office.take_visit(visit.clone(), Finish::Sign, &visit.visitor));
    let taken: Vec<_> = sent.buffer_unordered(6).collect().await;
    let mut numbers: Vec<u32> = taken.into_iter().map(|taken| taken.unwrap().visit.record.form.number.unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    // The same visit sent twice at once is one.
    let twice = visits.get(6).unwrap();
    let (one, other) = tokio::join!(town.office.take_visit(twice.clone(), Finish::Sign, &twice.visitor), town.office.take_visit(twice.clone(), Finish::Sign, &twice.visitor));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.visit, other.visit);
    assert_eq!((one.again || other.again, one.visit.record.form.number), (true, Some(7)));
}
