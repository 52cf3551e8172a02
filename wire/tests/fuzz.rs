//! Mutated messages against every decoder, from a seeded generator: nothing panics, nothing hangs, and
//! whatever comes out red had the red lane. `HEARTHLINE_FUZZ_EXECUTIONS` sets the number for each decoder
//! (the long run takes ten million), `HEARTHLINE_FUZZ_SEED` the seed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

use care::{HomeId, Timestamp, Value};
use wire::{Lane, Learned, Message, Retained, dc09, scaip};

/// A small generator (splitmix64): the same seed, the same messages.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// Pieces that decoders look for.
const PIECES: &[&str] = &[
    "{", "}", "[", "]", "\"", ":", ",", "null", "true", "false", "1e999", "-0", "99999999999999999999", "\\u0000", "\\ud800", "é", "求助", "\u{feff}",
    "\"id\":", "\"value\":", "\"boot\":1,\"seq\":2", "\"action\":\"emergency\"", "\"smoke\":true", "value_json", "{{", "}}", "{%", "%}", "|", "#", "^", "_",
    "\n", "\r", "<", ">", "</", "&amp;", "<![CDATA[", "]]>", "Nri0/", "QA", "ZbReceived", "NotifyEvent", "object",
];

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(8) {
            0 if !bytes.is_empty() => bytes[at.min(seeds[0].len()).min(at.saturating_sub(1))] ^= 1 << random.below(8),
            1 => bytes.truncate(at),
            2 => bytes.insert(at, random.byte()),
            3 => {
                let piece = PIECES[random.below(PIECES.len())];
                bytes.splice(at..at, piece.bytes());
            }
            4 => {
                let end = (at + random.below(16)).min(bytes.len());
                bytes.drain(at..end);
            }
            5 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            6 => {
                let end = (at + random.below(32)).min(bytes.len());
                let copy: Vec<u8> = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => {
                for byte in bytes.iter_mut().skip(at).take(2) {
                    *byte = random.byte();
                }
            }
        }
    }
    bytes
}

fn environment(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn fuzz(name: &str, seeds: &[&str], mut try_one: impl FnMut(&[u8], &mut Random)) {
    let (count, seed) = (environment("HEARTHLINE_FUZZ_EXECUTIONS", 20_000), environment("HEARTHLINE_FUZZ_SEED", 7));
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|s| s.as_bytes().to_vec()).collect();
    let mut random = Random(seed);
    for _ in 0..count {
        let bytes = mutate(&mut random, &seeds);
        try_one(&bytes, &mut random);
    }
    println!("{name}: {count} executions, seed {seed}");
}

/// Hears one message; what comes out red must have been red before.
fn hear(learned: &mut Learned, topic: &str, payload: &[u8]) {
    let home = HomeId::from("home-1");
    let lane = wire::lane(topic, payload, Some(learned));
    let message = Message { home: Some(&home), topic, payload, heard_at: Timestamp::UNIX_EPOCH, retained: Retained::No };
    let decoded = wire::decode(&message, learned);
    let red = decoded.signals().iter().any(|s| s.kind.is_red() && s.value != Value::Bool(false));
    assert!(!red || lane == Lane::Red, "{topic} {}", String::from_utf8_lossy(payload));
    assert!(decoded.signals().len() <= 512, "a message may not grow without end: {topic}");
    for signal in decoded.signals() {
        assert!(care::id::well_formed(signal.device.as_str()), "{topic}: {:?}", signal.device);
        assert!(!matches!(signal.value, Value::Number(n) if !n.is_finite()));
    }
}

