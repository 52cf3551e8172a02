//! The event log on NATS JetStream, for more than one machine: a stream for each lane of each shard, three replicas, every
//! write synced (`sync_interval: always` is the servers' setting, see docs/cluster.md). What is acknowledged is on the disks of
//! a quorum (ACK-1).
//!
//! ```text
//! submit ─▶ writer of the lane's shard ─▶ one message, acknowledged by the quorum ─▶ each submitter is told
//!              └ what comes while one is under way goes together into the next
//! read   ◀─ tail: a consumer that follows the stream from where the worker is
//! ```
//! A call goes alone and at once; it shares a message only with calls that came while the one before was under way.

mod batch;
mod tail;
mod writer;

use crate::log::{Done, Entry, EventLog, LogError, Offset, Record, Shard, shard_of};
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::Context;
use async_trait::async_trait;
use care::Lane;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tail::Tail;
use tokio::sync::watch;
use writer::Lines;

/// How long one attempt of a publication waits for the quorum. Longer than this is an alarm of its own.
pub const ACK_WITHIN: Duration = Duration::from_secs(2);
/// How long copies of a message are recognised by its id.
const DUPLICATES_FOR: Duration = Duration::from_secs(600);
/// A tail that nobody has read from for so long is given up when another is wanted.
const TAIL_FOR: Duration = Duration::from_secs(30);
/// Most tails of one lane of one shard.
const TAILS_MAX: usize = 4;

/// Where the servers are and how the streams are kept.
#[derive(Clone)]
pub struct JetSettings {
    /// `nats://host:4222,nats://host2:4222`, or `tls://...`.
    pub urls: String,
    /// A file of credentials (user and password by `user:password` on its first line), if the servers ask for them.
    pub password_file: Option<PathBuf>,
    /// Authorities (PEM) for TLS.
    pub authorities: Option<PathBuf>,
    /// The name before every stream and subject: one for each cell.
    pub prefix: String,
    /// How many shards; fixed for the life of the streams.
    pub shards: u16,
    /// Replicas of each stream: 3, or 5.
    pub replicas: usize,
    /// Days that raw messages are kept.
    pub keep_days: u32,
    /// Most bytes of one stream: what would be beyond is refused, not dropped (LIM-1). -1: as much as the servers take.
    pub stream_bytes_max: i64,
}

impl JetSettings {
    /// Settings with defaults.
    pub fn at(urls: impl Into<String>, shards: u16) -> Self {
        Self {
            urls: urls.into(),
            password_file: None,
            authorities: None,
            prefix: "hearthline".into(),
            shards,
            replicas: 3,
            keep_days: 90,
            stream_bytes_max: -1,
        }
    }
}

impl std::fmt::Debug for JetSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JetSettings").field("prefix", &self.prefix).field("shards", &self.shards).finish_non_exhaustive()
    }
}

/// Why the log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum JetError {
    /// The settings are wrong.
    #[error("the event log's settings: {0}")]
    Settings(String),
    /// No connection.
    #[error("the event log's servers cannot be reached: {0}")]
    Connect(String),
    /// A stream could not be made or looked at.
    #[error("the stream {0} cannot be used: {1}")]
    Stream(String, String),
    /// The number of shards is fixed for the life of the streams.
    #[error("these streams were made for {have} shards and {asked} were asked for: the number is fixed when they are made")]
    Shards {
        /// What they were made for.
        have: String,
        /// What was asked for.
        asked: u16,
    },
}

/// Figures since the start.
#[derive(Debug, Default)]
pub struct JetFigures {
    /// Red records acknowledged by a quorum.
    pub red_rows: AtomicU64,
    /// Routine records acknowledged by a quorum.
    pub routine_rows: AtomicU64,
    /// Messages that carried them.
    pub messages: AtomicU64,
    /// Records refused because too many waited.
    pub busy: AtomicU64,
    /// Publications that were not acknowledged within two seconds and were sent again.
    pub late: AtomicU64,
    /// Publications that are later than that now.
    pub late_now: AtomicU64,
    /// Records refused because a stream was full.
    pub refused_full: AtomicU64,
    /// Records that were given up.
    pub failures: AtomicU64,
}

/// What the parts of the log share.
pub(super) struct Shared {
    pub(super) settings: JetSettings,
    pub(super) context: Context,
    pub(super) figures: JetFigures,
    red: watch::Sender<u64>,
    routine: watch::Sender<u64>,
    /// The last acknowledged message of each lane's shards.
    acked: BTreeMap<(Lane, Shard), Arc<AtomicU64>>,
}

