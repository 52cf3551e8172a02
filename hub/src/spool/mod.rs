//! The spool: what the hub has heard and the platform has not acknowledged yet, on the hub's disk.
//!
//! ```text
//!  red-….seg      calls, falls, smoke, gas, CO   ┐ append, fdatasync, then the device gets its acknowledgement
//!  routine-….seg  everything else                ┘ forwarded up to here: red.done, routine.done
//!  meta           name of the spool, life, the platform's time
//!  ballast        given back when the disk is full, so that a call still gets in
//! ```
//!
//! Limits (LIM-1), and what happens there:
//!
//! | limit | at the limit |
//! |---|---|
//! | bytes of both lanes | the oldest routine file (128 KB) is given up and its records are counted; a red record is refused only when red ones alone fill the spool: then the device keeps it and tries again |
//! | disk full | the same; then, for a red record, the ballast is given back |
//! | torn end of the newest file | cut off at the start: it was never acknowledged |
//! | damage in the middle of a file | the record is skipped and counted, those behind it are read |

mod lane;
#[cfg(test)]
mod tests;

pub use lane::Found;

use crate::disk::Disk;
use crate::frame::Frame;
use crate::time::{Kept, Lives, Stamp};
use care::Lane;
use lane::Files;
use rand::RngExt as _;
use std::io;

const META: &str = "meta";
const BALLAST: &str = "ballast";

/// How much a spool may take.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Bytes of records, both lanes together. 1 MB to 1 TB.
    pub bytes: u64,
    /// Bytes that are put aside for red records on a full disk.
    pub ballast_bytes: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            ballast_bytes: 2 << 20,
        }
    }
}

/// A record on its way into the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its lane.
    pub lane: Lane,
    /// When it was heard: milliseconds of this life, and the wall clock's.
    pub up_ms: i64,
    /// Milliseconds since 1970 by the wall clock.
    pub wall_ms: i64,
    /// Where it will be forwarded to.
    pub topic: String,
    /// What will be forwarded.
    pub payload: Vec<u8>,
}

/// Why records were not taken. What is not taken must not be acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No room, and nothing left that may give way.
    #[error("the spool is full")]
    Full,
    /// Larger than a record may be.
    #[error("the record is too large for the spool")]
    TooLarge,
    /// The disk failed.
    #[error("writing to the spool: {0}")]
    Failed(#[from] io::Error),
}

/// What the spool counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Red records that wait to be forwarded.
    pub red: u64,
    /// Other records that wait.
    pub routine: u64,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Routine records that were given up for want of room.
    pub dropped: u64,
    /// Records that were refused.
    pub refused: u64,
    /// Places that could not be read.
    pub damaged: u64,
    /// Bytes of torn writes that were cut off at the start.
    pub torn_bytes: u64,
}

/// A spool on a disk.
pub struct Spool<D> {
    disk: D,
    room: Room,
    red: Files,
    routine: Files,
    lives: Lives,
    count: Count,
    ballast: u64,
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

impl<D: Disk> Spool<D> {
    /// Opens the spool on a disk and begins a new life. `wall_ms` is the wall clock now, milliseconds since 1970.
    ///
    /// # Errors
    /// If the disk cannot be read, or not even a few bytes can be written on it.
    pub fn open(mut disk: D, room: Room, wall_ms: i64) -> io::Result<Self> {
        let mut kept: Kept = disk
            .read(META, 0, 64 * 1024)
            .ok()
            .and_then(|bytes| serde_json::from_slice(bytes.trim_ascii_end()).ok())
            .unwrap_or_default();
        let mut stamps: Vec<Stamp> = Vec::new();
        let mut newest_boot = 0;
        let mut visit = |frame: &Frame| {
            newest_boot = newest_boot.max(frame.stamp.boot);
            match stamps
                .iter_mut()
                .find(|stamp| stamp.boot == frame.stamp.boot)
            {
                Some(stamp) if stamp.up_ms <= frame.stamp.up_ms => *stamp = frame.stamp,
                Some(_) => {}
                None => stamps.push(frame.stamp),
            }
        };
        let (red, found_red) = Files::open(&mut disk, Lane::Red, &mut visit)?;
        let (routine, found_routine) = Files::open(&mut disk, Lane::Routine, &mut visit)?;
        if kept.spool.is_empty() {
            kept.spool = format!("{:08x}", rand::rng().random::<u32>());
        }
        kept.boot = kept.boot.max(newest_boot) + 1;
        let mut lives = Lives::new(kept, wall_ms);
        for stamp in stamps {
            lives.found(stamp);
        }
        let count = Count {
            damaged: found_red.damaged + found_routine.damaged,
            torn_bytes: found_red.torn_bytes + found_routine.torn_bytes,
            ..Count::default()
        };
        let ballast = disk.size(BALLAST).unwrap_or_default();
        let mut spool = Self {
            disk,
            room,
            red,
            routine,
            lives,
            count,
            ballast,
        };
        spool.keep_lives()?;
        spool.refill();
        Ok(spool)
    }

    /// Writes the life and the platform's time. On a full disk the old file is written over in place.
    fn keep_lives(&mut self) -> io::Result<()> {
        let mut text = serde_json::to_vec(&self.lives.kept).map_err(io::Error::other)?;
        // Always the same length at least, so that writing over it leaves nothing of the old one.
        text.resize(text.len().max(2_048), b' ');
        match self.disk.replace(META, &text) {
            Ok(()) => Ok(()),
            Err(error) if is_full(&error) => {
                if self
                    .disk
                    .note(META, &text)
                    .and_then(|()| self.disk.sync(META))
                    .is_ok()
                {
                    return Ok(());
                }
                self.give_back()?;
                self.disk.replace(META, &text)
            }
            Err(error) => Err(error),
        }
    }

