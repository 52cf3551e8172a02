//! The seeded simulator, short form: two thousand seeds, or as many as `HEARTHLINE_SEEDS` (`A..B`) says.

#![allow(clippy::unwrap_used, reason = "tests")]

use acceptance::simulator::{tell, tell_all};

fn seeds() -> std::ops::Range<u64> {
    let text = std::env::var("HEARTHLINE_SEEDS").unwrap_or_else(|_| "0..2000".to_owned());
    let (from, to) = text.split_once("..").unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn no_seed_breaks_a_promise_and_every_port_call_was_seen_to_die() {
    let seeds = seeds();
    let many = seeds.end - seeds.start >= 2000;
    let tally = tell_all(seeds, std::thread::available_parallelism().map_or(1, usize::from));
    println!("{}", tally.report());
    assert!(tally.broken.is_empty(), "{}", tally.report());
    assert!(tally.acked > 0 && tally.calls > 0);
    if many {
        assert_eq!(tally.never_died_at(), [], "{}", tally.report());
    }
}

#[test]
fn a_seed_tells_the_same_story_again() {
    for seed in 0..10 {
        let (first, second) = (tell(seed), tell(seed));
        assert_eq!((first.trace, first.acked, first.calls), (second.trace, second.acked, second.calls), "seed {seed}");
    }
}

/// Here all homes press at the very instant at which a channel's rest is over: one call is the probe, and the others must be
/// called as soon as it rings.
#[test]
fn who_waits_for_a_channel_is_called_when_it_is_back() {
    for seed in [2169, 2514, 2624] {
        assert_eq!(tell(seed).violations, [""; 0], "seed {seed}");
    }
}
