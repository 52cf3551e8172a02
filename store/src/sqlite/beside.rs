//! The thread beside a writer: empties the WAL, so that it does not grow without bound, and puts the ballast back.

use super::ballast::Ballast;
use super::{checkpoint, open_writer};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How often a full disk is looked at again.
const REFILL_EVERY: Duration = Duration::from_secs(1);

/// What the thread beside the writer is asked to do.
pub(super) enum Beside {
    /// From now on this is the file that is written.
    File(PathBuf),
    /// Much was written: move it from the WAL into the database.
    Move,
    /// This file is not written any more: empty its WAL and close it.
    Close(Connection),
}

/// Runs until the writer has ended.
pub(super) fn run(ballast: &Arc<Ballast>, told: &Receiver<Beside>) {
    let mut db: Option<Connection> = None;
    loop {
        let result = match told.recv_timeout(REFILL_EVERY) {
            Ok(Beside::File(path)) => open_writer(&path).map(|new| db = Some(new)),
            Ok(Beside::Move) => db.as_ref().map_or(Ok(()), |db| checkpoint(db, "PASSIVE").map(|_| ())),
            Ok(Beside::Close(old)) => checkpoint(&old, "TRUNCATE").map(|_| ()),
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if let Err(error) = result {
            tracing::warn!(%error, "a checkpoint failed");
        }
        if ballast.is_full() && ballast.refill() {
            tracing::info!("the disk has room again");
        }
    }
}
