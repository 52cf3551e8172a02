//! LIM-1 on the shipped binary: a full disk, a crowd, readers that do not read, senders that send rubbish. In
//! each of these every acked press has its alarm, an undisturbed home is served within 5 s, memory stays
//! under the written limit, and the process does not exit.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use acceptance::harness::disk::SmallDisk;
use acceptance::harness::mqtt::{Packet, connect_packet, packet, press_of, publish_packet};
use acceptance::harness::webhook::Receiver;
use acceptance::harness::{Client, Demo, Options, home, is_long, run, until};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The home that nobody disturbs.
const QUIET: usize = 1;

/// A demo with a webhook in every plan: the simulated phones are soon all engaged, as real ones would be.
async fn demo(options: Options) -> (Demo, Receiver) {
    let receiver = Receiver::start().await;
    let demo = Demo::start(options.with(&["--webhook", &receiver.url()])).await;
    (demo, receiver)
}

/// Presses in the undisturbed home: alarm and first attempt within 5 s; the process is well.
async fn still_serves(demo: &mut Demo, what: &str) {
    let start = Instant::now();
    let api = demo.api();
    demo.bridge("quiet-button")
        .await
        .press(&home(QUIET), what)
        .await
        .unwrap();
    let has_attempt = |alarm: &Value| {
        let attempts = alarm["attempts"].as_array();
        attempts.is_some_and(|all| all.iter().any(|attempt| attempt["started_at"].is_string()))
    };
    until(
        &format!("{what}: the undisturbed home is called about"),
        Duration::from_secs(5),
        async || {
            api.calls_of(&home(QUIET))
                .await
                .iter()
                .any(has_attempt)
                .then_some(())
        },
    )
    .await;
    assert!(start.elapsed() < Duration::from_secs(5));
    demo.is_sound();
}

async fn all_have_alarms(demo: &Demo, acked: &BTreeSet<String>) {
    let api = demo.api();
    until(
        "every acked press has its alarm",
        Duration::from_secs(20),
        async || {
            let homes: BTreeSet<_> = api
                .alarms("all")
                .await
                .iter()
                .map(|alarm| alarm["home"].as_str().unwrap().to_owned())
                .collect();
            acked.is_subset(&homes).then_some(())
        },
    )
    .await;
}

#[test]
fn a_full_disk_refuses_everything_but_red_alarms() {
    let Some(disk) = SmallDisk::mount(160) else {
        return;
    };
    run(async {
        let data = disk.path().join("data");
        let (mut demo, _receiver) = demo(Options::homes(60).on(&data)).await;
        still_serves(&mut demo, "before").await;
        disk.fill(0);
        // Routine messages are refused without an ack, sooner or later: what is free inside the files may still be used.
        let text = "x".repeat(2000);
        let start = Instant::now();
        let mut refused = false;
        let mut last = 0;
        while !refused && start.elapsed() < Duration::from_secs(60) {
            let mut sensor = demo.bridge("sensor").await;
            loop {
                last += 1;
                let payload =
                    format!("{{\"id\":\"full-{last}\",\"value\":true,\"more\":\"{text}\"}}");
                if sensor
                    .publish_acked(
                        &format!("care/v1/{}/m-1/motion", home(2)),
                        payload.as_bytes(),
                    )
                    .await
                    .is_err()
                {
                    refused = true;
                    break;
                }
                if start.elapsed() > Duration::from_secs(60) {
                    break;
                }
            }
        }
        assert!(refused, "{last} routine messages were acked on a full disk");
        let mut acked = BTreeSet::new();
        for number in 3..=32 {
            let mut button = demo.bridge(&format!("button-{number}")).await;
            button
                .press(&home(number), "on-a-full-disk")
                .await
                .unwrap_or_else(|error| panic!("home {number}: {error}"));
            acked.insert(home(number));
        }
        all_have_alarms(&demo, &acked).await;
        demo.is_sound();
        let api = demo.api();
        until(
            "the operators are told",
            Duration::from_secs(30),
            async || {
                let page = api.get("/api/v1/alarms?state=open").await;
                let text = page["items"].to_string();
                (text.contains("technical/")).then_some(())
            },
        )
        .await;
        // A crash in the middle of it changes nothing.
        demo.kill();
        demo.start_again().await;
        all_have_alarms(&demo, &acked).await;
        disk.empty();
        until(
            "routine messages are taken again once there is room",
            Duration::from_secs(60),
            async || {
                let mut sensor = demo.try_bridge("sensor").await.ok()?;
                sensor
                    .publish_acked(
                        &format!("care/v1/{}/m-1/motion", home(2)),
                        b"{\"id\":\"room-again\"}",
                    )
                    .await
                    .ok()
            },
        )
        .await;
        demo.is_sound();
    });
}

