//! What an event costs in the worker of a shard, from its place in the log to what is decided: read, decoded, told from
//! copies, taken in by its home, asked for in the ledger. Log, ledger and register are in memory, so that the worker is measured.
//! `cargo bench -p ingest --bench worker [HOMES]`
//!
//! Every home hears the same morning at every size, in random order, anew in each round (as in `care`'s bench `homes`).

use async_trait::async_trait;
use care::home::{Home, Input};
use care::{DeviceId, ElderId, HomeId, Lane, Signal, SignalKind, TimeDelta, Timestamp, Value};
use ingest::{Book, Ports, Settings, Worker};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use store::ledger::{LedgerError, Write};
use store::memory::{MemoryLedger, MemoryLog};
use store::telemetry::NoTelemetry;
use store::{Clock, Done, Entry, EventLog, Ledger, LogError, Offset, Record, Shard, Tx};
use tokio::sync::watch;

/// The morning after its first event: seconds since the event before, and the room.
const MORNING: [(i64, usize); 4] = [(45, 3), (140, 0), (330, 1), (600, 0)];
const ROOMS: [&str; 6] = ["kitchen", "living", "bedroom", "bathroom", "hall", "study"];

/// The time of the last record: nothing is due.
struct Still(Timestamp);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn sleep_until<'a>(&'a self, _: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(std::future::ready(()))
    }
}

struct Everybody;

#[async_trait]
impl Book for Everybody {
    async fn elders(&self, _: &HomeId) -> Result<Vec<ElderId>, LedgerError> {
        Ok(Vec::new())
    }

    async fn knows(&self, _: &HomeId, _: &DeviceId) -> Result<bool, LedgerError> {
        Ok(true)
    }

    fn is_test(&self, _: &HomeId) -> bool {
        false
    }
}

/// Notes when the first batch of the routine lane is asked for, and when nothing is left of it.
struct Timed {
    inner: MemoryLog,
    span: Mutex<(Option<Instant>, Option<Instant>)>,
}

#[async_trait]
impl EventLog for Timed {
    fn submit(&self, record: Record, done: Done) {
        self.inner.submit(record, done);
    }

    async fn read(&self, shard: Shard, lane: Lane, after: Offset, max: usize) -> Result<Vec<Entry>, LogError> {
        let begin = Instant::now();
        let batch = self.inner.read(shard, lane, after, max).await?;
        if lane == Lane::Routine {
            let mut span = self.span.lock().expect("one thread");
            span.0.get_or_insert(begin);
            if batch.is_empty() {
                span.1.get_or_insert(begin);
            }
        }
        Ok(batch)
    }

    async fn end(&self, shard: Shard, lane: Lane) -> Result<Offset, LogError> {
        self.inner.end(shard, lane).await
    }

    fn changed(&self, lane: Lane) -> watch::Receiver<u64> {
        self.inner.changed(lane)
    }

    fn shards(&self) -> u16 {
        self.inner.shards()
    }
}

fn main() {
    let most: usize = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let start: Timestamp = "2026-03-01T00:00:00+08:00".parse().expect("a time");
    let taught = snapshot(start);
    for count in [1_000, 10_000, 100_000, 1_000_000].into_iter().filter(|count| *count <= most) {
        let times = (200_000 / (count * MORNING.len())).max(1);
        let mut costs: Vec<f64> = (0..times).map(|_| runtime.block_on(morning(count, &taught, start))).collect();
        costs.sort_by(f64::total_cmp);
        let middle = costs.get(costs.len() / 2).copied().unwrap_or_default();
        println!("{count:>9} homes: {:.2} us per event, {:.0} events/s", middle * 1e6, 1.0 / middle);
    }
}

/// One morning of so many homes: seconds for each event.
async fn morning(count: usize, taught: &[u8], start: Timestamp) -> f64 {
    let ledger = MemoryLedger::new();
    let ids: Vec<HomeId> = (0..count).map(|n| HomeId::new(format!("3505820010{n:07}"))).collect();
    for part in ids.chunks(1_000) {
        let homes = part.iter().map(|id| (id.clone(), taught.to_vec())).collect();
        let writes = vec![Write::Snapshot { shard: Shard(0), as_of: None, homes }];
        ledger.commit(Tx { fence: None, writes }).await.expect("stored");
    }
    let log = MemoryLog::new(1);
    let mut order: Vec<usize> = (0..count).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut now = first(start);
    for (seconds, room) in MORNING {
        now += TimeDelta::seconds(seconds);
        for at in (1..order.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            order.swap(at, usize::try_from(state >> 33).expect("31 bits") % (at + 1));
        }
        for (n, id) in order.iter().filter_map(|at| ids.get(*at)).enumerate() {
            let room = ROOMS.get(room).copied().unwrap_or_default();
            let record = Record {
                lane: Lane::Routine,
                home: id.clone(),
                source: "bench".into(),
                topic: format!("care/v1/{id}/{room}/motion"),
                payload: format!(r#"{{"id":"{}-{n}","at":"{}","value":true}}"#, now.timestamp(), now.to_rfc3339()).into_bytes(),
                heard_at: now,
            };
            log.submit(record, Box::new(|_| {}));
        }
    }
    let log = Arc::new(Timed { inner: log, span: Mutex::default() });
    let ports = Ports {
        log: log.clone(),
        ledger: Arc::new(ledger.clone()),
        ownership: Arc::new(ledger),
        book: Arc::new(Everybody),
        clock: Arc::new(Still(now)),
        telemetry: Arc::new(NoTelemetry),
    };
    let worker = Worker::start(Shard(0), ports, Settings::default()).await.expect("started");
    let counted = worker.counters().signals.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(counted, (count * MORNING.len()) as u64);
    let (Some(begin), Some(end)) = *log.span.lock().expect("one thread") else { return f64::NAN };
    (end - begin).as_secs_f64() / counted as f64
}

/// The time of the first event of the day, which every home has had.
fn first(start: Timestamp) -> Timestamp {
    start + TimeDelta::days(20) + TimeDelta::hours(7)
}

/// A home after 20 days and the first event of the next, as a worker's snapshot.
fn snapshot(start: Timestamp) -> Vec<u8> {
    let settings = care::home::Settings::default();
    let mut home = Home::new("h".into(), start);
    let said = |room: &str, now: Timestamp| Signal {
        home: "h".into(),
        device: room.into(),
        kind: SignalKind::Motion,
        value: Value::Bool(true),
        room: None,
        event: None,
        said_at: Some(now),
        heard_at: now,
    };
    for minute in (0..20 * 1440).filter(|minute| (7 * 60..22 * 60).contains(&(minute % 1440)) && minute % 7 == 0) {
        let now = start + TimeDelta::minutes(minute);
        let room = ROOMS.get(usize::try_from(minute).expect("small") % ROOMS.len()).copied().unwrap_or_default();
        home = home.step(Input::Heard(&said(room, now)), &settings, now).0;
    }
    let home = home.step(Input::Heard(&said("bedroom", first(start))), &settings, first(start)).0.encode();
    let mut out = vec![1];
    out.extend([0; 16]);
    out.extend(u32::try_from(home.len()).expect("small").to_le_bytes());
    out.extend(home);
    out
}
