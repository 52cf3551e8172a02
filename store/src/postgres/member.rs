//! Who is at work and who owns which shard. A member's lease is a row that it renews by the server's clock; a shard is taken
//! only from nobody, from a dead member, or from oneself, and taking it grows the epoch that every write is checked against.

use super::PgLedger;
use super::apply::text;
use crate::ledger::LedgerError;
use crate::log::Shard;
use crate::ownership::{Fence, Ownership};
use crate::sqlite::read::to_u64;
use async_trait::async_trait;
use care::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How long a lease holds after its last renewal. A paused or dead worker's shards are free after that.
pub const LEASE: Duration = Duration::from_secs(4);
/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_millis(1_000);

/// Who joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The stable name of this node: a new life under the same name ends the old one at once.
    pub node: String,
    /// The program's version.
    pub version: String,
    /// `worker`, `door`, `console`, joined by commas. Only workers get shards.
    pub duties: String,
    /// Where its console answers, for people.
    pub address: String,
}

/// A member as the others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// The name of this life.
    pub id: String,
    /// Who it is.
    pub member: Member,
    /// Milliseconds until its lease ends; negative: it has ended.
    pub lease_ms: i64,
}

/// A shard as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardView {
    /// The shard.
    pub shard: Shard,
    /// Its epoch.
    pub epoch: u64,
    /// The node of its owner, if the owner lives.
    pub owner: Option<String>,
    /// How far it has been decided.
    pub decided: crate::ledger::Decided,
    /// The place of its last whole snapshot.
    pub snapshot: crate::ledger::Decided,
}

/// The membership of this process.
pub struct Membership {
    ledger: Arc<PgLedger>,
    member: Member,
    /// False from the moment at which the lease could have run out.
    alive: AtomicBool,
}

const JOIN: &str = "INSERT INTO member (id, node, version, duties, address, lease_until)
     VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6::FLOAT8 * INTERVAL '1 second')
     ON CONFLICT (node) DO UPDATE SET id = excluded.id, version = excluded.version, duties = excluded.duties, address = excluded.address,
        joined_at = clock_timestamp(), lease_until = excluded.lease_until";
const RENEW: &str = "UPDATE member SET lease_until = clock_timestamp() + $2::FLOAT8 * INTERVAL '1 second' WHERE id = $1";
/// Free for this member: nobody's, its own, or a dead member's. Only a living member takes anything.
const TAKE: &str = "UPDATE owner SET epoch = epoch + 1, member = $2, taken_at = clock_timestamp()
     WHERE shard = $1 AND (member IS NULL OR member = $2 OR NOT member_lives(member)) AND member_lives($2) RETURNING epoch";

impl Membership {
    /// Joins, and makes sure that there is a row for each of the shards.
    ///
    /// # Errors
    /// [`LedgerError`] if the database did not take it.
    pub async fn join(ledger: Arc<PgLedger>, member: Member, shards: u16) -> Result<Arc<Self>, LedgerError> {
        let rows = "INSERT INTO owner (shard, epoch) SELECT generate_series(0, $1::BIGINT - 1), 0 ON CONFLICT (shard) DO NOTHING";
        let client = ledger.pools.get().await?;
        client.execute(rows, &[&i64::from(shards)]).await?;
        client.execute("INSERT INTO owner (shard, epoch) VALUES ($1, 0) ON CONFLICT (shard) DO NOTHING", &[&i64::from(Shard::OFFICE.0)]).await?;
        drop(client);
        let membership = Self { ledger, member, alive: AtomicBool::new(true) };
        membership.enter().await?;
        Ok(Arc::new(membership))
    }

