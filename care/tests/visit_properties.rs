//! What has to hold of visits whatever the facts: more contacts never make it worse, remote monitoring never
//! touches a home visit, windows tile the calendar, order does not matter, closed months stay as they are.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]

use care::calendar::{WindowKind, day_after};
use care::policy::{Ability, Mode, Outcome, Policy, PolicySet};
use care::visit::answer::Answer;
use care::visit::{Contact, Dated, Elder, Facts, Moment, State, Suspension, evaluate};
use care::{ElderId, Language, Timestamp};
use chrono::{Days, NaiveDate, TimeDelta};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

fn day(offset: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 12, 1).unwrap().checked_add_days(Days::new(offset)).unwrap()
}

fn set(name: &str) -> PolicySet {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policies").join(name);
    PolicySet::from(Policy::load(&std::fs::read_to_string(path).unwrap()).unwrap().policy)
}

fn any_policy() -> impl Strategy<Value = PolicySet> {
    prop_oneof![Just("jinjiang.toml"), Just("inner-mongolia.toml")].prop_map(set)
}

fn any_elder(n: usize) -> impl Strategy<Value = Elder> {
    let categories = proptest::sample::subsequence(
        vec!["no_kin", "living_alone", "empty_nest", "care_dependent", "severe_disability", "illness"],
        0..4,
    );
    let suspensions = proptest::collection::vec((0..90u64, 0..40u64), 0..3);
    let consents = proptest::sample::subsequence(vec!["enrolment", "remote"], 0..=2);
    let ability = proptest::sample::select(Ability::ALL);
    (1930..1970i32, categories, ability, 0..5u8, 0..70u64, suspensions, (consents, 0..90u64)).prop_map(
        move |(born, categories, ability, level, enrolled, suspensions, (consents, withdrawn))| Elder {
            id: ElderId::new(format!("e{n}")),
            area: None,
            born: NaiveDate::from_ymd_opt(born, 1 + u32::from(level) * 2, 15).unwrap(),
            categories: Dated::always(categories.into_iter().map(str::to_owned).collect()),
            ability: Dated::steps(vec![(day(0), ability), (day(withdrawn), Ability::Moderate)]),
            disability_level: Dated::always(Some(level).filter(|level| *level > 0)),
            numbers: Vec::new(),
            chosen: Dated::steps(Vec::new()),
            enrolled_on: day(enrolled),
            suspensions: suspensions
                .into_iter()
                .map(|(from, days)| Suspension { reason: "hospital".to_owned(), from: day(from), to: Some(day(from + days)) })
                .collect(),
            consents: Some(Dated::steps(vec![
                (day(0), consents.into_iter().map(str::to_owned).collect()),
                (day(withdrawn), vec!["enrolment".to_owned()]),
            ])),
        },
    )
}

fn any_contact() -> impl Strategy<Value = Contact> {
    let start = (0..100u64, 0..86_400i64);
    let recorded = proptest::option::of(0..120u64);
    let (mode, outcome) = (proptest::sample::select(Mode::ALL), proptest::sample::select(Outcome::ALL));
    (0..3usize, mode, start, outcome, any::<bool>(), recorded).prop_map(|(elder, mode, (on, second), outcome, signed, recorded)| {
        Contact {
            id: String::new(),
            elder: ElderId::new(format!("e{elder}")),
            mode,
            start: day(on).and_hms_opt(0, 0, 0).unwrap().and_utc() + TimeDelta::seconds(second),
            outcome,
            signed,
            reviewed: false,
            recorded_at: recorded.map(|on| Moment::Day(day(on))),
        }
    })
}

fn any_facts() -> impl Strategy<Value = Facts> {
    (any_elder(0), any_elder(1), any_elder(2), proptest::collection::vec(any_contact(), 0..40)).prop_map(|(a, b, c, contacts)| {
        let name = |(n, contact): (usize, Contact)| Contact { id: format!("c{n:03}"), ..contact };
        let contacts = contacts.into_iter().enumerate().map(name).collect();
        Facts { as_of: None, elders: vec![a, b, c], contacts, events: Vec::new() }
    })
}

