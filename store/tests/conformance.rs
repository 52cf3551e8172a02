//! Every adapter keeps the promises of its port.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use store::conformance::{self, Ledgers};
use store::sqlite::{DataDir, LedgerOptions, LogOptions, SqliteLedger, SqliteLog};
use store::{EventLog, MemoryLedger, MemoryLog};

#[tokio::test]
async fn the_log_in_memory_keeps_the_promises_of_the_port() {
    let log = MemoryLog::new(4);
    conformance::event_log(|| async { Arc::new(log.clone()) as Arc<dyn EventLog> }).await;
}

#[tokio::test]
async fn the_log_on_sqlite_keeps_the_promises_of_the_port() {
    let temp = tempfile::tempdir().unwrap();
    let open = || async {
        let dir = DataDir::open(temp.path()).unwrap();
        let options = LogOptions { shards: 4, ballast_bytes: 1 << 20, ..LogOptions::default() };
        Arc::new(SqliteLog::open(&dir, options).unwrap()) as Arc<dyn EventLog>
    };
    conformance::event_log(open).await;
}

fn in_memory(ledger: &MemoryLedger) -> Ledgers {
    let ledger = Arc::new(ledger.clone());
    Ledgers { ledger: ledger.clone(), register: ledger.clone(), ownership: ledger }
}

fn on_sqlite(path: &std::path::Path) -> Ledgers {
    let dir = DataDir::open(path).unwrap();
    let options = LedgerOptions { ballast_bytes: 1 << 20, ..LedgerOptions::default() };
    let (ledger, _) = SqliteLedger::open(&dir, &options, "2026-11-23T12:00:00Z".parse().unwrap()).unwrap();
    let ledger = Arc::new(ledger);
    Ledgers { ledger: ledger.clone(), register: ledger.clone(), ownership: ledger }
}

#[tokio::test]
async fn the_ledger_in_memory_keeps_the_promises_of_the_port() {
    let ledger = MemoryLedger::new();
    conformance::ledger(|| async { in_memory(&ledger) }).await;
}

#[tokio::test]
async fn the_ledger_on_sqlite_keeps_the_promises_of_the_port() {
    let temp = tempfile::tempdir().unwrap();
    conformance::ledger(|| async { on_sqlite(temp.path()) }).await;
}

#[tokio::test]
async fn the_register_in_memory_keeps_the_promises_of_the_port() {
    let ledger = MemoryLedger::new();
    conformance::register(|| async { in_memory(&ledger) }).await;
}

#[tokio::test]
async fn the_register_on_sqlite_keeps_the_promises_of_the_port() {
    let temp = tempfile::tempdir().unwrap();
    conformance::register(|| async { on_sqlite(temp.path()) }).await;
}
