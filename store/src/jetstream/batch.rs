//! Several records in one message. Version 1: a byte of version, the number of records, then each with lengths before its parts.

use crate::log::{Entry, Offset, Record};
use crate::sqlite::files::{instant, nanos};
use care::{HomeId, Lane};

/// The version written.
const VERSION: u8 = 1;
/// Bits of an offset that tell the record within its message.
const INDEX_BITS: u32 = 12;
/// Most records in a message.
pub(super) const RECORDS_MAX: usize = 1_000;
/// Most bytes of a message, safely below the servers' limit of 1 MB.
pub(super) const BYTES_MAX: usize = 700 * 1_024;

/// The place of a record: the message's number in its stream, then the record's within it.
pub(super) fn offset(sequence: u64, index: usize) -> Offset {
    Offset((sequence << INDEX_BITS) | (index as u64 & ((1 << INDEX_BITS) - 1)))
}

/// The message in which an offset stands.
pub(super) fn sequence(offset: Offset) -> u64 {
    offset.0 >> INDEX_BITS
}

/// About how many bytes a record takes.
pub(super) fn weight(record: &Record) -> usize {
    32 + record.home.as_str().len() + record.source.len() + record.topic.len() + record.payload.len()
}

/// Packs records.
pub(super) fn pack<'a>(records: impl ExactSizeIterator<Item = &'a Record>) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend(u16::try_from(records.len()).unwrap_or(u16::MAX).to_be_bytes());
    for record in records {
        out.extend(nanos(record.heard_at).to_be_bytes());
        for part in [record.home.as_str().as_bytes(), record.source.as_bytes(), record.topic.as_bytes(), &record.payload] {
            out.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(part);
        }
    }
    out
}

/// How many records a message has.
pub(super) fn count(bytes: &[u8]) -> usize {
    match bytes {
        [VERSION, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    }
}

/// Unpacks a message; `None` if it is none of ours or of a newer version.
pub(super) fn unpack(lane: Lane, sequence: u64, bytes: &[u8]) -> Option<Vec<Entry>> {
    let count = count(bytes);
    let mut rest = bytes.get(3..)?;
    let mut out = Vec::with_capacity(count.min(RECORDS_MAX));
    for index in 0..count {
        let (heard_at, after) = rest.split_first_chunk::<8>()?;
        rest = after;
        let mut part = || {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (part, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
            rest = after;
            Some(part)
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let (home, source, topic, payload) = (text(part()?)?, text(part()?)?, text(part()?)?, part()?.to_vec());
        let record = Record { lane, home: HomeId::new(home), source, topic, payload, heard_at: instant(i64::from_be_bytes(*heard_at)) };
        out.push(Entry { offset: offset(sequence, index), record });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_back_with_its_places() {
        let record = |n: usize| Record {
            lane: Lane::Red,
            home: "h".into(),
            source: "s".into(),
            topic: "t/守".into(),
            payload: vec![0xff; n],
            heard_at: instant(1_795_000_000_123_456_789),
        };
        let records: Vec<_> = (0..3).map(record).collect();
        let bytes = pack(records.iter());
        let entries = unpack(Lane::Red, 7, &bytes).unwrap();
        assert_eq!(entries.iter().map(|e| e.record.clone()).collect::<Vec<_>>(), records);
        assert!(entries.is_sorted_by(|a, b| a.offset < b.offset) && entries.iter().all(|e| sequence(e.offset) == 7));
        assert!(offset(8, 0) > entries[2].offset && count(&bytes) == 3);
        for cut in 0..bytes.len() {
            assert!(unpack(Lane::Red, 7, &bytes[..cut]).is_none_or(|e| e.is_empty()), "cut at {cut}");
        }
        assert!(unpack(Lane::Red, 7, &[9, 0, 1]).is_none_or(|e| e.is_empty()), "a newer version is not guessed at");
    }
}
