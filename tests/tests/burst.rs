//! ACK-1 under a burst: 300 homes press at once and the binary dies somewhere in the first half second.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use acceptance::harness::{Demo, Options, Rounds, home, run, until};
use firmware_sim::Seed;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const HOMES: usize = 300;

#[test]
fn every_press_of_a_burst_that_was_acked_before_the_sigkill_is_exactly_one_alarm() {
    run(async {
        let seeds = Seed::new(20_261_123);
        for round in Rounds::of("burst", "kill", 4, 100) {
            // Rounds that go on after an interruption go on with the same numbers.
            let mut dice = seeds.branch(u64::try_from(round).unwrap());
            let mut demo = Demo::start(Options::homes(HOMES)).await;
            let mut buttons = Vec::new();
            for number in 1..=HOMES {
                buttons.push((number, demo.bridge(&format!("button-{number}")).await));
            }
            let start = Instant::now();
            let mut presses = JoinSet::new();
            for (number, mut button) in buttons {
                presses.spawn(async move {
                    (number, button.press(&home(number), "burst").await.is_ok())
                });
            }
            let after = Duration::from_millis(u64::try_from(dice.between(0, 500)).unwrap());
            let mut acked = BTreeSet::new();
            let kill_at = tokio::time::Instant::from_std(start + after);
            loop {
                tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(kill_at) => break,
                    done = presses.join_next() => match done {
                        Some(done) => {
                            let (number, ok) = done.unwrap();
                            if ok {
                                acked.insert(home(number));
                            }
                        }
                        None => break,
                    },
                }
            }
            demo.kill();
            // PUBACKs that were in the sockets when it died count as well.
            while let Some(done) = presses.join_next().await {
                let (number, ok) = done.unwrap();
                if ok {
                    acked.insert(home(number));
                }
            }
            demo.start_again().await;
            let api = demo.api();
            let alarms = until(
                &format!(
                    "round {round}: the {} acked presses are alarms",
                    acked.len()
                ),
                Duration::from_secs(20),
                async || {
                    let alarms = api.alarms("all").await;
                    let homes: BTreeSet<_> = alarms
                        .iter()
                        .map(|alarm| alarm["home"].as_str().unwrap().to_owned())
                        .collect();
                    acked.is_subset(&homes).then_some(alarms)
                },
            )
            .await;
            let mut of_home: BTreeMap<&str, u64> = BTreeMap::new();
            for alarm in &alarms {
                *of_home.entry(alarm["home"].as_str().unwrap()).or_default() +=
                    alarm["presses"].as_u64().unwrap();
            }
            assert!(
                of_home.values().all(|presses| *presses == 1),
                "one press is one: {of_home:?}"
            );
            println!(
                "round {round}: killed after {after:?}, {} acked, {} alarms",
                acked.len(),
                alarms.len()
            );
            demo.is_sound();
        }
    });
}
