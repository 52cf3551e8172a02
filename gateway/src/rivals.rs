//! Two places that use one credential push each other out, again and again: a copied secret, or a device that was set up
//! twice. One that comes back after its line was cut pushes out only itself, from one place, and seldom.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

/// How far back is looked.
const WINDOW: Duration = Duration::from_secs(300);
/// So often from more than one address is two places.
const APART: usize = 4;
/// So often at all is two places behind one address.
const MANY: usize = 12;
/// Sessions that are remembered; when there are more the memory starts anew (LIM-1).
const REMEMBERED_MAX: usize = 10_000;

#[derive(Debug, Default)]
struct Seen {
    times: VecDeque<(Instant, IpAddr)>,
    told: Option<Instant>,
}

/// The sessions that were taken over lately.
#[derive(Debug, Default)]
pub(crate) struct Rivals {
    by_key: HashMap<Box<str>, Seen>,
}

impl Rivals {
    /// A session was taken over from `peer`. True if two places fight for it, once in a window.
    pub(crate) fn taken_over(&mut self, key: &str, peer: IpAddr, now: Instant) -> bool {
        if self.by_key.len() >= REMEMBERED_MAX && !self.by_key.contains_key(key) {
            self.by_key.retain(|_, seen| seen.times.back().is_some_and(|(at, _)| now.duration_since(*at) < WINDOW));
            if self.by_key.len() >= REMEMBERED_MAX {
                self.by_key.clear();
            }
        }
        let seen = self.by_key.entry(key.into()).or_default();
        while seen.times.front().is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) || seen.times.len() >= MANY {
            seen.times.pop_front();
        }
        seen.times.push_back((now, peer));
        let apart = seen.times.iter().any(|(_, other)| *other != peer);
        let fight = seen.times.len() >= MANY || (apart && seen.times.len() >= APART);
        if !fight || seen.told.is_some_and(|told| now.duration_since(told) < WINDOW) {
            return false;
        }
        seen.told = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn two_places_are_told_once_and_one_that_comes_back_is_none() {
        let (here, there) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([198, 51, 100, 1]));
        let mut rivals = Rivals::default();
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let told: Vec<bool> = (0..6).map(|n| rivals.taken_over("a", if n % 2 == 0 { here } else { there }, at(n * 10))).collect();
        assert_eq!(told, [false, false, false, true, false, false]);
        let alone: Vec<bool> = (0..8).map(|n| rivals.taken_over("b", here, at(n * 10))).collect();
        assert!(!alone.contains(&true), "a bad line");
        let storm: Vec<bool> = (0..14).map(|n| rivals.taken_over("c", here, at(n))).collect();
        assert_eq!(storm.iter().filter(|told| **told).count(), 1, "two behind one address");
        let seldom: Vec<bool> = (0..20).map(|n| rivals.taken_over("d", if n % 2 == 0 { here } else { there }, at(n * 200))).collect();
        assert!(!seldom.contains(&true), "a device that moves about");
    }
}
