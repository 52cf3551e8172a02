//! Follows one lane of one shard: a consumer that pushes what comes, so that a worker is woken by the record itself, and reads
//! it from memory. If the consumer falls silent, another begins where it stopped. Whoever reads from an older place follows by
//! a tail of its own.

use super::{Shared, batch, lock};
use crate::log::{Entry, LogError, Offset, Shard};
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use care::Lane;
use futures_util::StreamExt;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// Bytes kept ahead of the worker.
const AHEAD_BYTES_MAX: usize = 8 << 20;
/// Most payload bytes that one read returns (LIM-1).
const READ_BYTES_MAX: usize = 4 << 20;
/// A consumer that says nothing for so long is compared with its stream.
const SILENT_FOR: Duration = Duration::from_secs(2);
/// How long a reader waits for the first answer of the servers.
const READ_WITHIN: Duration = Duration::from_secs(5);

struct Held {
    /// Everything after this place that is known stands in `entries`.
    base: Offset,
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The last message that was taken in.
    seen: u64,
    /// The last one that was there when the consumer began; `None` until that is known.
    end: Option<u64>,
}

pub(super) struct Tail {
    held: Mutex<Held>,
    came: Notify,
    room: Notify,
    stopped: watch::Sender<bool>,
    /// The last message that this process was acknowledged for: a reader waits for it.
    acked: Arc<AtomicU64>,
}

impl Tail {
    pub(super) fn start(shared: &Arc<Shared>, lane: Lane, shard: Shard, after: Offset) -> Arc<Self> {
        let held = Held { base: after, entries: VecDeque::new(), bytes: 0, seen: 0, end: None };
        let tail = Arc::new(Self {
            held: Mutex::new(held),
            came: Notify::new(),
            room: Notify::new(),
            stopped: watch::Sender::new(false),
            acked: shared.acked(lane, shard),
        });
        let mut stopped = tail.stopped.subscribe();
        let follow = follow(Arc::downgrade(&tail), shared.clone(), lane, shard);
        tokio::spawn(async move {
            tokio::select! {
                () = follow => {}
                gone = stopped.wait_for(|s| *s) => { let _ended = gone; }
            }
        });
        tail
    }

    pub(super) fn stop(&self) {
        let _nobody_follows = self.stopped.send(true);
    }

    pub(super) async fn read(&self, after: Offset, max: usize) -> Result<Vec<Entry>, LogError> {
        let ask = async {
            loop {
                let came = self.came.notified();
                tokio::pin!(came);
                came.as_mut().enable();
                if let Some(entries) = self.take(after, max) {
                    return entries;
                }
                came.await;
            }
        };
        timeout(READ_WITHIN, ask).await.map_err(|_| LogError::Failed("the event log's servers do not answer".into()))
    }

    /// What is known after a place; `None` if that is not known yet.
    fn take(&self, after: Offset, max: usize) -> Option<Vec<Entry>> {
        let mut held = lock(&self.held);
        while held.entries.front().is_some_and(|e| e.offset <= after) {
            if let Some(entry) = held.entries.pop_front() {
                held.bytes = held.bytes.saturating_sub(batch::weight(&entry.record));
                held.base = entry.offset;
            }
        }
        self.room.notify_one();
        // All that is known to be there is waited for, or a page full of it.
        let end = held.end.map(|end| end.max(self.acked.load(Ordering::Acquire)));
        let full = held.entries.len() >= max || held.bytes >= READ_BYTES_MAX;
        if !full && end.is_none_or(|end| held.seen < end) {
            return None;
        }
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            let first = bytes == 0;
            bytes += entry.record.payload.len();
            first || bytes <= READ_BYTES_MAX
        };
        Some(held.entries.iter().take(max).take_while(fits).cloned().collect())
    }

    /// True if a reader at this place can go on here.
    pub(super) fn covers(&self, after: Offset) -> bool {
        let held = lock(&self.held);
        held.base <= after && after <= held.entries.back().map_or(held.base, |e| e.offset)
    }

    /// Where a consumer is to begin.
    fn place(&self) -> Offset {
        let held = lock(&self.held);
        held.entries.back().map_or(held.base, |e| e.offset)
    }

    /// Takes a message in.
    fn put(&self, seen: u64, entries: Vec<Entry>, tell: impl FnOnce()) {
        let mut held = lock(&self.held);
        let newest = held.entries.back().map_or(held.base, |e| e.offset);
        for entry in entries.into_iter().filter(|e| e.offset > newest) {
            held.bytes += batch::weight(&entry.record);
            held.entries.push_back(entry);
        }
        held.seen = seen;
        // Under the lock: whoever has read these records is not woken for them afterwards.
        tell();
    }

    /// What is there up to `end` has been seen up to `seen`.
    fn knows(&self, seen: u64, end: u64) {
        let mut held = lock(&self.held);
        held.seen = held.seen.max(seen);
        held.end = Some(end);
        drop(held);
        self.came.notify_waiters();
    }

    fn is_full(&self) -> bool {
        lock(&self.held).bytes > AHEAD_BYTES_MAX
    }
}

