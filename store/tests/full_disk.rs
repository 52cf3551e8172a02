//! On a full disk red alarms still get in while the ballast lasts; everything else is refused; with room again all is as
//! before. On a real full file system: a small tmpfs, which only root can mount.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use care::alarm::Alarm;
use care::cause::Raise;
use care::plan::Plan;
use care::{AlarmId, Cause, HomeId, Lane, Reason, Timestamp};
use std::path::{Path, PathBuf};
use std::process::Command;
use store::ledger::{Which, Write};
use store::log::append;
use store::register::{Area, Put, Token};
use store::sqlite::{DataDir, LedgerOptions, LogOptions, SqliteLedger, SqliteLog};
use store::{EventLog, Ledger, LedgerError, LogError, Offset, Record, Register, Shard, Tx};

/// A small file system of its own, gone at the end.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    fn mount(megabytes: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]).arg(dir.path()).output();
        if mounted.is_ok_and(|out| out.status.success()) {
            return Some(Self(dir));
        }
        println!("no small file system can be mounted here (not root): skipped");
        None
    }

    /// Somebody else fills the disk but for `left` bytes.
    fn fill(&self, left: u64) -> PathBuf {
        let path = self.0.path().join("somebody-else");
        let free = DataDirFree(self.0.path()).bytes();
        std::fs::write(&path, vec![1; usize::try_from(free.saturating_sub(left)).unwrap()]).unwrap();
        path
    }
}

struct DataDirFree<'a>(&'a Path);

