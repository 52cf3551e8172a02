//! The whole way in simulated time: intake, spool, window and platform, with the line cut for a day, the power cut in
//! the middle of writes, the clock wrong by a day. Afterwards every call is there once, in order, at its time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tests"
)]

use care::{EventId, Lane, SignalKind, Timestamp};
use hub::forward::Forward;
use hub::intake::{Intake, with_age};
use hub::spool::{Item, Room, Spool};
use hub::testing::MemoryDisk;
use std::collections::BTreeMap;
use wire::{Learned, Message, Retained};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// When the stories begin, milliseconds since 1970: the true time.
const BEGIN: i64 = 1_796_083_200_000;

/// A generator of its own, so that a run can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// What reached the platform: each event with when it happened, as the platform understands it, and how often it came.
#[derive(Default)]
struct Platform {
    events: BTreeMap<EventId, (SignalKind, i64, u32)>,
    order: Vec<EventId>,
}

impl Platform {
    fn hear(&mut self, topic: &str, payload: &[u8], now: i64) {
        let heard_at = Timestamp::from_timestamp_millis(now).unwrap();
        let message = Message {
            home: None,
            topic,
            payload,
            heard_at,
            retained: Retained::No,
        };
        let decoded = wire::decode(&message, &mut Learned::default());
        assert!(
            matches!(decoded, wire::Decoded::Signals(_)),
            "{topic} {} {decoded:?}",
            String::from_utf8_lossy(payload)
        );
        for signal in decoded.signals() {
            let event = signal.event.clone().expect("every message has a name");
            let at = signal
                .said_at
                .expect("every message has a time")
                .timestamp_millis();
            let known = self.events.entry(event.clone()).or_insert_with(|| {
                self.order.push(event);
                (signal.kind, at, 0)
            });
            known.2 += 1;
        }
    }
}

/// A hub in simulated time.
struct World {
    disk: MemoryDisk,
    spool: Spool<MemoryDisk>,
    intake: Intake,
    forward: Forward,
    /// True time, and the time at which this life began.
    now: i64,
    began: i64,
    /// What the wall clock shows beyond the true time.
    wrong_by: i64,
    platform: Platform,
    /// What devices were acknowledged: kind, and the true time.
    acked: Vec<(SignalKind, i64)>,
}

impl World {
    fn new(wrong_by: i64) -> Self {
        let disk = MemoryDisk::new();
        let spool = Spool::open(disk.clone(), Room::default(), BEGIN + wrong_by).unwrap();
        let intake = Intake::new(
            "h".into(),
            "hub".into(),
            spool.lives().mark(),
            Learned::default(),
        );
        let forward = Forward::new(0, 0);
        Self {
            disk,
            spool,
            intake,
            forward,
            now: BEGIN,
            began: BEGIN,
            wrong_by,
            platform: Platform::default(),
            acked: Vec::new(),
        }
    }

    fn up_ms(&self) -> i64 {
        self.now - self.began
    }

    /// A device says something; nothing is written down as acknowledged unless the spool took it.
    fn say(&mut self, topic: &str, payload: &[u8], kind: SignalKind) {
        let wall = self.now + self.wrong_by;
        let pieces = self.intake.take(
            topic,
            payload,
            Timestamp::from_timestamp_millis(wall).unwrap(),
        );
        let up_ms = self.up_ms();
        let items: Vec<Item> = pieces
            .into_iter()
            .map(|p| Item {
                lane: p.lane,
                up_ms,
                wall_ms: wall,
                topic: p.topic,
                payload: p.payload,
            })
            .collect();
        if self.spool.append(&items).is_ok() {
            self.acked.push((kind, self.now));
        }
    }

    /// The platform answers a heartbeat.
    fn anchor(&mut self) {
        let up_ms = self.up_ms();
        self.spool.told(self.now, up_ms).unwrap();
    }

