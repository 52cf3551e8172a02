//! Who may write for a shard of homes.

use crate::ledger::LedgerError;
use crate::log::Shard;
use async_trait::async_trait;

/// The right to write for a shard: the epoch is checked in the same transaction as the effects, so that a
/// paused old owner cannot write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The shard.
    pub shard: Shard,
    /// The epoch that the owner was given.
    pub epoch: u64,
}

/// The port. On one machine everything is always ours, with a new epoch at each start.
#[async_trait]
pub trait Ownership: Send + Sync {
    /// Becomes the owner of a shard: the epoch grows, every older owner is fenced off.
    async fn take(&self, shard: Shard) -> Result<Fence, LedgerError>;

    /// Gives a shard back, so that others may take it at once. On one machine there are no others.
    ///
    /// # Errors
    /// [`LedgerError`] if it could not be written; then the shard becomes free when its owner's lease ends.
    async fn release(&self, _shard: Shard) -> Result<(), LedgerError> {
        Ok(())
    }
}
