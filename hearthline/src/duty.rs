//! What the platform does once, however many processes are at work: the office's jobs, the daily calls, the patrols. Who has taken
//! [`Shard::OFFICE`] is on duty. What it writes carries the epoch that it was given, so that one who was paused, and has been
//! succeeded meanwhile, writes nothing.

use std::sync::Arc;
use std::time::Duration;
use store::{Fence, Ledger, LedgerError, Ownership, Shard, Tx};
use tokio::sync::watch;
use tracing::{debug, info, warn};

/// How often whoever is not on duty asks whether it is free, and whoever is asks whether it is so still.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a look has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// This process is on duty.
    Ours,
    /// Another is, or nobody can say.
    NotOurs,
    /// Another has taken the duty from this process.
    Taken,
}

/// The duty of this process.
pub struct Duty {
    ledger: Arc<dyn Ledger>,
    ownership: Arc<dyn Ownership>,
    held: watch::Sender<Option<Fence>>,
}

impl Duty {
    /// Not on duty yet.
    pub fn new(ledger: Arc<dyn Ledger>, ownership: Arc<dyn Ownership>) -> Self {
        Self { ledger, ownership, held: watch::Sender::new(None) }
    }

    /// The right to write while this process is on duty.
    pub fn held(&self) -> watch::Receiver<Option<Fence>> {
        self.held.subscribe()
    }

    /// One look: takes the duty if it is free, notices if another has taken it.
    pub async fn look(&self) -> Found {
        let held = *self.held.borrow();
        let Some(fence) = held else {
            return match self.ownership.take(Shard::OFFICE).await {
                Ok(fence) => {
                    info!(epoch = fence.epoch, "this process does the office's jobs and the daily calls");
                    self.held.send_replace(Some(fence));
                    Found::Ours
                }
                Err(error) => {
                    if error != LedgerError::Fenced {
                        debug!(%error, "the ledger does not say who is on duty");
                    }
                    Found::NotOurs
                }
            };
        };
        // An empty transaction writes nothing and fails if the epoch has grown.
        match self.ledger.commit(Tx { fence: Some(fence), writes: Vec::new() }).await {
            Err(LedgerError::Fenced) => {
                warn!(epoch = fence.epoch, "another process has taken over the office's jobs and the daily calls");
                self.held.send_replace(None);
                Found::Taken
            }
            // Whoever cannot ask writes nothing either: the fence is in every transaction.
            Ok(()) | Err(LedgerError::Conflict | LedgerError::DiskFull | LedgerError::Failed(_)) => Found::Ours,
        }
    }

    /// Looks until `stop` turns true. With `until_taken`, returns when another process has taken the duty from this one.
    async fn looks(&self, mut stop: watch::Receiver<bool>, until_taken: UntilTaken) -> Found {
        loop {
            let found = self.look().await;
            if found == Found::Taken && until_taken == UntilTaken::Return {
                return found;
            }
            tokio::select! {
                stopped = stop.wait_for(|s| *s) => { let _gone = stopped; return found }
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Where many processes share one ledger: goes on looking until `stop` turns true.
    pub async fn share(&self, stop: watch::Receiver<bool>) {
        self.looks(stop, UntilTaken::GoOn).await;
    }

    /// Where this process must be alone on its ledger: returns [`Found::Taken`] as soon as another has opened it, else when
    /// `stop` turns true.
    pub async fn alone(&self, stop: watch::Receiver<bool>) -> Found {
        self.looks(stop, UntilTaken::Return).await
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UntilTaken {
    GoOn,
    Return,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use store::MemoryLedger;

    #[tokio::test]
    async fn whoever_is_succeeded_notices_and_does_not_write() {
        let ledger = MemoryLedger::new();
        let duty = || Duty::new(Arc::new(ledger.clone()), Arc::new(ledger.clone()));
        let (first, second) = (duty(), duty());
        assert_eq!(first.look().await, Found::Ours);
        let fence = first.held().borrow().unwrap();
        assert_eq!(first.look().await, Found::Ours);
        // On one machine nobody asks: the younger process is the owner.
        assert_eq!(second.look().await, Found::Ours);
        let late = ledger.commit(Tx { fence: Some(fence), writes: Vec::new() }).await;
        assert_eq!(late, Err(LedgerError::Fenced));
        assert_eq!(first.look().await, Found::Taken);
        assert_eq!(*first.held().borrow(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_must_be_alone_is_told_of_a_second_process() {
        let ledger = MemoryLedger::new();
        let duty = Duty::new(Arc::new(ledger.clone()), Arc::new(ledger.clone()));
        duty.look().await;
        let (_stop, stopped) = watch::channel(false);
        let alone = tokio::spawn(async move { duty.alone(stopped).await });
        ledger.take(Shard::OFFICE).await.unwrap();
        assert_eq!(alone.await.unwrap(), Found::Taken);
    }
}
