//! Stories of calls that an operator stops or asks for out of turn.

use super::*;

#[test]
fn stopped_calls_are_hung_up_and_go_on_by_themselves_from_the_same_place() {
    check(
        "daughter son",
        "0:05 stop
         0:06 ends 1 released
         0:10 stop
         2:10 (wait)",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:05 stop -> release 1 | raised, stopped at 0.0, next 2:05
            0:06 ends 1 released | raised, stopped at 0.0, next 2:05
            0:10 stop refused: nobody is being called
            2:05 (time) -> 3 daughter by voice | raised, rung 0.0, next 2:35
            presses 1, copies 0
        "#]],
    );
}

#[test]
fn another_press_or_an_impatient_operator_sets_stopped_calls_going_at_once() {
    check(
        "daughter+sms / son",
        "0:05 stop
         0:06 ends 1 channel_down
         0:20 press
         0:25 stop
         0:26 ends 3 busy
         0:40 skip
         0:41 claim op
         0:42 stop",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:05 stop -> release 1 | raised, stopped at 0.0, next 2:05
            0:06 ends 1 channel_down | raised, stopped at 0.0, next 2:05
            0:20 press -> 3 daughter by voice | raised, rung 0.0, next 0:50
            0:25 stop -> release 3 | raised, stopped at 0.0, next 2:25
            0:26 ends 3 busy | raised, stopped at 0.0, next 2:25
            0:40 skip -> 5 daughter by voice | raised, rung 0.0, next 1:10
            0:41 claim op -> release 5 -> button lamp Taken | claimed by op, next 15:41
            0:42 stop refused: the alarm is claimed by op
            presses 2, copies 0
        "#]],
    );
}

#[test]
fn a_contact_is_called_out_of_turn_while_the_ladder_keeps_its_place() {
    check(
        "daughter / son",
        "0:05 call son
         0:06 call son
         0:07 call nobody
         0:12 accepts 2
         0:20 call daughter",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:05 call son -> 2 son by voice | raised, rung 0.0, next 0:30
            0:06 call son | raised, rung 0.0, next 0:30
            0:07 call nobody | raised, rung 0.0, next 0:30
            0:12 accepts 2 -> release 1 -> button lamp Taken | claimed by son, next 15:12
            0:20 call daughter refused: the alarm is claimed by son
            presses 1, copies 0
        "#]],
    );
}

#[test]
fn when_an_alarm_was_first_taken_is_kept_through_everything_after() {
    let story = tell("daughter", raise(Cause::Call, Level::Red, "button"), "0:10 claim op\n 0:20 let op\n 1:00 claim op2\n 2:00 report op2\n 3:00 close op2 test");
    assert_eq!(story.alarm.taken_at, Some(start() + TimeDelta::seconds(10)));
}
