//! A limit for everything that a client can make grow, and what happens there (LIM-1).
//!
//! | limit | at the limit |
//! |---|---|
//! | packet (64 KB; 2 MB and 64 KB for hubs, whose bridges describe all devices in one) | v5: DISCONNECT 0x95, then close; v3: close |
//! | connections in all | a new one is closed at once and counted |
//! | connections per credential | CONNACK 0x97 (v3: 3), close; a second connection of one client id takes over and never counts twice |
//! | connects per second | the next ones wait in the listener's backlog, none is refused |
//! | CONNECT not here after 5 s; admission not decided after 30 s | close |
//! | a description of devices longer than 2 MB, or than 256 KB when it is packed | as any message that the log refuses: not acknowledged, close |
//! | messages not yet durable per connection (1,024, 1 MB and the one that goes beyond it) | reading stops until commits come back; v5 beyond the announced Receive Maximum: DISCONNECT 0x93 |
//! | routine messages per second and connection | QoS 1 and 2 wait in order, unacknowledged; QoS 0 is dropped and counted; red is committed at once, past those that wait (ALM-7) |
//! | messages queued for a client (count, bytes, bytes of all clients) | the oldest that was not sent yet gives way and is counted: for a lamp the newest word is the truth. Alarms are never in these queues |
//! | subscriptions per session | SUBACK 0x97 (v3: 0x80) |
//! | retained messages (count, bytes) | the message is stored and passed on, but not retained; counted |
//! | sessions that outlive their connection | the session ends with its connection |
//! | a client that does not read | reading from it stops at 16 KB of unsent answers; nothing taken for 10 s: close |
//! | no packet for 1.5 x keep-alive | v5: DISCONNECT 0x8D; close, last will |
//! | packets begun and not finished, of all clients | the one who wants more: v5 DISCONNECT 0x89; close |
//!
//! ## Memory, at the defaults
//! Idle connection about 5 kB; 20,000 of them 100 MB. Beyond that, at most: messages queued for clients and
//! being written to them 64 MB, retained 64 MB, unfinished packets 64 MB (and 4 KB per connection, 80 MB; 30 hubs may
//! describe 2 MB of devices at the same moment, the next ones try again),
//! unsent answers 16 KB per connection for the 10 s that a client may refuse to read, and what the event log
//! holds uncommitted by its own limit. A message counts with its topic, payload and properties.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// What one client may take, by the kind of its rights.
#[derive(Debug, Clone)]
pub struct Share {
    /// Connections of one credential at the same time, each with a client id of its own.
    pub connections: usize,
    /// Subscriptions of one session.
    pub subscriptions: usize,
    /// Messages that wait for one client.
    pub queued_messages: usize,
    /// Bytes of messages that wait for one client.
    pub queued_bytes: usize,
    /// Largest packet, bytes.
    pub packet_bytes_max: u32,
    /// Routine messages per second of one connection, and how many may come at once; `None` = no limit.
    pub routine: Option<Rate>,
    /// Longest keep-alive, seconds: MQTT 5 clients that ask for more, or for none, are told this one.
    pub keep_alive_s_max: u16,
}

/// A rate with a burst.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Messages per second in the long run.
    pub per_second: u32,
    /// Messages that may come at once.
    pub burst: u32,
}

/// The limits of a door.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// New connections per second; more of them wait.
    pub connects_per_second: u32,
    /// A CONNECT has to be complete after this time.
    pub connect_within: Duration,
    /// An admission has to be decided after this time.
    pub admit_within: Duration,
    /// A client has to take some of its answers within this time.
    pub write_within: Duration,
    /// Largest packet before the credential is known, bytes.
    pub connect_bytes_max: u32,
    /// Messages of one connection that are not durable yet.
    pub inflight: u16,
    /// Bytes of such messages.
    pub inflight_bytes: usize,
    /// Unacknowledged messages that the door sends to one client, at most.
    pub outflight: u16,
    /// Sessions that outlive their connection, in all.
    pub sessions: usize,
    /// The longest that a session outlives its connection.
    pub session_expiry_max: Duration,
    /// Bytes of messages that wait for clients, in all.
    pub queued_bytes: usize,
    /// Bytes of unfinished packets beyond 4 KB, in all.
    pub partial_bytes: usize,
    /// Retained messages.
    pub retained: usize,
    /// Bytes of retained messages.
    pub retained_bytes: usize,
    /// What a device may take.
    pub device: Share,
    /// What a home's hub may take.
    pub hub: Share,
    /// What a bridge may take.
    pub bridge: Share,
    /// What a client of the open protocol listener may take.
    pub open: Share,
}

