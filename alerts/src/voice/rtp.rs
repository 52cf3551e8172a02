//! RTP (RFC 3550): a header of twelve bytes before every 20 ms of sound; and the ear that makes of packets what they
//! mean. The ear is pure: packets in, keys out.

use super::audio::Law;
use super::keys::{Detector, Via, key_of_event};
use super::sdp::Answer;

/// Mean absolute sample above which something is being said.
const LOUD: u64 = 150;
/// Loud packets after which the other end counts as heard: a click is not a voice.
const LOUD_PACKETS: u64 = 5;

/// A packet as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The first one after a pause, or the first of an event.
    pub marker: bool,
    /// What is in it.
    pub payload_type: u8,
    /// Counts packets.
    pub sequence: u16,
    /// Counts samples.
    pub timestamp: u32,
    /// Who sends.
    pub source: u32,
    /// The sound.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet; `None` if it is none.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (first, second) = (*bytes.first()?, *bytes.get(1)?);
        if first >> 6 != 2 {
            return None;
        }
        let four = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes);
        let sequence = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
        let mut start = 12 + usize::from(first & 0x0f) * 4;
        if first & 0x10 != 0 {
            let words = u16::from_be_bytes(bytes.get(start + 2..start + 4)?.try_into().ok()?);
            start += 4 + usize::from(words) * 4;
        }
        let padding = if first & 0x20 != 0 { usize::from(*bytes.last()?) } else { 0 };
        let payload = bytes.get(start..bytes.len().checked_sub(padding)?)?;
        Some(Self { marker: second & 0x80 != 0, payload_type: second & 0x7f, sequence, timestamp: four(4)?, source: four(8)?, payload })
    }

    /// The packet's bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(12 + self.payload.len());
        out.push(0x80);
        out.push(self.payload_type | if self.marker { 0x80 } else { 0 });
        out.extend(self.sequence.to_be_bytes());
        out.extend(self.timestamp.to_be_bytes());
        out.extend(self.source.to_be_bytes());
        out.extend(self.payload);
        out
    }
}

/// What the ear made of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heard {
    /// Keys that were pressed.
    pub keys: Vec<(char, Via)>,
    /// The sound, if it was sound.
    pub sound: Option<Vec<i16>>,
}

/// Listens to one leg. Before the call is answered it only counts: a key in early media is no person's (ALM-3).
#[derive(Debug, Default)]
pub struct Ear {
    answer: Option<Answer>,
    answered: bool,
    /// The event told last: its other packets are copies.
    event: Option<(u32, u32, u8)>,
    detector: Detector,
    last: Option<u16>,
    /// Packets that came before the answer.
    pub early: u64,
    /// Packets that came after it.
    pub packets: u64,
    /// Packets that are missing between those that came.
    pub lost: u64,
    loud: u64,
}

impl Ear {
    /// What was negotiated, in early media or by the answer.
    pub fn negotiated(&mut self, answer: Answer, answered: bool) {
        self.answer = Some(answer);
        self.answered |= answered;
    }

    /// True if something was said at the other end after the answer.
    pub fn heard_something(&self) -> bool {
        self.loud >= LOUD_PACKETS
    }

    /// Takes a packet in.
    pub fn hear(&mut self, packet: &Packet<'_>) -> Heard {
        let Some(answer) = self.answer else { return Heard::default() };
        if Some(packet.payload_type) == answer.event {
            return self.event(packet);
        }
        if !self.answered {
            self.early += 1;
            return Heard::default();
        }
        self.packets += 1;
        if let Some(last) = self.last {
            let gap = packet.sequence.wrapping_sub(last);
            if gap > 1 && gap < 1_000 {
                self.lost += u64::from(gap) - 1;
            }
        }
        self.last = Some(packet.sequence);
        // The other end may send in either law that was offered.
        let Some(law) = Law::of(packet.payload_type) else { return Heard::default() };
        let sound = law.decode(packet.payload);
        let sum: u64 = sound.iter().map(|s| u64::from(s.unsigned_abs())).sum();
        if sum > LOUD * u64::try_from(sound.len()).unwrap_or(0) {
            self.loud += 1;
        }
        // Speech can sound like a key: tones are listened for only where there is no better way.
        let keys = if answer.event.is_none() { self.detector.hear(&sound).into_iter().map(|k| (k, Via::InBand)).collect() } else { Vec::new() };
        Heard { keys, sound: Some(sound) }
    }

