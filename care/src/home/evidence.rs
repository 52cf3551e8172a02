//! What a signal does to a home: life, absence and return, and the routine that is learned on the way.

use super::routine::{Odds, STEP_S};
use super::settings::Meaning;
use super::clock::{self, Second};
use super::{Asked, Effect, Home, Lesson, Monitoring, Pets, Quiet, Settings};
use crate::{Signal, SignalKind, TimeDelta, Value};

/// A closed silence that was longer than this is not learned from, whatever it was.
const LEARNED_MAX: TimeDelta = TimeDelta::hours(16);
/// Who leaves closes the door behind them: one that closes so long after it was opened is closed by somebody who has come.
const CLOSED_BEHIND: TimeDelta = TimeDelta::minutes(2);
/// After a return the door may move again for so long without meaning that somebody leaves.
const RETURN_DOOR: TimeDelta = TimeDelta::minutes(2);
/// Two messages of a device that are at least this far apart and equally late show a clock that is behind.
const CLOCK_SHOWN_AFTER_S: i64 = 60;
/// A visitor who was not checked out is taken to have left after so long.
const VISIT_MAX: TimeDelta = TimeDelta::hours(4);
/// Somebody lies or sits there for good after so long, and for no longer than that: then the sensor is stuck.
const SETTLED: TimeDelta = TimeDelta::seconds(90);
const OCCUPIED_MAX: TimeDelta = TimeDelta::hours(14);
/// Two people seen: not alone for so long.
const COMPANY: TimeDelta = TimeDelta::minutes(30);
/// How equal "equally" is.
const CLOCK_TOLERANCE_S: i32 = 30;

impl Home {
    pub(super) fn hear(&mut self, signal: &Signal, settings: &Settings, effects: &mut Vec<Effect>) {
        let heard_at = Second::from(signal.heard_at);
        let at = self.touch(signal, settings, effects);
        self.see_again(signal, settings, effects);
        self.tend(signal, at, effects);
        if self.monitoring == Monitoring::Off {
            return;
        }
        if heard_at - at > settings.outage_tolerated {
            // a backlog is coming in: what is newest may still be on its way
            self.hold_until = self.hold_until.max(Some(heard_at + settings.outage_grace));
        } else {
            self.watch(signal, at, settings, effects);
        }
        let meaning = settings.meaning(signal, self.pets.unwrap_or(settings.pets));
        if !matches!(meaning, Meaning::DeviceOnly | Meaning::Lost) {
            self.signs.note(at);
        }
        if self.life.is_some_and(|last| at < last) {
            return;
        }
        if signal.kind == SignalKind::CheckIn {
            self.visit_until = Some(at + VISIT_MAX);
        } else if signal.kind == SignalKind::CheckOut {
            self.visit_until = None;
        }
        match meaning {
            Meaning::Life => self.inside(signal, at, settings, effects),
            Meaning::Exit => self.door(signal, at, settings, effects),
            Meaning::Leaving => {
                self.live(signal, at, settings, effects);
                self.exit = Some(at);
            }
            Meaning::DeviceOnly | Meaning::Lost => {}
        }
        // after what this second says about the silence before it: their order must not matter
        self.look_for_company(signal, at, settings);
    }

    fn inside(&mut self, signal: &Signal, at: Second, settings: &Settings, effects: &mut Vec<Effect>) {
        self.holiday_until = None;
        self.inside = Some(at);
        match self.exit {
            Some(left) if at - left >= settings.away_after => {
                self.come_home(at, settings, effects);
                self.seen_by(signal, at);
            }
            Some(_) => {
                self.live(signal, at, settings, effects);
                self.exit = None;
                self.lesson = Lesson::Fit;
            }
            None => self.live(signal, at, settings, effects),
        }
        if self.visit_until.max(self.company_until).is_some_and(|until| at < until) {
            self.days.spoiled = true;
        } else {
            self.count_day(signal, at, settings, effects);
        }
    }

