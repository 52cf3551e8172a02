//! `hearthline backup`, `restore` and `migrate`: the whole ledger as of one moment, on this machine or on many. Whatever is
//! restored, copied or moved starts with calling held until an operator releases it (ALM-8).

use crate::config::Config;
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use store::sqlite::{DataDir, LedgerOptions, SqliteLedger};

/// What stands beside the files of a backup.
const MANIFEST: &str = "backup.json";

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// Version of this form: 1.
    form: u32,
    made_at: care::Timestamp,
    /// `embedded` or `cluster`.
    from: String,
    /// SHA-256 of each file, hex.
    files: BTreeMap<String, String>,
}

fn sum(file: &Path) -> anyhow::Result<String> {
    let mut from = File::open(file).with_context(|| format!("reading {}", file.display()))?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let n = from.read(&mut buffer).with_context(|| format!("reading {}", file.display()))?;
        if n == 0 {
            return Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect());
        }
        hash.update(buffer.get(..n).unwrap_or_default());
    }
}

fn private_dir(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).with_context(|| format!("closing {} to others", dir.display()))
}

/// Writes a backup into a new directory. The platform may be at work.
///
/// # Errors
/// If something cannot be read or written; an unfinished backup has no manifest and is not restored.
pub async fn backup(config: &Path, to: &Path) -> anyhow::Result<()> {
    let config = Config::read(config)?;
    if to.join(MANIFEST).exists() {
        bail!("{} holds a backup already: name a new directory", to.display());
    }
    private_dir(to)?;
    let (from, names) = copied(&config, to).await?;
    let files = names.into_iter().map(|name| Ok((name.clone(), sum(&to.join(name))?))).collect::<anyhow::Result<_>>()?;
    let manifest = Manifest { form: 1, made_at: crate::clock::wall(), from: from.into(), files };
    let mut file = File::create(to.join(MANIFEST)).context("writing the manifest")?;
    file.write_all(&serde_json::to_vec_pretty(&manifest)?).and_then(|()| file.sync_all()).context("writing the manifest")?;
    println!("{} files in {}. The key file is not among them: keep its copy apart, for without it names and numbers cannot be read.", manifest.files.len(), to.display());
    Ok(())
}

async fn copied(config: &Config, to: &Path) -> anyhow::Result<(&'static str, Vec<String>)> {
    #[cfg(feature = "cluster")]
    if let Some(cluster) = &config.cluster {
        let (ledger, _) = crate::cluster::ledger(cluster, &config.platform.data_dir).await?;
        ledger.copy_to(&to.join("ledger.db"), store::postgres::Places::Kept).await.context("copying the ledger")?;
        return Ok(("cluster", vec!["ledger.db".into()]));
    }
    let (data, to) = (config.platform.data_dir.clone(), to.to_owned());
    let names = tokio::task::spawn_blocking(move || store::sqlite::copy(&data, &to)).await.context("copying")?.context("copying the data directory")?;
    Ok(("embedded", names))
}

fn checked(from: &Path) -> anyhow::Result<Manifest> {
    let file = from.join(MANIFEST);
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}: an unfinished backup has none", file.display()))?;
    let manifest: Manifest = serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))?;
    if manifest.form != 1 {
        bail!("{} was written by a newer version", file.display());
    }
    for (name, expected) in &manifest.files {
        if name.contains('/') || sum(&from.join(name))? != *expected {
            bail!("{} is damaged: its sum is not the one that was written down", from.join(name).display());
        }
    }
    Ok(manifest)
}

/// Restores a backup into an empty data directory or database. It starts with calling held.
///
/// # Errors
/// If the backup is damaged, there is something already, or the keys do not fit.
pub async fn restore(config: &Path, from: &Path, keys: Option<&Path>) -> anyhow::Result<()> {
    let config = Config::read(config)?;
    let manifest = checked(from)?;
    #[cfg(feature = "cluster")]
    if let Some(cluster) = &config.cluster {
        return crate::cluster::restore(cluster, &config.platform.data_dir, from).await;
    }
    let data = &config.platform.data_dir;
    if data.join("ledger.db").exists() {
        bail!("{} holds a ledger already: a backup is restored into an empty directory only", data.display());
    }
    private_dir(data)?;
    if let Some(keys) = keys {
        bring_keys(keys, data)?;
    }
    for name in manifest.files.keys() {
        std::fs::copy(from.join(name), data.join(name)).with_context(|| format!("restoring {name}"))?;
        File::open(data.join(name)).and_then(|f| f.sync_all()).with_context(|| format!("restoring {name}"))?;
    }
    let dir = DataDir::open(data).context("opening the data directory")?;
    let (ledger, _) = SqliteLedger::open(&dir, &LedgerOptions::default(), crate::clock::wall()).context("opening what was restored")?;
    let wrong = ledger.check().await.context("checking what was restored")?;
    ledger.close();
    if let Some(first) = wrong.first() {
        bail!("what was restored is damaged: {first}");
    }
    println!("Restored as of {}. Calling is held: look at the open alarms, then `hearthline calling --config ... release`.", manifest.made_at);
    Ok(())
}

/// Puts a copy of the key file in its place, if there is none.
///
/// # Errors
/// If there is another one.
pub(crate) fn bring_keys(keys: &Path, data: &Path) -> anyhow::Result<PathBuf> {
    let place = data.join("keys/seal.key");
    let text = std::fs::read(keys).with_context(|| format!("reading {}", keys.display()))?;
    if place.exists() {
        if std::fs::read(&place).context("reading the key file")? != text {
            bail!("{} is another key file", place.display());
        }
        return Ok(place);
    }
    private_dir(&data.join("keys"))?;
    crate::secret::write_file(&place, &text).with_context(|| format!("writing {}", place.display()))?;
    Ok(place)
}
