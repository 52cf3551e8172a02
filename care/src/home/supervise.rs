//! Supervision: a device that the register knows has an interval in which it must speak. When so many of them have passed
//! that the settings call it silent, people are told, within half a minute.
//!
//! ```text
//!          speaks                    interval x n without a word, while we listened
//!      ┌──────────┐                 ┌───────────────────────────────────────────────▶ silent, said once
//!      ▼          │                 │
//!   counted from ─┴────────────────▶│  time in which we ourselves were down is not counted (SIL-2)
//! ```
//!
//! What stands behind a hub that is gone is not accused: the hub is the one cause. Once it is back, everything behind it
//! is counted anew. A button is tried by its owner once a month, and the battery's fall says when it will be empty.

use super::clock::Second;
use super::over::{Lasting, over};
use super::{Device, Effect, Home, Notice, NoticeKind, Settings};
use crate::{Cause, DeviceId, Reason, Signal, SignalKind, TimeDelta, Timestamp, Value};
use serde::{Deserialize, Serialize};

/// The shortest and the longest interval that a device can be supervised with, seconds.
pub const EVERY_S: std::ops::RangeInclusive<u32> = 60..=86_400;
/// Longest test mode (ALM-7).
pub const TEST_MAX: TimeDelta = TimeDelta::minutes(30);
/// A message may be on its way for so long.
pub(super) const SLACK: TimeDelta = TimeDelta::seconds(30);
/// A test by the user is due so long after the last one.
const TEST_EVERY: TimeDelta = TimeDelta::days(30);
/// A battery is taken to be empty at so many percent, and to be another one when it has risen by so many.
const EMPTY_PERCENT: u8 = 10;
const RISEN_PERCENT: u8 = 10;
/// The fall of a battery is believed after so many days and so many percent.
const FALL_SHOWN: (u16, u8) = (7, 3);
/// The fall is measured over at most so many days.
const FALL_DAYS_MAX: u16 = 120;
/// The next visitor is asked to bring a battery so many days before it is empty.
const WARN_DAYS: u16 = 14;

/// What a device is to its home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// It watches.
    #[default]
    Sensor,
    /// The elder presses it, and tries it once a month.
    Button,
    /// The others speak through it.
    Hub,
}

/// What the register wants of a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Post {
    pub(super) part: Part,
    /// It must speak once in so many seconds; 0 = no interval, only tests.
    pub(super) every_s: u32,
    /// Since when it is wanted.
    pub(super) since: Second,
    /// A press was heard in test mode.
    pub(super) tested: Option<Second>,
    /// A person has taken a call of it and closed it as a test: the whole way works.
    pub(super) proved: Option<Second>,
    /// The user's test is overdue and people were told.
    pub(super) reminded: bool,
}

impl Post {
    fn last_test(&self) -> Second {
        self.since.max(self.tested.unwrap_or(self.since)).max(self.proved.unwrap_or(self.since))
    }

    /// When the user should have tried it again.
    fn test_due(&self) -> Option<Second> {
        (self.part == Part::Button).then(|| self.last_test() + TEST_EVERY)
    }
}

/// How a battery falls and how well a device is heard by its hub.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Trend {
    pub(super) battery: Option<Battery>,
    /// Hundredths of a percent: over a few messages, and over some dozens.
    pub(super) link: Option<(u16, u16)>,
}

/// A battery since it was put in, or since it was first heard of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Battery {
    pub(super) percent: u8,
    pub(super) start: u8,
    /// Days since 1970.
    pub(super) start_day: u16,
    pub(super) warned: bool,
}

fn day_of(at: Second) -> u16 {
    u16::try_from(at.timestamp().div_euclid(86_400)).unwrap_or_default()
}

impl Battery {
    fn new(percent: u8, today: u16) -> Self {
        Self { percent, start: percent, start_day: today, warned: false }
    }

    fn hear(&mut self, percent: u8, today: u16) {
        if percent >= self.percent.saturating_add(RISEN_PERCENT) {
            *self = Self::new(percent, today);
            return;
        }
        self.percent = percent;
        // what it did long ago says less: the same slope, from half the way
        let days = today.saturating_sub(self.start_day);
        if days > FALL_DAYS_MAX {
            self.start -= self.start.saturating_sub(percent) / 2;
            self.start_day += days / 2;
        }
    }

