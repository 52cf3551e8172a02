//! Stories of people who take an alarm, report, hand it on and close it.

use super::*;

#[test]
fn a_claimed_alarm_without_a_report_rings_again() {
    check(
        "daughter",
        "0:03 claim op
         0:04 ends 1 released
         15:03 (wait)
         16:00 claim op
         17:00 report op
         497:00 (wait)
         500:00 close op help_given
         501:00 time",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:03 claim op -> release 1 -> button lamp Taken | claimed by op, next 15:03
            0:04 ends 1 released | claimed by op, next 15:03
            15:03 (time) -> button lamp Waiting -> 5 daughter by voice | raised, rung 0.0, next 15:33
            15:33 (time) | raised, resting after round 1, next 16:33
            16:00 claim op -> release 5 -> button lamp Taken | claimed by op, next 31:00
            17:00 report op | reported by op, next 497:00
            497:00 (time) | reported by op, next 977:00
            500:00 close op help_given -> release 5 -> button lamp Over | closed by op: help_given, next never
            501:00 time | closed by op: help_given, next never
            presses 1, copies 0
        "#]],
    );
}

#[test]
fn a_press_after_the_claim_reaches_the_claimant_and_shortens_the_wait_for_the_report() {
    check(
        "daughter+sms",
        "0:03 accepts 1
         1:00 press second
         1:01 ends 3 channel_down
         6:00 (wait)",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:03 accepts 1 -> button lamp Taken | claimed by daughter, next 15:03
            1:00 press second -> 3 daughter by voice -> second lamp Taken | claimed by daughter, next 6:00
            1:01 ends 3 channel_down -> 5 daughter by sms | claimed by daughter, next 6:00
            6:00 (time) -> button lamp Waiting -> second lamp Waiting -> 8 daughter by voice | raised, rung 0.0, next 6:30
            presses 2, copies 0
        "#]],
    );
}

#[test]
fn a_press_after_the_report_rings_anew() {
    check(
        "daughter",
        "0:03 claim op
         0:05 ends 1 released
         1:00 report op
         30:00 press",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:03 claim op -> release 1 -> button lamp Taken | claimed by op, next 15:03
            0:05 ends 1 released | claimed by op, next 15:03
            1:00 report op | reported by op, next 481:00
            30:00 press -> button lamp Waiting -> 5 daughter by voice | raised, rung 0.0, next 30:30
            presses 2, copies 0
        "#]],
    );
}

#[test]
fn a_press_after_the_close_changes_nothing_here_for_it_is_a_new_alarm() {
    check(
        "daughter",
        "0:03 claim op
         1:00 close op false_press
         2:00 press
         2:01 copy
         2:02 accepts 1
         2:03 claim op
         2:04 close op test
         2:05 report op
         2:06 let op
         2:07 way op
         2:08 hand op op2
         2:09 skip
         2:10 cancel
         2:11 starts 1
         2:12 ends 1 busy
         2:13 time",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:03 claim op -> release 1 -> button lamp Taken | claimed by op, next 15:03
            1:00 close op false_press -> release 1 -> button lamp Over | closed by op: false_press, next never
            2:00 press | closed by op: false_press, next never
            2:01 copy | closed by op: false_press, next never
            2:02 accepts 1 | closed by op: false_press, next never
            2:03 claim op refused: the alarm is closed
            2:04 close op test refused: the alarm is closed
            2:05 report op refused: the alarm is closed
            2:06 let op refused: the alarm is closed
            2:07 way op refused: the alarm is closed
            2:08 hand op op2 refused: the alarm is closed
            2:09 skip refused: the alarm is closed
            2:10 cancel | closed by op: false_press, next never
            2:11 starts 1 | closed by op: false_press, next never
            2:12 ends 1 busy | closed by op: false_press, next never
            2:13 time | closed by op: false_press, next never
            presses 1, copies 1
        "#]],
    );
}

#[test]
fn who_lets_go_makes_it_ring_and_a_call_that_was_just_hung_up_is_made_again() {
    check(
        "daughter",
        "0:05 claim op
         0:06 let op
         0:07 ends 1 released",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:05 claim op -> release 1 -> button lamp Taken | claimed by op, next 15:05
            0:06 let op -> button lamp Waiting | raised, rung 0.0, next 0:36
            0:07 ends 1 released -> 5 daughter by voice | raised, rung 0.0, next 0:36
            presses 1, copies 0
        "#]],
    );
}

#[test]
fn a_hand_over_gives_the_next_person_the_whole_time_for_the_report() {
    check(
        "daughter",
        "0:05 claim op
         10:00 hand op op2
         25:00 (wait)",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:05 claim op -> release 1 -> button lamp Taken | claimed by op, next 15:05
            10:00 hand op op2 | claimed by op2, next 25:00
            25:00 (time) -> button lamp Waiting -> 5 daughter by voice | raised, rung 0.0, next 25:30
            presses 1, copies 0
        "#]],
    );
}

#[test]
fn what_is_not_claimed_cannot_be_reported_handed_over_let_go_or_closed() {
    check(
        "daughter",
        "0:01 report op
         0:02 hand op op2
         0:03 let op
         0:04 way op
         0:05 close op test
         0:06 claim op
         0:07 claim op
         0:08 claim op2
         0:09 skip
         0:10 report op
         0:11 claim op2
         0:12 skip",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:01 report op refused: the alarm is not claimed: claim it first
            0:02 hand op op2 refused: the alarm is not claimed: claim it first
            0:03 let op refused: the alarm is not claimed: claim it first
            0:04 way op refused: the alarm is not claimed: claim it first
            0:05 close op test refused: the alarm is not claimed: claim it first
            0:06 claim op -> release 1 -> button lamp Taken | claimed by op, next 15:06
            0:07 claim op | claimed by op, next 15:06
            0:08 claim op2 refused: the alarm is claimed by op
            0:09 skip refused: the alarm is claimed by op
            0:10 report op | reported by op, next 480:10
            0:11 claim op2 refused: the alarm is claimed by op
            0:12 skip refused: the alarm is claimed by op
            presses 1, copies 0
        "#]],
    );
}

#[test]
fn an_operator_takes_over_from_a_contact_but_not_from_another_operator() {
    let by = |claimant: Claimant| Input::Claim { by: claimant };
    let ladder = plan("daughter");
    let (alarm, _) = Alarm::raise("a".into(), "home".into(), vec![], raise(Cause::Call, Level::Red, "button"), false, &ladder, start());
    let (alarm, _) = alarm.step(Input::Accepted { attempt: 1 }, &ladder, start());
    assert_eq!(alarm.refuses(&by(who("lin"))), None);
    let (alarm, effects) = alarm.step(by(who("lin")), &ladder, start());
    assert_eq!((alarm.claimant(), effects), (Some(&who("lin")), vec![]));
    assert_eq!(alarm.refuses(&by(who("zhou"))), Some(Refusal::ClaimedBy(who("lin"))));
    assert_eq!(alarm.refuses(&by(who("@son"))), Some(Refusal::ClaimedBy(who("lin"))));
    let (after, _) = alarm.clone().step(by(who("zhou")), &ladder, start());
    assert_eq!(after, alarm);
}
