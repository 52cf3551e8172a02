//! Puts the house together: opens what is kept, catches up, calls who is overdue, and only then opens the doors.

use crate::canary::press_canary;
use crate::channels::MessagesConfig;
use crate::clock::{self, WallClock};
use crate::duty::{Duty, Found as OnDuty};
use crate::lanes::{FIRST_WITHIN, LearnedLanes};
use crate::office::{Cap, Jobs, OfficeBlueprint};
use crate::keys::{RegisterKeys, end_revoked};
use crate::lamp::Lamps;
use crate::pulse::{Elsewhere, ExchangeDoing, Pulse, Receivers, Sources, Workers};
use crate::secret;
use crate::telephone::{Calls, DemoLine, Line, Telephone};
use alerts::canary::{Canary, CanaryChannel, CanarySettings};
use alerts::district::DistrictWatch;
use alerts::exchange::Exchange;
use alerts::patrol::walk;
use alerts::self_audit::{AuditSettings, SelfAudit};
use alerts::well::WellCalls;
use alerts::webhook::WebhookSettings;
use alerts::{Channel, Engine, EngineSettings, RegisterDirectory};
use anyhow::Context;
use care::{Cause, HomeId, Reason, TimeDelta, Timestamp};
use console::office::Office;
use console::{Console, ConsoleSettings, NoSwitchboard, Parts};
use gateway::receiver::dc09::{Dc09Receiver, Dc09Settings};
use gateway::receiver::scaip::{ScaipReceiver, ScaipSettings};
use gateway::{BridgeHandle, BridgeSettings, Door, DoorHandle, DoorSettings, Listener, Protection, Welcome};
use ingest::{Ports, RegisterBook, Worker};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::register::{Credential, CredentialRights, Put};
use store::sqlite::{DataDir, LedgerOptions, LogOptions, Opened as Found, SqliteLedger, SqliteLog};
use store::{Clock, EventLog, LedgerKeeper, LogKeeper, Ownership, Register, Shard, TelemetrySink};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

/// Shards of one machine: one worker reads everything in order.
const SHARDS: u16 = 1;
/// The credential of the canary's press.
const CANARY_CREDENTIAL: &str = "platform-canary";
/// How often old days of the log are looked for.
const RETAIN_EVERY: Duration = Duration::from_secs(3600);
/// How often the disk, the clock and the outage worklist are looked at for the operators.
const WATCH_EVERY: Duration = Duration::from_secs(5);

/// What the house is built from.
pub struct Blueprint {
    /// Where everything is kept.
    pub data: PathBuf,
    /// The city's local time.
    pub zone: chrono_tz::Tz,
    /// The devices' door: the first listener is where devices connect; one for everybody may follow, for protocol suites.
    pub door: DoorSettings,
    /// Existing brokers that are read as well.
    pub bridges: Vec<BridgeSettings>,
    /// Panels that speak SIA DC-09; `None` = no such receiver.
    pub dc09: Option<Dc09Settings>,
    /// The receiver for social alarms, if there is one.
    pub scaip: Option<ScaipSettings>,
    /// The people's door.
    pub console: ConsoleSettings,
    /// The detector.
    pub homes: care::home::Settings,
    /// The office.
    pub office: OfficeBlueprint,
    /// Days that raw messages are kept.
    pub keep_days: u32,
    /// The reserve for red alarms on a full disk, MB.
    pub reserve_mb: u32,
    /// Where measurements for charts go.
    pub telemetry: Arc<dyn TelemetrySink>,
    /// What many machines share; `None` = this machine alone.
    pub cluster: Option<crate::config::ClusterConfig>,
    /// The signing secret of webhooks; `None` = no such channel.
    pub webhook: Option<WebhookSettings>,
    /// Real telephone calls; `None` = no such channel.
    pub telephone: Option<Telephone>,
    /// Messages: SMS, e-mail, push, robots, CAP.
    pub messages: MessagesConfig,
    /// Simulated phones: the demo's.
    pub exchange: bool,
    /// How much faster than the wall the clock runs.
    pub clock_rate: u32,
    /// How far the clock is from the wall's.
    pub clock_offset: TimeDelta,
    /// Every commit of the log takes so much longer: the demo's.
    pub slow_disk: Duration,
}

