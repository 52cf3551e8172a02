//! The rules beside silence: each is off until somebody has tried it on the home's own history.
//!
//! | rule | raised when |
//! |---|---|
//! | `bed_left` | bed left at night, and for half an hour neither returned to nor followed by life elsewhere |
//! | `door_night` | the exit door moved at night, and for 20 minutes it stands open or nobody is seen inside |
//! | `water_long`, `power_long` | water has run for an hour, a named appliance for six, without a break |
//! | `water_unused`, `water_much`, `water_leak_suspected` | by the city's [`WaterRule`](super::WaterRule) |
//! | `door_unused` | the exit door was not opened for a day while somebody was at home |
//! | `no_morning` | the day has not begun an hour and a half after it usually does (`days`) |
//! | `restless_night`, `decline_*` | something to look at on the next visit (`days`) |
//! | `too_cold`, `too_hot` | a room is below 12 °C or above 35 °C: once a day |

use super::codec::{DecodeError, Reader, Writer};
use super::clock::{self, Second};
use super::{Effect, Home, Input, Rules, Settings, Switch};
use crate::cause::Raise;
use crate::{Cause, HomeId, Level, Reason, Signal, SignalKind, TimeDelta, Timestamp, Value};

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
    pub(super) bed_left: Option<Second>,
    /// The exit door moved at night.
    pub(super) door: Option<Second>,
    /// Water has been running since, and was last heard of.
    pub(super) water: Option<(Second, Second)>,
    /// A named appliance has been on since, and was last heard of.
    pub(super) power: Option<(Second, Second)>,
    /// The local day on which the temperature was last told.
    pub(super) temperature_day: Option<i64>,
    /// Since when little water was used, and how many litres since.
    little: Option<(Second, f32)>,
    /// The local day, its litres, and whether that was said to be too much.
    day: Option<(i64, f32)>,
    much_told: bool,
    /// Water in every half-hour since, and last.
    flow: Option<(Second, Second)>,
    /// The exit door last moved.
    door_moved: Option<Second>,
}

/// Water that comes in every piece of this length has not stopped.
const FLOW_GAP: TimeDelta = TimeDelta::minutes(30);

impl Watch {
    /// What is switched off waits for nothing.
    pub(super) fn let_go(&mut self, rules: &Rules) {
        let off = |switch: Switch| switch == Switch::Off;
        self.bed_left = self.bed_left.filter(|_| !off(rules.bed_left));
        self.door = self.door.filter(|_| !off(rules.door_night));
        if off(rules.running_long) {
            (self.water, self.power) = (None, None);
        }
        if off(rules.water_use) {
            (self.little, self.day, self.flow) = (None, None, None);
        }
        self.door_moved = self.door_moved.filter(|_| !off(rules.door_unused));
    }

    /// The elder is back: nobody could use water or the door meanwhile.
    pub(super) fn came_home(&mut self, at: Second) {
        self.little = self.little.map(|_| (at, 0.0));
        self.door_moved = self.door_moved.map(|_| at);
    }

    pub(super) fn encode_tap(&self, out: &mut Writer) {
        for at in [self.little.map(|(since, _)| since), self.flow.map(|(since, _)| since), self.flow.map(|(_, last)| last), self.door_moved] {
            out.time(at);
        }
        out.f32(self.little.map_or(0.0, |(_, litres)| litres));
        out.day(self.day.map(|(day, _)| day));
        out.f32(self.day.map_or(0.0, |(_, litres)| litres));
        out.flags([self.much_told, false, false, false, false, false, false, false]);
    }

