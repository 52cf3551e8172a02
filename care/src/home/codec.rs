//! A home as bytes: one version byte, then fixed fields in a fixed order, little endian, times in seconds.

use super::clock::Second;
use super::health::Habit;
use super::over::Lasting;
use super::routine::Routine;
use super::rules::Watch;
use super::days::Days;
use super::signs::{SIGNS_BYTES, Signs};
use super::supervise::{Battery, Part, Post, Trend};
use super::{Asked, Device, ENCODED_BYTES_MAX, Home, Lesson, Monitoring, Pets, Quiet, Rules};
use crate::{DeviceId, HomeId, TimeDelta};

/// The version written; older ones are read for as long as they stand below.
const VERSION: u8 = 4;
/// Written where no device has anything that lasts, so that a program of before it reads most homes during a rollout.
const VERSION_BEFORE: u8 = 3;
/// No time, and no day.
const NEVER: u32 = u32::MAX;
const NO_DAY: i64 = i64::MIN;

/// Why bytes are not a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("the state of a home ends too early")]
    Short,
    /// Written by a later version.
    #[error("the state of a home has the unknown version {0}")]
    Version(u8),
    /// A field holds what it cannot hold.
    #[error("the state of a home holds an impossible {0}")]
    Field(&'static str),
}

/// Writes fields one after another.
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn f32(&mut self, value: f32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Seconds since 1970 in four bytes: good until 2106.
    pub(super) fn time(&mut self, at: Option<Second>) {
        let seconds = at.map_or(NEVER, |at| u32::try_from(at.timestamp()).unwrap_or(NEVER));
        self.0.extend_from_slice(&seconds.to_le_bytes());
    }

    /// A local day, in eight bytes.
    pub(super) fn day(&mut self, day: Option<i64>) {
        self.i64(day.unwrap_or(NO_DAY));
    }

    /// At most 255 bytes.
    pub(super) fn text(&mut self, text: Option<&str>) {
        let bytes = text.unwrap_or_default().as_bytes();
        let bytes = bytes.get(..255).unwrap_or(bytes);
        self.u8(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn flags(&mut self, flags: [bool; 8]) {
        self.u8(flags.iter().rev().fold(0, |byte, flag| (byte << 1) | u8::from(*flag)));
    }
}

/// Reads them in the same order.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.bytes(N)?.try_into().map_err(|_| DecodeError::Short)
    }

    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn i64(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn f32(&mut self) -> Result<f32, DecodeError> {
        let value = self.array().map(f32::from_le_bytes)?;
        if value.is_finite() { Ok(value) } else { Err(DecodeError::Field("number")) }
    }

    pub(super) fn i32(&mut self) -> Result<i32, DecodeError> {
        self.array().map(i32::from_le_bytes)
    }

    pub(super) fn time(&mut self) -> Result<Option<Second>, DecodeError> {
        let seconds = self.array().map(u32::from_le_bytes)?;
        Ok((seconds != NEVER).then(|| Second::new(i64::from(seconds))))
    }

    pub(super) fn day(&mut self) -> Result<Option<i64>, DecodeError> {
        Ok(Some(self.i64()?).filter(|day| *day != NO_DAY))
    }

    pub(super) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn text(&mut self) -> Result<Option<String>, DecodeError> {
        let length = usize::from(self.u8()?);
        let text = std::str::from_utf8(self.bytes(length)?).map_err(|_| DecodeError::Field("text"))?;
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    pub(super) fn flags(&mut self) -> Result<[bool; 8], DecodeError> {
        let byte = self.u8()?;
        Ok(std::array::from_fn(|bit| byte & (1 << bit) != 0))
    }
}

impl Home {
    /// A home whose state is in a newer form than this program knows: nothing is known of it but whether it is monitored, which
    /// every form says in the same place (VIS-3). `None` if that is not what the bytes are.
    pub fn of_a_newer_form(id: HomeId, bytes: &[u8]) -> Option<Self> {
        let mut from = Reader(bytes);
        let (version, flags) = (from.u8().ok()?, from.flags().ok()?);
        let [on, ..] = flags;
        let monitoring = if on { Monitoring::On } else { Monitoring::Off };
        (version > VERSION).then(|| Self { monitoring, ..Self::new(id, crate::Timestamp::UNIX_EPOCH) })
    }

    /// The home as bytes, at most [`ENCODED_BYTES_MAX`]: where the devices' names would not fit, those
    /// unheard for longest are left out, those that the register wants last of all. Times are kept to the second.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(512));
        let lasting = self.devices.iter().any(|device| device.lasting != Lasting::default());
        out.u8(if lasting { VERSION } else { VERSION_BEFORE });
        // The first flag is for good: an older program reads it of a newer form.
        out.flags([
            self.monitoring == Monitoring::On,
            self.outage_worklist,
            self.asked.attention,
            self.asked.urgent,
            self.asked.overdue,
            self.lesson == Lesson::Fit,
            true, // signs stand at the end
            false,
        ]);
        for at in [
            self.life,
            self.exit,
            self.inside,
            self.returned,
            self.holiday_until,
            self.learn_after,
            self.blind_since,
            self.visit_until,
            self.hold_until,
            self.wake,
            self.quiet.map(|quiet| quiet.attention),
            self.quiet.map(|quiet| quiet.urgent),
        ] {
            out.time(at);
        }
        let watch = &self.watch;
        for at in [
            watch.bed_left,
            watch.door,
            watch.water.map(|(since, _)| since),
            watch.water.map(|(_, last)| last),
            watch.power.map(|(since, _)| since),
            watch.power.map(|(_, last)| last),
        ] {
            out.time(at);
        }
        out.day(watch.temperature_day);
        out.day(self.day);
        self.routine.encode(&mut out);
        watch.encode_tap(&mut out);
        out.time(self.company_until);
        out.time(self.test_until);
        out.u16(self.rules.map_or(u16::MAX, Rules::bits));
        out.flags([self.pets.is_some(), self.pets == Some(Pets::SeenByMotion), false, false, false, false, false, false]);
        self.days.encode(&mut out);
        out.text(self.life_device.as_ref().map(DeviceId::as_str));
        let mut devices: Vec<&Device> = self.devices.iter().collect();
        devices.sort_by_key(|device| (device.post.is_none(), std::cmp::Reverse(device.last_seen)));
        let mut table = Writer(Vec::new());
        let mut count = 0u8;
        for device in devices {
            let row = encode_device(device);
            if device.post.is_none() && out.0.len() + 1 + table.0.len() + row.len() + SIGNS_BYTES > ENCODED_BYTES_MAX {
                break;
            }
            table.0.extend_from_slice(&row);
            count = count.saturating_add(1);
        }
        out.u8(count);
        out.0.extend_from_slice(&table.0);
        self.signs.encode(&mut out);
        out.0
    }

    /// The reverse of [`Home::encode`].
    pub fn decode(id: HomeId, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Reader(bytes);
        let version = from.u8()?;
        if !(1..=VERSION).contains(&version) {
            return Err(DecodeError::Version(version));
        }
        let [on, outage_worklist, attention, urgent, overdue, fit, signs, _] = from.flags()?;
        let (life, exit, inside, returned) = (from.time()?, from.time()?, from.time()?, from.time()?);
        let (holiday_until, learn_after) = (from.time()?, from.time()?);
        let (blind_since, visit_until, hold_until, wake) = (from.time()?, from.time()?, from.time()?, from.time()?);
        let quiet = match (from.time()?, from.time()?) {
            (Some(attention), Some(urgent)) => Some(Quiet { attention, urgent }),
            _ => None,
        };
        let (bed_left, door) = (from.time()?, from.time()?);
        let (water, power) = (from.time()?.zip(from.time()?), from.time()?.zip(from.time()?));
        let temperature_day = from.day()?;
        let mut watch = Watch::default();
        (watch.bed_left, watch.door, watch.water, watch.power, watch.temperature_day) = (bed_left, door, water, power, temperature_day);
        let day = from.day()?;
        let routine = Box::new(Routine::decode(&mut from)?);
        let (mut company_until, mut test_until, mut rules, mut pets, mut days) = (None, None, None, None, Days::default());
        if version >= 2 {
            watch.decode_tap(&mut from)?;
            company_until = from.time()?;
            test_until = if version >= 3 { from.time()? } else { None };
            rules = Some(from.u16()?).filter(|bits| *bits != u16::MAX).map(Rules::from_bits);
            let [told, seen, ..] = from.flags()?;
            pets = told.then_some(if seen { Pets::SeenByMotion } else { Pets::None });
            days = Days::decode(&mut from)?;
        }
        let life_device = from.text()?.map(DeviceId::new);
        let mut devices = Vec::new();
        for _ in 0..from.u8()? {
            devices.push(if version >= 3 { decode_device(&mut from)? } else { decode_device_before_3(&mut from, version)? });
        }
        let signs = if signs { Signs::decode(&mut from)? } else { Signs::default() };
        Ok(Self {
            id,
            monitoring: if on { Monitoring::On } else { Monitoring::Off },
            life,
            life_device,
            exit,
            inside,
            returned,
            holiday_until,
            quiet,
            lesson: if fit { Lesson::Fit } else { Lesson::Unfit },
            learn_after,
            blind_since,
            visit_until,
            hold_until,
            outage_worklist,
            asked: Asked { attention, urgent, overdue },
            watch,
            company_until,
            test_until,
            rules,
            pets,
            days,
            signs,
            devices,
            day,
            routine,
            allowed: None,
            wake,
        })
    }
}

/// A device: what is usual is left out, so that many fit.
fn encode_device(device: &Device) -> Vec<u8> {
    let mut row = Writer(Vec::with_capacity(64));
    let (habit, post, trend) = (device.habit, device.post, device.trend);
    let late = device.lag_s != 0 || device.behind_s != 0;
    let beats = habit.beat_s != 0 || habit.last_beat.is_some();
    let place = device.occupied_since.is_some() || device.left.is_some();
    let tests = post.is_some_and(|post| post.tested.is_some() || post.proved.is_some());
    let part = post.map(|post| post.part);
    row.text(Some(device.id.as_str()));
    row.text(device.room.as_deref());
    row.flags([habit.reads, habit.silent, part.is_some(), part == Some(Part::Hub), part == Some(Part::Button), post.is_some_and(|post| post.reminded), trend.battery.is_some(), trend.link.is_some()]);
    row.flags([late, beats, place, tests, habit.offline.is_some(), device.heard_at != device.last_seen, device.from != device.heard_at, device.lasting != Lasting::default()]);
    row.time(Some(device.last_seen));
    if device.heard_at != device.last_seen {
        row.time(Some(device.heard_at));
    }
    if device.from != device.heard_at {
        row.time(Some(device.from));
    }
    // how long ago its lag was looked at: what is longer than the longest that matters is as good as that
    row.u16(u16::try_from((device.heard_at - device.lag_at).num_seconds().max(0)).unwrap_or(u16::MAX));
    if late {
        row.i32(device.lag_s);
        row.i32(device.behind_s);
    }
    if habit.offline.is_some() {
        row.time(habit.offline);
    }
    if beats {
        row.time(habit.last_beat);
        row.i32(habit.beat_s);
    }
    row.f32(habit.per_day);
    row.u16(habit.today);
    row.u8(habit.dry_days);
    if place {
        row.time(device.occupied_since);
        row.time(device.left);
    }
    if let Some(post) = post {
        row.i32(i32::try_from(post.every_s).unwrap_or_default());
        row.time(Some(post.since));
        if tests {
            row.time(post.tested);
            row.time(post.proved);
        }
    }
    if let Some(battery) = trend.battery {
        row.u8(battery.percent | if battery.warned { 0x80 } else { 0 });
        row.u8(battery.start);
        row.u16(battery.start_day);
    }
    if let Some((now, usual)) = trend.link {
        row.u16(now);
        row.u16(usual);
    }
    if device.lasting != Lasting::default() {
        row.u8(device.lasting.0);
    }
    row.0
}

fn decode_device(from: &mut Reader<'_>) -> Result<Device, DecodeError> {
    let time = |from: &mut Reader<'_>| from.time()?.ok_or(DecodeError::Field("time"));
    let id = from.text()?.map(DeviceId::new).ok_or(DecodeError::Field("device"))?;
    let room = from.text()?;
    let [reads, silent, wanted, hub, button, reminded, charged, linked] = from.flags()?;
    let [late, beats, place, tests, lost, elsewhen, shifted, lasts] = from.flags()?;
    let last_seen = time(from)?;
    let heard_at = if elsewhen { time(from)? } else { last_seen };
    let counted = if shifted { time(from)? } else { heard_at };
    let lag_at = heard_at - TimeDelta::seconds(i64::from(from.u16()?));
    let (lag_s, behind_s) = if late { (from.i32()?, from.i32()?) } else { (0, 0) };
    let offline = if lost { from.time()? } else { None };
    let (last_beat, beat_s) = if beats { (from.time()?, from.i32()?) } else { (None, 0) };
    let (per_day, today, dry_days) = (from.f32()?, from.u16()?, from.u8()?);
    let (occupied_since, left) = if place { (from.time()?, from.time()?) } else { (None, None) };
    let mut post = None;
    if wanted {
        let (every_s, since) = (u32::try_from(from.i32()?).unwrap_or_default(), time(from)?);
        let (tested, proved) = if tests { (from.time()?, from.time()?) } else { (None, None) };
        let part = if hub { Part::Hub } else if button { Part::Button } else { Part::Sensor };
        post = Some(Post { part, every_s, since, tested, proved, reminded });
    }
    let mut trend = Trend::default();
    if charged {
        let percent = from.u8()?;
        trend.battery = Some(Battery { percent: percent & 0x7f, start: from.u8()?, start_day: from.u16()?, warned: percent & 0x80 != 0 });
    }
    if linked {
        trend.link = Some((from.u16()?, from.u16()?));
    }
    let lasting = Lasting(if lasts { from.u8()? } else { 0 });
    let habit = Habit { reads, offline, beat_s, last_beat, per_day, today, dry_days, silent };
    Ok(Device { id, room, last_seen, heard_at, from: counted, lag_at, lag_s, behind_s, habit, post, trend, lasting, occupied_since, left })
}

/// A device as it was written before it could be supervised.
fn decode_device_before_3(from: &mut Reader<'_>, version: u8) -> Result<Device, DecodeError> {
    let id = from.text()?.map(DeviceId::new).ok_or(DecodeError::Field("device"))?;
    let room = from.text()?;
    let last_seen = from.time()?.ok_or(DecodeError::Field("time"))?;
    let heard_at = from.time()?.ok_or(DecodeError::Field("time"))?;
    let lag_at = from.time()?.ok_or(DecodeError::Field("time"))?;
    let (lag_s, behind_s) = (from.i32()?, from.i32()?);
    let [reads, silent, ..] = from.flags()?;
    let (offline, last_beat, beat_s) = (from.time()?, from.time()?, from.i32()?);
    let (per_day, today, dry_days) = (from.f32()?, from.u16()?, from.u8()?);
    let habit = Habit { reads, offline, beat_s, last_beat, per_day, today, dry_days, silent };
    let (occupied_since, left) = if version >= 2 { (from.time()?, from.time()?) } else { (None, None) };
    Ok(Device { room, last_seen, heard_at, lag_at, lag_s, behind_s, habit, occupied_since, left, ..Device::new(id, heard_at) })
}
