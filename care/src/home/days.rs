//! What the days of a home are like: when they begin, how often the kitchen is used, how restless the nights are. From
//! it follow a day that does not begin, a night that is unlike the others, and a slow change that nobody would notice.
//!
//! The slow change is a two-sided CUSUM (k = 0.5, h = 5 standard deviations) against a mean that lags a week behind, so
//! that a change is not learned before it is seen. It is something to look at on the next visit, never a call.

use super::codec::{DecodeError, Reader, Writer};
use super::clock::{self, Second};
use super::{Effect, Home, Notice, NoticeKind, Settings, Switch};
use crate::cause::Raise;
use crate::{Cause, Level, Reason, Signal, TimeDelta};

/// Length of a piece of a day: somebody was about in it, or not.
const SLOT_S: i64 = 300;
/// Night is from midnight to here, seconds of the day. The evening is another day's.
const NIGHT_END: i64 = 5 * 3600;
/// A day begins after this second ...
const MORNING: i64 = 4 * 3600;
/// ... with this many pieces in which somebody was about.
const BEGUN: u8 = 3;
/// Days after which the usual beginning is known.
const START_DAYS_MIN: u16 = 7;
/// The mean deviation to begin with, minutes.
const START_DEV: f32 = 30.0;
/// How much later than usual is late: at least this, or four mean deviations; and noon and two hours at the latest.
const LATE_MIN: f32 = 90.0;
const LATE_LAST: f32 = 14.0 * 60.0;
/// A room is visited anew after so long.
const ANEW: TimeDelta = TimeDelta::minutes(10);
/// Absent for longer than this, a day is not like the others.
const ABSENT_MAX: TimeDelta = TimeDelta::hours(6);
/// Days before a night can be called restless, and a change slow.
const NIGHTS_MIN: u16 = 14;
const BASELINE_MIN: u16 = 21;
/// The mean lags behind by so many days.
const LAG: usize = 7;
/// Days that the mean remembers.
const MEMORY: f32 = 28.0;
/// Once told, a change is not told again for so many days.
const HELD: u8 = 14;
const CUSUM_SLACK: f32 = 0.5;
const CUSUM_LIMIT: f32 = 5.0;
/// One odd day counts for no more than this.
const Z_MAX: f32 = 3.0;

/// What is counted of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feature {
    Kitchen,
    Toilet,
    Night,
    Start,
}

impl Feature {
    const ALL: [Self; 4] = [Self::Kitchen, Self::Toilet, Self::Night, Self::Start];

    /// The reason's code: the name of the anomaly.
    const fn code(self) -> &'static str {
        match self {
            Self::Kitchen => "decline_kitchen",
            Self::Toilet => "decline_toilet",
            Self::Night => "decline_night",
            Self::Start => "decline_start",
        }
    }

    /// The smallest deviation that is taken for usual, in the feature's unit.
    const fn floor(self) -> f32 {
        match self {
            Self::Kitchen | Self::Toilet | Self::Night => 1.0,
            Self::Start => 1.5,
        }
    }
}

/// One feature over the days.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Trend {
    mean: f32,
    var: f32,
    high: f32,
    low: f32,
    days: u16,
    recent: [u8; LAG],
    held: u8,
}

