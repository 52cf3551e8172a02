//! Adapters in memory: for the simulator and for tests. They keep every promise of the ports except the disk. A clone
//! shares what is kept, so that a process can "die" and another can come back on the same storage.

mod ledger;
mod log;
mod register;
mod sheet;

pub use ledger::MemoryLedger;
pub(crate) use ledger::{QUARANTINE_BYTES_MAX, wakes};
pub use log::MemoryLog;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the lock; a panic of an earlier holder does not matter, for nothing here is left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
