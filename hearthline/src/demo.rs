//! `hearthline demo`: the main job with everything embedded. A made-up town, simulated phones, real MQTT, real storage.

use crate::office::OfficeBlueprint;
use crate::platform::{self, Blueprint, Opened};
use crate::{secret, seed};
use anyhow::Context;
use care::office::privacy::Retention;
use care::{PersonId, TimeDelta, Timestamp};
use clap::Args;
use console::ConsoleSettings;
use console::office::Office;
use firmware_sim::line::{Access, Address};
use firmware_sim::live::{Live, Progress};
use firmware_sim::town::TownPlan;
use gateway::{DoorSettings, Listener, Protection, Welcome};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::ledger::{Tx, Write};
use store::register::{Credential, CredentialRights, PersonRecord, Put, Role};
use store::Clock;

/// Homes put into the register in one transaction.
const HOMES_AT_ONCE: usize = 250;
/// The setting that says how many homes the register was filled with.
const FILLED: &str = "demo_homes";
/// The setting that says when the office was filled.
const OFFICE_FILLED: &str = "demo_office";

/// What a demo can be told.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Keep everything here and go on from it next time. Left out: a temporary directory.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where the console listens.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub http: SocketAddr,
    /// Where devices connect.
    #[arg(long, default_value = "127.0.0.1:1883", value_name = "ADDR")]
    pub mqtt: SocketAddr,
    /// A loopback listener without credentials where any topic goes, for protocol suites.
    #[arg(long, value_name = "ADDR")]
    pub mqtt_open: Option<SocketAddr>,
    /// How many homes the town has, 1 to 100000.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub homes: u32,
    /// No town that lives and presses by itself: homes are there, but silent.
    #[arg(long)]
    pub quiet: bool,
    /// Write console address, MQTT address and credentials to this file as JSON once everything listens.
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Let every plan tell this address, too, by a signed request.
    #[arg(long, value_name = "URL")]
    pub webhook: Option<String>,
    /// The secret that these requests are signed with (`whsec_` and base64). Left out: one is made and printed.
    #[arg(long, value_name = "SECRET")]
    pub webhook_secret: Option<String>,
    /// The town's and the platform's clock runs this many times as fast as the wall's.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub clock_rate: u32,
    /// The clock is this many seconds ahead of the wall's (negative: behind), for trying things out.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_name = "SECONDS")]
    pub clock_offset: i64,
    /// Every commit of the log takes so many milliseconds longer: a disk that is slow, for trying things out.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=5_000), value_name = "MS")]
    pub slow_disk: u32,
    /// Longest silence at home, seconds: shorter shows inactivity sooner.
    #[arg(long, default_value_t = 43_200, value_parser = clap::value_parser!(u32).range(30..=172_800), value_name = "SECONDS")]
    pub silence_max: u32,
    /// Everything random of the town comes from here.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// The demo's secrets, kept beside its data so that it is the same demo after a restart.
#[derive(Serialize, Deserialize)]
struct Secrets {
    mqtt_password: String,
    api_token: String,
    operator_password: String,
    webhook_secret: String,
}

const MQTT_USER: &str = "town";
const OPERATOR: &str = "operator";
const LEAD: &str = "lead";

/// Runs until it is told to end (Ctrl-C, SIGTERM).
///
/// # Errors
/// If a part cannot start: the sentence names the flag that helps.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    for (flag, addr) in [("--http", Some(args.http)), ("--mqtt", Some(args.mqtt)), ("--mqtt-open", args.mqtt_open)] {
        if let Some(addr) = addr.filter(|a| !a.ip().is_loopback()) {
            anyhow::bail!("{flag} {addr}: a demo has made-up people and known passwords, so it listens on this machine alone; use 127.0.0.1, or `hearthline run` for the real thing");
        }
    }
    let kept = args.data.is_some();
    let data = args.data.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("hearthline-demo-{}", std::process::id())));
    let blueprint = blueprint(&args, data.clone())?;
    let opened = platform::open(&blueprint).await?;
    let (secrets, secret_webhook) = secrets(&data, &args)?;
    fill(&opened, &args, &secrets, &blueprint).await?;
    let blueprint = Blueprint { webhook: secret_webhook.map(alerts::webhook::WebhookSettings::new), ..blueprint };
    let start = opened.clock.now();
    let running = platform::start(blueprint, opened).await?;
    let url = format!("http://{}", running.http);
    if let Some(file) = &args.ready_file {
        write_ready(file, &url, running.mqtt, running.mqtt_open, &secrets)?;
    }
    say(&args, &url, running.mqtt, &secrets, kept.then_some(data.as_path()));
    let (stop_town, town_stopped) = tokio::sync::oneshot::channel::<()>();
    let town = (!args.quiet).then(|| tokio::spawn(live(&args, running.mqtt, &secrets, start, town_stopped)));
    until_told_to_end().await?;
    drop(stop_town);
    if let Some(town) = town {
        town.abort();
    }
    running.stop().await;
    if !kept {
        let _left_to_the_system = std::fs::remove_dir_all(&data);
    }
    Ok(())
}

