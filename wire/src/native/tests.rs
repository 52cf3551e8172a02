//! The native language, sentence by sentence.

use super::*;
use care::Signal;
use crate::{Retained, decode, lane};

const NOW: &str = "2026-11-23T08:00:00Z";

fn hear(topic: &str, payload: &[u8], retained: Retained) -> Decoded {
    let message = Message { home: None, topic, payload, heard_at: NOW.parse().unwrap(), retained };
    decode(&message, &mut Learned::default())
}

/// `kind=value` of every signal; behind `!` the fault of a quarantine.
fn check(topic: &str, payload: impl AsRef<[u8]>, expected: &str) {
    let decoded = hear(topic, payload.as_ref(), Retained::No);
    assert_eq!(told(&decoded), expected, "{topic} {}", String::from_utf8_lossy(payload.as_ref()));
}

fn told(decoded: &Decoded) -> String {
    let mut words: Vec<String> = decoded
        .signals()
        .iter()
        .map(|s| match s.value {
            Value::None => s.kind.name().to_owned(),
            Value::Bool(truth) => format!("{}={truth}", s.kind.name()),
            Value::Number(n) => format!("{}={n}", s.kind.name()),
            Value::Open => format!("{}=open", s.kind.name()),
            Value::Closed => format!("{}=closed", s.kind.name()),
        })
        .collect();
    if let Decoded::Quarantine { fault, .. } = decoded {
        words.push(format!("!{}", fault.code()));
    }
    words.join(" ")
}

