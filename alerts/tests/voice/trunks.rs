//! The trunk itself: many calls at once, lost packets, TCP, registration, probes, callers from elsewhere.

use crate::sipp::{PATIENCE, Sipp, answer, bye, installed, pause, picks_up, play, recorded};
use crate::world::{Stores, call_with, number, open, script, timers, trunk_to, until_quiet};
use alerts::voice::keys::Via;
use alerts::voice::leg::{LegOutcome, LegTimers};
use alerts::voice::sip::{SipTrunk, Transport, TrunkSettings};
use alerts::voice::{Health, VoiceRoute};
use care::Level;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn takes_it() -> Vec<String> {
    let mut steps = picks_up(true);
    steps.extend([pause(3_000), play(&recorded("dtmf_2833_1.pcap")), bye()]);
    steps
}

/// Calls at once; returns how many were acknowledged, and the packets sent, late by 5 ms and by 20 ms.
async fn at_once(trunk: Arc<SipTrunk>, calls: usize) -> (usize, u64, u64, u64) {
    let started: Vec<_> = (0..calls)
        .map(|_| {
            let trunk = trunk.clone();
            let times = LegTimers { talk: Duration::from_secs(90), no_word: Duration::from_secs(60), ring: Duration::from_secs(60), ..timers() };
            tokio::spawn(async move { call_with(&trunk, &script(), times, &Stores::default()).await })
        })
        .collect();
    let (mut good, mut sent, mut late_5, mut late_20) = (0, 0, 0, 0);
    for call in started {
        let report = call.await.unwrap();
        good += usize::from(report.outcome == LegOutcome::Acknowledged(Via::Rfc4733));
        sent += report.wire.sent;
        late_5 += report.wire.late_5ms;
        late_20 += report.wire.late_20ms;
    }
    (good, sent, late_5, late_20)
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_calls_at_once_are_all_taken() {
    if !installed("sipp") {
        return;
    }
    let long = std::env::var("HEARTHLINE_LONG").is_ok_and(|l| l == "voice");
    for calls in if long { vec![50, 200] } else { vec![50] } {
        let party = Sipp::start("fifty", &takes_it(), calls, &[]);
        let trunk = Arc::new(open(trunk_to(party.port)).await);
        let calls = usize::try_from(calls).unwrap();
        let (good, sent, late_5, late_20) = at_once(trunk.clone(), calls).await;
        println!("{good} of {calls} taken; of {sent} packets {late_5} were more than 5 ms late, {late_20} more than 20 ms");
        assert_eq!(good, calls);
        tokio::task::spawn_blocking(|| party.ends_well()).await.unwrap();
        until_quiet(&trunk).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_tenth_of_the_packets_lost_every_call_is_taken() {
    if !installed("sipp") {
        return;
    }
    let party = Sipp::start("lost", &takes_it(), 1_000, &["-lost", "10"]);
    let trunk = Arc::new(open(trunk_to(party.port)).await);
    let (good, ..) = at_once(trunk.clone(), 20).await;
    assert_eq!(good, 20);
    until_quiet(&trunk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_over_tcp_carries_calls() {
    if !installed("sipp") {
        return;
    }
    let party = Sipp::start("tcp", &takes_it(), 1, &["-t", "t1"]);
    let trunk = open(TrunkSettings { transport: Transport::Tcp, ..trunk_to(party.port) }).await;
    let report = call_with(&trunk, &script(), timers(), &Stores::default()).await;
    assert_eq!(report.outcome, LegOutcome::Acknowledged(Via::Rfc4733));
    tokio::task::spawn_blocking(|| party.ends_well()).await.unwrap();
}

async fn until(trunk: &SipTrunk, what: impl Fn(&Health) -> bool) -> Health {
    let start = Instant::now();
    loop {
        let health = trunk.health();
        if what(&health) {
            return health;
        }
        assert!(start.elapsed() < PATIENCE, "the trunk stays {health:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_nobody_answers_brings_the_trunk_down_and_an_answer_brings_it_back() {
    if !installed("sipp") {
        return;
    }
    let steps = vec!["<recv request=\"OPTIONS\"></recv>\n".to_owned(), answer("200 OK")];
    let party = Sipp::start("probe", &steps, 1_000_000, &[]);
    let port = party.port;
    let settings = TrunkSettings { probe_every: Duration::from_millis(200), probe_within: Duration::from_secs(2), ..trunk_to(port) };
    let trunk = open(settings).await;
    until(&trunk, |h| *h == Health::Up).await;
    drop(party);
    let down = until(&trunk, |h| *h != Health::Up).await;
    assert!(matches!(&down, Health::Down(why) if why.contains("OPTIONS")), "{down:?}");
}

fn registrar(last: &str) -> Vec<String> {
    let plain = "<recv request=\"REGISTER\"></recv>\n".to_owned();
    let checked = "<recv request=\"REGISTER\" auth=\"true\"></recv>\n".to_owned();
    vec![plain, crate::sipp::challenge(), checked, answer(last)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_registers_and_says_when_it_is_refused() {
    if !installed("sipp") {
        return;
    }
    for (last, good) in [("200 OK\nExpires: 300", true), ("403 Forbidden", false)] {
        let party = Sipp::start("register", &registrar(last), 1_000, &[]);
        let settings = TrunkSettings { register: Some(Duration::from_secs(300)), user: "hearth".into(), password: "secret".into(), ..trunk_to(party.port) };
        let trunk = open(settings).await;
        if good {
            until(&trunk, |h| *h == Health::Up).await;
        } else {
            until(&trunk, |h| matches!(h, Health::Down(why) if why.contains("REGISTER was answered with 403"))).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_channels_are_kept_for_red_alarms() {
    // Somebody who never says a word.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let trunk = open(TrunkSettings { channels: 4, ..trunk_to(silent.local_addr().unwrap().port()) }).await;
    let plain: Vec<_> = (0..4).map(|_| trunk.dial(&number(), Level::Urgent)).collect();
    assert_eq!(plain.iter().filter(|w| w.is_some()).count(), 3);
    assert!(trunk.dial(&number(), Level::Red).is_some());
    assert!(trunk.dial(&number(), Level::Red).is_none());
}
