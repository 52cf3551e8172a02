//! The breaker of one channel: after some failures in a row nobody waits for it any more, until a probe gets through.
//!
//! ```text
//!  Closed ──failures in a row──▶ Open ──rest is over──▶ Probing ──success──▶ Closed
//!                                  ▲                       │
//!                                  └──── failure, a longer rest
//! ```

use care::{TimeDelta, Timestamp};

/// Failures in a row that open it.
pub const FAILURES_MAX: u32 = 4;
/// The first rest.
pub const REST: TimeDelta = TimeDelta::seconds(2);
/// The longest rest: a channel that comes back is found within this.
pub const REST_MAX: TimeDelta = TimeDelta::seconds(30);

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Timestamp, rest: TimeDelta },
    Probing { rest: TimeDelta },
}

/// What a delivery may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Go.
    Go,
    /// Go, alone: the others wait for what comes of it.
    Probe,
    /// The channel counts as down.
    Stop,
}

/// A change that somebody should know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing new.
    None,
    /// It opened: the channel counts as down.
    Opened,
    /// It closed: the channel is back.
    Closed,
}

/// The breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    state: State,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed { failures: 0 } }
    }
}

impl Breaker {
    /// Asks for leave to deliver.
    pub fn ask(&mut self, now: Timestamp) -> Pass {
        match self.state {
            State::Closed { .. } => Pass::Go,
            State::Open { until, rest } if until <= now => {
                self.state = State::Probing { rest };
                Pass::Probe
            }
            State::Open { .. } | State::Probing { .. } => Pass::Stop,
        }
    }

    /// A delivery got through: whatever the person did, the channel works.
    pub fn worked(&mut self) -> Change {
        let was = self.is_down();
        self.state = State::Closed { failures: 0 };
        if was { Change::Closed } else { Change::None }
    }

    /// A delivery failed because of the channel. `jitter` (0 to 1000) spreads the rests of many channels.
    pub fn failed(&mut self, now: Timestamp, jitter: u32) -> Change {
        let spread = |rest: TimeDelta| rest + rest * i32::try_from(jitter.min(1000)).unwrap_or(0) / 4000;
        match self.state {
            State::Closed { failures } if failures + 1 < FAILURES_MAX => {
                self.state = State::Closed { failures: failures + 1 };
                Change::None
            }
            State::Closed { .. } => {
                self.state = State::Open { until: now + spread(REST), rest: REST };
                Change::Opened
            }
            State::Probing { rest } => {
                let rest = (rest * 2).min(REST_MAX);
                self.state = State::Open { until: now + spread(rest), rest };
                Change::None
            }
            State::Open { .. } => Change::None, // a straggler that was begun before it opened
        }
    }

    /// A probe was given up without a result: the next one may go at once.
    pub fn probe_lost(&mut self, now: Timestamp) {
        if let State::Probing { rest } = self.state {
            self.state = State::Open { until: now, rest };
        }
    }

    /// When the next probe may go, if it is open.
    pub fn probe_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Open { until, .. } => Some(until),
            State::Closed { .. } | State::Probing { .. } => None,
        }
    }

    /// True unless it is closed.
    pub fn is_down(&self) -> bool {
        match self.state {
            State::Closed { .. } => false,
            State::Open { .. } | State::Probing { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        chrono::DateTime::from_timestamp(1_800_000_000 + s, 0).unwrap()
    }

    #[test]
    fn four_failures_in_a_row_open_it_and_one_probe_closes_it() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            assert_eq!(breaker.failed(at(0), 0), Change::None);
        }
        assert_eq!(breaker.worked(), Change::None);
        for _ in 0..3 {
            breaker.failed(at(0), 0);
        }
        assert_eq!(breaker.failed(at(0), 0), Change::Opened);
        assert_eq!(breaker.ask(at(1)), Pass::Stop);
        assert_eq!(breaker.ask(at(2)), Pass::Probe);
        assert_eq!(breaker.ask(at(2)), Pass::Stop);
        assert_eq!(breaker.worked(), Change::Closed);
        assert_eq!(breaker.ask(at(2)), Pass::Go);
    }

    #[test]
    fn rests_grow_to_half_a_minute_and_not_beyond() {
        let mut breaker = Breaker::default();
        let mut now = at(0);
        for _ in 0..4 {
            breaker.failed(now, 0);
        }
        let mut rests = Vec::new();
        for _ in 0..6 {
            let next = breaker.probe_at().unwrap();
            rests.push((next - now).num_seconds());
            now = next;
            assert_eq!(breaker.ask(now), Pass::Probe);
            breaker.failed(now, 0);
        }
        assert_eq!(rests, [2, 4, 8, 16, 30, 30]);
    }
}
