//! The only file of this crate that reads the wall clock. Everything else is told the time.

use care::{TimeDelta, Timestamp};

/// A clock that starts at an instant and runs at a rate of its own, beside the door's `--clock-rate`.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: std::time::Instant,
    start: Timestamp,
    rate: u32,
}

impl Clock {
    /// The wall clock.
    pub fn real() -> Self {
        Self::starting(wall(), 1)
    }

    /// A clock that shows `start` now and runs `rate` times as fast as the wall clock.
    pub fn starting(start: Timestamp, rate: u32) -> Self {
        Self {
            wall: std::time::Instant::now(),
            start,
            rate: rate.max(1),
        }
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        let run = self.wall.elapsed().saturating_mul(self.rate);
        self.start + TimeDelta::from_std(run).unwrap_or(TimeDelta::MAX)
    }

    /// How long to wait on the wall until it shows `at`; nothing if it already does.
    pub fn until(&self, at: Timestamp) -> std::time::Duration {
        (at - self.now()).to_std().unwrap_or_default() / self.rate
    }
}

/// The wall clock's time.
pub fn wall() -> Timestamp {
    Timestamp::from(std::time::SystemTime::now())
}
