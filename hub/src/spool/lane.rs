//! One lane of the spool: its segment files, in order, and how far it has been forwarded.

use crate::disk::Disk;
use crate::frame::{Frame, Parsed, next_start};
use care::Lane;
use std::collections::VecDeque;
use std::io;

/// A segment that has this many bytes is full, and the next one begins.
pub(super) const SEGMENT_BYTES: u64 = 128 * 1024;

/// A file of records.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) name: String,
    first: u64,
    last: u64,
    pub(super) bytes: u64,
    records: u64,
}

/// What a lane found when it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Records that wait to be forwarded.
    pub waiting: u64,
    /// Bytes of a write that a power cut had torn: cut off.
    pub torn_bytes: u64,
    /// Places in the middle of files that could not be read: skipped.
    pub damaged: u64,
}

pub(super) struct Files {
    lane: Lane,
    pub(super) segments: VecDeque<Segment>,
    next: u64,
    done: u64,
    /// Where reading went on last: after this record, in this file, at this byte.
    cursor: Option<(u64, String, u64)>,
}

fn word(lane: Lane) -> &'static str {
    match lane {
        Lane::Red => "red",
        Lane::Routine => "routine",
    }
}

fn done_file(lane: Lane) -> String {
    format!("{}.done", word(lane))
}

/// Reads all records of some bytes in order; gives each with the place after it. Returns the place after the last
/// whole record, and how many places in between could not be read.
fn each(bytes: &[u8], lane: Lane, after: u64, mut take: impl FnMut(Frame, usize)) -> (usize, u64) {
    let (mut at, mut good, mut damaged, mut expected) = (0, 0, 0, after);
    let mut skipping = false;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match Frame::parse(rest) {
            Parsed::Whole(frame, taken) if frame.lane == lane && frame.seq > expected => {
                damaged += u64::from(std::mem::take(&mut skipping));
                at += taken;
                good = at;
                expected = frame.seq;
                take(frame, at);
            }
            Parsed::Whole(..) | Parsed::Bad => {
                skipping = true;
                match next_start(bytes, at + 1) {
                    Some(next) => at = next,
                    None => break,
                }
            }
        }
    }
    (good, damaged)
}

impl Files {
    /// Reads all segments of a lane; the torn end of the last one is cut off. `visit` sees every record.
    pub(super) fn open(
        disk: &mut dyn Disk,
        lane: Lane,
        mut visit: impl FnMut(&Frame),
    ) -> io::Result<(Self, Found)> {
        let mut found = Found::default();
        let begin = format!("{}-", word(lane));
        let mut names: Vec<String> = disk
            .list()?
            .into_iter()
            .filter(|name| name.starts_with(&begin) && name.ends_with(".seg"))
            .collect();
        names.sort();
        let noted = read_done(disk, lane);
        let mut files = Self {
            lane,
            segments: VecDeque::new(),
            next: 1,
            done: 0,
            cursor: None,
        };
        let mut last = 0;
        let newest = names.last().cloned();
        for name in names {
            let size = disk.size(&name)?;
            let bytes = disk.read(&name, 0, usize::try_from(size).unwrap_or(usize::MAX))?;
            let (mut first, mut records) = (0, 0);
            let (good, damaged) = each(&bytes, lane, last, |frame, _| {
                if records == 0 {
                    first = frame.seq;
                }
                records += 1;
                last = frame.seq;
                found.waiting += u64::from(frame.seq > noted);
                visit(&frame);
            });
            found.damaged += damaged;
            let good = u64::try_from(good).unwrap_or(u64::MAX);
            let rest = bytes.len() as u64 - good;
            let is_newest = newest.as_ref() == Some(&name);
            if rest > 0 && is_newest {
                found.torn_bytes += rest;
                disk.cut(&name, good)?;
            } else if rest > 0 {
                found.damaged += 1;
            }
            if records == 0 {
                disk.remove(&name)?;
            } else {
                files.segments.push_back(Segment {
                    name,
                    first,
                    last,
                    bytes: if is_newest { good } else { size },
                    records,
                });
            }
        }
        let oldest = files
            .segments
            .front()
            .map_or(0, |segment| segment.first.saturating_sub(1));
        files.done = noted.max(oldest);
        files.next = last.max(files.done) + 1;
        files.let_go(disk)?;
        Ok((files, found))
    }

    /// The next record's place.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Records that wait to be forwarded, as far as no places are damaged.
    pub(super) fn waiting(&self) -> u64 {
        let here = self
            .segments
            .front()
            .map_or(self.next, |segment| segment.first);
        self.next.saturating_sub(here.max(self.done + 1))
    }

    /// Bytes on the disk.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// The file that is written now, and how many bytes of it are good.
    fn open_segment(&mut self) -> (String, u64) {
        match self.segments.back() {
            Some(segment) if segment.bytes < SEGMENT_BYTES => (segment.name.clone(), segment.bytes),
            Some(_) | None => (format!("{}-{:020}.seg", word(self.lane), self.next), 0),
        }
    }

