//! Broken packets over a socket, from a seed: the door closes, and goes on serving everybody else.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod peer;

use peer::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// A small generator of numbers, the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % sides.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.roll(256)).unwrap()
    }
}

fn samples(level: u8) -> Vec<Vec<u8>> {
    let extra: &[u8] = if level == V5 { &[0] } else { &[] };
    let mut all = vec![
        packet(0x30, &[b"\0\x01a", extra, b"x"].concat()),
        packet(0x32, &[b"\0\x01a\0\x01", extra, b"x"].concat()),
        packet(0x34, &[b"\0\x01a\0\x02", extra, b"x"].concat()),
        packet(0x40, b"\0\x01"),
        packet(0x50, b"\0\x01"),
        packet(0x62, b"\0\x02"),
        packet(0x70, b"\0\x02"),
        packet(0x82, &[b"\0\x01", extra, b"\0\x03a/#\x01"].concat()),
        packet(0xa2, &[b"\0\x01", extra, b"\0\x03a/#"].concat()),
        packet(0xc0, b""),
        packet(0xe0, b""),
        hi(level, "again").bytes(),
    ];
    if level == V5 {
        all.push(packet(0x32, b"\0\x01a\0\x01\x15\x01\x01\x02\0\0\0\x09\x08\0\x01r\x09\0\x01c\x23\0\x01\x0b\x01x"));
        all.push(packet(0xe0, b"\x04\x05\x11\0\0\0\x01"));
        all.push(packet(0xf0, b"\x18\x04\x15\0\x01m"));
    }
    all
}

fn hurt(dice: &mut Dice, bytes: &mut Vec<u8>) {
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len());
        match dice.roll(5) {
            0 => bytes[at] = dice.byte(),
            1 => bytes[at] ^= 1 << dice.roll(8),
            2 => bytes.insert(at, dice.byte()),
            3 if bytes.len() > 1 => {
                bytes.remove(at);
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
}

fn connect(dice: &mut Dice, level: u8) -> Vec<u8> {
    let mut hello = hi(level, "fuzz");
    if dice.roll(2) == 0 {
        let properties = if level == V5 { vec![p32(0x18, 1), ppair("k", "v"), p8(0x01, 1)] } else { Vec::new() };
        hello.will = Some(TestWill { topic: "w", payload: "x", qos: 1, retain: true, properties });
    }
    if level == V5 {
        hello.properties = vec![p32(0x11, 9), p16(0x21, 1), p32(0x27, 100), p16(0x22, 0), p8(0x19, 1), ppair("k", "v")];
    }
    hello.bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_packets_never_take_the_door_down() {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        PANICS.fetch_add(1, Ordering::SeqCst);
    }));
    let house = house().await;
    let seed = 20_261_123;
    println!("seed {seed}");
    let begun = Instant::now();
    let mut witness = Client::connect(house.open, &hi(V5, "witness")).await;
    witness.subscribe("witness", 1).await;
    let mut connections = 0u32;
    while begun.elapsed() < Duration::from_secs(3) {
        let batch: Vec<_> = (0..16)
            .map(|lane| {
                let mut dice = Dice(seed + u64::from(connections) * 16 + lane + 1);
                let address = house.open;
                tokio::spawn(async move {
                    for _ in 0..8 {
                        dice.roll(2);
                    }
                    let level = if dice.roll(2) == 0 { V3 } else { V5 };
                    let mut bytes = connect(&mut dice, level);
                    if dice.roll(3) == 0 {
                        hurt(&mut dice, &mut bytes);
                    }
                    let known = samples(level);
                    for _ in 0..dice.roll(6) {
                        let mut next = known[dice.roll(known.len())].clone();
                        if dice.roll(3) > 0 {
                            hurt(&mut dice, &mut next);
                        }
                        bytes.extend(next);
                    }
                    let mut client = Client::socket(address, level).await;
                    // The door may close before all is written.
                    let _closed_before = tokio::io::AsyncWriteExt::write_all(&mut client.stream, &bytes).await;
                    let _open_or_closed = tokio::time::timeout(Duration::from_millis(5), client.closed()).await;
                })
            })
            .collect();
        for one in batch {
            one.await.unwrap();
        }
        connections += 1;
    }
    println!("{} connections", connections * 16);
    Client::connect(house.open, &hi(V5, "sender")).await.publish("witness", "x", 2).await;
    assert_eq!(witness.take().await.payload, "x");
    until(|| house.door.connections() == 1).await;
    let count = house.door.counters();
    assert!(count.faults > 0 && count.connects > u64::from(connections));
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "no connection's task died");
}
