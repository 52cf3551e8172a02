//! One record on the disk: how it is written, and how a torn or damaged one is known.
//!
//! ```text
//!  "HSP1" | length u32 | crc32 of length and body u32 | body
//!  body: lane u8 | sequence u64 | boot u32 | up_ms i64 | wall_ms i64 | topic length u16 | topic | payload
//! ```
//! All numbers little endian.

use crate::time::Stamp;
use care::Lane;

const MAGIC: &[u8; 4] = b"HSP1";
const HEAD: usize = 12;
const FIXED: usize = 1 + 8 + 4 + 8 + 8 + 2;

/// Longest topic, bytes.
pub const TOPIC_BYTES_MAX: usize = store::log::TOPIC_BYTES_MAX;
/// Largest payload, bytes.
pub const PAYLOAD_BYTES_MAX: usize = store::log::PAYLOAD_BYTES_MAX;

/// A record of the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its lane.
    pub lane: Lane,
    /// Its place in the lane: grows by one with every record, never reused.
    pub seq: u64,
    /// When it was heard, by the hub's own clocks.
    pub stamp: Stamp,
    /// The topic it is forwarded to.
    pub topic: String,
    /// The payload, without what is only known when it is sent.
    pub payload: Vec<u8>,
}

/// What stands at a place of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A whole record and the bytes it takes.
    Whole(Frame, usize),
    /// Nothing more, or no whole record that can be trusted.
    Bad,
}

fn lane_byte(lane: Lane) -> u8 {
    match lane {
        Lane::Red => 1,
        Lane::Routine => 2,
    }
}

impl Frame {
    /// True if every part is within its limit (LIM-1).
    pub fn fits(&self) -> bool {
        self.topic.len() <= TOPIC_BYTES_MAX && self.payload.len() <= PAYLOAD_BYTES_MAX
    }

    /// Appends the record to a buffer.
    pub fn write(&self, out: &mut Vec<u8>) {
        let length = FIXED + self.topic.len() + self.payload.len();
        let length = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        let start = out.len();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&length);
        out.extend_from_slice(&[0; 4]);
        out.push(lane_byte(self.lane));
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.extend_from_slice(&self.stamp.boot.to_le_bytes());
        out.extend_from_slice(&self.stamp.up_ms.to_le_bytes());
        out.extend_from_slice(&self.stamp.wall_ms.to_le_bytes());
        out.extend_from_slice(
            &u16::try_from(self.topic.len())
                .unwrap_or(u16::MAX)
                .to_le_bytes(),
        );
        out.extend_from_slice(self.topic.as_bytes());
        out.extend_from_slice(&self.payload);
        let sum = sum(&length, out.get(start + HEAD..).unwrap_or_default());
        if let Some(place) = out.get_mut(start + 8..start + HEAD) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
    }

    /// Reads the record at the beginning of `bytes`.
    pub fn parse(bytes: &[u8]) -> Parsed {
        whole(bytes).map_or(Parsed::Bad, |(frame, taken)| Parsed::Whole(frame, taken))
    }
}

fn sum(length: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(length);
    hasher.update(body);
    hasher.finalize()
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

fn whole(mut bytes: &[u8]) -> Option<(Frame, usize)> {
    if &take::<4>(&mut bytes)? != MAGIC {
        return None;
    }
    let length_bytes = take::<4>(&mut bytes)?;
    let length = usize::try_from(u32::from_le_bytes(length_bytes)).ok()?;
    if !(FIXED..=FIXED + TOPIC_BYTES_MAX + PAYLOAD_BYTES_MAX).contains(&length) {
        return None;
    }
    let told = u32::from_le_bytes(take::<4>(&mut bytes)?);
    let body = bytes.get(..length)?;
    if sum(&length_bytes, body) != told {
        return None;
    }
    let mut body = body;
    let lane = match take::<1>(&mut body)? {
        [1] => Lane::Red,
        [2] => Lane::Routine,
        _ => return None,
    };
    let seq = u64::from_le_bytes(take(&mut body)?);
    let boot = u32::from_le_bytes(take(&mut body)?);
    let up_ms = i64::from_le_bytes(take(&mut body)?);
    let wall_ms = i64::from_le_bytes(take(&mut body)?);
    let topic = usize::from(u16::from_le_bytes(take(&mut body)?));
    let (topic, payload) = body.split_at_checked(topic)?;
    let topic = std::str::from_utf8(topic).ok()?.to_owned();
    let frame = Frame {
        lane,
        seq,
        stamp: Stamp {
            boot,
            up_ms,
            wall_ms,
        },
        topic,
        payload: payload.to_vec(),
    };
    Some((frame, HEAD + length))
}

/// The first place after `from` where a record might begin.
pub(crate) fn next_start(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(MAGIC.len())
        .position(|window| window == MAGIC)
        .map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        let stamp = Stamp {
            boot: 3,
            up_ms: -5,
            wall_ms: 1_800_000_000_000,
        };
        Frame {
            lane: Lane::Red,
            seq: 7,
            stamp,
            topic: "care/v1/h/d/call".into(),
            payload: b"{\"id\":\"x\"}".to_vec(),
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let mut bytes = Vec::new();
        frame().write(&mut bytes);
        let length = bytes.len();
        bytes.extend_from_slice(b"rest");
        assert_eq!(Frame::parse(&bytes), Parsed::Whole(frame(), length));
    }

    #[test]
    fn a_record_cut_or_garbled_anywhere_is_none() {
        let mut bytes = Vec::new();
        frame().write(&mut bytes);
        for at in 0..bytes.len() {
            assert_eq!(Frame::parse(&bytes[..at]), Parsed::Bad, "cut at {at}");
            for bit in 0..8 {
                let mut garbled = bytes.clone();
                garbled[at] ^= 1 << bit;
                assert_eq!(
                    Frame::parse(&garbled),
                    Parsed::Bad,
                    "bit {bit} of byte {at}"
                );
            }
        }
    }
}
