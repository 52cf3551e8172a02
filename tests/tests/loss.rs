//! ACK-1 on the shipped binary: what is acked survives SIGKILL the instant the ack is here.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use acceptance::harness::{Demo, Options, Rounds, home, run, until};
use std::collections::BTreeMap;
use std::time::Duration;

const PRESSES: usize = 200;

#[test]
fn two_hundred_presses_acked_one_by_one_outlive_a_sigkill_at_the_last_puback() {
    run(async {
        for round in Rounds::of("loss", "one-by-one", 2, 20) {
            let mut demo = Demo::start(Options::homes(PRESSES)).await;
            let mut button = demo.bridge("button").await;
            for number in 1..=PRESSES {
                button
                    .press(&home(number), &format!("round-{round}"))
                    .await
                    .unwrap();
            }
            demo.kill();
            demo.start_again().await;
            let api = demo.api();
            let what = format!("round {round}: {PRESSES} of {PRESSES} alarms after the restart");
            let alarms = until(&what, Duration::from_secs(20), async || {
                let alarms = api.alarms("all").await;
                (alarms.len() >= PRESSES).then_some(alarms)
            })
            .await;
            let mut of_home: BTreeMap<&str, usize> = BTreeMap::new();
            for alarm in &alarms {
                *of_home.entry(alarm["home"].as_str().unwrap()).or_default() += 1;
                assert_eq!(
                    (alarm["cause"].as_str(), alarm["presses"].as_u64()),
                    (Some("call"), Some(1)),
                    "{alarm}"
                );
            }
            assert_eq!(
                (of_home.len(), alarms.len()),
                (PRESSES, PRESSES),
                "one alarm for each press"
            );
            demo.is_sound();
        }
    });
}

#[test]
fn a_press_that_is_acked_after_a_restart_on_old_data_is_no_copy_of_an_old_one() {
    run(async {
        let mut demo = Demo::start(Options::homes(3)).await;
        demo.bridge("button")
            .await
            .press(&home(1), "same-name")
            .await
            .unwrap();
        demo.kill();
        demo.start_again().await;
        let mut button = demo.bridge("button").await;
        button.press(&home(1), "same-name").await.unwrap();
        button.press(&home(2), "same-name").await.unwrap();
        let api = demo.api();
        until(
            "the copy is counted, the other home's call is an alarm",
            Duration::from_secs(10),
            async || {
                let (one, two) = (api.calls_of(&home(1)).await, api.calls_of(&home(2)).await);
                (one.len() == 1
                    && one[0]["copies"] == 1
                    && one[0]["presses"] == 1
                    && two.len() == 1)
                    .then_some(())
            },
        )
        .await;
        demo.is_sound();
    });
}
