//! `hearthline topology`: who is at work, who owns which shard, how far each lane is behind.

use super::open;
use crate::config::Config;
use anyhow::{Context, bail};
use care::Lane;
use std::fmt::Write as _;
use std::path::Path;

/// Prints what the engines say now.
///
/// # Errors
/// If the configuration names no cluster, or an engine does not answer.
pub async fn topology(file: &Path) -> anyhow::Result<()> {
    let config = Config::read(file)?;
    let Some(cluster) = &config.cluster else { bail!("{} has no [cluster]: this machine is alone", file.display()) };
    let base = open(cluster, &config.platform.data_dir).await?;
    let mut out = String::new();
    let members = base.ledger.members().await.context("asking for the members")?;
    writeln!(out, "{:<20} {:<10} {:<22} {:<24} lease", "node", "version", "duties", "console")?;
    for view in &members {
        let lease = if view.lease_ms > 0 { format!("{} ms", view.lease_ms) } else { "ended".to_owned() };
        writeln!(out, "{:<20} {:<10} {:<22} {:<24} {lease}", view.member.node, view.member.version, view.member.duties, view.member.address)?;
    }
    writeln!(out, "\n{:<6} {:<20} {:>8} {:>12} {:>12} {:>10} {:>12}  log's leader", "shard", "owner", "epoch", "red", "routine", "red lag", "routine lag")?;
    let mut unowned = 0;
    for shard in base.ledger.shards().await.context("asking for the shards")? {
        let (red_end, leader) = base.log.view(Lane::Red, shard.shard).await.context("asking the log")?;
        let (routine_end, _) = base.log.view(Lane::Routine, shard.shard).await.context("asking the log")?;
        // Places count records within messages; their messages are what can be compared.
        let (red, routine) = (shard.decided.red.0 >> 12, shard.decided.routine.0 >> 12);
        unowned += usize::from(shard.owner.is_none());
        writeln!(
            out,
            "{:<6} {:<20} {:>8} {:>12} {:>12} {:>10} {:>12}  {}",
            shard.shard.0,
            shard.owner.as_deref().unwrap_or("nobody"),
            shard.epoch,
            red,
            routine,
            red_end.saturating_sub(red),
            routine_end.saturating_sub(routine),
            leader.as_deref().unwrap_or("none")
        )?;
    }
    let office = base.ledger.office().await.context("asking who is on duty")?;
    writeln!(out, "\nThe office's jobs and the daily calls: {}", office.as_deref().unwrap_or("nobody"))?;
    let off = (base.ledger.server_time().await.context("asking for the database's time")? - crate::clock::wall()).num_milliseconds();
    writeln!(out, "\nThis machine's clock differs from the database's by {} ms.", off.abs())?;
    print!("{out}");
    if unowned > 0 {
        bail!("{unowned} shards have no living owner");
    }
    Ok(())
}
