//! The data directory: one process at a time, and files whose names survive a power cut.

use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a data directory or a store in it could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("another process has the data directory {0} open: stop it first, or name another directory")]
    InUse(PathBuf),
    /// A file operation failed.
    #[error("could not {0}")]
    Io(String, #[source] io::Error),
    /// SQLite failed.
    #[error("could not {0}")]
    Sqlite(String, #[source] rusqlite::Error),
    /// The database was written by a newer version of this program.
    #[error("{file} was written by a newer version (schema {found}, this version knows {known}): start the newer version, or restore a backup")]
    Newer {
        /// Which file.
        file: String,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// The number of shards is fixed for the life of the directory.
    #[error("this event log has {have} shards and was asked for {asked}: the number is fixed when the directory is made")]
    Shards {
        /// What it has.
        have: u16,
        /// What was asked for.
        asked: u16,
    },
    /// The key file is unusable.
    #[error("the key file {0} {1}")]
    Key(PathBuf, &'static str),
}

/// A data directory, held by this process until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Opens the directory, makes it if it does not exist, and keeps every other process out.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another process has it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Arc<Self>, OpenError> {
        let path = path.into();
        let failed = |what: &str| format!("{what} {}", path.display());
        if !path.is_dir() {
            let mut make = std::fs::DirBuilder::new();
            make.recursive(true).mode(0o700).create(&path).map_err(|e| OpenError::Io(failed("make the data directory"), e))?;
            if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
                sync_dir(parent).map_err(|e| OpenError::Io(failed("make durable the directory above"), e))?;
            }
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(|e| OpenError::Io(failed("open the lock file in"), e))?;
        match lock.try_lock() {
            Ok(()) => Ok(Arc::new(Self { path, _lock: lock })),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path)),
            Err(TryLockError::Error(e)) => Err(OpenError::Io(failed("lock"), e)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that can still be written here, if the file system tells.
    pub fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.path).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Makes the names of new and removed files durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        sync_dir(&self.path)
    }

    /// What a copy of a file cannot share with the original: the inode and its birth, and the machine. The device
    /// number is left out, for it may change at a reboot, and the path, for moving a directory makes no second one.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn fingerprint(&self, file: &str) -> io::Result<String> {
        let meta = std::fs::metadata(self.path.join(file))?;
        let born = meta.created().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
        let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
        let machine = Sha256::digest(machine.trim().as_bytes());
        let machine: String = machine.iter().take(8).map(|b| format!("{b:02x}")).collect();
        Ok(format!("inode {} born {} machine {machine}", meta.ino(), born.as_nanos()))
    }
}

/// Makes the entries of a directory durable.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
