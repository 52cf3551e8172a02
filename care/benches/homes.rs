//! What a million homes cost: bytes, events per second on one core, snapshot and reload.
//! `cargo bench -p care --bench homes [HOMES]`

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a bench measures time, and may stop where the core may not"
)]

use care::home::{Home, Input, Settings};
use care::{Signal, SignalKind, TimeDelta, Timestamp, Value};
use std::time::Instant;

fn main() {
    let most: usize = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(1_000_000);
    let settings = Settings::default();
    let start: Timestamp = "2026-03-01T00:00:00Z".parse().expect("a time");
    let (taught, signals) = teach(&settings, start);
    println!("encoded: {} bytes", taught.encode().len());
    for count in [1_000, 10_000, 100_000, 1_000_000].into_iter().filter(|count| *count <= most) {
        let mut homes: Vec<Option<Home>> = (0..count).map(|_| Some(taught.clone())).collect();
        let rounds = (2_000_000 / count).max(1);
        let mut now = start + TimeDelta::days(20);
        let (mut events, begin) = (0u64, Instant::now());
        for round in 0..rounds {
            now += TimeDelta::seconds(50);
            let signal = &signals[round % signals.len()];
            let signal = Signal { said_at: Some(now), heard_at: now, ..signal.clone() };
            for slot in &mut homes {
                let home = slot.take().expect("a home");
                let (home, effects) = home.step(Input::Heard(&signal), &settings, now);
                assert!(effects.len() < 10);
                *slot = Some(home);
                events += 1;
            }
        }
        let per_event = begin.elapsed().as_secs_f64() / events as f64;
        let begin = Instant::now();
        let snapshot: Vec<Vec<u8>> = homes.iter().flatten().map(Home::encode).collect();
        let saved = begin.elapsed().as_secs_f64();
        let begin = Instant::now();
        let back = snapshot.iter().filter_map(|bytes| Home::decode("h".into(), bytes).ok()).count();
        let loaded = begin.elapsed().as_secs_f64();
        assert_eq!(back, count);
        let bytes: usize = snapshot.iter().map(Vec::len).sum();
        println!(
            "{count:>9} homes: {:.2} us per event, {:.0} events/s; snapshot {bytes} bytes in {saved:.2} s, reload {loaded:.2} s",
            per_event * 1e6,
            1.0 / per_event
        );
    }
}

/// A home after 20 days, and signals of its sensors.
fn teach(settings: &Settings, start: Timestamp) -> (Home, Vec<Signal>) {
    let said = |device: &str, now: Timestamp| Signal {
        home: "h".into(),
        device: device.into(),
        kind: SignalKind::Motion,
        value: Value::Bool(true),
        room: Some(device.to_owned()),
        event: None,
        said_at: Some(now),
        heard_at: now,
    };
    let rooms = ["kitchen", "living", "bedroom", "bathroom", "hall", "study"];
    let mut home = Home::new("h".into(), start);
    for minute in (0..20 * 1440).filter(|minute| (7 * 60..22 * 60).contains(&(minute % 1440)) && minute % 7 == 0) {
        let now = start + TimeDelta::minutes(minute);
        let room = rooms[usize::try_from(minute).expect("small") % rooms.len()];
        home = home.step(Input::Heard(&said(room, now)), settings, now).0;
    }
    (home, rooms.iter().map(|room| said(room, start)).collect())
}
