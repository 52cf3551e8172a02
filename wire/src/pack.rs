//! Long descriptions on their way through the event log: `bridge/devices` of a home with 200 devices has 2 MB, says much
//! the same 200 times, and the log's records are of 256 KB. The door packs it, [`crate::decode`] unpacks it.

use crate::{LESSON_BYTES_MAX, teaches};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::borrow::Cow;
use std::io::{Read, Write};

/// What is shorter is stored as it came, bytes.
const PACKED_FROM: usize = 64 * 1024;
/// How gzip begins; JSON does not.
const MAGIC: &[u8] = b"\x1f\x8b";

/// The payload as the event log stores it: a long description packed with gzip, anything else as it is.
pub fn pack(topic: &str, payload: &[u8]) -> Vec<u8> {
    if payload.len() > PACKED_FROM && payload.len() <= LESSON_BYTES_MAX && teaches(topic) && !payload.starts_with(MAGIC) {
        // Fast rather than small: a description is 20 times smaller either way. Writing into a vector does not fail; if it
        // did, the payload is stored as it is.
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        if let Ok(packed) = encoder.write_all(payload).and_then(|()| encoder.finish()) {
            return packed;
        }
    }
    payload.to_vec()
}

/// The payload as it came. What is packed and broken, or longer than a description may be, stays as it is: it is no JSON.
pub(crate) fn unpack<'a>(topic: &str, payload: &'a [u8]) -> Cow<'a, [u8]> {
    if payload.starts_with(MAGIC) && teaches(topic) {
        let mut out = Vec::new();
        let limit = u64::try_from(LESSON_BYTES_MAX).unwrap_or(u64::MAX);
        let read = GzDecoder::new(payload).take(limit + 1).read_to_end(&mut out);
        if read.is_ok() && out.len() <= LESSON_BYTES_MAX {
            return Cow::Owned(out);
        }
    }
    Cow::Borrowed(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoded, Learned, Message, Retained};
    use care::HomeId;

    const TOPIC: &str = "zigbee2mqtt/bridge/devices";

    /// A description of many devices, as long as the ones that are met: 10 KB for each.
    fn description(devices: usize) -> Vec<u8> {
        let one = |n: usize| {
            let text = "Detects smoke and reports it, with the state of its battery. ".repeat(10);
            let exposes: Vec<String> = (0..12)
                .map(|e| format!(r#"{{"type":"binary","name":"smoke","property":"smoke{e}","access":1,"value_on":true,"value_off":false,"description":"{text}"}}"#))
                .collect();
            format!(r#"{{"ieee_address":"0x{n:016x}","friendly_name":"device {n}","definition":{{"description":"{text}","exposes":[{}]}}}}"#, exposes.join(","))
        };
        format!("[{}]", (0..devices).map(one).collect::<Vec<_>>().join(",")).into_bytes()
    }

    fn learn(payload: &[u8]) -> Decoded {
        let home = HomeId::from("h");
        let message = Message { home: Some(&home), topic: TOPIC, payload, heard_at: care::Timestamp::UNIX_EPOCH, retained: Retained::No };
        crate::decode(&message, &mut Learned::default())
    }

    #[test]
    fn two_hundred_devices_fit_into_a_record_of_the_log_and_teach_the_same() {
        let whole = description(200);
        assert!(whole.len() > 1_600_000 && whole.len() < LESSON_BYTES_MAX, "{}", whole.len());
        let packed = pack(TOPIC, &whole);
        assert!(packed.len() < 256 * 1024, "{}", packed.len());
        assert_eq!(unpack(TOPIC, &packed).as_ref(), whole);
        let Decoded::Learned(lesson) = learn(&packed) else { panic!() };
        assert_eq!((lesson.devices.len(), lesson.left_out), (200, 0));
    }

    #[test]
    fn what_is_short_or_describes_nothing_is_stored_as_it_came() {
        let (short, long) = (description(1), description(20));
        assert_eq!(pack(TOPIC, &short), short);
        assert_eq!(pack("zigbee2mqtt/device", &long), long);
        assert_eq!(unpack("zigbee2mqtt/device", MAGIC).as_ref(), MAGIC);
        let longer = description(300);
        assert_eq!(pack(TOPIC, &longer), longer, "nobody would read it");
    }

    #[test]
    fn a_broken_or_endless_package_is_no_description() {
        let mut endless = GzEncoder::new(Vec::new(), Compression::best());
        endless.write_all(&vec![b' '; LESSON_BYTES_MAX + 1]).unwrap();
        let mut cut = pack(TOPIC, &description(20));
        cut.truncate(cut.len() / 2);
        for package in [endless.finish().unwrap(), cut, MAGIC.to_vec()] {
            assert_eq!(unpack(TOPIC, &package).as_ref(), package);
            assert!(matches!(learn(&package), Decoded::Quarantine { .. }));
        }
    }
}