impl DataDirFree<'_> {
    fn bytes(&self) -> u64 {
        let stat = rustix::fs::statvfs(self.0).unwrap();
        stat.f_bavail * stat.f_frsize
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _done = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn record(lane: Lane, n: u32, bytes: usize) -> Record {
    let mut payload = n.to_string().into_bytes();
    payload.resize(bytes, b' ');
    Record { lane, home: "home-1".into(), source: "s".into(), topic: "t".into(), payload, heard_at: now() }
}

#[tokio::test]
async fn on_a_full_disk_the_log_takes_red_records_only() {
    let Some(disk) = Tmpfs::mount(32) else { return };
    let dir = DataDir::open(disk.0.path().join("data")).unwrap();
    let options = LogOptions { shards: 1, ballast_bytes: 8 << 20, ..LogOptions::default() };
    let log = SqliteLog::open(&dir, options.clone()).unwrap();
    let (mut red, mut routine) = (Vec::new(), Vec::new());
    append(&log, record(Lane::Red, 0, 10)).await.unwrap();
    red.push(0);
    let filler = disk.fill(3 << 20);
    let mut n = 0;
    let error = loop {
        n += 1;
        match append(&log, record(Lane::Routine, n, 50_000)).await {
            Ok(()) => routine.push(n),
            Err(error) => break error,
        }
        assert!(n < 1_000, "the disk never became full");
    };
    assert!(matches!(error, LogError::DiskFull), "{error}");
    assert!(log.disk_full() && log.stats().disk_full, "operators can be told");
    for n in 1..=500 {
        append(&log, record(Lane::Red, n, 500)).await.unwrap();
        red.push(n);
        assert!(matches!(append(&log, record(Lane::Routine, 0, 10)).await, Err(LogError::DiskFull)));
    }
    assert!(log.stats().ballast_bytes < 8 << 20);
    // The rest of the ballast is used up by and by: then even red ones are refused, but nothing breaks.
    let mut refused = false;
    for n in 501..1_000 {
        match append(&log, record(Lane::Red, n, 200_000)).await {
            Ok(()) => red.push(n),
            Err(LogError::DiskFull) => {
                refused = true;
                break;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused, "the ballast is not endless");
    // It starts on a full disk, too.
    drop(log);
    let log = SqliteLog::open(&dir, options.clone()).unwrap();
    assert!(log.disk_full());
    assert!(!log.look_for_room());
    std::fs::remove_file(filler).unwrap();
    assert!(log.look_for_room(), "there is room again");
    append(&log, record(Lane::Routine, 5_000, 10)).await.unwrap();
    routine.push(5_000);
    assert_eq!(log.stats().ballast_bytes, 8 << 20);
    for (lane, expected) in [(Lane::Red, red), (Lane::Routine, routine)] {
        let mut read = Vec::new();
        let mut after = Offset(0);
        loop {
            let page = log.read(Shard(0), lane, after, 1_000).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.offset;
            read.extend(page.iter().map(|e| String::from_utf8_lossy(&e.record.payload).trim().parse::<u32>().unwrap()));
        }
        assert_eq!(read, expected, "what was acknowledged is there, in order and once");
    }
}

fn alarm(cause: Cause, n: u32) -> Write {
    let home = HomeId::new(format!("home-{n}"));
    let raise = Raise { level: cause.level(), cause, reason: Reason::new("device_signal"), key: n.to_string(), device: None };
    let id = AlarmId::derive(now(), &format!("{home} {}", raise.cause));
    let (alarm, _) = Alarm::raise(id, home, vec![], raise, false, &Plan::default(), now());
    Write::PutAlarm { alarm: Box::new(alarm), expected: 0 }
}

async fn commit(ledger: &SqliteLedger, writes: Vec<Write>) -> Result<(), LedgerError> {
    ledger.commit(Tx { fence: None, writes }).await
}

#[tokio::test]
async fn on_a_full_disk_the_ledger_takes_what_red_alarms_need() {
    let Some(disk) = Tmpfs::mount(32) else { return };
    let dir = DataDir::open(disk.0.path().join("data")).unwrap();
    let options = LedgerOptions { ballast_bytes: 8 << 20, ..LedgerOptions::default() };
    let (ledger, _) = SqliteLedger::open(&dir, &options, now()).unwrap();
    let filler = disk.fill(1 << 20);
    let mut n = 0;
    let error = loop {
        n += 1;
        let homes = (0..50).map(|i| (HomeId::new(format!("home-{n}-{i}")), vec![1; 2_000])).collect();
        match commit(&ledger, vec![Write::Snapshot { shard: Shard(0), as_of: None, homes }]).await {
            Ok(()) => {}
            Err(error) => break error,
        }
        assert!(n < 1_000, "the disk never became full");
    };
    assert!(matches!(error, LedgerError::DiskFull), "{error}");
    assert!(ledger.disk_full());
    for n in 0..300 {
        commit(&ledger, vec![alarm(Cause::Call, n)]).await.unwrap();
        assert!(matches!(commit(&ledger, vec![alarm(Cause::WaterLeak, n)]).await, Err(LedgerError::DiskFull)));
    }
    commit(&ledger, vec![alarm(Cause::Technical("disk_full".into()), 1)]).await.unwrap();
    commit(&ledger, vec![Write::Setting { key: "alive_at".into(), value: "x".into() }]).await.unwrap();
    let token = Token { hash: "t".into(), person: "op".into(), kind: "session".into(), created_at: now(), expires_at: now(), used_at: now() };
    ledger.put(vec![Put::Token(token)]).await.unwrap();
    let area = || Put::Area(Area { id: "a".into(), name: "b".into() });
    assert!(matches!(ledger.put(vec![area()]).await, Err(LedgerError::DiskFull)));
    assert_eq!(ledger.alarms(Which::Open, None, 500).await.unwrap().len(), 301);
    drop(ledger);
    let (ledger, _) = SqliteLedger::open(&dir, &options, now()).unwrap();
    assert_eq!(ledger.alarms(Which::Open, None, 500).await.unwrap().len(), 301);
    std::fs::remove_file(filler).unwrap();
    assert!(ledger.look_for_room(), "there is room again");
    ledger.put(vec![area()]).await.unwrap();
    commit(&ledger, vec![alarm(Cause::WaterLeak, 1)]).await.unwrap();
    assert_eq!(ledger.stats().ballast_bytes, 8 << 20);
}
