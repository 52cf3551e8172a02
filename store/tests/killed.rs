//! Killed in the middle of writing (SIGKILL), log and ledger come back with everything that was acknowledged, in order
//! and once. The child is this very test program, started with a directory in its environment.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use care::{Lane, Timestamp};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use store::ledger::Write;
use store::sqlite::{DataDir, LedgerOptions, LogOptions, SqliteLedger, SqliteLog};
use store::{EventLog, Ledger, Offset, Record, Shard, Tx};

const CHILD: &str = "HEARTHLINE_STORE_CHILD";
const ROUNDS: u64 = 8;

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn open(path: &Path) -> (SqliteLog, SqliteLedger) {
    let dir = DataDir::open(path).unwrap();
    let log = LogOptions { shards: 2, ballast_bytes: 1 << 20, checkpoint_bytes: 64 << 10, ..LogOptions::default() };
    let ledger = LedgerOptions { ballast_bytes: 1 << 20, ..LedgerOptions::default() };
    (SqliteLog::open(&dir, log).unwrap(), SqliteLedger::open(&dir, &ledger, now()).unwrap().0)
}

/// Writes until it is killed. Says on its standard output what is durable, one word a line.
fn child(path: &Path) -> ! {
    let (log, ledger) = open(path);
    let ledger = Arc::new(ledger);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let start = u64::from(std::process::id()) << 32;
    let room = Arc::new(tokio::sync::Semaphore::new(500));
    runtime.block_on(async {
        for n in start.. {
            let permit = room.clone().acquire_owned().await.unwrap();
            let lane = if n.is_multiple_of(10) { Lane::Red } else { Lane::Routine };
            let record = Record {
                lane,
                home: format!("home-{}", n % 7).as_str().into(),
                source: "s".into(),
                topic: "t".into(),
                payload: n.to_string().into_bytes(),
                heard_at: now(),
            };
            log.submit(
                record,
                Box::new(move |result| {
                    let _permit = permit;
                    if result.is_ok() {
                        println!("log {n}");
                    }
                }),
            );
            if n % 50 == 0 {
                let ledger = ledger.clone();
                tokio::spawn(async move {
                    let writes = (0..3).map(|part| Write::Seen { event: format!("{n}-{part}").as_str().into(), at: now(), alarm: None });
                    if ledger.commit(Tx { fence: None, writes: writes.collect() }).await.is_ok() {
                        println!("ledger {n}");
                    }
                });
            }
        }
    });
    std::process::exit(0)
}

#[test]
fn what_was_acknowledged_survives_a_kill_in_order_and_once() {
    if let Some(path) = std::env::var_os(CHILD) {
        child(&PathBuf::from(path));
    }
    let temp = tempfile::tempdir().unwrap();
    let (mut acked, mut committed) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "what_was_acknowledged_survives_a_kill_in_order_and_once", "--nocapture"])
            .env(CHILD, temp.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut note = |line: String| match line.split_once(' ') {
            Some(("log", n)) => _ = acked.insert(n.parse::<u64>().unwrap()),
            Some(("ledger", n)) => _ = committed.insert(n.parse::<u64>().unwrap()),
            _ => {}
        };
        // The longer the round, the deeper in its checkpoints the child is hit.
        lines.by_ref().take(usize::try_from(20 + round * round * 150).unwrap()).for_each(&mut note);
        child.kill().unwrap();
        child.wait().unwrap();
        // What was said before the kill counts, too.
        lines.for_each(note);

        let (log, ledger) = open(temp.path());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut there = Vec::new();
            for shard in [Shard(0), Shard(1)] {
                for lane in [Lane::Red, Lane::Routine] {
                    let mut after = Offset(0);
                    let mut last = std::collections::BTreeMap::new();
                    loop {
                        let page = log.read(shard, lane, after, 10_000).await.unwrap();
                        let Some(end) = page.last() else { break };
                        after = end.offset;
                        for entry in page {
                            let n: u64 = String::from_utf8(entry.record.payload).unwrap().parse().unwrap();
                            // Children follow each other; within one its numbers grow.
                            if let Some(before) = last.insert(n >> 32, n) {
                                assert!(before < n, "order within a lane");
                            }
                            there.push(n);
                        }
                    }
                    assert_eq!(log.end(shard, lane).await.unwrap(), after);
                }
            }
            let set: BTreeSet<_> = there.iter().copied().collect();
            assert_eq!(set.len(), there.len(), "nothing stands twice");
            let lost: Vec<_> = acked.difference(&set).collect();
            assert!(lost.is_empty(), "round {round}: {} of {} acknowledged records are lost", lost.len(), acked.len());
            for n in &committed {
                let parts: Vec<_> = (0..3).map(|part| format!("{n}-{part}").as_str().into()).collect();
                assert_eq!(ledger.seen(&parts).await.unwrap().len(), 3, "round {round}: a transaction is there as a whole");
            }
        });
    }
    println!("{} records and {} transactions acknowledged over {ROUNDS} kills, none lost", acked.len(), committed.len());
    assert!(acked.len() > 1_000 && committed.len() > 20, "{} {}", acked.len(), committed.len());
}
