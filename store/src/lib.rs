//! Where things are kept: the four ports of the house and their adapters. The rooms above know the
//! ports; only the composition root knows which adapter stands behind them.
//!
//! | port | what it keeps |
//! |---|---|
//! | [`EventLog`] | every message of every home, durable before it is acknowledged (ACK-1) |
//! | [`Ledger`] | alarms, effects, deadlines, offsets, home states: one transaction for each step |
//! | [`Register`] | elders, homes, contacts, devices, people, credentials, audit: the same database as the ledger |
//! | [`Ownership`] | who may write for a shard of homes, by epoch |
//! | [`TelemetrySink`] | measurements for charts: lossy, never in the alarm's way |

pub mod clock;
pub mod conformance;
pub mod desk;
#[cfg(feature = "cluster")]
pub mod jetstream;
pub mod keeper;
pub mod ledger;
pub mod link;
pub mod log;
pub mod memory;
pub mod ownership;
#[cfg(feature = "cluster")]
pub mod postgres;
pub mod register;
pub mod sheet;
pub mod shift;
pub mod sqlite;
pub mod telemetry;

pub use clock::Clock;
pub use keeper::{LedgerKeeper, LogKeeper};
pub use ledger::{Ledger, LedgerError, Stored, Tx, Write};
pub use log::{Done, Entry, EventLog, LogError, Offset, Record, Shard};
pub use memory::{MemoryLedger, MemoryLog};
pub use ownership::{Fence, Ownership};
pub use register::Register;
pub use sheet::{Sheet, SheetAsk};
pub use telemetry::TelemetrySink;
