//! One machine next to many, in one run: durable acks a second and what each costs in CPU, the time from a press to the call, the
//! hand-over of shards, and presses beside a chart server that is gone. Everything is on this one machine, so many nodes share
//! its cores: the figures show what the way costs, not what more machines bring.
//!
//! `cargo bench -p acceptance --features cluster --bench cluster [-- load handover charts]` with `HEARTHLINE_BIN` a binary with the
//! features `cluster` and `influxdb`, `NATS_SERVER` the log's server. `HEARTHLINE_HOMES=10000,100000` for other towns,
//! `HEARTHLINE_WORKERS=1,2,4`, `HEARTHLINE_SECONDS=10` for each figure.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a measuring program: a panic ends it"
)]

use acceptance::harness::cluster::{Node, Town, admin};
use acceptance::harness::mqtt::Packet;
use acceptance::harness::servers::{get_at, signal, until_async};
use acceptance::harness::webhook::home_in;
use acceptance::harness::{Client, run};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::Register;
use store::register::{DeviceRecord, Put};
use store::sqlite::{DataDir, LedgerOptions, SqliteLedger};

const CONNECTIONS: usize = 16;
const WINDOW: usize = 32;
/// Presses a second while their time is measured.
const PRESSES_PER_S: u64 = 20;

fn list(name: &str, default: &str) -> Vec<usize> {
    let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
    text.split(',').map(|n| n.trim().parse().unwrap()).collect()
}

fn seconds() -> Duration {
    Duration::from_secs(list("HEARTHLINE_SECONDS", "10")[0] as u64)
}

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wants = |part: &str| asked.is_empty() || asked.iter().any(|word| word == part);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores; load before: {}\n", load.trim());
    if wants("load") {
        run(side_by_side());
    }
    if wants("handover") {
        run(hand_over());
    }
    if wants("charts") {
        run(charts());
    }
}

fn name_of(home: usize) -> String {
    format!("load-{home:07}")
}

/// Every home's sensor is registered, as in a real town.
async fn register(register: &dyn Register, homes: usize) {
    let now = care::Timestamp::from(std::time::SystemTime::now());
    for some in (0..homes).collect::<Vec<_>>().chunks(1_000) {
        let device = |home: &usize| {
            Put::Device(DeviceRecord {
                home: name_of(*home).as_str().into(),
                id: "t-1".into(),
                kind: "temperature".into(),
                room: String::new(),
                exit_door: false,
                enrolled_at: now,
                retired_at: None,
            })
        };
        register.put(some.iter().map(device).collect()).await.unwrap();
    }
}

/// CPU time that these processes have had.
fn cpu(pids: &[u32]) -> Duration {
    let ticks = |pid: &u32| -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        fields.get(11..13).unwrap_or_default().iter().filter_map(|n| n.parse::<u64>().ok()).sum()
    };
    // The kernel counts in hundredths of a second.
    Duration::from_millis(pids.iter().map(ticks).sum::<u64>() * 10)
}

fn memory_mb(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or_default() / 1024
}

