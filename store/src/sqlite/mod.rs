//! Embedded adapters on SQLite: the event log in a file per day, ledger and register in one file beside it. Everything
//! that is acknowledged is in a WAL with `synchronous=FULL`; one thread writes each of the two, readers have
//! connections of their own.

pub(crate) mod apply;
mod ballast;
mod beside;
mod copy;
mod dir;
pub(crate) mod files;
mod keeper;
mod ledger;
mod ledger_writer;
mod log;
pub(crate) mod migrations;
pub(crate) mod read;
mod register;
pub(crate) mod seal;
mod sheet;
mod stats;
mod tail;
mod writer;

pub use copy::copy;
pub use dir::{DataDir, OpenError};
pub use keeper::SEEN_FOR;
pub use ledger::{LedgerOptions, Opened, SqliteLedger};
pub use log::{LogOptions, SqliteLog};
pub use seal::Keys;
pub use stats::{HISTOGRAM_S, Histogram, LedgerStats, LogStats};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Takes the lock; a panic of an earlier holder does not matter, for nothing under these locks is left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Largest WAL file that is left standing after it was emptied.
const WAL_BYTES_KEPT: i64 = 16 << 20;

/// Opens a database for its one writer.
pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // What is deleted is overwritten: expired and erased records are gone from the file, too (PRV-1).
    db.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_KEPT, |_| Ok(()))?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "cache_size", -4_096)?;
    db.set_prepared_statement_cache_capacity(96);
    Ok(db)
}

/// Opens a database for reading.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.pragma_update(None, "query_only", true)?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "cache_size", -1_024)?;
    db.set_prepared_statement_cache_capacity(96);
    Ok(db)
}

/// True if the error means that the file system of `dir` is full. SQLite says so by itself for most writes; a failed
/// sync or a failed growth of the shared memory file does not name its cause, so the file system is asked.
fn is_full(error: &rusqlite::Error, dir: &DataDir) -> bool {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => true,
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => dir.free_bytes().is_some_and(|free| free < 1 << 20),
        Some(_) | None => false,
    }
}

/// True if after this error the state of the file is in doubt: it must not be written to any more.
fn is_doubtful(error: &rusqlite::Error) -> bool {
    !matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::ConstraintViolation))
}

/// Moves what is in the WAL into the database, as far as nobody is in the way. Returns the pages in the WAL and how
/// many of them have been moved.
pub(crate) fn checkpoint(db: &Connection, mode: &str) -> rusqlite::Result<(i64, i64)> {
    db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| Ok((row.get(1)?, row.get(2)?)))
}