/// What the caller may do with the register before anything starts: a demo fills it.
pub struct Opened {
    /// The ledger and the register.
    pub ledger: Arc<dyn LedgerKeeper>,
    /// The time.
    pub clock: Arc<WallClock>,
    base: Base,
}

/// What the house stands on.
enum Base {
    /// A data directory of this machine.
    Directory(Arc<DataDir>),
    /// Engines that many machines share.
    #[cfg(feature = "cluster")]
    Cluster(Box<crate::cluster::Base>),
}

/// A house at work.
pub struct Running {
    /// The devices' door.
    pub mqtt: SocketAddr,
    /// The open listener, if there is one.
    pub mqtt_open: Option<SocketAddr>,
    /// The people's door.
    pub http: SocketAddr,
    /// The simulated phones, if there are any.
    pub exchange: Option<Arc<Exchange>>,
    stop: watch::Sender<bool>,
    door: DoorHandle,
    bridges: Vec<BridgeHandle>,
    dc09: Option<Dc09Receiver>,
    scaip: Option<ScaipReceiver>,
    workers: Vec<JoinHandle<()>>,
    tasks: Vec<JoinHandle<()>>,
    console: JoinHandle<()>,
    log: Arc<dyn LogKeeper>,
    ledger: Arc<dyn LedgerKeeper>,
}

/// Opens the ledger of a data directory, and the clock that must not run behind it.
///
/// # Errors
/// If the directory is in use, damaged, or of a newer version.
pub async fn open(blueprint: &Blueprint) -> anyhow::Result<Opened> {
    #[cfg(feature = "cluster")]
    if let Some(config) = &blueprint.cluster {
        let base = crate::cluster::open(config, &blueprint.data).await?;
        let ledger: Arc<dyn LedgerKeeper> = base.ledger.clone();
        let clock = clock_of(&*ledger, blueprint).await?;
        return Ok(Opened { ledger, clock, base: Base::Cluster(Box::new(base)) });
    }
    let dir = DataDir::open(&blueprint.data).with_context(|| format!("opening the data directory {}", blueprint.data.display()))?;
    let (ledger, found) = SqliteLedger::open(&dir, &LedgerOptions::default(), clock::wall()).context("opening the ledger")?;
    if let Found::Copied { .. } = found {
        warn!("this ledger was restored or copied: calling is held until an operator releases it");
    }
    let ledger: Arc<dyn LedgerKeeper> = Arc::new(ledger);
    let clock = clock_of(&*ledger, blueprint).await?;
    Ok(Opened { ledger, clock, base: Base::Directory(dir) })
}

async fn clock_of(ledger: &dyn LedgerKeeper, blueprint: &Blueprint) -> anyhow::Result<Arc<WallClock>> {
    let alive_at = ledger.setting(ingest::ALIVE_AT).await.context("reading the ledger")?;
    let not_before = alive_at.and_then(|text| text.parse::<Timestamp>().ok());
    Ok(Arc::new(WallClock::new(not_before, blueprint.clock_offset, blueprint.clock_rate)))
}

