//! What a home has said, read back from the log: for trying a rule on the past.

use care::{HomeId, Lane, Signal, Timestamp};
use store::log::shard_of;
use store::{EventLog, LogError, Offset};

const BATCH: usize = 2_000;

/// The signals of a home since `from`, in the order in which they reached us, at most `max`, the oldest of them first. The
/// whole log of the home's shard is gone through: minutes for a large city, so it is nothing for an alarm's way.
///
/// # Errors
/// Those of the log.
pub async fn history(log: &dyn EventLog, home: &HomeId, from: Timestamp, max: usize) -> Result<Vec<Signal>, LogError> {
    let shard = shard_of(home, log.shards());
    // What describes devices is needed from the beginning: without it what came later cannot be read.
    let mut records = Vec::new();
    for lane in [Lane::Red, Lane::Routine] {
        let mut after = Offset::default();
        loop {
            let batch = log.read(shard, lane, after, BATCH).await?;
            let Some(last) = batch.last() else { break };
            after = last.offset;
            records.extend(batch.into_iter().map(|entry| entry.record).filter(|r| r.home == *home && (r.heard_at >= from || wire::teaches(&r.topic))));
            tokio::task::yield_now().await;
        }
    }
    records.sort_by_key(|record| record.heard_at);
    let mut learned = wire::Learned::default();
    let mut signals = Vec::new();
    for record in records {
        let message = wire::Message {
            home: Some(&record.home),
            topic: &record.topic,
            payload: &record.payload,
            heard_at: record.heard_at,
            retained: wire::Retained::No,
        };
        let decoded = wire::decode(&message, &mut learned);
        if record.heard_at >= from {
            signals.extend(decoded.signals().iter().cloned());
        }
        if signals.len() >= max {
            signals.truncate(max);
            break;
        }
    }
    Ok(signals)
}
