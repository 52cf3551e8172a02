//! The spool against power cuts, full disks and damaged files.

use super::*;
use crate::testing::MemoryDisk;

fn item(lane: Lane, n: u64) -> Item {
    let payload = format!("{{\"id\":\"{n}\"}}").into_bytes();
    Item {
        lane,
        up_ms: i64::try_from(n).unwrap(),
        wall_ms: 1_000,
        topic: "care/v1/h/d/x".into(),
        payload,
    }
}

fn open(disk: &MemoryDisk) -> Spool<MemoryDisk> {
    open_with(
        disk,
        Room {
            bytes: 8 << 20,
            ballast_bytes: 4_096,
        },
    )
}

fn open_with(disk: &MemoryDisk, room: Room) -> Spool<MemoryDisk> {
    Spool::open(disk.clone(), room, 0).unwrap()
}

/// The numbers of all records of a lane that wait.
fn waiting(spool: &mut Spool<MemoryDisk>, lane: Lane) -> Vec<i64> {
    let (mut all, mut after) = (Vec::new(), spool.is_done_to(lane));
    loop {
        let frames = spool.read(lane, after, 50).unwrap();
        let Some(last) = frames.last() else {
            return all;
        };
        after = last.seq;
        all.extend(frames.iter().map(|frame| frame.stamp.up_ms));
    }
}

#[test]
fn what_was_taken_is_read_in_order_and_let_go_when_it_is_done() {
    let disk = MemoryDisk::new();
    let mut spool = open(&disk);
    for n in 1..=3_000 {
        spool
            .append(&[item(Lane::Routine, n), item(Lane::Red, n)])
            .unwrap();
    }
    assert_eq!(
        waiting(&mut spool, Lane::Red),
        (1..=3_000).collect::<Vec<_>>()
    );
    spool.done(Lane::Red, 2_990).unwrap();
    assert_eq!(
        waiting(&mut spool, Lane::Red),
        (2_991..=3_000).collect::<Vec<_>>()
    );
    assert_eq!(spool.count().red, 10);
    let before = disk.used();
    spool.done(Lane::Routine, 3_000).unwrap();
    assert!(disk.used() < before - 100_000, "finished files are gone");
    let mut again = open(&disk);
    assert_eq!((again.count().red, again.count().routine), (10, 0));
    again.append(&[item(Lane::Red, 3_001)]).unwrap();
    assert_eq!(
        waiting(&mut again, Lane::Red),
        (2_991..=3_001).collect::<Vec<_>>()
    );
}

#[test]
fn a_power_cut_at_every_byte_of_the_last_write_loses_only_what_was_not_acknowledged() {
    let disk = MemoryDisk::new();
    let mut spool = open(&disk);
    for n in 1..=5 {
        spool.append(&[item(Lane::Red, n)]).unwrap();
    }
    let name = disk.newest("red").unwrap();
    let durable = disk.size(&name).unwrap();
    spool.append(&[item(Lane::Red, 6)]).unwrap();
    let size = disk.size(&name).unwrap();
    let all: Vec<i64> = (1..=6).collect();
    for at in durable..=size {
        let cut = disk.with(&name, |bytes| bytes.truncate(usize::try_from(at).unwrap()));
        let mut after = open(&cut);
        let found = waiting(&mut after, Lane::Red);
        assert_eq!(found, all[..if at == size { 6 } else { 5 }], "cut at {at}");
        assert_eq!(
            after.count().torn_bytes,
            if at == size { 0 } else { at - durable }
        );
        after.append(&[item(Lane::Red, 7)]).unwrap();
        assert_eq!(
            waiting(&mut open(&cut), Lane::Red).last(),
            Some(&7),
            "cut at {at}: the next one is there"
        );
    }
    for at in durable..size {
        let garbled = disk.with(&name, |bytes| bytes[usize::try_from(at).unwrap()] ^= 0x55);
        let mut after = open(&garbled);
        assert_eq!(waiting(&mut after, Lane::Red), all[..5], "garbled at {at}");
        after.append(&[item(Lane::Red, 7)]).unwrap();
        assert_eq!(
            waiting(&mut open(&garbled), Lane::Red),
            [1, 2, 3, 4, 5, 7],
            "garbled at {at}"
        );
    }
}

#[test]
fn what_the_disk_forgets_in_a_power_cut_was_not_acknowledged() {
    for kept in 0..200 {
        let disk = MemoryDisk::new();
        let mut spool = open(&disk);
        spool
            .append(&[item(Lane::Red, 1), item(Lane::Routine, 1)])
            .unwrap();
        spool.done(Lane::Red, 1).unwrap();
        // A write that was never synced.
        let mut unsynced = Vec::new();
        let stamp = Stamp {
            boot: 1,
            up_ms: 2,
            wall_ms: 0,
        };
        Frame {
            lane: Lane::Routine,
            seq: 2,
            stamp,
            topic: "t".into(),
            payload: b"x".to_vec(),
        }
        .write(&mut unsynced);
        let whole = unsynced.len() <= kept;
        disk.clone()
            .append(&disk.newest("routine").unwrap(), &unsynced)
            .unwrap();
        let mut after = open(&disk.after_power_cut(kept));
        let routine = waiting(&mut after, Lane::Routine);
        assert_eq!(
            routine,
            if whole { vec![1, 2] } else { vec![1] },
            "kept {kept}"
        );
        // What was forwarded may be forwarded again, under the same name; it is never taken for something new.
        assert!(waiting(&mut after, Lane::Red).len() <= 1);
    }
}