/// Starts everything in the order that the promises ask for: homes caught up, overdue alarms called, then the doors.
///
/// # Errors
/// If a part cannot start; nothing is left running then.
pub async fn start(blueprint: Blueprint, opened: Opened) -> anyhow::Result<Running> {
    let Opened { ledger, clock, base } = opened;
    let wall = clock.clone();
    let clock: Arc<dyn Clock> = clock;
    let log: Arc<dyn LogKeeper> = match &base {
        Base::Directory(dir) => {
            let options = LogOptions { shards: SHARDS, ballast_bytes: u64::from(blueprint.reserve_mb) * 1024 * 1024, slower_by: blueprint.slow_disk, ..LogOptions::default() };
            Arc::new(SqliteLog::open(dir, options).context("opening the event log")?)
        }
        #[cfg(feature = "cluster")]
        Base::Cluster(base) => base.log.clone(),
    };
    let register: Arc<dyn Register> = ledger.clone();
    let (stop, stopped) = watch::channel(false);

    // The people's port is taken first: if it is not free, nothing else begins.
    let canary = Arc::new(Canary::new(ledger.clone(), clock.clone(), CanarySettings::default()));
    let canary_credential = match &base {
        Base::Directory(_) => CANARY_CREDENTIAL.to_owned(),
        #[cfg(feature = "cluster")]
        Base::Cluster(base) => format!("{CANARY_CREDENTIAL}-{}", base.node()),
    };
    let canary_secret = prepare_canary(&*ledger, &canary_credential).await;

    let test_homes = BTreeSet::from([HomeId::from(alerts::engine::CANARY)]);
    let book = Arc::new(RegisterBook::new(register.clone(), test_homes));
    let settings = ingest::Settings { homes: blueprint.homes.clone(), ..ingest::Settings::default() };
    let ports = |ownership: Arc<dyn Ownership>| Ports {
        log: log.clone(),
        ledger: ledger.clone(),
        ownership,
        book: book.clone(),
        clock: clock.clone(),
        telemetry: blueprint.telemetry.clone(),
    };
    let elsewhere: Option<Arc<dyn Elsewhere>> = match &base {
        Base::Directory(_) => None,
        #[cfg(feature = "cluster")]
        Base::Cluster(base) => Some(base.elsewhere()),
    };
    let homes = Arc::new(Workers::new(log.clone(), clock.clone(), blueprint.homes.clone(), elsewhere));
    let lamps = Arc::new(Lamps::default());
    let mut workers = Vec::new();
    let mut tasks = Vec::new();
    let duty: Arc<Duty>;
    match &base {
        Base::Directory(_) => {
            for shard in (0..log.shards()).map(Shard) {
                let worker = Worker::start(shard, ports(ledger.clone()), settings.clone()).await.context("starting the ingest")?;
                homes.began(shard, worker.handle(), worker.counters());
                workers.push(tokio::spawn(worker.run(stopped.clone())));
            }
            duty = Arc::new(Duty::new(ledger.clone(), ledger.clone()));
            duty.look().await;
            tasks.push(tokio::spawn(keep_alone(duty.clone(), ledger.clone(), clock.clone(), stopped.clone())));
        }
        #[cfg(feature = "cluster")]
        Base::Cluster(base) => {
            let house = crate::cluster::House {
                homes: homes.clone(),
                lamps: lamps.clone(),
                canary: canary.clone(),
                clock: clock.clone(),
                ports: Box::new({
                    let (ports, telemetry) = ((log.clone(), ledger.clone(), book.clone(), clock.clone()), blueprint.telemetry.clone());
                    move |ownership| {
                        let (log, ledger, book, clock) = ports.clone();
                        Ports { log, ledger, ownership, book, clock, telemetry: telemetry.clone() }
                    }
                }),
                settings: settings.clone(),
                console: blueprint.console.addr.to_string(),
            };
            let (at_work, ownership) = base.begin(house, stopped.clone()).await?;
            workers = at_work;
            duty = Arc::new(Duty::new(ledger.clone(), ownership));
            if base.works() {
                tasks.push(tokio::spawn({
                    let (duty, stop) = (duty.clone(), stopped.clone());
                    async move { duty.share(stop).await }
                }));
            }
        }
    }

    let exchange = blueprint.exchange.then(|| Arc::new(Exchange::new(clock.clone(), 1)));
    let mut channels: Vec<Arc<dyn Channel>> = vec![lamps.clone()];
    match &base {
        Base::Directory(_) => channels.push(Arc::new(CanaryChannel(canary.clone()))),
        #[cfg(feature = "cluster")]
        Base::Cluster(base) => channels.push(base.canary_channel(canary.clone())),
    }
    if let Some(exchange) = &exchange {
        channels.push(exchange.clone());
    }
    channels.extend(crate::channels::outward(blueprint.webhook.as_ref(), &blueprint.messages, &clock)?);
    let (mut handsets, mut incoming) = (std::collections::BTreeMap::new(), None);
    let voice = match blueprint.telephone {
        Some(mut telephone) => {
            handsets = std::mem::take(&mut telephone.handsets);
            let (voice, rings) = telephone.open(&ledger, &clock).await?;
            incoming = Some(rings);
            Some(Arc::new(voice))
        }
        None => None,
    };
    if let Some(voice) = &voice {
        channels.push(voice.clone());
    }
    let directory = Arc::new(RegisterDirectory::new(register.clone(), blueprint.zone, clock.clone()).with_links(blueprint.messages.links()?));
    let engine = Arc::new(Engine::new(ledger.clone(), directory, channels, clock.clone(), engine_settings(&blueprint.messages)));
    engine.recover().await;
    tasks.push(tokio::spawn({
        let (engine, stop) = (engine.clone(), stopped.clone());
        async move { engine.run(stop).await }
    }));
    if let (Some(voice), Some(incoming)) = (voice.clone(), incoming) {
        tasks.push(tokio::spawn(voice.answer_callers(Arc::new(RegisterDirectory::new(register.clone(), blueprint.zone, clock.clone())), incoming)));
    }
    if let Some(voice) = voice.clone() {
        let stop = stopped.clone();
        tasks.push(tokio::spawn(async move { voice.run(stop).await }));
    }
    let well = WellCalls::new(ledger.clone(), register.clone(), clock.clone(), blueprint.zone, duty.held());
    tasks.push(tokio::spawn({
        let stop = stopped.clone();
        async move { well.run(stop).await }
    }));
    #[cfg(feature = "cluster")]
    if let Base::Cluster(base) = &base {
        tasks.push(tokio::spawn(crate::cluster::adopt(engine.clone())));
        tasks.push(base.watch_copies(clock.clone()));
    }
    let audit = SelfAudit::new(ledger.clone(), clock.clone(), AuditSettings::default());
    tasks.push(tokio::spawn(walk(audit, clock.clone(), duty.held(), stopped.clone())));
    let districts = DistrictWatch::new(ledger.clone(), register.clone(), clock.clone());
    tasks.push(tokio::spawn(walk(districts, clock.clone(), duty.held(), stopped.clone())));

    let pulse = Arc::new(Pulse::new(Sources {
        clock: clock.clone(),
        log: log.clone(),
        ledger: ledger.clone(),
        workers: homes.clone(),
        engine: engine.clone(),
        canary: canary.clone(),
        telemetry: blueprint.telemetry.clone(),
        node: blueprint.cluster.as_ref().map_or_else(|| "one".to_owned(), |c| c.node.clone()),
    }));
    tasks.push(tokio::spawn({
        let pulse = pulse.clone();
        async move { pulse.run().await }
    }));

    let office = Arc::new(Office::new(register.clone(), clock.clone(), console::office::Rules { raw_days: blueprint.keep_days, ..blueprint.office.rules() }));
    let jobs = Jobs::new(office.clone(), ledger.clone(), log.clone(), clock.clone(), blueprint.homes.clone(), blueprint.office.clone(), duty.held());
    let parts = Parts {
        ledger: ledger.clone(),
        register: register.clone(),
        clock: clock.clone(),
        homes: homes.clone(),
        feeds: pulse.clone(),
        metrics: pulse.clone(),
        doing: Arc::new(Calls { exchange: ExchangeDoing(exchange.clone()), voice: voice.clone() }),
        switchboard: match (voice, &exchange) {
            (Some(voice), _) => Arc::new(Line::new(voice, handsets, ledger.clone(), clock.clone())),
            (None, Some(exchange)) => Arc::new(DemoLine::new(exchange.clone(), ledger.clone(), clock.clone())),
            (None, None) => Arc::new(NoSwitchboard),
        },
        office,
        warnings: Arc::new(Cap),
    };
    let bound = Console::new(blueprint.console, parts)?.bind().await?;
    let http = bound.addr();

    let event_log: Arc<dyn EventLog> = log.clone();
    let keys = Arc::new(RegisterKeys::new(register.clone()).telling(event_log.clone(), clock.clone()));
    let lanes = Arc::new(LearnedLanes::default());
    match tokio::time::timeout(FIRST_WITHIN, lanes.read_register(&*register)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(%error, "the register could not be read: declared buttons are red once it can be"),
        Err(_) => warn!("the register is large: what was declared is read to its end behind open doors"),
    }
    tasks.push(tokio::spawn(lanes.clone().follow(register.clone())));
    let mut door_settings = blueprint.door;
    // The canary comes through a door of the same build, but needs no certificate for it.
    door_settings.listeners.push(Listener { address: SocketAddr::from(([127, 0, 0, 1], 0)), protection: Protection::Loopback, welcome: Welcome::Keys });
    let door = Door::open(door_settings.clone(), event_log.clone(), keys, clock.clone(), lanes.clone())
        .await
        .context("opening the devices' door (--mqtt, or [mqtt] listen)")?;
    let addresses = door.local_addrs().to_vec();
    let first = |welcome| door_settings.listeners.iter().zip(&addresses).find(|(l, _)| l.welcome == welcome).map(|(_, a)| *a);
    let mqtt = first(Welcome::Keys).context("the devices' door has no listener")?;
    let mqtt_open = first(Welcome::Open);
    let for_canary = addresses.last().copied().unwrap_or(mqtt);
    let bridges = blueprint
        .bridges
        .into_iter()
        .map(|settings| BridgeHandle::start(settings, event_log.clone(), clock.clone(), lanes.clone()).context("preparing an existing broker ([[mqtt.bridge]])"))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let dc09 = match blueprint.dc09 {
        Some(settings) => Some(Dc09Receiver::open(settings, event_log.clone(), clock.clone()).await.context("opening the receiver for panels ([dc09])")?),
        None => None,
    };
    let scaip = match blueprint.scaip {
        Some(settings) => Some(ScaipReceiver::open(settings, event_log.clone(), clock.clone()).await.context("opening the receiver for social alarms ([scaip])")?),
        None => None,
    };
    lamps.doors_are_open(door.clone(), bridges.clone());
    pulse.door_is_open(door.clone());
    pulse.receivers_are_open(Receivers { dc09: dc09.as_ref().map(Dc09Receiver::counters), scaip: scaip.as_ref().map(ScaipReceiver::counters) });
    tasks.push(tokio::spawn(end_revoked(register.clone(), door.clone())));
    tasks.push(tokio::spawn(crate::hub_setting::tell_hubs(register.clone(), door.clone())));
    tasks.push(tokio::spawn({
        let (canary, stop) = (canary.clone(), stopped.clone());
        async move { canary.run(stop).await }
    }));
    tasks.push(tokio::spawn(press_where_it_lives(homes.clone(), for_canary, canary_credential, canary_secret, canary.clone(), stopped.clone())));
    tasks.push(tokio::spawn(watch_over(ledger.clone(), log.clone(), wall, clock.clone())));
    tasks.push(tokio::spawn(jobs.run(stopped.clone())));
    tasks.push(tokio::spawn(retain(log.clone(), ledger.clone(), clock.clone(), blueprint.keep_days)));
    let console = tokio::spawn({
        let mut stop = stopped.clone();
        async move {
            bound
                .serve(async move {
                    let _gone = stop.wait_for(|s| *s).await;
                })
                .await;
        }
    });
    info!(%mqtt, %http, "the doors are open");
    Ok(Running { mqtt, mqtt_open, http, exchange, stop, door, bridges, dc09, scaip, workers, tasks, console, log, ledger })
}