#[test]
fn native() {
    let topics = ["care/v1/h/d/call", "care/v1/h/d/motion", "care/v1/h/d/door", "care/v1/h/d/status", "care/v1/h/d/battery"];
    let seeds = [r#"{"id":"a1","at":"2026-11-23T08:00:00Z","value":true,"battery":80}"#, r#"{"boot":3,"seq":9,"value":"open"}"#, "true", "offline", ""];
    fuzz("native", &seeds, |bytes, random| {
        let topic = topics[random.below(topics.len())];
        hear(&mut Learned::default(), topic, bytes);
        let _acknowledged = wire::native::ack_for(topic, bytes, care::Timestamp::UNIX_EPOCH);
        let _told = wire::native::told_at(bytes);
        let _command = wire::native::parse_command(bytes);
        let (text, _) = (String::from_utf8_lossy(bytes), ());
        hear(&mut Learned::default(), &format!("care/v1/{text}"), b"{}");
        if topic.ends_with("/call") && bytes.is_empty() {
            assert_eq!(wire::lane(topic, bytes, None), Lane::Red);
        }
    });
}

const DEVICES: &str = r#"[{"ieee_address":"0x01","friendly_name":"d","definition":{"description":"Radar","exposes":[{"type":"binary","name":"smoke","property":"smoke","access":1,"value_on":true,"value_off":false},{"type":"enum","name":"action","property":"action","access":1,"values":["single","emergency","recall_*"]},{"type":"enum","name":"fall_status","property":"fall_status","access":1,"values":["normal","fall_alarm"]},{"type":"composite","property":"o","features":[{"type":"numeric","name":"battery","property":"battery","access":1,"unit":"%"}]}]}}]"#;

#[test]
fn zigbee2mqtt() {
    let states = [r#"{"smoke":true,"action":"emergency","fall_status":"fall_alarm","o":{"battery":10},"last_seen":"2026-11-23T08:00:00+08:00"}"#, r#"{"state":"offline"}"#, "emergency"];
    let mut learned = Learned::default();
    hear(&mut learned, "zigbee2mqtt/bridge/devices", DEVICES.as_bytes());
    let topics = ["zigbee2mqtt/d", "zigbee2mqtt/d/action", "zigbee2mqtt/d/availability", "zigbee2mqtt/bridge/state", "zigbee2mqtt/e"];
    fuzz("zigbee2mqtt states", &states, |bytes, random| hear(&mut learned, topics[random.below(topics.len())], bytes));
    fuzz("zigbee2mqtt descriptions", &[DEVICES, r#"[{"id":1,"friendly_name":"g"}]"#], |bytes, random| {
        let mut learned = Learned::default();
        hear(&mut learned, if random.below(8) == 0 { "zigbee2mqtt/bridge/groups" } else { "zigbee2mqtt/bridge/devices" }, bytes);
        hear(&mut learned, "zigbee2mqtt/d", states[0].as_bytes());
    });
}

#[test]
fn home_assistant() {
    let configs = [
        r#"{"name":"SOS","dev_cla":"safety","stat_t":"~/s","~":"x","val_tpl":"{{ value_json.a | default('b') }}","pl_on":"b","dev":{"ids":["x"],"name":"n","sa":"r"},"avty":[{"t":"x/a","val_tpl":"{{ value_json.state }}"}]}"#,
        r#"{"device_class":"smoke","state_topic":"x/s","value_template":"{% if value_json.a > 2 and 'x' in value_json.b %}ON{% elif value %}{{ (value|float(1)+2)/3 }}{% else %}OFF{% endif %}","device":{"identifiers":"x"}}"#,
        r#"{"event_types":["press"],"state_topic":"x/s","device":{"identifiers":["x"]}}"#,
        r#"{"dev":{"ids":"x"},"state_topic":"x/s","cmps":{"a":{"p":"binary_sensor","device_class":"gas"}}}"#,
    ];
    let topics = ["homeassistant/binary_sensor/x/config", "homeassistant/event/n/x/config", "homeassistant/device/x/config", "homeassistant/sensor/x/config"];
    fuzz("homeassistant descriptions", &configs, |bytes, random| {
        let mut learned = Learned::default();
        hear(&mut learned, topics[random.below(topics.len())], bytes);
        hear(&mut learned, "x/s", br#"{"a":3,"b":"x","event_type":"press"}"#);
        hear(&mut learned, "x/a", br#"{"state":"online"}"#);
    });
    let mut learned = Learned::default();
    for (config, topic) in configs.iter().zip(topics) {
        hear(&mut learned, topic, config.as_bytes());
    }
    fuzz("homeassistant states", &[r#"{"a":3,"b":"x"}"#, "ON", r#"{"event_type":"press"}"#], |bytes, _| hear(&mut learned, "x/s", bytes));
}

#[test]
fn tasmota_shelly_chirpstack() {
    let seeds = [
        r#"{"ZbReceived":{"0x662E":{"Device":"0x662E","Name":"d","Contact":1,"Fire":1,"ZoneStatusChange":13}}}"#,
        r#"{"Button1":{"Action":"SINGLE"},"ENERGY":{"Power":12},"Switch1":"ON","TempUnit":"F","A":{"Temperature":60}}"#,
        r#"{"method":"NotifyStatus","params":{"ts":1795420798.25,"smoke:0":{"alarm":true},"devicepower:0":{"battery":{"percent":12}}}}"#,
        r#"{"method":"NotifyEvent","params":{"ts":1795420798.25,"events":[{"component":"input:0","event":"long_push","ts":1795420798.25}]}}"#,
        r#"{"deduplicationId":"3ac7","time":"2026-11-23T07:59:58+00:00","data":"AQ==","object":{"sos":true,"button_event":{"status":"long press"},"co":1}}"#,
    ];
    let topics = ["tele/x/SENSOR", "stat/x/RESULT", "x/events/rpc", "x/status/smoke:0", "application/a/device/e/event/up", "application/a/device/e/event/status"];
    let mut learned = Learned::default();
    fuzz("tasmota, shelly, chirpstack", &seeds, |bytes, random| {
        hear(&mut learned, topics[random.below(topics.len())], bytes);
        hear(&mut learned, &String::from_utf8_lossy(bytes), b"{}");
    });
}

#[test]
fn dc09_frames() {
    let seeds = [
        "\n4CBF0040\"SIA-DCS\"0042R1L5678#1234[#1234|Nri0/QA0003]_01:02:03,11-23-2026\r",
        "\n7B5E0040\"ADM-CID\"0042R1L5678#1234[#1234|1101 00 003]_01:02:03,11-23-2026\r",
        "\n6AAD0018\"NULL\"0000R1L5678#1234[]\r",
        "\n32F2009B\"*SIA-DCS\"0042R1L5678#1234[5e18d1fef61d087ec0a33ed734a7918f00671e2cb19de0c9c479804a41d692b179e94bdbed8046551772a92245cdde6e1d3ddf0a36b2aad09079dc5643b02493\r",
    ];
    let key = dc09::Key::from_hex("000102030405060708090a0b0c0d0e0f").unwrap();
    let home = HomeId::from("h");
    fuzz("dc09", &seeds, |bytes, _| {
        if let dc09::Taken::Frame { skip, length } = dc09::take(bytes) {
            assert!(skip + length <= bytes.len() && length >= 2);
        }
        // With its length and check sum made right, what is inside gets its turn.
        let body = bytes.get(9..bytes.len().saturating_sub(1).max(9)).unwrap_or_default();
        let sum = body.iter().fold(0u16, |crc, byte| (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 }));
        let mut frame = format!("\n{sum:04X}{:04X}", body.len()).into_bytes();
        frame.extend_from_slice(body);
        frame.push(b'\r');
        for bytes in [bytes, frame.as_slice()] {
            if let Ok(frame) = dc09::parse(bytes, |_| Some(key.clone())) {
                let _signals = dc09::signals(&frame, &home, Timestamp::UNIX_EPOCH);
                assert!(frame.ack(Timestamp::UNIX_EPOCH).encode(Some(&key), &mut || 3).is_some());
            }
        }
    });
}

#[test]
fn scaip_documents() {
    let seeds = [
        "<?xml version=\"1.0\"?><mrq><ref>a1</ref><cid>0123</cid><dty>0003</dty><stc>0010</stc><lco>011</lco><tnu>sip:a@b</tnu></mrq>",
        "<scaip><ref>a1</ref><cid>+12</cid><dty>2</dty></scaip>",
        "<mrs><ref>a1</ref><snu>0</snu><mre>1</mre></mrs>",
    ];
    let home = HomeId::from("h");
    fuzz("scaip", &seeds, |bytes, _| {
        if let Ok(request) = scaip::parse(bytes) {
            let _signals = scaip::signals(&request, &home, Timestamp::UNIX_EPOCH);
            assert_eq!(scaip::parse(request.encode().as_bytes()).unwrap().reference, request.reference);
        }
        let _reply = scaip::parse_reply(bytes);
    });
}
