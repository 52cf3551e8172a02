//! What a tier would have cost and what it would have found: false alarms per home and 30 days, and the
//! hours from a collapse to the first alert.

use super::recording::{Recording, hours};
use super::replay::{Class, Draw, Outcome, Tier};
use care::{TimeDelta, Timestamp};

/// A collapse that was never found counts as so many hours.
const NEVER_H: f64 = 99.0;
/// An unexplained silence longer than this must be alerted, and is no false alarm.
const MUST_ALERT: TimeDelta = TimeDelta::hours(24);

/// The score of one home in one tier.
#[derive(Debug, Clone, Default)]
pub struct HomeScore {
    /// False alarms.
    pub false_alarms: usize,
    /// Notices of an absence that is overdue.
    pub away: usize,
    /// Silences of more than a day that were alerted.
    pub must: usize,
    /// Days scored.
    pub days: f64,
    /// Hours from collapse to alert, one for each draw that was not alerted before.
    pub delays_h: Vec<f64>,
}

/// Scores a home, as `learn_days` days are for learning only.
pub fn score(recording: &Recording, draws: &[Draw], outcome: &Outcome, tier: Tier, learn_days: u32) -> HomeScore {
    let Some(first) = recording.first_midnight() else { return HomeScore::default() };
    let begin = first + TimeDelta::days(i64::from(learn_days));
    let mut score = HomeScore { days: (recording.days() - f64::from(learn_days)).max(0.0), ..HomeScore::default() };
    for (_, alert) in outcome.untouched.iter().filter(|(of, _)| *of == tier) {
        let Some((before, after)) = around(recording, alert.at) else { continue };
        if alert.at < begin || before < begin {
            continue;
        }
        match alert.class {
            Class::Away => score.away += 1,
            Class::Inactivity | Class::Other if after - before > MUST_ALERT => score.must += 1,
            Class::Inactivity | Class::Other => score.false_alarms += 1,
        }
    }
    for (id, of, at) in &outcome.draws {
        let Some(draw) = draws.iter().find(|draw| draw.id == *id).filter(|_| *of == tier) else { continue };
        match at {
            None => score.delays_h.push(NEVER_H),
            Some(at) if *at > draw.at => score.delays_h.push(hours(*at - draw.at)),
            Some(_) => {}
        }
    }
    score
}

/// The events on both sides of an instant; none after the last.
fn around(recording: &Recording, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let next = recording.signals.partition_point(|signal| signal.heard_at <= at);
    let before = recording.signals.get(next.checked_sub(1)?)?.heard_at;
    Some((before, recording.signals.get(next)?.heard_at))
}

/// Several homes together: each home weighs the same in the delays, each day the same in the false alarms.
#[derive(Debug, Clone)]
pub struct Total {
    /// False alarms.
    pub false_alarms: usize,
    /// Days scored.
    pub days: f64,
    /// False alarms per home and 30 days.
    pub per_month: f64,
    /// Silences of more than a day that were alerted.
    pub must: usize,
    /// Notices of absence.
    pub away: usize,
    /// Half of the collapses were found within so many hours.
    pub median_h: f64,
    /// Nine tenths were.
    pub p90_h: f64,
    /// The longest that was needed.
    pub most_h: f64,
    /// The share of collapses found within 2, 4, 8, 12 and 24 hours.
    pub within: [f64; 5],
}

/// Sums up.
pub fn total(scores: &[HomeScore]) -> Total {
    let mut delays: Vec<(f64, f64)> = Vec::new();
    for score in scores {
        let weight = 1.0 / f64::from(u32::try_from(score.delays_h.len().max(1)).unwrap_or(u32::MAX));
        delays.extend(score.delays_h.iter().map(|delay| (*delay, weight)));
    }
    delays.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all: f64 = delays.iter().map(|(_, weight)| weight).sum();
    let quantile = |p: f64| {
        let mut sum = 0.0;
        let found = delays.iter().find(|(_, weight)| {
            sum += weight;
            sum / all >= p - 1e-12
        });
        found.map_or(0.0, |(delay, _)| *delay)
    };
    let share = |hours: f64| delays.iter().filter(|(delay, _)| *delay <= hours).map(|(_, weight)| weight).sum::<f64>() / all.max(1e-9);
    let false_alarms = scores.iter().map(|score| score.false_alarms).sum();
    let days: f64 = scores.iter().map(|score| score.days).sum();
    Total {
        false_alarms,
        days,
        per_month: f64::from(u32::try_from(false_alarms).unwrap_or(u32::MAX)) / days.max(1e-9) * 30.0,
        must: scores.iter().map(|score| score.must).sum(),
        away: scores.iter().map(|score| score.away).sum(),
        median_h: quantile(0.5),
        p90_h: quantile(0.9),
        most_h: delays.last().map_or(0.0, |(delay, _)| *delay),
        within: [2.0, 4.0, 8.0, 12.0, 24.0].map(share),
    }
}
