//! More than one machine: the same house over PostgreSQL and NATS JetStream. Each process is a member with a lease; workers share
//! the shards; doors and consoles keep nothing and may be any number.

mod between;
mod moving;
mod posts;
mod topology;

pub use between::adopt;
pub use moving::{migrate, restore};
pub use topology::topology;

use crate::clock;
use crate::config::ClusterConfig;
use crate::lamp::Lamps;
use crate::pulse::{Elsewhere, Workers};
use alerts::Channel;
use alerts::canary::Canary;
use anyhow::Context;
use ingest::Ports;
use std::path::Path;
use std::sync::Arc;
use store::jetstream::{JetLog, JetSettings};
use store::postgres::{Member, Membership, PgLedger, PgOpened, PgSettings};
use store::sqlite::Keys;
use store::{Clock, LedgerError, LogKeeper, Ownership};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, warn};

/// The engines, connected.
pub struct Base {
    /// The ledger.
    pub ledger: Arc<PgLedger>,
    /// The event log.
    pub log: Arc<JetLog>,
    config: ClusterConfig,
}

/// What the members' work needs of the house.
pub struct House {
    /// The workers of all shards.
    pub homes: Arc<Workers>,
    /// The buttons' lamps.
    pub lamps: Arc<Lamps>,
    /// The canary.
    pub canary: Arc<Canary>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The ports of a new worker.
    pub ports: Box<dyn Fn(Arc<dyn Ownership>) -> Ports + Send + Sync>,
    /// Its settings.
    pub settings: ingest::Settings,
    /// Where the console listens.
    pub console: String,
}

fn pg_settings(config: &ClusterConfig) -> anyhow::Result<PgSettings> {
    let read = |file: &Path| std::fs::read_to_string(file).map(|t| t.trim().to_owned()).with_context(|| format!("reading {}", file.display()));
    let postgres = &config.postgres;
    Ok(PgSettings {
        url: postgres.url_file.as_deref().map_or_else(|| Ok(postgres.url.clone()), read)?,
        replica_url: postgres.replica_url_file.as_deref().map(read).transpose()?,
        authorities: postgres.authorities.clone(),
        connections: postgres.connections,
    })
}

/// Opens the ledger that a configuration names.
///
/// # Errors
/// If the keys are missing, or the database cannot be used.
pub async fn ledger(config: &ClusterConfig, data: &Path) -> anyhow::Result<(Arc<PgLedger>, PgOpened)> {
    let settings = pg_settings(config)?;
    let key_file = config.key_file.clone().unwrap_or_else(|| data.join("keys/seal.key"));
    let keys = Keys::read(&key_file).context("the key file is the same on every node: copy it from the first one (`hearthline init` made it)")?;
    let (ledger, opened) = PgLedger::open(settings, Arc::new(keys), clock::wall()).await.context("opening the ledger ([cluster.postgres])")?;
    Ok((Arc::new(ledger), opened))
}

/// Connects to both engines.
///
/// # Errors
/// If one of them cannot be used.
pub async fn open(config: &ClusterConfig, data: &Path) -> anyhow::Result<Base> {
    let (ledger, opened) = ledger(config, data).await?;
    if opened == PgOpened::Copied {
        warn!("this ledger was restored or copied: calling is held until an operator releases it");
    }
    let nats = &config.nats;
    let settings = JetSettings {
        password_file: nats.password_file.clone(),
        authorities: nats.authorities.clone(),
        prefix: nats.prefix.clone(),
        replicas: nats.replicas,
        ..JetSettings::at(&nats.urls, config.shards)
    };
    let log = Arc::new(JetLog::open(settings).await.context("opening the event log ([cluster.nats])")?);
    Ok(Base { ledger, log, config: config.clone() })
}

impl Base {
    /// The name of this node.
    pub fn node(&self) -> &str {
        &self.config.node
    }

    fn subject(&self, of: &str) -> String {
        format!("{}.{of}", self.config.nats.prefix)
    }

    /// The workers of the other processes.
    pub fn elsewhere(&self) -> Arc<dyn Elsewhere> {
        Arc::new(between::Asking { client: self.log.client(), prefix: self.config.nats.prefix.clone() })
    }

    /// The canary's channel: every process hears that a press has come through.
    pub fn canary_channel(&self, canary: Arc<Canary>) -> Arc<dyn Channel> {
        Arc::new(between::ToldCanary::new(canary, self.log.client(), self.subject("canary")))
    }

    /// True if this node decides about homes and calls people.
    pub fn works(&self) -> bool {
        self.config.worker
    }

    /// Joins, takes shards and works on them. Returns once the shards that were free are at work: only then may the doors open;
    /// with the tasks, and the right of this member to take what is done once.
    ///
    /// # Errors
    /// If the ledger cannot be joined.
    pub async fn begin(&self, house: House, stopped: watch::Receiver<bool>) -> anyhow::Result<(Vec<JoinHandle<()>>, Arc<dyn Ownership>)> {
        let duties = if self.config.worker { "worker,door,console" } else { "door,console" };
        let member = Member {
            node: self.config.node.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            duties: duties.into(),
            address: house.console.clone(),
        };
        let membership = Membership::join(self.ledger.clone(), member, self.config.shards).await.context("joining the others")?;
        let mut tasks = vec![tokio::spawn({
            let (ledger, stop) = (self.ledger.clone(), stopped.clone());
            async move { ledger.follow(stop).await }
        })];
        between::connect(&self.log.client(), &self.config.nats.prefix, &house, stopped.clone()).await.context("listening to the others")?;
        // The lease is given back last, when the workers have written their snapshots.
        let (leave, left) = watch::channel(false);
        let lease = tokio::spawn({
            let membership = membership.clone();
            async move {
                match membership.run(left).await {
                    Ok(()) => {}
                    Err(LedgerError::Fenced) => {
                        error!("another process has joined under this node's name: this one ends, for two of one name would both call people");
                        std::process::exit(3);
                    }
                    Err(error) => warn!(%error, "the lease could not be given back: it runs out by itself"),
                }
            }
        });
        let mut posts = posts::Posts::new(house, membership.clone(), self.config.worker);
        posts.look().await;
        tasks.push(tokio::spawn(async move {
            posts.run(stopped).await;
            let _the_lease_ends = leave.send(true);
            if lease.await.is_err() {
                warn!("the lease's task ended badly");
            }
        }));
        let ownership: Arc<dyn Ownership> = membership;
        Ok((tasks, ownership))
    }

    /// Looks for a second live copy of this ledger on the same servers (ALM-8).
    pub fn watch_copies(&self, clock: Arc<dyn Clock>) -> JoinHandle<()> {
        let (client, subject, ledger, node) = (self.log.client(), self.subject("alive"), self.ledger.clone(), self.config.node.clone());
        tokio::spawn(async move { between::watch_copies(client, subject, ledger, node, clock).await })
    }

    /// True while the log's servers are late.
    pub fn is_late(&self) -> bool {
        LogKeeper::is_late(&*self.log)
    }
}
