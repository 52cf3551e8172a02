//! The posts of this process: a worker for each shard that it owns. Twice a second it looks at who is alive and takes, keeps or
//! gives back; what it gives back is handed over by a snapshot and the rest of the log.

use super::House;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use ingest::{StartError, Worker};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::postgres::Membership;
use store::{LedgerError, Ownership, Shard};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

struct Post {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

pub(super) struct Posts {
    house: House,
    membership: Arc<Membership>,
    works: bool,
    posts: BTreeMap<Shard, Post>,
}

impl Posts {
    pub(super) fn new(house: House, membership: Arc<Membership>, works: bool) -> Self {
        Self { house, membership, works, posts: BTreeMap::new() }
    }

    /// Looks until `stop` turns true; then every worker writes its snapshot and ends.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                stopped = stop.wait_for(|s| *s) => { let _gone = stopped; break }
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            self.look().await;
        }
        let all: Vec<_> = self.posts.keys().copied().collect();
        self.end(&all).await;
    }

    /// One look.
    pub(super) async fn look(&mut self) {
        if !self.works {
            return;
        }
        let wanted = match self.membership.wanted().await {
            Ok(wanted) => wanted,
            Err(error) => {
                // What is at work goes on: if a shard was taken meanwhile, the fence says so.
                warn!(%error, "the ledger does not say who owns which shard");
                return;
            }
        };
        // A worker that has found itself fenced off has ended by itself.
        let ended: Vec<_> = self.posts.iter().filter(|(_, p)| p.task.is_finished()).map(|(s, _)| *s).collect();
        for shard in ended {
            self.posts.remove(&shard);
            self.house.homes.ended(shard);
        }
        let too_much: Vec<_> = self.posts.keys().copied().filter(|s| !wanted.contains(s)).collect();
        if !too_much.is_empty() {
            self.end(&too_much).await;
        }
        let new = wanted.into_iter().filter(|s| !self.posts.contains_key(s));
        let start = |shard| {
            let start = Worker::start(shard, (self.house.ports)(self.membership.clone()), self.house.settings.clone());
            async move { (shard, start.await) }
        };
        let mut starts: FuturesUnordered<_> = new.map(start).collect();
        // Each is at work as soon as it can be: one whose stream has no leader keeps no other waiting.
        while let Some((shard, worker)) = starts.next().await {
            match worker {
                Ok(worker) => {
                    info!(shard = shard.0, "this process decides about this shard now");
                    self.house.homes.began(shard, worker.handle(), worker.counters());
                    let (stop, stopped) = watch::channel(false);
                    self.posts.insert(shard, Post { stop, task: tokio::spawn(worker.run(stopped)) });
                }
                // Somebody was faster.
                Err(StartError::Ledger(LedgerError::Fenced)) => {}
                Err(error) => warn!(%error, shard = shard.0, "the shard's worker cannot start: trying again"),
            }
        }
    }

    /// Ends workers and gives their shards back.
    async fn end(&mut self, shards: &[Shard]) {
        let mut ending = Vec::new();
        for shard in shards {
            if let Some(post) = self.posts.remove(shard) {
                let _it_may_have_ended = post.stop.send(true);
                ending.push((*shard, post.task));
            }
        }
        for (shard, task) in ending {
            if task.await.is_err() {
                warn!(shard = shard.0, "a worker ended badly");
            }
            self.house.homes.ended(shard);
            match self.membership.release(shard).await {
                Ok(()) => info!(shard = shard.0, "the shard is handed over"),
                Err(error) => warn!(%error, shard = shard.0, "the shard could not be given back: it becomes free with the lease"),
            }
        }
    }
}
