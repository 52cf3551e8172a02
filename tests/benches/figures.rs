//! The figures of `docs/performance.md`, measured on the shipped binary from outside: durable acks a second
//! beside Mosquitto, the time from a press to a webhook under load, start-up and memory of large towns.
//!
//! `cargo bench -p acceptance --bench figures [-- acks press size]`; `HEARTHLINE_FIGURES=quick` for a short run.
//! The generator, the receiver and the binary share one machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a measuring program: a panic ends it"
)]

use acceptance::harness::binary::Ready;
use acceptance::harness::mqtt::{Packet, press_of, publish_packet};
use acceptance::harness::webhook::{Receiver, home_in};
use acceptance::harness::{Client, Demo, Options, home, run, until};
use std::collections::{BTreeMap, VecDeque};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

fn is_quick() -> bool {
    std::env::var("HEARTHLINE_FIGURES").is_ok_and(|how| how == "quick")
}

fn main() {
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wants = |part: &str| asked.is_empty() || asked.iter().any(|word| word == part);
    machine();
    if wants("acks") {
        run(acks());
    }
    if wants("press") {
        run(press_to_webhook());
    }
    if wants("size") {
        run(size());
    }
}

fn machine() {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("", |text| text.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let folder = std::env::temp_dir();
    let disk = Command::new("df")
        .args(["--output=source,fstype"])
        .arg(&folder)
        .output()
        .map(|out| out.stdout)
        .unwrap_or_default();
    let disk = String::from_utf8_lossy(&disk)
        .lines()
        .nth(1)
        .unwrap_or("?")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    println!(
        "Machine: {cores} x {model}; data on {disk}; load before: {}\n",
        load.trim()
    );
}

/// Times, in whole microseconds.
#[derive(Default)]
struct Times(Vec<u32>);

impl Times {
    fn add(&mut self, time: Duration) {
        self.0
            .push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    fn quantile(&mut self, of_thousand: usize) -> String {
        if self.0.is_empty() {
            return "-".to_owned();
        }
        self.0.sort_unstable();
        let at = (self.0.len() * of_thousand / 1000).min(self.0.len() - 1);
        format!("{:.2} ms", f64::from(self.0[at]) / 1000.0)
    }
}

// ---- durable acks a second ------------------------------------------------------------------

/// Mosquitto from Debian, without persistence: what it acks is in memory alone.
struct Mosquitto {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Mosquitto {
    async fn start() -> Option<(Self, Ready)> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mosquitto.conf");
        std::fs::write(&file, format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_inflight_messages 0\n")).unwrap();
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let nothing = String::new;
        let ready = Ready {
            console: nothing(),
            mqtt: format!("127.0.0.1:{port}"),
            api_token: nothing(),
            mqtt_user: nothing(),
            mqtt_password: nothing(),
        };
        let broker = Self { child, _folder: folder };
        until("Mosquitto listens", Duration::from_secs(10), async || {
            Client::connect(&ready.mqtt, "look", "", "").await.ok()
        })
        .await;
        Some((broker, ready))
    }

    fn version() -> String {
        let output = Command::new("mosquitto")
            .arg("-h")
            .output()
            .map(|out| out.stdout)
            .unwrap_or_default();
        String::from_utf8_lossy(&output)
            .lines()
            .next()
            .unwrap_or("Mosquitto")
            .to_owned()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

struct Row {
    acks_per_s: f64,
    times: Times,
}

/// `connections` senders with `window` messages under way each.
async fn load(ready: &Ready, connections: usize, window: usize, run_id: &str) -> Row {
    let (warm, measured) = if is_quick() { (300, 700) } else { (1000, 5000) };
    let mut clients = Vec::new();
    for number in 0..connections {
        let id = format!("load-{run_id}-{number}");
        clients.push(
            Client::connect(&ready.mqtt, &id, &ready.mqtt_user, &ready.mqtt_password)
                .await
                .unwrap(),
        );
    }
    let measuring = Arc::new(AtomicBool::new(false));
    let ended = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for (number, mut client) in clients.into_iter().enumerate() {
        let (measuring, ended) = (Arc::clone(&measuring), Arc::clone(&ended));
        let topic = format!("care/v1/{}/m-1/motion", home(1 + number % 300));
        let run_id = run_id.to_owned();
        tasks.spawn(async move {
            let mut times = Times::default();
            let mut sent_at = VecDeque::with_capacity(window);
            let mut sequence = 0_u32;
            let mut bytes = Vec::new();
            let mut free = window;
            while !ended.load(Ordering::Relaxed) {
                bytes.clear();
                let now = Instant::now();
                for _ in 0..free {
                    sequence += 1;
                    let id = u16::try_from(sequence % 60_000 + 1).unwrap();
                    // About 120 bytes, like a sensor's.
                    let payload = format!(
                        "{{\"id\":\"{run_id}-{number}-{sequence}\",\"at\":\"2026-11-23T09:00:00.000Z\",\"value\":true,\"battery\":87,\"boot\":3,\"rssi\":-71}}"
                    );
                    bytes.extend_from_slice(&publish_packet(topic.as_bytes(), id, payload.as_bytes()));
                    sent_at.push_back(now);
                }
                client.send(&bytes).await.unwrap();
                free = 0;
                // At least one, and all that are here.
                let mut packet = client.read().await.unwrap();
                loop {
                    if matches!(packet, Packet::PubAck(_)) {
                        free += 1;
                        let sent = sent_at.pop_front().unwrap();
                        if measuring.load(Ordering::Relaxed) {
                            times.add(sent.elapsed());
                        }
                    }
                    match client.read_here() {
                        Some(next) => packet = next,
                        None => break,
                    }
                }
            }
            times
        });
    }
    tokio::time::sleep(Duration::from_millis(warm)).await;
    measuring.store(true, Ordering::Relaxed);
    let start = Instant::now();
    tokio::time::sleep(Duration::from_millis(measured)).await;
    measuring.store(false, Ordering::Relaxed);
    let lasted = start.elapsed();
    ended.store(true, Ordering::Relaxed);
    let mut times = Times::default();
    while let Some(done) = tasks.join_next().await {
        times.0.extend(done.unwrap().0);
    }
    Row {
        acks_per_s: times.0.len() as f64 / lasted.as_secs_f64(),
        times,
    }
}

async fn acks() {
    const SHAPES: [(usize, usize); 4] = [(1, 1), (1, 64), (100, 4), (2000, 1)];
    println!("## Acks a second, QoS 1, 120 B (p50 / p99)\n");
    println!(
        "| | {} |",
        SHAPES
            .map(|(connections, window)| format!("{connections} x {window}"))
            .join(" | ")
    );
    println!("|---|{}", "---|".repeat(SHAPES.len()));
    let row = async |name: &str, ready: &Ready, pass: usize| {
        let mut cells = Vec::new();
        for (connections, window) in SHAPES {
            let mut row = load(
                ready,
                connections,
                window,
                &format!("{pass}{connections}x{window}"),
            )
            .await;
            cells.push(format!(
                "{:.0} ({} / {})",
                row.acks_per_s,
                row.times.quantile(500),
                row.times.quantile(990)
            ));
        }
        println!("| {name} | {} |", cells.join(" | "));
    };
    for pass in 1..=2 {
        if let Some((_broker, ready)) = Mosquitto::start().await {
            row(
                &format!("{}, memory only", Mosquitto::version()),
                &ready,
                pass,
            )
            .await;
        }
        let demo = Demo::start(Options::homes(300)).await;
        row("Hearthline, fdatasync before the ack", &demo.ready, pass).await;
    }
    println!();
}

// ---- from a press to a webhook ---------------------------------------------------------------

/// A background of so many messages a second from all homes, paced; ends with the flag. The acks counted.
async fn background(
    ready: &Ready,
    homes: usize,
    per_s: usize,
    ended: &Arc<AtomicBool>,
) -> (Arc<AtomicU64>, JoinSet<()>) {
    const CONNECTIONS: usize = 20;
    let acked = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    if per_s == 0 {
        return (acked, tasks);
    }
    for number in 0..CONNECTIONS {
        let mut client = Client::connect(
            &ready.mqtt,
            &format!("town-{number}"),
            &ready.mqtt_user,
            &ready.mqtt_password,
        )
        .await
        .unwrap();
        let (acked, ended) = (Arc::clone(&acked), Arc::clone(ended));
        tasks.spawn(async move {
            let own = per_s / CONNECTIONS;
            let start = Instant::now();
            let mut ticks = tokio::time::interval(Duration::from_millis(10));
            let (mut sent, mut bytes, mut under_way) = (0_usize, Vec::new(), 0_usize);
            while !ended.load(Ordering::Relaxed) {
                tokio::select! {
                    biased;
                    _ = ticks.tick() => {
                        let due = (start.elapsed().as_secs_f64() * own as f64) as usize;
                        bytes.clear();
                        // A door that falls behind is not buried: a home's devices wait, too.
                        while sent < due && under_way < 2000 {
                            sent += 1;
                            under_way += 1;
                            let topic = format!("care/v1/{}/m-1/motion", home(1 + (sent * CONNECTIONS + number) % homes));
                            let payload = format!("{{\"id\":\"b{number}-{sent}\",\"value\":true,\"battery\":87,\"rssi\":-71}}");
                            bytes.extend_from_slice(&publish_packet(topic.as_bytes(), (sent % 60_000 + 1) as u16, payload.as_bytes()));
                        }
                        if !bytes.is_empty() {
                            client.send(&bytes).await.unwrap();
                        }
                    }
                    packet = client.read(), if under_way > 0 => {
                        let mut packet = packet.unwrap();
                        loop {
                            if matches!(packet, Packet::PubAck(_)) {
                                under_way -= 1;
                                acked.fetch_add(1, Ordering::Relaxed);
                            }
                            match client.read_here() {
                                Some(next) => packet = next,
                                None => break,
                            }
                        }
                    }
                }
            }
        });
    }
    (acked, tasks)
}

async fn press_to_webhook() {
    let homes = if is_quick() { 500 } else { 10_000 };
    let presses = if is_quick() { 50 } else { 1_200 };
    println!(
        "## From a press to the webhook, {presses} presses in {homes} homes, 50 presses a second\n"
    );
    println!(
        "| messages/s asked | acked/s | p50 | p99 | p99.9 | alarms in the ledger | RSS at the end |"
    );
    println!("|---|---|---|---|---|---|---|");
    for per_s in [0, 1_000, 5_000, 10_000, 20_000] {
        let receiver = Receiver::start().await;
        let demo = Demo::start(Options::homes(homes).with(&["--webhook", &receiver.url()])).await;
        let ended = Arc::new(AtomicBool::new(false));
        let (acked, mut tasks) = background(&demo.ready, homes, per_s, &ended).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let acked_before = acked.load(Ordering::Relaxed);
        let start = Instant::now();
        let mut button = demo.bridge("press").await;
        let mut pressed = BTreeMap::new();
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        for number in 1..=presses {
            ticks.tick().await;
            let name = home(number * homes / presses);
            let (topic, payload) = press_of(&name, "press");
            pressed.insert(name, Instant::now());
            button.publish(&topic, &payload).await.unwrap();
            while button.read_here().is_some() {}
        }
        let per_s_acked =
            (acked.load(Ordering::Relaxed) - acked_before) as f64 / start.elapsed().as_secs_f64();
        let until_at = Instant::now() + Duration::from_secs(60);
        while receiver.homes_told().len() < pressed.len() && Instant::now() < until_at {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        ended.store(true, Ordering::Relaxed);
        while tasks.join_next().await.is_some() {}
        let mut first: BTreeMap<String, Instant> = BTreeMap::new();
        for got in receiver.got() {
            if let Some(name) = home_in(&got.body) {
                let at = first.entry(name).or_insert(got.at);
                *at = (*at).min(got.at);
            }
        }
        let mut times = Times::default();
        for (name, at) in &pressed {
            if let Some(got) = first.get(name) {
                times.add(got.saturating_duration_since(*at));
            }
        }
        let told = times.0.len();
        let api = demo.api();
        let alarms = api
            .alarms("all")
            .await
            .into_iter()
            .filter(|alarm| alarm["cause"] == "call")
            .count();
        println!(
            "| {per_s} | {per_s_acked:.0} | {} | {} | {} | {alarms} of {}, {told} told | {} MB |",
            times.quantile(500),
            times.quantile(990),
            times.quantile(999),
            pressed.len(),
            demo.memory_mb("VmRSS"),
        );
    }
    println!();
}

// ---- size -------------------------------------------------------------------------------------

async fn size() {
    println!("## Start-up and memory\n");
    println!(
        "| homes | first start (register filled) | start again, every home heard | RSS after the start | RSS with every home heard | peak |"
    );
    println!("|---|---|---|---|---|---|");
    for homes in if is_quick() {
        vec![500]
    } else {
        vec![10_000, 50_000]
    } {
        let mut demo = Demo::start(Options::homes(homes)).await;
        let first = demo.started_in;
        let bare = demo.memory_mb("VmRSS");
        let mut client = demo.bridge("all").await;
        let mut number = 0;
        while number < homes {
            let batch = 200.min(homes - number);
            for _ in 0..batch {
                number += 1;
                client
                    .publish(
                        &format!("care/v1/{}/m-1/motion", home(number)),
                        b"{\"id\":\"heard\"}",
                    )
                    .await
                    .unwrap();
            }
            for _ in 0..batch {
                while !matches!(client.read().await.unwrap(), Packet::PubAck(_)) {}
            }
        }
        let api = demo.api();
        until(
            "the last home is heard",
            Duration::from_secs(120),
            async || {
                let shown = api.get(&format!("/api/v1/homes/{}", home(homes))).await;
                shown["last_seen_at"].is_string().then_some(())
            },
        )
        .await;
        let heard = demo.memory_mb("VmRSS");
        let peak = demo.memory_mb("VmHWM");
        assert!(demo.terminate().await.success());
        demo.start_again().await;
        println!(
            "| {homes} | {:.2} s | {:.2} s | {bare} MB | {heard} MB | {peak} MB; {} MB after the second start |",
            first.as_secs_f64(),
            demo.started_in.as_secs_f64(),
            demo.memory_mb("VmRSS"),
        );
    }
    let idle = if is_quick() { 200 } else { 5_000 };
    let demo = Demo::start(Options::homes(100)).await;
    let before = demo.memory_kb("VmRSS");
    let mut clients = Vec::new();
    for number in 0..idle {
        let mut client = demo.bridge(&format!("idle-{number}")).await;
        client
            .subscribe(&format!(
                "care/v1/{}/m-{number}/cmd",
                home(1 + number % 100)
            ))
            .await
            .unwrap();
        clients.push(client);
    }
    let per = (demo.memory_kb("VmRSS").saturating_sub(before)) as f64 / idle as f64;
    println!("\nAn idle connection with one subscription: {per:.2} kB ({idle} connections).\n");
    drop(clients);
}