    fn event(&mut self, packet: &Packet<'_>) -> Heard {
        let Some(number) = packet.payload.first().copied() else { return Heard::default() };
        let name = (packet.source, packet.timestamp, number);
        let is_new = self.event != Some(name);
        self.event = Some(name);
        if !self.answered {
            self.early += 1;
            return Heard::default();
        }
        if let Some(last) = self.last {
            let gap = packet.sequence.wrapping_sub(last);
            if gap > 1 && gap < 1_000 {
                self.lost += u64::from(gap) - 1;
            }
        }
        self.last = Some(packet.sequence);
        self.packets += 1;
        let key = key_of_event(number).filter(|_| is_new);
        Heard { keys: key.map(|k| (k, Via::Rfc4733)).into_iter().collect(), sound: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet<'a>(payload_type: u8, sequence: u16, timestamp: u32, payload: &'a [u8]) -> Packet<'a> {
        Packet { marker: false, payload_type, sequence, timestamp, source: 7, payload }
    }

    fn ear(event: Option<u8>, answered: bool) -> Ear {
        let mut ear = Ear::default();
        ear.negotiated(Answer { to: "127.0.0.1:4000".parse().unwrap(), law: Law::A, event }, answered);
        ear
    }

    #[test]
    fn a_packet_is_read_as_it_was_written_and_nonsense_is_none() {
        let written = packet(8, 9, 160, &[1, 2, 3]).write();
        assert_eq!(Packet::read(&written), Some(packet(8, 9, 160, &[1, 2, 3])));
        // An extension and padding.
        let mut long = vec![0xb0, 8, 0, 9, 0, 0, 0, 160, 0, 0, 0, 7, 0, 0, 0, 1, 9, 9, 9, 9, 1, 2, 3, 2, 2];
        assert_eq!(Packet::read(&long).map(|p| p.payload), Some(&[1u8, 2, 3][..]));
        *long.last_mut().unwrap() = 200;
        assert_eq!(Packet::read(&long), None);
        for n in 0..12 {
            assert_eq!(Packet::read(&written[..n]), None);
        }
    }

    #[test]
    fn an_event_is_one_key_however_many_packets_it_has_and_the_next_one_is_another() {
        let mut ear = ear(Some(101), true);
        let mut keys = Vec::new();
        for (seq, ts, event) in [(1, 100, 1), (2, 100, 1), (3, 100, 1), (4, 900, 1), (5, 900, 1), (6, 1_700, 2)] {
            keys.extend(ear.hear(&packet(101, seq, ts, &[event, 10, 0, 160])).keys);
        }
        assert_eq!(keys, [('1', Via::Rfc4733), ('1', Via::Rfc4733), ('2', Via::Rfc4733)]);
        assert_eq!((ear.packets, ear.lost), (6, 0));
    }

    #[test]
    fn a_key_that_began_before_the_answer_never_counts() {
        let mut ear = ear(Some(101), false);
        assert!(ear.hear(&packet(101, 1, 100, &[1, 10, 0, 160])).keys.is_empty());
        ear.negotiated(ear.answer.unwrap(), true);
        assert!(ear.hear(&packet(101, 2, 100, &[1, 10, 0, 160])).keys.is_empty());
        assert_eq!(ear.hear(&packet(101, 3, 500, &[1, 10, 0, 160])).keys.len(), 1);
        assert_eq!(ear.early, 1);
    }

    #[test]
    fn tones_count_only_where_events_were_not_negotiated() {
        let sound = crate::voice::audio::tone(&[697.0, 1209.0], std::time::Duration::from_millis(200));
        for (event, expected) in [(None, 1), (Some(101), 0)] {
            let mut ear = ear(event, true);
            let heard: usize = sound.chunks(160).zip(0u16..).map(|(c, n)| ear.hear(&packet(8, n, u32::from(n) * 160, &Law::A.encode(c))).keys.len()).sum();
            assert_eq!(heard, expected);
            assert!(ear.heard_something());
        }
    }
}
