//! What is fuzzed: for each decoder, what is done with an input and what has to hold. The fuzzer runs these on inputs
//! that it makes; the test `kept_corpus` of package `acceptance` runs them on every input that was kept.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::indexing_slicing, reason = "each of the two programs uses a part; a fault in here is a finding")]

use crate::rooms::probe;
use crate::rooms::voice::keys::{Detector, key_of_info};
use crate::rooms::voice::number::DialPlan;
use crate::rooms::voice::rtp::{Ear, Packet};
use crate::rooms::voice::sdp;
use care::{HomeId, Timestamp, Value};
use std::fmt::Write as _;
use std::path::Path;
use wire::{Lane, Learned, Message, Retained, cap, dc09, scaip, sheet, workbook};

/// A decoder under the fuzzer.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name: that of its corpus, too.
    pub name: &'static str,
    /// What is done with an input.
    pub run: fn(&[u8]),
    /// The longest input that the fuzzer makes, bytes.
    pub input_bytes_max: usize,
    /// What one input may take of memory at once, bytes.
    pub memory_bytes_max: usize,
}

const KB: usize = 1024;

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "native", run: native, input_bytes_max: KB, memory_bytes_max: 64 * KB },
    Target { name: "zigbee2mqtt", run: zigbee2mqtt, input_bytes_max: 2 * KB, memory_bytes_max: 512 * KB },
    Target { name: "homeassistant", run: homeassistant, input_bytes_max: 2 * KB, memory_bytes_max: 512 * KB },
    Target { name: "tasmota", run: tasmota, input_bytes_max: KB, memory_bytes_max: 256 * KB },
    Target { name: "shelly", run: shelly, input_bytes_max: KB, memory_bytes_max: 256 * KB },
    Target { name: "chirpstack", run: chirpstack, input_bytes_max: KB, memory_bytes_max: 256 * KB },
    Target { name: "dc09", run: dc09_frames, input_bytes_max: KB, memory_bytes_max: 64 * KB },
    Target { name: "scaip", run: scaip_documents, input_bytes_max: 2 * KB, memory_bytes_max: 512 * KB },
    Target { name: "cap", run: cap_messages, input_bytes_max: 4 * KB, memory_bytes_max: 1024 * KB },
    Target { name: "csv", run: csv_lists, input_bytes_max: 2 * KB, memory_bytes_max: 1024 * KB },
    Target { name: "xlsx", run: workbooks, input_bytes_max: 2 * KB, memory_bytes_max: 16 * 1024 * KB },
    Target { name: "policy", run: policies, input_bytes_max: 16 * KB, memory_bytes_max: 2048 * KB },
    Target { name: "talk", run: talk, input_bytes_max: 2 * KB, memory_bytes_max: 256 * KB },
    Target { name: "door", run: door, input_bytes_max: 2 * KB, memory_bytes_max: 512 * KB },
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// The kept inputs of a target. A line of its file is an input, written so that people can read it; `corpus` is the folder.
pub fn kept(corpus: &Path, name: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(corpus.join(format!("{name}.txt"))).unwrap_or_default();
    text.lines().map(read).collect()
}

/// Writes the kept inputs of a target.
pub fn keep(corpus: &Path, name: &str, inputs: &[Vec<u8>]) {
    let mut text = String::new();
    for input in inputs {
        for byte in input {
            match byte {
                b'\\' => text.push_str("\\\\"),
                b' '..=b'~' => text.push(char::from(*byte)),
                byte => write!(text, "\\{byte:02x}").unwrap(),
            }
        }
        text.push('\n');
    }
    std::fs::write(corpus.join(format!("{name}.txt")), text).unwrap();
}

fn read(line: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), line.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
        } else if let Some(after) = rest.strip_prefix(b"\\") {
            out.push(b'\\');
            rest = after;
        } else {
            let (digits, after) = rest.split_at(2);
            out.push(u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap());
            rest = after;
        }
    }
    out
}

/// Parts messages within an input.
const NEXT: u8 = 0x1e;