    /// The line is up for so many messages; of each, `lost_acks` in a hundred acknowledgements do not come back.
    fn connected(&mut self, mut messages: usize, dice: &mut Dice, lost_acks: u64) {
        self.forward.start_over();
        loop {
            let mut handed = Vec::new();
            for lane in [Lane::Red, Lane::Routine] {
                while let Some((after, most)) = self.forward.wants(lane) {
                    let frames = self.spool.read(lane, after, most).unwrap();
                    if frames.is_empty() {
                        break;
                    }
                    for frame in frames {
                        let age = self.spool.lives().age_ms(frame.stamp, self.up_ms());
                        self.forward.handed(lane, frame.seq, self.up_ms());
                        handed.push((
                            lane,
                            frame.seq,
                            with_age(&frame.topic, &frame.payload, age),
                            frame.topic,
                        ));
                    }
                }
            }
            if handed.is_empty() || messages == 0 {
                return;
            }
            let mut stuck = false;
            for (lane, seq, payload, topic) in handed {
                if messages == 0 {
                    return;
                }
                messages -= 1;
                self.now += 3;
                // It left with the age of the batch, a few milliseconds ago.
                self.platform.hear(&topic, &payload, self.now);
                if dice.below(100) < lost_acks {
                    stuck = true;
                } else if let Some(done) = self.forward.acked(lane, seq) {
                    self.spool.done(lane, done).unwrap();
                }
            }
            if stuck {
                self.forward.start_over();
            }
        }
    }

    /// The power goes, and comes back after `off_ms`; so many bytes of an unfinished write have reached the disk.
    fn power_cut(&mut self, off_ms: i64, torn: usize) {
        self.disk = self.disk.after_power_cut(torn);
        self.now += off_ms;
        self.began = self.now;
        self.spool =
            Spool::open(self.disk.clone(), Room::default(), self.now + self.wrong_by).unwrap();
        self.intake = Intake::new(
            "h".into(),
            "hub".into(),
            self.spool.lives().mark(),
            Learned::default(),
        );
        self.forward = Forward::new(
            self.spool.is_done_to(Lane::Red),
            self.spool.is_done_to(Lane::Routine),
        );
    }

    /// Every acknowledged call is there once, in order, at its time; so is everything else.
    fn check(&self, tolerance_ms: i64) {
        for kind in [SignalKind::Call, SignalKind::Motion] {
            let said: Vec<i64> = self
                .acked
                .iter()
                .filter(|(k, _)| *k == kind)
                .map(|(_, at)| *at)
                .collect();
            let heard: Vec<i64> = self
                .platform
                .order
                .iter()
                .map(|event| self.platform.events[event])
                .filter(|(k, ..)| *k == kind)
                .map(|(_, at, _)| at)
                .collect();
            assert_eq!(heard.len(), said.len(), "{kind:?}: every one once");
            for (said, heard) in said.iter().zip(&heard) {
                assert!(
                    (said - heard).abs() <= tolerance_ms,
                    "{kind:?}: happened at {said}, understood as {heard}"
                );
            }
        }
    }
}

