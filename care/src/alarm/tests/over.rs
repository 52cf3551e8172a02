//! Stories of alarms whose cause is over before anybody has acted.

use super::*;

fn check(first: Raise, script: &str, wanted: Expect) {
    let story = tell("daughter", first, script);
    let shown = story.alarm.cause_over().map_or("not over".to_owned(), |over| format!("over since {}", clock(over.at)));
    wanted.assert_eq(&format!("{}{shown}\n", story.out));
}

fn technical() -> Raise {
    raise(Cause::Technical("power_cut".into()), Level::Technical, "hub")
}

#[test]
fn a_technical_alarm_that_is_over_calls_nobody_and_ends_by_itself() {
    check(technical(), "0:10 over hub 10\n16:00 (wait)", expect![[r#"
        0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
        0:10 over hub 10 -> release 1 | raised, resting after round 0, next 15:10
        15:10 (time) -> release 1 -> hub lamp Over | closed by platform: over, next never
        over since 0:10
    "#]]);
}

#[test]
fn what_comes_back_before_its_end_is_the_same_alarm_and_is_called_about_again() {
    check(technical(), "0:10 over hub 10\n5:00 again hub\n8:00 (wait)\n8:01 over hub 481\n24:00 (wait)", expect![[r#"
        0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
        0:10 over hub 10 -> release 1 | raised, resting after round 0, next 15:10
        5:00 again hub | raised, resting after round 0, next 6:00
        6:00 (time) -> 3 daughter by voice | raised, rung 0.0, next 6:30
        6:30 (time) | raised, resting after round 1, next 7:30
        7:30 (time) | raised, rung 0.0, next 8:00
        8:00 (time) | raised, resting after round 2, next 10:00
        8:01 over hub 481 -> release 1 -> release 3 | raised, resting after round 2, next 23:01
        23:01 (time) -> release 1 -> release 3 -> hub lamp Over | closed by platform: over, next never
        over since 8:01
    "#]]);
}

#[test]
fn it_is_over_when_every_device_that_called_has_said_so() {
    check(technical(), "0:10 again panel\n0:20 over hub 20\n0:21 over stranger 21\n0:25 over panel 25", expect![[r#"
        0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
        0:10 again panel | raised, rung 0.0, next 0:30
        0:20 over hub 20 | raised, rung 0.0, next 0:30
        0:21 over stranger 21 | raised, rung 0.0, next 0:30
        0:25 over panel 25 -> release 1 | raised, resting after round 0, next 15:25
        over since 0:25
    "#]]);
    check(technical(), "0:10 over hub 10\n0:20 again panel", expect![[r#"
        0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
        0:10 over hub 10 -> release 1 | raised, resting after round 0, next 15:10
        0:20 again panel | raised, resting after round 0, next 1:20
        not over
    "#]]);
}

#[test]
fn an_alarm_about_a_person_is_told_of_it_and_goes_on() {
    check(raise(Cause::Smoke, Level::Red, "hub"), "0:10 over hub 10\n1:00 (wait)", expect![[r#"
        0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
        0:10 over hub 10 | raised, rung 0.0, next 0:30
        0:30 (time) | raised, resting after round 1, next 1:30
        over since 0:10
    "#]]);
    check(raise(Cause::Inactivity, Level::Attention, "hub"), "0:10 over - 10\n1:00 (wait)", expect![[r#"
        0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
        0:10 over - 10 | raised, rung 0.0, next 0:30
        0:30 (time) | raised, resting after round 1, next 1:30
        over since 0:10
    "#]]);
}

#[test]
fn what_somebody_has_taken_is_theirs_to_close_and_ends_once_they_let_go() {
    check(technical(), "0:10 claim op\n0:20 over hub 20\n10:00 let op\n26:00 (wait)", expect![[r#"
        0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
        0:10 claim op -> release 1 -> hub lamp Taken | claimed by op, next 15:10
        0:20 over hub 20 | claimed by op, next 15:10
        10:00 let op -> hub lamp Waiting -> release 1 | raised, resting after round 0, next 25:00
        25:00 (time) -> release 1 -> hub lamp Over | closed by platform: over, next never
        over since 0:20
    "#]]);
}

#[test]
fn an_operator_need_not_wait_for_the_end() {
    check(technical(), "0:10 over hub 10\n0:30 skip", expect![[r#"
        0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
        0:10 over hub 10 -> release 1 | raised, resting after round 0, next 15:10
        0:30 skip -> release 1 -> hub lamp Over | closed by platform: over, next never
        over since 0:10
    "#]]);
}

#[test]
fn what_was_over_before_the_alarm_says_nothing_of_it() {
    check(technical(), "0:10 over hub -5", expect![[r#"
        0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
        0:10 over hub -5 | raised, rung 0.0, next 0:30
        not over
    "#]]);
}

#[test]
fn an_end_by_itself_is_nobodys_answer() {
    let story = tell("", technical(), "0:10 over hub 10\n20:00 (wait)");
    assert!(!story.alarm.is_open());
    let quality = crate::alarm::quality([&story.alarm], 1, start() + TimeDelta::hours(1));
    assert_eq!((quality.all.alarms, quality.all.answered, quality.closed), (1, 0, 1));
}