    /// In how many days it will be empty, as far as its fall shows.
    fn left_days(&self, today: u16) -> Option<u16> {
        let (days, fallen) = (today.saturating_sub(self.start_day), self.start.saturating_sub(self.percent));
        if days < FALL_SHOWN.0 || fallen < FALL_SHOWN.1 {
            return None;
        }
        let left = u32::from(self.percent.saturating_sub(EMPTY_PERCENT)) * u32::from(days) / u32::from(fallen);
        Some(u16::try_from(left).unwrap_or(u16::MAX))
    }
}

impl Trend {
    pub(super) fn hear(&mut self, signal: &Signal) {
        let Value::Number(number) = signal.value else { return };
        if !(0.0..=100.0).contains(&number) {
            return;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10,000")]
        let (percent, hundredths) = (number.round() as u8, (number * 100.0).round() as u16);
        match signal.kind {
            SignalKind::Battery => {
                let today = day_of(signal.heard_at.into());
                match &mut self.battery {
                    Some(battery) => battery.hear(percent, today),
                    None => self.battery = Some(Battery::new(percent, today)),
                }
            }
            SignalKind::Link => {
                let (now, usual) = self.link.unwrap_or((hundredths, hundredths));
                self.link = Some((toward(now, hundredths, 4), toward(usual, hundredths, 64)));
            }
            SignalKind::Call
            | SignalKind::Cancel
            | SignalKind::Fall
            | SignalKind::Smoke
            | SignalKind::Gas
            | SignalKind::CarbonMonoxide
            | SignalKind::WaterLeak
            | SignalKind::Motion
            | SignalKind::Presence
            | SignalKind::Vibration
            | SignalKind::Door
            | SignalKind::Bed
            | SignalKind::Seat
            | SignalKind::Contact
            | SignalKind::Water
            | SignalKind::Power
            | SignalKind::Mains
            | SignalKind::Temperature
            | SignalKind::Tamper
            | SignalKind::Heartbeat
            | SignalKind::Well
            | SignalKind::Away
            | SignalKind::Back
            | SignalKind::CheckIn
            | SignalKind::CheckOut
            | SignalKind::Button
            | SignalKind::Online
            | SignalKind::Offline => {}
        }
    }
}

/// A part of the way to where it is heard to be.
fn toward(from: u16, to: u16, part: i32) -> u16 {
    let moved = i32::from(from) + (i32::from(to) - i32::from(from)) / part;
    u16::try_from(moved).unwrap_or_default()
}

/// How a device is supervised, for people to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisionView {
    /// What it is to its home.
    pub part: Part,
    /// It must speak once in so many seconds; 0 = it need not.
    pub every_s: u32,
    /// When it is silent if it says nothing until then.
    pub due_at: Option<Timestamp>,
    /// When a press was last heard in test mode.
    pub tested_at: Option<Timestamp>,
    /// When a person last took a call of it and closed it as a test.
    pub proved_at: Option<Timestamp>,
    /// When the user should try it again.
    pub test_due_at: Option<Timestamp>,
}

/// What is known of a device's battery and of how well it is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TrendView {
    /// The battery, percent.
    pub battery_percent: Option<u8>,
    /// It should be replaced within so many days, as far as its fall shows.
    pub replace_within_days: Option<u16>,
    /// How well it is heard, percent, over the last few messages.
    pub link_percent: Option<u8>,
    /// The same over some dozens of messages.
    pub link_usual_percent: Option<u8>,
}

impl Device {
    /// A device of which only the name is known.
    pub(super) fn new(id: DeviceId, at: Second) -> Self {
        Self {
            id,
            room: None,
            last_seen: at,
            heard_at: at,
            from: at,
            lag_at: at,
            lag_s: 0,
            behind_s: 0,
            habit: super::health::Habit::default(),
            post: None,
            trend: Trend::default(),
            lasting: Lasting::default(),
            occupied_since: None,
            left: None,
        }
    }

    /// Forgets what it has told about the people at home; that it is wanted stays.
    pub(super) fn forget(&mut self) {
        let habit = self.habit;
        self.room = None;
        self.habit = super::health::Habit { offline: habit.offline, silent: habit.silent, reads: habit.reads, ..super::health::Habit::default() };
        (self.occupied_since, self.left) = (None, None);
    }

    /// The others speak through it.
    pub(super) fn is_hub(&self) -> bool {
        self.post.map_or(!self.habit.reads, |post| post.part == Part::Hub)
    }

    /// How often it must speak, seconds; 0 = nothing is known of that.
    pub(super) fn interval_s(&self) -> i64 {
        match self.post {
            Some(post) if post.every_s > 0 => i64::from(post.every_s),
            Some(_) | None => i64::from(self.habit.beat_s),
        }
    }

