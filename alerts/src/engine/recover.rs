//! What is done before anything else: the life before is brought to an end, and overdue deadlines fire (ALM-1).

use super::{Engine, LOOK_AGAIN};
use care::AlarmId;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::sync::atomic::Ordering;

/// Overdue alarms read at a time.
const PAGE: usize = 500;
/// How often an overdue alarm is fired in one recovery: rungs without anybody to wait for follow each other at once.
const ROUNDS_MAX: u32 = 64;

/// Awaits all, `width` of them at a time.
async fn some_at_a_time<T>(work: Vec<BoxFuture<'_, T>>, width: usize) -> Vec<T> {
    let mut waiting = work.into_iter();
    let mut running: FuturesUnordered<_> = waiting.by_ref().take(width.max(1)).collect();
    let mut out = Vec::new();
    while let Some(done) = running.next().await {
        out.push(done);
        running.extend(waiting.next());
    }
    out
}

impl Engine {
    /// Reconciles what was under way when the last life ended, then fires every overdue deadline. To be awaited
    /// before the listeners open; [`Engine::run`] does it if nobody has. A ledger that does not answer is waited for.
    pub async fn recover(&self) {
        if self.recovered.load(Ordering::Acquire) {
            return;
        }
        let trying = loop {
            match self.ledger.effects_trying().await {
                Ok(trying) => break trying,
                Err(error) => {
                    tracing::error!(%error, "the ledger does not say what was under way: asking again");
                    self.clock.sleep_until(self.clock.now() + LOOK_AGAIN).await;
                }
            }
        };
        if !trying.is_empty() {
            tracing::info!(effects = trying.len(), "effects of the life before are reconciled");
        }
        let work = trying.iter().map(|waiting| self.reconcile(waiting).boxed()).collect();
        some_at_a_time(work, self.settings.steps).await;
        self.fire_overdue().await;
        self.recovered.store(true, Ordering::Release);
    }

    /// Reconciles what lives of other processes had begun that have ended since, while this one is at work. Only for a ledger
    /// that several engines share: it shows nothing that a living one has under way.
    pub async fn adopt(&self) {
        match self.ledger.effects_trying().await {
            Ok(trying) => {
                if !trying.is_empty() {
                    tracing::warn!(effects = trying.len(), "what another process had begun is taken over");
                }
                let work = trying.iter().map(|waiting| self.reconcile(waiting).boxed()).collect();
                some_at_a_time(work, self.settings.steps).await;
            }
            Err(error) => tracing::warn!(%error, "the ledger does not say what other processes had under way"),
        }
    }

    async fn fire_overdue(&self) {
        let mut fired = 0usize;
        for _ in 0..ROUNDS_MAX {
            let now = self.clock.now();
            let due: Vec<AlarmId> = match self.ledger.due(now, PAGE).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::error!(%error, "the ledger does not say what is overdue: asking again");
                    self.clock.sleep_until(now + LOOK_AGAIN).await;
                    continue;
                }
            };
            if due.is_empty() {
                break;
            }
            let work = due.iter().map(|alarm| self.fire(alarm).boxed()).collect();
            let results: Vec<bool> = some_at_a_time(work, self.settings.steps).await;
            fired += results.iter().filter(|stored| **stored).count();
            if results.iter().all(|stored| !stored) {
                self.clock.sleep_until(self.clock.now() + LOOK_AGAIN).await;
            }
        }
        if fired > 0 {
            tracing::info!(deadlines = fired, "overdue deadlines have fired");
        }
    }
}
