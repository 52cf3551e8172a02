//! ALM-1 and SIL-2 on the shipped binary: what is owed is done on time, or at once after a start, whatever
//! happened in between: SIGKILL, SIGTERM, another configuration, a clock that jumped.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use acceptance::harness::http::Api;
use acceptance::harness::{Demo, Options, Rounds, home, run, until, wall_goes_on_to};
use chrono::{DateTime, TimeDelta, Utc};
use firmware_sim::clock::wall;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const HOMES: usize = 200;

/// How late a step may be seen from outside: the whole list is read again and again meanwhile.
const LATE_MAX: TimeDelta = TimeDelta::seconds(5);

/// A day and a bit: beyond every deadline of an open alarm.
const A_DAY: &str = "90000";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Sigkill,
    Sigterm,
}

/// Where an alarm stands: any step that is taken changes this.
fn stand(alarm: &Value) -> String {
    let attempts = alarm["attempts"].as_array().map_or(0, Vec::len);
    format!(
        "{} {} {} {attempts}",
        alarm["state"], alarm["rung"], alarm["next_step_at"]
    )
}

fn due(alarm: &Value) -> Option<DateTime<Utc>> {
    alarm["next_step_at"]
        .as_str()
        .and_then(|text| text.parse().ok())
}

async fn by_id(api: &Api) -> BTreeMap<String, Value> {
    api.alarms("open")
        .await
        .into_iter()
        .map(|alarm| (alarm["id"].as_str().unwrap().to_owned(), alarm))
        .collect()
}

/// Two hundred open alarms, each with a next step.
async fn two_hundred_open(demo: &Demo) -> BTreeMap<String, Value> {
    let mut button = demo.bridge("button").await;
    for number in 1..=HOMES {
        button.press(&home(number), "press").await.unwrap();
    }
    let api = demo.api();
    until("200 open alarms", Duration::from_secs(20), async || {
        (api.alarms("open").await.len() == HOMES).then_some(())
    })
    .await;
    let alarms = by_id(&api).await;
    assert!(
        alarms.values().all(|alarm| due(alarm).is_some()),
        "an open alarm has a next step"
    );
    alarms
}

async fn end(demo: &mut Demo, how: End) {
    match how {
        End::Sigkill => demo.kill(),
        End::Sigterm => {
            let status = demo.terminate().await;
            assert!(status.success(), "SIGTERM is an orderly end: {status}");
        }
    }
}

/// Every alarm has taken a step since `before`, within some seconds.
async fn all_step_at_once(demo: &Demo, before: &BTreeMap<String, Value>, what: &str) {
    let api = demo.api();
    until(
        &format!("{what}: {HOMES} of {HOMES} next steps at once"),
        Duration::from_secs(15),
        async || {
            let now = by_id(&api).await;
            assert_eq!(now.len(), before.len(), "{what}: no alarm is lost or added");
            now.iter()
                .all(|(id, alarm)| stand(alarm) != stand(&before[id]))
                .then_some(())
        },
    )
    .await;
}

fn check_overdue(how: End, change: &[&str], env: &[(String, String)]) {
    let what = format!("{how:?} {change:?} {env:?}");
    run(async move {
        for _ in Rounds::of(
            "deadlines",
            &what.replace(|c: char| !c.is_ascii_alphanumeric(), ""),
            1,
            5,
        ) {
            let mut demo = Demo::start(Options::homes(HOMES)).await;
            let before = two_hundred_open(&demo).await;
            end(&mut demo, how).await;
            let options = demo.options();
            options
                .more
                .extend(change.iter().map(|word| (*word).to_owned()));
            options.env.extend(env.iter().cloned());
            demo.start_again().await;
            all_step_at_once(&demo, &before, &what).await;
            demo.is_sound();
        }
    });
}

#[test]
fn two_hundred_overdue_next_steps_are_taken_at_once_after_a_sigkill() {
    check_overdue(End::Sigkill, &["--clock-offset", A_DAY], &[]);
}

#[test]
fn two_hundred_overdue_next_steps_are_taken_at_once_after_a_sigterm() {
    check_overdue(End::Sigterm, &["--clock-offset", A_DAY], &[]);
}