    /// True if the register has named an interval.
    pub(super) fn is_supervised(&self) -> bool {
        self.post.is_some_and(|post| post.every_s > 0)
    }

    /// People were told that its battery will be empty.
    fn runs_out(&self) -> bool {
        self.trend.battery.is_some_and(|battery| battery.warned)
    }

    pub(super) fn supervision(&self, due_at: Option<Timestamp>) -> Option<SupervisionView> {
        let post = self.post?;
        Some(SupervisionView {
            part: post.part,
            every_s: post.every_s,
            due_at,
            tested_at: post.tested.map(Timestamp::from),
            proved_at: post.proved.map(Timestamp::from),
            test_due_at: post.test_due().map(Timestamp::from),
        })
    }

    pub(super) fn trend_view(&self, now: Second) -> TrendView {
        let percent = |hundredths: u16| u8::try_from((hundredths + 50) / 100).unwrap_or(100);
        TrendView {
            battery_percent: self.trend.battery.map(|battery| battery.percent),
            replace_within_days: self.trend.battery.and_then(|battery| battery.left_days(day_of(now))),
            link_percent: self.trend.link.map(|(now, _)| percent(now)),
            link_usual_percent: self.trend.link.map(|(_, usual)| percent(usual)),
        }
    }
}

fn battery_replace() -> Cause {
    Cause::Technical("battery_replace".into())
}

fn test_due() -> Cause {
    Cause::Technical("test_due".into())
}

impl Home {
    /// The register wants a device to speak once in so many seconds.
    pub(super) fn supervise(&mut self, id: DeviceId, every_s: u32, part: Part, now: Second) {
        let every_s = if every_s == 0 { 0 } else { every_s.clamp(*EVERY_S.start(), *EVERY_S.end()) };
        let Some(device) = self.device_or_new(&id, now) else { return };
        let before = device.post;
        device.post = Some(match before {
            Some(post) => Post { part, every_s, ..post },
            None => Post { part, every_s, since: now, tested: None, proved: None, reminded: false },
        });
        if before.is_none_or(|post| post.every_s != every_s) {
            device.from = device.from.max(now);
        }
    }

    /// The register no longer has a device.
    pub(super) fn release(&mut self, id: &DeviceId, now: Second, effects: &mut Vec<Effect>) {
        for mut device in self.devices.extract_if(.., |device| device.id == *id) {
            device.leaves(now, effects);
        }
    }

    /// One device takes the place of another: what is usual there goes on, the old battery does not.
    pub(super) fn replace(&mut self, old: &DeviceId, new: DeviceId, now: Second, effects: &mut Vec<Effect>) {
        let Some(mut device) = self.devices.iter().find(|device| device.id == *old).cloned() else { return };
        self.devices.retain(|device| device.id != *old && device.id != new);
        device.leaves(now, effects);
        device.trend = Trend::default();
        device.habit.offline = None;
        device.habit.silent = false;
        device.habit.last_beat = None;
        device.last_seen = now;
        device.heard_at = now;
        device.from = now;
        (device.lag_at, device.lag_s, device.behind_s) = (now, 0, 0);
        if let Some(post) = &mut device.post {
            (post.since, post.tested, post.proved, post.reminded) = (now, None, None, false);
        }
        if self.life_device.as_ref() == Some(old) {
            self.life_device = Some(new.clone());
        }
        device.id = new;
        self.devices.push(device);
    }

    /// A device of this home; a new one takes the place of the one that is wanted least. None if all are wanted.
    pub(super) fn device_or_new(&mut self, id: &DeviceId, at: Second) -> Option<&mut Device> {
        if let Some(at) = self.devices.iter().position(|device| device.id == *id) {
            return self.devices.get_mut(at);
        }
        if self.devices.len() >= super::DEVICES_MAX {
            let free = self.devices.iter().enumerate().filter(|(_, device)| device.post.is_none());
            let oldest = free.min_by_key(|(_, device)| device.last_seen).map(|(at, _)| at)?;
            self.devices.swap_remove(oldest);
        }
        self.devices.push(Device::new(id.clone(), at));
        self.devices.last_mut()
    }

    /// True while the home is being tested: a press counts as a test, and rings all the same.
    pub fn in_test(&self, at: Timestamp) -> bool {
        self.test_until(at).is_some()
    }

