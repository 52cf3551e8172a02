//! What the adapters on SQLite promise beyond their ports: copies are told from originals, nothing personal lies open,
//! old days go, and a restart is quick.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use care::alarm::{Attempt, Effect, EffectKind, Help};
use care::{HomeId, Lane, TimeDelta, Timestamp};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::ledger::{Decided, Write};
use store::log::append;
use store::register::{ContactRecord, ElderRecord, HomeRecord, PersonRecord, Put, Role, Token};
use store::sqlite::{DataDir, LedgerOptions, LogOptions, OpenError, Opened, SqliteLedger, SqliteLog};
use store::{EventLog, Ledger, LedgerError, Offset, Record, Register, Shard, Tx};

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn open(path: &Path) -> Result<(SqliteLedger, Opened), OpenError> {
    let options = LedgerOptions { ballast_bytes: 1 << 20, ..LedgerOptions::default() };
    SqliteLedger::open(&DataDir::open(path)?, &options, now())
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() { copy_dir(&entry.path(), &to) } else { std::fs::copy(entry.path(), &to).map(|_| ()).unwrap() }
    }
}

async fn set(ledger: &SqliteLedger, key: &str, value: &str) -> Result<(), LedgerError> {
    ledger.commit(Tx { fence: None, writes: vec![Write::Setting { key: key.into(), value: value.into() }] }).await
}

#[test]
fn a_data_directory_belongs_to_one_process_at_a_time() {
    let temp = tempfile::tempdir().unwrap();
    let first = DataDir::open(temp.path()).unwrap();
    let error = DataDir::open(temp.path()).unwrap_err();
    assert!(error.to_string().contains("another process has the data directory"), "{error}");
    drop(first);
    DataDir::open(temp.path()).unwrap();
}

