//! What every adapter of a port must do: one suite, run against each of them. A failing check panics with its words;
//! call these from tests only.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a suite of checks: it runs in tests only and fails by panicking"
)]

mod ledger;
mod log;
mod register;
mod sheet;

pub use ledger::ledger;
pub use log::event_log;
pub use register::register;

use crate::{Ledger, Ownership, Register};
use care::Timestamp;
use std::sync::Arc;

/// Ledger, register and ownership over one storage.
#[derive(Clone)]
pub struct Ledgers {
    /// The ledger.
    pub ledger: Arc<dyn Ledger>,
    /// The register.
    pub register: Arc<dyn Register>,
    /// The ownership.
    pub ownership: Arc<dyn Ownership>,
}

/// An instant some seconds after the suite's beginning.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_795_000_000 + seconds, 123_456_789).unwrap()
}
