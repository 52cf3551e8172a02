//! Every adapter keeps the promises of its port.

use std::sync::Arc;
use store::sqlite::{DataDir, LogOptions, SqliteLog};
use store::{EventLog, MemoryLog, conformance};

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