#[tokio::test]
async fn a_copied_or_restored_ledger_starts_with_calling_held_and_a_moved_one_does_not() {
    let temp = tempfile::tempdir().unwrap();
    let (at, moved, copied) = (temp.path().join("a"), temp.path().join("b"), temp.path().join("c"));
    let (ledger, opened) = open(&at).unwrap();
    assert_eq!(opened, Opened::New);
    set(&ledger, "calling", "on").await.unwrap();
    let id = ledger.setting("ledger_id").await.unwrap();
    let instance = ledger.setting("instance_id").await.unwrap();
    drop(ledger);
    let (ledger, opened) = open(&at).unwrap();
    assert_eq!(opened, Opened::Same);
    assert_ne!(ledger.setting("instance_id").await.unwrap(), instance, "every start has a name of its own");
    drop(ledger);
    std::fs::rename(&at, &moved).unwrap();
    let (ledger, opened) = open(&moved).unwrap();
    assert_eq!(opened, Opened::Same);
    assert_eq!(ledger.setting("calling").await.unwrap().as_deref(), Some("on"));
    ledger.backup(&temp.path().join("backup.db")).await.unwrap();
    assert!(ledger.backup(&temp.path().join("backup.db")).await.is_err(), "a backup never writes over another");
    drop(ledger);
    copy_dir(&moved, &copied);
    let (ledger, opened) = open(&copied).unwrap();
    assert!(matches!(opened, Opened::Copied { .. }), "{opened:?}");
    assert_eq!(ledger.setting("calling").await.unwrap().as_deref(), Some("held"));
    assert_eq!(ledger.setting("ledger_id").await.unwrap(), id);
    assert_eq!(ledger.audit(0, 10).await.unwrap()[0].action, "ledger.copied");
    drop(ledger);
    assert_eq!(open(&copied).unwrap().1, Opened::Same, "told once");
    // A restored backup in the original's place.
    std::fs::rename(temp.path().join("backup.db"), moved.join("ledger.db")).unwrap();
    let (ledger, opened) = open(&moved).unwrap();
    assert!(matches!(opened, Opened::Copied { .. }), "{opened:?}");
    assert_eq!(ledger.setting("calling").await.unwrap().as_deref(), Some("held"));
    assert!(ledger.check().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_ledger_without_its_keys_is_refused_and_never_given_new_ones() {
    let temp = tempfile::tempdir().unwrap();
    drop(open(temp.path()).unwrap());
    let key = temp.path().join("keys/seal.key");
    let kept = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let error = open(temp.path()).err().unwrap();
    assert!(error.to_string().contains("is missing: bring back its copy"), "{error}");
    store::sqlite::Keys::create(&key).unwrap();
    let error = open(temp.path()).err().unwrap();
    assert!(error.to_string().contains("belongs to another ledger"), "{error}");
    std::fs::write(&key, kept).unwrap();
    open(temp.path()).unwrap();
}

#[tokio::test]
async fn nothing_personal_lies_open_on_the_disk() {
    let temp = tempfile::tempdir().unwrap();
    let secret = |what: &str| format!("SECRET-{what}-守望");
    let (ledger, _) = open(temp.path()).unwrap();
    let elder = ElderRecord {
        id: "e1".into(),
        home: "h1".into(),
        name: secret("name"),
        born_year: None,
        sex: String::new(),
        phone: secret("phone"),
        id_number: secret("id"),
        health_notes: secret("health"),
        tier: String::new(),
        speech_notes: secret("speech"),
    };
    let contact = ContactRecord {
        id: "c1".into(),
        home: None,
        name: secret("contact"),
        relation: String::new(),
        addresses: BTreeMap::from([("voice".to_owned(), secret("number"))]),
        language: "zh".into(),
    };
    let entries = vec![
        Put::Home(HomeRecord { id: "h1".into(), area: "x".into(), address: secret("address"), access_notes: secret("key") }),
        Put::Elder(elder.clone()),
        Put::Contact(contact),
        Put::Person(PersonRecord {
            id: "op".into(),
            name: secret("person"),
            role: Role::Operator,
            area: String::new(),
            password_hash: "$argon2id$".into(),
            active: true,
        }),
    ];
    ledger.put(entries).await.unwrap();
    let note = Write::Note { alarm: "a".into(), at: now(), by: "op".into(), kind: "report".into(), text: secret("report") };
    let quarantined = store::ledger::Quarantined {
        home: "h1".into(),
        topic: "t".into(),
        payload: secret("payload").into_bytes(),
        reason: "r".into(),
        heard_at: now(),
    };
    ledger.commit(Tx { fence: None, writes: vec![note, Write::Quarantine(quarantined)] }).await.unwrap();
    assert_eq!(ledger.elders_by_id_number(&secret("id")).await.unwrap(), [elder]);
    assert!(ledger.elders_by_id_number("350582").await.unwrap().is_empty());
    let mut files = 0;
    for _closed in [false, true] {
        for entry in std::fs::read_dir(temp.path()).unwrap().map(Result::unwrap).filter(|e| e.path().is_file()) {
            let bytes = std::fs::read(entry.path()).unwrap();
            assert!(!bytes.windows(6).any(|w| w == b"SECRET"), "{}", entry.path().display());
            files += 1;
        }
        ledger.close();
    }
    assert!(files > 4);
}

#[tokio::test]
async fn a_changed_audit_line_is_found() {
    let temp = tempfile::tempdir().unwrap();
    let (ledger, _) = open(temp.path()).unwrap();
    for n in 0..5 {
        ledger.put(vec![Put::Audit { at: now(), who: "op".into(), action: format!("a{n}"), subject: "e1".into() }]).await.unwrap();
    }
    assert_eq!(ledger.verify_audit().await.unwrap(), None);
    let db = rusqlite::Connection::open(temp.path().join("ledger.db")).unwrap();
    assert!(db.execute("UPDATE audit SET who = 'other' WHERE seq = 3", []).is_err(), "the database refuses it");
    db.execute_batch("DROP TRIGGER audit_no_update; UPDATE audit SET who = 'other' WHERE seq = 3").unwrap();
    assert_eq!(ledger.verify_audit().await.unwrap(), Some(3), "and who goes around that is found out");
    db.execute_batch("DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE seq = 2").unwrap();
    assert_eq!(ledger.verify_audit().await.unwrap(), Some(2));
}

#[tokio::test]
async fn what_is_old_is_forgotten_and_the_rest_is_not() {
    let temp = tempfile::tempdir().unwrap();
    let (ledger, _) = open(temp.path()).unwrap();
    let old = now() - TimeDelta::days(31);
    let seen = |event: &str, at| Write::Seen { event: event.into(), at, alarm: None };
    let effect = |no| Write::Effect {
        alarm: "a".into(),
        home: "h".into(),
        level: care::Level::Red,
        test: false,
        effect: Effect { no, kind: EffectKind::Lamp { device: "b".into(), help: Help::Over } },
        due_at: old,
    };
    let done = |no, at| Write::EffectDone { alarm: "a".into(), no, at };
    let mut writes: Vec<_> = (0..5_000).map(|n| seen(&format!("{n:032x}"), old)).collect();
    writes.extend([seen("new", now()), effect(1), effect(2), effect(3), done(1, old), done(2, now())]);
    writes.extend((0..10_100).map(|n| Write::UnknownDevice {
        home: "h".into(),
        device: format!("d{n}").as_str().into(),
        at: old + TimeDelta::seconds(n),
    }));
    ledger.commit(Tx { fence: None, writes }).await.unwrap();
    let token = |hash: &str, expires_at| {
        Put::Token(Token { hash: hash.into(), person: "op".into(), kind: "session".into(), created_at: old, expires_at, used_at: old })
    };
    ledger.put(vec![token("ended", old), token("valid", now() + TimeDelta::hours(1))]).await.unwrap();
    assert_eq!(ledger.purge(now()).await.unwrap(), 5_000 + 1 + 1 + 100);
    assert_eq!(ledger.seen(&["new".into(), format!("{:032x}", 7).as_str().into()]).await.unwrap().len(), 1);
    assert!(ledger.token("ended").await.unwrap().is_none() && ledger.token("valid").await.unwrap().is_some());
    assert_eq!(ledger.effects_due(now(), 10).await.unwrap().len(), 1);
    assert_eq!(ledger.unknown_devices(20_000).await.unwrap().len(), 10_000);
    assert_eq!(ledger.purge(now()).await.unwrap(), 0);
    assert_eq!(ledger.counts().await.unwrap()["unknown_devices"], 10_000);
}

#[tokio::test]
async fn the_last_word_of_a_device_never_goes_back() {
    let temp = tempfile::tempdir().unwrap();
    let (ledger, _) = open(temp.path()).unwrap();
    let heard = |device: &str, second| (HomeId::from("h"), device.into(), now() + TimeDelta::seconds(second));
    ledger.heard((0..2_500).map(|n| heard(&format!("d{n}"), 1)).collect()).await.unwrap();
    ledger.heard(vec![heard("d1", 9), heard("d1", 5), heard("d2", 0)]).await.unwrap();
    let last = ledger.last_heard(&"h".into()).await.unwrap();
    assert_eq!((last[&"d1".into()], last[&"d2".into()], last.len()), (heard("", 9).2, heard("", 1).2, 2_500));
}

#[tokio::test]
async fn every_attempt_is_kept_beside_the_alarm() {
    let temp = tempfile::tempdir().unwrap();
    let (ledger, _) = open(temp.path()).unwrap();
    let attempt = |no| Attempt { no, contact: "c".into(), channel: "voice".into(), why: None, asked_at: now(), started_at: None, ended_at: None, outcome: None };
    for no in 1..=100 {
        let writes = vec![Write::Attempts { alarm: "a".into(), attempts: vec![attempt(no)] }];
        ledger.commit(Tx { fence: None, writes }).await.unwrap();
    }
    assert_eq!(ledger.attempts(&"a".into()).await.unwrap(), (1..=100).map(attempt).collect::<Vec<_>>());
}

#[tokio::test]
async fn fifty_thousand_homes_are_back_within_two_seconds() {
    let temp = tempfile::tempdir().unwrap();
    let (ledger, _) = open(temp.path()).unwrap();
    for shard in 0..8 {
        let homes = (0..6_250).map(|n| (HomeId::new(format!("home-{shard}-{n}")), vec![7; 1_000])).collect();
        let as_of = Some((Offset(1), Offset(1)));
        ledger.commit(Tx { fence: None, writes: vec![Write::Snapshot { shard: Shard(shard), as_of, homes }] }).await.unwrap();
    }
    drop(ledger);
    let began = Instant::now();
    let (ledger, _) = open(temp.path()).unwrap();
    let mut homes = 0;
    for shard in 0..8 {
        homes += ledger.snapshots(Shard(shard)).await.unwrap().1.len();
    }
    let took = began.elapsed();
    println!("50,000 homes of 1,000 bytes opened and read in {took:?}");
    assert_eq!(homes, 50_000);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

fn record(lane: Lane, home: &str, day: i64, n: u64) -> Record {
    Record {
        lane,
        home: home.into(),
        source: "s".into(),
        topic: "t".into(),
        payload: n.to_be_bytes().to_vec(),
        heard_at: now() + TimeDelta::days(day),
    }
}

#[tokio::test]
async fn whole_days_go_when_they_are_old_and_everything_in_them_is_decided() {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::open(temp.path()).unwrap();
    let options = LogOptions { shards: 2, ballast_bytes: 0, ..LogOptions::default() };
    let log = SqliteLog::open(&dir, options.clone()).unwrap();
    for day in 0..5 {
        for n in 0..20 {
            append(&log, record(if n % 2 == 0 { Lane::Red } else { Lane::Routine }, &format!("home-{n}"), day, n)).await.unwrap();
        }
    }
    let days = || std::fs::read_dir(temp.path()).unwrap().filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|x| x == "db")).count();
    assert_eq!(days(), 5);
    let far = now().date_naive() + TimeDelta::days(100);
    assert_eq!(log.retain(&BTreeMap::new(), far).unwrap(), 0, "nothing is decided yet");
    let mut kept = BTreeMap::new();
    for shard in [Shard(0), Shard(1)] {
        let end = |lane| log.end(shard, lane);
        kept.insert(shard, Decided { red: end(Lane::Red).await.unwrap(), routine: end(Lane::Routine).await.unwrap() });
    }
    let mut late = kept.clone();
    late.get_mut(&Shard(1)).unwrap().routine = Offset(0);
    assert_eq!(log.retain(&late, far).unwrap(), 0, "one lane is behind");
    assert_eq!(log.retain(&kept, now().date_naive() + TimeDelta::days(2)).unwrap(), 2, "two days are old enough");
    assert_eq!(days(), 3);
    assert_eq!(log.retain(&kept, far).unwrap(), 2, "the newest stays");
    drop(log);
    let log = SqliteLog::open(&dir, options).unwrap();
    let left: usize = log.read(Shard(0), Lane::Red, Offset(0), 1_000).await.unwrap().len();
    assert!(left > 0 && left < 10, "{left}");
    assert_eq!(log.end(Shard(1), Lane::Routine).await.unwrap(), kept[&Shard(1)].routine, "places go on");
    let error = SqliteLog::open(&dir, LogOptions { shards: 3, ballast_bytes: 0, ..LogOptions::default() }).err().unwrap();
    assert!(error.to_string().contains("has 2 shards and was asked for 3"), "{error}");
}

#[tokio::test]
async fn a_full_queue_says_busy_and_red_ones_have_a_queue_of_their_own() {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::open(temp.path()).unwrap();
    let options = LogOptions { shards: 1, ballast_bytes: 0, queue_rows_max: 10, ..LogOptions::default() };
    let log = SqliteLog::open(&dir, options).unwrap();
    // The writer stands in the callback of the first record, until it is let go.
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel();
    let entered = tell.clone();
    log.submit(
        record(Lane::Routine, "h", 0, 0),
        Box::new(move |result| {
            entered.send((0, result.is_ok())).unwrap();
            held.recv().unwrap();
        }),
    );
    assert_eq!(told.recv().unwrap(), (0, true));
    for n in 1..=12 {
        let tell = tell.clone();
        log.submit(record(Lane::Routine, "h", 0, n), Box::new(move |result| tell.send((n, result.is_ok())).unwrap()));
    }
    assert_eq!([told.recv().unwrap(), told.recv().unwrap()], [(11, false), (12, false)], "ten wait, the rest is refused at once");
    let red = tell.clone();
    log.submit(record(Lane::Red, "h", 0, 99), Box::new(move |result| red.send((99, result.is_ok())).unwrap()));
    hold.send(()).unwrap();
    assert_eq!(told.recv().unwrap(), (99, true), "the red one goes before all that waited longer");
    assert_eq!(told.recv().unwrap(), (1, true));
    assert_eq!(log.stats().busy, 2);
    let log = Arc::new(log);
    log.close();
    log.submit(record(Lane::Red, "h", 0, 100), Box::new(move |result| tell.send((100, result.is_ok())).unwrap()));
    assert_eq!(told.iter().find(|(n, _)| *n == 100), Some((100, false)), "closed");
}

#[tokio::test]
async fn the_wal_does_not_grow_without_bound() {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::open(temp.path()).unwrap();
    let options = LogOptions { shards: 1, ballast_bytes: 0, checkpoint_bytes: 256 << 10, wal_bytes_max: 2 << 20, ..LogOptions::default() };
    let log = SqliteLog::open(&dir, options).unwrap();
    let wal = temp.path().join("log-20261123.db-wal");
    let mut largest = 0;
    for n in 0..600 {
        append(&log, Record { payload: vec![1; 100_000], ..record(Lane::Routine, "h", 0, n) }).await.unwrap();
        // Somebody reads old records all the while.
        assert!(!log.read(Shard(0), Lane::Routine, Offset(n / 2), 5).await.unwrap().is_empty());
        largest = largest.max(std::fs::metadata(&wal).unwrap().len());
    }
    assert!(largest < 20 << 20, "60 MB were written, the WAL grew to {largest} bytes");
}

#[tokio::test]
async fn a_damaged_day_file_does_not_keep_the_house_from_starting() {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::open(temp.path()).unwrap();
    let options = LogOptions { shards: 1, ballast_bytes: 0, ..LogOptions::default() };
    let log = SqliteLog::open(&dir, options.clone()).unwrap();
    for day in 0..3 {
        append(&log, record(Lane::Red, "h", day, 0)).await.unwrap();
    }
    drop(log);
    let damage = |name: &str| std::fs::write(temp.path().join(name), vec![b'x'; 8_192]).unwrap();
    // An old one: the others are as they were.
    damage("log-20261123.db");
    let log = SqliteLog::open(&dir, options.clone()).unwrap();
    assert_eq!(log.stats().damaged_files, 1);
    let places = async |log: &SqliteLog| log.read(Shard(0), Lane::Red, Offset(0), 10).await.unwrap().iter().map(|e| e.offset.0).collect::<Vec<_>>();
    assert_eq!(places(&log).await, [2, 3]);
    append(&log, record(Lane::Red, "h", 2, 0)).await.unwrap();
    drop(log);
    // The newest: a new one begins, far behind whatever stood there.
    damage("log-20261125.db");
    // And what a power cut left of a file that was being made.
    std::fs::write(temp.path().join("log-20261126.db"), b"").unwrap();
    for starts in 1..3 {
        let log = SqliteLog::open(&dir, options.clone()).unwrap();
        assert_eq!(log.stats().damaged_files, 2);
        append(&log, record(Lane::Red, "h", 2, 0)).await.unwrap();
        let places = places(&log).await;
        assert_eq!(places.len(), 1 + starts);
        assert!(places[0] == 2 && places[1] > 1 << 32, "{places:?}");
        assert!(temp.path().join("log-20261125-01.db").is_file() && !temp.path().join("log-20261126.db").exists());
    }
}

#[tokio::test]
async fn old_presses_of_the_platform_itself_are_forgotten_and_nobody_elses() {
    let temp = tempfile::tempdir().unwrap();
    let (ledger, _) = open(temp.path()).unwrap();
    let old = now() - TimeDelta::days(2);
    for (home, at, open) in [("canary", old, false), ("canary", now(), false), ("canary", old, true), ("home-1", old, false)] {
        let cause = if open { care::Cause::Smoke } else { care::Cause::Call };
        let raise = care::cause::Raise { level: care::Level::Red, reason: care::Reason::new("device_signal"), key: "1".into(), device: None, cause };
        let id = care::AlarmId::derive(at, &format!("{home}{open}"));
        let (mut alarm, _) = care::Alarm::raise(id.clone(), home.into(), vec![], raise, true, &care::plan::Plan::default(), at);
        if !open {
            alarm.state = care::alarm::State::Closed { by: care::alarm::Claimant::Person("op".into()), at, outcome: "test".into() };
        }
        let note = Write::Note { alarm: id, at, by: "op".into(), kind: "note".into(), text: "x".into() };
        ledger.commit(Tx { fence: None, writes: vec![Write::PutAlarm { alarm: Box::new(alarm), expected: 0 }, note] }).await.unwrap();
    }
    assert_eq!(ledger.purge_alarms_of(&"canary".into(), now() - TimeDelta::days(1)).await.unwrap(), 1);
    let left = ledger.alarms(store::ledger::Which::All, None, 10).await.unwrap();
    assert_eq!(left.len(), 3);
    for alarm in left {
        assert_eq!(ledger.notes(&alarm.value.id).await.unwrap().len(), 1);
    }
}
