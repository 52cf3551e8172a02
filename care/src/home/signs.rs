//! When life was seen over the last day, for people to look at: sixty-four pieces of a day, one bit each.

use super::clock::Second;
use super::codec::{DecodeError, Reader, Writer};
use crate::Timestamp;

/// Length of a piece: the 64th part of a day.
const PIECE_S: i64 = 1_350;
/// Bytes in an encoded home.
pub(super) const SIGNS_BYTES: usize = 12;

/// The pieces in which somebody was about. The order in which signs are heard does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Signs {
    /// The piece of bit 0, counted from 1970; the bits above are those before it.
    latest: u32,
    bits: u64,
}

impl Signs {
    pub(super) fn note(&mut self, at: Second) {
        let piece = u32::try_from(at.timestamp() / PIECE_S).unwrap_or(u32::MAX);
        if piece > self.latest {
            self.bits = self.bits.checked_shl(piece - self.latest).unwrap_or(0);
            self.latest = piece;
        }
        self.bits |= 1_u64.checked_shl(self.latest - piece).unwrap_or(0);
    }

    /// Spans of the day before `now`, the oldest first: neighbours are one.
    pub(super) fn spans(self, now: Second) -> Vec<(Timestamp, Timestamp)> {
        let mut out: Vec<(i64, i64)> = Vec::new();
        for age in (0..u64::BITS).rev().filter(|age| self.bits & (1 << age) != 0) {
            let from = (i64::from(self.latest) - i64::from(age)) * PIECE_S;
            let (from, to) = (from.max(now.timestamp() - 86_400), (from + PIECE_S).min(now.timestamp()));
            match out.last_mut() {
                _ if to <= from => {}
                Some(last) if last.1 == from => last.1 = to,
                Some(_) | None => out.push((from, to)),
            }
        }
        out.into_iter().map(|(from, to)| (Second::new(from).into(), Second::new(to).into())).collect()
    }

    pub(super) fn encode(self, out: &mut Writer) {
        out.0.extend_from_slice(&self.latest.to_le_bytes());
        out.0.extend_from_slice(&self.bits.to_le_bytes());
    }

    pub(super) fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let latest = from.bytes(4)?.iter().rev().fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
        let bits = from.bytes(8)?.iter().rev().fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        Ok(Self { latest, bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(minutes: &[i64], now: i64) -> String {
        let second = |minute: i64| Second::new(1_350 * 1_000_000 + minute * 60);
        let mut signs = Signs::default();
        for minute in minutes {
            signs.note(second(*minute));
        }
        let mut out = Writer(Vec::new());
        signs.encode(&mut out);
        assert_eq!(out.0.len(), SIGNS_BYTES);
        assert_eq!(Signs::decode(&mut Reader(&out.0)), Ok(signs));
        let zero: Timestamp = second(0).into();
        signs.spans(second(now)).iter().map(|(from, to)| format!("{}-{} ", (*from - zero).num_minutes(), (*to - zero).num_minutes())).collect()
    }

    #[test]
    fn a_day_is_remembered_in_pieces_whatever_the_order_and_never_beyond_now() {
        assert_eq!(told(&[], 60), "");
        assert_eq!(told(&[0, 23, 100], 105), "0-45 90-105 ");
        assert_eq!(told(&[100, 23, 0], 105), "0-45 90-105 ", "late ones find their place");
        assert_eq!(told(&[0, 23], 1_440 + 30), "30-45 ", "a day ago is the edge");
        assert_eq!(told(&[0, 3_000], 3_001), "2992-3001 ", "what is older has gone");
        assert_eq!(told(&[3_000, 0], 3_001), "2992-3001 ");
        assert_eq!(told(&[0], 3_001), "");
    }
}
