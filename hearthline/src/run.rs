//! `hearthline run`: production. Everything that could make a call go nowhere is refused before the doors open.

use crate::clock::WallClock;
use crate::config::{BridgeConfig, Config, TlsConfig, WebhookConfig, Wrong};
use crate::demo::until_told_to_end;
use crate::office::OfficeBlueprint;
use crate::platform::{self, Blueprint, Opened};
use anyhow::Context;
use care::plan::ChannelName;
use care::{HomeId, Level, TimeDelta};
use console::{ConsoleSettings, Transport};
use gateway::{BridgeSettings, BrokerVersion, DoorSettings, Homes, Limits, Listener, Lodger, Protection, Tls, Welcome};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::Clock;
use store::register::{PlanRecord, PlanScope};
use tracing::warn;

/// Runs until it is told to end.
///
/// # Errors
/// All that is wrong with the configuration or the register, with remedies; or the part that could not start.
pub async fn run(file: &Path) -> anyhow::Result<()> {
    let config = Config::read(file)?;
    for (door, waiver) in [("mqtt", &config.mqtt.waiver), ("console", &config.console.waiver)] {
        if !waiver.trim().is_empty() {
            warn!(door, waiver, "open without TLS by written waiver");
        }
    }
    let blueprint = blueprint(&config)?;
    let opened = platform::open(&blueprint).await?;
    check_register(&config, &opened).await?;
    let running = platform::start(blueprint, opened).await?;
    println!("MQTT {}  console {}", running.mqtt, running.http);
    until_told_to_end().await?;
    running.stop().await;
    Ok(())
}

/// Checks a configuration, opens what `run` would open short of a port and, if the data directory is there and free, looks at
/// the register behind it.
///
/// # Errors
/// All that is wrong.
pub async fn check(file: &Path) -> anyhow::Result<()> {
    let config = Config::read(file)?;
    let blueprint = blueprint(&config)?;
    open_without_ports(&blueprint)?;
    let opened = platform::open(&blueprint).await?;
    check_register(&config, &opened).await
}

/// What `run` opens after the register: the ways out, and the certificates of the door.
fn open_without_ports(blueprint: &Blueprint) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(WallClock::new(None, TimeDelta::zero(), 1));
    crate::channels::outward(blueprint.webhook.as_ref(), &blueprint.messages, &clock)?;
    for listener in &blueprint.door.listeners {
        if let Protection::Tls(tls) = &listener.protection {
            tls.server().context("mqtt.tls")?;
        }
    }
    Ok(())
}

fn blueprint(config: &Config) -> anyhow::Result<Blueprint> {
    let zone = config.zone().unwrap_or(chrono_tz::Asia::Shanghai);
    let tls = |files: &TlsConfig| -> anyhow::Result<Tls> {
        let read = |file: &Path| std::fs::read(file).with_context(|| format!("reading {}", file.display()));
        Ok(Tls {
            chain_pem: read(&files.certificate)?,
            key_pem: read(&files.key)?,
            client_authorities_pem: files.client_authority.as_deref().map(read).transpose()?,
        })
    };
    let protection = match &config.mqtt.tls {
        Some(files) => Protection::Tls(tls(files)?),
        None if config.mqtt.listen.ip().is_loopback() => Protection::Loopback,
        None => Protection::Waived, // written: the configuration was refused otherwise
    };
    let limits = Limits { connections: config.mqtt.connections_max, ..Limits::default() };
    let door = DoorSettings { listeners: vec![Listener { address: config.mqtt.listen, protection, welcome: Welcome::Keys }], limits };
    let mut console = ConsoleSettings { zone, canary_home: Some(alerts::engine::CANARY.into()), ..ConsoleSettings::new(config.console.listen) };
    console.session_lifetime = TimeDelta::hours(i64::from(config.console.session_hours));
    console.session_idle = TimeDelta::minutes(i64::from(config.console.session_idle_min));
    console.second_factor = config.console.second_factor;
    if let Some(files) = &config.console.tls {
        console.transport = Transport::Tls(tls(files)?.server().context("console.tls")?);
    }
    let webhook = config.channels.webhook.as_ref().map(WebhookConfig::settings).transpose()?;
    console.links = config.messages.links()?;
    console.provider = config.console.provider.as_ref().map(crate::identity::ProviderConfig::provider).transpose()?;
    console.consents = config.messages.consents();
    console.dispatch_secret = webhook.as_ref().map(|w| w.secret.clone());
    let bridges = config.mqtt.bridge.iter().map(bridge).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Blueprint {
        data: config.platform.data_dir.clone(),
        zone,
        door,
        bridges,
        dc09: config.dc09.settings()?,
        scaip: config.scaip.settings(),
        console,
        homes: config.homes(),
        office: OfficeBlueprint::new(&config.office.policies, config.office.warnings.clone(), config.office.retention())?,
        keep_days: config.log.keep_days,
        reserve_mb: config.log.reserve_mb,
        webhook,
        telephone: crate::telephone::telephone(config)?,
        messages: config.messages.clone(),
        exchange: false,
        telemetry: crate::telemetry::sink(config)?,
        cluster: config.cluster.clone(),
        clock_rate: 1,
        clock_offset: TimeDelta::zero(),
        slow_disk: Duration::ZERO,
    })
}