impl Default for Limits {
    fn default() -> Self {
        const MB: usize = 1024 * 1024;
        let device = Share {
            connections: 8,
            subscriptions: 32,
            queued_messages: 100,
            queued_bytes: 256 * 1024,
            packet_bytes_max: 65_536,
            routine: Some(Rate { per_second: 100, burst: 1_000 }),
            keep_alive_s_max: 3_600,
        };
        Self {
            connections: 20_000,
            connects_per_second: 2_000,
            connect_within: Duration::from_secs(5),
            admit_within: Duration::from_secs(30),
            write_within: Duration::from_secs(10),
            connect_bytes_max: 65_536,
            inflight: 1_024,
            inflight_bytes: MB,
            outflight: 128,
            sessions: 50_000,
            session_expiry_max: Duration::from_secs(7 * 24 * 3_600),
            queued_bytes: 64 * MB,
            partial_bytes: 64 * MB,
            retained: 100_000,
            retained_bytes: 64 * MB,
            hub: Share {
                subscriptions: 512,
                queued_messages: 1_000,
                packet_bytes_max: 2_162_688,
                routine: Some(Rate { per_second: 1_000, burst: 10_000 }),
                ..device.clone()
            },
            bridge: Share {
                connections: 10_000,
                subscriptions: 100_000,
                queued_messages: 20_000,
                queued_bytes: 8 * MB,
                routine: None,
                keep_alive_s_max: 1_200,
                ..device.clone()
            },
            open: Share {
                connections: 10_000,
                subscriptions: 1_000,
                queued_messages: 2_000,
                queued_bytes: 4 * MB,
                routine: None,
                keep_alive_s_max: 60,
                ..device.clone()
            },
            device,
        }
    }
}

/// Bytes that many may take from and that all must give back.
#[derive(Debug)]
pub(crate) struct Budget {
    max: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, used: AtomicUsize::new(0) }
    }

    /// Takes `bytes` if they are left.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.max);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    /// Gives back what was taken.
    pub(crate) fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// What one holder has taken from a budget; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Charge {
    pub(crate) fn none(budget: &Arc<Budget>) -> Self {
        Self { budget: Arc::clone(budget), bytes: 0 }
    }

    /// Changes what is held. False, and unchanged, if the budget does not have it.
    pub(crate) fn set(&mut self, bytes: usize) -> bool {
        if bytes > self.bytes {
            if !self.budget.take(bytes - self.bytes) {
                return false;
            }
        } else {
            self.budget.give(self.bytes - bytes);
        }
        self.bytes = bytes;
        true
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.give(self.bytes);
    }
}

/// Lets messages pass at a [`Rate`].
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Rate,
    full_at: Instant,
}

impl Pace {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, full_at: now }
    }

    fn step(&self) -> Duration {
        Duration::from_secs(1) / self.rate.per_second.max(1)
    }

    /// True if one more may pass now.
    pub(crate) fn pass(&mut self, now: Instant) -> bool {
        let after = self.full_at.max(now) + self.step();
        if after.duration_since(now) > self.step() * self.rate.burst.max(1) {
            return false;
        }
        self.full_at = after;
        true
    }

    /// When the next one may pass.
    pub(crate) fn next(&self, now: Instant) -> Instant {
        let burst = self.step() * self.rate.burst.max(1);
        (self.full_at + self.step()).checked_sub(burst).unwrap_or(now).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_lets_a_burst_pass_and_then_one_at_a_time() {
        let start = Instant::now();
        let mut pace = Pace::new(Rate { per_second: 10, burst: 3 }, start);
        let passed = (0..10).filter(|_| pace.pass(start)).count();
        assert_eq!(passed, 3);
        assert_eq!(pace.next(start), start + Duration::from_millis(100));
        assert!(pace.pass(start + Duration::from_millis(100)));
        assert!(!pace.pass(start + Duration::from_millis(100)));
        let later = start + Duration::from_secs(60);
        assert_eq!((0..10).filter(|_| pace.pass(later)).count(), 3);
    }

    #[test]
    fn a_budget_refuses_what_is_too_much_and_takes_it_again_after_it_was_given_back() {
        let budget = Budget::new(10);
        assert!(budget.take(6) && !budget.take(5) && budget.take(4));
        budget.give(6);
        assert!(budget.take(5));
    }
}
