//! The learned routine of a home: how soon life returns after a silence has begun, by hour of the day.
//!
//! A silence is followed in steps of five minutes. The chance that life returns in a step is a chance
//! known from many homes, times a factor of this home for the hour and for how long the silence has
//! lasted already ([`GROUPS`]). The factor is drawn towards the home's own average, and that towards 1,
//! for as long as little has been seen. Beside the routine stands a small chance that a silence is none
//! of it: a nap, a book, a sensor that looks elsewhere. From both follows how surprising a silence is:
//! the *odds*, in hours, is the time that could have gone unnoticed so far (the integral of the
//! survival) over the chance that all is well (the survival). It bounds how often the home is
//! disturbed for nothing, and it weighs a night and a minute by what each costs.
//!
//! State: what was seen and what was expected, per group and hour; both fade by the day.

use super::codec::{DecodeError, Reader, Writer};
use crate::TimeDelta;

/// Length of a step, seconds.
pub(super) const STEP_S: i64 = 300;
/// Steps that are followed: beyond it the cap has spoken long ago.
const STEPS: usize = 144;
/// Silences are told apart by length: up to an hour, up to four, longer.
const GROUPS: usize = 3;
const HOURS: usize = 24;
/// A table by group and hour.
type Table = [[f32; HOURS]; GROUPS];

/// What is the same in all homes. Fixed on development homes as a whole.
mod town {
    /// Chance that life returns within a step, by length of the silence: (up to minutes, chance).
    pub(super) const RETURN: [(u16, f32); 15] = [
        (10, 0.27),
        (15, 0.21),
        (20, 0.165),
        (30, 0.125),
        (45, 0.10),
        (60, 0.09),
        (90, 0.08),
        (120, 0.075),
        (180, 0.065),
        (240, 0.05),
        (300, 0.045),
        (360, 0.045),
        (480, 0.05),
        (600, 0.06),
        (u16::MAX, 0.10),
    ];
    /// The first minute of the second and of the third group of lengths.
    pub(super) const GROUP_FROM: (u16, u16) = (60, 240);
    /// Weight of a wider average against what was seen, in returns of life: for the home as a whole, the
    /// parts of its day, lengths of silence within them, and hours.
    pub(super) const WEIGHTS: [f32; 4] = [30.0, 30.0, 30.0, 30.0];
    /// What remains of a day after another day: half is forgotten in 46 days.
    pub(super) const FADE: f32 = 0.985;
    /// Chance that a silence is none of the routine.
    pub(super) const STRAY: f32 = 0.005;
    /// What remains of such silences after a step by day (1.5 h on average) and by night (50 h).
    pub(super) const STRAY_DAY: f32 = 0.945_96;
    pub(super) const STRAY_NIGHT: f32 = 0.998_335;
    /// Night, for such silences: from this hour, until before this hour.
    pub(super) const STRAY_NIGHT_HOURS: (usize, usize) = (20, 7);
    /// Night, for averages over a part of the day.
    pub(super) const NIGHT_HOURS: (usize, usize) = (22, 7);
    /// How day and night differ at the beginning, by group, and the days after which half of it is left.
    pub(super) const SHAPE: [(usize, f32, f32); 3] = [(7, 1.3, 0.6), (9, 1.5, 0.5), (10, 1.2, 0.25)];
    pub(super) const SHAPE_DAYS: f32 = 8.0;
    /// Odds in hours that are reached often enough to set the dial by, how often a day that is usual, and
    /// how much rarer higher odds are (the power of their tail).
    pub(super) const ODDS_OFTEN: f32 = 5.0;
    pub(super) const OFTEN_PER_DAY: f32 = 2.5;
    pub(super) const TAIL_POWER: f32 = 1.6;
    /// Weight of the usual against what was seen, in silences that reached those odds.
    pub(super) const OFTEN_WEIGHT: f32 = 30.0;
    /// Caution: by how much the odds that follow for a budget are raised.
    pub(super) const CAUTION: f32 = 1.35;
    /// Days of learning before the routine is judged at all, and extra caution at the beginning.
    pub(super) const DAYS_MIN: f32 = 3.0;
}

/// What holds in one step of a silence, whatever the hour.
#[derive(Clone, Copy)]
struct Step {
    chance: f32,
    group: u8,
}

