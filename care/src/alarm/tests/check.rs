//! Stories of the check call, the daily call and the hours of the day.

use super::*;
use crate::plan::{CheckCall, Hours};

fn attention(cause: Cause) -> Story {
    let plan = Plan { check_call: Some(CheckCall::default()), ..plan("son") };
    let (alarm, effects) = Alarm::raise("a1".into(), "home-1".into(), vec!["li".into()], raise(cause, Level::Attention, "sensor"), false, &plan, start());
    let mut story = Story { alarm, plan, out: String::new() };
    story.told(start(), "raised", &effects);
    story
}

fn at(s: i64) -> Timestamp {
    start() + TimeDelta::seconds(s)
}

#[test]
fn an_attention_alarm_asks_the_elder_first_and_key_1_settles_it_without_closing_it() {
    let mut story = attention(Cause::Inactivity);
    story.step(Input::Accepted { attempt: 1 }, at(20), "key 1");
    story.until(at(3600));
    expect![[r#"
        0:00 raised -> 1 li by voice | asking the elder until 15:00, next 4:00
        0:20 key 1 | reported by li, next 480:20
    "#]]
    .assert_eq(&story.out);
    assert!(story.alarm.is_open(), "a person of the centre closes it");
}

#[test]
fn key_2_makes_it_urgent_at_once() {
    let mut story = attention(Cause::Inactivity);
    story.step(Input::AttemptEnded { attempt: 1, outcome: AttemptOutcome::PassedOn }, at(20), "key 2");
    story.until(at(25));
    assert_eq!(story.alarm.level, Level::Urgent);
    expect![[r#"
        0:00 raised -> 1 li by voice | asking the elder until 15:00, next 4:00
        0:20 key 2 | raised, resting after round 0, next 0:20
        0:20 (time) -> 2 son by voice | raised, rung 0.0, next 0:50
    "#]]
    .assert_eq(&story.out);
}

#[test]
fn without_a_key_within_15_minutes_it_is_urgent_and_a_voicemail_is_no_key() {
    let mut story = attention(Cause::Inactivity);
    story.step(Input::AttemptEnded { attempt: 1, outcome: AttemptOutcome::NoKey }, at(40), "voicemail");
    for no in 2..=4 {
        story.until(at(i64::from(no - 1) * 240 + 1));
        story.step(Input::AttemptEnded { attempt: no, outcome: AttemptOutcome::NoAnswer }, at(i64::from(no - 1) * 240 + 30), "no answer");
    }
    assert_eq!(story.alarm.level, Level::Attention);
    story.until(at(899));
    assert!(story.alarm.is_checking());
    story.until(at(900));
    assert_eq!(story.alarm.level, Level::Urgent);
    let asked: Vec<_> = story.alarm.attempts.iter().map(|a| a.contact.to_string()).collect();
    assert_eq!(asked, ["li", "li", "li", "li", "son"]);
}

#[test]
fn once_the_circle_is_called_the_elder_takes_nothing() {
    let mut story = attention(Cause::Inactivity);
    story.step(Input::Skip, at(10), "skip");
    story.until(at(11));
    story.step(Input::Accepted { attempt: 1 }, at(12), "key 1, too late");
    assert_eq!(story.alarm.state, State::Raised);
    assert_eq!(story.alarm.attempts[0].outcome, Some(AttemptOutcome::TooLate));
    story.step(Input::Accepted { attempt: 3 }, at(14), "the son");
    assert_eq!(story.alarm.claimant().map(Claimant::id), Some("son"));
}

#[test]
fn a_red_signal_ends_the_asking_at_once() {
    let mut story = attention(Cause::Inactivity);
    story.step(Input::Again(raise(Cause::Inactivity, Level::Red, "sensor")), at(10), "red");
    story.until(at(10));
    assert_eq!(story.alarm.level, Level::Red);
    assert!(story.alarm.attempts.iter().any(|a| a.contact.as_str() == "son"));
}

#[test]
fn the_daily_call_is_tried_five_times_within_the_hour_then_the_circle() {
    let cause = || Cause::Anomaly(WELL_CALL.into());
    let plan = plan("son");
    let begin = || Alarm::raise("a1".into(), "home-1".into(), vec!["li".into()], raise(cause(), Level::Attention, "x"), false, &plan, start()).0;
    let mut alarm = begin();
    for no in 1..=5 {
        let due = alarm.next_step_at.unwrap();
        alarm = alarm.step(Input::AttemptEnded { attempt: no, outcome: AttemptOutcome::NoAnswer }, &plan, due - TimeDelta::minutes(11)).0;
        alarm = alarm.step(Input::TimePassed, &plan, due).0;
    }
    assert_eq!(alarm.attempts.len(), 5);
    assert_eq!((alarm.level, alarm.next_step_at), (Level::Urgent, Some(at(3600))));
    // Key 1 and the key in the home both answer it: that is all it asked.
    let answered = begin().step(Input::Accepted { attempt: 1 }, &plan, at(30)).0;
    assert_eq!(answered.state_name(), "closed");
    let (keyed, effects) = begin().step(Input::Well, &plan, at(30));
    assert_eq!(keyed.state_name(), "closed");
    assert!(matches!(effects[0].kind, EffectKind::Release { attempt: 1, .. }), "a call under way is hung up");
}

#[test]
fn the_key_in_the_home_closes_no_other_alarm() {
    let mut story = attention(Cause::Inactivity);
    story.step(Input::Well, at(5), "well");
    assert!(story.alarm.is_checking());
    assert_eq!(story.alarm.cancelled_at, Some(at(5)));
}

#[test]
fn who_may_not_be_called_at_this_hour_is_passed_over_unless_nobody_is_left() {
    let mut plan = plan("doctor son / liaison");
    // 2027-01-15T08:00:00Z is 16:00 in Shanghai.
    let night = vec![Hours { from_min: 22 * 60, to_min: 6 * 60, days: vec![] }];
    plan.hours.insert("doctor".into(), night.clone());
    plan.check().unwrap();
    let ring = |plan: &Plan| {
        let raised = raise(Cause::Call, Level::Red, "button");
        let (_, effects) = Alarm::raise("a1".into(), "home-1".into(), vec![], raised, false, plan, start());
        effects.iter().map(|e| format!("{:?}", e.kind)).collect::<Vec<_>>().join(" ")
    };
    assert!(ring(&plan).contains("son") && !ring(&plan).contains("doctor"));
    plan.hours.insert("son".into(), night.clone());
    assert!(ring(&plan).contains("liaison"), "an empty rung is passed at once");
    plan.hours.insert("liaison".into(), night);
    assert!(ring(&plan).contains("doctor"), "hours are a courtesy: they never silence an alarm");
}
