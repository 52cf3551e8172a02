//! Golden frames of other implementations, and what the codes mean.

use super::*;
use crate::Decoded;
use care::{HomeId, SignalKind};

const EMERGENCY: &str = "\n4CBF0040\"SIA-DCS\"0042R1L5678#1234[#1234|Nri0/QA0003]_01:02:03,11-23-2026\r";
const GOLDEN: [&str; 7] = [
    EMERGENCY,
    "\n7B5E0040\"ADM-CID\"0042R1L5678#1234[#1234|1101 00 003]_01:02:03,11-23-2026\r",
    "\n621E0040\"ADM-CID\"0042R1L5678#1234[#1234|1641 00 072]_01:02:03,11-23-2026\r",
    "\n2FC40040\"ADM-CID\"0042R1L5678#1234[#1234|1147 00 012]_01:02:03,11-23-2026\r",
    "\n6AAD0018\"NULL\"0000R1L5678#1234[]\r",
    "\n3DB5002B\"ACK\"0042R1L5678#1234[]_01:02:03,11-23-2026\r",
    "\n9B4D0017\"DUH\"0042R1L5678#1234[]\r",
];
const SECRET: &str = "\n32F2009B\"*SIA-DCS\"0042R1L5678#1234[5e18d1fef61d087ec0a33ed734a7918f00671e2cb19de0c9c479804a41d692b179e94bdbed8046551772a92245cdde6e1d3ddf0a36b2aad09079dc5643b02493\r";
const KEY: &str = "000102030405060708090a0b0c0d0e0f";

fn now() -> Timestamp {
    "2026-11-23T01:02:03Z".parse().unwrap()
}

fn no_key(_: &str) -> Option<Key> {
    None
}

fn plain(text: &str) -> Frame {
    parse(text.as_bytes(), no_key).unwrap()
}

fn no_pad() -> u8 {
    panic!("nothing to pad")
}

#[test]
fn golden_frames_are_read_and_written_byte_for_byte() {
    for golden in GOLDEN {
        let frame = plain(golden);
        assert_eq!(frame.account, "1234");
        assert_eq!((frame.receiver.as_deref(), frame.line.as_deref()), (Some("1"), Some("5678")));
        assert_eq!(frame.encode(None, &mut no_pad).unwrap(), golden.as_bytes(), "{golden}");
    }
    assert_eq!(plain(EMERGENCY).sent_at, Some(now()));
}

#[test]
fn an_encrypted_frame_with_a_padding_of_any_bytes_is_read_and_written() {
    let frame = parse(SECRET.as_bytes(), |account| (account == "1234").then(|| Key::from_hex(KEY).unwrap())).unwrap();
    assert_eq!(frame, Frame { encrypted: true, ..plain(EMERGENCY) });
    let mut pad = 0x9f;
    let mut next = || {
        pad += 1;
        pad
    };
    assert_eq!(frame.encode(Key::from_hex(KEY).as_ref(), &mut next).unwrap(), SECRET.as_bytes());
    for length in [16, 24, 32] {
        let key = Key::from_bytes(&vec![7; length]).unwrap();
        let bytes = frame.encode(Some(&key), &mut || b'|').unwrap();
        assert_eq!(parse(&bytes, |_| Some(key.clone())).unwrap(), frame);
    }
    assert_eq!(frame.encode(None, &mut || 0), None);
    assert_eq!(parse(SECRET.as_bytes(), no_key), Err(FrameFault::Encrypted));
    assert_eq!(parse(SECRET.as_bytes(), |_| Key::from_bytes(&[9; 16])), Err(FrameFault::Encrypted));
}