impl Trend {
    /// Takes a day in. The mean of before, if the days have changed.
    fn add(&mut self, value: u8, floor: f32) -> Option<f32> {
        let known = self.days >= BASELINE_MIN;
        let place = usize::from(self.days) % LAG;
        if usize::from(self.days) >= LAG
            && let Some(left) = self.recent.get(place)
        {
            let weight = (1.0 / f32::from(self.days.saturating_sub(6))).max(1.0 / MEMORY);
            let off = f32::from(*left) - self.mean;
            self.mean += weight * off;
            self.var = (1.0 - weight) * (self.var + weight * off * off);
        }
        if let Some(slot) = self.recent.get_mut(place) {
            *slot = value;
        }
        self.days = self.days.saturating_add(1);
        self.held = self.held.saturating_sub(1);
        if !known {
            return None;
        }
        let z = ((f32::from(value) - self.mean) / self.var.sqrt().max(floor)).clamp(-Z_MAX, Z_MAX);
        self.high = (self.high + z - CUSUM_SLACK).max(0.0);
        self.low = (self.low - z - CUSUM_SLACK).max(0.0);
        if self.high <= CUSUM_LIMIT && self.low <= CUSUM_LIMIT {
            return None;
        }
        (self.high, self.low) = (0.0, 0.0);
        let told = self.held == 0;
        self.held = if told { HELD } else { self.held };
        told.then_some(self.mean)
    }

    /// The mean of the last week.
    fn week(&self) -> f32 {
        self.recent.iter().map(|value| f32::from(*value)).sum::<f32>() / 7.0
    }

    /// Far above what is usual.
    fn unlike(&self, value: u8, floor: f32) -> bool {
        self.days >= NIGHTS_MIN && f32::from(value) > self.mean + 3.0 * self.var.sqrt().max(floor) + 1.0
    }
}

/// What is known of the days of a home, and of today.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Days {
    /// Looked at once a day, and in restless nights: not beside what every event touches.
    trends: Box<[Trend; 4]>,
    /// Counts of today: kitchen, toilet at night, pieces of the night in which somebody was about.
    today: [u8; 3],
    /// The piece of time that was last counted, in pieces since 1970.
    last_slot: Option<Second>,
    kitchen: Option<Second>,
    toilet: Option<Second>,
    /// Pieces since the morning in which somebody was about, up to the beginning of the day.
    morning: u8,
    /// The minute at which today began.
    started: Option<u16>,
    /// The usual beginning in minutes, its mean deviation, and the days it was seen on.
    start_mean: f32,
    start_dev: f32,
    start_days: u16,
    /// The local day whose beginning was missed, and said so.
    missed: Option<i64>,
    /// Today is no day like the others: an absence, an outage, a visit.
    pub(super) spoiled: bool,
    night_told: bool,
}

/// The usual beginning of the day, as people are told.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct UsualStart {
    /// Minute of the day.
    pub minute: f32,
    /// The minute at which a day that has not begun is late.
    pub late: f32,
}

fn is_room(signal: &Signal, words: &[&str]) -> bool {
    let name = signal.room.as_deref().unwrap_or(signal.device.as_str()).as_bytes();
    words.iter().any(|word| name.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes())))
}

const KITCHEN: [&str; 2] = ["kitchen", "厨"];
const TOILET: [&str; 7] = ["toilet", "bath", "wc", "restroom", "厕", "卫生间", "浴"];

impl Days {
    /// When the day usually begins, once that is known.
    pub(super) fn usual_start(&self) -> Option<UsualStart> {
        let late = (self.start_mean + (4.0 * self.start_dev).max(LATE_MIN)).min(LATE_LAST);
        (self.start_days >= START_DAYS_MIN).then_some(UsualStart { minute: self.start_mean, late })
    }

    /// Somebody was about inside.
    fn count(&mut self, signal: &Signal, at: Second, second: i64) {
        let slot = Some(Second::new(at.timestamp() - at.timestamp().rem_euclid(SLOT_S)));
        let fresh = slot != self.last_slot;
        self.last_slot = slot;
        let [kitchen, toilet, night] = &mut self.today;
        if fresh && second < NIGHT_END {
            *night = night.saturating_add(1);
        }
        if is_room(signal, &KITCHEN) && second >= NIGHT_END {
            if self.kitchen.is_none_or(|last| at - last >= ANEW) {
                *kitchen = kitchen.saturating_add(1);
            }
            self.kitchen = Some(at);
        }
        if is_room(signal, &TOILET) && second < NIGHT_END {
            if self.toilet.is_none_or(|last| at - last >= ANEW) {
                *toilet = toilet.saturating_add(1);
            }
            self.toilet = Some(at);
        }
        if fresh && second >= MORNING && self.started.is_none() {
            self.morning = self.morning.saturating_add(1);
            if self.morning >= BEGUN {
                self.started = u16::try_from(second / 60).ok();
            }
        }
    }

