//! Just enough of the zip format for workbooks: entries stored or deflated, found by the directory at the end.

use super::PAGE_BYTES_MAX;
use crate::sheet::SheetProblem;
use flate2::Crc;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use std::io::{Read, Write};

/// Most entries of a file.
const ENTRIES_MAX: usize = 2_000;

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?)).ok()
}

struct Entry {
    name: String,
    method: usize,
    packed: usize,
    at: usize,
    crc: u32,
}

/// A zip file to read from.
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    entries: Vec<Entry>,
}

impl<'a> Archive<'a> {
    /// Reads the directory.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, SheetProblem> {
        Self::directory(bytes).map(|entries| Self { bytes, entries }).ok_or(SheetProblem::Workbook)
    }

    fn directory(bytes: &[u8]) -> Option<Vec<Entry>> {
        // The end record is 22 bytes and a comment of up to 64 KiB.
        let from = bytes.len().saturating_sub(22 + 65_535);
        let tail = bytes.get(from..)?;
        let end = from + tail.windows(4).rposition(|four| four == b"PK\x05\x06")?;
        bytes.get(end..end.checked_add(22)?)?;
        let (count, mut at) = (u16_at(bytes, end + 10)?, u32_at(bytes, end + 16)?);
        if count > ENTRIES_MAX {
            return None;
        }
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            if bytes.get(at..at.checked_add(4)?)? != b"PK\x01\x02" {
                return None;
            }
            let (name, extra, comment) = (u16_at(bytes, at + 28)?, u16_at(bytes, at + 30)?, u16_at(bytes, at + 32)?);
            let encrypted = u16_at(bytes, at + 8)? & 1 == 1;
            if encrypted {
                return None;
            }
            entries.push(Entry {
                name: String::from_utf8_lossy(bytes.get(at + 46..at + 46 + name)?).trim_start_matches('/').to_owned(),
                method: u16_at(bytes, at + 10)?,
                crc: u32::try_from(u32_at(bytes, at + 16)?).ok()?,
                packed: u32_at(bytes, at + 20)?,
                at: u32_at(bytes, at + 42)?,
            });
            at = at.checked_add(46 + name + extra + comment)?;
        }
        Some(entries)
    }

    /// An entry's content as text; none if there is no such entry.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, SheetProblem> {
        let Some(entry) = self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name)) else { return Ok(None) };
        let content = self.content(entry)?;
        String::from_utf8(content).map(Some).map_err(|_| SheetProblem::Workbook)
    }

    fn content(&self, entry: &Entry) -> Result<Vec<u8>, SheetProblem> {
        let packed = (|| {
            let (name, extra) = (u16_at(self.bytes, entry.at.checked_add(26)?)?, u16_at(self.bytes, entry.at.checked_add(28)?)?);
            let from = entry.at.checked_add(30 + name + extra)?;
            self.bytes.get(from..from.checked_add(entry.packed)?)
        })();
        let packed = packed.ok_or(SheetProblem::Workbook)?;
        let content = match entry.method {
            0 => packed.to_vec(),
            8 => {
                let mut out = Vec::new();
                let limit = u64::try_from(PAGE_BYTES_MAX).unwrap_or(u64::MAX);
                DeflateDecoder::new(packed).take(limit + 1).read_to_end(&mut out).map_err(|_| SheetProblem::Workbook)?;
                out
            }
            _ => return Err(SheetProblem::Workbook),
        };
        if content.len() > PAGE_BYTES_MAX {
            return Err(SheetProblem::TooLong);
        }
        let mut crc = Crc::new();
        crc.update(&content);
        if crc.sum() == entry.crc { Ok(content) } else { Err(SheetProblem::Workbook) }
    }
}

/// A zip file of these entries. Its time is fixed: the same content is the same file.
pub(super) fn pack(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    let long = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    let short = |n: usize| u16::try_from(n).unwrap_or(u16::MAX).to_le_bytes();
    for (name, content) in entries {
        let mut crc = Crc::new();
        crc.update(content);
        let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::new(4));
        // Writing into a vector does not fail; if it did, the content is stored as it is.
        let deflated = encoder.write_all(content).and_then(|()| encoder.finish()).ok();
        let (method, packed) = deflated.map_or((0u16, content.clone()), |packed| (8, packed));
        let at = out.len();
        let mut head = Vec::new();
        head.extend(20u16.to_le_bytes()); // version needed
        head.extend(0x0800u16.to_le_bytes()); // names in UTF-8
        head.extend(method.to_le_bytes());
        head.extend(0u16.to_le_bytes());
        head.extend(0x5c21u16.to_le_bytes()); // 2026-01-01
        head.extend(crc.sum().to_le_bytes());
        head.extend(long(packed.len()));
        head.extend(long(content.len()));
        head.extend(short(name.len()));
        head.extend(0u16.to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&head);
        out.extend(name.as_bytes());
        out.extend(packed);
        directory.extend(b"PK\x01\x02");
        directory.extend(20u16.to_le_bytes());
        directory.extend(&head);
        directory.extend([0; 10]); // comment, disk, attributes
        directory.extend(long(at));
        directory.extend(name.as_bytes());
    }
    let at = out.len();
    out.extend(&directory);
    out.extend(b"PK\x05\x06");
    out.extend([0; 4]);
    out.extend(short(entries.len()));
    out.extend(short(entries.len()));
    out.extend(long(directory.len()));
    out.extend(long(at));
    out.extend([0; 2]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_read_back_and_damage_is_found() {
        let packed = pack(&[("a.xml".to_owned(), "喆堃𬭎".repeat(100).into_bytes()), ("b".to_owned(), Vec::new())]);
        let archive = Archive::open(&packed).unwrap();
        assert_eq!(archive.text("A.xml").unwrap().unwrap(), "喆堃𬭎".repeat(100));
        assert_eq!(archive.text("b").unwrap().unwrap(), "");
        assert_eq!(archive.text("c").unwrap(), None);
        for at in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x55;
            // No panic, and never another text.
            if let Ok(archive) = Archive::open(&damaged)
                && let Ok(Some(text)) = archive.text("a.xml")
            {
                assert_eq!(text, "喆堃𬭎".repeat(100), "byte {at}");
            }
        }
        for end in 0..packed.len() {
            assert!(Archive::open(&packed[..end]).is_err());
        }
    }
}
