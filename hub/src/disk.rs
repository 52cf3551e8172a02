//! What the spool needs of a file system, and the real one. Files of one folder; every error is the system's own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A folder of files. What is appended is there after a power cut once [`Disk::sync`] has returned, not before.
pub trait Disk: Send {
    /// The names of all files.
    ///
    /// # Errors
    /// The system's.
    fn list(&self) -> io::Result<Vec<String>>;

    /// The size of a file, bytes.
    ///
    /// # Errors
    /// The system's; `NotFound` if there is none.
    fn size(&self, name: &str) -> io::Result<u64>;

    /// Up to `max` bytes from `at` on; fewer at the end of the file.
    ///
    /// # Errors
    /// The system's.
    fn read(&self, name: &str, at: u64, max: usize) -> io::Result<Vec<u8>>;

    /// Appends to a file, which is made if it is not there. On an error a part may have been written.
    ///
    /// # Errors
    /// The system's; `StorageFull` if there is no room.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Returns when what was appended survives a power cut.
    ///
    /// # Errors
    /// The system's: then nothing is known of what was appended since the last one.
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Cuts a file to a size.
    ///
    /// # Errors
    /// The system's.
    fn cut(&mut self, name: &str, size: u64) -> io::Result<()>;

    /// Removes a file. After a power cut it may be there again.
    ///
    /// # Errors
    /// The system's.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// Puts a file in the place of the old one: after a power cut it is the one or the other, whole.
    ///
    /// # Errors
    /// The system's.
    fn replace(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Writes over the beginning of a small file, without a sync: after a power cut it may be the old one or torn.
    ///
    /// # Errors
    /// The system's.
    fn note(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
}

/// A folder of the system. It is held by one process at a time.
pub struct Folder {
    path: PathBuf,
    open: BTreeMap<String, File>,
    /// Made since the folder itself was synced.
    fresh: BTreeSet<String>,
    _lock: File,
}

impl Folder {
    /// Opens a folder, which is made if it is not there.
    ///
    /// # Errors
    /// The system's; `WouldBlock` if another process holds it.
    pub fn open(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            std::fs::TryLockError::Error(error) => error,
            std::fs::TryLockError::WouldBlock => io::Error::new(
                io::ErrorKind::WouldBlock,
                "another hub is at work on this folder",
            ),
        })?;
        Ok(Self {
            path: path.to_owned(),
            open: BTreeMap::new(),
            fresh: BTreeSet::new(),
            _lock: lock,
        })
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        self.fresh.clear();
        Ok(())
    }
}

impl Disk for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        let entries: io::Result<Vec<_>> = std::fs::read_dir(&self.path)?.collect();
        Ok(entries?
            .into_iter()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect())
    }

    fn size(&self, name: &str) -> io::Result<u64> {
        Ok(std::fs::metadata(self.path.join(name))?.len())
    }

    fn read(&self, name: &str, at: u64, max: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path.join(name))?;
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        file.take(u64::try_from(max).unwrap_or(u64::MAX))
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if let Some(file) = self.open.get_mut(name) {
            return file.write_all(bytes);
        }
        let path = self.path.join(name);
        if !path.exists() {
            self.fresh.insert(name.to_owned());
        }
        // One file of each lane is written at a time: the handles of finished ones are let go.
        if self.open.len() >= 4 {
            self.open.clear();
        }
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        let written = file.write_all(bytes);
        self.open.insert(name.to_owned(), file);
        written
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        match self.open.get(name) {
            Some(file) => file.sync_data()?,
            None => File::open(self.path.join(name))?.sync_data()?,
        }
        if self.fresh.contains(name) {
            self.sync_folder()
        } else {
            Ok(())
        }
    }

    fn cut(&mut self, name: &str, size: u64) -> io::Result<()> {
        self.open.remove(name);
        let file = OpenOptions::new().write(true).open(self.path.join(name))?;
        file.set_len(size)?;
        file.sync_all()
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.open.remove(name);
        self.fresh.remove(name);
        std::fs::remove_file(self.path.join(name))
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let beside = self.path.join(format!("{name}.new"));
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(beside, self.path.join(name))?;
        self.sync_folder()
    }

    fn note(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.path.join(name))?;
        file.write_all(bytes)
    }
}

impl<D: Disk + ?Sized> Disk for Box<D> {
    fn list(&self) -> io::Result<Vec<String>> {
        (**self).list()
    }

    fn size(&self, name: &str) -> io::Result<u64> {
        (**self).size(name)
    }

    fn read(&self, name: &str, at: u64, max: usize) -> io::Result<Vec<u8>> {
        (**self).read(name, at, max)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        (**self).append(name, bytes)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        (**self).sync(name)
    }

    fn cut(&mut self, name: &str, size: u64) -> io::Result<()> {
        (**self).cut(name, size)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        (**self).remove(name)
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        (**self).replace(name, bytes)
    }

    fn note(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        (**self).note(name, bytes)
    }
}