#[test]
fn values_are_read_by_their_kind() {
    check("care/v1/h/d/call", r#"{"id":"1"}"#, "call=true");
    check("care/v1/h/d/call", r#"{"id":"1","value":true,"battery":80,"new_field":{"x":1}}"#, "call=true battery=80");
    check("care/v1/h/d/motion", r#"{"value":null}"#, "motion=true");
    check("care/v1/h/d/bed", r#"{"value":false}"#, "bed=false");
    check("care/v1/h/d/door", r#"{"value":"open"}"#, "door=open");
    check("care/v1/h/d/contact", r#"{"value":"closed"}"#, "contact=closed");
    check("care/v1/h/d/water", r#"{"value":"3.5"}"#, "water=3.5");
    check("care/v1/h/d/power", "1200", "power=1200");
    check("care/v1/h/d/temperature", r#"{"value":-4.5}"#, "temperature=-4.5");
    check("care/v1/h/d/battery", r#"{"value":"17"}"#, "battery=17");
    check("care/v1/h/d/heartbeat", "{}", "heartbeat");
    check("care/v1/h/d/check_in", r#"{"value":"card 7"}"#, "check_in");
    check("care/v1/h/hub/status", "offline", "offline");
    check("care/v1/h/hub/status", "\"online\"", "online");
    check("care/v1/h/d/cmd", r#"{"ack":"1"}"#, "");
}

#[test]
fn a_call_on_a_bad_payload_is_still_a_call() {
    check("care/v1/h/d/call", "", "call=true");
    check("care/v1/h/d/call", "1", "call=true");
    check("care/v1/h/d/call", "true", "call=true");
    check("care/v1/h/d/call", "help", "call=true !not_json");
    check("care/v1/h/d/call", r#"{"id":"7","val"#, "call=true !not_json");
    check("care/v1/h/d/call", r#"{"value":"pressed"}"#, "call=true !bad_value");
    check("care/v1/h/d/call", r#"{"value":[1]}"#, "call=true !bad_value");
    check("care/v1/h/d/call", r#"{"id":"7","at":"yesterday","battery":700}"#, "call=true !bad_time");
    check("care/v1/h/d/call", b"{\"name\":\"\xd5\xc5\xc8\xfd\"}", "call=true !not_utf8");
    check("care/v1/h/d/call", b"\xff\xfe\x00", "call=true !not_utf8");
    check("care/v1/h/d/smoke", "[".repeat(1000), "smoke=true !too_deep");
    check("care/v1/h/d/fall", "x".repeat(70_000), "fall=true !too_large");
    check("care/v1/h/d/CALL", "{}", "call=true !bad_topic");
    check("care/v1/h/按钮/call", "{}", "call=true !bad_topic");
    check("care/v1/h/d/extra/call", "{}", "call=true !bad_topic");
    check("care/v1/h/call", "{}", "call=true !bad_topic");
}

#[test]
fn a_released_button_is_no_call() {
    check("care/v1/h/d/call", r#"{"id":"1","value":false}"#, "call=false");
    check("care/v1/h/d/call", "0", "call=false");
    let Decoded::Signals(signals) = hear("care/v1/h/d/call", br#"{"value":false}"#, Retained::No) else { panic!() };
    assert_eq!(care::cause::raised_by(&signals[0], "k"), None);
}

#[test]
fn doubt_is_no_sign_of_life() {
    check("care/v1/h/d/motion", "garbage", "!not_json");
    check("care/v1/h/d/motion", r#"{"value":"maybe"}"#, "!bad_value");
    check("care/v1/h/d/well", r#"{"value":false}"#, "!bad_value");
    check("care/v1/h/d/door", "{}", "!bad_value");
    check("care/v1/h/d/door", r#"{"value":true}"#, "!bad_value");
    check("care/v1/h/d/temperature", r#"{"value":1e30}"#, "!bad_value");
    check("care/v1/h/d/battery", r#"{"value":101}"#, "!bad_value");
    check("care/v1/h/d/humidity", r#"{"value":40}"#, "!unknown_signal");
    check("care/v1/h/d/online", "{}", "!unknown_signal");
    check("care/v1/h/d/status", "maybe", "!bad_value");
    check("care/v1/#/d/call", "{}", "!unknown_home");
    check("telegram/x", "{}", "!unknown_language");
}

#[test]
fn the_same_name_is_one_event_and_no_name_is_always_a_new_one() {
    let event = |payload: &str| hear("care/v1/h/d/call", payload.as_bytes(), Retained::No).signals()[0].event.clone();
    assert_eq!(event(r#"{"id":"7"}"#), event(r#"{"id":7,"battery":3}"#));
    assert_eq!(event(r#"{"id":"7"}"#), Some(EventId::named(&"h".into(), &"d".into(), "call", "7")));
    assert_eq!(event(r#"{"boot":3,"seq":"9"}"#), Some(EventId::named(&"h".into(), &"d".into(), "call", "3:9")));
    assert_ne!(event(r#"{"boot":3,"seq":9}"#), event(r#"{"boot":4,"seq":9}"#));
    for unnamed in ["{}", "", r#"{"seq":9}"#, r#"{"id":""}"#, r#"{"id":1.5}"#, r#"{"id":99999999999999999999999}"#, r#"{"id":[1]}"#] {
        assert_eq!(event(unnamed), None, "{unnamed}");
    }
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(65));
    assert!(event(&long).is_some());
    check("care/v1/h/d/call", &long, "call=true !bad_name");
    let broken = hear("care/v1/h/d/call", b"{\"id\":\"a\xff\"}", Retained::No);
    assert_eq!(broken.signals()[0].event, None, "two broken names may look the same");
}

#[test]
fn the_battery_that_rides_along_is_an_event_of_its_own() {
    let decoded = hear("care/v1/h/d/call", br#"{"id":"7","battery":9,"at":"2026-11-23T15:59:59.5+08:00"}"#, Retained::No);
    let [call, battery] = decoded.signals() else { panic!("{decoded:?}") };
    assert_ne!(call.event, battery.event);
    assert_eq!(call.said_at, Some("2026-11-23T07:59:59.5Z".parse().unwrap()));
    assert_eq!(battery.value, Value::Number(9.0));
}

#[test]
fn a_stored_copy_is_no_sign_of_life_but_its_call_counts() {
    assert_eq!(told(&hear("care/v1/h/d/motion", b"{}", Retained::Yes)), "");
    assert_eq!(told(&hear("care/v1/h/d/call", b"{}", Retained::Yes)), "call=true");
    assert_eq!(told(&hear("care/v1/h/hub/status", b"offline", Retained::Yes)), "offline");
}

#[test]
fn a_red_name_takes_the_red_lane_whatever_the_payload() {
    for (topic, expected) in [
        ("care/v1/h/d/call", Lane::Red),
        ("care/v1/h/d/Smoke", Lane::Red),
        ("care/v1/h/d/x/y/gas ", Lane::Red),
        ("care/v1/h/d/carbon_monoxide", Lane::Red),
        ("care/v1/h/d/motion", Lane::Routine),
        ("care/v1/h/call/motion", Lane::Routine),
        ("care/v1/h/d/status", Lane::Routine),
        ("something/else", Lane::Routine),
    ] {
        assert_eq!(lane(topic, b"\xff", None), expected, "{topic}");
    }
}

#[test]
fn a_button_that_was_declared_a_call_button_has_the_red_lane() {
    let mut learned = Learned::default();
    let topic = "care/v1/home-1/knob/button";
    assert_eq!(lane(topic, b"{}", Some(&learned)), Lane::Routine);
    learned.declare("knob".into(), Some(Role::CallButton));
    assert_eq!(lane(topic, b"{}", Some(&learned)), Lane::Red);
    assert_eq!(lane("care/v1/home-1/other/button", b"{}", Some(&learned)), Lane::Routine);
    learned.declare("knob".into(), None);
    assert_eq!(lane(topic, b"{}", Some(&learned)), Lane::Routine);
}

#[test]
fn whatever_is_decoded_as_red_had_the_red_lane() {
    for kind in SignalKind::ALL {
        let topic = topic(&"h".into(), &"d".into(), kind);
        let red = hear(&topic, b"{}", Retained::No).signals().iter().any(|s| s.kind.is_red());
        assert_eq!(red, lane(&topic, b"{}", None) == Lane::Red, "{topic}");
    }
}

#[test]
fn what_is_said_is_heard_unchanged() {
    let values = [
        (SignalKind::Call, Value::Bool(true)),
        (SignalKind::Motion, Value::Bool(false)),
        (SignalKind::Door, Value::Open),
        (SignalKind::Contact, Value::Closed),
        (SignalKind::Water, Value::Number(12.5)),
        (SignalKind::Well, Value::None),
        (SignalKind::Battery, Value::Bool(true)),
        (SignalKind::Online, Value::None),
    ];
    let names = [Name::Text("a-1".into()), Name::Number(-7), Name::BootSeq { boot: 2, seq: 41 }];
    for (kind, value) in values {
        for name in &names {
            let (home, device) = (HomeId::from("home-0001"), DeviceId::from("d"));
            let status = kind == SignalKind::Online;
            let signal = Signal {
                event: (!status).then(|| EventId::named(&home, &device, kind.name(), &name.text())),
                said_at: (!status).then(|| "2026-11-23T07:00:00.250Z".parse().unwrap()),
                heard_at: NOW.parse().unwrap(),
                room: None,
                home,
                device,
                kind,
                value,
            };
            let (topic, payload) = encode(&signal, Some(name), None);
            assert_eq!(hear(&topic, &payload, Retained::No).signals(), [signal]);
        }
    }
}

#[test]
fn the_ack_repeats_the_name_as_it_was_given() {
    let ack = |topic: &str, payload: &str| {
        ack_for(topic, payload.as_bytes(), NOW.parse().unwrap()).map(|(topic, payload)| format!("{topic} {}", String::from_utf8(payload).unwrap()))
    };
    let told = |name: &str| Some(format!("care/v1/h/d/cmd {{\"ack\":{name}}}"));
    assert_eq!(ack("care/v1/h/d/call", r#"{"id":"7"}"#), told("\"7\""));
    assert_eq!(ack("care/v1/h/d/call", r#"{"id":18446744073709551615}"#), told("18446744073709551615"));
    assert_eq!(ack("care/v1/h/d/motion", r#"{"boot":3,"seq":9}"#), told(r#"{"boot":3,"seq":9}"#));
    for (topic, payload) in [
        ("care/v1/h/d/call", "{}"),
        ("care/v1/h/d/call", "true"),
        ("care/v1/h/d/cmd", r#"{"id":"7"}"#),
        ("care/v1/h/d/status", r#"{"id":"7"}"#),
        ("care/v1/h/#/call", r#"{"id":"7"}"#),
        ("zigbee2mqtt/x", r#"{"id":"7"}"#),
    ] {
        assert_eq!(ack(topic, payload), None, "{topic} {payload}");
    }
}

#[test]
fn the_answer_to_a_heartbeat_tells_our_time_and_no_other_does() {
    let (topic, payload) = ack_for("care/v1/h/hub/heartbeat", br#"{"id":"7"}"#, NOW.parse().unwrap()).unwrap();
    assert_eq!(topic, "care/v1/h/hub/cmd");
    assert_eq!(parse_command(&payload), Some(Down::Ack(Name::Text("7".into()))));
    assert_eq!(told_at(&payload), Some(NOW.parse().unwrap()));
    assert_eq!(told_at(br#"{"ack":"7"}"#), None);
    assert_eq!(told_at(br#"{"at":"2026-11-23T08:00:00Z"}"#), None);
}

#[test]
fn an_age_is_counted_back_from_when_we_heard_it_and_beats_a_clock_that_is_ahead() {
    let heard: Timestamp = NOW.parse().unwrap();
    let said = |payload: &str| hear("care/v1/h/b/call", payload.as_bytes(), Retained::No).signals()[0].said_at;
    assert_eq!(said(r#"{"id":"1","age_ms":90000}"#), Some(heard - care::TimeDelta::seconds(90)));
    let day_before = heard - care::TimeDelta::days(1);
    let with_clock = |at: Timestamp| said(&format!(r#"{{"id":"1","at":"{}","age_ms":90000}}"#, at.to_rfc3339()));
    assert_eq!(with_clock(day_before), Some(day_before), "the device may have kept it before it reached the hub");
    assert_eq!(with_clock(heard + care::TimeDelta::days(1)), Some(heard - care::TimeDelta::seconds(90)));
    for bad in ["-1", "\"x\"", "1e16", "true"] {
        let decoded = hear("care/v1/h/b/call", format!(r#"{{"id":"1","age_ms":{bad}}}"#).as_bytes(), Retained::No);
        assert!(matches!(&decoded, Decoded::Quarantine { fault: Fault::BadValue { field }, signals } if field == "age_ms" && signals.len() == 1), "{bad}: {decoded:?}");
    }
}

#[test]
fn commands_are_understood_by_the_device() {
    let words = [
        Down::Ack(Name::Text("x".into())),
        Down::Ack(Name::Number(7)),
        Down::Ack(Name::BootSeq { boot: 1, seq: 2 }),
        Down::Help(Help::Taken),
        Down::Help(Help::Coming),
        Down::Help(Help::Waiting),
        Down::Help(Help::Over),
    ];
    for down in words {
        let (topic, payload) = command(&"h".into(), &"d".into(), &down);
        assert_eq!(topic, "care/v1/h/d/cmd");
        assert_eq!(parse_command(&payload), Some(down));
    }
    assert_eq!(parse_command(b"{\"later\":1}"), None);
}
