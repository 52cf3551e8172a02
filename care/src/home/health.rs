//! The health gate: before a silence is judged, can the home be heard at all? (SIL-1)
//!
//! * The hub is gone (last will), or misses its heartbeats, or half of the sensors that send heartbeats do:
//!   the home is *blind*. A technical alarm, no judgement of silence, nothing learned.
//! * One device is gone, misses its heartbeats, or has said nothing for many times longer than it ever did
//!   while the rest of the home went on: it is *silent*. A technical alarm; what was learned counts for less.

use super::clock::Second;
use super::over::{device_silent, over};
use super::supervise::SLACK;
use super::{Device, Effect, Home, Lesson, Settings};
use crate::cause::Raise;
use crate::{Cause, DeviceId, Level, Reason, Signal, SignalKind, TimeDelta};

/// A lost connection is no news before this: hubs reconnect.
const OFFLINE_AFTER: TimeDelta = TimeDelta::minutes(5);
/// Heartbeats may come this much later than ever before, whatever their interval.
const BEAT_SLACK: TimeDelta = TimeDelta::minutes(5);
/// A device that should have spoken on so many days by now, and has not on at least so many, is silent.
const MISSED_DAYS: (f32, u8) = (5.0, 6);
/// Share of the devices that usually speak that makes a day one on which all could have spoken.
const LIVELY: f32 = 0.3;

/// What is known of how a device usually speaks.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Habit {
    /// It says more than that it is there: no hub.
    pub(super) reads: bool,
    /// Gone by its last will or its hub's word, since.
    pub(super) offline: Option<Second>,
    /// The longest usual interval of its heartbeats, seconds; 0 as long as it sends none.
    pub(super) beat_s: i32,
    pub(super) last_beat: Option<Second>,
    /// The share of lively days on which it sees life, how often today, and for how many such days it has not.
    pub(super) per_day: f32,
    pub(super) today: u16,
    pub(super) dry_days: u8,
    /// Taken to be silent, and said so.
    pub(super) silent: bool,
}

impl Habit {
    /// Takes a message in. A device that speaks is there.
    pub(super) fn hear(&mut self, signal: &Signal, alive: bool) {
        self.silent = false;
        let heard_at = Second::from(signal.heard_at);
        if signal.kind == SignalKind::Offline {
            self.offline = self.offline.or(Some(heard_at));
            return;
        }
        if signal.kind == SignalKind::Heartbeat {
            if let Some(last) = self.last_beat {
                let interval = i32::try_from((heard_at - last).num_seconds()).unwrap_or(i32::MAX).clamp(0, 86_400);
                // an outage must not make the interval long for ever, nor a burst make it short
                self.beat_s = if self.beat_s == 0 {
                    interval
                } else {
                    interval.min(self.beat_s.saturating_mul(2)).max(self.beat_s - self.beat_s / 16)
                };
            }
            self.last_beat = Some(heard_at);
        } else if signal.kind != SignalKind::Online {
            self.reads = true;
        }
        self.offline = None;
        if alive {
            self.today = self.today.saturating_add(1);
            self.dry_days = 0;
        }
    }
}

