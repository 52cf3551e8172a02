//! Stories of alarms: a script of what happens in, everything that the alarm does out.
//!
//! A line of a script is `m:ss what`. Between two lines the deadlines fire by themselves, at their own time.

mod called_up;
mod check;
mod claimed;
mod over;
mod promises;
mod stopped;

use super::*;
use crate::cause::Raise;
use crate::plan::{Order, Plan, Rung, RungContact};
use expect_test::{Expect, expect};
use std::fmt::Write as _;

fn start() -> Timestamp {
    chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// `daughter+sms son / neighbour & liaison`: rungs by `/`, in turn by spaces, at once by `&`; voice first, then what
/// stands after `+`. Thirty seconds a rung.
fn plan(text: &str) -> Plan {
    let rungs = text.split('/').map(str::trim).filter(|r| !r.is_empty()).map(|rung| {
        let order = if rung.contains('&') { Order::AtOnce } else { Order::InTurn };
        let contacts = rung.split([' ', '&']).filter(|c| !c.is_empty()).map(|contact| {
            let mut parts = contact.split('+');
            let name = parts.next().unwrap();
            let channels = std::iter::once(ChannelName::VOICE).chain(parts).map(ChannelName::from).collect();
            RungContact { contact: name.into(), channels }
        });
        Rung { contacts: contacts.collect(), order, wait: TimeDelta::seconds(30) }
    });
    let plan = Plan { rungs: rungs.collect(), call_up: Vec::new(), ..Plan::default() };
    plan.check().unwrap();
    plan
}

fn raise(cause: Cause, level: Level, device: &str) -> Raise {
    Raise { level, reason: Reason::new("device_signal"), key: "1".into(), device: Some(device.into()), cause }
}

fn over(device: Option<&str>, at: Timestamp) -> Over {
    Over { device: device.filter(|name| *name != "-").map(DeviceId::from), at, reason: Reason::new("over_signal") }
}

fn who(name: &str) -> Claimant {
    match name.strip_prefix('@') {
        Some(contact) => Claimant::Contact(contact.into()),
        None => Claimant::Person(name.into()),
    }
}

fn outcome(name: &str) -> AttemptOutcome {
    serde_json::from_value(serde_json::Value::String(name.into())).unwrap()
}

fn input(words: &[&str]) -> Input {
    let number = |i: usize| words[i].parse().unwrap();
    match words[0] {
        "press" => Input::Again(raise(Cause::Call, Level::Red, words.get(1).copied().unwrap_or("button"))),
        "again" => Input::Again(raise(Cause::Technical("tamper".into()), Level::Technical, words.get(1).copied().unwrap_or("sensor"))),
        "leak" => Input::Again(raise(Cause::Inactivity, Level::Attention, "sensor")),
        "urgent" => Input::Again(raise(Cause::Inactivity, Level::Urgent, "sensor")),
        "copy" => Input::Copied,
        "cancel" => Input::Cancelled,
        "over" => Input::Over(over(words.get(1).copied(), start() + TimeDelta::seconds(words.get(2).map_or(0, |s| s.parse().unwrap())))),
        "well" => Input::Well,
        "starts" => Input::AttemptStarted { attempt: number(1) },
        "accepts" => Input::Accepted { attempt: number(1) },
        "ends" => Input::AttemptEnded { attempt: number(1), outcome: outcome(words[2]) },
        "time" => Input::TimePassed,
        "claim" => Input::Claim { by: who(words[1]) },
        "hand" => Input::HandOver { by: who(words[1]), to: who(words[2]) },
        "let" => Input::LetGo { by: who(words[1]) },
        "way" => Input::OnTheWay { by: who(words[1]) },
        "report" => Input::Report { by: who(words[1]) },
        "close" => Input::Close { by: who(words[1]), outcome: words[2].into() },
        "skip" => Input::Skip,
        "stop" => Input::Stop,
        "call" => Input::CallNow { contact: words[1].into() },
        other => panic!("unknown word in a script: {other}"),
    }
}

fn clock(at: Timestamp) -> String {
    let s = (at - start()).num_seconds();
    format!("{}:{:02}", s / 60, s % 60)
}

struct Story {
    alarm: Alarm,
    plan: Plan,
    out: String,
}

impl Story {
    fn told(&mut self, at: Timestamp, what: &str, effects: &[Effect]) {
        let mut line = format!("{} {what}", clock(at));
        for effect in effects {
            let text = match &effect.kind {
                EffectKind::Notify { contact, channel } => format!("{} {contact} by {}", effect.no, channel),
                EffectKind::Release { attempt, .. } => format!("release {attempt}"),
                EffectKind::Lamp { device, help } => format!("{device} lamp {help:?}"),
            };
            write!(line, " -> {text}").unwrap();
        }
        let alarm = &self.alarm;
        let state = match &alarm.state {
            State::Raised => match alarm.ladder {
                Ladder::Calling { rung, place } => format!("raised, rung {rung}.{place}"),
                Ladder::Checking { until } => format!("asking the elder until {}", clock(until)),
                Ladder::Stopped { rung, place } => format!("raised, stopped at {rung}.{place}"),
                Ladder::Resting => format!("raised, resting after round {}", alarm.round),
            },
            State::Claimed { by, .. } => format!("claimed by {}", by.id()),
            State::Reported { by, .. } => format!("reported by {}", by.id()),
            State::Closed { by, outcome, .. } => format!("closed by {}: {outcome}", by.id()),
        };
        let next = alarm.next_step_at.map_or("never".to_owned(), clock);
        writeln!(self.out, "{line} | {state}, next {next}").unwrap();
    }

    fn step(&mut self, input: Input, at: Timestamp, what: &str) {
        if let Some(refusal) = self.alarm.refuses(&input) {
            writeln!(self.out, "{} {what} refused: {refusal}", clock(at)).unwrap();
            return;
        }
        let (alarm, effects) = self.alarm.clone().step(input, &self.plan, at);
        self.alarm = alarm;
        self.told(at, what, &effects);
    }

    fn until(&mut self, at: Timestamp) {
        while let Some(due) = self.alarm.deadline().filter(|d| *d <= at) {
            self.step(Input::TimePassed, due, "(time)");
        }
    }
}

fn tell(plan_text: &str, first: Raise, script: &str) -> Story {
    tell_by(plan(plan_text), first, script)
}

fn tell_by(plan: Plan, first: Raise, script: &str) -> Story {
    let (alarm, effects) = Alarm::raise("a1".into(), "home-1".into(), vec!["li".into()], first, false, &plan, start());
    let mut story = Story { alarm, plan, out: String::new() };
    story.told(start(), "raised", &effects);
    for line in script.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let (time, what) = line.split_once(' ').unwrap();
        let (minutes, seconds) = time.split_once(':').unwrap();
        let at = start() + TimeDelta::minutes(minutes.parse().unwrap()) + TimeDelta::seconds(seconds.parse().unwrap());
        if what == "(wait)" {
            story.until(at);
            continue;
        }
        story.until(at - TimeDelta::milliseconds(1));
        story.step(input(&what.split(' ').collect::<Vec<_>>()), at, what);
    }
    story
}

