//! What goes wrong on the way and in the homes, from a seed.

use crate::seed::Seed;
use care::{TimeDelta, Timestamp};
use std::ops::Range;

/// How much goes wrong. The shares are per thousand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// Messages that never arrive.
    pub loss_permille: u16,
    /// PUBACKs that never arrive: the device repeats what is stored already.
    pub ack_loss_permille: u16,
    /// Messages that arrive twice.
    pub duplicate_permille: u16,
    /// Messages that are held up, and so overtaken by later ones.
    pub delay_permille: u16,
    /// By how much at most.
    pub delay_max: TimeDelta,
    /// Devices whose clock is wrong.
    pub wrong_clock_permille: u16,
    /// By how much at most, either way.
    pub wrong_clock_max: TimeDelta,
    /// Devices whose battery is nearly flat at the start.
    pub flat_battery_permille: u16,
    /// Homes whose hub is off line for a while, per day.
    pub hub_off_permille: u16,
    /// For how long at most.
    pub hub_off_max: TimeDelta,
    /// Power cuts that hit many homes at once.
    pub power_cuts: Vec<PowerCut>,
}

/// A power cut in a district: hubs are gone from the air; devices with a plug restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerCut {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// The homes, by their number in the town.
    pub homes: Range<usize>,
}

impl Faults {
    /// A perfect world.
    pub fn none() -> Self {
        Self {
            loss_permille: 0,
            ack_loss_permille: 0,
            duplicate_permille: 0,
            delay_permille: 0,
            delay_max: TimeDelta::zero(),
            wrong_clock_permille: 0,
            wrong_clock_max: TimeDelta::zero(),
            flat_battery_permille: 0,
            hub_off_permille: 0,
            hub_off_max: TimeDelta::zero(),
            power_cuts: Vec::new(),
        }
    }

    /// What a town lives with.
    pub fn everyday() -> Self {
        Self {
            loss_permille: 10,
            ack_loss_permille: 10,
            duplicate_permille: 10,
            delay_permille: 20,
            delay_max: TimeDelta::seconds(20),
            wrong_clock_permille: 10,
            wrong_clock_max: TimeDelta::hours(30),
            flat_battery_permille: 5,
            hub_off_permille: 20,
            hub_off_max: TimeDelta::minutes(90),
            power_cuts: Vec::new(),
        }
    }

    /// A bad day.
    pub fn harsh() -> Self {
        Self {
            loss_permille: 200,
            ack_loss_permille: 200,
            duplicate_permille: 100,
            delay_permille: 200,
            delay_max: TimeDelta::minutes(5),
            wrong_clock_permille: 100,
            wrong_clock_max: TimeDelta::days(400),
            flat_battery_permille: 50,
            hub_off_permille: 300,
            hub_off_max: TimeDelta::hours(6),
            power_cuts: Vec::new(),
        }
    }
}

/// The way between a home and the door.
#[derive(Debug, Clone)]
pub struct Way {
    faults: Faults,
    seed: Seed,
}

impl Way {
    /// A way with these faults.
    pub fn new(faults: Faults, seed: Seed) -> Self {
        Self { faults, seed }
    }

    /// When the copies of a message that is sent now arrive; empty if it is lost.
    pub fn carry(&mut self, now: Timestamp) -> Vec<Timestamp> {
        if self.seed.chance(self.faults.loss_permille) {
            return Vec::new();
        }
        let copies = if self.seed.chance(self.faults.duplicate_permille) {
            2
        } else {
            1
        };
        (0..copies)
            .map(|_| {
                let held = self.seed.chance(self.faults.delay_permille);
                now + if held {
                    self.up_to(self.faults.delay_max)
                } else {
                    TimeDelta::zero()
                }
            })
            .collect()
    }

    /// Whether a PUBACK arrives.
    pub fn ack_arrives(&mut self) -> bool {
        !self.seed.chance(self.faults.ack_loss_permille)
    }

    fn up_to(&mut self, most: TimeDelta) -> TimeDelta {
        TimeDelta::milliseconds(self.seed.between(0, most.num_milliseconds()))
    }
}

/// How far a device's clock is off, for most not at all.
pub fn skew(faults: &Faults, seed: &mut Seed) -> TimeDelta {
    let most = faults.wrong_clock_max.num_seconds();
    if seed.chance(faults.wrong_clock_permille) {
        TimeDelta::seconds(seed.between(-most, most))
    } else {
        TimeDelta::zero()
    }
}

/// What a device's battery holds at the start, percent.
pub fn battery_percent(faults: &Faults, seed: &mut Seed) -> u8 {
    let range = if seed.chance(faults.flat_battery_permille) {
        (1, 8)
    } else {
        (40, 100)
    };
    u8::try_from(seed.between(range.0, range.1)).unwrap_or(100)
}

/// When a home's hub is off line on a day that starts at `midnight`, if at all.
pub fn hub_off(faults: &Faults, seed: &mut Seed, midnight: Timestamp) -> Option<Range<Timestamp>> {
    if !seed.chance(faults.hub_off_permille) {
        return None;
    }
    let from = midnight + TimeDelta::seconds(seed.between(0, 86_399));
    Some(from..from + TimeDelta::seconds(seed.between(30, faults.hub_off_max.num_seconds())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_world_carries_everything_once_and_at_once() {
        let mut way = Way::new(Faults::none(), Seed::new(1));
        let now = Timestamp::from_timestamp(1_800_000_000, 0).unwrap();
        assert!((0..1000).all(|_| way.carry(now) == [now] && way.ack_arrives()));
    }

    #[test]
    fn a_bad_day_loses_doubles_and_delays_about_as_much_as_it_says() {
        let mut way = Way::new(Faults::harsh(), Seed::new(1));
        let now = Timestamp::from_timestamp(1_800_000_000, 0).unwrap();
        let carried: Vec<_> = (0..10_000).map(|_| way.carry(now)).collect();
        let count = |is: &dyn Fn(&Vec<Timestamp>) -> bool| {
            carried.iter().filter(|copies| is(copies)).count()
        };
        assert!((1800..2200).contains(&count(&|copies| copies.is_empty())));
        assert!((600..1000).contains(&count(&|copies| copies.len() == 2)));
        assert!(count(&|copies| copies.iter().any(|at| *at > now)) > 1500);
        assert!(
            carried
                .iter()
                .flatten()
                .all(|at| *at - now <= TimeDelta::minutes(5))
        );
    }
}