const fn steps() -> [Step; STEPS] {
    let mut out = [Step { chance: 0.0, group: 0 }; STEPS];
    let mut minutes: u16 = 0;
    let mut i = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated at compile time: an error here does not build")]
    while i < STEPS {
        let mut row = 0;
        while minutes >= town::RETURN[row].0 {
            row += 1;
        }
        let group = if minutes < town::GROUP_FROM.0 {
            0
        } else if minutes < town::GROUP_FROM.1 {
            1
        } else {
            2
        };
        out[i] = Step { chance: town::RETURN[row].1, group };
        minutes += 5;
        i += 1;
    }
    out
}

/// Step `i` is the silence from `i` steps to `i + 1`. The first is never asked: silences begin to count after it.
static STEP: [Step; STEPS] = steps();

const fn within(hours: (usize, usize), hour: usize) -> bool {
    hour >= hours.0 || hour < hours.1
}

/// Thresholds of odds, in hours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Odds {
    pub(super) attention: f32,
    pub(super) urgent: f32,
}

/// How long a silence may last, by tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) attention: TimeDelta,
    pub(super) urgent: TimeDelta,
}

/// What is usual in one hour of the day.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RoutineHour {
    /// A silence that begins in this hour is a check call after so long.
    pub attention: TimeDelta,
    /// And goes up the plan of action after so long.
    pub urgent: TimeDelta,
    /// The longest one that was seen in the last 30 to 60 days.
    pub longest: Option<TimeDelta>,
    /// How soon life returns, against other homes: 1 is usual, more is livelier.
    pub activity: f32,
}

/// The routine of one home.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Routine {
    /// Returns of life that were seen, and that the town's chances let expect.
    seen: Table,
    expected: Table,
    /// The factor of this home, as of the last midnight.
    factor: Table,
    /// Silences that reached the odds of [`town::ODDS_OFTEN`], and days that
    /// they could have been seen on; both fade.
    often: f32,
    days: f32,
    /// How often that happens in a day, as of the last midnight: the dial is set by it.
    often_per_day: f32,
    /// Days with life at home since learning began; does not fade.
    pub(super) learned_days: f32,
    /// The longest closed silence that began in an hour, in steps: this month's and last month's.
    longest: [[u8; HOURS]; 2],
    month_days: u8,
}

impl Default for Routine {
    fn default() -> Self {
        Self {
            seen: [[0.0; HOURS]; GROUPS],
            expected: [[0.0; HOURS]; GROUPS],
            factor: [[1.0; HOURS]; GROUPS],
            often: 0.0,
            days: 0.0,
            often_per_day: town::OFTEN_PER_DAY,
            learned_days: 0.0,
            longest: [[0; HOURS]; 2],
            month_days: 0,
        }
    }
}

fn hour_of(second_of_day: i64) -> usize {
    usize::try_from(second_of_day.rem_euclid(86_400) / 3_600).unwrap_or_default()
}

fn cell(table: &Table, group: usize, hour: usize) -> f32 {
    table.get(group).and_then(|row| row.get(hour % HOURS)).copied().unwrap_or_default()
}

/// A silence followed step by step.
struct Walk {
    second: i64,
    survival: f32,
    stray: f32,
    unnoticed_h: f32,
}

impl Walk {
    fn new(second_of_day: i64) -> Self {
        Self { second: second_of_day, survival: 1.0, stray: town::STRAY, unnoticed_h: 1.0 / 12.0 }
    }

    /// Goes one step on and gives the odds, in hours, at its end.
    fn step(&mut self, step: Step, factor: &Table) -> f32 {
        self.second += STEP_S;
        let hour = hour_of(self.second);
        self.survival *= 1.0 - (step.chance * cell(factor, usize::from(step.group), hour)).min(0.9);
        self.stray *= if within(town::STRAY_NIGHT_HOURS, hour) { town::STRAY_NIGHT } else { town::STRAY_DAY };
        let well = self.survival + self.stray;
        self.unnoticed_h += well / 12.0;
        self.unnoticed_h / well
    }
}

impl Routine {
    /// Midnight: what was learned fades a little, and becomes the routine of the new day.
    pub(super) fn new_day(&mut self, days: i64, lived: bool) {
        let fade = town::FADE.powi(i32::try_from(days.clamp(1, 400)).unwrap_or(1));
        for value in self.seen.iter_mut().chain(&mut self.expected).flatten() {
            *value *= fade;
        }
        self.often *= fade;
        self.days *= fade;
        if lived {
            self.days += 1.0;
            self.learned_days += 1.0;
            self.month_days = self.month_days.saturating_add(1);
        }
        if self.month_days >= 30 {
            let [this, last] = &mut self.longest;
            *last = *this;
            *this = [0; HOURS];
            self.month_days = 0;
        }
        self.refit();
    }

