//! What people tell about a home takes the way that devices' messages take: through the log. So it is on disk before it
//! is answered, stands in its place among what the home said, and is there again after any crash.

use care::home::Told;
use care::{HomeId, Lane, Timestamp};
use store::log::append;
use store::{EventLog, LogError, Record};

/// The source of such records. No credential has this name: `@` begins none.
pub const SOURCE: &str = "@platform";
const TOPIC: &str = "platform/told";

/// Tells something about a home. When it returns, it is kept.
///
/// # Errors
/// Those of the log.
pub async fn tell(log: &dyn EventLog, home: &HomeId, told: &Told, now: Timestamp) -> Result<(), LogError> {
    let payload = serde_json::to_vec(told).map_err(|e| LogError::Failed(e.to_string()))?;
    append(log, Record { lane: Lane::Routine, home: home.clone(), source: SOURCE.into(), topic: TOPIC.into(), payload, heard_at: now }).await
}

/// What a record tells, if it is one of ours.
pub(crate) fn told(record: &Record) -> Option<Told> {
    (record.source == SOURCE && record.topic == TOPIC).then(|| serde_json::from_slice(&record.payload).ok()).flatten()
}