    /// Until when the home is being tested.
    pub fn test_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.test_until.map(Timestamp::from).filter(|until| now < *until)
    }

    /// Takes in what a signal says about the device itself.
    pub(super) fn tend(&mut self, signal: &Signal, at: Second, effects: &mut Vec<Effect>) {
        let tested = self.in_test(signal.heard_at) && (signal.kind.is_red() || signal.kind == SignalKind::Button);
        let Some(device) = self.devices.iter_mut().find(|device| device.id == signal.device) else { return };
        device.say(signal, at < device.last_seen, effects);
        let ran_out = device.runs_out();
        device.trend.hear(signal);
        let renewed = device.trend.battery.filter(|_| ran_out && !device.runs_out());
        if let Some(battery) = &mut device.trend.battery {
            let left = battery.left_days(day_of(signal.heard_at.into())).filter(|left| *left <= WARN_DAYS && !battery.warned);
            if let Some(left) = left {
                battery.warned = true;
                effects.push(Effect::Notice(Notice {
                    kind: NoticeKind::NextVisit,
                    cause: battery_replace(),
                    reason: Reason::new("battery_replace")
                        .text("device", signal.device.as_str())
                        .number("percent", f64::from(battery.percent))
                        .number("days", f64::from(left)),
                    key: format!("battery_replace:{}:{}", signal.device, battery.start_day),
                }));
            }
        }
        if let Some(battery) = renewed.filter(|_| !self.devices.iter().any(Device::runs_out)) {
            let reason = Reason::new("over_battery").text("device", signal.device.as_str()).number("percent", f64::from(battery.percent));
            effects.push(over(battery_replace(), None, signal.heard_at, reason));
        }
        if tested {
            self.tried(&signal.device, signal.heard_at, effects, |post| post.tested = Some(signal.heard_at.into()));
        }
    }

    /// A device has been tried. The reminder is about all devices of the home that were due.
    fn tried(&mut self, id: &DeviceId, at: Timestamp, effects: &mut Vec<Effect>, note: impl FnOnce(&mut Post)) {
        let Some(post) = self.devices.iter_mut().find(|device| device.id == *id).and_then(|device| device.post.as_mut()) else { return };
        note(post);
        if std::mem::take(&mut post.reminded) && !self.devices.iter().any(|device| device.post.is_some_and(|post| post.reminded)) {
            effects.push(over(test_due(), None, at, Reason::new("over_tested").text("device", id.as_str()).time("at", at)));
        }
    }

    /// A person has taken a call of a device and closed it as a test.
    pub(super) fn prove(&mut self, id: &DeviceId, at: Second, effects: &mut Vec<Effect>) {
        self.tried(id, at.into(), effects, |post| post.proved = post.proved.max(Some(at)));
    }

    /// When the next test by a user becomes overdue.
    pub(super) fn next_test(&self) -> Option<Second> {
        self.devices.iter().filter_map(|device| device.post).filter(|post| !post.reminded).filter_map(|post| post.test_due()).min()
    }

    /// Reminds of the tests that are overdue.
    pub(super) fn check_tests(&mut self, now: Second, effects: &mut Vec<Effect>) {
        for device in &mut self.devices {
            let id = &device.id;
            let Some(post) = &mut device.post else { continue };
            let last = post.last_test();
            if post.reminded || post.test_due().is_none_or(|due| due > now) {
                continue;
            }
            post.reminded = true;
            effects.push(Effect::Notice(Notice {
                kind: NoticeKind::NextVisit,
                cause: test_due(),
                reason: Reason::new("test_due").text("device", id.as_str()).date("last", last.into()),
                key: format!("test_due:{id}:{}", last.timestamp()),
            }));
        }
    }

    /// When a device is silent if it says nothing until then; with the hub's word where it stands behind one that is late.
    pub(super) fn silent_at(&self, device: &Device, settings: &Settings) -> Option<Second> {
        let own = device.own_silent_at(settings)?;
        if device.is_hub() || !device.is_supervised() {
            return Some(own);
        }
        let hubs = self.devices.iter().filter(|hub| hub.id != device.id && hub.is_hub() && hub.is_supervised() && !hub.habit.silent);
        let late = hubs.filter(|hub| hub.from + TimeDelta::seconds(hub.interval_s()) + SLACK <= own);
        Some(late.filter_map(|hub| hub.own_silent_at(settings)).fold(own, Second::max))
    }

    /// While we were down nobody could be heard: that time counts for nobody.
    pub(super) fn not_listened(&mut self, from: Second, to: Second) {
        for device in &mut self.devices {
            let deaf = to - from.max(device.from).min(to);
            device.from += deaf;
        }
    }
}
