//! SIGKILL the instant the last PUBACK arrives, with the real event log: everything acknowledged is there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod peer;

use peer::*;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use store::sqlite::{DataDir, LogOptions, SqliteLog};
use store::{EventLog, Offset, Shard};

const DIRECTORY: &str = "HEARTHLINE_TEST_DOOR_DIRECTORY";

fn options() -> LogOptions {
    LogOptions { shards: 1, ballast_bytes: 0, ..LogOptions::default() }
}

/// Not a test of its own: the process that is killed. Without a directory it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_door_to_be_killed() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let directory = DataDir::open(directory).unwrap();
    let log = Arc::new(SqliteLog::open(&directory, options()).unwrap());
    let listener = gateway::Listener {
        address: "127.0.0.1:0".parse().unwrap(),
        protection: gateway::Protection::Loopback,
        welcome: gateway::Welcome::Open,
    };
    let settings = gateway::DoorSettings { listeners: vec![listener], limits: gateway::Limits::default() };
    let (clock, lanes) = (Arc::new(TestClock), Arc::new(gateway::PlainLanes));
    let door = gateway::Door::open(settings, log, Arc::new(gateway::OpenKeys), clock, lanes).await.unwrap();
    println!("\nlistening {}", door.local_addrs()[0]);
    std::future::pending::<()>().await;
}

async fn round(level: u8, window: u16) {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_door_to_be_killed", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    let address = lines.find_map(|line| line.strip_prefix("listening ").map(|a| a.parse().unwrap())).unwrap();
    let mut client = Client::connect(address, &hi(level, "c")).await;
    let (mut sent, mut acked) = (0u16, 0u16);
    while acked < 200 {
        while sent < 200 && sent - acked < window {
            sent += 1;
            client.send_publish(2, "care/v1/h1/d/call", sent, &[], sent.to_string().as_bytes()).await;
        }
        acked += 1;
        client.expect_ack("PUBACK", acked).await;
    }
    process.kill().unwrap();
    process.wait().unwrap();
    let log = SqliteLog::open(&DataDir::open(directory.path()).unwrap(), options()).unwrap();
    let stored = log.read(Shard(0), care::Lane::Red, Offset(0), 1_000).await.unwrap();
    let found: BTreeSet<u16> =
        stored.iter().map(|entry| String::from_utf8_lossy(&entry.record.payload).parse().unwrap()).collect();
    assert_eq!(found, (1..=200).collect());
}

#[tokio::test]
async fn everything_acknowledged_survives_a_kill() {
    for (level, window) in [(V3, 1), (V3, 32), (V5, 1), (V5, 64)] {
        round(level, window).await;
    }
}