    /// Writes records and waits until they survive a power cut. All or none: what was written of them is cut off again.
    pub(super) fn append(
        &mut self,
        disk: &mut dyn Disk,
        bytes: &[u8],
        records: u64,
    ) -> io::Result<()> {
        let (name, before) = self.open_segment();
        let written = disk.append(&name, bytes).and_then(|()| disk.sync(&name));
        if let Err(error) = written {
            let undone = if before == 0 {
                disk.remove(&name)
            } else {
                disk.cut(&name, before)
            };
            if undone.is_err() && before > 0 {
                // What lies behind the good bytes is not known: nothing more goes into this file.
                if let Some(segment) = self.segments.back_mut() {
                    segment.bytes = segment.bytes.max(SEGMENT_BYTES);
                }
            }
            return Err(error);
        }
        let last = self.next + records - 1;
        match self
            .segments
            .back_mut()
            .filter(|segment| segment.name == name)
        {
            Some(segment) => {
                segment.last = last;
                segment.bytes += bytes.len() as u64;
                segment.records += records;
            }
            None => {
                self.segments.push_back(Segment {
                    name,
                    first: self.next,
                    last,
                    bytes: bytes.len() as u64,
                    records,
                });
            }
        }
        self.next = last + 1;
        Ok(())
    }

    /// Up to `max` records after a place, oldest first, of one segment at a time.
    pub(super) fn read(
        &mut self,
        disk: &dyn Disk,
        after: u64,
        max: usize,
    ) -> io::Result<Vec<Frame>> {
        let Some(segment) = self.segments.iter().find(|segment| segment.last > after) else {
            return Ok(Vec::new());
        };
        let from = match &self.cursor {
            Some((seq, name, at)) if *seq == after && *name == segment.name => *at,
            Some(_) | None => 0,
        };
        let rest = usize::try_from(segment.bytes.saturating_sub(from)).unwrap_or(usize::MAX);
        let bytes = disk.read(&segment.name, from, rest)?;
        let mut frames = Vec::new();
        let mut at = 0;
        while frames.len() < max {
            let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else {
                break;
            };
            match Frame::parse(rest) {
                Parsed::Whole(frame, taken) => {
                    at += taken;
                    if frame.lane == self.lane && frame.seq > after {
                        frames.push(frame);
                    }
                }
                Parsed::Bad => match next_start(&bytes, at + 1) {
                    Some(next) => at = next,
                    None => break,
                },
            }
        }
        if let Some(last) = frames.last() {
            self.cursor = Some((last.seq, segment.name.clone(), from + at as u64));
        } else {
            // Nothing can be read here though there was something: it is behind us.
            let behind = segment.last;
            if behind < self.next - 1 {
                return self.read(disk, behind, max);
            }
        }
        Ok(frames)
    }

    /// Everything up to `seq` is with the platform: finished files go.
    pub(super) fn done(&mut self, disk: &mut dyn Disk, seq: u64) -> io::Result<()> {
        if seq <= self.done {
            return Ok(());
        }
        self.done = seq.min(self.next - 1);
        let noted = write_done(disk, self.lane, self.done);
        self.let_go(disk)?;
        noted
    }

    /// How far it has been forwarded.
    pub(super) fn is_done_to(&self) -> u64 {
        self.done
    }

    /// Removes files that hold nothing more to forward; the one that is written stays until it is full.
    fn let_go(&mut self, disk: &mut dyn Disk) -> io::Result<()> {
        while let Some(front) = self.segments.front() {
            let finished = front.last <= self.done
                && (self.segments.len() > 1 || front.bytes >= SEGMENT_BYTES);
            if !finished {
                break;
            }
            disk.remove(&front.name)?;
            self.segments.pop_front();
        }
        Ok(())
    }

    /// Gives up the oldest file. The records in it that were not forwarded; `None` if there is no file.
    pub(super) fn drop_oldest(&mut self, disk: &mut dyn Disk) -> io::Result<Option<u64>> {
        let Some(front) = self.segments.front() else {
            return Ok(None);
        };
        disk.remove(&front.name)?;
        let lost = front
            .last
            .saturating_sub(front.first.saturating_sub(1).max(self.done))
            .min(front.records);
        self.done = self.done.max(front.last);
        self.segments.pop_front();
        // A torn note only means that some are forwarded twice.
        let _known_again_by_the_files = write_done(disk, self.lane, self.done);
        Ok(Some(lost))
    }
}

fn read_done(disk: &dyn Disk, lane: Lane) -> u64 {
    let Ok(bytes) = disk.read(&done_file(lane), 0, 12) else {
        return 0;
    };
    let Some((seq, sum)) = bytes.split_first_chunk::<8>() else {
        return 0;
    };
    if sum == crc32fast::hash(seq).to_le_bytes() {
        u64::from_le_bytes(*seq)
    } else {
        0
    }
}

fn write_done(disk: &mut dyn Disk, lane: Lane, seq: u64) -> io::Result<()> {
    let seq = seq.to_le_bytes();
    let sum = crc32fast::hash(&seq).to_le_bytes();
    disk.note(&done_file(lane), &[&seq[..], &sum[..]].concat())
}
