//! ALM-4 on the shipped binary: a webhook that refuses, fails or hangs loses no call, and makes no storm when it is back.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use acceptance::harness::webhook::{Mood, Receiver};
use acceptance::harness::{Demo, Options, home, run, until, wall_goes_on_to};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const HOMES: usize = 50;

/// How many requests one alarm may cost around an outage of some seconds: tries with back-off, not a storm.
const REQUESTS_PER_ALARM_MAX: usize = 12;

#[derive(Debug, Clone, Copy)]
enum Trouble {
    Refusing,
    Failing,
    Hanging,
}

fn check(trouble: Trouble, lasting: Duration) {
    run(async move {
        let mut receiver = Receiver::start().await;
        let mut demo =
            Demo::start(Options::homes(HOMES + 5).with(&["--webhook", &receiver.url()])).await;
        match trouble {
            Trouble::Refusing => receiver.close().await,
            Trouble::Failing => receiver.be(Mood::Status(503)),
            Trouble::Hanging => receiver.be(Mood::Hanging),
        }
        let start = Instant::now();
        let mut button = demo.bridge("button").await;
        for number in 1..=HOMES {
            button.press(&home(number), "press").await.unwrap();
        }
        let api = demo.api();
        until(
            "all alarms are there while the channel is down",
            Duration::from_secs(10),
            async || (api.alarms("all").await.len() == HOMES).then_some(()),
        )
        .await;
        wall_goes_on_to(start + lasting).await;
        match trouble {
            Trouble::Refusing => receiver.open().await,
            Trouble::Failing | Trouble::Hanging => receiver.be(Mood::Well),
        }
        // A call is for getting somebody: an alarm that a person took meanwhile by telephone asks for no webhook any
        // more; every other one is told as soon as its ladder comes round.
        until(
            "every alarm is told to the webhook or taken by a person",
            Duration::from_secs(150),
            async || {
                let told = receiver.homes_told();
                let open = api.alarms("all").await;
                assert_eq!(open.len(), HOMES, "no alarm is lost or doubled");
                let helped = |alarm: &serde_json::Value| {
                    alarm["state"] != "raised" || told.contains(alarm["home"].as_str().unwrap())
                };
                open.iter().all(helped).then_some(())
            },
        )
        .await;
        // The channel is found again by itself.
        for number in HOMES + 1..=HOMES + 5 {
            button.press(&home(number), "press").await.unwrap();
        }
        until(
            "later alarms are told once the channel is back",
            Duration::from_secs(150),
            async || {
                (HOMES + 1..=HOMES + 5)
                    .any(|number| receiver.homes_told().contains(&home(number)))
                    .then_some(())
            },
        )
        .await;

        let mut per_effect: BTreeMap<String, usize> = BTreeMap::new();
        for got in receiver.got().into_iter().filter(|got| got.taken) {
            *per_effect.entry(got.id).or_default() += 1;
        }
        assert!(
            per_effect.keys().all(|id| !id.is_empty()),
            "every request names its effect"
        );
        assert!(
            per_effect.values().all(|times| *times <= 2),
            "a delivered effect is not sent on and on: {per_effect:?}"
        );
        let count = receiver.count();
        assert!(
            count <= HOMES * REQUESTS_PER_ALARM_MAX,
            "{count} requests for {HOMES} alarms are a storm"
        );
        demo.is_sound();
    });
}

#[test]
fn a_webhook_that_refuses_for_five_seconds_loses_no_call() {
    check(Trouble::Refusing, Duration::from_secs(5));
}

#[test]
fn a_webhook_that_says_503_for_five_seconds_loses_no_call() {
    check(Trouble::Failing, Duration::from_secs(5));
}

#[test]
fn a_webhook_that_hangs_for_five_seconds_loses_no_call() {
    check(Trouble::Hanging, Duration::from_secs(5));
}