/// A day with the line cut: 20,000 movements without a name, 30 calls from a button with its own.
fn cut_for_a_day(world: &mut World, dice: &mut Dice, mut also: impl FnMut(&mut World, u64)) {
    for n in 0..20_000u64 {
        world.now += DAY / 20_000;
        world.say(
            "care/v1/h/pir/motion",
            br#"{"value":true}"#,
            SignalKind::Motion,
        );
        if n % 667 == 333 {
            world.now += 1 + dice.below(100) as i64;
            world.say(
                "care/v1/h/button/call",
                format!(r#"{{"boot":1,"seq":{n}}}"#).as_bytes(),
                SignalKind::Call,
            );
        }
        also(world, n);
    }
    assert_eq!(
        world
            .acked
            .iter()
            .filter(|(kind, _)| *kind == SignalKind::Call)
            .count(),
        30
    );
    assert_eq!(world.acked.len(), 20_030);
}

#[test]
fn a_day_without_a_line_comes_through_with_its_times_also_by_a_clock_that_is_wrong_by_a_day() {
    for wrong_by in [0, DAY, -DAY] {
        let (mut world, mut dice) = (World::new(wrong_by), Dice(7));
        cut_for_a_day(&mut world, &mut dice, |_, _| {});
        world.connected(usize::MAX, &mut dice, 0);
        world.check(200);
        assert_eq!(world.spool.count().red + world.spool.count().routine, 0);
        let calls: Vec<usize> = world
            .platform
            .order
            .iter()
            .enumerate()
            .filter(|(_, e)| world.platform.events[e].0 == SignalKind::Call)
            .map(|(i, _)| i)
            .collect();
        assert!(
            *calls.last().unwrap() < 30 + hub::forward::WINDOW.1,
            "the calls went first: {calls:?}"
        );
    }
}

#[test]
fn a_clock_that_is_set_right_in_the_middle_of_the_day_changes_nothing() {
    let (mut world, mut dice) = (World::new(DAY), Dice(7));
    cut_for_a_day(&mut world, &mut dice, |world, n| {
        if n == 10_000 {
            world.wrong_by = 0;
        }
    });
    world.connected(usize::MAX, &mut dice, 0);
    world.check(200);
}

#[test]
fn power_cuts_in_the_day_and_a_line_that_comes_and_goes_lose_nothing_and_double_nothing() {
    for seed in 1..=5 {
        // Wrong by a day, always the same day; the platform's time was never told in those lives.
        let (mut world, mut dice) = (World::new(-DAY), Dice(seed));
        let mut shake = Dice(seed + 100);
        cut_for_a_day(&mut world, &mut dice, |world, n| {
            if n % 1_900 == 1_000 {
                world.power_cut(
                    60_000 + shake.below(600_000) as i64,
                    shake.below(80) as usize,
                );
            }
            if n % 5_000 == 4_000 {
                world.connected(shake.below(500) as usize, &mut shake, 10);
            }
        });
        world.connected(usize::MAX, &mut dice, 5);
        // The wall clock tells the gaps: what it showed at the last record before each cut is a few seconds old.
        world.check(5_000);
        let copies: u32 = world
            .platform
            .events
            .values()
            .map(|(.., times)| times - 1)
            .sum();
        assert!(
            copies > 0,
            "seed {seed}: the story must have sent something twice"
        );
    }
}

#[test]
fn a_hub_without_a_clock_is_put_right_by_the_platform_across_a_power_cut() {
    // The wall clock begins anew with every life: no battery, no network time.
    let (mut world, mut dice) = (World::new(-BEGIN), Dice(3));
    world.anchor();
    cut_for_a_day(&mut world, &mut dice, |world, n| {
        if n == 15_000 {
            world.wrong_by = -(world.now + 3 * HOUR);
            world.power_cut(3 * HOUR, 0);
        }
    });
    // The first answer in the new life comes before anything of the old one is sent.
    world.anchor();
    world.connected(usize::MAX, &mut dice, 0);
    world.check(200);
}

#[test]
fn a_disk_that_fills_up_in_the_day_loses_telemetry_and_no_call() {
    let (mut world, mut dice) = (World::new(0), Dice(5));
    world.disk.set_capacity(Some(3 << 20));
    for n in 0..20_000u64 {
        world.now += DAY / 20_000;
        world.say(
            "care/v1/h/pir/motion",
            br#"{"value":true}"#,
            SignalKind::Motion,
        );
        if n % 667 == 333 {
            world.say(
                "care/v1/h/button/call",
                format!(r#"{{"boot":1,"seq":{n}}}"#).as_bytes(),
                SignalKind::Call,
            );
        }
    }
    let count = world.spool.count();
    assert!(count.dropped > 1_000, "{count:?}");
    world.connected(usize::MAX, &mut dice, 0);
    let dropped = usize::try_from(count.dropped).unwrap();
    world
        .acked
        .sort_by_key(|(kind, at)| (*kind != SignalKind::Motion, *at));
    world.acked.drain(..dropped);
    world.check(200);
    assert_eq!(
        world
            .acked
            .iter()
            .filter(|(kind, _)| *kind == SignalKind::Call)
            .count(),
        30
    );
}
