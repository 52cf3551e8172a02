//! ACK-2 and ALM-6 on the shipped binary: copies are counted and are no second alarm; a second press is one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use acceptance::harness::mqtt::press_of;
use acceptance::harness::{Demo, Options, home, run, until};
use std::time::Duration;

const HOMES: usize = 20;

#[test]
fn a_press_sent_one_to_twenty_times_over_two_connections_and_a_restart_is_one_alarm() {
    run(async {
        let mut demo = Demo::start(Options::homes(HOMES)).await;
        // Home n sends its press n times: the first half before the restart, the rest after it.
        for life in 0..2 {
            let mut ways = [demo.bridge("way-a").await, demo.bridge("way-b").await];
            for number in 1..=HOMES {
                let copies = if life == 0 {
                    number.div_ceil(2)
                } else {
                    number / 2
                };
                for copy in 0..copies {
                    ways[copy % 2]
                        .press(&home(number), "the-press")
                        .await
                        .unwrap();
                }
            }
            if life == 0 {
                demo.kill();
                demo.start_again().await;
            }
        }
        let api = demo.api();
        until(
            "one alarm for each home, with its copies counted",
            Duration::from_secs(20),
            async || {
                let alarms = api.alarms("all").await;
                assert!(
                    alarms.len() <= HOMES,
                    "more alarms than presses: {}",
                    alarms.len()
                );
                let right = |number: usize| {
                    let mine: Vec<_> = alarms
                        .iter()
                        .filter(|alarm| alarm["home"] == home(number))
                        .collect();
                    mine.len() == 1 && mine[0]["presses"] == 1 && mine[0]["copies"] == number - 1
                };
                (1..=HOMES).all(right).then_some(())
            },
        )
        .await;
        demo.is_sound();
    });
}

#[test]
fn copies_that_come_at_the_same_time_on_two_connections_are_one_press() {
    run(async {
        let mut demo = Demo::start(Options::homes(HOMES)).await;
        let mut ways = [demo.bridge("way-a").await, demo.bridge("way-b").await];
        for number in 1..=HOMES {
            let (topic, payload) = press_of(&home(number), "same");
            // Both are sent before either is acked.
            let ids = [
                ways[0].publish(&topic, &payload).await.unwrap(),
                ways[1].publish(&topic, &payload).await.unwrap(),
            ];
            for (way, id) in ways.iter_mut().zip(ids) {
                while way.read().await.unwrap() != acceptance::harness::mqtt::Packet::PubAck(id) {}
            }
        }
        let api = demo.api();
        until(
            "one alarm, one press, one copy",
            Duration::from_secs(20),
            async || {
                let alarms = api.alarms("all").await;
                (alarms.len() == HOMES
                    && alarms
                        .iter()
                        .all(|alarm| alarm["presses"] == 1 && alarm["copies"] == 1))
                .then_some(())
            },
        )
        .await;
        demo.is_sound();
    });
}

#[test]
fn two_presses_are_two_and_after_closing_the_next_is_a_new_alarm() {
    run(async {
        let mut demo = Demo::start(Options::homes(2)).await;
        let api = demo.api();
        let mut button = demo.bridge("button").await;
        button.press(&home(1), "first").await.unwrap();
        button.press(&home(1), "second").await.unwrap();
        let alarm = until(
            "one alarm with two presses",
            Duration::from_secs(10),
            async || {
                let calls = api.calls_of(&home(1)).await;
                (calls.len() == 1 && calls[0]["presses"] == 2).then(|| calls[0].clone())
            },
        )
        .await;
        let id = alarm["id"].as_str().unwrap().to_owned();
        // A call without a name: rather twice than never.
        for _ in 0..2 {
            button
                .publish_acked(&format!("care/v1/{}/button/call", home(1)), b"{}")
                .await
                .unwrap();
        }
        until(
            "two calls without a name are two presses more",
            Duration::from_secs(10),
            async || (api.calls_of(&home(1)).await[0]["presses"] == 4).then_some(()),
        )
        .await;
        close(&api, &id).await;
        // A copy of an old press raises nothing; a new press does.
        button.press(&home(1), "first").await.unwrap();
        button.press(&home(1), "third").await.unwrap();
        until(
            "a new alarm beside the closed one",
            Duration::from_secs(10),
            async || {
                let calls = api.calls_of(&home(1)).await;
                assert!(
                    calls.len() <= 2,
                    "the copy must not raise an alarm of its own: {calls:?}"
                );
                let open: Vec<_> = calls
                    .iter()
                    .filter(|call| call["state"] != "closed")
                    .collect();
                (open.len() == 1 && open[0]["presses"] == 1 && open[0]["id"] != id.as_str())
                    .then_some(())
            },
        )
        .await;
        demo.is_sound();
    });
}

/// Takes an alarm to its end, whoever has it.
async fn close(api: &acceptance::harness::http::Api, id: &str) {
    use serde_json::json;
    let claimed = api
        .request(
            "POST",
            &format!("/api/v1/alarms/{id}/claim"),
            Some(&json!({})),
        )
        .await
        .unwrap();
    assert!([200, 409].contains(&claimed.status), "{}", claimed.text());
    let reported = api
        .request(
            "POST",
            &format!("/api/v1/alarms/{id}/report"),
            Some(&json!({"text": "rang back"})),
        )
        .await
        .unwrap();
    assert!([200, 409].contains(&reported.status), "{}", reported.text());
    api.post(
        &format!("/api/v1/alarms/{id}/close"),
        &json!({"outcome": "help_given", "reason": "spoke with her"}),
    )
    .await;
}