fn blueprint(args: &DemoArgs, data: PathBuf) -> anyhow::Result<Blueprint> {
    let homes = care::home::Settings { silence_max: TimeDelta::seconds(i64::from(args.silence_max)), ..care::home::Settings::default() };
    let listener = |address, welcome| Listener { address, protection: Protection::Loopback, welcome };
    let mut listeners = vec![listener(args.mqtt, Welcome::Keys)];
    listeners.extend(args.mqtt_open.map(|address| listener(address, Welcome::Open)));
    Ok(Blueprint {
        data,
        zone: homes.zone,
        door: DoorSettings { listeners, limits: gateway::Limits::default() },
        bridges: Vec::new(),
        dc09: None,
        scaip: None,
        console: ConsoleSettings { demo: true, canary_home: Some(alerts::engine::CANARY.into()), ..ConsoleSettings::new(args.http) },
        homes,
        office: OfficeBlueprint::new(&[], None, Retention::default())?,
        keep_days: 90,
        reserve_mb: 16,
        webhook: None,
        telephone: None,
        messages: crate::channels::MessagesConfig::default(),
        exchange: true,
        telemetry: Arc::new(store::telemetry::NoTelemetry),
        cluster: None,
        clock_rate: args.clock_rate,
        clock_offset: TimeDelta::seconds(args.clock_offset),
        slow_disk: std::time::Duration::from_millis(u64::from(args.slow_disk)),
    })
}

fn secrets(data: &Path, args: &DemoArgs) -> anyhow::Result<(Secrets, Option<String>)> {
    let file = data.join("demo.json");
    let secrets: Secrets = match std::fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("reading {}", file.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let secrets = Secrets {
                mqtt_password: secret::make(),
                api_token: secret::make(),
                operator_password: secret::make(),
                webhook_secret: secret::webhook(),
            };
            secret::write_file(&file, &serde_json::to_vec_pretty(&secrets)?).with_context(|| format!("writing {}", file.display()))?;
            secrets
        }
        Err(error) => return Err(error).with_context(|| format!("reading {}", file.display())),
    };
    let webhook = args.webhook.is_some().then(|| args.webhook_secret.clone().unwrap_or_else(|| secrets.webhook_secret.clone()));
    Ok((secrets, webhook))
}

/// Fills the register with the made-up town, once.
async fn fill(opened: &Opened, args: &DemoArgs, secrets: &Secrets, blueprint: &Blueprint) -> anyhow::Result<()> {
    let (ledger, now) = (&opened.ledger, opened.clock.now());
    let webhook = args.webhook.is_some();
    let wanted = format!("{}:{}", args.homes, args.webhook.as_deref().unwrap_or_default());
    if ledger.setting(FILLED).await?.as_deref() != Some(&wanted) {
        let mut first = seed::areas();
        first.extend(seed::city_plans(webhook));
        if let Some(url) = &args.webhook {
            first.push(seed::webhook_contact(url));
        }
        ledger.put(first).await.context("filling the register")?;
        let homes = args.homes as usize;
        for from in (1..=homes).step_by(HOMES_AT_ONCE) {
            let entries = (from..=homes.min(from + HOMES_AT_ONCE - 1)).flat_map(|n| seed::home(n, webhook, now)).collect();
            ledger.put(entries).await.context("filling the register")?;
        }
        ledger.commit(Tx { fence: None, writes: vec![Write::Setting { key: FILLED.into(), value: wanted }] }).await.context("filling the register")?;
    }
    if ledger.setting(OFFICE_FILLED).await?.is_none() {
        let office = Office::new(ledger.clone(), opened.clock.clone(), blueprint.office.rules());
        crate::seed_office::fill(&office, &**ledger, args.homes as usize).await?;
        ledger.commit(Tx { fence: None, writes: vec![Write::Setting { key: OFFICE_FILLED.into(), value: now.to_string() }] }).await.context("filling the office")?;
    }
    if ledger.person(&OPERATOR.into()).await?.is_none() {
        let hash = console::password::hash(&secrets.operator_password).context("hashing the password")?;
        let person = |id: &str, name: &str, role| {
            Put::Person(PersonRecord { id: PersonId::new(id), name: name.into(), role, area: String::new(), password_hash: hash.clone(), active: true })
        };
        let people = vec![person(OPERATOR, "林晓", Role::Administrator), person(LEAD, "周敏", Role::ShiftLead)];
        ledger.put(people).await.context("making the demo's sign-in")?;
    }
    let token = store::register::Token {
        hash: console::hash_of(&secrets.api_token),
        person: OPERATOR.into(),
        kind: console::API.into(),
        created_at: now,
        expires_at: now + TimeDelta::days(3650),
        used_at: now,
    };
    let credential = Credential {
        name: MQTT_USER.into(),
        secret_hash: secret::hash(&secrets.mqtt_password),
        rights: CredentialRights::Bridge { homes: vec!["*".into()] },
        revoked_at: None,
    };
    // Written once: a start on a full disk must not fail for what is there already.
    let known = ledger.credential(MQTT_USER).await?.is_some_and(|there| there.secret_hash == credential.secret_hash)
        && ledger.token(&token.hash).await?.is_some();
    if !known {
        ledger.put(vec![Put::Token(token), Put::Credential(credential)]).await.context("making the demo's credentials")?;
    }
    Ok(())
}