/// Elder, duty, first day of the window -> state and how many contacts count.
fn states(set: &PolicySet, facts: &Facts, as_of: NaiveDate) -> BTreeMap<(String, String, NaiveDate), (State, usize)> {
    evaluate(set, facts, as_of)
        .into_iter()
        .flat_map(|elder| {
            let id = elder.elder.id.to_string();
            elder.owed.into_iter().map(move |owed| {
                ((id.clone(), owed.duty.id().to_owned(), owed.window.first), (owed.state, owed.counted.len()))
            })
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn one_more_contact_never_unmeets(set in any_policy(), facts in any_facts(), more in any_contact(), until in 0..110u64) {
        let before = states(&set, &facts, day(until));
        let mut facts = facts;
        facts.contacts.push(Contact { id: "more".to_owned(), ..more });
        let after = states(&set, &facts, day(until));
        prop_assert_eq!(before.len(), after.len());
        for (key, (state, counted)) in before {
            let (now, count) = after[&key];
            prop_assert!(count >= counted);
            prop_assert!(now == state || now == State::Met, "{:?}: {:?} became {:?}", key, state, now);
        }
    }

    #[test]
    fn remote_monitoring_never_changes_a_home_result(set in any_policy(), facts in any_facts(), until in 0..110u64) {
        let with = states(&set, &facts, day(until));
        let mut facts = facts;
        facts.contacts.retain(|contact| contact.mode != Mode::Remote);
        let without = states(&set, &facts, day(until));
        for duty in set.versions().iter().flat_map(|policy| &policy.obligations).filter(|duty| duty.modes.home_only()) {
            for (key, state) in with.iter().filter(|(key, _)| key.1 == duty.id) {
                prop_assert_eq!(Some(state), without.get(key));
            }
        }
    }

    #[test]
    fn a_month_judged_by_itself_is_the_month_judged_with_the_whole_year(set in any_policy(), facts in any_facts(), until in 0..110u64) {
        let month = care::calendar::Month::of(day(until));
        let report = |owed: &[care::visit::ElderOwed<'_>]| {
            care::visit::report::MonthReport::new(&set, &facts, owed, month, day(until), &BTreeMap::new())
        };
        let whole = report(&evaluate(&set, &facts, day(until)));
        let alone = report(&care::visit::evaluate_since(&set, &facts, |_| true, month.first(), day(until)));
        prop_assert_eq!(whole, alone);
    }

    #[test]
    fn the_order_of_the_facts_does_not_matter(set in any_policy(), facts in any_facts(), seed in any::<u64>(), until in 0..110u64) {
        let text = |facts: &Facts| {
            let owed = evaluate(&set, facts, day(until));
            serde_json::to_string(&Answer::new(&set, facts, day(until), &owed, Language::En)).unwrap()
        };
        let mut other = facts.clone();
        other.elders.reverse();
        other.contacts.sort_by_key(|contact| contact.id.bytes().fold(seed, |mix, b| mix.wrapping_mul(31).wrapping_add(u64::from(b))));
        prop_assert_eq!(text(&facts), text(&other));
    }

    #[test]
    fn a_closed_month_is_the_same_whatever_comes_later(set in any_policy(), facts in any_facts(), later in proptest::collection::vec(any_contact(), 0..10)) {
        let close = day(61); // 2026-01-31
        let report = |facts: &Facts| serde_json::to_string(&{
            let owed = evaluate(&set, facts, close);
            serde_json::to_value(Answer::new(&set, facts, close, &owed, Language::Zh)).unwrap()
        }).unwrap();
        let before = report(&facts);
        let mut facts = facts;
        facts.contacts.extend(later.into_iter().enumerate().map(|(n, contact)| {
            Contact { id: format!("later{n}"), recorded_at: Some(Moment::Day(day(62))), ..contact }
        }));
        for elder in &mut facts.elders {
            elder.suspensions.push(Suspension { reason: "away".to_owned(), from: day(130), to: None });
        }
        prop_assert_eq!(before, report(&facts));
    }

    #[test]
    fn windows_tile_the_calendar(from in 0..4_000u64, length in 1..400u64, days in 1..=366u16, anchor in 0..4_000u64) {
        let kinds = [WindowKind::Day, WindowKind::Week, WindowKind::HalfMonth, WindowKind::Month, WindowKind::Quarter, WindowKind::Rolling { days }];
        for kind in kinds {
            let windows = kind.between(day(from), day(from + length), day(anchor));
            prop_assert!(windows.first().unwrap().contains(day(from)));
            prop_assert!(windows.last().unwrap().contains(day(from + length)));
            for (a, b) in windows.iter().zip(windows.iter().skip(1)) {
                prop_assert_eq!(day_after(a.last), b.first);
            }
            for window in &windows {
                for at in [window.first, window.last] {
                    prop_assert_eq!(kind.containing(at, day(anchor)), *window);
                }
            }
        }
    }

    #[test]
    fn every_state_can_say_why(set in any_policy(), facts in any_facts(), until in 0..110u64) {
        let zone = chrono_tz::Asia::Shanghai;
        for elder in evaluate(&set, &facts, day(until)) {
            for owed in elder.owed {
                prop_assert!(owed.window.first <= day(until) && owed.window.last >= elder.elder.enrolled_on);
                for reason in owed.reasons() {
                    for language in [Language::Zh, Language::En] {
                        let text = reason.render(language, zone);
                        prop_assert!(text != reason.code && !text.contains('?'), "{}", text);
                    }
                }
            }
        }
    }
}

#[test]
fn a_contact_at_any_second_lies_in_exactly_one_window() {
    let zone = chrono_tz::Asia::Shanghai;
    let start: Timestamp = "2026-11-15T15:59:58Z".parse().unwrap();
    for seconds in 0..4 {
        let on = care::calendar::local_day(start + TimeDelta::seconds(seconds), zone);
        let window = WindowKind::HalfMonth.containing(on, on);
        assert_eq!(window.first.to_string(), if seconds < 2 { "2026-11-01" } else { "2026-11-16" });
    }
}
