//! `hearthline migrate`: from one machine to many and back, with the platform stopped. Everything that was stored must have been
//! decided: then the log on the other side begins empty and nothing is lost. Open alarms go on where they stood, once an
//! operator has released calling.

use super::{ledger, open};
use crate::config::{ClusterConfig, Config};
use anyhow::{Context, bail};
use care::Lane;
use std::path::Path;
use store::ledger::{Tx, Write};
use store::postgres::{PgLedger, PgSettings, Places};
use store::sqlite::{DataDir, LedgerOptions, LogOptions, SqliteLedger, SqliteLog};
use store::{EventLog, Ledger, LedgerKeeper, Shard};

/// Shards of one machine.
const ALONE: u16 = 1;

/// Moves the ledger that `from` names to where `to` names.
///
/// # Errors
/// If the platform runs, something is not decided yet, or the new place is not empty.
pub async fn migrate(from: &Path, to: &Path) -> anyhow::Result<()> {
    let (from, to) = (Config::read(from)?, Config::read(to)?);
    match (&from.cluster, &to.cluster) {
        (None, Some(cluster)) => outwards(&from.platform.data_dir, cluster, &to.platform.data_dir).await?,
        (Some(cluster), None) => homewards(cluster, &from.platform.data_dir, &to.platform.data_dir).await?,
        (None, None) | (Some(_), Some(_)) => bail!("one of the two configurations must have [cluster], the other not"),
    }
    println!("Moved. Calling is held on both sides: look at the open alarms, then release it on the new one with `hearthline calling`.");
    Ok(())
}

/// Everything in the log must be decided and in a snapshot.
async fn all_decided(log: &dyn EventLog, ledger: &dyn LedgerKeeper) -> anyhow::Result<()> {
    for (shard, kept) in ledger.kept_after(log.shards()).await.context("reading how far was decided")? {
        for (lane, place) in [(Lane::Red, kept.red), (Lane::Routine, kept.routine)] {
            let end = log.end(shard, lane).await.context("reading the log")?;
            if place < end {
                bail!("shard {} has records that are not decided yet: start the platform on the old side once more and stop it by SIGTERM", shard.0);
            }
        }
    }
    Ok(())
}

/// Whoever still starts the old side calls nobody.
async fn leave(ledger: &dyn Ledger) -> anyhow::Result<()> {
    let now = crate::clock::wall();
    let writes = vec![
        Write::Setting { key: alerts::engine::CALLING.0.into(), value: alerts::engine::CALLING.1.into() },
        Write::Audit { at: now, who: "command line".into(), action: "ledger.moved".into(), subject: "platform".into() },
    ];
    ledger.commit(Tx { fence: None, writes }).await.context("holding calling on the old side")
}

fn settings(cluster: &ClusterConfig) -> anyhow::Result<PgSettings> {
    super::pg_settings(cluster)
}

async fn outwards(data: &Path, cluster: &ClusterConfig, new_data: &Path) -> anyhow::Result<()> {
    let dir = DataDir::open(data).with_context(|| format!("opening {} (stop the platform first)", data.display()))?;
    let (old, _) = SqliteLedger::open(&dir, &LedgerOptions::default(), crate::clock::wall()).context("opening the old ledger")?;
    let log = SqliteLog::open(&dir, LogOptions { shards: ALONE, ..LogOptions::default() }).context("opening the old event log")?;
    all_decided(&log, &old).await?;
    leave(&old).await?;
    log.close();
    old.close();
    drop((log, old));
    let keys = data.join("keys/seal.key");
    let place = cluster.key_file.clone().unwrap_or_else(|| new_data.join("keys/seal.key"));
    if !place.exists() && cluster.key_file.is_none() {
        crate::carry::bring_keys(&keys, new_data)?;
    }
    let forget = Places::Anew(cluster.shards, ingest::without_place);
    let carried = PgLedger::receive(&settings(cluster)?, &data.join("ledger.db"), forget).await.context("writing the new ledger")?;
    let base = open(cluster, new_data).await.context("opening the new side")?;
    for shard in (0..cluster.shards).map(Shard) {
        for lane in [Lane::Red, Lane::Routine] {
            if base.log.end(shard, lane).await.context("looking at the new log")?.0 > 0 {
                bail!("the streams `{}` are not empty: name another prefix", cluster.nats.prefix);
            }
        }
    }
    report(&carried);
    Ok(())
}

async fn homewards(cluster: &ClusterConfig, old_data: &Path, data: &Path) -> anyhow::Result<()> {
    if data.join("ledger.db").exists() {
        bail!("{} holds a ledger already: name an empty directory", data.display());
    }
    let base = open(cluster, old_data).await?;
    if base.ledger.members().await.context("asking for the members")?.iter().any(|m| m.lease_ms > 0) {
        bail!("nodes are at work: stop all of them first");
    }
    all_decided(&*base.log, &*base.ledger).await?;
    leave(&*base.ledger).await?;
    let keys = cluster.key_file.clone().unwrap_or_else(|| old_data.join("keys/seal.key"));
    std::fs::create_dir_all(data).with_context(|| format!("making {}", data.display()))?;
    crate::carry::bring_keys(&keys, data)?;
    let carried = base.ledger.copy_to(&data.join("ledger.db"), Places::Anew(ALONE, ingest::without_place)).await.context("writing the new ledger")?;
    let dir = DataDir::open(data).context("opening the new data directory")?;
    let (new, _) = SqliteLedger::open(&dir, &LedgerOptions::default(), crate::clock::wall()).context("opening the new ledger")?;
    new.close();
    report(&carried);
    Ok(())
}

/// Restores a backup into the database that a configuration names. If the log's streams are those of the backup, what came since is
/// decided again from them; if they are gone, the log begins anew.
///
/// # Errors
/// If the database is not empty or the backup cannot be read.
pub async fn restore(cluster: &ClusterConfig, data: &Path, from: &Path) -> anyhow::Result<()> {
    let file = from.join("ledger.db");
    PgLedger::receive(&settings(cluster)?, &file, Places::Kept).await.context("writing the ledger")?;
    let base = open(cluster, data).await?;
    for (shard, kept) in base.ledger.kept_after(cluster.shards).await.context("reading how far was decided")? {
        for (lane, place) in [(Lane::Red, kept.red), (Lane::Routine, kept.routine)] {
            if base.log.end(shard, lane).await.context("looking at the log")? < place {
                bail!(
                    "the streams `{}` end before the place that the backup has decided (shard {}): they are not those of this ledger. \
                     Restore on one machine and `hearthline migrate` from there with a new prefix",
                    cluster.nats.prefix,
                    shard.0
                );
            }
        }
    }
    let (ledger, _) = ledger(cluster, data).await?;
    let held = ledger.setting(alerts::engine::CALLING.0).await.context("reading the settings")?;
    println!("Restored. Calling is {}: look at the open alarms, then `hearthline calling --config ... release`.", held.as_deref().unwrap_or("not held"));
    Ok(())
}

fn report(carried: &store::postgres::Carried) {
    let rows: u64 = carried.values().sum();
    println!("{rows} rows: {} alarms, {} homes, {} sheets.", carried.get("alarm").unwrap_or(&0), carried.get("home").unwrap_or(&0), carried.get("sheet").unwrap_or(&0));
}

