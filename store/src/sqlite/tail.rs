//! The newest records of every lane, kept in memory: a worker that keeps up never waits for a disk or for another
//! thread to read what was just written.

use super::lock;
use super::log::size;
use crate::log::{Entry, Offset, Record};
use std::collections::VecDeque;
use std::sync::Mutex;

/// Bytes kept over all lanes.
const BYTES_MAX: usize = 8 << 20;

/// The tails of all lanes, by slot.
pub(super) struct Tails {
    lanes: Vec<Mutex<Tail>>,
    bytes_max: usize,
}

/// Every durable record behind `floor`, up to the newest.
struct Tail {
    floor: u64,
    records: VecDeque<(u64, Record)>,
    bytes: usize,
}

impl Tails {
    /// Nothing yet: each lane goes on behind its end.
    pub(super) fn new(ends: &[u64]) -> Self {
        let lanes = ends.iter().map(|end| Mutex::new(Tail { floor: *end, records: VecDeque::new(), bytes: 0 })).collect();
        Self { lanes, bytes_max: BYTES_MAX / ends.len().max(1) }
    }

    /// Adds a record that has just become durable.
    pub(super) fn push(&self, slot: usize, offset: u64, record: Record) {
        let Some(tail) = self.lanes.get(slot) else { return };
        let mut tail = lock(tail);
        tail.bytes = tail.bytes.saturating_add(size(&record));
        tail.records.push_back((offset, record));
        while tail.bytes > self.bytes_max {
            let Some((offset, record)) = tail.records.pop_front() else { break };
            tail.bytes = tail.bytes.saturating_sub(size(&record));
            tail.floor = offset;
        }
    }

    /// Up to `max` records after `after`; `None` if the tail does not reach back so far.
    pub(super) fn read(&self, slot: usize, after: Offset, end: u64, max: usize) -> Option<Vec<Entry>> {
        let tail = lock(self.lanes.get(slot)?);
        if after.0 < tail.floor {
            return None;
        }
        let first = tail.records.partition_point(|(offset, _)| *offset <= after.0);
        let found = tail.records.range(first..).take_while(|(offset, _)| *offset <= end).take(max);
        Some(found.map(|(offset, record)| Entry { offset: Offset(*offset), record: record.clone() }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_answers_for_what_it_holds_and_for_nothing_older() {
        let record = |n: u64, bytes| Record {
            lane: care::Lane::Red,
            home: "h".into(),
            source: String::new(),
            topic: n.to_string(),
            payload: vec![0; bytes],
            heard_at: care::Timestamp::UNIX_EPOCH,
        };
        let tails = Tails::new(&[5, 0]);
        let read = |after, max| tails.read(0, Offset(after), 1_000, max).map(|e| e.iter().map(|e| e.offset.0).collect::<Vec<_>>());
        assert_eq!((read(4, 9), read(5, 9)), (None, Some(vec![])));
        for n in [6, 7, 9] {
            tails.push(0, n, record(n, 10));
        }
        assert_eq!(read(5, 2), Some(vec![6, 7]));
        assert_eq!((read(8, 9), read(9, 9)), (Some(vec![9]), Some(vec![])));
        assert_eq!(tails.read(0, Offset(5), 7, 9).unwrap().len(), 2, "never beyond the end");
        for n in 10..60 {
            tails.push(0, n, record(n, 200_000));
        }
        assert_eq!(read(5, 9), None, "what was pushed out is read from the disk");
        assert_eq!(read(58, 9), Some(vec![59]));
        assert!(lock(&tails.lanes[0]).bytes <= BYTES_MAX / 2);
    }
}
