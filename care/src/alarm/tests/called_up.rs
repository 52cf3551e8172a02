//! Stories of a red alarm that nobody takes: the platform itself calls a second person on shift, then the lead.

use super::*;

fn called_up(level: Level, script: &str, wanted: Expect) -> Alarm {
    let plan = Plan { call_up: vec!["voice".into(), "sms".into()], ..plan("daughter son") };
    let story = tell_by(plan, raise(Cause::Call, level, "button"), script);
    wanted.assert_eq(&story.out);
    story.alarm
}

#[test]
fn after_60_seconds_a_second_person_is_called_and_after_180_the_lead() {
    let alarm = called_up(
        Level::Red,
        "1:05 ends 3 unreachable
         3:00 (wait)
         3:04 ends 5 no_answer",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:30 (time) -> 2 son by voice | raised, rung 0.1, next 1:00
            1:00 (time) -> 3 shift.second by voice | raised, resting after round 1, next 2:00
            1:05 ends 3 unreachable -> 4 shift.second by sms | raised, resting after round 1, next 2:00
            2:00 (time) | raised, rung 0.0, next 2:30
            2:30 (time) | raised, rung 0.1, next 3:00
            3:00 (time) -> 5 shift.lead by voice | raised, resting after round 2, next 5:00
            3:04 ends 5 no_answer | raised, resting after round 2, next 5:00
        "#]],
    );
    let why: Vec<String> = alarm.attempts.iter().filter_map(|a| a.why.as_ref()).map(|why| why.render(crate::Language::Zh, chrono_tz::Asia::Shanghai)).collect();
    assert_eq!(why, ["1 分钟 无人接手，叫第二位值班人。", "3 分钟 无人接手，叫带班负责人。"]);
}

#[test]
fn who_is_called_up_takes_it_with_a_key_and_nobody_else_is_called_up() {
    called_up(
        Level::Red,
        "1:10 accepts 3
         10:00 let @shift.second
         10:00 (wait)",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:30 (time) -> 2 son by voice | raised, rung 0.1, next 1:00
            1:00 (time) -> 3 shift.second by voice | raised, resting after round 1, next 2:00
            1:10 accepts 3 -> release 1 -> release 2 -> button lamp Taken | claimed by shift.second, next 16:10
            10:00 let @shift.second -> button lamp Waiting -> 8 daughter by voice | raised, rung 0.0, next 10:30
            10:00 (time) -> 9 shift.second by voice -> 10 shift.lead by voice | raised, rung 0.0, next 10:30
        "#]],
    );
}

#[test]
fn while_a_person_has_stopped_the_calls_nobody_is_called_up_and_afterwards_at_once() {
    called_up(
        Level::Red,
        "0:10 stop
         2:10 (wait)",
        expect![[r#"
            0:00 raised -> 1 daughter by voice | raised, rung 0.0, next 0:30
            0:10 stop -> release 1 | raised, stopped at 0.0, next 2:10
            2:10 (time) -> 3 shift.second by voice | raised, rung 0.0, next 2:40
        "#]],
    );
}

#[test]
fn what_is_not_red_or_is_a_drill_or_is_claimed_in_time_calls_nobody_up() {
    let quiet = |alarm: &Alarm| alarm.attempts.iter().all(|a| a.why.is_none()) && alarm.call_up.is_none();
    let plan = Plan { call_up: vec!["voice".into()], ..plan("daughter") };
    let yellow = tell_by(plan.clone(), raise(Cause::WaterLeak, Level::Urgent, "leak"), "9:00 (wait)");
    assert!(quiet(&yellow.alarm));
    let taken = tell_by(plan.clone(), raise(Cause::Call, Level::Red, "button"), "0:59 claim op\n9:00 (wait)");
    assert!(quiet(&taken.alarm));
    let (drill, _) = Alarm::raise("a1".into(), "home-1".into(), vec![], raise(Cause::Call, Level::Red, "button"), true, &plan, start());
    assert!(quiet(&drill));
    // What becomes red later is called up from then on.
    let worse = tell_by(plan, raise(Cause::Call, Level::Urgent, "leak"), "4:00 press\n4:00 (wait)");
    assert_eq!(worse.alarm.attempts.iter().filter(|a| a.why.is_some()).count(), 2);
}