fn check(plan_text: &str, script: &str, wanted: Expect) {
    let story = tell(plan_text, raise(Cause::Call, Level::Red, "button"), script);
    let tail = format!("presses {}, copies {}\n", story.alarm.presses, story.alarm.copies);
    wanted.assert_eq(&(story.out + &tail));
}

#[test]
fn a_contact_presses_one_reports_and_an_operator_closes() {
    check(
        "daughter son",
        "0:01 starts 1
         0:12 accepts 1
         0:12 ends 1 accepted
         5:00 way @daughter
         9:00 report @daughter
         20:00 close op help_given",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:01 starts 1 | raised, rung 0.0, next 0:30
            0:12 accepts 1 -> button lamp Taken | claimed by daughter, next 15:12
            0:12 ends 1 accepted | claimed by daughter, next 15:12
            5:00 way @daughter -> button lamp Coming | claimed by daughter, next 15:12
            9:00 report @daughter | reported by daughter, next 489:00
            20:00 close op help_given -> button lamp Over | closed by op: help_given, next never
            presses 1, copies 0
        "#]],
    );
}

#[test]
fn an_answer_a_voicemail_and_a_receipt_acknowledge_nothing() {
    check(
        "daughter son liaison+sms",
        "0:10 ends 1 no_key
         0:20 ends 2 accepted
         0:30 ends 3 delivered
         0:59 (wait)
         1:00 (wait)",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:10 ends 1 no_key -> 2 son by voice | raised, rung 0.1, next 0:40
            0:20 ends 2 accepted -> 3 liaison by voice | raised, rung 0.2, next 0:50
            0:30 ends 3 delivered | raised, rung 0.2, next 0:50
            0:50 (time) | raised, resting after round 1, next 1:50
            presses 1, copies 0
        "#]],
    );
}

