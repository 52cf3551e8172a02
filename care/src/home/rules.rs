//! The rules beside silence: each is off until somebody has tried it on the home's own history.
//!
//! | rule | raised when |
//! |---|---|
//! | `bed_left` | bed left at night, and for half an hour neither returned to nor followed by life elsewhere |
//! | `door_night` | the exit door moved at night, and for 20 minutes it stands open or nobody is seen inside |
//! | `water_long`, `power_long` | water has run for an hour, a named appliance for six, without a break |
//! | `too_cold`, `too_hot` | a room is below 12 °C or above 35 °C: once a day |

use super::{Effect, Home, Settings, Switch, clock};
use crate::cause::Raise;
use crate::{Cause, Level, Reason, Signal, SignalKind, TimeDelta, Timestamp, Value};

const BED_LEFT: TimeDelta = TimeDelta::minutes(30);
const DOOR_NIGHT: TimeDelta = TimeDelta::minutes(20);
const WATER_LONG: TimeDelta = TimeDelta::hours(1);
const POWER_LONG: TimeDelta = TimeDelta::hours(6);
/// Water or power that was not heard of for so long has stopped.
const RUNNING_GAP: TimeDelta = TimeDelta::minutes(10);
const COLD: f64 = 12.0;
const HOT: f64 = 35.0;
/// Night: from this second of the day, until before this one.
const NIGHT: (i64, i64) = (22 * 3600, 6 * 3600);

/// What the rules wait for. All of it is forgotten when it is over.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Watch {
    /// The bed was left at night.
    pub(super) bed_left: Option<Timestamp>,
    /// The exit door moved at night.
    pub(super) door: Option<Timestamp>,
    /// Water has been running since, and was last heard of.
    pub(super) water: Option<(Timestamp, Timestamp)>,
    /// A named appliance has been on since, and was last heard of.
    pub(super) power: Option<(Timestamp, Timestamp)>,
    /// The local day on which the temperature was last told.
    pub(super) temperature_day: Option<i64>,
}

fn night(settings: &Settings, at: Timestamp) -> bool {
    let (_, second) = clock::local(settings.zone, at);
    second >= NIGHT.0 || second < NIGHT.1
}

fn raise(rule: &str, since: Timestamp, at: Timestamp, signal: Option<&Signal>) -> Effect {
    let reason = Reason::new(rule).time("since", since).span("span", at - since);
    let reason = match signal {
        Some(signal) => reason.text("device", signal.device.as_str()).number("degrees", match signal.value {
            Value::Number(degrees) => degrees,
            Value::None | Value::Bool(_) | Value::Open | Value::Closed => f64::NAN,
        }),
        None => reason,
    };
    Effect::Raise(Raise {
        cause: Cause::Anomaly(rule.to_owned()),
        level: Level::Attention,
        reason,
        key: format!("{rule}:{}", since.timestamp()),
        device: signal.map(|signal| signal.device.clone()),
    })
}

impl Home {
    /// What a signal is to the rules. `at` is when it happened.
    pub(super) fn watch(&mut self, signal: &Signal, at: Timestamp, settings: &Settings, effects: &mut Vec<Effect>) {
        let rules = &settings.rules;
        let on = !matches!(signal.value, Value::Bool(false));
        let watch = &mut self.watch;
        let seen = matches!(
            signal.kind,
            SignalKind::Motion | SignalKind::Presence | SignalKind::Contact | SignalKind::Seat | SignalKind::Well | SignalKind::Button
        );
        if seen && on {
            watch.bed_left = None;
            watch.door = None;
        } else if signal.kind == SignalKind::Bed && rules.bed_left == Switch::On {
            watch.bed_left = if on || !night(settings, at) { None } else { Some(at) };
        } else if signal.kind == SignalKind::Door && rules.door_night == Switch::On && night(settings, at) {
            watch.door = watch.door.or(Some(at));
        } else if signal.kind == SignalKind::Water && rules.running_long == Switch::On {
            watch.water = running(watch.water, signal, at);
        } else if signal.kind == SignalKind::Power && rules.running_long == Switch::On && settings.hand_appliances.contains(&signal.device) {
            watch.power = running(watch.power, signal, at);
        } else if signal.kind == SignalKind::Temperature
            && rules.temperature == Switch::On
            && let Value::Number(degrees) = signal.value
        {
            let (day, _) = clock::local(settings.zone, at);
            if !(COLD..=HOT).contains(&degrees) && watch.temperature_day != Some(day) {
                watch.temperature_day = Some(day);
                effects.push(raise(if degrees < COLD { "too_cold" } else { "too_hot" }, at, at, Some(signal)));
            }
        }
        if let Some((since, last)) = watch.water.filter(|(since, last)| *last - *since >= WATER_LONG) {
            watch.water = Some((last, last));
            effects.push(raise("water_long", since, last, None));
        }
        if let Some((since, last)) = watch.power.filter(|(since, last)| *last - *since >= POWER_LONG) {
            watch.power = Some((last, last));
            effects.push(raise("power_long", since, last, None));
        }
    }

    /// When a rule next speaks, if nothing is heard.
    pub(super) fn next_watch(&self) -> Option<Timestamp> {
        let bed = self.watch.bed_left.map(|at| at + BED_LEFT);
        let door = self.watch.door.map(|at| at + DOOR_NIGHT);
        match (bed, door) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Lets the rules speak that are due.
    pub(super) fn check_watch(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if let Some(since) = self.watch.bed_left.filter(|since| *since + BED_LEFT <= now) {
            self.watch.bed_left = None;
            effects.push(raise("bed_left", since, now, None));
        }
        if let Some(since) = self.watch.door.filter(|since| *since + DOOR_NIGHT <= now) {
            self.watch.door = None;
            effects.push(raise("door_night", since, now, None));
        }
    }
}

/// Something runs for as long as it is heard of, above nothing, without a gap.
fn running(before: Option<(Timestamp, Timestamp)>, signal: &Signal, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
    match signal.value {
        Value::Number(amount) if amount > 0.0 => match before {
            Some((since, last)) if at - last <= RUNNING_GAP => Some((since, at.max(last))),
            Some(_) | None => Some((at, at)),
        },
        Value::Number(_) | Value::None | Value::Bool(_) | Value::Open | Value::Closed => None,
    }
}
