//! The detector on recorded homes, where the recordings are at hand.

use super::replay::{Class, Detector};
use super::*;
use care::{SignalKind, TimeDelta, Timestamp};

/// The evaluation data, if this machine has it.
fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let dir = std::env::var_os("HEARTHLINE_EVALUATION_DATA").map_or(beside, PathBuf::from).join("homes");
    if dir.join("draws.csv").exists() {
        return Some(dir);
    }
    println!("no evaluation data here: skipped");
    None
}

fn settings() -> Settings {
    Settings { zone: chrono_tz::UTC, ..Settings::default() }
}

fn alerts(recording: &Recording) -> Vec<(Tier, replay::Alert)> {
    play(Method::Product, recording, &[], &settings()).untouched
}

/// Leaves out 40 hours after an instant, and says what is told in them.
fn hole(recording: &Recording, at: Timestamp) -> Vec<(Tier, Class)> {
    let end = at + TimeDelta::hours(40);
    let mut cut = recording.clone();
    cut.signals.retain(|signal| signal.heard_at <= at || signal.heard_at > end);
    let told = alerts(&cut);
    told.into_iter().filter(|(_, alert)| alert.at > at && alert.at <= end).map(|(tier, alert)| (tier, alert.class)).collect()
}

#[test]
fn forty_hours_after_the_exit_door_are_one_notice_and_without_it_an_alarm() {
    let Some(dir) = data() else { return };
    let recording = Recording::read(&dir, "casas_al").unwrap();
    let first = recording.first_midnight().unwrap();
    let left = recording.signals.windows(2).find(|pair| {
        let [before, after] = pair else { return false };
        before.heard_at > first + TimeDelta::days(20)
            && before.kind == SignalKind::Door
            && after.heard_at - before.heard_at > TimeDelta::minutes(30)
    });
    let left = left.unwrap()[0].heard_at;
    assert_eq!(hole(&recording, left), [(Tier::Attention, Class::Away), (Tier::Urgent, Class::Away)]);
    let inside = |signal: &&care::Signal| signal.kind == SignalKind::Motion && signal.room.as_deref() == Some("kitchen");
    let quiet = recording.signals.iter().filter(|signal| signal.heard_at < left).rfind(inside).unwrap();
    let told = hole(&recording, quiet.heard_at);
    assert!(told.contains(&(Tier::Attention, Class::Inactivity)) && told.contains(&(Tier::Urgent, Class::Inactivity)), "{told:?}");
}

#[test]
fn a_home_without_an_exit_door_sensor_shows_what_the_cap_does() {
    let Some(dir) = data() else { return };
    let recording = Recording::read(&dir, "tm000_absence").unwrap();
    let told = alerts(&recording);
    // days away look like a collapse: the cap speaks, and nothing can tell that nobody was there
    assert!(told.iter().any(|(tier, alert)| *tier == Tier::Urgent && alert.class == Class::Inactivity));
    assert!(told.iter().all(|(_, alert)| alert.class != Class::Away));
}

#[test]
fn on_the_development_homes_both_budgets_hold_and_collapses_are_found_sooner_than_by_any_published_method() {
    let Some(dir) = data() else { return };
    let given = draws::read(&dir.join("draws.csv")).unwrap();
    let recordings: Vec<Recording> =
        ["hh104", "hh102", "casas_al", "uciadl_b"].iter().map(|home| Recording::read(&dir, home).unwrap()).collect();
    let row = |tier| {
        let scores: Vec<_> = recordings
            .iter()
            .map(|recording| {
                let outcome = play(Method::Product, recording, &given[&recording.home], &settings());
                score::score(recording, &given[&recording.home], &outcome, tier, 14)
            })
            .collect();
        score::total(&scores)
    };
    let (attention, urgent) = (row(Tier::Attention), row(Tier::Urgent));
    assert!(attention.per_month <= 1.0 && attention.median_h < 5.7 && attention.p90_h < 10.8, "{attention:?}");
    assert!(urgent.false_alarms == 0 && urgent.median_h < 6.8 && urgent.p90_h < 12.0, "{urgent:?}");
}

#[test]
fn a_home_of_three_days_is_watched_within_the_budget() {
    let Some(dir) = data() else { return };
    let scores: Vec<_> = ["hh104", "hh102", "casas_al", "uciadl_b"]
        .iter()
        .map(|home| {
            let mut recording = Recording::read(&dir, home).unwrap();
            recording.cut(3 + FRESH_DAYS);
            let draws = draws::make(&recording, 3);
            let outcome = play(Method::Product, &recording, &draws, &settings());
            score::score(&recording, &draws, &outcome, Tier::Attention, 3)
        })
        .collect();
    let all = score::total(&scores);
    assert!(all.per_month <= 1.0 && all.median_h <= 5.7, "{all:?}");
}

#[test]
fn a_fork_hears_nothing_and_leaves_the_home_as_it_was() {
    let settings = settings();
    let text = "ts,sensor,kind,room,value\n2011-06-15T08:00:00,M1,motion,kitchen,ON\n";
    let recording = Recording::parse("h", text.as_bytes()).unwrap();
    let draws = [Draw { id: "d".into(), at: recording.signals[0].heard_at + TimeDelta::hours(1) }];
    let outcome = replay(Product::new("h", &settings, recording.signals[0].heard_at), &recording, &draws);
    let cap = recording.signals[0].heard_at + TimeDelta::hours(12);
    assert_eq!(outcome.draws, [("d".to_owned(), Tier::Attention, Some(cap)), ("d".to_owned(), Tier::Urgent, Some(cap))]);
    assert_eq!(outcome.untouched.len(), 2);
    let mut none = Vec::new();
    Product::new("h", &settings, cap).pass(cap, &mut none);
    assert!(none.is_empty());
}
