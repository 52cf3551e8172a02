//! How good the alarms of a span of time were: figures by EEMUA 191 (how many, in floods, stale, chattering) and by the
//! telecare code of practice (answered within 60 s and 180 s). A drill is nobody's alarm and is left out.

use super::{Alarm, AttemptOutcome, State};
use crate::{Cause, HomeId, Level, TimeDelta, Timestamp};
use std::collections::BTreeMap;

/// The window that rates are counted in.
const WINDOW: TimeDelta = TimeDelta::minutes(10);
/// So many alarms in a window for each operator are a flood (EEMUA 191).
const FLOOD: u32 = 10;
/// An alarm open for longer than this is stale.
const STALE_AFTER: TimeDelta = TimeDelta::hours(24);
/// So many alarms of one home and cause within an hour, or presses of one alarm, are chatter.
const CHATTER: u32 = 3;
/// Most homes, floods and chattering causes listed.
const LISTED: usize = 10;
/// Outcomes that say that nobody needed help.
const FALSE: [&str; 5] = ["false_press", "device_fault", "animal_or_visitor", "elder_away", "test"];

/// How quickly a group of alarms was answered: first taken by a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    /// Alarms in the group.
    pub alarms: u32,
    /// Taken by somebody, or settled by the elder.
    pub answered: u32,
    /// Answered within 60 s.
    pub within_60_s: u32,
    /// Answered within 180 s.
    pub within_180_s: u32,
    /// The middle one, seconds.
    pub median_s: Option<i64>,
    /// Nine of ten were faster, seconds.
    pub p90_s: Option<i64>,
}

/// A span in which more came than can be worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flood {
    /// The start of its first window.
    pub from: Timestamp,
    /// The end of its last.
    pub to: Timestamp,
    /// Alarms in it.
    pub alarms: u32,
}

/// A home and cause that calls again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chatter {
    /// The home.
    pub home: HomeId,
    /// The cause.
    pub cause: Cause,
    /// Alarms of it.
    pub alarms: u32,
    /// Presses of it.
    pub presses: u32,
}

/// The figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quality {
    /// All alarms.
    pub all: Answers,
    /// By level, the gravest first.
    pub levels: Vec<(Level, Answers)>,
    /// The most alarms in one window of ten minutes.
    pub peak_10_min: u32,
    /// The most alarms in one hour.
    pub peak_hour: u32,
    /// Windows of ten minutes in which anything came.
    pub busy_windows: u32,
    /// Windows with more than one alarm for each operator (EEMUA: very likely acceptable up to one).
    pub crowded_windows: u32,
    /// Spans with ten alarms and more in ten minutes for each operator, at most ten.
    pub floods: Vec<Flood>,
    /// Open for more than a day, or closed only after it.
    pub stale: u32,
    /// Closed.
    pub closed: u32,
    /// Closed with an outcome that says that nobody needed help.
    pub false_ones: u32,
    /// Outcomes and how often, the most frequent first.
    pub outcomes: Vec<(String, u32)>,
    /// What calls again and again, the worst first, at most ten.
    pub chattering: Vec<Chatter>,
    /// The homes with the most alarms, at most ten.
    pub top_homes: Vec<(HomeId, u32)>,
}

/// When somebody first took it. An alarm of before this was kept says it by its attempts, or by its close.
fn answered_at(alarm: &Alarm) -> Option<Timestamp> {
    let by_key = || alarm.attempts.iter().filter(|a| a.outcome == Some(AttemptOutcome::Accepted)).filter_map(|a| a.ended_at).min();
    alarm.taken_at.or_else(by_key).or(match &alarm.state {
        State::Raised => None,
        State::Claimed { since, .. } => Some(*since),
        State::Closed { by, .. } if by.is_platform() => None,
        State::Reported { at, .. } | State::Closed { at, .. } => Some(*at),
    })
}

fn answers<'a>(alarms: impl Iterator<Item = &'a Alarm>) -> Answers {
    let mut out = Answers::default();
    let mut waits = Vec::new();
    for alarm in alarms {
        out.alarms += 1;
        let Some(at) = answered_at(alarm) else { continue };
        let wait = (at - alarm.raised_at).num_seconds().max(0);
        out.answered += 1;
        out.within_60_s += u32::from(wait <= 60);
        out.within_180_s += u32::from(wait <= 180);
        waits.push(wait);
    }
    waits.sort_unstable();
    let at = |tenths: usize| waits.get((waits.len() * tenths / 10).min(waits.len().saturating_sub(1))).copied();
    Answers { median_s: at(5), p90_s: at(9), ..out }
}