    pub(super) fn decode_tap(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError> {
        let (little, since, last, door) = (from.time()?, from.time()?, from.time()?, from.time()?);
        self.little = little.zip(Some(from.f32()?));
        self.flow = since.zip(last);
        self.door_moved = door;
        self.day = from.day()?.zip(Some(from.f32()?));
        [self.much_told, ..] = from.flags()?;
        Ok(())
    }
}

fn night(settings: &Settings, at: Second) -> bool {
    let (_, second) = clock::local(settings.zone, at);
    second >= NIGHT.0 || second < NIGHT.1
}

fn raise(rule: &str, since: Second, at: Second, signal: Option<&Signal>) -> Effect {
    let reason = Reason::new(rule).time("since", since.into()).span("span", at - since);
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
    pub(super) fn watch(&mut self, signal: &Signal, at: Second, settings: &Settings, effects: &mut Vec<Effect>) {
        let rules = *self.rules(settings);
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
        if rules.water_use == Switch::On && signal.kind == SignalKind::Water {
            tap(watch, signal, at, settings, effects);
        }
        if rules.door_unused == Switch::On && signal.kind == SignalKind::Door {
            watch.door_moved = watch.door_moved.max(Some(at));
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
    pub(super) fn next_watch(&self, settings: &Settings) -> Option<Second> {
        let at_home = self.exit.is_none();
        let bed = self.watch.bed_left.map(|at| at + BED_LEFT);
        let door = self.watch.door.map(|at| at + DOOR_NIGHT);
        let little = self.watch.little.filter(|_| at_home).map(|(since, _)| since + settings.water.unused_after);
        let unused = self.watch.door_moved.filter(|_| at_home).map(|at| at + settings.door_unused_after);
        [bed, door, little, unused, self.next_morning(settings)].into_iter().flatten().min()
    }

    /// Lets the rules speak that are due.
    pub(super) fn check_watch(&mut self, settings: &Settings, now: Second, effects: &mut Vec<Effect>) {
        if let Some(since) = self.watch.bed_left.filter(|since| *since + BED_LEFT <= now) {
            self.watch.bed_left = None;
            effects.push(raise("bed_left", since, now, None));
        }
        if let Some(since) = self.watch.door.filter(|since| *since + DOOR_NIGHT <= now) {
            self.watch.door = None;
            effects.push(raise("door_night", since, now, None));
        }
        let at_home = self.exit.is_none();
        if let Some((since, _)) = self.watch.little.filter(|(since, _)| at_home && *since + settings.water.unused_after <= now) {
            // once, until water is used again
            self.watch.little = None;
            effects.push(litres("water_unused", since, now, settings.water.litres));
        }
        if let Some(since) = self.watch.door_moved.filter(|since| at_home && *since + settings.door_unused_after <= now) {
            self.watch.door_moved = None;
            effects.push(raise("door_unused", since, now, None));
        }
        self.check_morning(settings, now, effects);
    }
}

fn litres(rule: &str, since: Second, at: Second, litres: f32) -> Effect {
    let mut effect = raise(rule, since, at, None);
    if let Effect::Raise(raise) = &mut effect {
        raise.reason = raise.reason.clone().number("litres", f64::from(litres));
    }
    effect
}

/// Water was used: too little of it, too much, or without an end?
fn tap(watch: &mut Watch, signal: &Signal, at: Second, settings: &Settings, effects: &mut Vec<Effect>) {
    let Value::Number(amount) = signal.value else { return };
    #[expect(clippy::cast_possible_truncation, reason = "litres of one message")]
    let amount = amount.clamp(0.0, 1e6) as f32;
    let rule = &settings.water;
    watch.little = match watch.little {
        Some((since, used)) if used + amount < rule.litres => Some((since, used + amount)),
        Some(_) => Some((at, 0.0)),
        None if amount > 0.0 => Some((at, 0.0)),
        None => None,
    };
    let (day, _) = clock::local(settings.zone, at);
    let used = match watch.day {
        Some((today, used)) if today == day => used + amount,
        Some(_) | None => {
            watch.much_told = false;
            amount
        }
    };
    watch.day = Some((day, used));
    if let Some(most) = rule.day_max.filter(|most| used > *most && !watch.much_told) {
        watch.much_told = true;
        effects.push(litres("water_much", at, at, most));
    }
    if amount <= 0.0 {
        return;
    }
    watch.flow = match watch.flow {
        Some((since, last)) if at - last <= FLOW_GAP => Some((since, at)),
        Some(_) | None => Some((at, at)),
    };
    if let (Some(after), Some((since, last))) = (rule.leak_after, watch.flow)
        && last - since >= after
    {
        watch.flow = Some((last, last));
        effects.push(raise("water_leak_suspected", since, last, None));
    }
}

/// What a rule would have said.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// When.
    pub at: Timestamp,
    /// The rule's cause.
    pub cause: Cause,
    /// Why.
    pub reason: Reason,
}

/// Plays a home's history with these rules on, so that somebody can see what they would have said before they are switched
/// on. `signals` in the order in which they were heard.
pub fn trial<'a>(
    id: &HomeId,
    signals: impl IntoIterator<Item = &'a Signal>,
    rules: Rules,
    settings: &Settings,
    until: Timestamp,
) -> Vec<Trial> {
    let settings = Settings { rules, ..settings.clone() };
    let mut out = Vec::new();
    let mut home: Option<Home> = None;
    let mut keep = |effects: Vec<Effect>, at: Timestamp| {
        for effect in effects {
            let (cause, reason) = match effect {
                Effect::Raise(raise) => (raise.cause, raise.reason),
                Effect::Notice(notice) => (notice.cause, notice.reason),
                Effect::Over { .. } => continue,
            };
            if matches!(&cause, Cause::Anomaly(name) if name != "away_overdue") {
                out.push(Trial { at, cause, reason });
            }
        }
    };
    let pass = |mut home: Home, until: Timestamp, keep: &mut dyn FnMut(Vec<Effect>, Timestamp)| {
        while let Some(due) = home.deadline().filter(|due| *due < until) {
            let (next, effects) = home.step(Input::TimePassed, &settings, due);
            home = next;
            keep(effects, due);
            if home.deadline().is_some_and(|next| next <= due) {
                break;
            }
        }
        home
    };
    for signal in signals {
        let before = home.take().unwrap_or_else(|| Home::new(id.clone(), signal.heard_at));
        let (next, effects) = pass(before, signal.heard_at, &mut keep).step(Input::Heard(signal), &settings, signal.heard_at);
        keep(effects, signal.heard_at);
        home = Some(next);
    }
    if let Some(home) = home {
        pass(home, until, &mut keep);
    }
    out
}

/// Something runs for as long as it is heard of, above nothing, without a gap.
fn running(before: Option<(Second, Second)>, signal: &Signal, at: Second) -> Option<(Second, Second)> {
    match signal.value {
        Value::Number(amount) if amount > 0.0 => match before {
            Some((since, last)) if at - last <= RUNNING_GAP => Some((since, at.max(last))),
            Some(_) | None => Some((at, at)),
        },
        Value::Number(_) | Value::None | Value::Bool(_) | Value::Open | Value::Closed => None,
    }
}