#[test]
fn two_hundred_overdue_next_steps_are_taken_at_once_under_another_configuration() {
    check_overdue(
        End::Sigkill,
        &[
            "--clock-offset",
            A_DAY,
            "--webhook",
            "http://127.0.0.1:9/nobody",
            "--silence-max",
            "3600",
        ],
        &[],
    );
}

#[test]
fn two_hundred_overdue_next_steps_are_taken_at_once_when_the_machine_s_clock_jumped_a_day() {
    // The library alone: the command `faketime` would stand between us and the process that is to be killed.
    let Ok(said) = std::process::Command::new("faketime")
        .args(["-f", "+90000s", "printenv", "LD_PRELOAD"])
        .output()
    else {
        println!("no faketime here: skipped");
        return;
    };
    let library = String::from_utf8(said.stdout).unwrap().trim().to_owned();
    assert!(!library.is_empty(), "faketime names its library");
    let env = [("LD_PRELOAD", library.as_str()), ("FAKETIME", "+90000s")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    check_overdue(End::Sigkill, &[], &env);
}

/// The steps that fall due within a minute, each on its time, over an end and a start.
fn check_on_time(how: End, change: &[&str]) {
    let what = format!("{how:?} {change:?}");
    run(async move {
        let mut demo = Demo::start(Options::homes(HOMES)).await;
        let before = two_hundred_open(&demo).await;
        end(&mut demo, how).await;
        demo.options()
            .more
            .extend(change.iter().map(|word| (*word).to_owned()));
        demo.start_again().await;
        let ready_at = wall();
        let api = demo.api();
        let last = ready_at + TimeDelta::seconds(40);
        let mut waiting: BTreeMap<&String, DateTime<Utc>> = before
            .iter()
            .filter_map(|(id, alarm)| Some((id, due(alarm)?)))
            .filter(|(_, due)| *due <= last)
            .collect();
        let all = waiting.len();
        assert!(
            all > 0,
            "{what}: some steps are due within the next seconds"
        );
        while !waiting.is_empty() {
            let now = wall();
            let alarms = by_id(&api).await;
            waiting.retain(|id, _| stand(&alarms[*id]) == stand(&before[*id]));
            for (id, due) in &waiting {
                let owed = (*due).max(ready_at);
                assert!(
                    now <= owed + LATE_MAX,
                    "{what}: alarm {id} was due at {due}, it is {now}: {}",
                    alarms[*id]
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        println!("{what}: {all} next steps on time");
        demo.is_sound();
    });
}

#[test]
fn next_steps_come_on_their_time_over_a_sigkill() {
    check_on_time(End::Sigkill, &[]);
}

#[test]
fn next_steps_come_on_their_time_when_the_clock_was_set_back_by_a_day() {
    check_on_time(End::Sigkill, &["--clock-offset", "-86400"]);
}

/// Longest silence at home in these tests, seconds.
const SILENCE_S: i64 = 40;

async fn two_hundred_seen(demo: &Demo) {
    let mut sensor = demo.bridge("sensor").await;
    for number in 1..=HOMES {
        sensor
            .publish_acked(
                &format!("care/v1/{}/m-1/motion", home(number)),
                b"{\"id\":\"seen\"}",
            )
            .await
            .unwrap();
    }
    let api = demo.api();
    until("200 homes are seen", Duration::from_secs(20), async || {
        let last = api.get(&format!("/api/v1/homes/{}", home(HOMES))).await;
        last["last_seen_at"].is_string().then_some(())
    })
    .await;
}

async fn silent(api: &Api) -> BTreeSet<String> {
    let alarms = api.alarms("all").await;
    let silent: Vec<_> = alarms
        .iter()
        .filter(|alarm| alarm["cause"] == "inactivity")
        .map(|alarm| alarm["home"].as_str().unwrap().to_owned())
        .collect();
    let homes: BTreeSet<_> = silent.iter().cloned().collect();
    assert_eq!(homes.len(), silent.len(), "one alarm for each silent home");
    homes
}

#[test]
fn two_hundred_silent_homes_fire_at_once_after_a_short_outage() {
    run(async {
        let options = Options::homes(HOMES).with(&["--silence-max", &SILENCE_S.to_string()]);
        let mut demo = Demo::start(options).await;
        two_hundred_seen(&demo).await;
        demo.kill();
        // Down for less than two minutes by the clock, and every deadline passes meanwhile.
        demo.options()
            .more
            .extend(["--clock-offset".to_owned(), "90".to_owned()]);
        demo.start_again().await;
        let api = demo.api();
        until(
            "200 of 200 silent homes at once",
            Duration::from_secs(10),
            async || (silent(&api).await.len() == HOMES).then_some(()),
        )
        .await;
        demo.is_sound();
    });
}

#[test]
fn silence_is_an_alarm_on_its_time_when_nothing_else_happens() {
    run(async {
        let mut demo = Demo::start(Options::homes(HOMES).with(&["--silence-max", "30"])).await;
        let start = Instant::now();
        two_hundred_seen(&demo).await;
        let api = demo.api();
        wall_goes_on_to(start + Duration::from_secs(20)).await;
        assert_eq!(
            silent(&api).await.len(),
            0,
            "nobody has been silent for long enough"
        );
        until(
            "200 of 200 silent homes on time",
            Duration::from_secs(25),
            async || (silent(&api).await.len() == HOMES).then_some(()),
        )
        .await;
        demo.is_sound();
    });
}

#[test]
fn after_a_long_outage_all_stand_in_the_worklist_and_the_still_silent_fire_after_the_grace() {
    run(async {
        // Back within the grace: a quarter of the homes.
        const BACK: usize = HOMES / 4;
        let mut demo =
            Demo::start(Options::homes(HOMES).with(&["--silence-max", &SILENCE_S.to_string()]))
                .await;
        two_hundred_seen(&demo).await;
        demo.kill();
        // Down for hours; the grace of 15 min takes 30 s at this rate.
        demo.options().more.extend([
            "--clock-offset".to_owned(),
            "14400".to_owned(),
            "--clock-rate".to_owned(),
            "30".to_owned(),
        ]);
        demo.start_again().await;
        let api = demo.api();
        let worklist = async || {
            let page = api.get("/api/v1/outage-worklist?limit=500").await;
            let homes: BTreeSet<_> = page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["home"].as_str().unwrap().to_owned())
                .collect();
            homes
        };
        until(
            "all 200 stand in the worklist at once",
            Duration::from_secs(5),
            async || (worklist().await.len() == HOMES).then_some(()),
        )
        .await;
        assert_eq!(
            silent(&api).await.len(),
            0,
            "no mass alarm after an outage of ours"
        );
        // They go on being heard, or at this rate they would be silent for longer than their limit again.
        let ready = demo.ready.clone();
        let alive = tokio::spawn(async move {
            let mut sensor = acceptance::harness::Client::connect(
                &ready.mqtt,
                "back",
                &ready.mqtt_user,
                &ready.mqtt_password,
            )
            .await
            .unwrap();
            for round in 0.. {
                for number in 1..=BACK {
                    let payload = format!("{{\"id\":\"back-{round}\"}}");
                    if sensor
                        .publish_acked(
                            &format!("care/v1/{}/m-1/motion", home(number)),
                            payload.as_bytes(),
                        )
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        until(
            "those who are heard again leave the worklist",
            Duration::from_secs(10),
            async || (worklist().await.len() == HOMES - BACK).then_some(()),
        )
        .await;
        assert_eq!(silent(&api).await.len(), 0, "the grace is not over");
        let fired = until(
            "each one that is still silent fires after the grace",
            Duration::from_secs(60),
            async || {
                let fired = silent(&api).await;
                (fired.len() >= HOMES - BACK).then_some(fired)
            },
        )
        .await;
        alive.abort();
        let expected: BTreeSet<_> = (BACK + 1..=HOMES).map(home).collect();
        assert_eq!(
            fired, expected,
            "none is dropped, and none that was heard fires"
        );
        assert_eq!(worklist().await.len(), 0, "the worklist is worked off");
        demo.is_sound();
    });
}