/// Hears one message: what comes out red had the red lane, and no message grows without end.
fn hear(learned: &mut Learned, topic: &str, payload: &[u8], retained: Retained) {
    let home = HomeId::from("h");
    let lane = wire::lane(topic, payload, Some(learned));
    let message = Message { home: Some(&home), topic, payload, heard_at: Timestamp::UNIX_EPOCH, retained };
    let decoded = wire::decode(&message, learned);
    let red = decoded.signals().iter().any(|s| s.kind.is_red() && s.value != Value::Bool(false));
    assert!(!red || lane == Lane::Red, "red without the red lane: {topic}");
    assert!(decoded.signals().len() <= 512, "a message may not grow without end: {topic}");
    for signal in decoded.signals() {
        assert!(care::id::well_formed(signal.device.as_str()), "{topic}: {:?}", signal.device);
        assert!(!matches!(signal.value, Value::Number(n) if !n.is_finite()));
    }
    let _names = wire::told(decoded.signals());
}

/// An input is up to eight messages to one home. The first byte of each chooses the topic: a digit, a letter for a
/// retained one, or `~` for a topic that is written out, up to the line's end.
fn home(topics: &[&str], input: &[u8]) {
    let mut learned = Learned::default();
    for message in input.split(|byte| *byte == NEXT).take(8) {
        let Some((first, payload)) = message.split_first() else { continue };
        if *first == b'~' {
            let end = payload.iter().position(|b| *b == b'\n').unwrap_or(payload.len());
            let topic = String::from_utf8_lossy(&payload[..end]);
            hear(&mut learned, &topic, payload.get(end + 1..).unwrap_or_default(), Retained::No);
            continue;
        }
        let (from, retained) = if first.is_ascii_lowercase() { (b'a', Retained::Yes) } else { (b'0', Retained::No) };
        let topic = topics[usize::from(first.wrapping_sub(from)) % topics.len()];
        hear(&mut learned, topic, payload, retained);
    }
}

fn native(input: &[u8]) {
    let topics = ["care/v1/h/d/call", "care/v1/h/d/motion", "care/v1/h/d/door", "care/v1/h/d/status", "care/v1/h/d/battery", "care/v1/h/d/button"];
    home(&topics, input);
    let _command = wire::native::parse_command(input);
    let _ack = wire::native::ack_for("care/v1/h/d/call", input, care::Timestamp::UNIX_EPOCH);
    assert_eq!(wire::lane("care/v1/h/d/call", input, None), Lane::Red, "a call is a call, whatever it says");
}

fn zigbee2mqtt(input: &[u8]) {
    home(
        &["zigbee2mqtt/bridge/devices", "zigbee2mqtt/d", "zigbee2mqtt/d/action", "zigbee2mqtt/d/availability", "zigbee2mqtt/bridge/state", "zigbee2mqtt/bridge/groups", "zigbee2mqtt/g"],
        input,
    );
}

fn homeassistant(input: &[u8]) {
    home(
        &["homeassistant/binary_sensor/x/config", "x/s", "x/a", "homeassistant/event/n/x/config", "homeassistant/device/x/config", "homeassistant/sensor/x/config", "homeassistant/device_automation/x/config"],
        input,
    );
}

fn tasmota(input: &[u8]) {
    home(&["tele/x/SENSOR", "stat/x/RESULT", "tele/x/LWT", "tele/x/STATE", "stat/x/STATUS8", "tasmota/discovery/A0/config"], input);
}

fn shelly(input: &[u8]) {
    home(&["x/events/rpc", "x/status/smoke:0", "x/online", "x/status/devicepower:0", "x/status/input:0", "shellies/x/relay/0"], input);
}

fn chirpstack(input: &[u8]) {
    home(&["application/a/device/e/event/up", "application/a/device/e/event/status", "application/a/device/e/event/join"], input);
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 }))
}

/// The bytes as they are, and once more as the inside of a frame whose length and check sum are right.
fn dc09_frames(input: &[u8]) {
    if let dc09::Taken::Frame { skip, length } = dc09::take(input) {
        assert!(skip + length <= input.len() && length >= 2);
    }
    let mut framed = format!("\n{:04X}{:04X}", crc16(input), input.len()).into_bytes();
    framed.extend_from_slice(input);
    framed.push(b'\r');
    let key = dc09::Key::from_hex("000102030405060708090a0b0c0d0e0f").unwrap();
    for bytes in [input, framed.as_slice()] {
        if let Ok(frame) = dc09::parse(bytes, |_| Some(key.clone())) {
            let _signals = dc09::signals(&frame, &HomeId::from("h"), Timestamp::UNIX_EPOCH);
            let _name = dc09::account_key(&frame.account);
            assert!(frame.repeats(&frame) || frame.seq == 0);
            assert!(frame.ack(Timestamp::UNIX_EPOCH).encode(Some(&key), &mut || 3).is_some());
        }
    }
}

