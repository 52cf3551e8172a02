//! What the door counts, for `/metrics` and for its own limits.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// The door's counters as they are kept.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)*
        }

        /// The door's counters at one moment. Gauges say so; everything else only grows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Count {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            pub(crate) fn count(&self) -> Count {
                Count { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        impl Count {
            /// Each counter with its name.
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

counters! {
    /// Connections that are open (gauge).
    connections,
    /// Connections that came, ever.
    connects,
    /// Clients refused for their credential.
    logins_refused,
    /// Clients refused for a limit.
    connects_refused,
    /// Sessions that are known, connected or not (gauge).
    sessions,
    /// Subscriptions (gauge).
    subscriptions,
    /// Messages that came on the red lane.
    red,
    /// Messages that came on the routine lane.
    routine,
    /// Messages made durable.
    stored,
    /// Messages that the event log refused: none of them was acknowledged.
    refused,
    /// Messages outside the sender's rights.
    denied,
    /// Subscriptions outside the client's rights.
    subscriptions_denied,
    /// Routine messages that had to wait for their sender's rate.
    paced,
    /// Routine messages of QoS 0 dropped for their sender's rate.
    paced_dropped,
    /// Messages handed to subscribers.
    delivered,
    /// Messages for subscribers that gave way at a limit.
    deliveries_dropped,
    /// Retained messages that were not kept for a limit.
    retained_refused,
    /// Last wills made durable.
    wills,
    /// Last wills that could not be stored, after many tries.
    wills_lost,
    /// Connections taken over by another of the same client.
    takeovers,
    /// Connections closed because their credential was revoked.
    kicked,
    /// Connections closed for a broken or forbidden packet.
    faults,
    /// Connections closed because the client was silent for too long.
    keep_alive_timeouts,
    /// Connections closed because the client did not read.
    write_timeouts,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sub(counter: &AtomicU64) {
        counter.fetch_sub(1, Ordering::Relaxed);
    }
}
