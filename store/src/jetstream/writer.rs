//! One writer for each lane of each shard, so that order needs no second thought: one publication is under way at a time, and
//! what comes meanwhile goes together into the next. Sent again under the same id until the quorum has it. Each submitter is told
//! by the writer of its record: a stream that has no leader keeps nobody waiting whose record stands in another (ACK-1).

use super::batch::{self, BYTES_MAX, RECORDS_MAX};
use super::{ACK_WITHIN, JetFigures, Shared, headers};
use crate::log::{Done, LogError, Record, Shard};
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use care::Lane;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Records of one lane that may wait; then the sender is told to slow down.
const WAITING_MAX: usize = 65_536;
/// Bytes of one lane that may wait.
const WAITING_BYTES_MAX: usize = 128 << 20;
/// A publication is given up after this: its records must not be acknowledged.
const GIVE_UP_AFTER: Duration = Duration::from_secs(20);
/// How long a routine record waits for company.
const LINGER: Duration = Duration::from_millis(15);
/// With so many together nobody waits any longer.
const COMPANY: usize = 64;

struct Job {
    record: Record,
    done: Done,
}

/// The way into the writers of one lane.
pub(super) struct Lines {
    writers: Vec<mpsc::UnboundedSender<Job>>,
    waiting: Arc<Waiting>,
}

#[derive(Default)]
struct Waiting {
    records: AtomicUsize,
    bytes: AtomicUsize,
}

/// Starts the writers of a lane.
pub(super) fn start(shared: &Arc<Shared>, lane: Lane) -> Lines {
    let waiting = Arc::new(Waiting::default());
    let writers = (0..shared.settings.shards)
        .map(|shard| {
            let (send, jobs) = mpsc::unbounded_channel();
            let writer = Writer { shared: shared.clone(), lane, shard: Shard(shard), waiting: waiting.clone(), sent: 0 };
            tokio::spawn(writer.run(jobs));
            send
        })
        .collect();
    Lines { writers, waiting }
}

impl Lines {
    pub(super) fn submit(&self, shard: Shard, record: Record, done: Done, figures: &JetFigures) {
        let bytes = batch::weight(&record);
        let (records, held) = (self.waiting.records.load(Ordering::Relaxed), self.waiting.bytes.load(Ordering::Relaxed));
        // A lane that is empty takes anything.
        if records >= WAITING_MAX || (records > 0 && held + bytes > WAITING_BYTES_MAX) {
            figures.busy.fetch_add(1, Ordering::Relaxed);
            return done(Err(LogError::Busy));
        }
        let Some(writer) = self.writers.get(usize::from(shard.0)) else {
            return done(Err(LogError::Failed(format!("there is no shard {}", shard.0))));
        };
        self.waiting.records.fetch_add(1, Ordering::Relaxed);
        self.waiting.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Err(refused) = writer.send(Job { record, done }) {
            self.waiting.forget(&refused.0);
            (refused.0.done)(Err(LogError::Closed));
        }
    }
}

impl Waiting {
    fn forget(&self, job: &Job) {
        self.records.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(batch::weight(&job.record), Ordering::Relaxed);
    }
}

struct Writer {
    shared: Arc<Shared>,
    lane: Lane,
    shard: Shard,
    waiting: Arc<Waiting>,
    sent: u64,
}

impl Writer {
    async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        let life: [u8; 9] = rand::random();
        let life = crate::sqlite::seal::hex(&life);
        let mut left = None;
        loop {
            let first = match left.take() {
                Some(job) => job,
                None => match jobs.recv().await {
                    Some(job) => job,
                    None => return,
                },
            };
            let mut bytes = batch::weight(&first.record);
            let mut group = vec![first];
            let until = Instant::now() + LINGER;
            while group.len() < RECORDS_MAX {
                let next = match jobs.try_recv() {
                    Ok(job) => Some(job),
                    Err(_) if self.lane == Lane::Red || group.len() >= COMPANY => None,
                    Err(_) => tokio::time::timeout_at(until, jobs.recv()).await.ok().flatten(),
                };
                let Some(job) = next else { break };
                bytes += batch::weight(&job.record);
                if bytes > BYTES_MAX {
                    left = Some(job);
                    break;
                }
                group.push(job);
            }
            self.sent += 1;
            let id = format!("{life}-{}", self.sent);
            let payload = bytes::Bytes::from(batch::pack(group.iter().map(|j| &j.record)));
            let result = self.publish(&id, payload).await;
            self.tell(group, &result);
        }
    }

    async fn publish(&self, id: &str, payload: bytes::Bytes) -> Result<(), LogError> {
        let subject = self.shared.subject(self.lane, self.shard);
        let figures = &self.shared.figures;
        let acked = self.shared.acked(self.lane, self.shard);
        let began = Instant::now();
        let mut late = false;
        let result = loop {
            let attempt = async {
                let sent = self.shared.context.publish_with_headers(subject.clone(), headers(id), payload.clone()).await?;
                sent.await.map(|ack| ack.sequence)
            };
            let error = match tokio::time::timeout(ACK_WITHIN, attempt).await {
                Ok(Ok(sequence)) => {
                    acked.fetch_max(sequence, Ordering::AcqRel);
                    break Ok(());
                }
                Ok(Err(error)) if is_full(&error) => break Err(LogError::DiskFull),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".to_owned(),
            };
            if began.elapsed() >= GIVE_UP_AFTER {
                break Err(LogError::Failed(error));
            }
            if !late && began.elapsed() >= ACK_WITHIN {
                late = true;
                figures.late_now.fetch_add(1, Ordering::Relaxed);
                tracing::error!(error, lane = ?self.lane, shard = self.shard.0, "the event log has not acknowledged for two seconds: sending again");
            }
            figures.late.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        if late {
            figures.late_now.fetch_sub(1, Ordering::Relaxed);
        }
        result
    }

    fn tell(&self, group: Vec<Job>, result: &Result<(), LogError>) {
        let figures = &self.shared.figures;
        let n = group.len() as u64;
        let counter = match (result, self.lane) {
            (Ok(()), Lane::Red) => &figures.red_rows,
            (Ok(()), Lane::Routine) => &figures.routine_rows,
            (Err(LogError::DiskFull), _) => &figures.refused_full,
            (Err(LogError::Busy | LogError::TooLarge | LogError::Failed(_) | LogError::Closed), _) => &figures.failures,
        };
        counter.fetch_add(n, Ordering::Relaxed);
        if result.is_ok() {
            figures.messages.fetch_add(1, Ordering::Relaxed);
            self.shared.tell_changed(self.lane);
        }
        for job in group {
            self.waiting.forget(&job);
            (job.done)(result.clone());
        }
    }
}

/// True if the stream or its servers have no room: codes 10077 (stream), 10047 and 10023 (account, server).
fn is_full(error: &PublishError) -> bool {
    let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    error.kind() == PublishErrorKind::Other && ["10077", "10047", "10023", "maximum bytes exceeded", "insufficient resources"].iter().any(|m| text.contains(m))
}
