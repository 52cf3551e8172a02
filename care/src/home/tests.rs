//! Stories of a home.

use super::*;
use crate::{SignalKind, Value};

fn at(text: &str) -> Timestamp {
    format!("2026-03-{}Z", text.replace(' ', "T")).parse().unwrap()
}

fn signal(kind: SignalKind, device: &str, when: Timestamp) -> Signal {
    Signal {
        home: "h".into(),
        device: device.into(),
        kind,
        value: Value::None,
        room: Some("kitchen".into()),
        event: None,
        said_at: Some(when),
        heard_at: when,
    }
}

#[test]
fn silence_of_twelve_hours_at_home_is_an_alarm_and_only_once() {
    let settings = Settings::default();
    let home = Home::new("h".into(), at("01 08:00:00"));
    let (home, none) = home.step(Input::Heard(&signal(SignalKind::Motion, "m", at("01 08:00:00"))), &settings, at("01 08:00:00"));
    assert!(none.is_empty());
    let due = home.deadline().unwrap();
    assert!(due <= at("01 20:00:00"));
    let (home, raised) = home.step(Input::TimePassed, &settings, at("01 20:00:00"));
    assert!(raised.iter().any(|e| matches!(e, Effect::Raise(raise) if raise.cause == Cause::Inactivity && raise.level == Level::Urgent)));
    let (_, again) = home.step(Input::TimePassed, &settings, at("01 21:00:00"));
    assert!(again.is_empty());
}

#[test]
fn a_home_survives_its_bytes() {
    let settings = Settings::default();
    let mut home = Home::new("h".into(), at("01 08:00:00"));
    for i in 0..40 {
        let now = at("01 08:00:00") + TimeDelta::minutes(i);
        let long = format!("device-{i}-{}", "x".repeat(50));
        home = home.step(Input::Heard(&signal(SignalKind::Motion, &long, now)), &settings, now).0;
    }
    let bytes = home.encode();
    assert!(bytes.len() <= ENCODED_BYTES_MAX);
    assert_eq!(Home::decode("h".into(), &bytes).unwrap().deadline(), home.deadline());
    assert!(Home::decode("h".into(), &bytes[..20]).is_err());
}
