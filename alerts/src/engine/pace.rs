//! How fast a channel may go: a provider's rate, and a budget of calls an hour. Red alarms draw on a reserve of both, and
//! beyond the budget they go all the same: a limit never silences a red alarm (ALM-7).

use care::{Level, TimeDelta, Timestamp};
use std::collections::VecDeque;

/// Deliveries remembered (LIM-1): more than any budget allows.
const REMEMBERED_MAX: usize = 100_000;

/// What a channel may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Deliveries begun in a minute, by the provider's rule. `None` = as many as there are.
    pub per_minute: Option<u32>,
    /// Deliveries begun in an hour, by the budget. `None` = as many as there are.
    pub per_hour: Option<u32>,
}

/// Leave to begin a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// Go.
    Go,
    /// Go, though the budget is spent: the operators are told.
    Over,
    /// Not now.
    Wait,
}

/// The pace of one channel.
#[derive(Debug, Default)]
pub(super) struct Pace {
    limits: Limits,
    begun: VecDeque<Timestamp>,
}

/// What others than red alarms get of a limit: three quarters.
fn common(limit: u32) -> u32 {
    limit - limit.div_ceil(4)
}

impl Pace {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, begun: VecDeque::new() }
    }

    /// Asks for leave; what is granted counts.
    pub(super) fn ask(&mut self, level: Level, now: Timestamp) -> Leave {
        if self.limits == Limits::default() {
            return Leave::Go;
        }
        while self.begun.front().is_some_and(|at| now - *at >= TimeDelta::hours(1)) || self.begun.len() >= REMEMBERED_MAX {
            self.begun.pop_front();
        }
        let hour = self.begun.len();
        let minute = self.begun.iter().rev().take_while(|at| now - **at < TimeDelta::minutes(1)).count();
        let red = level == Level::Red;
        let reached = |limit: Option<u32>, count: usize, of: fn(u32) -> u32| limit.is_some_and(|l| count >= usize::try_from(of(l)).unwrap_or(usize::MAX));
        let whole = |limit: u32| limit;
        // The provider would refuse what comes faster: a red one waits its second, ahead of all others.
        if reached(self.limits.per_minute, minute, if red { whole } else { common }) || (!red && reached(self.limits.per_hour, hour, common)) {
            return Leave::Wait;
        }
        self.begun.push_back(now);
        if reached(self.limits.per_hour, hour, whole) { Leave::Over } else { Leave::Go }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        chrono::DateTime::from_timestamp(1_800_000_000 + s, 0).unwrap()
    }

    #[test]
    fn others_stop_at_three_quarters_and_red_goes_on_beyond_the_budget() {
        let mut pace = Pace::new(Limits { per_minute: None, per_hour: Some(8) });
        let leaves: Vec<_> = (0..8).map(|_| pace.ask(Level::Urgent, at(0))).collect();
        assert_eq!(leaves.iter().filter(|l| **l == Leave::Go).count(), 6);
        assert_eq!([pace.ask(Level::Red, at(1)), pace.ask(Level::Red, at(1)), pace.ask(Level::Red, at(1))], [Leave::Go, Leave::Go, Leave::Over]);
        assert_eq!(pace.ask(Level::Urgent, at(3_599)), Leave::Wait);
        assert_eq!(pace.ask(Level::Urgent, at(3_601)), Leave::Go, "an hour later there is a new budget");
    }

    #[test]
    fn a_providers_rate_is_kept_with_a_part_for_red_alarms() {
        let mut pace = Pace::new(Limits { per_minute: Some(4), per_hour: None });
        let leaves: Vec<_> = (0..5).map(|_| pace.ask(Level::Technical, at(0))).collect();
        assert_eq!(leaves.iter().filter(|l| **l == Leave::Go).count(), 3);
        assert_eq!([pace.ask(Level::Red, at(1)), pace.ask(Level::Red, at(1))], [Leave::Go, Leave::Wait]);
        assert_eq!(pace.ask(Level::Red, at(60)), Leave::Go);
        assert_eq!(Pace::new(Limits::default()).ask(Level::Technical, at(0)), Leave::Go);
    }
}
