//! Published methods, to compare with: a line over the day that the silence must not cross. All share the
//! same care: nobody is missed while away (exit door, then nothing inside for ten minutes), and absences and
//! closed silences of more than 16 hours are not learned from.
//!
//! * [`Line::Fixed`]: one limit for all.
//! * [`Line::Cuddihy`]: Cuddihy and others 2007 (doi 10.1145/1248054.1248081), half-hour slots, 97th percentile.
//! * [`Line::Floeck`]: Floeck and Litz 2009 (doi 10.23919/ecc.2009.7074979), a quartic above all that was.
//! * [`Line::Wilhelm`]: Wilhelm and Wahl 2024 (Sensors 24(20):6583), the greatest of comparable days, outliers cut.

use super::recording::{hours, midnight};
use super::replay::{Alert, Class, Detector, Tier};
use care::{Signal, SignalKind, TimeDelta, Timestamp};
use chrono::{Datelike, Timelike, Weekday};
use std::collections::VecDeque;

/// Steps of a day.
const STEPS: usize = 288;
const STEP: TimeDelta = TimeDelta::minutes(5);
const AWAY_AFTER: TimeDelta = TimeDelta::minutes(10);
const RETURN_DOOR: TimeDelta = TimeDelta::minutes(2);
const LEARNED_MAX: TimeDelta = TimeDelta::hours(16);

/// The line of a method, with its settings for the two budgets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Line {
    /// Hours, the same in both tiers.
    Fixed(f64),
    /// Factors on the line for attention and urgent.
    Cuddihy([f64; 2]),
    /// Margins above the quartic.
    Floeck([f64; 2]),
    /// Factors on the greatest.
    Wilhelm([f64; 2]),
}

impl Line {
    /// Days that the method looks back on.
    fn memory(self) -> usize {
        match self {
            Self::Wilhelm(_) => 42,
            Self::Fixed(_) | Self::Cuddihy(_) | Self::Floeck(_) => 60,
        }
    }

    fn factor(self, tier: Tier) -> f64 {
        let pick = |[attention, urgent]: [f64; 2]| match tier {
            Tier::Attention => attention,
            Tier::Urgent => urgent,
        };
        match self {
            Self::Fixed(_) => 1.0,
            Self::Cuddihy(factors) | Self::Wilhelm(factors) => pick(factors),
            Self::Floeck(margins) => 1.0 + pick(margins),
        }
    }
}

/// How long it had been quiet at each step of a day, hours; unknown while away.
#[derive(Debug, Clone)]
struct Day {
    weekend: bool,
    quiet_h: Vec<Option<f64>>,
}

/// A published method on one home.
#[derive(Debug, Clone)]
pub struct Baseline {
    line: Line,
    days: VecDeque<Day>,
    today: Option<Timestamp>,
    /// The line of today, by weekday kind and step, before the factor of the tier.
    limits_h: Vec<f64>,
    life: Option<Timestamp>,
    exit: Option<Timestamp>,
    returned: Option<Timestamp>,
    next: Option<Timestamp>,
    alerted: [bool; 2],
}

impl Baseline {
    /// Nothing learned yet.
    pub fn new(line: Line) -> Self {
        Self {
            line,
            days: VecDeque::new(),
            today: None,
            limits_h: Vec::new(),
            life: None,
            exit: None,
            returned: None,
            next: None,
            alerted: [false; 2],
        }
    }

    fn tick(&mut self, at: Timestamp, alerts: &mut Vec<Alert>) {
        if self.today != Some(midnight(at)) {
            self.today = Some(midnight(at));
            self.limits_h = self.learn(weekend(at));
            self.days.push_back(Day { weekend: weekend(at), quiet_h: vec![None; STEPS] });
            while self.days.len() > self.line.memory() + 1 {
                self.days.pop_front();
            }
        }
        let (Some(life), None) = (self.life, self.exit) else { return };
        let quiet = at - life;
        let limit = self.limits_h.get(step_of(at)).copied().unwrap_or(f64::INFINITY);
        for (alerted, tier) in self.alerted.iter_mut().zip([&Tier::ALL[..1], &Tier::ALL[1..]]) {
            let [of] = tier else { continue };
            if !*alerted && hours(quiet) > limit * self.line.factor(*of) {
                *alerted = true;
                alerts.push(Alert { at, class: Class::Inactivity, tiers: tier, why: format!("quiet for {:.1} h", hours(quiet)) });
            }
        }
    }

    /// A silence at home is over: it is noted step by step.
    fn note(&mut self, from: Timestamp, to: Timestamp) {
        let Some(today) = self.today else { return };
        let mut at = from;
        while at < to {
            let back = usize::try_from((today - midnight(at)).num_days()).unwrap_or_default();
            let day = self.days.len().checked_sub(1 + back).and_then(|day| self.days.get_mut(day));
            if let Some(cell) = day.and_then(|day| day.quiet_h.get_mut(step_of(at))) {
                *cell = Some(cell.unwrap_or(0.0).max(hours(at - from)));
            }
            at += STEP;
        }
    }

    fn learn(&self, weekend: bool) -> Vec<f64> {
        match self.line {
            Line::Fixed(hours) => vec![hours; STEPS],
            Line::Cuddihy(_) => self.cuddihy(),
            Line::Floeck(_) => self.floeck(),
            Line::Wilhelm(_) => self.wilhelm(weekend),
        }
    }