async fn follow(tail: Weak<Tail>, shared: Arc<Shared>, lane: Lane, shard: Shard) {
    loop {
        let Some(held) = tail.upgrade() else { return };
        let Err(error) = follow_from(&held, &shared, lane, shard).await;
        drop(held);
        tracing::warn!(error, ?lane, shard = shard.0, "the event log is not followed: beginning again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn follow_from(tail: &Tail, shared: &Shared, lane: Lane, shard: Shard) -> Result<Infallible, String> {
    let after = tail.place();
    let name = shared.stream_name(lane, shard);
    let stream = shared.context.get_stream_no_info(&name).await.map_err(|e| e.to_string())?;
    let last = async || timeout(READ_WITHIN, stream.get_info()).await.map_err(|_| "no answer".to_owned())?.map_err(|e| e.to_string());
    // The leader says what is there: a consumer that begins after this question misses nothing of it.
    let state = last().await?.state;
    let end = state.last_sequence;
    // The message of the place itself is read again: more of its records may come after the place.
    let start_sequence = batch::sequence(after).max(1);
    // What is too old is gone: nobody waits for it.
    let mut seen = (start_sequence - 1).max(state.first_sequence.saturating_sub(1));
    tail.knows(seen, end);
    let config = OrderedConfig {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
        // Also the measure of how soon a dead server is noticed.
        max_expires: Duration::from_secs(2),
        ..OrderedConfig::default()
    };
    let consumer = stream.create_consumer(config).await.map_err(|e| e.to_string())?;
    let mut messages = consumer.messages().await.map_err(|e| e.to_string())?;
    loop {
        while tail.is_full() {
            tail.room.notified().await;
        }
        let message = match timeout(SILENT_FOR, messages.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return Err(error.to_string()),
            Ok(None) => return Err("the consumer has ended".into()),
            Err(_) => {
                let state = last().await?.state;
                let end = state.last_sequence;
                seen = seen.max(state.first_sequence.saturating_sub(1));
                if end > seen {
                    // It may be on its way: one more look, then the consumer is not trusted any more.
                    match timeout(SILENT_FOR, messages.next()).await {
                        Ok(Some(Ok(message))) => message,
                        Ok(_) | Err(_) => return Err(format!("the consumer stands at {seen}, the stream at {end}")),
                    }
                } else {
                    tail.knows(seen, end);
                    continue;
                }
            }
        };
        let info = message.info().map_err(|e| e.to_string())?;
        let sequence = info.stream_sequence;
        let entries = batch::unpack(lane, sequence, &message.payload).unwrap_or_else(|| {
            tracing::error!(?lane, shard = shard.0, sequence, "a message of the event log cannot be understood: left out");
            Vec::new()
        });
        tail.put(sequence, entries, || shared.tell_changed(lane));
        seen = sequence;
        tail.came.notify_waiters();
    }
}