    fn door(&mut self, signal: &Signal, at: Second, settings: &Settings, effects: &mut Vec<Effect>) {
        self.holiday_until = None;
        match self.exit {
            Some(left) if at - left >= settings.away_after || (signal.value == Value::Closed && at - left >= CLOSED_BEHIND) => {
                self.come_home(at, settings, effects);
                self.seen_by(signal, at);
            }
            None if self.returned.is_some_and(|returned| at - returned < RETURN_DOOR) => self.live(signal, at, settings, effects),
            // at the door and inside in the same second: taken to be in, whichever was heard first
            Some(_) | None if self.inside == Some(at) => self.live(signal, at, settings, effects),
            Some(_) | None => {
                self.live(signal, at, settings, effects);
                self.exit = Some(at);
                self.lesson = Lesson::Unfit;
            }
        }
    }

    /// The elder is back: the silence of the absence is over, and says nothing.
    pub(super) fn come_home(&mut self, at: Second, settings: &Settings, effects: &mut Vec<Effect>) {
        self.turn_day(at, settings, effects);
        self.answer(at, None, effects);
        if let Some(left) = self.exit {
            self.absent(at - left);
            self.watch.came_home(at);
        }
        self.exit = None;
        self.quiet = None;
        self.returned = Some(at);
        self.life = self.life.max(Some(at));
        self.outage_worklist = false;
        self.lesson = Lesson::Fit;
        self.rearm(at, settings);
    }

    fn seen_by(&mut self, signal: &Signal, at: Second) {
        if self.life == Some(at) && self.life_device.as_ref().is_some_and(|device| *device == signal.device) {
            return;
        }
        self.life_device = Some(signal.device.clone());
    }

    /// A sign of life at home: the silence before it is learned from, and the next one begins.
    fn live(&mut self, signal: &Signal, at: Second, settings: &Settings, effects: &mut Vec<Effect>) {
        self.turn_day(at, settings, effects);
        if self.asked != Asked::default() {
            self.answer(at, Some(signal.room.as_deref().unwrap_or(signal.device.as_str())), effects);
        }
        let same_second = self.life == Some(at);
        if let Some(last) = self.life {
            let silence = at - last;
            if silence > TimeDelta::seconds(STEP_S) {
                if self.lesson == Lesson::Fit && self.visit_until.max(self.company_until).is_none_or(|until| last >= until) && silence <= LEARNED_MAX && self.learn_after.is_none_or(|after| last >= after) {
                    let (_, second_of_day) = clock::local(settings.zone, last);
                    self.routine.learn(second_of_day, silence, 1.0);
                }
                self.lesson = Lesson::Fit;
            }
        }
        // in the same second the later name is remembered, so that their order does not matter
        if !same_second || self.life_device.as_ref().is_none_or(|device| *device < signal.device) {
            self.seen_by(signal, at);
        }
        self.life = Some(at);
        self.outage_worklist = false;
        self.rearm(at, settings);
    }

    /// The first sign of life of a new local day: the routine of the day stands before anything of the day is learned.
    fn turn_day(&mut self, at: Second, settings: &Settings, effects: &mut Vec<Effect>) {
        if self.allowed.is_some_and(|(slot, _)| slot == at.timestamp().div_euclid(STEP_S)) {
            return;
        }
        let (day, _) = clock::local(settings.zone, at);
        let since = day - self.day.unwrap_or(day);
        if since > 0 {
            self.check_habits(at, effects);
            self.close_day(day - since, settings, effects);
            self.routine.new_day(since, self.monitoring == Monitoring::On);
        }
        self.day = self.day.max(Some(day));
    }

    /// How long it may be quiet from `at` on. A sign of life can only put an alarm off.
    fn rearm(&mut self, at: Second, settings: &Settings) {
        let slot = at.timestamp().div_euclid(STEP_S);
        let allowed = match self.allowed {
            Some((known, allowed)) if known == slot => allowed,
            _ => {
                let (_, second_of_day) = clock::local(settings.zone, at);
                let odds = self.odds(settings);
                let start = second_of_day - second_of_day.rem_euclid(STEP_S);
                let allowed = self.routine.allowed(start, odds, settings.silence_min, settings.silence_max);
                self.allowed = Some((slot, allowed));
                allowed
            }
        };
        let (attention, urgent) = (at + allowed.attention, at + allowed.urgent);
        self.quiet = Some(match self.quiet {
            Some(before) => Quiet { attention: before.attention.max(attention), urgent: before.urgent.max(urgent) },
            None => Quiet { attention, urgent },
        });
    }

