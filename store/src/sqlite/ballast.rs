//! Disk space put aside for the worst moment: when the disk is full the ballast is given back bit by bit, so that red
//! records still get in while everything else is refused (LIM-1).

use super::dir::DataDir;
use super::lock;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// How much is given back at a time.
const STEP_BYTES: u64 = 4 << 20;

/// The ballast of one store.
#[derive(Debug)]
pub(super) struct Ballast {
    dir: Arc<DataDir>,
    path: PathBuf,
    want: u64,
    have: AtomicU64,
    full: AtomicBool,
    /// One at a time changes the file.
    gate: Mutex<()>,
}

impl Ballast {
    /// Sets the ballast up. A disk without room for it is not an error: the store starts in the full state.
    pub(super) fn open(dir: &Arc<DataDir>, name: &str, want: u64) -> io::Result<Self> {
        let path = dir.path().join(name);
        let have = std::fs::metadata(&path).map(|m| m.len()).unwrap_or_default();
        let ballast = Self { dir: dir.clone(), path, want, have: AtomicU64::new(have), full: AtomicBool::new(false), gate: Mutex::default() };
        if have > want {
            ballast.resize(want)?;
        }
        if !ballast.refill() {
            ballast.full.store(true, Ordering::Relaxed);
        }
        Ok(ballast)
    }

    /// True from the moment the disk was full until the ballast is back.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Bytes still put aside.
    pub(super) fn bytes(&self) -> u64 {
        self.have.load(Ordering::Relaxed)
    }

    /// The disk is full: gives some of the ballast back. False if there is none left.
    pub(super) fn release(&self) -> bool {
        let _gate = lock(&self.gate);
        self.full.store(true, Ordering::Relaxed);
        let have = self.bytes();
        have > 0 && self.resize(have.saturating_sub(STEP_BYTES)).is_ok()
    }

    /// Puts the ballast back if there is room for it and half as much again. True if it is whole.
    pub(super) fn refill(&self) -> bool {
        let _gate = lock(&self.gate);
        let missing = self.want.saturating_sub(self.bytes());
        let room = self.dir.free_bytes().is_none_or(|free| free > missing.saturating_add(self.want / 2));
        if room && (missing == 0 || self.grow().is_ok()) {
            self.full.store(false, Ordering::Relaxed);
            return true;
        }
        false
    }

    fn file(&self) -> io::Result<File> {
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&self.path)
    }

    fn resize(&self, to: u64) -> io::Result<()> {
        let file = self.file()?;
        file.set_len(to)?;
        file.sync_all()?;
        self.have.store(to, Ordering::Relaxed);
        Ok(())
    }

    fn grow(&self) -> io::Result<()> {
        let have = self.bytes();
        let file = self.file()?;
        let whole = match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, self.want) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::OPNOTSUPP) => fill(&self.path, have, self.want),
            Err(other) => Err(other.into()),
        };
        let whole = whole.and_then(|()| file.sync_all()).and_then(|()| self.dir.sync());
        if whole.is_err() {
            self.resize(have)?;
        } else {
            self.have.store(self.want, Ordering::Relaxed);
        }
        whole
    }
}

/// Writes bytes that no file system can compress away.
fn fill(path: &std::path::Path, from: u64, to: u64) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ from;
    let mut block = Vec::with_capacity(64 << 10);
    let mut left = to.saturating_sub(from);
    while left > 0 {
        block.clear();
        while block.len() < 64 << 10 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block.extend_from_slice(&state.to_le_bytes());
        }
        let take = usize::try_from(left.min(block.len() as u64)).unwrap_or_default();
        file.write_all(block.get(..take).unwrap_or_default())?;
        left -= take as u64;
    }
    Ok(())
}
