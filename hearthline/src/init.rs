//! `hearthline init`: a data directory with its keys, a configuration, the first administrator; and
//! `hearthline register`: homes, people and plans from a file.

use crate::{config::Config, secret};
use anyhow::{Context, bail};
use care::{PersonId, TimeDelta};
use serde::Deserialize;
use std::path::Path;
use store::ledger::{Tx, Write};
use store::{LedgerKeeper, Register};
use store::register::{
    Area, ContactRecord, Credential, CredentialRights, DeviceRecord, ElderRecord, HomeRecord, PersonRecord, PlanRecord, Put, Role, Token,
};
use store::sqlite::{DataDir, LedgerOptions, SqliteLedger};

const EXAMPLE: &str = include_str!("../hearthline.example.toml");

/// Makes everything that `run` needs, and prints the administrator's password once.
///
/// # Errors
/// If there is a configuration already: nothing is ever overwritten.
pub async fn init(dir: &Path) -> anyhow::Result<()> {
    let config = dir.join("hearthline.toml");
    if config.exists() {
        bail!("{} is there already: init never overwrites anything; choose another directory", config.display());
    }
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    let data = dir.join("data");
    let ledger = open(&data)?;
    let hook = dir.join("webhook.secret");
    secret::write_file(&hook, secret::webhook().as_bytes()).with_context(|| format!("writing {}", hook.display()))?;
    let quoted = |path: &Path| path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
    let text = EXAMPLE.replace("@DATA@", &quoted(&data)).replace("@WEBHOOK_SECRET@", &quoted(&hook));
    std::fs::write(&config, text).with_context(|| format!("writing {}", config.display()))?;
    let password = secret::make();
    let admin = PersonRecord {
        id: PersonId::new("admin"),
        name: "Administrator".into(),
        role: Role::Administrator,
        area: String::new(),
        password_hash: console::password::hash(&password).context("hashing the password")?,
        active: true,
    };
    ledger.put(vec![Put::Person(admin)]).await.context("making the administrator")?;
    ledger.close();
    println!("{} written.\n\nSign in as   admin\npassword     {password}\n", config.display());
    println!("It is shown this once. Next: `hearthline register --config {} FILE.json` with homes, contacts and plans,", config.display());
    println!("then `hearthline check --config {0}` and `hearthline run --config {0}`.", config.display());
    Ok(())
}

/// The ledger that a configuration names.
#[cfg_attr(not(feature = "cluster"), expect(clippy::unused_async, reason = "one face for both modes"))]
async fn open_for(config: &Config) -> anyhow::Result<std::sync::Arc<dyn LedgerKeeper>> {
    #[cfg(feature = "cluster")]
    if let Some(cluster) = &config.cluster {
        return Ok(crate::cluster::ledger(cluster, &config.platform.data_dir).await?.0);
    }
    Ok(std::sync::Arc::new(open(&config.platform.data_dir)?))
}

fn open(data: &Path) -> anyhow::Result<SqliteLedger> {
    let dir = DataDir::open(data).with_context(|| format!("opening the data directory {}", data.display()))?;
    let (ledger, _found) = SqliteLedger::open(&dir, &LedgerOptions::default(), crate::clock::wall()).context("opening the ledger")?;
    Ok(ledger)
}

/// What a register file may hold. Unknown keys are refused.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RegisterFile {
    areas: Vec<Area>,
    homes: Vec<HomeRecord>,
    elders: Vec<ElderRecord>,
    contacts: Vec<ContactRecord>,
    devices: Vec<DeviceRecord>,
    plans: Vec<PlanRecord>,
    /// New credentials: their secrets are made here and printed once.
    credentials: Vec<NewCredential>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCredential {
    name: String,
    rights: CredentialRights,
}

/// Takes a file into the register: all of it or nothing.
///
/// # Errors
/// What cannot be read, with its line; a plan that cannot work.
pub async fn register(config: &Path, file: &Path) -> anyhow::Result<()> {
    let config = Config::read(config)?;
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let entries: RegisterFile = serde_json::from_str(&text).with_context(|| format!("{}", file.display()))?;
    for record in &entries.plans {
        record.plan.check().with_context(|| format!("plan of {:?}", record.scope))?;
    }
    let ids = entries.homes.iter().map(|h| h.id.as_str()).chain(entries.contacts.iter().map(|c| c.id.as_str()));
    for id in ids.chain(entries.credentials.iter().map(|c| c.name.as_str())) {
        if !care::id::well_formed(id) {
            bail!("`{id}` cannot be an identifier: 1 to 64 letters, digits and -_.:");
        }
    }
    let mut puts: Vec<Put> = Vec::new();
    puts.extend(entries.areas.into_iter().map(Put::Area));
    puts.extend(entries.homes.into_iter().map(Put::Home));
    puts.extend(entries.elders.into_iter().map(Put::Elder));
    puts.extend(entries.contacts.into_iter().map(Put::Contact));
    puts.extend(entries.devices.into_iter().map(Put::Device));
    puts.extend(entries.plans.into_iter().map(Put::Plan));
    let mut secrets = Vec::new();
    for credential in entries.credentials {
        let secret = secret::make();
        puts.push(Put::Credential(Credential { name: credential.name.clone(), secret_hash: secret::hash(&secret), rights: credential.rights, revoked_at: None }));
        secrets.push((credential.name, secret));
    }
    let count = puts.len();
    let ledger = open_for(&config).await?;
    ledger.put(puts).await.context("writing the register")?;
    ledger.close();
    println!("{count} entries written.");
    for (name, secret) in secrets {
        println!("credential {name}   password {secret}");
    }
    Ok(())
}

/// Whether real people are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Calling {
    /// Nobody is called; alarms are raised and shown.
    Hold,
    /// Calling goes on.
    Release,
}

/// Holds or releases calling (ALM-8). The change is in the audit.
///
/// # Errors
/// If the platform runs: it keeps its data directory to itself.
pub async fn calling(config: &Path, to: Calling) -> anyhow::Result<()> {
    let config = Config::read(config)?;
    let ledger = open_for(&config).await?;
    let (value, action) = match to {
        Calling::Hold => (alerts::engine::CALLING.1, "calling.hold"),
        Calling::Release => ("released", "calling.release"),
    };
    let now = crate::clock::wall();
    let writes = vec![
        Write::Setting { key: alerts::engine::CALLING.0.into(), value: value.into() },
        Write::Audit { at: now, who: "command line".into(), action: action.into(), subject: "platform".into() },
    ];
    ledger.commit(Tx { fence: None, writes }).await.context("writing the setting")?;
    ledger.close();
    println!("calling is {value}");
    Ok(())
}

/// Makes an API token for a person and prints it once.
///
/// # Errors
/// If there is no such person.
pub async fn token(config: &Path, person: &str, days: u32, now: care::Timestamp) -> anyhow::Result<()> {
    let config = Config::read(config)?;
    let ledger = open_for(&config).await?;
    let id = PersonId::new(person);
    if ledger.person(&id).await.context("reading the register")?.is_none() {
        bail!("there is nobody called {person}");
    }
    let (secret, token): (String, Token) = console::new_token(&id, console::API, now, TimeDelta::days(i64::from(days)));
    ledger.put(vec![Put::Token(token)]).await.context("writing the token")?;
    ledger.close();
    println!("{secret}");
    Ok(())
}