    /// The day is over: what it was like is learned, unless it was no day like the others.
    fn close(&mut self) -> Vec<(Feature, f32, f32)> {
        let mut changed = Vec::new();
        let spoiled = std::mem::take(&mut self.spoiled);
        let [kitchen, toilet, night] = std::mem::take(&mut self.today);
        let started = self.started.take();
        self.morning = 0;
        self.night_told = false;
        if spoiled {
            return changed;
        }
        if let Some(minute) = started {
            let minute = f32::from(minute);
            if self.start_days == 0 {
                (self.start_mean, self.start_dev) = (minute, START_DEV);
            }
            let weight = (1.0 / (f32::from(self.start_days) + 1.0)).max(0.07);
            let off = minute - self.start_mean;
            self.start_mean += weight * off;
            self.start_dev += weight.min(0.5) * (off.abs() - self.start_dev);
            self.start_days = self.start_days.saturating_add(1);
        }
        let tens = started.map(|minute| u8::try_from(minute / 10).unwrap_or(u8::MAX));
        let values = [Some(kitchen), Some(toilet), Some(night), tens];
        for ((feature, trend), value) in Feature::ALL.into_iter().zip(self.trends.iter_mut()).zip(values) {
            let Some(value) = value else { continue };
            if let Some(usual) = trend.add(value, feature.floor()) {
                changed.push((feature, usual, trend.week()));
            }
        }
        changed
    }

    pub(super) fn encode(&self, out: &mut Writer) {
        for trend in self.trends.iter() {
            for value in [trend.mean, trend.var, trend.high, trend.low] {
                out.f32(value);
            }
            out.u16(trend.days);
            trend.recent.iter().for_each(|value| out.u8(*value));
            out.u8(trend.held);
        }
        self.today.iter().for_each(|value| out.u8(*value));
        for at in [self.last_slot, self.kitchen, self.toilet] {
            out.time(at);
        }
        out.u8(self.morning);
        out.u16(self.started.unwrap_or(u16::MAX));
        out.f32(self.start_mean);
        out.f32(self.start_dev);
        out.u16(self.start_days);
        out.day(self.missed);
        out.flags([self.spoiled, self.night_told, false, false, false, false, false, false]);
    }

    pub(super) fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut days = Self::default();
        for trend in days.trends.iter_mut() {
            (trend.mean, trend.var, trend.high, trend.low) = (from.f32()?, from.f32()?, from.f32()?, from.f32()?);
            trend.days = from.u16()?;
            for value in &mut trend.recent {
                *value = from.u8()?;
            }
            trend.held = from.u8()?;
        }
        for value in &mut days.today {
            *value = from.u8()?;
        }
        (days.last_slot, days.kitchen, days.toilet) = (from.time()?, from.time()?, from.time()?);
        days.morning = from.u8()?;
        days.started = Some(from.u16()?).filter(|minute| *minute != u16::MAX);
        (days.start_mean, days.start_dev, days.start_days) = (from.f32()?, from.f32()?, from.u16()?);
        days.missed = from.day()?;
        [days.spoiled, days.night_told, ..] = from.flags()?;
        Ok(days)
    }
}

fn notice(cause: &str, reason: Reason, key: String) -> Effect {
    Effect::Notice(Notice { kind: NoticeKind::NextVisit, cause: Cause::Anomaly(cause.to_owned()), reason, key })
}

