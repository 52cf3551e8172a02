//! From log to facts. One worker per shard of homes reads the event log in order, decodes each message,
//! steps its home and stores what comes of it in one ledger transaction. Replay is harmless: every decision
//! is keyed by the event that asked for it (ACK-2).
//!
//! ```text
//!  event log ──▶ red lane first ──▶ wire::decode ──▶ care::home::step ──▶ Desk: alarm, effects, seen, decided
//!                                                        │ deadline                 (one transaction)
//!                                                        ▼
//!                                                   TimePassed when it is due
//! ```

mod book;
mod days;
mod decide;
mod handle;
mod history;
mod homes;
mod roles;
mod told;
mod worker;

pub use book::{Book, RegisterBook, declared};
pub use days::{CLOSE_AFTER_H, ClosedDay, Days, DaysError};
pub use homes::without_place;
pub use handle::{Handle, Request};
pub use history::history;
pub use told::{SOURCE, tell};
pub use worker::{ALIVE_AT, Counters, Ports, Settings, StartError, Worker};