fn scaip_documents(input: &[u8]) {
    if let Ok(request) = scaip::parse(input) {
        let _signals = scaip::signals(&request, &HomeId::from("h"), Timestamp::UNIX_EPOCH);
        assert_eq!(scaip::parse(request.encode().as_bytes()).unwrap().reference, request.reference);
    }
    let _reply = scaip::parse_reply(input);
}

fn cap_messages(input: &[u8]) {
    let strict = cap::read(input, cap::Reading::Strict);
    let lenient = cap::read(input, cap::Reading::Lenient);
    assert!(strict.is_err() || lenient.is_ok(), "what is right for the strict is right for the lenient");
}

fn csv_lists(input: &[u8]) {
    if let Ok(import) = sheet::read_elders(input, Timestamp::UNIX_EPOCH.date_naive()) {
        assert!(import.elders.len() <= workbook::ROWS_MAX);
    }
}

/// The bytes as a file, and once more as the pages of a workbook, parted by [`NEXT`].
fn workbooks(input: &[u8]) {
    let _grid = workbook::grid(input);
    let names = ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"];
    let file = zip(names.into_iter().zip(input.split(|byte| *byte == NEXT)));
    if let Ok(grid) = workbook::grid(&file) {
        assert!(grid.rows.len() <= workbook::ROWS_MAX);
        assert!(grid.rows.iter().all(|row| row.cells.len() <= workbook::COLUMNS_MAX));
    }
    let _import = sheet::read_elders(&file, Timestamp::UNIX_EPOCH.date_naive());
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }))
}

/// A zip file of stored entries.
fn zip<'a>(entries: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0u16);
    for (name, content) in entries {
        let (at, length) = (u32::try_from(out.len()).unwrap(), u32::try_from(content.len()).unwrap());
        let mut head = vec![20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0x5c];
        for number in [crc32(content), length, length] {
            head.extend(number.to_le_bytes());
        }
        head.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
        out.extend_from_slice(b"PK\x03\x04");
        out.extend(&head);
        out.extend(name.bytes().chain(content.iter().copied()));
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend(&head);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.bytes());
        count += 1;
    }
    let (at, length) = (u32::try_from(out.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    out.extend(directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes().into_iter().chain(count.to_le_bytes()).chain(length.to_le_bytes()).chain(at.to_le_bytes()).chain([0, 0]));
    out
}

fn policies(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match care::policy::Policy::load(&text) {
        Ok(loaded) => assert!(!loaded.policy.obligations.is_empty() || !loaded.notes.is_empty() || loaded.policy.tiers.len() < 1_000),
        Err(refused) => assert!(!refused.problems.is_empty(), "a refusal says why"),
    }
}

/// What a telephone's other end can send us, beside SIP itself: descriptions, packets of sound, keys, numbers.
fn talk(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    match first % 4 {
        0 => {
            let _answer = sdp::answer(&text);
        }
        1 => {
            let mut ear = Ear::default();
            let described = if first & 4 == 0 { "a=rtpmap:101 telephone-event/8000\r\n" } else { "" };
            let description = format!("v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 8 101\r\n{described}");
            ear.negotiated(sdp::answer(&description).unwrap(), first & 8 == 0);
            for packet in rest.split(|byte| *byte == NEXT) {
                if let Some(packet) = Packet::read(packet) {
                    let heard = ear.hear(&packet);
                    assert!(first & 8 == 0 || heard.keys.is_empty(), "a key before the answer is nobody's");
                    let _written = packet.write();
                }
            }
        }
        2 => {
            let (kind, body) = text.split_once('\n').unwrap_or_default();
            let _key = key_of_info(kind, body);
            let samples: Vec<i16> = rest.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
            let _keys = Detector::default().hear(&samples);
        }
        _ => {
            let plan = DialPlan::default();
            if let Ok(number) = plan.number(&text) {
                assert!(plan.same(&text, &text), "{number:?}");
            }
        }
    }
}

/// A client's bytes, cut in two somewhere: what comes out does not depend on where.
fn door(input: &[u8]) {
    let Some((cut, stream)) = input.split_first() else { return };
    let whole = probe::packets(stream, 0);
    assert_eq!(probe::packets(stream, usize::from(*cut)), whole, "a stream is the same wherever it breaks");
}