#[test]
fn two_ring_at_once_and_the_second_who_presses_one_is_told_it_is_too_late() {
    check(
        "daughter & neighbour",
        "0:08 accepts 2
         0:09 accepts 1
         0:10 ends 1 too_late",
        expect![[r#"
            0:00 raised -> 1 daughter by voice -> 2 neighbour by voice | raised, rung 0.0, next 0:30
            0:08 accepts 2 -> release 1 -> button lamp Taken | claimed by neighbour, next 15:08
            0:09 accepts 1 | claimed by neighbour, next 15:08
            0:10 ends 1 too_late | claimed by neighbour, next 15:08
            presses 1, copies 0
        "#]],
    );
}

#[test]
fn one_of_two_who_ring_at_once_fails_and_the_other_is_still_waited_for() {
    check(
        "daughter & neighbour / liaison",
        "0:05 ends 1 busy
         0:20 ends 2 no_answer",
        expect![[r#"
            0:00 raised -> 1 daughter by voice -> 2 neighbour by voice | raised, rung 0.0, next 0:30
            0:05 ends 1 busy | raised, rung 0.0, next 0:30
            0:20 ends 2 no_answer -> 3 liaison by voice | raised, rung 1.0, next 0:50
            presses 1, copies 0
        "#]],
    );
}

#[test]
fn nobody_answers_for_ten_minutes() {
    check(
        "daughter / son / liaison",
        "0:25 ends 1 no_answer
         0:50 ends 2 no_answer
         1:15 ends 3 no_answer
         10:00 (wait)",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:25 ends 1 no_answer -> 2 son by voice | raised, rung 1.0, next 0:55
            0:50 ends 2 no_answer -> 3 liaison by voice | raised, rung 2.0, next 1:20
            1:15 ends 3 no_answer | raised, resting after round 1, next 2:15
            2:15 (time) -> 4 daughter by voice | raised, rung 0.0, next 2:45
            2:45 (time) -> 5 son by voice | raised, rung 1.0, next 3:15
            3:15 (time) -> 6 liaison by voice | raised, rung 2.0, next 3:45
            3:45 (time) | raised, resting after round 2, next 5:45
            5:45 (time) -> 7 daughter by voice | raised, rung 0.0, next 6:15
            6:15 (time) -> 8 son by voice | raised, rung 1.0, next 6:45
            6:45 (time) -> 9 liaison by voice | raised, rung 2.0, next 7:15
            7:15 (time) | raised, resting after round 3, next 11:15
            presses 1, copies 0
        "#]],
    );
}

#[test]
fn an_elder_who_presses_every_five_seconds_still_gets_to_the_second_rung() {
    check(
        "daughter / son",
        "0:05 press
         0:10 press
         0:15 press
         0:20 press
         0:25 press
         0:30 press
         0:35 press",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:05 press | raised, rung 0.0, next 0:30
            0:10 press | raised, rung 0.0, next 0:30
            0:15 press | raised, rung 0.0, next 0:30
            0:20 press | raised, rung 0.0, next 0:30
            0:25 press | raised, rung 0.0, next 0:30
            0:30 press | raised, rung 0.0, next 0:30
            0:30 (time) -> 2 son by voice | raised, rung 1.0, next 1:00
            0:35 press | raised, rung 1.0, next 1:00
            presses 8, copies 0
        "#]],
    );
}

#[test]
fn pressing_every_ten_seconds_while_a_channel_is_down_does_not_hold_the_ladder_at_its_foot() {
    check(
        "daughter+sms / son",
        "0:00 ends 1 channel_down
         0:01 ends 2 delivered
         0:10 press
         0:10 ends 3 channel_down
         0:11 ends 4 delivered
         0:20 press
         0:20 ends 5 channel_down
         0:30 (wait)",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:00 ends 1 channel_down -> 2 daughter by sms | raised, rung 0.0, next 0:30
            0:01 ends 2 delivered | raised, rung 0.0, next 0:30
            0:10 press -> 3 daughter by voice | raised, rung 0.0, next 0:30
            0:10 ends 3 channel_down -> 4 daughter by sms | raised, rung 0.0, next 0:30
            0:11 ends 4 delivered | raised, rung 0.0, next 0:30
            0:20 press -> 5 daughter by voice | raised, rung 0.0, next 0:30
            0:20 ends 5 channel_down -> 6 daughter by sms | raised, rung 0.0, next 0:30
            0:30 (time) -> 7 son by voice | raised, rung 1.0, next 1:00
            presses 3, copies 0
        "#]],
    );
}

#[test]
fn a_second_press_rings_everybody_again_who_was_reached_for() {
    check(
        "daughter / son neighbour / liaison",
        "0:20 ends 1 no_answer
         0:30 ends 2 no_answer
         0:40 press
         0:41 ends 4 busy
         0:45 ends 3 channel_down",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:20 ends 1 no_answer -> 2 son by voice | raised, rung 1.0, next 0:50
            0:30 ends 2 no_answer -> 3 neighbour by voice | raised, rung 1.1, next 1:00
            0:40 press -> 4 daughter by voice -> 5 son by voice | raised, rung 1.1, next 1:00
            0:41 ends 4 busy | raised, rung 1.1, next 1:00
            0:45 ends 3 channel_down -> 6 liaison by voice | raised, rung 2.0, next 1:15
            presses 2, copies 0
        "#]],
    );
}

#[test]
fn a_press_between_two_rounds_starts_the_ladder_at_once() {
    check(
        "daughter",
        "0:20 ends 1 no_answer
         0:50 press",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:20 ends 1 no_answer | raised, resting after round 1, next 1:20
            0:50 press -> 2 daughter by voice | raised, rung 0.0, next 1:20
            presses 2, copies 0
        "#]],
    );
}

#[test]
fn a_cancel_and_copies_are_shown_and_close_nothing() {
    check(
        "daughter / son",
        "0:02 copy
         0:03 copy
         0:04 cancel
         0:05 claim op
         0:06 cancel
         0:07 copy
         0:08 report op
         0:09 copy
         0:10 time",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:02 copy | raised, rung 0.0, next 0:30
            0:03 copy | raised, rung 0.0, next 0:30
            0:04 cancel | raised, rung 0.0, next 0:30
            0:05 claim op -> release 1 -> button lamp Taken | claimed by op, next 15:05
            0:06 cancel | claimed by op, next 15:05
            0:07 copy | claimed by op, next 15:05
            0:08 report op | reported by op, next 480:08
            0:09 copy | reported by op, next 480:08
            0:10 time | reported by op, next 480:08
            presses 1, copies 4
        "#]],
    );
}

#[test]
fn an_operator_wants_the_next_step_now() {
    check(
        "daughter son / liaison",
        "0:05 skip
         0:06 skip
         0:07 skip
         0:08 skip",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:05 skip -> 2 son by voice | raised, rung 0.1, next 0:35
            0:06 skip -> 3 liaison by voice | raised, rung 1.0, next 0:36
            0:07 skip | raised, resting after round 1, next 1:07
            0:08 skip | raised, rung 0.0, next 0:38
            presses 1, copies 0
        "#]],
    );
}

#[test]
fn a_plan_without_anybody_leaves_the_alarm_to_the_operators_and_keeps_a_deadline() {
    check("", "5:00 (wait)", expect![[r#"
        0:00 raised | raised, resting after round 1, next 1:00
        1:00 (time) | raised, resting after round 2, next 3:00
        3:00 (time) | raised, resting after round 3, next 7:00
        presses 1, copies 0
    "#]]);
}

#[test]
fn all_channels_down_go_up_the_ladder_at_once_and_round_again() {
    check(
        "daughter+sms / son",
        "0:01 ends 1 channel_down
         0:02 ends 2 channel_down
         0:03 ends 3 channel_down
         1:10 (wait)",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:01 ends 1 channel_down -> 2 daughter by sms | raised, rung 0.0, next 0:30
            0:02 ends 2 channel_down -> 3 son by voice | raised, rung 1.0, next 0:32
            0:03 ends 3 channel_down | raised, resting after round 1, next 1:03
            1:03 (time) -> 4 daughter by voice | raised, rung 0.0, next 1:33
            presses 1, copies 0
        "#]],
    );
}

#[test]
fn a_technical_alarm_that_repeats_itself_calls_nobody_again_and_may_be_closed_unclaimed() {
    let story = tell(
        "caretaker",
        raise(Cause::Technical("tamper".into()), Level::Technical, "sensor"),
        "0:05 ends 1 delivered
         0:10 again
         0:11 again
         0:12 close op device_fault",
    );
    expect![[r#"
         0:00 raised -> 1 caretaker by voice | raised, rung 0.0, next 0:30
         0:05 ends 1 delivered | raised, rung 0.0, next 0:30
         0:10 again | raised, rung 0.0, next 0:30
         0:11 again | raised, rung 0.0, next 0:30
         0:12 close op device_fault -> sensor lamp Over | closed by op: device_fault, next never
    "#]].assert_eq(&story.out);
}

#[test]
fn a_worse_level_rings_again_even_if_somebody_has_it() {
    let story = tell(
        "daughter",
        raise(Cause::Inactivity, Level::Attention, "sensor"),
        "0:05 ends 1 no_answer
         0:10 urgent
         0:12 claim op
         0:13 ends 2 released
         0:14 leak
         0:20 press",
    );
    expect![[r#"
         0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
         0:05 ends 1 no_answer | raised, resting after round 1, next 1:05
         0:10 urgent -> 2 daughter by voice | raised, rung 0.0, next 0:40
         0:12 claim op -> release 2 -> sensor lamp Taken | claimed by op, next 15:12
         0:13 ends 2 released | claimed by op, next 15:12
         0:14 leak | claimed by op, next 5:14
         0:20 press -> sensor lamp Waiting -> button lamp Waiting -> 7 daughter by voice | raised, rung 0.0, next 0:50
    "#]].assert_eq(&story.out);
    assert_eq!((story.alarm.level, story.alarm.presses), (Level::Red, 4));
}

#[test]
fn no_more_attempts_and_devices_are_kept_than_the_limit_says() {
    let mut script = String::new();
    for minute in 1..200 {
        writeln!(script, "{}:00 press button-{minute}", minute * 4).unwrap();
    }
    let story = tell("daughter & son", raise(Cause::Call, Level::Red, "button"), &script);
    assert_eq!(story.alarm.attempts.len(), ATTEMPTS_MAX);
    assert_eq!(story.alarm.devices.len(), DEVICES_MAX);
    assert_eq!(story.alarm.presses, 200);
    assert_eq!(story.alarm.state, State::Raised);
}