    /// A silence at home has ended after `length`; it began at this local second of the day.
    pub(super) fn learn(&mut self, second_of_day: i64, length: TimeDelta, weight: f32) {
        let steps = usize::try_from(length.num_seconds() / STEP_S).unwrap_or_default();
        if steps == 0 {
            return;
        }
        let mut walk = Walk::new(second_of_day);
        let mut odds = 0.0;
        let followed = steps.min(STEPS - 1);
        for (i, step) in STEP.iter().enumerate().take(followed + 1).skip(1) {
            odds = walk.step(*step, &self.factor);
            let hour = hour_of(walk.second);
            let group = usize::from(step.group);
            if let Some(expected) = self.expected.get_mut(group).and_then(|row| row.get_mut(hour)) {
                *expected += weight * step.chance;
            }
            if i == steps
                && let Some(seen) = self.seen.get_mut(group).and_then(|row| row.get_mut(hour))
            {
                *seen += weight;
            }
        }
        if odds >= town::ODDS_OFTEN {
            self.often += 1.0;
        }
        if let [this, _] = &mut self.longest
            && let Some(longest) = this.get_mut(hour_of(second_of_day))
        {
            *longest = (*longest).max(u8::try_from(steps).unwrap_or(u8::MAX));
        }
    }

    /// A part of the evidence is gone for good: what was learned with it counts for less from now on.
    pub(super) fn doubt(&mut self) {
        for value in self.seen.iter_mut().chain(&mut self.expected).flatten() {
            *value *= 0.3;
        }
        self.refit();
    }

    /// The factor of the home: its whole, drawn to 1; the parts of its day and lengths of silence, drawn
    /// to the whole; the hours, drawn to their part.
    fn refit(&mut self) {
        let [of_home, of_part, of_length, of_hour] = town::WEIGHTS;
        let ratio = |weight: f32, seen: f32, expected: f32, to: f32| (seen + weight) / (expected + weight / to);
        let sum = |table: &Table, group: Option<usize>, night: Option<bool>| -> f32 {
            table
                .iter()
                .enumerate()
                .filter(|(g, _)| group.is_none_or(|group| group == *g))
                .flat_map(|(_, row)| row.iter().enumerate())
                .filter(|(hour, _)| night.is_none_or(|night| night == within(town::NIGHT_HOURS, *hour)))
                .map(|(_, value)| *value)
                .sum()
        };
        let whole = ratio(of_home, sum(&self.seen, None, None), sum(&self.expected, None, None), 1.0);
        let part = |night: bool| ratio(of_part, sum(&self.seen, None, Some(night)), sum(&self.expected, None, Some(night)), whole);
        let parts = [part(false), part(true)];
        // what nights are like elsewhere, for as long as this home's own have not shown
        let early = (-(self.learned_days / town::SHAPE_DAYS).powi(2)).exp();
        let mut factor = [[1.0; HOURS]; GROUPS];
        for (g, row) in factor.iter_mut().enumerate() {
            let of = |night: bool| {
                let [day, dark] = parts;
                let to = if night { dark } else { day };
                ratio(of_length, sum(&self.seen, Some(g), Some(night)), sum(&self.expected, Some(g), Some(night)), to)
            };
            let (day, dark) = (of(false), of(true));
            let at = |hour: usize| if within(town::NIGHT_HOURS, hour % HOURS) { dark } else { day };
            let around =
                |table: &Table, hour: usize| cell(table, g, hour) + 0.5 * (cell(table, g, hour + 1) + cell(table, g, hour + HOURS - 1));
            for (hour, value) in row.iter_mut().enumerate() {
                let shape = town::SHAPE.get(g).map_or(1.0, |(until, day, dark)| if within((22, *until), hour) { *dark } else { *day });
                let to = shape.powf(early) * (at(hour + HOURS - 1) + 2.0 * at(hour) + at(hour + 1)) / 4.0;
                *value = ratio(of_hour, around(&self.seen, hour), around(&self.expected, hour), to);
            }
        }
        self.factor = factor;
        let w = town::OFTEN_WEIGHT;
        self.often_per_day = (self.often + w) / (self.days + w / town::OFTEN_PER_DAY);
    }

