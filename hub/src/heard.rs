//! "Nobody can hear you now": whether the home is heard, pure. Times are milliseconds of this life.
//!
//! ```text
//!  heard ──no acknowledgement for `unheard_after`, or a call unacknowledged for 10 s──▶ unheard
//!    ▲                                                                                   │
//!    └──an acknowledgement, and no call waits any more───────────────────────────────────┘
//! ```

/// A call that waits longer than this is not heard, milliseconds.
pub const CALL_WAITS_MS: i64 = 10_000;

/// How things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The platform answers.
    Heard,
    /// It does not.
    Unheard,
}

/// The watch over it.
#[derive(Debug, Clone)]
pub struct Watch {
    unheard_after_ms: i64,
    heard_at: i64,
    call_since: Option<i64>,
    told: Option<Standing>,
}

impl Watch {
    /// Begins to watch at `now`.
    pub fn new(unheard_after_ms: i64, now: i64) -> Self {
        Self {
            unheard_after_ms,
            heard_at: now,
            call_since: None,
            told: None,
        }
    }

    /// Another patience from now on.
    pub fn set_patience(&mut self, unheard_after_ms: i64) {
        self.unheard_after_ms = unheard_after_ms;
    }

    /// The platform acknowledged something.
    pub fn heard(&mut self, now: i64) {
        self.heard_at = now;
        if self.told.is_none() {
            self.told = Some(Standing::Unheard);
        }
    }

    /// So many calls wait to be acknowledged.
    pub fn calls(&mut self, waiting: u64, now: i64) {
        self.call_since = match (waiting, self.call_since) {
            (0, _) => None,
            (_, Some(since)) => Some(since),
            (_, None) => Some(now),
        };
    }

    /// How things stand now.
    pub fn standing(&self, now: i64) -> Standing {
        let silent = now.saturating_sub(self.heard_at) >= self.unheard_after_ms;
        let call_waits = self
            .call_since
            .is_some_and(|since| now.saturating_sub(since) >= CALL_WAITS_MS);
        if silent || call_waits {
            Standing::Unheard
        } else {
            Standing::Heard
        }
    }

    /// What is to be told in the home, if it is news. Right after the start nothing is, until it is known.
    pub fn news(&mut self, now: i64) -> Option<Standing> {
        let standing = self.standing(now);
        let first = self.told.is_none();
        if self.told == Some(standing) || (first && standing == Standing::Heard) {
            return None;
        }
        self.told = Some(standing);
        Some(standing)
    }

    /// What the home was told last.
    pub fn told(&self) -> Option<Standing> {
        self.told
    }

    /// When to look again at the latest.
    pub fn deadline(&self, now: i64) -> Option<i64> {
        let silence = self.heard_at.saturating_add(self.unheard_after_ms);
        let call = self
            .call_since
            .map(|since| since.saturating_add(CALL_WAITS_MS));
        [Some(silence), call]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Standing::{Heard, Unheard};

    #[test]
    fn silence_is_told_once_and_taken_back_when_the_platform_answers() {
        let mut watch = Watch::new(150_000, 0);
        assert_eq!(watch.news(1_000), None, "not yet known");
        watch.heard(2_000);
        assert_eq!(watch.news(2_000), Some(Heard));
        assert_eq!(watch.deadline(2_000), Some(152_000));
        assert_eq!(
            (
                watch.news(151_999),
                watch.news(152_000),
                watch.news(160_000)
            ),
            (None, Some(Unheard), None)
        );
        watch.heard(170_000);
        assert_eq!(watch.news(170_000), Some(Heard));
    }

    #[test]
    fn a_call_that_is_not_taken_within_ten_seconds_is_told_although_a_heartbeat_was_answered() {
        let mut watch = Watch::new(150_000, 0);
        watch.heard(0);
        assert_eq!(watch.news(0), Some(Heard));
        watch.calls(1, 1_000);
        watch.heard(9_000);
        assert_eq!(watch.news(10_999), None);
        watch.calls(2, 11_000);
        assert_eq!(watch.news(11_000), Some(Unheard));
        watch.heard(12_000);
        assert_eq!(watch.news(12_000), None, "the call still waits");
        watch.calls(0, 13_000);
        assert_eq!(watch.news(13_000), Some(Heard));
    }

    #[test]
    fn a_hub_that_never_reached_anybody_says_so() {
        let mut watch = Watch::new(150_000, 0);
        assert_eq!(watch.news(150_000), Some(Unheard));
    }
}
