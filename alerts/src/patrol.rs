//! What somebody must look at again and again whatever else happens: walked by one process of all, the one that is on duty.
//! What it tells is written by the right of the duty, so that one who was paused and has been succeeded tells nothing.

use async_trait::async_trait;
use care::TimeDelta;
use std::sync::Arc;
use store::{Clock, Fence, LedgerError};
use tokio::sync::watch;

/// A round that is walked again and again.
#[async_trait]
pub trait Patrol: Send {
    /// What it is, for the log.
    fn name(&self) -> &'static str;

    /// How often it is walked.
    fn every(&self) -> TimeDelta;

    /// Looks once and tells what it finds, by this right.
    ///
    /// # Errors
    /// If the ledger cannot be read or written; the next round looks again.
    async fn round(&mut self, fence: Fence) -> Result<(), LedgerError>;
}

/// Walks until `stop` turns true, while `duty` says that it is this process that walks.
pub async fn walk(mut patrol: impl Patrol, clock: Arc<dyn Clock>, duty: watch::Receiver<Option<Fence>>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            biased;
            alive = stop.changed() => if alive.is_err() || *stop.borrow() { return },
            () = clock.sleep_until(clock.now() + patrol.every()) => {}
        }
        let Some(fence) = *duty.borrow() else { continue };
        match patrol.round(fence).await {
            Ok(()) => {}
            Err(LedgerError::Fenced) => tracing::debug!(patrol = patrol.name(), "another process is on duty"),
            Err(error) => tracing::error!(%error, patrol = patrol.name(), "a round could not be walked: the next one looks again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, plan, seconds};
    use store::{Ledger, Ownership, Shard, Tx, Write};

    /// Counts its rounds in the ledger.
    struct Counting(store::MemoryLedger, u32);

    #[async_trait]
    impl Patrol for Counting {
        fn name(&self) -> &'static str {
            "counting"
        }

        fn every(&self) -> TimeDelta {
            TimeDelta::seconds(10)
        }

        async fn round(&mut self, fence: Fence) -> Result<(), LedgerError> {
            self.1 += 1;
            let writes = vec![Write::Setting { key: "rounds".into(), value: self.1.to_string() }];
            self.0.commit(Tx { fence: Some(fence), writes }).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_is_on_duty_walks_and_who_was_is_fenced_off() {
        let world = World::new(plan(Vec::new())).await;
        let (duty, held) = watch::channel(None);
        tokio::spawn(walk(Counting(world.ledger.clone(), 0), world.clock.clone(), held, world.stop.subscribe()));
        let rounds = async || world.ledger.setting("rounds").await.unwrap();
        seconds(95).await;
        assert_eq!(rounds().await, None, "somebody else's duty");
        duty.send_replace(Some(world.ledger.take(Shard::OFFICE).await.unwrap()));
        seconds(20).await;
        assert_eq!(rounds().await.as_deref(), Some("2"));
        // It was paused, and does not know yet that another has taken the duty.
        world.ledger.take(Shard::OFFICE).await.unwrap();
        seconds(100).await;
        assert_eq!(rounds().await.as_deref(), Some("2"));
    }
}