#[test]
fn what_has_no_data_is_read_with_and_without_a_bar_and_only_with_the_time_that_the_key_shows() {
    let key = Key::from_hex(KEY).unwrap();
    let secret = |name: &str, plain: &str| {
        let hidden: String = key.encrypt(plain.as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect();
        parse(checked(&format!("\"*{name}\"0042R1L5678#1234[{hidden}")).as_bytes(), |_| Some(key.clone()))
    };
    // An answer of pysiaalarm, filled up with zeros; a link test of siadc09; the bar of others.
    for (name, plain) in [("ACK", "00000000000]_01:02:03,11-23-2026"), ("NULL", "aQ.~0000000]_01:02:03,11-23-2026"), ("ACK", "0000000000|]_01:02:03,11-23-2026")] {
        let frame = secret(name, plain).unwrap();
        assert_eq!((frame.token.name(), frame.data.as_str(), frame.sent_at), (name, "", Some(now())), "{plain}");
    }
    // A bar of the extended data ends no padding.
    let frame = secret("ACK", "00000][Ia|b]_01:02:03,11-23-2026").unwrap();
    assert_eq!((frame.extension('I'), frame.sent_at), (Some("a|b"), Some(now())));
    for nothing in ["000000000000000]", "00000000000]_01:02:03,11-23-20x6", "0000000000000000"] {
        assert_eq!(secret("ACK", nothing), Err(FrameFault::Encrypted), "{nothing}");
    }
}

#[test]
fn a_token_alone_is_told_from_a_frame() {
    assert_eq!([bare(b"\"NAK\""), bare(b"\"DUH\"\r\n")], [Some(Token::Nak), Some(Token::Duh)]);
    for none in [&b""[..], b"\"\"", b"\"NA", b"NAK", EMERGENCY.as_bytes(), b"\"N\"K\"", &[b'"', 0xff, b'"']] {
        assert_eq!(bare(none), None);
    }
}

#[test]
fn every_shape_of_nak_is_understood() {
    for header in ["R0L0A0", "L0R0A0", "R1L5678#1234"] {
        let body = format!("\"NAK\"0000{header}[]_01:02:03,11-23-2026");
        let frame = plain(&checked(&body));
        assert_eq!((frame.token, frame.seq, frame.sent_at), (Token::Nak, 0, Some(now())), "{header}");
    }
    let ours = Frame::nak(now()).encode(None, &mut no_pad).unwrap();
    assert!(String::from_utf8(ours).unwrap().contains("\"NAK\"0000R0L0A0[]_01:02:03,11-23-2026"));
    let named = plain(EMERGENCY).nak_to(now()).encode(None, &mut no_pad).unwrap();
    assert!(String::from_utf8(named).unwrap().contains("\"NAK\"0000R1L5678#1234[]_01:02:03,11-23-2026"));
}

/// A frame of a body, with length and check sum.
fn checked(body: &str) -> String {
    let sum = body.bytes().fold(0u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 })
    });
    format!("\n{sum:04X}{:04X}{body}\r", body.len())
}

#[test]
fn the_check_sum_is_the_one_of_the_other_implementations() {
    assert!(checked("123456789").starts_with("\nBB3D0009"));
}

#[test]
fn broken_frames_are_told_apart() {
    for (bytes, expected) in [
        (EMERGENCY.replace("4CBF", "4CBE"), FrameFault::CheckSum),
        (EMERGENCY.replace("0040\"", "0041\""), FrameFault::Length),
        (EMERGENCY.replace("QA", "MA"), FrameFault::CheckSum),
        ("NAK".into(), FrameFault::Form),
        (String::new(), FrameFault::Form),
        (checked("\"SIA-DCS\"00x2L0#1[]"), FrameFault::Form),
        (checked("\"SIA-DCS\"0002L0#1[|QA"), FrameFault::Form),
    ] {
        assert_eq!(parse(bytes.as_bytes(), no_key), Err(expected), "{bytes}");
    }
    // A receiver number that another implementation writes by mistake.
    assert_eq!(plain(&checked("\"ACK\"0001RNoneL0#1234[]")).account, "1234");
}

#[test]
fn answers_echo_what_was_asked_and_ours_are_understood() {
    let frame = plain(EMERGENCY);
    assert_eq!(frame.ack(now()).encode(None, &mut no_pad).unwrap(), GOLDEN[5].as_bytes());
    assert_eq!(frame.duh(now()).encode(None, &mut no_pad).unwrap(), GOLDEN[6].as_bytes());
    let test = plain(GOLDEN[4]);
    assert_eq!(test.ack(now()).sent_at, None);
    let secret = Frame { encrypted: true, ..frame };
    let key = Key::from_hex(KEY).unwrap();
    let ack = secret.ack(now()).encode(Some(&key), &mut || 1).unwrap();
    assert_eq!(parse(&ack, |_| Some(key.clone())).unwrap().token, Token::Ack);
}

#[test]
fn frames_are_found_in_a_stream() {
    let stream = format!("rubbish{EMERGENCY}\n4CBF{EMERGENCY}\n123");
    let bytes = stream.as_bytes();
    let Taken::Frame { skip, length } = take(bytes) else { panic!() };
    assert_eq!(&bytes[skip..skip + length], EMERGENCY.as_bytes());
    let rest = &bytes[skip + length..];
    let Taken::Frame { skip, length } = take(rest) else { panic!() };
    assert_eq!(&rest[skip..skip + length], EMERGENCY.as_bytes(), "a frame that was cut off is passed over");
    assert_eq!(take(&rest[skip + length..]), Taken::More { skip: 0 });
    assert_eq!(take(b"no frame"), Taken::More { skip: 8 });
    let endless = [b"\n".to_vec(), vec![b'0'; 20_000]].concat();
    assert_eq!(take(&endless), Taken::More { skip: 20_001 });
}

#[test]
fn accounts_compare_without_leading_zeros() {
    assert_eq!(account_key("006969"), account_key("6969"));
    assert_eq!(account_key("0000"), "0");
    assert_eq!(account_key("00ab"), "AB");
}

#[test]
fn a_clock_outside_the_window_is_told() {
    let frame = plain(EMERGENCY);
    for (ahead_s, good) in [(0, true), (20, true), (-40, true), (21, false), (-41, false), (-100, false)] {
        assert_eq!(clock(&frame, now() - TimeDelta::seconds(ahead_s)) == Clock::Good, good, "{ahead_s}");
    }
    assert_eq!(clock(&plain(GOLDEN[4]), now()), Clock::Good);
}