fn windows(alarms: &[&Alarm], length: TimeDelta) -> BTreeMap<i64, u32> {
    let mut out = BTreeMap::new();
    for alarm in alarms {
        *out.entry(alarm.raised_at.timestamp().div_euclid(length.num_seconds())).or_default() += 1;
    }
    out
}

fn floods(by_window: &BTreeMap<i64, u32>, operators: u32) -> Vec<Flood> {
    let at = |window: i64| Timestamp::from_timestamp(window * WINDOW.num_seconds(), 0).unwrap_or_default();
    let mut out: Vec<Flood> = Vec::new();
    for (window, alarms) in by_window.iter().filter(|(_, n)| **n >= FLOOD.saturating_mul(operators)) {
        match out.last_mut().filter(|last| last.to == at(*window)) {
            Some(last) => {
                last.to = at(*window + 1);
                last.alarms += alarms;
            }
            None => out.push(Flood { from: at(*window), to: at(*window + 1), alarms: *alarms }),
        }
    }
    out.sort_by_key(|flood| (std::cmp::Reverse(flood.alarms), flood.from));
    out.truncate(LISTED);
    out
}

/// Counts pairs by their first, the most frequent first, ties by name.
fn ranked<K: Ord + Clone>(keys: impl Iterator<Item = K>) -> Vec<(K, u32)> {
    let mut counts: BTreeMap<K, u32> = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    let mut out: Vec<(K, u32)> = counts.into_iter().collect();
    out.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    out
}

fn chattering(alarms: &[&Alarm]) -> Vec<Chatter> {
    let mut by_cause: BTreeMap<(HomeId, Cause), Vec<&Alarm>> = BTreeMap::new();
    for alarm in alarms {
        by_cause.entry((alarm.home.clone(), alarm.cause.clone())).or_default().push(alarm);
    }
    let mut out = Vec::new();
    for ((home, cause), mut group) in by_cause {
        group.sort_by_key(|a| a.raised_at);
        let crowded = group.iter().zip(group.iter().skip(CHATTER as usize - 1)).any(|(first, last)| last.raised_at - first.raised_at <= TimeDelta::hours(1));
        let presses: u32 = group.iter().map(|a| a.presses).sum();
        if crowded || group.iter().any(|a| a.presses >= CHATTER) {
            out.push(Chatter { home, cause, alarms: u32::try_from(group.len()).unwrap_or(u32::MAX), presses });
        }
    }
    out.sort_by_key(|c| std::cmp::Reverse((c.alarms, c.presses)));
    out.truncate(LISTED);
    out
}