impl Shared {
    pub(super) fn acked(&self, lane: Lane, shard: Shard) -> Arc<AtomicU64> {
        self.acked.get(&(lane, shard)).cloned().unwrap_or_default()
    }

    pub(super) fn tell_changed(&self, lane: Lane) {
        self.sender(lane).send_modify(|n| *n = n.wrapping_add(1));
    }

    fn sender(&self, lane: Lane) -> &watch::Sender<u64> {
        match lane {
            Lane::Red => &self.red,
            Lane::Routine => &self.routine,
        }
    }

    pub(super) fn subject(&self, lane: Lane, shard: Shard) -> String {
        format!("{}.log.{}.{}", self.settings.prefix, word(lane), shard.0)
    }

    pub(super) fn stream_name(&self, lane: Lane, shard: Shard) -> String {
        format!("{}-log-{}-{}", self.settings.prefix, word(lane), shard.0)
    }

    async fn stream(&self, lane: Lane, shard: Shard) -> Result<stream::Stream, LogError> {
        self.context.get_stream(self.stream_name(lane, shard)).await.map_err(|e| LogError::Failed(e.to_string()))
    }
}

fn word(lane: Lane) -> &'static str {
    match lane {
        Lane::Red => "red",
        Lane::Routine => "routine",
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A tail and when it was last read from.
struct Followed {
    tail: Arc<Tail>,
    read_at: Instant,
}

/// The event log on JetStream.
pub struct JetLog {
    shared: Arc<Shared>,
    client: async_nats::Client,
    red: Lines,
    routine: Lines,
    tails: Mutex<BTreeMap<(Lane, Shard), Vec<Followed>>>,
}

impl JetLog {
    /// Connects, makes the streams that are missing, and starts the writers.
    ///
    /// # Errors
    /// [`JetError`] if the servers cannot be reached or the streams are others than asked for.
    pub async fn open(settings: JetSettings) -> Result<Self, JetError> {
        let client = connect(&settings).await?;
        let context = ContextBuilder::new().timeout(ACK_WITHIN).build(client.clone());
        let lanes = [Lane::Red, Lane::Routine];
        let acked = lanes.into_iter().flat_map(|lane| (0..settings.shards).map(move |shard| ((lane, Shard(shard)), Arc::default()))).collect();
        let shared = Arc::new(Shared {
            context,
            acked,
            figures: JetFigures::default(),
            red: watch::Sender::new(0),
            routine: watch::Sender::new(0),
            settings,
        });
        for lane in lanes {
            for shard in (0..shared.settings.shards).map(Shard) {
                make_stream(&shared, lane, shard).await?;
            }
        }
        Ok(Self { red: writer::start(&shared, Lane::Red), routine: writer::start(&shared, Lane::Routine), shared, client, tails: Mutex::default() })
    }

    /// The figures since the start.
    pub fn figures(&self) -> &JetFigures {
        &self.shared.figures
    }

    /// True while a publication has waited longer than two seconds for its quorum: an alarm of its own.
    pub fn is_late(&self) -> bool {
        self.shared.figures.late_now.load(Ordering::Relaxed) > 0
    }

    /// True while the servers are connected.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// The connection, for words between processes that need not be kept.
    pub fn client(&self) -> async_nats::Client {
        self.client.clone()
    }

    /// Messages that stand in a lane of a shard and the leader that keeps them.
    ///
    /// # Errors
    /// If the servers do not answer.
    pub async fn view(&self, lane: Lane, shard: Shard) -> Result<(u64, Option<String>), LogError> {
        let info = self.shared.stream(lane, shard).await?.get_info().await.map_err(|e| LogError::Failed(e.to_string()))?;
        Ok((info.state.last_sequence, info.cluster.and_then(|c| c.leader)))
    }

    fn tail(&self, shard: Shard, lane: Lane, after: Offset) -> Arc<Tail> {
        let mut tails = lock(&self.tails);
        let followed = tails.entry((lane, shard)).or_default();
        let now = Instant::now();
        if let Some(known) = followed.iter_mut().find(|f| f.tail.covers(after)) {
            known.read_at = now;
            return known.tail.clone();
        }
        // The worker reads every few seconds; whoever has not for a while has what it wanted.
        followed.retain(|f| {
            let wanted = now.duration_since(f.read_at) < TAIL_FOR;
            if !wanted {
                f.tail.stop();
            }
            wanted
        });
        if followed.len() >= TAILS_MAX
            && let Some(oldest) = (0..followed.len()).min_by_key(|i| followed.get(*i).map(|f| f.read_at))
        {
            followed.swap_remove(oldest).tail.stop();
        }
        let tail = Tail::start(&self.shared, lane, shard, after);
        followed.push(Followed { tail: tail.clone(), read_at: now });
        tail
    }
}

async fn connect(settings: &JetSettings) -> Result<async_nats::Client, JetError> {
    let mut options = async_nats::ConnectOptions::new()
        .name("hearthline")
        .ping_interval(Duration::from_secs(2))
        .connection_timeout(Duration::from_secs(3))
        .request_timeout(Some(Duration::from_secs(5)))
        // A server that is gone is tried again soon: a call may be waiting.
        .reconnect_delay_callback(|tries| Duration::from_millis(if tries < 2 { 0 } else { 250 }));
    if let Some(file) = &settings.password_file {
        let text = std::fs::read_to_string(file).map_err(|e| JetError::Settings(format!("{}: {e}", file.display())))?;
        let (user, password) = text.trim().split_once(':').ok_or_else(|| JetError::Settings(format!("{}: write user:password", file.display())))?;
        options = options.user_and_password(user.to_owned(), password.to_owned());
    }
    if let Some(file) = &settings.authorities {
        options = options.add_root_certificates(file.clone()).require_tls(true);
    }
    let urls: Vec<_> = settings.urls.split(',').map(str::trim).filter(|u| !u.is_empty()).collect();
    let addresses =
        urls.iter().map(|u| u.parse::<async_nats::ServerAddr>()).collect::<Result<Vec<_>, _>>().map_err(|e| JetError::Settings(e.to_string()))?;
    options.connect(addresses).await.map_err(|e| JetError::Connect(e.to_string()))
}

async fn make_stream(shared: &Shared, lane: Lane, shard: Shard) -> Result<(), JetError> {
    let settings = &shared.settings;
    let name = shared.stream_name(lane, shard);
    let shards = format!("of {} shards", settings.shards);
    let config = stream::Config {
        name: name.clone(),
        description: Some(shards.clone()),
        subjects: vec![shared.subject(lane, shard)],
        storage: StorageType::File,
        num_replicas: settings.replicas,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        max_age: Duration::from_secs(u64::from(settings.keep_days.max(2)) * 86_400),
        max_bytes: settings.stream_bytes_max,
        duplicate_window: DUPLICATES_FOR,
        ..stream::Config::default()
    };
    let mut tries = 0;
    loop {
        match shared.context.get_or_create_stream(config.clone()).await {
            Ok(mut stream) => {
                let info = stream.info().await.map_err(|e| JetError::Stream(name.clone(), e.to_string()))?;
                let have = info.config.description.clone().unwrap_or_default();
                return if have == shards { Ok(()) } else { Err(JetError::Shards { have, asked: settings.shards }) };
            }
            // The servers may be choosing a leader.
            Err(error) if tries < 20 => {
                tries += 1;
                tracing::debug!(%error, stream = name, "a stream cannot be made yet");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) => return Err(JetError::Stream(name, error.to_string())),
        }
    }
}

#[async_trait]
impl EventLog for JetLog {
    fn submit(&self, record: Record, done: Done) {
        if !record.fits() {
            return done(Err(LogError::TooLarge));
        }
        let lines = match record.lane {
            Lane::Red => &self.red,
            Lane::Routine => &self.routine,
        };
        let shard = shard_of(&record.home, self.shared.settings.shards);
        lines.submit(shard, record, done, &self.shared.figures);
    }

    async fn read(&self, shard: Shard, lane: Lane, after: Offset, max: usize) -> Result<Vec<Entry>, LogError> {
        self.tail(shard, lane, after).read(after, max).await
    }

    async fn end(&self, shard: Shard, lane: Lane) -> Result<Offset, LogError> {
        let stream = self.shared.stream(lane, shard).await?;
        let last = stream.get_info().await.map_err(|e| LogError::Failed(e.to_string()))?.state.last_sequence;
        if last == 0 {
            return Ok(Offset(0));
        }
        match stream.get_raw_message(last).await {
            Ok(message) => Ok(batch::offset(last, batch::count(&message.payload).saturating_sub(1))),
            // Too old, and gone: its number is still the last one.
            Err(_) => Ok(batch::offset(last, batch::RECORDS_MAX - 1)),
        }
    }

    fn changed(&self, lane: Lane) -> watch::Receiver<u64> {
        self.shared.sender(lane).subscribe()
    }

    fn shards(&self) -> u16 {
        self.shared.settings.shards
    }
}

impl Drop for JetLog {
    fn drop(&mut self) {
        for followed in lock(&self.tails).values().flatten() {
            followed.tail.stop();
        }
    }
}

/// Headers of a publication: its id names this submission, so that sending it again stores it once.
pub(super) fn headers(id: &str) -> async_nats::HeaderMap {
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", id);
    headers
}