impl Running {
    /// Closes the doors, lets the workers write the states of the homes, and ends.
    pub async fn stop(self) {
        self.door.shutdown().await;
        for bridge in self.bridges {
            bridge.shutdown().await;
        }
        if let Some(dc09) = self.dc09 {
            dc09.shutdown().await;
        }
        if let Some(scaip) = self.scaip {
            scaip.shutdown().await;
        }
        let _nobody_listens = self.stop.send(true);
        for worker in self.workers {
            if let Err(error) = worker.await {
                error!(%error, "a worker ended badly");
            }
        }
        if tokio::time::timeout(Duration::from_secs(10), self.console).await.is_err() {
            warn!("the console did not end in time");
        }
        for task in self.tasks {
            task.abort();
        }
        self.log.close();
        self.ledger.close();
    }
}

/// Simulated phones and webhooks have no lines to run out of: hundreds of alarms at once are called at once (ALM-2). What
/// a trunk or a provider can bear is that channel's own limit.
fn engine_settings(messages: &MessagesConfig) -> EngineSettings {
    let (limits, consents) = (messages.limits(), messages.consents().into_iter().collect());
    EngineSettings { limits, consents, slots: 2_048, red_reserve: 512, steps: 64, ..EngineSettings::default() }
}

/// The lock of the data directory keeps a second process out. Where locks do not hold (some network disks, a lock file that was
/// removed) the younger process owns the ledger, and the older one ends: two would both call people (ALM-8).
async fn keep_alone(duty: Arc<Duty>, ledger: Arc<dyn LedgerKeeper>, clock: Arc<dyn Clock>, stop: watch::Receiver<bool>) {
    if duty.alone(stop).await != OnDuty::Taken {
        return;
    }
    error!("another process has opened this ledger: this one ends, for two would both call people");
    let cause = Cause::Technical("second_process".into());
    if let Err(error) = alerts::platform::raise(&*ledger, cause, Reason::new("second_process"), clock.now()).await {
        error!(%error, "the operators could not be told of a second process");
    }
    std::process::exit(3);
}

