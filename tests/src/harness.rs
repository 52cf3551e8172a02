//! The shipped binary from outside: started, killed and asked through its own doors, with real sockets, a
//! raw MQTT client, a real webhook receiver and a real full disk. Nothing here sleeps blindly: it asks
//! until it is so, or until a deadline.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "test code: a panic is a failed test"
)]

pub mod binary;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod disk;
pub mod house;
pub mod http;
pub mod mqtt;
pub mod rounds;
#[cfg(feature = "cluster")]
pub mod servers;
pub mod webhook;

pub use binary::{Demo, Options};
pub use house::House;
pub use mqtt::Client;
pub use rounds::{Rounds, is_long};

use std::future::Future;
use std::time::{Duration, Instant};

/// The most memory that the binary may have in use in any of these tests, in megabytes: written down in
/// `docs/reliability.md`, held here.
pub const MEMORY_MB_MAX: u64 = 300;

/// Asks every 25 ms until the answer is there; fails with `what` after `within`.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    within: Duration,
    mut ask: impl FnMut() -> F,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Lets the wall clock go on until an instant: only for what is about the wall clock itself (a length of an outage).
pub async fn wall_goes_on_to(at: Instant) {
    tokio::time::sleep_until(at.into()).await;
}

/// The name of a demonstration's home, from 1.
pub fn home(number: usize) -> String {
    format!("home-{number:04}")
}

/// Runs a test's story on a runtime of its own.
pub fn run<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(story)
}