    async fn enter(&self) -> Result<(), LedgerError> {
        let Member { node, version, duties, address } = &self.member;
        let client = self.ledger.pools.get().await?;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&self.ledger.me, &text(node), &text(version), &text(duties), &text(address), &LEASE.as_secs_f64()];
        client.execute(JOIN, &values).await?;
        Ok(())
    }

    async fn renew(&self) -> Result<(), LedgerError> {
        let client = self.ledger.pools.get().await?;
        if client.execute(RENEW, &[&self.ledger.me, &LEASE.as_secs_f64()]).await? == 0 {
            // Another life of this node has taken the name: two processes run with one name. The younger one counts.
            return Err(LedgerError::Fenced);
        }
        Ok(())
    }

    /// True while the lease surely holds.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }

    /// Renews the lease until `stop` turns true, then gives it back. Returns early if another process has joined under the
    /// same name: then this one must end.
    ///
    /// # Errors
    /// [`LedgerError::Fenced`] if another process has taken this node's name.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) -> Result<(), LedgerError> {
        let mut renewed = tokio::time::Instant::now();
        loop {
            let asked = tokio::time::Instant::now();
            match tokio::time::timeout(LEASE / 2, self.renew()).await {
                Ok(Ok(())) => {
                    renewed = asked;
                    self.alive.store(true, Ordering::Release);
                }
                Ok(Err(LedgerError::Fenced)) => {
                    self.alive.store(false, Ordering::Release);
                    return Err(LedgerError::Fenced);
                }
                Ok(Err(error)) => tracing::warn!(%error, "the lease could not be renewed: trying again"),
                Err(_) => tracing::warn!("the lease could not be renewed in time: trying again"),
            }
            if renewed.elapsed() >= LEASE {
                self.alive.store(false, Ordering::Release);
            }
            let stopped = tokio::select! {
                stopped = stop.wait_for(|s| *s) => { let _gone = stopped; true }
                () = tokio::time::sleep(RENEW_EVERY) => false,
            };
            if stopped {
                return self.leave().await;
            }
        }
    }

    async fn leave(&self) -> Result<(), LedgerError> {
        let client = self.ledger.pools.get().await?;
        client.execute("UPDATE owner SET member = NULL WHERE member = $1", &[&self.ledger.me]).await?;
        client.execute("DELETE FROM member WHERE id = $1", &[&self.ledger.me]).await?;
        Ok(())
    }

    /// The shards that this worker should have now, given who is alive: those it has, less what is too much, and free ones up
    /// to its share. A shard that is too much is to be given back with [`Membership::release`] once its worker has ended.
    ///
    /// # Errors
    /// [`LedgerError`] if the question failed.
    pub async fn wanted(&self) -> Result<Vec<Shard>, LedgerError> {
        let me = &self.ledger.me;
        let workers = self
            .ledger
            .rows("SELECT id FROM member WHERE lease_until > clock_timestamp() AND duties LIKE '%worker%' ORDER BY id", &[], |r| {
                Ok(r.try_get::<_, String>(0)?)
            })
            .await?;
        let Some(rank) = workers.iter().position(|id| id == me) else { return Ok(Vec::new()) };
        let shards = self
            .ledger
            .rows("SELECT shard, member, member IS NOT NULL AND member_lives(member) FROM owner WHERE shard <> $1 ORDER BY shard", &[&i64::from(Shard::OFFICE.0)], |r| {
                let shard = Shard(u16::try_from(r.try_get::<_, i64>(0)?).unwrap_or(u16::MAX));
                Ok((shard, r.try_get::<_, Option<String>>(1)?, r.try_get::<_, bool>(2)?))
            })
            .await?;
        let share = shards.len() / workers.len() + usize::from(rank < shards.len() % workers.len());
        let mut wanted: Vec<Shard> = shards.iter().filter(|(_, owner, _)| owner.as_ref() == Some(me)).map(|(s, _, _)| *s).collect();
        let free = shards.iter().filter(|(_, owner, lives)| !lives && owner.as_ref() != Some(me)).map(|(s, _, _)| *s);
        wanted.extend(free);
        wanted.truncate(share);
        Ok(wanted)
    }
}

#[async_trait]
impl Ownership for Membership {
    /// Takes a shard that is free; [`LedgerError::Fenced`] if a living member has it.
    async fn take(&self, shard: Shard) -> Result<Fence, LedgerError> {
        let epoch = self.ledger.row(TAKE, &[&i64::from(shard.0), &self.ledger.me], |r| Ok(to_u64(r.try_get(0)?))).await?;
        epoch.map(|epoch| Fence { shard, epoch }).ok_or(LedgerError::Fenced)
    }

