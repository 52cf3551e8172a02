//! Stories over the whole way, from outside: a button and its lamp, a recorded home, a press in the middle of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use acceptance::harness::binary::find;
use acceptance::harness::mqtt::Packet;
use acceptance::harness::webhook::Receiver;
use acceptance::harness::{Demo, Options, home, run, until};
use chrono::{DateTime, TimeDelta, Utc};
use firmware_sim::clock::wall;
use firmware_sim::recording::{self, Recorded};
use firmware_sim::{Seed, record};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn a_press_is_stored_answered_for_and_does_not_let_go_until_a_person_has_taken_it() {
    run(async {
        let receiver = Receiver::start().await;
        let mut demo = Demo::start(Options::homes(5).with(&["--webhook", &receiver.url()])).await;
        let api = demo.api();
        let mut button = demo.bridge("button").await;
        assert_eq!(
            button
                .subscribe(&format!("care/v1/{}/button/cmd", home(3)))
                .await
                .unwrap(),
            1
        );
        button.press(&home(3), "help-me").await.unwrap();
        assert_eq!(
            said(&mut button).await,
            json!({"ack": "help-me"}),
            "the lamp learns that the call is stored"
        );
        let alarm = until(
            "an alarm with its first attempt",
            Duration::from_secs(5),
            async || {
                let calls = api.calls_of(&home(3)).await;
                let called = calls.first().is_some_and(|call| {
                    call["attempts"]
                        .as_array()
                        .is_some_and(|attempts| !attempts.is_empty())
                });
                called.then(|| calls[0].clone())
            },
        )
        .await;
        assert_eq!(
            (
                alarm["level"].as_str(),
                alarm["presses"].as_u64(),
                alarm["copies"].as_u64()
            ),
            (Some("red"), Some(1), Some(0))
        );
        assert!(
            alarm["reason"]["text"]["zh"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{}",
            alarm["reason"]
        );
        until("the webhook is told", Duration::from_secs(10), async || {
            receiver.homes_told().contains(&home(3)).then_some(())
        })
        .await;
        // A delivered webhook is no acknowledgement; a claim is (unless one of the simulated phones was quicker).
        let id = alarm["id"].as_str().unwrap();
        let claim = api
            .request(
                "POST",
                &format!("/api/v1/alarms/{id}/claim"),
                Some(&json!({})),
            )
            .await
            .unwrap();
        assert!([200, 409].contains(&claim.status), "{}", claim.text());
        assert_eq!(
            said(&mut button).await,
            json!({"help": "taken"}),
            "the lamp learns that a person has it"
        );
        let report = api
            .request(
                "POST",
                &format!("/api/v1/alarms/{id}/report"),
                Some(&json!({"text": "spoke with her, all is well"})),
            )
            .await
            .unwrap();
        assert!([200, 409].contains(&report.status), "{}", report.text());
        let closed = api
            .post(
                &format!("/api/v1/alarms/{id}/close"),
                &json!({"outcome": "false_press", "reason": "sat on it"}),
            )
            .await;
        assert_eq!(closed["state"], "closed", "{closed}");
        assert_eq!(
            said(&mut button).await,
            json!({"help": "over"}),
            "the lamp goes dark"
        );
        assert!(api.alarms("open").await.is_empty());
        demo.is_sound();
    });
}

/// The next word to the device.
async fn said(button: &mut acceptance::harness::Client) -> Value {
    loop {
        if let Packet::Publish { payload, .. } = button.read().await.unwrap() {
            return serde_json::from_slice(&payload).unwrap();
        }
    }
}

/// Replays a recording into a home of a new demo, presses in the middle of it, and compares what the API shows.
fn check_recording(file: &Path, events: &[Recorded]) {
    let name = home(1);
    run(async move {
        let mut demo = Demo::start(Options::homes(3)).await;
        let api = demo.api();
        let ready = &demo.ready;
        let mut replay = Command::new(find("firmware-sim"))
            .arg("replay")
            .arg(file)
            .args([
                "--mqtt",
                &ready.mqtt,
                "--user",
                &ready.mqtt_user,
                "--password",
                &ready.mqtt_password,
                "--home",
                &name,
                "--speed",
                "0",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until(
            "the replay is under way",
            Duration::from_secs(20),
            async || {
                let shown = api.get(&format!("/api/v1/homes/{name}")).await;
                shown["last_seen_at"].is_string().then_some(())
            },
        )
        .await;
        press(&demo, &name).await;
        let called = until(
            "the phone rings for a press in the middle of it",
            Duration::from_secs(10),
            async || {
                let calls = api.calls_of(&name).await;
                calls
                    .first()
                    .and_then(|call| call["attempts"].as_array()?.first().cloned())
            },
        )
        .await;
        println!("attempt: {}", called["channel"]);
        until("the replay ends", Duration::from_secs(240), || {
            std::future::ready(replay.try_wait().unwrap())
        })
        .await;
        let output = replay.wait_with_output().unwrap();
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(summary["acked"], events.len(), "{summary}");
        let ended = wall();
        // The last event was shifted to the moment at which the replay began.
        let shown = until(
            "the last event is seen",
            Duration::from_secs(60),
            async || {
                let shown = api.get(&format!("/api/v1/homes/{name}")).await;
                let seen: DateTime<Utc> = shown["last_seen_at"].as_str()?.parse().ok()?;
                (shown["occupancy"].is_string() && ended - seen < TimeDelta::minutes(5))
                    .then_some(shown)
            },
        )
        .await;
        let last = events.iter().max_by_key(|event| event.ts).unwrap();
        let expected = firmware_sim::replay::device_of(&last.sensor);
        let devices = shown["devices"].as_array().unwrap();
        let latest = devices
            .iter()
            .filter(|device| device["id"] != "button")
            .max_by_key(|device| device["last_seen_at"].as_str().map(str::to_owned))
            .unwrap();
        assert_eq!(
            latest["id"].as_str(),
            Some(expected.as_str()),
            "the device of the last event was seen last: {latest}"
        );
        let sensors: std::collections::BTreeSet<_> =
            events.iter().map(|event| event.sensor.as_str()).collect();
        assert!(
            devices.len() > sensors.len().min(15),
            "{} sensors, {} shown",
            sensors.len(),
            devices.len()
        );
        println!(
            "{}: {} events, {}",
            name,
            events.len(),
            json!({"occupancy": shown["occupancy"], "silence_s": shown["silence_s"], "cover": shown["cover"]})
        );
        demo.is_sound();
    });
}

/// A press by `mosquitto_pub` where it is installed: a client that none of us wrote.
async fn press(demo: &Demo, name: &str) {
    let (host, port) = demo.ready.mqtt.rsplit_once(':').unwrap();
    let foreign = Command::new("mosquitto_pub")
        .args([
            "-h",
            host,
            "-p",
            port,
            "-u",
            &demo.ready.mqtt_user,
            "-P",
            &demo.ready.mqtt_password,
            "-q",
            "1",
        ])
        .args([
            "-t",
            &format!("care/v1/{name}/button/call"),
            "-m",
            "{\"id\":\"in-the-middle\"}",
        ])
        .status();
    match foreign {
        Ok(status) => assert!(status.success(), "{status}"),
        Err(_) => demo
            .bridge("button")
            .await
            .press(name, "in-the-middle")
            .await
            .unwrap(),
    }
}

#[test]
fn a_recording_that_was_made_here_is_shown_as_it_was_lived() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("home.csv.gz");
    let events = record::record(
        &Seed::new(4),
        chrono::NaiveDate::from_ymd_opt(2026, 3, 1).unwrap(),
        10,
    );
    recording::write(&file, events.clone()).unwrap();
    check_recording(&file, &events);
}

#[test]
fn a_recorded_home_is_shown_as_it_was_lived() {
    let folder = std::env::var_os("HEARTHLINE_EVALUATION_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let file = folder.join("homes/casas_al.csv.gz");
    if !file.is_file() {
        println!("no evaluation data here: skipped");
        return;
    }
    let events = recording::read(&file).unwrap();
    check_recording(&file, &events);
}