    /// The odds at which this home's silence is remarkable.
    pub(super) fn odds(&self, settings: &Settings) -> Odds {
        Odds {
            attention: self.routine.odds_for(settings.false_alarms_per_month.attention),
            urgent: self.routine.odds_for(settings.false_alarms_per_month.urgent),
        }
    }

    /// Somebody lies in the bed, and somebody is about in another room: two people. Both are life; neither is routine.
    fn look_for_company(&mut self, signal: &Signal, at: Second, settings: &Settings) {
        let place = matches!(signal.kind, SignalKind::Bed | SignalKind::Seat | SignalKind::Presence);
        let on = !matches!(signal.value, Value::Bool(false));
        if place && let Some(device) = self.devices.iter_mut().find(|device| device.id == signal.device) {
            // who has just left was still there in this second, whichever was heard first
            device.occupied_since = match (on, device.occupied_since.filter(|_| device.left.is_none())) {
                (true, None) => Some(at),
                (_, since) => since,
            };
            device.left = (!on && device.occupied_since.is_some()).then_some(at);
        }
        let animal = self.pets.unwrap_or(settings.pets) == Pets::SeenByMotion && signal.kind == SignalKind::Motion;
        let about = on && !animal && matches!(signal.kind, SignalKind::Motion | SignalKind::Presence | SignalKind::Bed | SignalKind::Seat | SignalKind::Contact);
        let elsewhere = self.devices.iter().any(|device| {
            device.occupied_since.is_some_and(|since| (SETTLED..OCCUPIED_MAX).contains(&(at - since)))
                && device.left.is_none_or(|left| left == at)
                && device.id != signal.device
                && device.room.is_some()
                && device.room != signal.room
        });
        if about && signal.room.is_some() && elsewhere {
            self.company_until = self.company_until.max(Some(at + COMPANY));
        }
    }

    /// Notes that a device was heard and gives the instant that its message is about.
    fn touch(&mut self, signal: &Signal, settings: &Settings, effects: &mut Vec<Effect>) -> Second {
        let (at, heard_at) = (signal.at(settings.late_max), Second::from(signal.heard_at));
        let lag_s = i32::try_from((signal.heard_at - at).num_seconds()).unwrap_or(i32::MAX);
        let at = Second::from(at);
        let alive = !matches!(settings.meaning(signal, self.pets.unwrap_or(settings.pets)), Meaning::DeviceOnly | Meaning::Lost);
        if let Some(device) = self.devices.iter_mut().find(|device| device.id == signal.device) {
            let apart = (heard_at - device.lag_at).num_seconds();
            if apart >= CLOCK_SHOWN_AFTER_S {
                // live, and yet as late as before: the clock is wrong, not the message old
                let steady = (lag_s - device.lag_s).abs() <= CLOCK_TOLERANCE_S;
                device.behind_s = if steady { lag_s.min(device.lag_s) } else { device.behind_s.min(lag_s) };
                device.lag_s = lag_s;
                device.lag_at = heard_at;
            }
            if signal.kind != SignalKind::Offline {
                device.heard_at = device.heard_at.max(heard_at);
                device.from = device.from.max(device.heard_at);
                device.heard_again(heard_at, effects);
            }
            let at = (at + TimeDelta::seconds(i64::from(device.behind_s.min(lag_s)))).min(heard_at);
            device.last_seen = device.last_seen.max(at);
            device.habit.hear(signal, alive);
            if signal.room.is_some() && device.room != signal.room {
                device.room.clone_from(&signal.room);
            }
            return at;
        }
        if let Some(device) = self.device_or_new(&signal.device, heard_at) {
            device.room.clone_from(&signal.room);
            (device.last_seen, device.lag_s) = (at, lag_s);
            device.habit.hear(signal, alive);
        }
        at
    }
}