    /// The odds that stand for a budget of false alarms in 30 days, for this home as it has been seen so far.
    pub(super) fn odds_for(&self, false_alarms_per_month: f64) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "a budget is a small number")]
        let budget = false_alarms_per_month.clamp(0.01, 100.0) as f32;
        town::CAUTION * town::ODDS_OFTEN * (30.0 * self.often_per_day / budget).powf(1.0 / town::TAIL_POWER)
    }

    /// Whether there is a routine to judge by.
    pub(super) fn is_known(&self) -> bool {
        self.learned_days >= town::DAYS_MIN
    }

    /// How long a silence that began at this local second of the day may last before its odds reach a threshold.
    pub(super) fn allowed(&self, second_of_day: i64, odds: Odds, least: TimeDelta, most: TimeDelta) -> Allowed {
        let mut allowed = Allowed { attention: most, urgent: most };
        if !self.is_known() {
            return allowed;
        }
        let mut walk = Walk::new(second_of_day);
        let mut elapsed = STEP_S;
        let mut attention = None;
        for step in STEP.iter().skip(1) {
            let reached = walk.step(*step, &self.factor);
            elapsed += STEP_S;
            if attention.is_none() && reached >= odds.attention {
                attention = Some(elapsed);
            }
            if reached >= odds.urgent {
                allowed.urgent = TimeDelta::seconds(elapsed).max(least).min(most);
                break;
            }
        }
        allowed.attention = attention.map_or(allowed.urgent, |s| TimeDelta::seconds(s).max(least).min(most));
        allowed
    }

    /// What was learned, by the hour in which a silence begins.
    pub(super) fn hours(&self, odds: Odds, least: TimeDelta, most: TimeDelta) -> [RoutineHour; HOURS] {
        std::array::from_fn(|hour| {
            let second = i64::try_from(hour).unwrap_or_default() * 3_600 + 1_800;
            let allowed = self.allowed(second, odds, least, most);
            let [short, long, _] = &self.factor;
            RoutineHour {
                attention: allowed.attention,
                urgent: allowed.urgent,
                longest: self.longest(second),
                activity: (short.get(hour).copied().unwrap_or(1.0) + long.get(hour).copied().unwrap_or(1.0)) / 2.0,
            }
        })
    }

    /// How rare a silence of this length is: it is to be expected once in so many days.
    pub(super) fn once_in_days(&self, second_of_day: i64, length: TimeDelta) -> f64 {
        let steps = usize::try_from(length.num_seconds() / STEP_S).unwrap_or_default();
        let mut walk = Walk::new(second_of_day);
        let odds = STEP.iter().skip(1).take(steps.saturating_sub(1)).map(|step| walk.step(*step, &self.factor)).last();
        let odds = odds.unwrap_or(1.0 / 12.0);
        f64::from((odds / (town::CAUTION * town::ODDS_OFTEN)).powf(town::TAIL_POWER) / self.often_per_day)
    }

    /// The longest closed silence at home that began in this local hour, of the last 30 to 60 days.
    pub(super) fn longest(&self, second_of_day: i64) -> Option<TimeDelta> {
        let hour = hour_of(second_of_day);
        let steps = self.longest.iter().filter_map(|month| month.get(hour)).max().copied().unwrap_or_default();
        (steps > 0).then(|| TimeDelta::seconds(i64::from(steps) * STEP_S))
    }

    pub(super) fn encode(&self, out: &mut Writer) {
        for value in self.seen.iter().chain(&self.expected).chain(&self.factor).flatten() {
            out.f32(*value);
        }
        for value in [self.often, self.days, self.often_per_day, self.learned_days] {
            out.f32(value);
        }
        for steps in self.longest.iter().flatten() {
            out.u8(*steps);
        }
        out.u8(self.month_days);
    }

    pub(super) fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut routine = Self::default();
        for value in routine.seen.iter_mut().chain(&mut routine.expected).chain(&mut routine.factor).flatten() {
            *value = from.f32()?;
        }
        for value in [&mut routine.often, &mut routine.days, &mut routine.often_per_day, &mut routine.learned_days] {
            *value = from.f32()?;
        }
        for steps in routine.longest.iter_mut().flatten() {
            *steps = from.u8()?;
        }
        routine.month_days = from.u8()?;
        Ok(routine)
    }
}
