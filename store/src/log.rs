//! The event log: every message of every home, in the order in which it reached us.

use async_trait::async_trait;
use care::{HomeId, Lane, Timestamp};
use tokio::sync::watch;

/// A group of partitions that one worker reads in order. `0..shards()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(pub u16);

impl Shard {
    /// Not a shard of homes: the right to what the platform does once, however many processes are at work (the office's jobs,
    /// the daily calls). It is taken, fenced and given back like any other.
    pub const OFFICE: Self = Self(u16::MAX);
}

/// A place in one lane of one shard. Grows by every record, never reused, never 0 for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(pub u64);

/// One message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which way through the house: chosen before the commit.
    pub lane: Lane,
    /// The home that it is about.
    pub home: HomeId,
    /// The name of the credential that brought it: never a secret. At most 128 bytes.
    pub source: String,
    /// The topic, or the name of the receiver for other doors (`dc09/...`). At most 1,024 bytes.
    pub topic: String,
    /// The bytes as they came. At most 256 KB.
    pub payload: Vec<u8>,
    /// When it reached us.
    pub heard_at: Timestamp,
}

/// A stored record and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub offset: Offset,
    /// What stands there.
    pub record: Record,
}

/// Called once, when the record is on disk (fdatasync) or has been refused. It runs on the log's own thread, or on the
/// submitter's before `submit` returns: it must be short and must not wait for a lock that a submitter may hold.
pub type Done = Box<dyn FnOnce(Result<(), LogError>) + Send>;

/// Why a record was refused, or could not be read. What is refused must not be acknowledged.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The queue of waiting records is full: the sender should slow down and try again.
    #[error("too many records wait for the event log")]
    Busy,
    /// The disk is full; red records are still taken while the reserve lasts.
    #[error("the disk of the event log is full")]
    DiskFull,
    /// The record is larger than the log takes.
    #[error("the record is too large for the event log")]
    TooLarge,
    /// The storage failed. Whether the record is there is not known: it must not be acknowledged.
    #[error("writing to the event log failed: {0}")]
    Failed(String),
    /// The log was shut down.
    #[error("the event log is closed")]
    Closed,
}

/// The port. Within one lane of one shard records are read in the order in which they were submitted.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Hands a record over. Never blocks; `done` is called once it is durable or refused, within a lane of a shard in the order
    /// of submission.
    fn submit(&self, record: Record, done: Done);

    /// Up to `max` records of a lane, those after `after`, oldest first.
    async fn read(&self, shard: Shard, lane: Lane, after: Offset, max: usize) -> Result<Vec<Entry>, LogError>;

    /// The place of the newest record of a lane (0 if there is none).
    async fn end(&self, shard: Shard, lane: Lane) -> Result<Offset, LogError>;

    /// Wakes its holder after every commit that brought records to this lane. The value has no meaning.
    fn changed(&self, lane: Lane) -> watch::Receiver<u64>;

    /// How many shards there are. Fixed for the life of a data directory.
    fn shards(&self) -> u16;
}

/// Longest name of a source, bytes.
pub const SOURCE_BYTES_MAX: usize = 128;
/// Longest topic, bytes.
pub const TOPIC_BYTES_MAX: usize = 1_024;
/// Largest payload, bytes.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1_024;

impl Record {
    /// True if every part is within its limit (LIM-1).
    pub fn fits(&self) -> bool {
        self.source.len() <= SOURCE_BYTES_MAX
            && self.topic.len() <= TOPIC_BYTES_MAX
            && self.payload.len() <= PAYLOAD_BYTES_MAX
            && self.home.as_str().len() <= care::id::ID_BYTES_MAX
    }
}

/// The shard of a home.
pub fn shard_of(home: &HomeId, shards: u16) -> Shard {
    let partition = u32::from(care::id::partition(home));
    let shard = partition * u32::from(shards.max(1)) / u32::from(care::id::PARTITIONS);
    Shard(u16::try_from(shard).unwrap_or_default())
}

/// Submits one record and waits until it is durable.
pub async fn append(log: &dyn EventLog, record: Record) -> Result<(), LogError> {
    let (tell, told) = tokio::sync::oneshot::channel();
    log.submit(
        record,
        Box::new(move |result| {
            let _gone = tell.send(result);
        }),
    );
    told.await.unwrap_or(Err(LogError::Closed))
}
