//! A disk in memory that fills up, and that forgets on a power cut what a disk may forget: for tests, here and in the
//! acceptance package.

use crate::disk::Disk;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is on the disk.
#[derive(Debug, Clone, Default)]
struct State {
    /// Content, and how many bytes of it survive a power cut.
    files: BTreeMap<String, (Vec<u8>, usize)>,
    /// Files that were removed and are there again after a power cut.
    removed: BTreeMap<String, Vec<u8>>,
    capacity: Option<usize>,
    syncs: u64,
    /// From now on every write fails.
    broken: bool,
}

/// A disk in memory. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

impl MemoryDisk {
    /// An empty disk without an end.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it holds so many bytes at most.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.state().capacity = bytes;
    }

    /// From now on writing fails, or works again.
    pub fn set_broken(&self, broken: bool) {
        self.state().broken = broken;
    }

    /// Bytes in all files.
    pub fn used(&self) -> usize {
        self.state()
            .files
            .values()
            .map(|(bytes, _)| bytes.len())
            .sum()
    }

    /// How often something was made durable.
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// The power goes: what was not synced is lost but for `kept` bytes of it; removed files are there again.
    #[must_use]
    pub fn after_power_cut(&self, kept: usize) -> Self {
        let mut state = self.state().clone();
        for (bytes, durable) in state.files.values_mut() {
            bytes.truncate((*durable + kept).min(bytes.len()));
            *durable = bytes.len();
        }
        for (name, bytes) in std::mem::take(&mut state.removed) {
            let durable = bytes.len();
            state.files.entry(name).or_insert((bytes, durable));
        }
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// A copy whose file has been changed.
    #[must_use]
    pub fn with(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut state = self.state().clone();
        if let Some((bytes, durable)) = state.files.get_mut(name) {
            change(bytes);
            *durable = bytes.len();
        }
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// The newest segment of a lane (`red`, `routine`).
    pub fn newest(&self, lane: &str) -> Option<String> {
        let begin = format!("{lane}-");
        self.state()
            .files
            .keys()
            .rfind(|name| name.starts_with(&begin))
            .cloned()
    }
}

impl State {
    /// Room for so many more bytes.
    fn room(&self) -> usize {
        let used: usize = self.files.values().map(|(bytes, _)| bytes.len()).sum();
        self.capacity
            .map_or(usize::MAX, |capacity| capacity.saturating_sub(used))
    }

    fn check(&self) -> io::Result<()> {
        if self.broken {
            Err(io::Error::other("the disk is broken"))
        } else {
            Ok(())
        }
    }
}

fn full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

fn none() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl Disk for MemoryDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().files.keys().cloned().collect())
    }

    fn size(&self, name: &str) -> io::Result<u64> {
        self.state()
            .files
            .get(name)
            .map(|(bytes, _)| bytes.len() as u64)
            .ok_or_else(none)
    }

    fn read(&self, name: &str, at: u64, max: usize) -> io::Result<Vec<u8>> {
        let state = self.state();
        let (bytes, _) = state.files.get(name).ok_or_else(none)?;
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes.iter().skip(at).take(max).copied().collect())
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        let part = state.room().min(bytes.len());
        let (file, _) = state.files.entry(name.to_owned()).or_default();
        file.extend(bytes.iter().take(part));
        if part < bytes.len() {
            Err(full())
        } else {
            Ok(())
        }
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        state.syncs += 1;
        let (bytes, durable) = state.files.get_mut(name).ok_or_else(none)?;
        *durable = bytes.len();
        Ok(())
    }

    fn cut(&mut self, name: &str, size: u64) -> io::Result<()> {
        let mut state = self.state();
        let (bytes, durable) = state.files.get_mut(name).ok_or_else(none)?;
        bytes.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        *durable = bytes.len();
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let (mut bytes, durable) = state.files.remove(name).ok_or_else(none)?;
        bytes.truncate(durable);
        if !bytes.is_empty() {
            state.removed.insert(name.to_owned(), bytes);
        }
        Ok(())
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        if state.room() < bytes.len() {
            return Err(full());
        }
        state.syncs += 1;
        state
            .files
            .insert(name.to_owned(), (bytes.to_vec(), bytes.len()));
        Ok(())
    }

    fn note(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        let longer = bytes
            .len()
            .saturating_sub(state.files.get(name).map_or(0, |(file, _)| file.len()));
        if state.room() < longer {
            return Err(full());
        }
        let (file, _) = state.files.entry(name.to_owned()).or_default();
        file.resize(file.len().max(bytes.len()), 0);
        for (place, byte) in file.iter_mut().zip(bytes) {
            *place = *byte;
        }
        Ok(())
    }
}