impl Device {
    /// When this device becomes silent if nothing is heard of it, by its connection, its interval or its heartbeats.
    pub(super) fn own_silent_at(&self, settings: &Settings) -> Option<Second> {
        let lost = self.habit.offline.map(|since| since.max(self.from) + OFFLINE_AFTER);
        let every = self.interval_s();
        let slack = if self.is_supervised() { SLACK } else { BEAT_SLACK };
        let beat = (every > 0).then(|| self.from + TimeDelta::seconds(every * i64::from(settings.heartbeats_missed_max)) + slack);
        match (lost, beat) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

impl Home {
    /// When a device next becomes silent, if nothing is heard.
    pub(super) fn next_silent(&self, settings: &Settings) -> Option<Second> {
        let devices = self.devices.iter().filter(|device| !device.habit.silent);
        devices.filter_map(|device| self.silent_at(device, settings)).min()
    }

    /// Notes the devices that are silent by `now`, and whether the home is blind.
    pub(super) fn check_health(&mut self, settings: &Settings, now: Second, effects: &mut Vec<Effect>) {
        let silent_at: Vec<Option<Second>> = self.devices.iter().map(|device| self.silent_at(device, settings)).collect();
        let (mut hub, mut fresh) = (false, Vec::new());
        let sensor_heard = self.devices.iter().filter(|device| !device.is_hub()).map(|device| device.heard_at).max();
        for (device, silent_at) in self.devices.iter_mut().zip(silent_at) {
            if !device.habit.silent && silent_at.is_some_and(|at| at <= now) {
                device.habit.silent = true;
                let wanted = device.post.filter(|_| device.is_supervised());
                fresh.push((device.id.clone(), device.heard_at, wanted));
                // the home is heard without it: a button or the like, no hub
                let gone = device.habit.offline.unwrap_or(device.heard_at + TimeDelta::seconds(device.interval_s()));
                device.habit.reads |= sensor_heard.is_some_and(|heard| heard > gone + OFFLINE_AFTER / 2);
            }
            hub |= device.habit.silent && device.is_hub();
        }
        if hub || self.mostly_silent() {
            if self.blind_since.is_none() {
                self.blind_since = Some(now);
                self.lesson = Lesson::Unfit;
                self.days.spoiled = true;
                let since = self.devices.iter().map(|device| device.heard_at).max().unwrap_or(now);
                effects.push(Effect::Raise(Raise {
                    cause: hub_offline(),
                    level: Level::Technical,
                    reason: Reason::new("home_blind").time("since", since.into()).span("span", now - since),
                    key: format!("hub_offline:{}", since.timestamp()),
                    device: None,
                }));
            }
            // the one cause stands for everything behind it; each wanted device is named only where no hub can be the cause:
            // there is none, or it was heard after the device had missed its time
            let hub_at = self.devices.iter().filter(|device| device.is_hub() && device.is_supervised()).map(|device| device.heard_at).min();
            fresh.retain(|(_, heard, wanted)| {
                let every = wanted.map_or(0, |post| i64::from(post.every_s));
                !hub && wanted.is_some() && hub_at.is_none_or(|at| at > *heard + TimeDelta::seconds(every))
            });
        }
        for (device, since, wanted) in fresh {
            let mut raise = self.silent(&device, since, now);
            if let Some(post) = wanted {
                let every = TimeDelta::seconds(i64::from(post.every_s));
                raise.reason = Reason { code: "device_overdue".to_owned(), ..raise.reason }.span("every", every);
            }
            effects.push(Effect::Raise(raise));
        }
    }

    /// Half of the sensors that should speak do not.
    fn mostly_silent(&self) -> bool {
        let beating = self.devices.iter().filter(|device| !device.is_hub() && device.interval_s() > 0);
        let (all, gone) = beating.fold((0u32, 0u32), |(all, gone), device| (all + 1, gone + u32::from(device.habit.silent)));
        all >= 2 && gone * 2 >= all
    }

    /// A sensor was heard: the way from the home to us works again.
    pub(super) fn see_again(&mut self, signal: &Signal, settings: &Settings, effects: &mut Vec<Effect>) {
        let Some(since) = self.blind_since.filter(|_| signal.kind != SignalKind::Offline) else { return };
        let at = Second::from(signal.heard_at);
        let by_hub = self.devices.iter().any(|device| device.is_hub() && (device.habit.silent || device.id == signal.device));
        for device in &mut self.devices {
            if device.is_hub() {
                device.habit.silent = false;
                device.habit.offline = None;
                device.heard_at = device.heard_at.max(at);
                device.from = device.from.max(at);
            } else if by_hub && device.habit.silent && device.is_supervised() {
                // it could not be heard: it is counted anew
                device.habit.silent = false;
                device.from = device.from.max(at);
            }
        }
        if self.mostly_silent() && signal.kind != SignalKind::Online {
            return;
        }
        self.blind_since = None;
        let reason = Reason::new("over_home").time("at", signal.heard_at).span("span", at - since);
        effects.push(over(hub_offline(), None, signal.heard_at, reason));
        self.lesson = Lesson::Unfit;
        self.hold_until = self.hold_until.max(Some(at + settings.outage_grace));
    }

    /// Midnight: which devices said nothing on a day on which the home went on as usual?
    pub(super) fn check_habits(&mut self, now: Second, effects: &mut Vec<Effect>) {
        let (usual, today) = self.devices.iter().fold((0.0, 0.0), |(usual, today), device| {
            (usual + device.habit.per_day, today + if device.habit.today > 0 { 1.0 } else { 0.0 })
        });
        let lively = today > 0.0 && today >= LIVELY * usual;
        let mut dead = Vec::new();
        for device in &mut self.devices {
            let habit = &mut device.habit;
            if habit.today > 0 {
                habit.per_day = 0.9 * habit.per_day + 0.1;
            } else if lively {
                let missed = |days: u8| days >= MISSED_DAYS.1 && habit.per_day * f32::from(days) >= MISSED_DAYS.0;
                let (before, dry) = (habit.dry_days, habit.dry_days.saturating_add(1));
                if missed(dry) && !missed(before) {
                    dead.push((device.id.clone(), device.last_seen, habit.silent));
                    habit.silent = true;
                } else if before == 0 {
                    // it speaks on some days only
                    habit.per_day *= 0.9;
                }
                habit.dry_days = dry;
            }
            habit.today = 0;
        }
        for (device, since, known) in dead {
            if !known {
                let raise = self.silent(&device, since, now);
                effects.push(Effect::Raise(raise));
            }
            self.routine.doubt();
        }
    }
    /// The alarm of a device that is silent; its end will be told.
    fn silent(&mut self, id: &DeviceId, since: Second, now: Second) -> Raise {
        if let Some(device) = self.devices.iter_mut().find(|device| device.id == *id) {
            device.lasting.begin(&device_silent());
        }
        Raise {
            cause: device_silent(),
            level: Level::Technical,
            reason: Reason::new("device_unheard").text("device", id.as_str()).time("since", since.into()).span("span", now - since),
            key: format!("device_silent:{id}:{}", since.timestamp()),
            device: Some(id.clone()),
        }
    }
}

fn hub_offline() -> Cause {
    Cause::Technical("hub_offline".into())
}