/// Makes the canary's home, plan and a new credential for its press.
async fn prepare_canary(ledger: &dyn LedgerKeeper, credential: &str) -> String {
    let secret = secret::make();
    let mut entries = Canary::entries();
    entries.push(Put::Credential(Credential {
        name: credential.to_owned(),
        secret_hash: secret::hash(&secret),
        rights: CredentialRights::Hub { home: alerts::engine::CANARY.into() },
        revoked_at: None,
    }));
    // A platform without its canary still answers calls: on a full disk it must start all the same.
    if let Err(error) = ledger.put(entries).await {
        error!(%error, "the canary could not be prepared: no canary until the next start");
    }
    secret
}

/// The canary is pressed by the process that decides about its home: on one machine always this one. On several, the others
/// have its word by the first; two presses at once would be one alarm.
async fn press_where_it_lives(
    homes: Arc<Workers>,
    door: SocketAddr,
    credential: String,
    secret: String,
    canary: Arc<Canary>,
    mut stop: watch::Receiver<bool>,
) {
    let home = HomeId::from(alerts::engine::CANARY);
    let mut pressing: Option<(watch::Sender<bool>, JoinHandle<()>)> = None;
    loop {
        match (homes.of(&home).is_some(), &pressing) {
            (true, None) => {
                let (end, ended) = watch::channel(false);
                let task = tokio::spawn(press_canary(door, credential.clone(), secret.clone(), canary.clone(), ended));
                pressing = Some((end, task));
            }
            (false, Some(_)) => pressing = None, // its sender goes, and with it the task
            (true, Some(_)) | (false, None) => {}
        }
        tokio::select! {
            stopped = stop.wait_for(|s| *s) => { let _gone = stopped; break }
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
    if let Some((end, task)) = pressing {
        let _nobody_listens = end.send(true);
        if task.await.is_err() {
            warn!("the canary's press ended badly");
        }
    }
}

/// Raises alarms about the platform itself while something is wrong with the machine, and says how the outage
/// worklist is worked off.
async fn watch_over(ledger: Arc<dyn LedgerKeeper>, log: Arc<dyn LogKeeper>, wall: Arc<WallClock>, clock: Arc<dyn Clock>) {
    loop {
        let mut wrong = Vec::new();
        if log.disk_full() || ledger.disk_full() {
            wrong.push(("disk_full", Reason::new("disk_full")));
        }
        if log.is_late() {
            wrong.push(("log_late", Reason::new("log_late")));
        }
        let damaged = log.stats().damaged_files;
        if damaged > 0 {
            wrong.push(("log_damaged", Reason::new("log_damaged").number("files", f64::from(u32::try_from(damaged).unwrap_or(u32::MAX)))));
        }
        if let Some(by) = wall.set_back_by() {
            wrong.push(("clock_set_back", Reason::new("clock_set_back").span("by", by)));
        }
        for (what, reason) in wrong {
            if let Err(error) = alerts::platform::raise(&*ledger, Cause::Technical(what.into()), reason, clock.now()).await {
                error!(%error, what, "the operators could not be told");
            }
        }
        tokio::time::sleep(WATCH_EVERY).await;
    }
}

/// Drops days of the log that are old enough, decided, and contained in the homes' snapshots; forgets identities of events
/// after 30 days.
async fn retain(log: Arc<dyn LogKeeper>, ledger: Arc<dyn LedgerKeeper>, clock: Arc<dyn Clock>, keep_days: u32) {
    loop {
        let before = (clock.now() - TimeDelta::days(i64::from(keep_days))).date_naive();
        let dropped = match ledger.kept_after(log.shards()).await {
            Ok(places) => log.retain(&places, before).map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match dropped {
            Ok(0) => {}
            Ok(files) => info!(files, "old days of the log were dropped"),
            Err(error) => warn!(%error, "old days of the log could not be dropped"),
        }
        if let Err(error) = ledger.purge(clock.now()).await {
            warn!(%error, "what is too old could not be forgotten");
        }
        let canary = HomeId::from(alerts::engine::CANARY);
        if let Err(error) = ledger.purge_alarms_of(&canary, clock.now() - TimeDelta::days(1)).await {
            warn!(%error, "the canary's old presses could not be forgotten");
        }
        tokio::time::sleep(RETAIN_EVERY).await;
    }
}