#[test]
fn two_thousand_clients_that_reconnect_at_once_are_all_let_in_and_disturb_nobody() {
    run(async {
        let clients = if is_long("limits") { 5000 } else { 2000 };
        let (mut demo, _receiver) = demo(Options::homes(100)).await;
        let mut waves: Vec<Option<Client>> = (0..clients).map(|_| None).collect();
        for wave in 0..3 {
            // The connections of the wave before are dropped without a word and come back all at once.
            waves.iter_mut().for_each(|client| *client = None);
            let mut coming = JoinSet::new();
            for number in 0..clients {
                let ready = demo.ready.clone();
                coming.spawn(async move {
                    let start = Instant::now();
                    loop {
                        match Client::connect(
                            &ready.mqtt,
                            &format!("c-{number}"),
                            &ready.mqtt_user,
                            &ready.mqtt_password,
                        )
                        .await
                        {
                            Ok(client) => return (number, client),
                            Err(error) => assert!(
                                start.elapsed() < Duration::from_secs(60),
                                "wave {wave}, client {number}: {error}"
                            ),
                        }
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                });
            }
            still_serves(&mut demo, &format!("wave-{wave}")).await;
            while let Some(done) = coming.join_next().await {
                let (number, client) = done.unwrap();
                waves[number] = Some(client);
            }
        }
        let mut acked = BTreeSet::new();
        for (number, client) in waves.iter_mut().enumerate().take(101).skip(2) {
            client
                .as_mut()
                .unwrap()
                .press(&home(number), "after-the-crowd")
                .await
                .unwrap();
            acked.insert(home(number));
        }
        all_have_alarms(&demo, &acked).await;
        demo.is_sound();
    });
}

#[test]
fn a_client_that_never_reads_is_let_go_and_holds_up_nobody() {
    run(async {
        let (mut demo, _receiver) = demo(Options::homes(50)).await;
        let mut deaf = demo.bridge("deaf").await;
        deaf.subscribe("care/v1/+/+/cmd").await.unwrap();
        // It sends on and on, and reads neither its PUBACKs nor what it has subscribed to.
        let writer = tokio::spawn(async move {
            let start = Instant::now();
            let mut number = 0_u32;
            while start.elapsed() < Duration::from_secs(20) {
                number += 1;
                let topic = format!("care/v1/{}/m-1/motion", home(2));
                let payload = format!("{{\"id\":\"deaf-{number}\"}}");
                match tokio::time::timeout(
                    Duration::from_secs(15),
                    deaf.publish(&topic, payload.as_bytes()),
                )
                .await
                {
                    Ok(Ok(_)) => {}
                    Ok(Err(_)) | Err(_) => return number,
                }
            }
            number
        });
        let mut acked = BTreeSet::new();
        let mut button = demo.bridge("button").await;
        for number in 3..=50 {
            button
                .press(&home(number), "beside-the-deaf")
                .await
                .unwrap();
            acked.insert(home(number));
        }
        still_serves(&mut demo, "beside the deaf one").await;
        all_have_alarms(&demo, &acked).await;
        let sent = writer.await.unwrap();
        println!("the deaf one got {sent} messages in");
        still_serves(&mut demo, "after the deaf one").await;
    });
}

#[test]
fn a_slow_reader_of_every_lamp_makes_the_buttons_wait_for_nothing() {
    run(async {
        let (mut demo, _receiver) = demo(Options::homes(50)).await;
        let mut slow = demo.bridge("slow").await;
        slow.subscribe("care/v1/+/+/cmd").await.unwrap();
        let reader = tokio::spawn(async move {
            let mut read = 0;
            while tokio::time::timeout(Duration::from_secs(3), slow.read())
                .await
                .is_ok_and(|packet| packet.is_ok())
            {
                read += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            read
        });
        let mut sensor = demo.bridge("sensor").await;
        let start = Instant::now();
        for batch in 0..40 {
            for number in 0..250 {
                let payload = format!("{{\"id\":\"slow-{batch}-{number}\"}}");
                sensor
                    .publish(
                        &format!("care/v1/{}/m-1/motion", home(2 + number % 48)),
                        payload.as_bytes(),
                    )
                    .await
                    .unwrap();
            }
            for _ in 0..250 {
                while !matches!(sensor.read().await.unwrap(), Packet::PubAck(_)) {}
            }
        }
        println!(
            "10,000 messages with a slow reader beside: {:?}",
            start.elapsed()
        );
        still_serves(&mut demo, "beside the slow one").await;
        reader.abort();
    });
}

#[test]
fn big_broken_and_forbidden_messages_close_their_connection_and_nothing_else() {
    run(async {
        let (mut demo, _receiver) = demo(Options::homes(20)).await;
        let topic = format!("care/v1/{}/m-1/motion", home(2));
        let rubbish: Vec<(&str, Vec<u8>)> = vec![
            (
                "a payload of 1 MB",
                publish_packet(topic.as_bytes(), 1, &vec![b'x'; 1024 * 1024]),
            ),
            (
                "broken UTF-8 in a topic",
                publish_packet(b"care/v1/home-0002/\xff\xfe/motion", 1, b"{}"),
            ),
            (
                "a topic with a wildcard",
                publish_packet(b"care/v1/+/m-1/motion", 1, b"{}"),
            ),
            (
                "a topic with a hash",
                publish_packet(b"care/v1/#", 1, b"{}"),
            ),
            (
                "a zero in a topic",
                publish_packet(b"care/v1/home-0002/\0/motion", 1, b"{}"),
            ),
            ("an empty topic", publish_packet(b"", 1, b"{}")),
            ("a second CONNECT", connect_packet("again", "", "")),
            (
                "a length without an end",
                vec![0x32, 0xff, 0xff, 0xff, 0xff, 0xff],
            ),
            ("a type that is none", packet(0xf5, b"?")),
            (
                "a packet id of zero",
                publish_packet(topic.as_bytes(), 0, b"{}"),
            ),
            ("quality of service three", packet(0x36, b"\0\x01a\0\x01{}")),
        ];
        for (what, bytes) in rubbish {
            let mut client = demo.bridge("rubbish").await;
            // The door may close before all of it is sent.
            drop(client.send(&bytes).await);
            assert!(
                client.is_closed_by_door().await,
                "{what}: the connection stays open"
            );
            demo.is_sound();
        }
        for bytes in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\0\0\0\0",
        ] {
            let mut client = Client::dial(&demo.ready.mqtt).await.unwrap();
            drop(client.send(bytes).await);
            assert!(
                client.is_closed_by_door().await,
                "{bytes:?}: the connection stays open"
            );
        }
        still_serves(&mut demo, "after the rubbish").await;
    });
}

#[test]
fn a_call_on_a_bad_payload_is_still_a_call() {
    run(async {
        let (mut demo, _receiver) = demo(Options::homes(20)).await;
        let bad: [&[u8]; 8] = [
            b"",
            b"\xff\xfe\xfd",
            b"{",
            b"[]",
            b"null",
            b"{\"id\":{}}",
            b"{\"at\":\"yesterday\"}",
            "\u{0}\u{1}".as_bytes(),
        ];
        let mut button = demo.bridge("button").await;
        let mut acked = BTreeSet::new();
        for (number, payload) in (2..).zip(bad) {
            button
                .publish_acked(&format!("care/v1/{}/button/call", home(number)), payload)
                .await
                .unwrap();
            acked.insert(home(number));
        }
        // A payload as large as the door takes.
        let large = format!("{{\"id\":\"large\",\"more\":\"{}\"}}", "y".repeat(40_000));
        button
            .publish_acked(
                &format!("care/v1/{}/button/call", home(12)),
                large.as_bytes(),
            )
            .await
            .unwrap();
        acked.insert(home(12));
        // A device that nobody has heard of, in a home that is known.
        button
            .publish_acked(
                &format!("care/v1/{}/brought-by-the-nephew/call", home(13)),
                b"{\"id\":\"1\"}",
            )
            .await
            .unwrap();
        acked.insert(home(13));
        all_have_alarms(&demo, &acked).await;
        still_serves(&mut demo, "after bad payloads").await;
    });
}

#[test]
fn a_flood_of_telemetry_does_not_hold_up_a_press() {
    run(async {
        let (mut demo, _receiver) = demo(Options::homes(200)).await;
        let mut floods = JoinSet::new();
        let until_at =
            Instant::now() + Duration::from_secs(if is_long("limits") { 120 } else { 8 });
        for flood in 0..8_usize {
            let mut client = demo.bridge(&format!("flood-{flood}")).await;
            floods.spawn(async move {
                let mut sent = 0_usize;
                while Instant::now() < until_at {
                    for _ in 0..64 {
                        sent += 1;
                        let topic = format!("care/v1/{}/m-{flood}/motion", home(2 + sent % 150));
                        client
                            .publish(&topic, format!("{{\"id\":\"{flood}-{sent}\"}}").as_bytes())
                            .await
                            .unwrap();
                    }
                    for _ in 0..64 {
                        while !matches!(client.read().await.unwrap(), Packet::PubAck(_)) {}
                    }
                }
                sent
            });
        }
        let mut button = demo.bridge("button").await;
        let mut acked = BTreeSet::new();
        let mut slowest = Duration::ZERO;
        for number in 160..200 {
            let (topic, payload) = press_of(&home(number), "in-the-flood");
            let start = Instant::now();
            button.publish_acked(&topic, &payload).await.unwrap();
            slowest = slowest.max(start.elapsed());
            acked.insert(home(number));
        }
        still_serves(&mut demo, "in the flood").await;
        let mut sent = 0;
        while let Some(done) = floods.join_next().await {
            sent += done.unwrap();
        }
        println!("{sent} messages beside; the slowest press was acked after {slowest:?}");
        all_have_alarms(&demo, &acked).await;
        assert!(slowest < Duration::from_secs(5), "{slowest:?}");
        demo.is_sound();
    });
}

#[test]
fn a_slow_disk_makes_everybody_wait_and_loses_nothing() {
    run(async {
        let (mut demo, _receiver) = demo(Options::homes(200).with(&["--slow-disk", "300"])).await;
        let mut presses = JoinSet::new();
        for number in 40..80_usize {
            let mut button = demo.bridge(&format!("slow-{number}")).await;
            presses.spawn(async move {
                let start = Instant::now();
                button.press(&home(number), "slow").await.unwrap();
                (home(number), start.elapsed())
            });
        }
        let mut acked = BTreeSet::new();
        let mut quickest = Duration::MAX;
        while let Some(done) = presses.join_next().await {
            let (home, took) = done.unwrap();
            acked.insert(home);
            quickest = quickest.min(took);
        }
        assert!(quickest >= Duration::from_millis(300), "acknowledged before the commit was over: {quickest:?}");
        still_serves(&mut demo, "on the slow disk").await;
        all_have_alarms(&demo, &acked).await;
        demo.is_sound();
    });
}