impl Home {
    /// Somebody was about inside at that instant.
    pub(super) fn count_day(&mut self, signal: &Signal, at: Second, settings: &Settings, effects: &mut Vec<Effect>) {
        let (day, second) = clock::local(settings.zone, at);
        self.days.count(signal, at, second);
        if second >= NIGHT_END || self.days.night_told || self.days.spoiled || self.rules(settings).restless_night == Switch::Off {
            return;
        }
        let [_, toilet, night] = self.days.today;
        let [_, of_toilet, of_night, _] = &*self.days.trends;
        if of_toilet.unlike(toilet, Feature::Toilet.floor()) || of_night.unlike(night, Feature::Night.floor()) {
            let usual = f64::from(of_night.mean.round());
            let reason = Reason::new("restless_night").number("toilet", f64::from(toilet)).number("pieces", f64::from(night)).number("usual", usual);
            effects.push(notice("restless_night", reason, format!("restless_night:{day}")));
            self.days.night_told = true;
        }
    }

    /// The day of `day` is over.
    pub(super) fn close_day(&mut self, day: i64, settings: &Settings, effects: &mut Vec<Effect>) {
        let changed = self.days.close();
        if self.rules(settings).decline == Switch::Off {
            return;
        }
        for (feature, usual, week) in changed {
            let tenths = |value: f32| f64::from((value * 10.0).round() / 10.0);
            let reason = match feature {
                Feature::Start => Reason::new(feature.code()).text("usual", &clock_text(usual)).text("week", &clock_text(week)),
                Feature::Kitchen | Feature::Toilet | Feature::Night => {
                    Reason::new(feature.code()).number("usual", tenths(usual)).number("week", tenths(week))
                }
            };
            effects.push(notice(feature.code(), reason, format!("{}:{day}", feature.code())));
        }
    }

    /// A longer absence, an outage or a visit: today is not learned from.
    pub(super) fn absent(&mut self, span: TimeDelta) {
        self.days.spoiled |= span > ABSENT_MAX;
    }

    /// When a day that has not begun is late.
    pub(super) fn next_morning(&self, settings: &Settings) -> Option<Second> {
        let life = self.life?;
        if self.rules(settings).no_morning == Switch::Off || self.exit.is_some() {
            return None;
        }
        let late = self.days.usual_start()?.late;
        #[expect(clippy::cast_possible_truncation, reason = "a minute of the day")]
        let late = TimeDelta::minutes(late as i64);
        let (day, second) = clock::local(settings.zone, life);
        let midnight = life - TimeDelta::seconds(second);
        let begun = self.days.started.is_some() && self.day == Some(day);
        let today = midnight + late;
        if self.days.missed > Some(day) {
            return None; // said in this very silence
        }
        let at = if begun || self.days.missed == Some(day) || today <= life { today + TimeDelta::days(1) } else { today };
        let company = self.visit_until.max(self.company_until).is_some_and(|until| at < until);
        (!company).then(|| self.hold_until.map_or(at, |hold| at.max(hold)))
    }

    /// The day has not begun, and is late.
    pub(super) fn check_morning(&mut self, settings: &Settings, now: Second, effects: &mut Vec<Effect>) {
        let (Some(due), Some(usual), Some(life)) = (self.next_morning(settings), self.days.usual_start(), self.life) else { return };
        if due > now {
            return;
        }
        let (day, _) = clock::local(settings.zone, due);
        self.days.missed = Some(day);
        effects.push(Effect::Raise(Raise {
            cause: Cause::Anomaly("no_morning".to_owned()),
            level: Level::Attention,
            reason: Reason::new("no_morning").time("now", now.into()).text("usual", &clock_text(usual.minute / 10.0)).time("since", life.into()),
            key: format!("no_morning:{day}"),
            device: None,
        }));
    }
}

/// Tens of minutes since midnight as a time of day.
fn clock_text(tens: f32) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a minute of the day")]
    let minutes = (tens * 10.0).round().clamp(0.0, 1439.0) as i64;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
