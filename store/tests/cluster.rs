//! The adapters for more than one machine keep the promises of their ports.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../../tests/src/harness/servers.rs"]
mod servers;

use care::Level;
use care::alarm::{Effect, EffectKind, Help};
use servers::{Nats, Postgres};
use std::sync::Arc;
use store::conformance::{self, Ledgers};
use store::jetstream::{JetLog, JetSettings};
use store::ledger::{Ledger, LedgerError, Tx, Write};
use store::postgres::{Member, Membership, PgLedger, PgOpened, PgSettings};
use store::register::{Area, Put};
use store::sqlite::Keys;
use store::{EventLog, Ownership, Register, Shard};

fn now() -> care::Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn keys() -> Arc<Keys> {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("seal.key");
    Keys::create(&path).unwrap();
    Arc::new(Keys::read(&path).unwrap())
}

async fn open(url: &str, keys: &Arc<Keys>) -> (Arc<PgLedger>, PgOpened) {
    let (ledger, opened) = PgLedger::open(PgSettings::at(url), keys.clone(), now()).await.unwrap();
    (Arc::new(ledger), opened)
}

async fn ledgers(url: &str, keys: &Arc<Keys>) -> Ledgers {
    let (ledger, _) = open(url, keys).await;
    Ledgers { ledger: ledger.clone(), register: ledger.clone(), ownership: ledger }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_on_postgresql_keeps_the_promises_of_the_port() {
    let postgres = Postgres::start();
    let keys = keys();
    let url = postgres.database("l");
    conformance::ledger(|| ledgers(&url, &keys)).await;
    let url = postgres.database("r");
    conformance::register(|| ledgers(&url, &keys)).await;
    members_share_the_shards_and_a_paused_one_is_fenced_off(&postgres).await;
    one_member_is_on_duty_until_it_dies(&postgres).await;
    an_effect_is_one_members_until_it_dies(&postgres).await;
    a_restored_copy_starts_with_calling_held(&postgres).await;
    a_newer_schema_is_borne_with_or_refused_with_a_sentence(&postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_on_jetstream_keeps_the_promises_of_the_port() {
    let mut nats = Nats::start();
    let urls = nats.urls();
    conformance::event_log(|| async { Arc::new(JetLog::open(JetSettings::at(&urls, 4)).await.unwrap()) as Arc<dyn EventLog> }).await;
    assert!(JetLog::open(JetSettings::at(&urls, 8)).await.is_err(), "the number of shards is fixed");
    let never = what_cannot_be_stored_keeps_no_other_waiting(&nats).await;
    what_was_acknowledged_survives_the_leaders_and_everybody(&mut nats).await;
    assert!(never.await.unwrap().is_err(), "what is not stored is not acknowledged");
}

/// One shard's stream is gone. What belongs there waits, and is told in the end that it is not stored; what belongs elsewhere
/// is acknowledged meanwhile (ACK-1).
async fn what_cannot_be_stored_keeps_no_other_waiting(nats: &Nats) -> tokio::task::JoinHandle<Result<(), store::LogError>> {
    let log = Arc::new(JetLog::open(JetSettings { prefix: "gone".into(), ..JetSettings::at(nats.urls(), 4) }).await.unwrap());
    let press = |shard: u16| {
        let home = (0..).map(|n| care::HomeId::new(format!("home-{n}"))).find(|home| store::log::shard_of(home, 4) == Shard(shard)).unwrap();
        let (topic, payload) = ("care/v1/home/button/call".into(), b"{}".to_vec());
        store::Record { lane: care::Lane::Red, home, source: "s".into(), topic, payload, heard_at: now() }
    };
    async_nats::jetstream::new(log.client()).delete_stream("gone-log-red-1").await.unwrap();
    let lost = tokio::spawn({
        let (log, press) = (log.clone(), press(1));
        async move { store::log::append(&*log, press).await }
    });
    tokio::task::yield_now().await;
    for shard in [0, 2, 3] {
        let stored = tokio::time::timeout(std::time::Duration::from_secs(5), store::log::append(&*log, press(shard))).await;
        stored.expect("it does not wait for another shard's stream").unwrap();
    }
    assert!(!lost.is_finished(), "nobody is told before it is known");
    lost
}

/// Presses go on while servers die: what was acknowledged is there once and in order, and a worker that follows sees it.
async fn what_was_acknowledged_survives_the_leaders_and_everybody(nats: &mut Nats) {
    let log = Arc::new(JetLog::open(JetSettings { prefix: "faults".into(), ..JetSettings::at(nats.urls(), 1) }).await.unwrap());
    let acked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let presses = tokio::spawn({
        let (log, acked) = (log.clone(), acked.clone());
        async move {
            let mut n = 0u32;
            while !*stopped.borrow() {
                n += 1;
                let record = store::Record {
                    lane: care::Lane::Red,
                    home: "home-1".into(),
                    source: "s".into(),
                    topic: "care/v1/home-1/button/call".into(),
                    payload: n.to_string().into_bytes(),
                    heard_at: now(),
                };
                if store::log::append(&*log, record).await.is_ok() {
                    acked.lock().unwrap().push(n);
                }
            }
        }
    });
    let count = || acked.lock().unwrap().len();
    let progress = async |what: &str| {
        let from = count();
        servers::until_async(what, async || count() >= from + 20).await;
    };
    progress("presses are acknowledged").await;
    let (_, leader) = log.view(care::Lane::Red, Shard(0)).await.unwrap();
    let leader: usize = leader.unwrap().trim_start_matches('n').parse().unwrap();
    nats.kill(leader);
    progress("presses are acknowledged without the leader").await;
    nats.up(leader);
    nats.ready();
    for i in 0..3 {
        nats.kill(i);
    }
    for i in 0..3 {
        nats.up(i);
    }
    nats.ready();
    progress("presses are acknowledged after all have died").await;
    stop.send(true).unwrap();
    presses.await.unwrap();
    let acked = acked.lock().unwrap().clone();
    let mut read: Vec<u32> = Vec::new();
    let mut after = store::Offset(0);
    loop {
        let page = log.read(Shard(0), care::Lane::Red, after, 500).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.offset;
        read.extend(page.iter().map(|e| String::from_utf8(e.record.payload.clone()).unwrap().parse::<u32>().unwrap()));
    }
    assert!(read.is_sorted_by(|a, b| a < b), "each once, in order");
    let lost: Vec<_> = acked.iter().filter(|n| read.binary_search(n).is_err()).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged are lost: {lost:?}", lost.len(), acked.len());
}

fn member(node: &str) -> Member {
    Member { node: node.into(), version: "0".into(), duties: "worker".into(), address: String::new() }
}

async fn members_share_the_shards_and_a_paused_one_is_fenced_off(postgres: &Postgres) {
    let (url, keys) = (postgres.database("m"), keys());
    let ((a, _), (b, _)) = (open(&url, &keys).await, open(&url, &keys).await);
    let one = Membership::join(a.clone(), member("one"), 4).await.unwrap();
    assert_eq!(one.wanted().await.unwrap().len(), 4, "alone, everything is its own");
    let fence = one.take(Shard(0)).await.unwrap();
    let two = Membership::join(b.clone(), member("two"), 4).await.unwrap();
    assert!(matches!(two.take(Shard(0)).await, Err(LedgerError::Fenced)), "nothing is taken from a living member");
    assert_eq!((one.wanted().await.unwrap().len(), two.wanted().await.unwrap().len()), (2, 2));
    // Paused: its lease runs out, another takes the shard, and what it then writes is refused.
    postgres.sql("m", "UPDATE member SET lease_until = clock_timestamp() - INTERVAL '1 second' WHERE node = 'one'").unwrap();
    let write = |fence| Tx { fence: Some(fence), writes: vec![Write::Setting { key: "who".into(), value: "x".into() }] };
    a.commit(write(fence)).await.unwrap();
    let taken = two.take(Shard(0)).await.unwrap();
    assert!(taken.epoch > fence.epoch);
    assert!(matches!(a.commit(write(fence)).await, Err(LedgerError::Fenced)));
    b.commit(write(taken)).await.unwrap();
    assert!(matches!(one.take(Shard(0)).await, Err(LedgerError::Fenced)), "a dead member takes nothing");
    // A new life under the same name ends the old one.
    let (c, _) = open(&url, &keys).await;
    let again = Membership::join(c, member("two"), 4).await.unwrap();
    let after = again.take(Shard(0)).await.unwrap();
    assert!(after.epoch > taken.epoch);
    assert!(matches!(b.commit(write(taken)).await, Err(LedgerError::Fenced)));
    let shards = a.shards().await.unwrap();
    assert_eq!(shards[0].owner.as_deref(), Some("two"));
}

async fn one_member_is_on_duty_until_it_dies(postgres: &Postgres) {
    let (url, keys) = (postgres.database("d"), keys());
    let ((a, _), (b, _)) = (open(&url, &keys).await, open(&url, &keys).await);
    let one = Membership::join(a.clone(), member("one"), 4).await.unwrap();
    let two = Membership::join(b.clone(), member("two"), 4).await.unwrap();
    assert_eq!(one.wanted().await.unwrap().len() + two.wanted().await.unwrap().len(), 4, "the duty is no shard of homes");
    let fence = one.take(Shard::OFFICE).await.unwrap();
    assert!(matches!(two.take(Shard::OFFICE).await, Err(LedgerError::Fenced)), "one is on duty");
    assert_eq!(b.office().await.unwrap().as_deref(), Some("one"));
    let area = |id: &str| Put::Area(Area { id: id.into(), name: id.into() });
    let daily = |fence| Tx { fence: Some(fence), writes: vec![Write::Setting { key: "days_place".into(), value: "x".into() }] };
    a.put(vec![area("before"), Put::Fence(fence)]).await.unwrap();
    // Paused past its lease: another takes over, and what the first one still writes when it wakes is refused.
    postgres.sql("d", "UPDATE member SET lease_until = clock_timestamp() - INTERVAL '1 second' WHERE node = 'one'").unwrap();
    assert_eq!(b.office().await.unwrap(), None);
    let taken = two.take(Shard::OFFICE).await.unwrap();
    assert!(matches!(a.put(vec![area("late"), Put::Fence(fence)]).await, Err(LedgerError::Fenced)));
    assert!(matches!(a.commit(daily(fence)).await, Err(LedgerError::Fenced)));
    b.put(vec![area("after"), Put::Fence(taken)]).await.unwrap();
    b.commit(daily(taken)).await.unwrap();
    assert_eq!(b.areas().await.unwrap().iter().map(|a| a.id.as_str()).collect::<Vec<_>>(), ["after", "before"]);
    // Given back, it is free at once.
    two.release(Shard::OFFICE).await.unwrap();
    let again = Membership::join(a.clone(), member("one"), 4).await.unwrap();
    assert!(again.take(Shard::OFFICE).await.unwrap().epoch > taken.epoch);
}

async fn an_effect_is_one_members_until_it_dies(postgres: &Postgres) {
    let (url, keys) = (postgres.database("e"), keys());
    let ((a, _), (b, _)) = (open(&url, &keys).await, open(&url, &keys).await);
    let _one = Membership::join(a.clone(), member("one"), 4).await.unwrap();
    let _two = Membership::join(b.clone(), member("two"), 4).await.unwrap();
    let effect = |no| Effect { no, kind: EffectKind::Lamp { device: "button".into(), help: Help::Taken } };
    let write = |no| Write::Effect { alarm: "a".into(), home: "h".into(), level: Level::Red, test: false, effect: effect(no), due_at: now() };
    let commit = async |ledger: &PgLedger, writes| ledger.commit(Tx { fence: None, writes }).await;
    commit(&a, vec![write(1), write(2), write(3)]).await.unwrap();
    let (mine, rest) = tokio::join!(a.effects_due(now(), 2), b.effects_due(now(), 1));
    let (mine, rest) = (mine.unwrap(), rest.unwrap());
    let mut all: Vec<_> = mine.iter().chain(&rest).map(|w| w.effect.no).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), mine.len() + rest.len(), "no effect is two members'");
    let all_mine = a.effects_due(now(), 10).await.unwrap();
    assert_eq!(all_mine.len() + b.effects_due(now(), 10).await.unwrap().len(), 3);
    let no = all_mine[0].effect.no;
    let trying = || Write::EffectTrying { alarm: "a".into(), no, at: now() };
    assert!(matches!(commit(&b, vec![trying()]).await, Err(LedgerError::Conflict)), "what another has claimed is not begun");
    commit(&a, vec![trying()]).await.unwrap();
    assert!(a.effects_trying().await.unwrap().is_empty() && b.effects_trying().await.unwrap().is_empty(), "a living member's call is its own");
    postgres.sql("e", "UPDATE member SET lease_until = clock_timestamp() - INTERVAL '1 second' WHERE node = 'one'").unwrap();
    for _ in 0..2 {
        let adopted = b.effects_trying().await.unwrap();
        assert_eq!(adopted.iter().map(|w| w.effect.no).collect::<Vec<_>>(), [no], "shown until it is reconciled");
    }
    commit(&b, vec![Write::EffectAgain { alarm: "a".into(), no, due_at: now() }]).await.unwrap();
    assert!(b.effects_trying().await.unwrap().is_empty());
    assert_eq!(b.effects_due(now(), 10).await.unwrap().len(), 3, "the dead member's are everybody's");
}

/// Two versions side by side: what a newer one has added is borne with, until it says that it cannot be.
async fn a_newer_schema_is_borne_with_or_refused_with_a_sentence(postgres: &Postgres) {
    let (url, keys) = (postgres.database("n"), keys());
    drop(open(&url, &keys).await);
    postgres.sql("n", "INSERT INTO schema_step (number, readable_from) VALUES (98, 1)").unwrap();
    assert_eq!(open(&url, &keys).await.1, PgOpened::Same, "the older one works on beside the newer one");
    postgres.sql("n", "INSERT INTO schema_step (number, readable_from) VALUES (99, 99)").unwrap();
    let refused = PgLedger::open(PgSettings::at(&url), keys, now()).await.err().unwrap().to_string();
    assert!(refused.contains("written by a newer version (schema 99, readable from 99 on"), "{refused}");
    assert!(refused.contains("start the newer version, or restore a backup"), "{refused}");
}

async fn a_restored_copy_starts_with_calling_held(postgres: &Postgres) {
    let (url, keys) = (postgres.database("c"), keys());
    assert_eq!(open(&url, &keys).await.1, PgOpened::New);
    let (same, opened) = open(&url, &keys).await;
    assert_eq!(opened, PgOpened::Same);
    assert_eq!(same.setting("calling").await.unwrap(), None);
    drop(same);
    let copied = postgres.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'c'; ");
    assert!(copied.is_some());
    postgres.sql("postgres", "CREATE DATABASE copy TEMPLATE c").unwrap();
    let (copy, opened) = open(&postgres.url("copy"), &keys).await;
    assert_eq!(opened, PgOpened::Copied);
    assert_eq!(copy.setting("calling").await.unwrap().as_deref(), Some("held"));
    let other = self::keys();
    assert!(PgLedger::open(PgSettings::at(url.clone()), other, now()).await.is_err(), "keys of another ledger are refused");
}

#[cfg(feature = "influxdb")]
mod telemetry {
    use super::servers::{Victoria, get, signal, until_async};
    use std::sync::Arc;
    use std::time::{Duration, Instant};
    use store::TelemetrySink;
    use store::telemetry::{InfluxSettings, InfluxSink, Point};

    fn point(n: u32) -> Point {
        let at = care::Timestamp::from(std::time::SystemTime::now()) - care::TimeDelta::milliseconds(i64::from(n));
        Point { series: "temperature", tags: vec![("home", "home-1".into()), ("device", "odd, =name".into())], value: f64::from(n), at }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_offered_is_read_back_and_a_server_that_hangs_costs_nothing_but_counted_points() {
        let server = Victoria::start();
        let settings = InfluxSettings {
            queue_max: 20_000,
            gather: Duration::from_millis(100),
            timeout: Duration::from_secs(1),
            pause_max: Duration::from_secs(1),
            ..InfluxSettings::new(&format!("http://127.0.0.1:{}", server.port), "org", "bucket", "")
        };
        let sink = Arc::new(InfluxSink::new(settings).unwrap());
        let sending = tokio::spawn({
            let sink = sink.clone();
            async move { sink.run().await }
        });
        for n in 0..500 {
            sink.offer(point(n));
        }
        let export = || get(server.port, "/api/v1/export?match[]=temperature_value");
        until_async("the points can be read back", async || {
            let text = export();
            text.contains("odd, =name") && text.matches(',').count() > 500
        })
        .await;
        assert_eq!(sink.dropped(), 0);
        signal(server.pid(), "STOP");
        let began = Instant::now();
        for n in 0..200_000 {
            sink.offer(point(n));
        }
        let each = began.elapsed() / 200_000;
        assert!(each < Duration::from_millis(1), "offering never waits: {each:?} each");
        assert!(sink.dropped() >= 150_000, "what does not fit is dropped and counted: {}", sink.dropped());
        signal(server.pid(), "CONT");
        let before = sink.written();
        until_async("it goes on when the server is back", async || sink.written() > before).await;
        sending.abort();
    }
}
