//! How many calls an hour may cost. A stolen password of a PBX is spent on calls to far islands; the budget ends that. A
//! limit never silences a red alarm (ALM-7): red draws on a reserve, and beyond it still rings, but operators are told.

use care::{Level, TimeDelta, Timestamp};
use std::collections::VecDeque;

/// The window.
const HOUR: TimeDelta = TimeDelta::hours(1);
/// Calls remembered at most (LIM-1).
const KEPT_MAX: usize = 200_000;

/// Calls of the last hour.
#[derive(Debug)]
pub struct Budget {
    calls: u32,
    reserve: u32,
    made: VecDeque<Timestamp>,
}

/// Whether a call may be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Within the budget.
    Go,
    /// A red alarm on the reserve, or beyond it: it goes, and operators are told.
    Reserve,
    /// Not now: the contact's next channel is tried.
    No,
}

impl Budget {
    /// `calls` an hour, and `reserve` more for red alarms.
    pub fn new(calls: u32, reserve: u32) -> Self {
        Self { calls, reserve, made: VecDeque::new() }
    }

    /// Asks for leave, and counts the call if it is given.
    pub fn ask(&mut self, level: Level, now: Timestamp) -> Leave {
        while self.made.front().is_some_and(|at| *at + HOUR <= now) {
            self.made.pop_front();
        }
        let spent = self.spent();
        let leave = match level {
            _ if spent < self.calls => Leave::Go,
            Level::Red => Leave::Reserve,
            Level::Urgent | Level::Attention | Level::Technical => Leave::No,
        };
        if leave != Leave::No && self.made.len() < KEPT_MAX {
            self.made.push_back(now);
        }
        leave
    }

    /// Calls of the last hour.
    pub fn spent(&self) -> u32 {
        u32::try_from(self.made.len()).unwrap_or(u32::MAX)
    }

    /// True once even the reserve is spent.
    pub fn is_beyond_reserve(&self) -> bool {
        self.spent() > self.calls.saturating_add(self.reserve)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_budget_holds_all_but_red_and_an_hour_later_is_whole_again() {
        let at = |s: i64| chrono::DateTime::from_timestamp(1_800_000_000 + s, 0).unwrap();
        let mut budget = Budget::new(3, 2);
        let asked: Vec<_> = [Level::Urgent, Level::Red, Level::Technical, Level::Urgent, Level::Attention, Level::Red, Level::Red, Level::Red]
            .map(|level| budget.ask(level, at(0)))
            .into();
        use Leave::{Go, No, Reserve};
        assert_eq!(asked, [Go, Go, Go, No, No, Reserve, Reserve, Reserve]);
        assert!(budget.is_beyond_reserve());
        assert_eq!(budget.ask(Level::Urgent, at(3_599)), No);
        assert_eq!(budget.ask(Level::Urgent, at(3_600)), Go);
        assert!(!budget.is_beyond_reserve());
    }
}