fn bridge(config: &BridgeConfig) -> anyhow::Result<BridgeSettings> {
    let read = |file: &Path| std::fs::read(file).with_context(|| format!("reading {}", file.display()));
    let password = match &config.password_file {
        Some(file) => String::from_utf8_lossy(&read(file)?).trim().to_owned(),
        None => String::new(),
    };
    let (host, port) = config.address().context("mqtt.bridge.broker")?;
    let mut filters = vec!["care/v1/#".to_owned()];
    filters.extend(config.lodger.iter().map(|l| l.topics.clone()));
    Ok(BridgeSettings {
        name: config.client_id.clone(),
        host,
        port,
        authorities_pem: config.authorities.as_deref().map(read).transpose()?,
        login: (!config.user.is_empty()).then(|| (config.user.clone(), password)),
        client_id: config.client_id.clone(),
        version: match &config.share {
            Some(group) => BrokerVersion::V5 { group: Some(group.clone()) },
            None => BrokerVersion::V3,
        },
        filters: if config.topics.is_empty() { filters } else { config.topics.clone() },
        homes: match config.homes.is_empty() {
            true => Homes::All,
            false => Homes::Listed(Arc::new(config.homes.iter().map(|h| HomeId::from(h.as_str())).collect())),
        },
        lodgers: config.lodger.iter().map(|l| Lodger { filter: l.topics.clone(), home: HomeId::from(l.home.as_str()) }).collect(),
        session_expiry: Duration::from_secs(7 * 24 * 3600),
    })
}

async fn check_register(config: &Config, opened: &Opened) -> anyhow::Result<()> {
    let plans = opened.ledger.plans().await.context("reading the plans of action")?;
    let mut real = Vec::new();
    if config.channels.webhook.is_some() {
        real.push(ChannelName::from(ChannelName::WEBHOOK));
    }
    if !config.trunk.is_empty() || !config.voice_provider.is_empty() {
        real.push(ChannelName::from(ChannelName::VOICE));
    }
    real.extend(config.messages.names().into_iter().map(ChannelName::from));
    let mut wrong = plans_without_a_real_channel(&plans, &real);
    if opened.ledger.people().await.context("reading the sign-ins")?.iter().all(|p| !p.active) {
        wrong.push("nobody can sign in: `hearthline init` makes the first administrator".into());
    }
    if wrong.is_empty() { Ok(()) } else { Err(Wrong(wrong).into()) }
}

/// What is wrong with the plans: a contact that no configured channel reaches, or no plan that rings for a red alarm.
fn plans_without_a_real_channel(plans: &[PlanRecord], real: &[ChannelName]) -> Vec<String> {
    let mut wrong = Vec::new();
    for record in plans.iter().filter(|r| r.scope != PlanScope::Home(alerts::engine::CANARY.into())) {
        for contact in record.plan.rungs.iter().flat_map(|r| &r.contacts) {
            if !contact.channels.iter().any(|c| real.contains(c)) {
                let names: Vec<_> = contact.channels.iter().map(|c| c.as_str()).collect();
                wrong.push(format!(
                    "plan of {:?}: contact {} is reached only by {}, and none of these is configured; configure one under [channels] or give the contact another channel",
                    record.scope,
                    contact.contact,
                    names.join(", ")
                ));
            }
        }
    }
    let rings = |r: &PlanRecord| r.scope == PlanScope::City && r.cause.is_none() && r.level.is_none_or(|l| l == Level::Red) && !r.plan.rungs.is_empty();
    if !plans.iter().any(rings) {
        wrong.push("there is no plan of action of the city for red alarms: an alarm of a home without a plan of its own would ring nowhere; import one with `hearthline register`".into());
    }
    wrong.truncate(50);
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use care::plan::{Order, Plan, Rung, RungContact};

    fn city(channel: &str) -> PlanRecord {
        let contacts = vec![RungContact { contact: "duty".into(), channels: vec![channel.into()] }];
        let plan = Plan { rungs: vec![Rung { contacts, order: Order::AtOnce, wait: TimeDelta::seconds(30) }], ..Plan::default() };
        PlanRecord { scope: PlanScope::City, cause: None, level: Some(Level::Red), plan }
    }

    #[test]
    fn a_plan_that_rings_only_simulated_phones_is_refused() {
        let wrong = plans_without_a_real_channel(&[city("voice")], &["webhook".into()]);
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].contains("none of these is configured"));
        assert!(plans_without_a_real_channel(&[city("webhook")], &["webhook".into()]).is_empty());
    }

    #[tokio::test]
    async fn a_check_refuses_a_webhook_secret_that_run_would_refuse() {
        let folder = tempfile::tempdir().unwrap();
        let (config, secret) = (folder.path().join("run.toml"), folder.path().join("secret"));
        let said = |text: &str| text.replace("DIR", &folder.path().display().to_string());
        std::fs::write(
            &config,
            said("schema = 1\n[platform]\ndata_dir = \"DIR/data\"\n[mqtt]\nlisten = \"127.0.0.1:0\"\n[console]\nlisten = \"127.0.0.1:0\"\n[channels.webhook]\nsecret_file = \"DIR/secret\"\n"),
        )
        .unwrap();
        std::fs::write(&secret, "no secret of this form").unwrap();
        let refused = format!("{:#}", check(&config).await.unwrap_err());
        assert!(refused.contains("whsec_"), "{refused}");
        assert!(!folder.path().join("data").exists(), "nothing was begun");
        std::fs::write(&secret, crate::secret::webhook()).unwrap();
        let refused = format!("{:#}", check(&config).await.unwrap_err());
        assert!(!refused.contains("whsec_"), "{refused}");
    }

    #[test]
    fn a_city_without_a_plan_for_red_alarms_is_refused() {
        assert!(plans_without_a_real_channel(&[], &["webhook".into()])[0].contains("no plan of action of the city"));
    }
}
