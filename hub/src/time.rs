//! When things happened, told by clocks that may be wrong: the hub's wall clock may be off by years, its
//! count of milliseconds since it started is not. A message is sent with its *age*; the platform, whose clock
//! is right, makes the time of it.
//!
//! ```text
//!  heard in this life     age = count now - count then                          exact whatever the wall clock says
//!  heard in an earlier    both lives anchored (the platform told its time):      exact
//!                         otherwise by the wall clock across the gap only: a clock that is wrong by a day, but
//!                         always by the same day, is right here; a gap that cannot be is taken for none
//! ```

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A gap between two lives longer than this is no gap but a wall clock that was set: 60 days, in milliseconds.
const GAP_MS_MAX: i64 = 60 * 24 * 3_600_000;

/// Two answers of the platform that differ by less than this say the same, in milliseconds.
const ANCHOR_STEP_MS: i64 = 1_000;

/// When the hub heard something, by its own clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Which life of the hub: how often it has been started.
    pub boot: u32,
    /// Milliseconds since that start; less than none for what the sender says to be older.
    pub up_ms: i64,
    /// What the wall clock said, milliseconds since 1970.
    pub wall_ms: i64,
}

/// What is kept on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    /// A random name of this spool: names of messages are made of it.
    pub(crate) spool: String,
    /// The life.
    pub(crate) boot: u32,
    /// For each life the platform's time when it began, milliseconds since 1970.
    pub(crate) anchors: BTreeMap<u32, i64>,
}

/// The lives of the hub.
#[derive(Debug, Clone)]
pub struct Lives {
    pub(crate) kept: Kept,
    /// The wall clock when this life began.
    began_wall_ms: i64,
    /// Of earlier lives: the last stamp that is known.
    last: BTreeMap<u32, Stamp>,
}

impl Lives {
    pub(crate) fn new(kept: Kept, began_wall_ms: i64) -> Self {
        Self {
            kept,
            began_wall_ms,
            last: BTreeMap::new(),
        }
    }

    /// This life.
    pub fn boot(&self) -> u32 {
        self.kept.boot
    }

    /// What names of messages begin with: no two lives of any two spools have the same.
    pub fn mark(&self) -> String {
        format!("{}-{:x}", self.kept.spool, self.kept.boot)
    }

    /// Takes note of a stamp that was found on the disk.
    pub(crate) fn found(&mut self, stamp: Stamp) {
        if stamp.boot == self.kept.boot {
            return;
        }
        let last = self.last.entry(stamp.boot).or_insert(stamp);
        if stamp.up_ms >= last.up_ms {
            *last = stamp;
        }
    }

    /// The platform told its time (milliseconds since 1970) at `up_ms` of this life. True if that is news worth keeping.
    pub fn told(&mut self, platform_ms: i64, up_ms: i64) -> bool {
        let anchor = platform_ms.saturating_sub(up_ms);
        let before = self.kept.anchors.insert(self.kept.boot, anchor);
        let known: Vec<u32> = self
            .kept
            .anchors
            .keys()
            .copied()
            .filter(|boot| *boot != self.kept.boot && !self.last.contains_key(boot))
            .collect();
        for boot in known {
            self.kept.anchors.remove(&boot);
        }
        before.is_none_or(|before| (before - anchor).abs() >= ANCHOR_STEP_MS)
    }

    /// True once the platform has told its time in this life.
    pub fn is_anchored(&self) -> bool {
        self.kept.anchors.contains_key(&self.kept.boot)
    }

    /// True if the age of something heard at `stamp` would gain by the platform's time.
    pub fn wants_anchor(&self, stamp: Stamp) -> bool {
        stamp.boot != self.kept.boot
            && self.kept.anchors.contains_key(&stamp.boot)
            && !self.is_anchored()
    }

    /// How long ago something was heard, in milliseconds, at `up_ms` of this life. Never less than none.
    pub fn age_ms(&self, stamp: Stamp, up_ms: i64) -> u64 {
        let age = if stamp.boot == self.kept.boot {
            up_ms.saturating_sub(stamp.up_ms)
        } else {
            let anchors = (
                self.kept.anchors.get(&stamp.boot),
                self.kept.anchors.get(&self.kept.boot),
            );
            let age = if let (Some(then), Some(now)) = anchors {
                now.saturating_add(up_ms) - then.saturating_add(stamp.up_ms)
            } else {
                let last = self.last.get(&stamp.boot).copied().unwrap_or(stamp);
                let gap = self.began_wall_ms.saturating_sub(last.wall_ms);
                let gap = if (0..=GAP_MS_MAX).contains(&gap) {
                    gap
                } else {
                    0
                };
                up_ms
                    .saturating_add(gap)
                    .saturating_add(last.up_ms.saturating_sub(stamp.up_ms))
            };
            // It was heard before this life began, whatever the clocks say.
            age.max(up_ms)
        };
        u64::try_from(age).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;
    const HOUR: i64 = 3_600_000;

    fn lives(boot: u32, wall: i64) -> Lives {
        Lives::new(
            Kept {
                spool: "a".into(),
                boot,
                anchors: BTreeMap::new(),
            },
            wall,
        )
    }

    #[test]
    fn within_a_life_the_wall_clock_does_not_matter() {
        let lives = lives(4, 0);
        for wall_ms in [0, DAY, -DAY, i64::MAX] {
            assert_eq!(
                lives.age_ms(
                    Stamp {
                        boot: 4,
                        up_ms: 1_000,
                        wall_ms
                    },
                    HOUR
                ),
                3_599_000
            );
        }
    }

    #[test]
    fn across_a_restart_a_clock_that_is_always_wrong_by_the_same_day_is_right() {
        let mut lives = lives(5, 10 * HOUR - DAY);
        let first = Stamp {
            boot: 4,
            up_ms: 0,
            wall_ms: 6 * HOUR - DAY,
        };
        lives.found(first);
        lives.found(Stamp {
            boot: 4,
            up_ms: HOUR,
            wall_ms: 7 * HOUR - DAY,
        });
        assert_eq!(lives.age_ms(first, HOUR), u64::try_from(5 * HOUR).unwrap());
    }

    #[test]
    fn across_a_restart_without_a_battery_the_platforms_time_tells() {
        // The wall clock begins at 1970 each time; the platform answered in both lives.
        let mut kept = Kept {
            spool: "a".into(),
            boot: 4,
            anchors: BTreeMap::new(),
        };
        let mut before = Lives::new(kept.clone(), 0);
        assert!(before.told(100 * DAY, HOUR));
        kept.anchors.clone_from(&before.kept.anchors);
        kept.boot = 5;
        let mut now = Lives::new(kept, 0);
        let stamp = Stamp {
            boot: 4,
            up_ms: 2 * HOUR,
            wall_ms: 2 * HOUR,
        };
        now.found(stamp);
        assert!(now.wants_anchor(stamp));
        assert_eq!(now.age_ms(stamp, 60_000), 60_000, "unknown gap: none");
        now.told(101 * DAY, 60_000);
        assert!(!now.wants_anchor(stamp));
        assert_eq!(
            now.age_ms(stamp, 60_000),
            u64::try_from(DAY - HOUR).unwrap()
        );
        assert!(
            !now.told(101 * DAY + 500, 60_000),
            "the same again is no news"
        );
    }

    #[test]
    fn a_leap_of_years_is_no_gap() {
        let mut lives = lives(5, 20_000 * DAY);
        let stamp = Stamp {
            boot: 4,
            up_ms: 0,
            wall_ms: 0,
        };
        lives.found(stamp);
        assert_eq!(lives.age_ms(stamp, 7), 7);
    }
}
