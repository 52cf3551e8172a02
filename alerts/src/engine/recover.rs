//! What is done before anything else: the life before is brought to an end, and overdue deadlines fire (ALM-1).

use super::{Engine, LOOK_AGAIN};
use care::AlarmId;
use futures_util::stream::{self, StreamExt};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

/// Overdue alarms read at a time.
const PAGE: usize = 500;
/// How often an overdue alarm is fired in one recovery: rungs without anybody to wait for follow each other at once.
const ROUNDS_MAX: u32 = 64;

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
        stream::iter(&trying).for_each_concurrent(self.settings.steps, |waiting| self.reconcile(waiting)).await;
        self.fire_overdue().await;
        self.recovered.store(true, Ordering::Release);
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
            let distinct: BTreeSet<&AlarmId> = due.iter().collect();
            let results: Vec<bool> = stream::iter(distinct).map(|alarm| self.fire(alarm)).buffer_unordered(self.settings.steps).collect().await;
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
