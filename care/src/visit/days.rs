//! What a home's devices prove of a local day, minute by minute: whether somebody could have been seen, and whether
//! somebody was (R75, R76). Order does not matter: what comes late, twice or out of order gives the same day.
//!
//! A minute is covered if the home's line was alive within the hour before it, and a device that can see people was
//! heard within the twelve hours before it. Cover without a witness proves nothing, nor does a witness whose line is dead.

use super::remote::DayEvidence;
use crate::calendar::{local_day, start_of_day};
use crate::home::{Settings, sees_people};
use crate::{DeviceId, Signal, SignalKind, TimeDelta, Timestamp};
use chrono::NaiveDate;
use chrono_tz::Tz;
use std::collections::BTreeSet;

const MINUTES: usize = 25 * 60;
/// The line is taken to be alive for so long after a message.
const LINE_MINUTES: i64 = 60;
/// A witness is taken to be alive for so long after a message.
const WITNESS_MINUTES: i64 = 12 * 60;
/// Signs of a person that are kept with their instant; more are counted.
const SIGNS_KEPT: usize = 48;
/// Devices that are named.
const DEVICES_MAX: usize = 32;

/// Minutes of a local day.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Minutes(Box<[u64; MINUTES.div_ceil(64)]>);

impl Default for Minutes {
    fn default() -> Self {
        Self(Box::new([0; MINUTES.div_ceil(64)]))
    }
}

impl Minutes {
    fn set(&mut self, minute: usize) {
        if let Some(word) = self.0.get_mut(minute / 64) {
            *word |= 1 << (minute % 64);
        }
    }

    fn has(&self, minute: usize) -> bool {
        self.0.get(minute / 64).is_some_and(|word| word & (1 << (minute % 64)) != 0)
    }

    fn last(&self, of: usize) -> Option<usize> {
        (0..of).rev().find(|minute| self.has(*minute))
    }
}

/// A local day of a home.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayTally {
    line: Minutes,
    witness: Minutes,
    signs: Minutes,
    explained: Minutes,
    devices: BTreeSet<DeviceId>,
}

fn minute_of(at: Timestamp, day: NaiveDate, zone: Tz) -> Option<usize> {
    usize::try_from((at - start_of_day(day, zone)).num_minutes()).ok().filter(|minute| *minute < MINUTES)
}

fn length(day: NaiveDate, zone: Tz) -> usize {
    usize::try_from((crate::calendar::end_of_day(day, zone) - start_of_day(day, zone)).num_minutes()).unwrap_or(1440).min(MINUTES)
}

/// When a signal happened, as far as days go by it: the device's word if it is believable, else when it reached us.
pub fn happened_at(signal: &Signal) -> Timestamp {
    let heard = signal.heard_at;
    signal.said_at.filter(|said| *said <= heard + TimeDelta::minutes(5) && heard - *said <= TimeDelta::hours(48)).map_or(heard, |said| said.min(heard))
}

impl DayTally {
    /// Takes a signal of this day.
    pub fn hear(&mut self, signal: &Signal, settings: &Settings, day: NaiveDate) {
        let Some(minute) = minute_of(happened_at(signal), day, settings.zone) else { return };
        if signal.kind == SignalKind::Offline {
            return;
        }
        self.line.set(minute);
        if matches!(signal.kind, SignalKind::CheckIn | SignalKind::CheckOut) {
            // A visitor is with the elder: silence is explained, and nothing is proved by the devices.
            self.explained.set(minute);
        } else if sees_people(signal.kind) {
            self.witness.set(minute);
            if self.devices.len() < DEVICES_MAX {
                self.devices.insert(signal.device.clone());
            }
            if settings.is_sign_of_life(signal) {
                self.signs.set(minute);
            }
        } else if self.devices.contains(&signal.device) {
            self.witness.set(minute);
        }
    }

    /// Somebody spoke with or saw the elder then: the silence around it is explained (a handled alarm, a visit).
    pub fn explain(&mut self, at: Timestamp, day: NaiveDate, zone: Tz) {
        if let Some(minute) = minute_of(at, day, zone) {
            self.explained.set(minute);
        }
    }

    /// The day's evidence. `before` is the day before, where it was heard: silence and cover do not begin at midnight.
    pub fn evidence(&self, before: Option<&Self>, day: NaiveDate, zone: Tz) -> DayEvidence {
        let of = length(day, zone);
        let of_before = day.pred_opt().map_or(1440, |yesterday| length(yesterday, zone));
        let carried = |minutes: fn(&Self) -> &Minutes| {
            let last = before.and_then(|tally| minutes(tally).last(of_before));
            last.and_then(|last| i64::try_from(of_before - last).ok()).map(|ago| -ago)
        };
        let since = |minutes: fn(&Self) -> &Minutes| {
            let mut last = carried(minutes);
            (0..of)
                .map(|minute| {
                    let now = i64::try_from(minute).unwrap_or(i64::MAX);
                    if minutes(self).has(minute) {
                        last = Some(now);
                    }
                    last.map(|last| now - last)
                })
                .collect::<Vec<Option<i64>>>()
        };
        let (line, witness) = (since(|tally| &tally.line), since(|tally| &tally.witness));
        let covered = line
            .iter()
            .zip(&witness)
            .filter(|(line, witness)| line.is_some_and(|ago| ago < LINE_MINUTES) && witness.is_some_and(|ago| ago < WITNESS_MINUTES))
            .count();
        let alive = |minute: usize| self.signs.has(minute) || self.explained.has(minute);
        let before_midnight = carried(|tally| &tally.signs).max(carried(|tally| &tally.explained));
        let (mut last, mut longest) = (before_midnight.unwrap_or(0), 0);
        for minute in (0..of).filter(|minute| alive(*minute)) {
            let now = i64::try_from(minute).unwrap_or(i64::MAX);
            longest = longest.max(now - last);
            last = now;
        }
        longest = longest.max(i64::try_from(of).unwrap_or(1440) - last);
        let signs: Vec<usize> = (0..of).filter(|minute| self.signs.has(*minute)).collect();
        let start = start_of_day(day, zone);
        let step = signs.len().div_ceil(SIGNS_KEPT).max(1);
        DayEvidence {
            day,
            coverage_pct: share(covered, of),
            presence_events: u32::try_from(signs.len()).unwrap_or(u32::MAX),
            longest_gap_hours: hours(longest),
            devices: self.devices.iter().map(ToString::to_string).collect(),
            signs_at: signs.into_iter().step_by(step).filter_map(|minute| Some(start + TimeDelta::minutes(i64::try_from(minute).ok()?))).collect(),
        }
    }
}

