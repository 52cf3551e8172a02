//! What is over is told once, with its reason.

use super::*;
use crate::home::Part;

impl Story {
    fn value(&mut self, kind: SignalKind, value: Value, when: Timestamp) {
        self.pass(when);
        self.step(Input::Heard(&Signal { value, ..signal(kind, "hub", when) }), when);
    }
}

/// What is told to be over by a step, in words.
fn reasons(story: &Story, input: Input<'_>, now: Timestamp) -> Vec<String> {
    let (_, effects) = story.home.clone().step(input, &story.settings, now);
    effects.into_iter().filter_map(|effect| match effect {
        Effect::Over { over, .. } => Some(over.reason.render(Language::En, story.settings.zone)),
        Effect::Raise(_) | Effect::Notice(_) => None,
    })
    .collect()
}

/// Out since 10:00 on the 21st, and overdue.
fn overdue() -> Story {
    let mut story = Story::new();
    story.days(1, 20, &[]);
    story.part(21, 595, &[]);
    story.hear(SignalKind::Door, "door-1", at("03-21 10:00:00"));
    story.pass(at("03-23 02:00:00"));
    assert_eq!(story.told(), "03-22 10:00 anomaly/away_overdue notice");
    story
}

#[test]
fn an_elder_who_is_back_ends_what_was_told_of_the_absence() {
    let mut story = overdue();
    let back = at("03-23 02:00:00");
    let door = signal(SignalKind::Door, "door-1", back);
    assert_eq!(reasons(&story, Input::Heard(&door), back), ["Back at 02:00, after 40 h away."]);
    assert_eq!(reasons(&story, Input::Told(Told::BackHome), back).len(), 1);
    story.hear(SignalKind::Motion, "living-1", back);
    story.hear(SignalKind::Motion, "living-1", back + TimeDelta::hours(1));
    assert_eq!(story.told(), "03-23 02:00 anomaly/away_overdue over", "told once");
}

#[test]
fn an_absence_that_somebody_explains_is_over_until_it_is_overdue_again() {
    let mut story = overdue();
    let told = Told::Holiday { until: at("03-25 12:00:00") };
    assert_eq!(reasons(&story, Input::Told(told.clone()), story.now), ["Known to be away, expected back on 2026-03-25."]);
    story.step(Input::Told(told), at("03-23 02:00:00"));
    story.pass(at("03-27 02:00:00"));
    assert_eq!(story.told(), "03-23 02:00 anomaly/away_overdue over; 03-26 12:00 anomaly/away_overdue notice");
}

#[test]
fn life_after_an_alarm_of_silence_is_told_once() {
    let mut story = Story::new();
    story.days(1, 20, &[]);
    story.part(21, 600, &[]);
    story.hear(SignalKind::Motion, "kitchen-1", at("03-21 10:05:00"));
    story.pass(at("03-22 02:00:00"));
    assert!(story.told().ends_with("inactivity urgent"));
    let life = signal(SignalKind::Motion, "kitchen-1", at("03-22 02:00:00"));
    assert_eq!(reasons(&story, Input::Heard(&life), story.now), ["Activity again at 02:00 (kitchen)."]);
    story.hear(SignalKind::Motion, "kitchen-1", at("03-22 02:00:00"));
    story.hear(SignalKind::Motion, "kitchen-1", at("03-22 02:05:00"));
    assert_eq!(story.told(), "03-22 02:00 inactivity over");
}

#[test]
fn mains_that_are_back_are_told_once_however_often_they_are_there() {
    let mut story = Story::new();
    let when = |minute: i64| at("03-01 00:00:00") + TimeDelta::minutes(minute);
    story.value(SignalKind::Mains, Value::Bool(true), when(0));
    assert_eq!(story.told(), "", "they were never gone");
    story.value(SignalKind::Mains, Value::Bool(false), when(1));
    story.value(SignalKind::Mains, Value::Bool(false), when(2));
    // kept on its way, and older than the cut
    let late = Signal { value: Value::Bool(true), said_at: Some(when(0)), ..signal(SignalKind::Mains, "hub", when(3)) };
    story.step(Input::Heard(&late), when(3));
    assert_eq!(story.told(), "");
    let back = Signal { value: Value::Bool(true), ..signal(SignalKind::Mains, "hub", when(5)) };
    assert_eq!(reasons(&story, Input::Heard(&back), when(5)), ["Power cut: device hub says at 00:05 that it is over."]);
    for minute in 5..9 {
        story.value(SignalKind::Mains, Value::Bool(true), when(minute));
    }
    assert_eq!(story.told(), "03-01 00:05 technical/power_cut over");
}

#[test]
fn a_detector_that_clears_is_told_and_a_battery_is_good_again_well_above_the_limit() {
    let mut story = Story::new();
    let when = |minute: i64| at("03-01 00:00:00") + TimeDelta::minutes(minute);
    let said = [
        (SignalKind::Smoke, Value::None),
        (SignalKind::Smoke, Value::Bool(false)),
        (SignalKind::Battery, Value::Number(12.0)),
        (SignalKind::Battery, Value::Number(18.0)),
        (SignalKind::Battery, Value::Number(90.0)),
        (SignalKind::Call, Value::None),
        (SignalKind::Call, Value::Bool(false)),
    ];
    for (minute, (kind, value)) in (0..).zip(said) {
        story.value(kind, value, when(minute));
    }
    assert_eq!(story.told(), "03-01 00:01 smoke over; 03-01 00:04 technical/battery_low over");
}

#[test]
fn a_silent_device_that_leaves_the_home_is_silent_no_longer() {
    for told in [Told::Release { device: "smoke".into() }, Told::Replace { old: "smoke".into(), new: "smoke-2".into() }] {
        let mut story = Story::new();
        story.beating.clear();
        story.step(Input::Told(Told::Supervise { device: "smoke".into(), every_s: 3_600, part: Part::Sensor }), story.now);
        story.pass(at("03-01 04:00:00"));
        assert_eq!(story.told(), "03-01 03:00 technical/device_silent technical");
        assert_eq!(reasons(&story, Input::Told(told.clone()), story.now), ["Device smoke has been out of use since 04:00."]);
        story.step(Input::Told(told), story.now);
        assert_eq!(story.told(), "03-01 04:00 technical/device_silent over");
    }
}

#[test]
fn a_button_that_has_been_tried_is_due_no_longer() {
    let mut story = Story::new();
    story.beating.clear();
    for device in ["button-1", "button-2"] {
        story.step(Input::Told(Told::Supervise { device: device.into(), every_s: 0, part: Part::Button }), story.now);
    }
    story.pass(at("03-31 12:00:00"));
    assert_eq!(story.told().matches("test_due notice").count(), 2);
    let proved = |device: &str| Told::Proved { device: device.into(), at: at("03-31 12:00:00") };
    story.step(Input::Told(proved("button-1")), story.now);
    assert_eq!(story.told(), "", "another one is still due");
    story.step(Input::Told(proved("button-2")), story.now);
    assert_eq!(story.told(), "03-31 12:00 technical/test_due over");
}