    /// The lives of the hub.
    pub fn lives(&self) -> &Lives {
        &self.lives
    }

    /// The platform told its time at `up_ms` of this life.
    ///
    /// # Errors
    /// If it cannot be kept; it holds for this life all the same.
    pub fn told(&mut self, platform_ms: i64, up_ms: i64) -> io::Result<()> {
        if self.lives.told(platform_ms, up_ms) {
            self.keep_lives()
        } else {
            Ok(())
        }
    }

    /// What it counts.
    pub fn count(&self) -> Count {
        Count {
            red: self.red.waiting(),
            routine: self.routine.waiting(),
            bytes: self.red.bytes() + self.routine.bytes(),
            ..self.count
        }
    }

    fn files(&mut self, lane: Lane) -> (&mut D, &mut Files) {
        match lane {
            Lane::Red => (&mut self.disk, &mut self.red),
            Lane::Routine => (&mut self.disk, &mut self.routine),
        }
    }

    /// Takes records, all of one lane or of both; when this returns they survive a power cut. All or none of each lane.
    ///
    /// # Errors
    /// If they were not taken: those of the other lane may have been.
    pub fn append(&mut self, items: &[Item]) -> Result<(), Refused> {
        for lane in [Lane::Red, Lane::Routine] {
            let of_lane: Vec<&Item> = items.iter().filter(|item| item.lane == lane).collect();
            if of_lane.is_empty() {
                continue;
            }
            if let Err(refused) = self.append_to(lane, &of_lane) {
                self.count.refused += of_lane.len() as u64;
                return Err(refused);
            }
        }
        Ok(())
    }

    fn append_to(&mut self, lane: Lane, items: &[&Item]) -> Result<(), Refused> {
        let boot = self.lives.boot();
        let mut bytes = Vec::new();
        let first = self.files(lane).1.next();
        for (seq, item) in (first..).zip(items) {
            let stamp = Stamp { boot, up_ms: item.up_ms, wall_ms: item.wall_ms };
            let frame = Frame { lane, seq, stamp, topic: item.topic.clone(), payload: item.payload.clone() };
            if !frame.fits() {
                return Err(Refused::TooLarge);
            }
            frame.write(&mut bytes);
        }
        while self.red.bytes() + self.routine.bytes() + bytes.len() as u64 > self.room.bytes {
            if !self.drop_routine()? {
                return Err(Refused::Full);
            }
        }
        loop {
            let (disk, files) = self.files(lane);
            match files.append(disk, &bytes, items.len() as u64) {
                Ok(()) => return Ok(()),
                Err(error) if is_full(&error) => {
                    let gave_way =
                        self.drop_routine()? || (lane == Lane::Red && self.give_back()?);
                    if !gave_way {
                        return Err(Refused::Full);
                    }
                }
                Err(error) => return Err(Refused::Failed(error)),
            }
        }
    }

    /// Gives up the oldest routine file. False if there is none.
    fn drop_routine(&mut self) -> io::Result<bool> {
        let lost = self.routine.drop_oldest(&mut self.disk)?;
        self.count.dropped += lost.unwrap_or_default();
        Ok(lost.is_some())
    }

    /// Gives the ballast back. False if there is none.
    fn give_back(&mut self) -> io::Result<bool> {
        if self.ballast == 0 {
            return Ok(false);
        }
        self.ballast = 0;
        self.disk.remove(BALLAST)?;
        Ok(true)
    }

    /// Puts the ballast aside again where there is room. Asked now and then.
    pub fn refill(&mut self) {
        if self.ballast >= self.room.ballast_bytes {
            return;
        }
        let missing = usize::try_from(self.room.ballast_bytes - self.ballast).unwrap_or(usize::MAX);
        let written = self
            .disk
            .append(BALLAST, &vec![0xa5; missing])
            .and_then(|()| self.disk.sync(BALLAST));
        self.ballast = self.room.ballast_bytes;
        if written.is_err() {
            // Half a ballast would take the room that a call may need: none at all.
            let _tried_again = self.give_back();
        }
    }

    /// Up to `max` records of a lane after a place, oldest first.
    ///
    /// # Errors
    /// The disk's.
    pub fn read(&mut self, lane: Lane, after: u64, max: usize) -> io::Result<Vec<Frame>> {
        let (disk, files) = self.files(lane);
        files.read(disk, after, max)
    }

    /// The platform has everything of a lane up to `seq`.
    ///
    /// # Errors
    /// The disk's; at worst some records are forwarded again, under the same name.
    pub fn done(&mut self, lane: Lane, seq: u64) -> io::Result<()> {
        let (disk, files) = self.files(lane);
        files.done(disk, seq)
    }

    /// How far a lane has been forwarded.
    pub fn is_done_to(&self, lane: Lane) -> u64 {
        match lane {
            Lane::Red => self.red.is_done_to(),
            Lane::Routine => self.routine.is_done_to(),
        }
    }

    /// A small file beside the records, whole or not at all: what bridges taught, what was set from afar.
    ///
    /// # Errors
    /// The disk's.
    pub fn keep(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.disk.replace(name, bytes)
    }

    /// The file that was kept, if there is one.
    pub fn kept(&self, name: &str) -> Option<Vec<u8>> {
        let size = self.disk.size(name).ok()?;
        self.disk.read(name, 0, usize::try_from(size).ok()?).ok()
    }

    /// The disk again.
    pub fn into_disk(self) -> D {
        self.disk
    }
}
