//! The time, handed to whoever needs it. The real clock is read in one file of the binary; tests and the
//! simulator hand in their own.

use care::Timestamp;
use std::future::Future;
use std::pin::Pin;

/// A source of time. It never runs backwards, not even across a restart: a wall clock that was set back is
/// overruled by the last time known to the ledger, for stored deadlines must not move away (ALM-1).
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Returns once [`Clock::now`] has reached `at`, or a little earlier if the clock was stepped: look again.
    fn sleep_until<'a>(&'a self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}