/// What a frame's data tells, as `device: names`.
fn check(token: &str, data: &str, expected: &str) {
    let frame = plain(&checked(&format!("\"{token}\"0042L0#1234[#1234|{data}]_01:02:03,11-23-2026")));
    let decoded = signals(&frame, &HomeId::from("h"), now());
    let mut told: Vec<String> = decoded
        .signals()
        .iter()
        .map(|s| format!("{}:{}{}", s.device, s.kind.name(), if s.value == care::Value::Bool(false) { "=no" } else { "" }))
        .collect();
    if let Decoded::Quarantine { fault, .. } = decoded {
        told.push(format!("!{}", fault.code()));
    }
    assert_eq!(told.join(" "), expected, "{token} {data}");
}

#[test]
fn contact_id_codes() {
    check("ADM-CID", "1101 00 003", "zone-3:call");
    check("ADM-CID", "3101 00 003", "zone-3:call=no");
    check("ADM-CID", "1100 00 000", "panel:call");
    check("ADM-CID", "1641 00 072", "zone-72:call");
    check("ADM-CID", "1102 00 001", "zone-1:call");
    check("ADM-CID", "1111 01 00A", "zone-A:smoke");
    check("ADM-CID", "1120 00 001", "zone-1:call");
    check("ADM-CID", "1147 00 012", "zone-12:offline");
    check("ADM-CID", "3147 00 012", "zone-12:online");
    check("ADM-CID", "1154 00 001", "zone-1:water_leak");
    check("ADM-CID", "1151 00 001", "zone-1:gas");
    check("ADM-CID", "1162 00 001", "zone-1:carbon_monoxide");
    check("ADM-CID", "1302 00 000", "panel:battery");
    check("ADM-CID", "1301 00 000", "panel:mains=no");
    check("ADM-CID", "3301 00 000", "panel:mains");
    check("ADM-CID", "1602 00 000", "panel:heartbeat");
    check("ADM-CID", "1661 00 001", "zone-1:check_in");
    check("ADM-CID", "1663 00 001", "zone-1:check_out");
    check("ADM-CID", "1109 00 001", "zone-1:call");
    check("ADM-CID", "1199 00 001", "panel:heartbeat !unknown_signal");
    check("ADM-CID", "9101 00 001", "panel:heartbeat !unknown_signal");
    check("ADM-CID", "garbage", "panel:heartbeat !bad_value");
}

#[test]
fn sia_codes() {
    check("SIA-DCS", "Nri0/QA0003", "zone-3:call");
    check("SIA-DCS", "NRP0000", "panel:heartbeat");
    check("SIA-DCS", "NAT0000", "panel:mains=no");
    check("SIA-DCS", "NAR0000", "panel:mains");
    check("SIA-DCS", "Nri1/MA001/FA002", "zone-1:call zone-2:smoke");
    check("SIA-DCS", "Nti10:23/id123/FA5^kitchen^", "zone-5:smoke");
    check("SIA-DCS", "Nri0/FR5", "zone-5:smoke=no");
    check("SIA-DCS", "Nri0/PA", "panel:call");
    check("SIA-DCS", "Nri0/GA12", "zone-12:gas");
    check("SIA-DCS", "Nri0/WA1", "zone-1:water_leak");
    check("SIA-DCS", "Nri0/NA1", "zone-1:call");
    check("SIA-DCS", "NNA1", "zone-1:call");
    check("SIA-DCS", "Nri0/TA1", "zone-1:tamper");
    check("SIA-DCS", "Nri0/XT1", "zone-1:battery");
    check("SIA-DCS", "Nri0/BA1", "panel:heartbeat");
    check("SIA-DCS", "Nri0/SS1", "panel:heartbeat !unknown_signal");
    check("SIA-DCS", "", "panel:heartbeat !bad_value");
}

#[test]
fn the_same_frame_again_is_the_same_event() {
    let home = HomeId::from("h");
    let (one, again) = (plain(EMERGENCY), plain(EMERGENCY));
    assert!(one.repeats(&again));
    assert_eq!(signals(&one, &home, now()).signals()[0].event, signals(&again, &home, now()).signals()[0].event);
    let later = Frame { seq: 43, ..again };
    assert!(!one.repeats(&later));
    assert_ne!(signals(&one, &home, now()).signals()[0].event, signals(&later, &home, now()).signals()[0].event);
    assert_eq!(signals(&one, &home, now()).signals()[0].kind, SignalKind::Call);
}

#[test]
fn the_time_of_occurrence_is_the_devices_time() {
    let frame = plain(&checked("\"SIA-DCS\"0042L0#1234[#1234|Nri0/QA3][H00:59:00,11-23-2026][I\u{62}ath]_01:02:03,11-23-2026"));
    assert_eq!(frame.happened_at(), Some("2026-11-23T00:59:00Z".parse().unwrap()));
    assert_eq!(frame.extension('I'), Some("bath"));
    let json = plain(&checked("\"XNM\"0000L0#1234[][J{\"a\":[1]}][CDP]_01:02:03,11-23-2026"));
    assert_eq!((json.token, json.sent_at), (Token::ExtendedNull, Some(now())));
}