#[test]
fn damage_in_the_middle_costs_one_record_and_is_counted() {
    let disk = MemoryDisk::new();
    let mut spool = open(&disk);
    for n in 1..=5 {
        spool.append(&[item(Lane::Red, n)]).unwrap();
    }
    let name = disk.newest("red").unwrap();
    let one = usize::try_from(disk.size(&name).unwrap() / 5).unwrap();
    for at in one..2 * one {
        let mut after = open(&disk.with(&name, |bytes| bytes[at] ^= 0xff));
        assert_eq!(waiting(&mut after, Lane::Red), [1, 3, 4, 5], "byte {at}");
        assert_eq!(after.count().damaged, 1);
    }
}

#[test]
fn the_oldest_telemetry_gives_way_with_a_count_and_no_call_ever_does() {
    let disk = MemoryDisk::new();
    let room = Room {
        bytes: 1 << 20,
        ballast_bytes: 4_096,
    };
    let mut spool = open_with(&disk, room);
    let mut routine = 0;
    for n in 1..=20_000 {
        spool.append(&[item(Lane::Routine, n)]).unwrap();
        routine += 1;
        if n % 1_000 == 0 {
            spool.append(&[item(Lane::Red, n)]).unwrap();
        }
    }
    let count = spool.count();
    assert!(count.bytes <= room.bytes && count.dropped > 0, "{count:?}");
    assert_eq!(
        count.dropped + count.routine,
        routine,
        "every one is there or counted"
    );
    let left = waiting(&mut spool, Lane::Routine);
    assert_eq!(left.last(), Some(&20_000));
    assert_eq!(
        left.first(),
        Some(&(20_001 - i64::try_from(left.len()).unwrap())),
        "the newest are there, without a gap"
    );
    assert_eq!(
        waiting(&mut spool, Lane::Red),
        (1..=20).map(|n| n * 1_000).collect::<Vec<_>>()
    );
    assert_eq!(
        open_with(&disk, room).count().routine,
        count.routine,
        "the same after a restart"
    );
}

#[test]
fn red_alone_may_fill_the_spool_and_then_the_new_one_is_refused_and_no_old_one_lost() {
    let mut spool = open_with(
        &MemoryDisk::new(),
        Room {
            bytes: 64 * 1024,
            ballast_bytes: 0,
        },
    );
    spool.append(&[item(Lane::Routine, 1)]).unwrap();
    let mut taken = 0;
    while spool.append(&[item(Lane::Red, taken + 1)]).is_ok() {
        taken += 1;
    }
    assert!(taken > 500);
    assert_eq!(spool.count().routine, 0, "telemetry gave way first");
    assert_eq!(spool.count().red, taken);
    assert!(matches!(
        spool.append(&[item(Lane::Routine, 2)]),
        Err(Refused::Full)
    ));
    assert_eq!(spool.count().refused, 2);
}

#[test]
fn on_a_full_disk_a_call_still_gets_in_and_the_ballast_is_put_aside_again() {
    let disk = MemoryDisk::new();
    let mut spool = open(&disk);
    spool.append(&[item(Lane::Red, 1)]).unwrap();
    // Somebody else has filled the disk to the last byte.
    disk.set_capacity(Some(disk.used()));
    assert!(matches!(
        spool.append(&[item(Lane::Routine, 1)]),
        Err(Refused::Full)
    ));
    for n in 2..=20 {
        spool.append(&[item(Lane::Red, n)]).unwrap();
    }
    let mut after = open(&disk.after_power_cut(0));
    assert_eq!(waiting(&mut after, Lane::Red), (1..=20).collect::<Vec<_>>());
    let mut refused = 0;
    while spool.append(&[item(Lane::Red, 21)]).is_ok() {
        refused += 1;
        assert!(refused < 1_000, "the disk is full");
    }
    assert_eq!(
        waiting(&mut spool, Lane::Red)[..20],
        (1..=20).collect::<Vec<_>>(),
        "a refused write leaves nothing torn behind"
    );
    disk.set_capacity(None);
    spool.refill();
    let used = disk.used();
    disk.set_capacity(Some(used));
    spool.append(&[item(Lane::Red, 22)]).unwrap();
}

#[test]
fn a_disk_that_is_full_of_telemetry_takes_a_call_and_starts_again() {
    let disk = MemoryDisk::new();
    disk.set_capacity(Some(400 * 1024));
    let mut spool = open(&disk);
    for n in 1..=10_000 {
        spool.append(&[item(Lane::Routine, n)]).unwrap();
    }
    assert!(spool.count().dropped > 0);
    spool.append(&[item(Lane::Red, 1)]).unwrap();
    disk.set_capacity(Some(disk.used()));
    let mut again = open(&disk);
    again.append(&[item(Lane::Red, 2)]).unwrap();
    assert_eq!(waiting(&mut again, Lane::Red), [1, 2]);
}

#[test]
fn a_broken_disk_refuses_and_goes_on_when_it_works_again() {
    let disk = MemoryDisk::new();
    let mut spool = open(&disk);
    spool.append(&[item(Lane::Red, 1)]).unwrap();
    disk.set_broken(true);
    assert!(matches!(
        spool.append(&[item(Lane::Red, 2)]),
        Err(Refused::Failed(_))
    ));
    disk.set_broken(false);
    spool.append(&[item(Lane::Red, 3)]).unwrap();
    assert_eq!(waiting(&mut spool, Lane::Red), [1, 3]);
}

#[test]
fn every_life_has_a_mark_of_its_own() {
    let disk = MemoryDisk::new();
    let marks: Vec<String> = (0..3).map(|_| open(&disk).lives().mark()).collect();
    assert!(marks[0] != marks[1] && marks[1] != marks[2]);
    assert_eq!(
        marks[0].split_once('-').unwrap().0,
        marks[2].split_once('-').unwrap().0
    );
    assert_ne!(open(&MemoryDisk::new()).lives().mark(), marks[0]);
}
