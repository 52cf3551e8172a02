//! What a city costs: every window of a year judged, and the report of a month.
//! `cargo bench -p care --bench visits [ELDERS]`

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a bench measures time, and may stop where the core may not")]

use care::calendar::{Month, plus_days};
use care::office::month::{FrozenMonth, forecast, league};
use care::policy::{Ability, Mode, Outcome, Policy, PolicySet};
use care::visit::report::MonthReport;
use care::visit::{Contact, Dated, Elder, Facts, Moment, evaluate, evaluate_since};
use care::{ElderId, TimeDelta};
use chrono::NaiveDate;
use std::collections::BTreeMap;
use std::time::Instant;

fn main() {
    let elders: usize = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(100_000);
    let set = PolicySet::from(Policy::load(include_str!("../../docs/policies/jinjiang.toml")).unwrap().policy);
    let as_of: NaiveDate = "2026-11-30".parse().unwrap();
    let facts = town(elders, as_of);
    println!("{elders} elders, {} contacts of 12 months", facts.contacts.len());

    let begin = Instant::now();
    let owed = evaluate(&set, &facts, as_of);
    let windows: usize = owed.iter().map(|of| of.owed.len()).sum();
    println!("evaluation of 12 months: {windows} windows in {:.2} s", begin.elapsed().as_secs_f64());
    drop(owed);

    let month = Month::of(as_of);
    let begin = Instant::now();
    let owed = evaluate_since(&set, &facts, |_| true, month.first(), as_of);
    let report = MonthReport::new(&set, &facts, &owed, month, as_of, &BTreeMap::new());
    println!("month report: {} elders, {} missed, in {:.2} s", report.total.elders, report.home_missed.len(), begin.elapsed().as_secs_f64());

    let begin = Instant::now();
    let towns = league(&report, 2).len();
    let miss = forecast(&report).will_miss.len();
    println!("league of {towns} towns, forecast of {miss} names: {:.3} s", begin.elapsed().as_secs_f64());

    let areas: BTreeMap<ElderId, String> = facts.elders.iter().filter_map(|elder| Some((elder.id.clone(), elder.area.clone()?))).collect();
    let begin = Instant::now();
    let parts = FrozenMonth::close(&report, &areas, 2, as_of.and_hms_opt(12, 0, 0).unwrap().and_utc(), &"city".into());
    let largest = parts.iter().map(|part| serde_json::to_vec(part).unwrap().len()).max().unwrap_or(0);
    println!("closing: {} sheets, the largest {largest} bytes, in {:.2} s", parts.len(), begin.elapsed().as_secs_f64());
}

fn town(count: usize, as_of: NaiveDate) -> Facts {
    let categories = ["no_kin", "living_alone", "empty_nest", "left_behind", "care_dependent"];
    let enrolled = plus_days(as_of, -365);
    let mut facts = Facts { as_of: Some(as_of), ..Facts::default() };
    let mut seed = 7u64;
    let mut lot = move |most: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % most
    };
    for n in 0..count {
        let id = ElderId::new(format!("elder-{n:06}"));
        let category = categories.get(n % categories.len()).copied().unwrap_or("no_kin");
        facts.elders.push(Elder {
            id: id.clone(),
            area: Some(format!("350582/town-{:02}/v{:02}", n % 19, n % 31)),
            born: NaiveDate::from_ymd_opt(1930 + i32::try_from(n % 34).unwrap(), 1 + u32::try_from(n % 12).unwrap(), 1).unwrap(),
            categories: Dated::always(vec![category.to_owned()]),
            ability: Dated::always(if n % 10 == 4 { Ability::Moderate } else { Ability::None }),
            disability_level: Dated::always(None),
            numbers: Vec::new(),
            chosen: Dated::steps(Vec::new()),
            enrolled_on: enrolled,
            suspensions: Vec::new(),
            consents: None,
        });
        for half in 0..24i64 {
            if lot(100) < 8 || (n % 5 == 2 && half % 2 == 1) {
                continue;
            }
            let day = plus_days(enrolled, half * 15 + i64::try_from(lot(15)).unwrap());
            let start = day.and_hms_opt(2, 0, 0).unwrap().and_utc() + TimeDelta::minutes(i64::try_from(lot(480)).unwrap());
            facts.contacts.push(Contact {
                id: format!("{n}-{half}"),
                elder: id.clone(),
                mode: if lot(10) == 0 { Mode::Phone } else { Mode::Home },
                start,
                outcome: if lot(20) == 0 { Outcome::NoAnswer } else { Outcome::Met },
                signed: true,
                reviewed: false,
                recorded_at: Some(Moment::At(start)),
            });
        }
    }
    facts
}