/// Percent with one digit, cut.
fn share(part: usize, whole: usize) -> f64 {
    let tenths = u32::try_from(part * 1000 / whole.max(1)).unwrap_or(0);
    f64::from(tenths) / 10.0
}

/// Hours with two digits.
fn hours(minutes: i64) -> f64 {
    f64::from(i32::try_from(minutes * 100 / 60).unwrap_or(i32::MAX)) / 100.0
}

/// The day that a signal belongs to.
pub fn day_of(signal: &Signal, zone: Tz) -> NaiveDate {
    local_day(happened_at(signal), zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    fn day() -> NaiveDate {
        "2026-11-10".parse().unwrap()
    }

    fn signal(device: &str, kind: SignalKind, minute: i64) -> Signal {
        let at = start_of_day(day(), chrono_tz::Asia::Shanghai) + TimeDelta::minutes(minute);
        Signal { home: "h".into(), device: device.into(), kind, value: Value::None, room: None, event: None, said_at: None, heard_at: at }
    }

    fn tally(signals: &[Signal]) -> DayTally {
        let mut tally = DayTally::default();
        for signal in signals {
            tally.hear(signal, &Settings::default(), day());
        }
        tally
    }

    fn whole_day(device: &str, kind: SignalKind, every: usize) -> Vec<Signal> {
        (0..1440).step_by(every).map(|minute| signal(device, kind, minute)).collect()
    }

    fn check(signals: &[Signal], covered: f64, signs: u32, gap: f64) {
        let found = tally(signals).evidence(None, day(), chrono_tz::Asia::Shanghai);
        assert_eq!((found.coverage_pct, found.presence_events, found.longest_gap_hours), (covered, signs, gap));
    }

    #[test]
    fn a_day_of_movement_under_a_living_line_is_covered() {
        let mut signals = whole_day("hub", SignalKind::Heartbeat, 30);
        signals.extend([0, 420, 430, 700, 1100, 1300].map(|minute| signal("motion-1", SignalKind::Motion, minute)));
        check(&signals, 100.0, 6, 7.0);
    }

    #[test]
    fn a_living_hub_with_dead_sensors_proves_nothing() {
        check(&whole_day("hub", SignalKind::Heartbeat, 10), 0.0, 0, 24.0);
        let mut signals = whole_day("hub", SignalKind::Heartbeat, 10);
        signals.push(signal("motion-1", SignalKind::Motion, 0));
        check(&signals, 50.0, 1, 24.0);
    }

    #[test]
    fn a_dead_line_is_not_a_quiet_home() {
        let signals: Vec<Signal> = (0..360).step_by(20).map(|minute| signal("motion-1", SignalKind::Motion, minute)).collect();
        // The last word came at 5:40: nothing is known from 6:40 on.
        check(&signals, 27.7, 18, 18.33);
    }

    #[test]
    fn order_and_copies_do_not_matter_and_a_visitor_is_no_sign_of_the_elder() {
        let mut signals = whole_day("motion-1", SignalKind::Motion, 45);
        let one = tally(&signals);
        signals.reverse();
        signals.extend(signals.clone());
        assert_eq!(one, tally(&signals));
        let visitor = tally(&[signal("tag", SignalKind::CheckIn, 600)]).evidence(None, day(), chrono_tz::Asia::Shanghai);
        assert_eq!((visitor.presence_events, visitor.longest_gap_hours), (0, 14.0));
    }

    #[test]
    fn silence_does_not_begin_at_midnight() {
        let yesterday = tally(&[signal("motion-1", SignalKind::Motion, 1080)]);
        let today = tally(&[signal("motion-1", SignalKind::Motion, 480)]);
        let found = today.evidence(Some(&yesterday), day(), chrono_tz::Asia::Shanghai);
        assert_eq!(found.longest_gap_hours, 16.0);
        let alone = today.evidence(None, day(), chrono_tz::Asia::Shanghai);
        assert_eq!(alone.longest_gap_hours, 16.0, "the silence of the evening");
        let mut explained = today;
        explained.explain(start_of_day(day(), chrono_tz::Asia::Shanghai) + TimeDelta::minutes(900), day(), chrono_tz::Asia::Shanghai);
        assert_eq!(explained.evidence(None, day(), chrono_tz::Asia::Shanghai).longest_gap_hours, 9.0);
    }
}