/// The figures of these alarms. `operators`: how many work at the same time, at least one. `now` says what is stale.
pub fn quality<'a>(alarms: impl IntoIterator<Item = &'a Alarm>, operators: u32, now: Timestamp) -> Quality {
    let alarms: Vec<&Alarm> = alarms.into_iter().filter(|a| !a.test).collect();
    let operators = operators.max(1);
    let by_window = windows(&alarms, WINDOW);
    let count = |keep: &dyn Fn(&Alarm) -> bool| u32::try_from(alarms.iter().filter(|a| keep(a)).count()).unwrap_or(u32::MAX);
    let outcome = |alarm: &Alarm| match &alarm.state {
        State::Closed { outcome, .. } => Some(outcome.clone()),
        State::Raised | State::Claimed { .. } | State::Reported { .. } => None,
    };
    let end = |alarm: &Alarm| match &alarm.state {
        State::Closed { at, .. } => *at,
        State::Raised | State::Claimed { .. } | State::Reported { .. } => now,
    };
    let mut top_homes = ranked(alarms.iter().map(|a| a.home.clone()));
    top_homes.truncate(LISTED);
    Quality {
        all: answers(alarms.iter().copied()),
        levels: [Level::Red, Level::Urgent, Level::Attention, Level::Technical]
            .into_iter()
            .map(|level| (level, answers(alarms.iter().copied().filter(|a| a.level == level))))
            .collect(),
        peak_10_min: by_window.values().copied().max().unwrap_or_default(),
        peak_hour: windows(&alarms, TimeDelta::hours(1)).into_values().max().unwrap_or_default(),
        busy_windows: u32::try_from(by_window.len()).unwrap_or(u32::MAX),
        crowded_windows: u32::try_from(by_window.values().filter(|n| **n > operators).count()).unwrap_or(u32::MAX),
        floods: floods(&by_window, operators),
        stale: count(&|a| end(a) - a.raised_at > STALE_AFTER),
        closed: count(&|a| !a.is_open()),
        false_ones: count(&|a| outcome(a).is_some_and(|code| FALSE.contains(&code.as_str()))),
        outcomes: ranked(alarms.iter().filter_map(|a| outcome(a))),
        chattering: chattering(&alarms),
        top_homes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::{Claimant, Input};
    use crate::plan::Plan;
    use crate::Reason;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + s, 0).unwrap()
    }

    fn alarm(home: &str, cause: Cause, raised: i64, test: bool) -> Alarm {
        let level = cause.level();
        let raise = crate::cause::Raise { cause, level, reason: Reason::new("x"), key: "k".into(), device: None };
        Alarm::raise(format!("{home}-{raised}").as_str().into(), home.into(), vec![], raise, test, &Plan::default(), at(raised)).0
    }

    fn taken(alarm: Alarm, after: i64, outcome: Option<&str>) -> Alarm {
        let op = || Claimant::Person("op".into());
        let plan = Plan::default();
        let when = alarm.raised_at + TimeDelta::seconds(after);
        let (alarm, _) = alarm.step(Input::Claim { by: op() }, &plan, when);
        let Some(outcome) = outcome else { return alarm };
        alarm.step(Input::Close { by: op(), outcome: outcome.into() }, &plan, when + TimeDelta::seconds(60)).0
    }

    #[test]
    fn answers_are_counted_to_the_second_and_a_drill_is_left_out() {
        let alarms = [
            taken(alarm("a", Cause::Call, 0, false), 60, Some("help_given")),
            taken(alarm("b", Cause::Call, 700, false), 61, Some("false_press")),
            taken(alarm("c", Cause::Smoke, 1400, false), 181, None),
            alarm("d", Cause::WaterLeak, 2100, false),
            taken(alarm("e", Cause::Call, 2800, true), 1, Some("test")),
        ];
        let q = quality(&alarms, 1, at(3000));
        assert_eq!(q.all, Answers { alarms: 4, answered: 3, within_60_s: 1, within_180_s: 2, median_s: Some(61), p90_s: Some(181) });
        assert_eq!(q.levels[0], (Level::Red, Answers { alarms: 3, answered: 3, within_60_s: 1, within_180_s: 2, median_s: Some(61), p90_s: Some(181) }));
        assert_eq!((q.closed, q.false_ones, q.stale), (2, 1, 0));
        assert_eq!(q.outcomes, [("false_press".to_owned(), 1), ("help_given".to_owned(), 1)]);
        assert_eq!(quality(&alarms, 1, at(200_000)).stale, 2, "two are open for more than a day");
        assert_eq!(quality(&[], 1, at(0)), Quality { levels: quality(&[], 1, at(0)).levels, ..Quality::default() });
    }

    #[test]
    fn ten_in_ten_minutes_for_each_operator_are_a_flood_and_neighbouring_windows_are_one() {
        let mut alarms: Vec<Alarm> = (0..24).map(|n| alarm(&format!("h{n}"), Cause::WaterLeak, n * 50, false)).collect();
        alarms.push(alarm("later", Cause::Call, 90_000, false));
        let q = quality(&alarms, 1, at(90_000));
        assert_eq!(q.floods, [Flood { from: at(0), to: at(1200), alarms: 24 }]);
        assert_eq!((q.peak_10_min, q.peak_hour, q.busy_windows, q.crowded_windows), (12, 24, 3, 2));
        assert_eq!(quality(&alarms, 2, at(90_000)).floods, [], "two operators can work on them");
    }

    #[test]
    fn a_home_that_calls_three_times_within_an_hour_chatters_and_stands_on_top() {
        let mut alarms: Vec<Alarm> = [0, 1200, 3600].map(|s| alarm("noisy", Cause::Call, s, false)).into();
        alarms.extend([0, 1200, 3700].map(|s| alarm("calm", Cause::Call, s, false)));
        let q = quality(&alarms, 1, at(4000));
        assert_eq!(q.chattering, [Chatter { home: "noisy".into(), cause: Cause::Call, alarms: 3, presses: 3 }]);
        assert_eq!(q.top_homes, [(HomeId::from("calm"), 3), (HomeId::from("noisy"), 3)]);
    }
}
