//! The real clock: the only file of the binary that reads the wall.

use care::{TimeDelta, Timestamp};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::Clock;

/// A wall clock that is behind our own time by more than this was set back: our own time goes on.
const SET_BACK: TimeDelta = TimeDelta::seconds(5);
/// A sleep looks at the clock at least this often: a machine may be suspended, a clock set.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The wall clock, but one that never runs backwards. Set forward, it follows; set back, it goes on from the
/// last time it knew, for stored deadlines must not move away.
pub struct WallClock {
    rate: u32,
    offset: TimeDelta,
    state: Mutex<State>,
}

struct State {
    anchor: Instant,
    anchored: Timestamp,
    last: Timestamp,
}

impl WallClock {
    /// The wall clock, never before `not_before` (the last time that the ledger knows). `offset` shifts it for trying
    /// things out; `rate` other than 1 makes it run faster from now on and leaves the wall alone.
    pub fn new(not_before: Option<Timestamp>, offset: TimeDelta, rate: u32) -> Self {
        let wall = wall() + offset;
        let start = not_before.map_or(wall, |at| at.max(wall));
        Self { rate, offset, state: Mutex::new(State { anchor: Instant::now(), anchored: start, last: start }) }
    }

    /// How far the wall clock is behind our time, if it was set back.
    pub fn set_back_by(&self) -> Option<TimeDelta> {
        let behind = self.now() - (wall() + self.offset);
        (self.is_real() && behind > SET_BACK).then_some(behind)
    }

    fn is_real(&self) -> bool {
        self.rate == 1
    }
}

/// The wall clock, as it is.
pub fn wall() -> Timestamp {
    Timestamp::from(std::time::SystemTime::now())
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = state.anchor.elapsed() * self.rate;
        let own = state.anchored + TimeDelta::from_std(elapsed).unwrap_or(TimeDelta::MAX);
        let mut now = own;
        if self.is_real() {
            let wall = wall() + self.offset;
            if wall >= own - SET_BACK {
                now = wall;
                state.anchor = Instant::now();
                state.anchored = wall.max(own.min(wall + SET_BACK));
            }
        }
        state.last = state.last.max(now);
        state.last
    }

    fn sleep_until<'a>(&'a self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            loop {
                let left = (at - self.now()).to_std().unwrap_or(Duration::ZERO);
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep((left / self.rate.max(1)).clamp(Duration::from_millis(1), LOOK_EVERY)).await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_runs_backwards_even_if_the_ledger_is_ahead_of_the_wall() {
        let ahead = wall() + TimeDelta::days(1);
        let clock = WallClock::new(Some(ahead), TimeDelta::zero(), 1);
        let first = clock.now();
        assert!(first >= ahead);
        assert!(clock.now() >= first);
        assert!(clock.set_back_by().is_some_and(|by| by > TimeDelta::hours(23)));
    }

    #[test]
    fn it_is_the_wall_clock_otherwise() {
        let clock = WallClock::new(Some(wall() - TimeDelta::days(1)), TimeDelta::zero(), 1);
        assert!((clock.now() - wall()).abs() < TimeDelta::seconds(1));
        assert_eq!(clock.set_back_by(), None);
    }
}