    fn cuddihy(&self) -> Vec<f64> {
        let slot = |slot: usize| -> f64 {
            let mut seen: Vec<f64> =
                self.days.iter().flat_map(|day| day.quiet_h.iter().skip(slot * 6).take(6)).filter_map(|quiet| *quiet).collect();
            percentile(&mut seen, 0.97)
        };
        let m: Vec<f64> = (0..48).map(slot).collect();
        let at = |i: usize, off: usize| m.get((i + 48 + off - 2) % 48).copied().unwrap_or_default();
        let line = |i: usize| {
            let greatest = (0..5).map(|off| at(i, off)).fold(0.0, f64::max);
            let around: f64 = [1.0, 2.0, 3.0, 2.0, 1.0].iter().enumerate().map(|(off, weight)| weight * at(i, off)).sum();
            greatest + 0.30 * at(i, 2) + 0.40 * around / 9.0
        };
        (0..STEPS).map(|step| line(step / 6)).collect()
    }

    fn floeck(&self) -> Vec<f64> {
        let powers = |x: f64| [1.0, x, x * x, x * x * x, x * x * x * x];
        let place = |step: usize| f64::from(u16::try_from(step).unwrap_or_default()) / 144.0 - 1.0;
        let seen = || {
            let steps = self.days.iter().flat_map(|day| day.quiet_h.iter().enumerate());
            steps.filter_map(|(step, quiet)| quiet.map(|quiet| (place(step), quiet)))
        };
        let mut system = [[0.0; 6]; 5];
        for (x, quiet) in seen() {
            for (row, a) in system.iter_mut().zip(powers(x)) {
                for (cell, b) in row.iter_mut().zip(powers(x).into_iter().chain([quiet])) {
                    *cell += a * b;
                }
            }
        }
        let Some(c) = solve(system) else { return vec![f64::INFINITY; STEPS] };
        let curve = |x: f64| powers(x).iter().zip(c).map(|(power, c)| power * c).sum::<f64>();
        let lift = seen().map(|(x, quiet)| quiet - curve(x)).fold(0.0, f64::max);
        (0..STEPS).map(|step| curve(place(step)) + lift).collect()
    }

    fn wilhelm(&self, weekend: bool) -> Vec<f64> {
        let days: Vec<&Day> = self.days.iter().rev().filter(|day| day.weekend == weekend).take(30).collect();
        let at = |step: usize| {
            let mut greatest: Vec<f64> = Vec::new();
            for day in &days {
                let around = (0..=24).filter_map(|off| day.quiet_h.get((step + STEPS + off - 12) % STEPS).copied().flatten());
                if let Some(most) = around.reduce(f64::max) {
                    greatest.push(most);
                }
            }
            let (low, high) = (percentile(&mut greatest, 0.25), percentile(&mut greatest, 0.75));
            let cut = high + 1.5 * (high - low);
            let most = greatest.iter().copied().filter(|quiet| *quiet <= cut).fold(0.0, f64::max);
            if greatest.is_empty() { f64::INFINITY } else { most.max(1.0 / 12.0) }
        };
        (0..STEPS).map(at).collect()
    }
}

impl Detector for Baseline {
    fn pass(&mut self, until: Timestamp, alerts: &mut Vec<Alert>) {
        while let Some(next) = self.next.filter(|next| *next < until) {
            self.tick(next, alerts);
            self.next = Some(next + STEP);
        }
    }

    fn hear(&mut self, signal: &Signal, _alerts: &mut Vec<Alert>) {
        let at = signal.heard_at;
        let first = midnight(at);
        self.next = self.next.or(Some(first));
        let away = self.exit.is_some_and(|left| at - left >= AWAY_AFTER);
        if let (Some(life), None) = (self.life, self.exit)
            && at - life <= LEARNED_MAX
        {
            self.note(life, at);
        }
        if away {
            (self.exit, self.returned) = (None, Some(at));
        } else if signal.kind != SignalKind::Door {
            self.exit = None;
        } else if self.returned.is_none_or(|returned| at - returned >= RETURN_DOOR) {
            self.exit = Some(at);
        }
        self.life = Some(at);
        self.alerted = [false; 2];
    }

    fn quiet_since(&self) -> Option<Timestamp> {
        self.life
    }
}

fn weekend(at: Timestamp) -> bool {
    matches!(at.weekday(), Weekday::Sat | Weekday::Sun)
}

fn step_of(at: Timestamp) -> usize {
    usize::try_from(at.num_seconds_from_midnight() / 300).unwrap_or_default()
}

fn percentile(of: &mut [f64], p: f64) -> f64 {
    of.sort_by(f64::total_cmp);
    let Some(last) = of.len().checked_sub(1) else { return 0.0 };
    let place = p * f64::from(u32::try_from(last).unwrap_or(u32::MAX));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the length of the slice")]
    let below = place.floor() as usize;
    let low = of.get(below).copied().unwrap_or_default();
    let high = of.get((below + 1).min(last)).copied().unwrap_or(low);
    low + (high - low) * place.fract()
}

/// Gauss with pivots; `None` if the system has no single answer.
fn solve(mut system: [[f64; 6]; 5]) -> Option<[f64; 5]> {
    for i in 0..5 {
        let pivot = (i..5).max_by(|a, b| {
            let size = |row: &usize| system.get(*row).and_then(|row| row.get(i)).map_or(0.0, |cell| cell.abs());
            size(a).total_cmp(&size(b))
        })?;
        system.swap(i, pivot);
        let row = *system.get(i)?;
        let lead = *row.get(i)?;
        if lead.abs() < 1e-9 {
            return None;
        }
        for (other, cells) in system.iter_mut().enumerate().filter(|(other, _)| *other != i) {
            debug_assert_ne!(other, i);
            let by = *cells.get(i)? / lead;
            for (cell, from) in cells.iter_mut().zip(row) {
                *cell -= by * from;
            }
        }
    }
    let mut out = [0.0; 5];
    for (i, value) in out.iter_mut().enumerate() {
        let row = system.get(i)?;
        *value = *row.get(5)? / *row.get(i)?;
    }
    Some(out)
}
