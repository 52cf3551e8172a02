//! What a million homes cost: bytes, the first event of a day, events per second on one core, snapshot and reload.
//! `cargo bench -p care --bench homes [HOMES]`
//!
//! Every home hears the same morning at every size, and the homes take turns in random order, anew in each round: what
//! an event costs where nothing of its home is in the processor's cache is what a large city costs.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a bench measures time, and may stop where the core may not"
)]

use care::home::{Home, Input, Settings};
use care::{Signal, SignalKind, TimeDelta, Timestamp, Value};
use std::time::{Duration, Instant};

/// The morning that every home has after its first event of the day: seconds since the event before, and the room.
const MORNING: [(i64, usize); 16] = [
    (20, 3),
    (45, 3),
    (140, 0),
    (15, 0),
    (70, 0),
    (330, 1),
    (25, 1),
    (600, 0),
    (10, 4),
    (5, 2),
    (180, 2),
    (35, 4),
    (420, 1),
    (60, 1),
    (950, 5),
    (240, 3),
];
const ROOMS: [&str; 6] = ["kitchen", "living", "bedroom", "bathroom", "hall", "study"];

fn main() {
    let most: usize = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(1_000_000);
    let settings = Settings::default();
    let start: Timestamp = "2026-03-01T00:00:00+08:00".parse().expect("a time");
    let taught = teach(&settings, start);
    println!("encoded: {} bytes", taught.encode().len());
    for count in [1_000, 10_000, 100_000, 1_000_000].into_iter().filter(|count| *count <= most) {
        let mut order: Vec<u32> = (0..u32::try_from(count).expect("small")).collect();
        let (mut nightly, mut usual) = (Duration::ZERO, Duration::ZERO);
        let mut homes = Vec::new();
        let times = (250_000 / count).max(1);
        for _ in 0..times {
            homes = (0..count).map(|_| Some(taught.clone())).collect::<Vec<Option<Home>>>();
            let mut now = start + TimeDelta::days(20) + TimeDelta::hours(7);
            nightly += round(&mut homes, &mut order, &said("bedroom", now), &settings);
            for (seconds, room) in MORNING {
                now += TimeDelta::seconds(seconds);
                usual += round(&mut homes, &mut order, &said(ROOMS[room], now), &settings);
            }
        }
        let of = (count * times) as f64;
        let per_event = usual.as_secs_f64() / of / MORNING.len() as f64;
        let begin = Instant::now();
        let snapshot: Vec<Vec<u8>> = homes.iter().flatten().map(Home::encode).collect();
        let saved = begin.elapsed().as_secs_f64();
        let begin = Instant::now();
        let back = snapshot.iter().filter_map(|bytes| Home::decode("h".into(), bytes).ok()).count();
        let loaded = begin.elapsed().as_secs_f64();
        assert_eq!(back, count);
        let bytes: usize = snapshot.iter().map(Vec::len).sum();
        println!(
            "{count:>9} homes: {:.2} us per event, {:.0} events/s; first event of a day {:.2} us; snapshot {bytes} bytes in {saved:.2} s, reload {loaded:.2} s",
            per_event * 1e6,
            1.0 / per_event,
            nightly.as_secs_f64() / of * 1e6
        );
    }
}

/// Every home hears the signal, in random order.
fn round(homes: &mut [Option<Home>], order: &mut [u32], signal: &Signal, settings: &Settings) -> Duration {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ u64::from(order[0]);
    for at in (1..order.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(at, usize::try_from(state >> 33).expect("31 bits") % (at + 1));
    }
    let begin = Instant::now();
    for at in order.iter() {
        let slot = &mut homes[*at as usize];
        let home = slot.take().expect("a home");
        let (home, effects) = home.step(Input::Heard(signal), settings, signal.heard_at);
        assert!(effects.len() < 10);
        *slot = Some(home);
    }
    begin.elapsed()
}

fn said(room: &str, now: Timestamp) -> Signal {
    Signal {
        home: "h".into(),
        device: room.into(),
        kind: SignalKind::Motion,
        value: Value::Bool(true),
        room: Some(room.to_owned()),
        event: None,
        said_at: Some(now),
        heard_at: now,
    }
}

/// A home after 20 days.
fn teach(settings: &Settings, start: Timestamp) -> Home {
    let mut home = Home::new("h".into(), start);
    for minute in (0..20 * 1440).filter(|minute| (7 * 60..22 * 60).contains(&(minute % 1440)) && minute % 7 == 0) {
        let now = start + TimeDelta::minutes(minute);
        let room = ROOMS[usize::try_from(minute).expect("small") % ROOMS.len()];
        home = home.step(Input::Heard(&said(room, now)), settings, now).0;
    }
    home
}