    async fn release(&self, shard: Shard) -> Result<(), LedgerError> {
        let client = self.ledger.pools.get().await?;
        client.execute("UPDATE owner SET member = NULL WHERE shard = $1 AND member = $2", &[&i64::from(shard.0), &self.ledger.me]).await?;
        Ok(())
    }
}

#[async_trait]
impl Ownership for PgLedger {
    /// Takes a shard whoever has it: for one process alone, and for tools.
    async fn take(&self, shard: Shard) -> Result<Fence, LedgerError> {
        let sql = "INSERT INTO owner (shard, epoch, member) VALUES ($1, 1, $2)
             ON CONFLICT (shard) DO UPDATE SET epoch = owner.epoch + 1, member = excluded.member, taken_at = clock_timestamp() RETURNING epoch";
        let epoch = self.row(sql, &[&i64::from(shard.0), &self.me], |r| Ok(to_u64(r.try_get(0)?))).await?;
        Ok(Fence { shard, epoch: epoch.unwrap_or_default() })
    }
}

impl PgLedger {
    /// Everybody who has joined and not left.
    ///
    /// # Errors
    /// [`LedgerError`] if the question failed.
    pub async fn members(&self) -> Result<Vec<MemberView>, LedgerError> {
        let sql = "SELECT id, node, version, duties, address, (extract(epoch FROM lease_until - clock_timestamp()) * 1000)::BIGINT FROM member ORDER BY node";
        self.rows(sql, &[], |r| {
            let member = Member { node: r.try_get(1)?, version: r.try_get(2)?, duties: r.try_get(3)?, address: r.try_get(4)? };
            Ok(MemberView { id: r.try_get(0)?, member, lease_ms: r.try_get(5)? })
        })
        .await
    }

    /// The node that does the office's jobs and the daily calls, if one lives that has taken them.
    ///
    /// # Errors
    /// [`LedgerError`] if the question failed.
    pub async fn office(&self) -> Result<Option<String>, LedgerError> {
        let sql = "SELECT member.node FROM owner JOIN member ON member.id = owner.member WHERE shard = $1 AND lease_until > clock_timestamp()";
        self.row(sql, &[&i64::from(Shard::OFFICE.0)], |r| Ok(r.try_get(0)?)).await
    }

    /// Every shard of homes and its owner.
    ///
    /// # Errors
    /// [`LedgerError`] if the question failed.
    pub async fn shards(&self) -> Result<Vec<ShardView>, LedgerError> {
        let sql = "SELECT shard, epoch, (SELECT node FROM member WHERE id = owner.member AND lease_until > clock_timestamp()) FROM owner
             WHERE shard <> $1 ORDER BY shard";
        let rows = self
            .rows(sql, &[&i64::from(Shard::OFFICE.0)], |r| {
                Ok((Shard(u16::try_from(r.try_get::<_, i64>(0)?).unwrap_or(u16::MAX)), to_u64(r.try_get(1)?), r.try_get::<_, Option<String>>(2)?))
            })
            .await?;
        let mut out = Vec::with_capacity(rows.len());
        for (shard, epoch, owner) in rows {
            let (decided, snapshot) = (self.decided_of(shard).await?, self.snapshot_place(shard).await?);
            out.push(ShardView { shard, epoch, owner, decided, snapshot });
        }
        Ok(out)
    }

    /// The server's clock, to tell how far ours is off.
    ///
    /// # Errors
    /// [`LedgerError`] if the question failed.
    pub async fn server_time(&self) -> Result<Timestamp, LedgerError> {
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT";
        let micros = self.row(sql, &[], |r| Ok(r.try_get::<_, i64>(0)?)).await?.unwrap_or_default();
        Ok(crate::sqlite::files::instant(micros.saturating_mul(1_000)))
    }
}