/// Readings of homes in turn, for so long; how many were acknowledged. `per_s` of 0: as many as it takes.
async fn readings(doors: &[String], password: &str, homes: usize, per_s: u64, length: Duration) -> u64 {
    let acked = Arc::new(AtomicU64::new(0));
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..CONNECTIONS {
        let (address, password, acked) = (doors[sender % doors.len()].clone(), password.to_owned(), acked.clone());
        senders.spawn(async move {
            let mut client = Client::connect(&address, &format!("load-{sender}"), "bridge-1", &password).await.unwrap();
            let (begun, mut sent, mut answered) = (Instant::now(), 0u64, 0u64);
            while begun.elapsed() < length {
                let due = if per_s == 0 { u64::MAX } else { (begun.elapsed().as_secs_f64() * per_s as f64 / CONNECTIONS as f64) as u64 };
                while sent - answered < WINDOW as u64 && sent < due {
                    let home = name_of((sender + sent as usize * CONNECTIONS) % homes);
                    let value = format!("{{\"id\":\"{sender}-{sent}-{}\",\"value\":{}.5,\"battery\":87}}", begun.elapsed().as_nanos(), sent % 30);
                    client.publish(&format!("care/v1/{home}/t-1/temperature"), value.as_bytes()).await.unwrap();
                    sent += 1;
                }
                if sent == answered {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                } else if let Packet::PubAck(_) = client.read().await.unwrap() {
                    answered += 1;
                    acked.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    while let Some(done) = senders.join_next().await {
        done.unwrap();
    }
    acked.load(Ordering::Relaxed)
}

struct Times(Vec<Duration>);

impl Times {
    fn at(&self, thousandth: usize) -> String {
        let i = (self.0.len() * thousandth / 1000).min(self.0.len().saturating_sub(1));
        self.0.get(i).map_or_else(|| "-".into(), |t| format!("{:.0} ms", t.as_secs_f64() * 1000.0))
    }
}

/// Presses at a steady rate, and how long each took until its call was there.
async fn presses(town: &Town, doors: &[String], password: &str, of: &str, length: Duration) -> Times {
    let mut buttons = Vec::new();
    for (i, door) in doors.iter().enumerate() {
        buttons.push(Client::connect(door, &format!("button-{of}-{i}"), "bridge-1", password).await.unwrap());
    }
    let mut pressed = BTreeMap::new();
    let begun = Instant::now();
    let mut beat = tokio::time::interval(Duration::from_millis(1_000 / PRESSES_PER_S));
    let mut n = 0;
    while begun.elapsed() < length {
        beat.tick().await;
        let home = format!("{of}-{n:05}");
        let at = Instant::now();
        let which = n % buttons.len();
        buttons[which].press(&home, "first").await.unwrap();
        pressed.insert(home, at);
        n += 1;
    }
    let homes: Vec<String> = pressed.keys().cloned().collect();
    town.all_told(&homes, of).await;
    let mut times = BTreeMap::new();
    for got in town.receiver.got().into_iter().filter(|g| g.taken) {
        if let Some((home, at)) = home_in(&got.body).and_then(|home| pressed.get(&home).map(|at| (home, *at))) {
            times.entry(home).or_insert(got.at.saturating_duration_since(at));
        }
    }
    let mut times: Vec<Duration> = times.into_values().collect();
    times.sort_unstable();
    Times(times)
}

async fn row(town: &Town, nodes: &[&Node], password: &str, homes: usize, what: &str) {
    let doors: Vec<String> = nodes.iter().map(|n| n.mqtt.clone()).collect();
    let pids: Vec<u32> = nodes.iter().map(|n| n.pid()).collect();
    readings(&doors, password, homes, 0, Duration::from_secs(3)).await;
    let before = cpu(&pids);
    let acked = readings(&doors, password, homes, 0, seconds()).await;
    let spent = cpu(&pids).saturating_sub(before);
    let of = format!("p{homes}-{}", what.replace(' ', "-"));
    let times = presses(town, &doors, password, &of, seconds()).await;
    println!(
        "| {what} | {homes} | {:.0} | {:.0} us | {} | {} | {} |",
        acked as f64 / seconds().as_secs_f64(),
        spent.as_secs_f64() * 1e6 / acked.max(1) as f64,
        times.at(500),
        times.at(990),
        times.0.len()
    );
}

async fn side_by_side() {
    println!("## One machine next to many\n");
    println!("| | homes | acked readings/s | CPU of the nodes an event | press to call p50 | p99 | presses |\n|---|---|---|---|---|---|---|");
    for homes in list("HEARTHLINE_HOMES", "10000") {
        {
            let town = Town::start(0, 1).await;
            let mut alone = town.another("alone", None);
            let dir = DataDir::open(&alone.data).unwrap();
            let (ledger, _) = SqliteLedger::open(&dir, &LedgerOptions::default(), care::Timestamp::from(std::time::SystemTime::now())).unwrap();
            ledger.put(vec![Put::Person(admin())]).await.unwrap();
            register(&ledger, homes).await;
            ledger.close();
            drop((ledger, dir));
            let password = town.fill(&alone, 600);
            alone.start().await;
            row(&town, &[&alone], &password, homes, "embedded").await;
        }
        for workers in list("HEARTHLINE_WORKERS", "1,2,4") {
            let town = Town::start(workers, 16).await;
            register(&*town.ledger, homes).await;
            town.owned().await;
            let nodes: Vec<&Node> = town.nodes.iter().collect();
            row(&town, &nodes, town.password(), homes, &format!("cluster {workers}")).await;
        }
    }
    println!();
}

/// How long the homes of a shard are nobody's: from the word to a node, or its death, to the moment at which each has an owner again.
async fn hand_over() {
    println!("## Hand-over of half of 16 shards, two workers\n");
    for how in ["SIGTERM", "kill -9"] {
        let mut town = Town::start(2, 16).await;
        town.owned().await;
        let begun = Instant::now();
        match how {
            "SIGTERM" => town.nodes[1].terminate().await,
            _ => town.nodes[1].kill(),
        }
        let other = town.nodes[0].name.clone();
        let sql = format!("SELECT count(*) FROM owner WHERE member IS DISTINCT FROM (SELECT id FROM member WHERE node = '{other}')");
        until_async("the other has all", async || town.sql(&sql) == "0").await;
        let owned = begun.elapsed();
        let door = vec![town.nodes[0].mqtt.clone()];
        let times = presses(&town, &door, town.password(), "after", Duration::from_secs(2)).await;
        println!("- {how}: the other owns every shard after {:.1} s; a press then is called within {} (p99)", owned.as_secs_f64(), times.at(990));
    }
    println!();
}

/// A counter of a node, by the name that Prometheus reads it under.
fn counter(node: &Node, name: &str) -> u64 {
    let text = get_at(&node.http, "/metrics");
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    value.unwrap_or_else(|| panic!("{name} stands not in: {text}")) as u64
}

/// 5,000 readings a second, with the chart server there, hanging, and back. It hangs for `HEARTHLINE_HANG_S` seconds.
async fn charts() {
    println!("## Charts: 5,000 readings a second\n");
    println!("| the chart server | for | readings acked | press to call p50 | p99 | presses | points dropped | memory of the node, most |\n|---|---|---|---|---|---|---|---|");
    let hang = Duration::from_secs(list("HEARTHLINE_HANG_S", "60")[0] as u64);
    let town = Town::start(1, 4).await;
    register(&*town.ledger, 10_000).await;
    town.owned().await;
    let node = &town.nodes[0];
    let door = vec![node.mqtt.clone()];
    readings(&door, town.password(), 10_000, 5_000, Duration::from_secs(3)).await;
    for (what, signal_name, length) in [("is there", "CONT", seconds()), ("hangs", "STOP", hang), ("is back", "CONT", seconds())] {
        signal(town.victoria.pid(), signal_name);
        let dropped = counter(node, "hearthline_telemetry_dropped_total");
        let watch = async {
            let (begun, mut most) = (Instant::now(), 0);
            while begun.elapsed() < length {
                most = most.max(memory_mb(node.pid()));
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            most
        };
        let of = what.replace(' ', "-");
        let (acked, times, most) =
            tokio::join!(readings(&door, town.password(), 10_000, 5_000, length), presses(&town, &door, town.password(), &of, length), watch);
        let dropped = counter(node, "hearthline_telemetry_dropped_total") - dropped;
        println!("| {what} | {} s | {acked} | {} | {} | {} | {dropped} | {most} MB |", length.as_secs(), times.at(500), times.at(990), times.0.len());
    }
    println!();
}