fn write_ready(file: &Path, console: &str, mqtt: SocketAddr, open: Option<SocketAddr>, secrets: &Secrets) -> anyhow::Result<()> {
    let ready = serde_json::json!({
        "console": console,
        "mqtt": mqtt.to_string(),
        "mqtt_open": open.map(|a| a.to_string()),
        "api_token": secrets.api_token,
        "mqtt_user": MQTT_USER,
        "mqtt_password": secrets.mqtt_password,
        "operator": OPERATOR,
        "operator_password": secrets.operator_password,
    });
    // Whoever waits for the file must never see half of it.
    let half = file.with_extension("part");
    secret::write_file(&half, &serde_json::to_vec(&ready)?).with_context(|| format!("writing {}", half.display()))?;
    std::fs::rename(&half, file).with_context(|| format!("writing {}", file.display()))
}

fn say(args: &DemoArgs, url: &str, mqtt: SocketAddr, secrets: &Secrets, data: Option<&Path>) {
    println!("守望 Hearthline demo\n");
    println!("  console   {url}");
    println!("  sign in   {OPERATOR} / {}   (a second person: {LEAD}, same password)", secrets.operator_password);
    println!("  MQTT      {mqtt}   user {MQTT_USER}, password {}", secrets.mqtt_password);
    println!("  API       curl -H 'Authorization: Bearer {}' {url}/api/v1/alarms", secrets.api_token);
    if args.webhook.is_some() {
        println!("  webhook   signed with {}", args.webhook_secret.as_deref().unwrap_or(&secrets.webhook_secret));
    }
    match data {
        Some(data) => println!("  data      {} (kept)", data.display()),
        None => println!("  data      temporary; --data DIR keeps it"),
    }
    println!("\nPress a button yourself:\n  mosquitto_pub -h {} -p {} -u {MQTT_USER} -P {} -q 1 -t care/v1/home-0001/button/call -m '{{\"id\":\"1\"}}'", mqtt.ip(), mqtt.port(), secrets.mqtt_password);
    println!("\nCtrl-C ends it.");
}

/// The town lives on real MQTT, like everybody else.
fn live(args: &DemoArgs, mqtt: SocketAddr, secrets: &Secrets, start: Timestamp, stop: tokio::sync::oneshot::Receiver<()>) -> impl Future<Output = ()> + Send + 'static {
    let plan = TownPlan {
        emergency_every: Some(TimeDelta::seconds(25)),
        boot: u32::try_from(start.timestamp().rem_euclid(1 << 31)).unwrap_or(1),
        ..TownPlan::of(args.homes.min(2_000) as usize, args.seed)
    };
    let access = Access {
        address: Address { host: mqtt.ip().to_string(), port: mqtt.port() },
        credentials: Some((MQTT_USER.to_owned(), secrets.mqtt_password.clone())),
        client_id: "town".into(),
    };
    let clock = firmware_sim::clock::Clock::starting(start, args.clock_rate);
    async move {
        let progress = Arc::new(Progress::default());
        let stopped = async {
            let _gone = stop.await;
        };
        if let Err(error) = (Live { access, plan, clock }).run(&progress, stopped).await {
            tracing::error!(%error, "the town has ended");
        }
    }
}

/// Waits for Ctrl-C or SIGTERM.
///
/// # Errors
/// If the signals cannot be listened for.
pub async fn until_told_to_end() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("listening for Ctrl-C"),
        _ = term.recv() => Ok(()),
    }
}
