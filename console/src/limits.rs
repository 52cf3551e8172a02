//! The limits of the people's door (LIM-1), and the counter that slows down guessing at the sign-in.

use care::{TimeDelta, Timestamp};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Largest request body, bytes. Above it: 413.
pub const BODY_BYTES_MAX: usize = 32 * 1024;
/// Most items on a page of a list. More are refused with 422.
pub const PAGE_MAX: usize = 500;
/// Items on a page if nothing is asked for.
pub const PAGE_DEFAULT: usize = 100;
/// Longest text of a report, note or closing reason, characters. Longer ones are refused with 422.
pub const TEXT_CHARS_MAX: usize = 4_000;
/// Longest password that is hashed at all, bytes.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Password checks at the same time; each takes a core and 19 MiB for some tens of milliseconds.
pub const PASSWORD_CHECKS_MAX: usize = 2;
/// Password checks that may wait for their turn. Above it: 429.
pub const PASSWORD_QUEUE_MAX: usize = 32;
/// Event streams open at the same time. Above it: 503.
pub const STREAMS_MAX: usize = 1_000;
/// Changes kept for a browser that comes back with the number of the last one it saw. Older: it reads everything anew.
pub const CHANGES_KEPT: usize = 4_096;
/// Connections open at the same time; the next one waits in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 4_096;
/// Rows of the duty desk's queue that are drawn; the number of the rest stands below.
pub const QUEUE_ROWS_MAX: usize = 200;
/// Rows of a list that is saved as a file.
pub const FILE_ROWS_MAX: usize = 100_000;
/// Homes whose names are kept in memory for the queue.
pub const PLACES_KEPT: usize = 20_000;

/// Sign-ins that are listed, those used last.
pub const SESSIONS_SHOWN: usize = 2_000;
/// Ended tokens that are remembered beside the register.
pub const ENDED_KEPT: usize = 1_000;

/// Counts failures by key within a window and says when enough is enough. Bounded: the stalest keys are forgotten.
#[derive(Debug)]
pub struct Failures<K> {
    most: u32,
    window: TimeDelta,
    keys_max: usize,
    seen: Mutex<HashMap<K, (u32, Timestamp)>>,
}

impl<K: Eq + Hash + Clone> Failures<K> {
    /// At most `most` failures in `window` for each key.
    pub fn new(most: u32, window: TimeDelta, keys_max: usize) -> Self {
        Self { most, window, keys_max, seen: Mutex::new(HashMap::new()) }
    }

    /// How long this key has to wait, if it has to.
    pub fn wait(&self, key: &K, now: Timestamp) -> Option<TimeDelta> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, since) = seen.get(key)?;
        let left = self.window - (now - *since);
        (*count >= self.most && left > TimeDelta::zero()).then_some(left)
    }

    /// One more failure.
    pub fn count(&self, key: K, now: Timestamp) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= self.keys_max && !seen.contains_key(&key) {
            let window = self.window;
            seen.retain(|_, (_, since)| now - *since < window);
            if seen.len() >= self.keys_max {
                let stalest = seen.iter().min_by_key(|(_, (_, since))| *since).map(|(k, _)| k.clone());
                if let Some(stalest) = stalest {
                    seen.remove(&stalest);
                }
            }
        }
        let entry = seen.entry(key).or_insert((0, now));
        if now - entry.1 >= self.window {
            *entry = (0, now);
        }
        entry.0 = entry.0.saturating_add(1);
    }

    /// The longest that one of some keys has to wait, if one has to.
    pub fn waiting(&self, now: Timestamp, which: impl Fn(&K) -> bool) -> Option<TimeDelta> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let left = seen.iter().filter(|(key, (count, _))| *count >= self.most && which(key)).map(|(_, (_, since))| self.window - (now - *since));
        left.filter(|left| *left > TimeDelta::zero()).max()
    }

    /// Some keys start afresh.
    pub fn forget_those(&self, which: impl Fn(&K) -> bool) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, _| !which(key));
    }

    /// It went well: the key starts afresh.
    pub fn forget(&self, key: &K) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn the_third_failure_has_to_wait_and_the_window_ends_by_itself() {
        let failures = Failures::new(2, TimeDelta::seconds(60), 10);
        failures.count("a", at(0));
        assert_eq!(failures.wait(&"a", at(1)), None);
        failures.count("a", at(1));
        assert_eq!(failures.wait(&"a", at(10)), Some(TimeDelta::seconds(50)));
        assert_eq!(failures.wait(&"b", at(10)), None);
        assert_eq!(failures.wait(&"a", at(60)), None);
        failures.count("a", at(61));
        assert_eq!(failures.wait(&"a", at(61)), None);
    }

    #[test]
    fn it_never_remembers_more_keys_than_allowed() {
        let failures = Failures::new(2, TimeDelta::seconds(60), 10);
        for i in 0..1_000 {
            failures.count(i, at(i));
        }
        assert!(failures.seen.lock().unwrap().len() <= 10);
    }
}
