//! The way to the platform: connects by the paths, forwards what the spool holds, red first, and lets the spool go on
//! only when the platform has acknowledged. Each connection is a new client, as towards brokers (ADR 0002).
//!
//! ```text
//!  connect ─▶ status online, heartbeat, subscribe ─▶ pump ⇄ PUBACK ─▶ spool.done
//!     ▲                                                │ no PUBACK for 15 s, or the connection ends
//!     └──── the next path at once ◀────────────────────┘
//! ```

use crate::forward::Forward;
use crate::heard::{Standing, Watch};
use crate::intake::{is_ours, with_age};
use crate::line::{Event, Key, Line, Task, answers, goodbye, read};
use crate::local::Local;
use crate::paths::{Answer, Paths, Step};
use crate::remote::{FILE, Remote};
use crate::settings::Path;
use crate::writer::{Clocks, Writer};
use care::{DeviceId, HomeId, Lane, SignalKind};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use gateway::Retain;
use rumqttc::{
    AsyncClient, EventLoop, LastWill, MqttOptions, NetworkOptions, QoS, TlsConfiguration, Transport,
};
use std::sync::Arc;
use std::time::Duration;
use store::EventLog as _;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};
use wire::native::{self, Down, Name};

/// How long a connection may take to come about.
const CONNECT_MS: i64 = 20_000;
/// A path on which a message waits for its PUBACK longer than this is no path.
const STALL_MS: i64 = 15_000;
/// How long records of an earlier life wait for the platform to tell its time.
const ANCHOR_MS: i64 = 3_000;
/// An answer to a heartbeat that took longer tells no time.
const ROUND_TRIP_MS: i64 = 10_000;
/// A broker that is away so long is told to the platform.
const BROKER_AWAY_MS: i64 = 60_000;
/// Largest packet either way, bytes.
const PACKET_BYTES_MAX: usize = 640 * 1024;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// What the hub has noticed about itself, for whoever watches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The path that is connected.
    pub path: Option<String>,
    /// How things stand in the home, once it is known.
    pub standing: Option<Standing>,
    /// Red records that wait.
    pub red: u64,
    /// Other records that wait.
    pub routine: u64,
}

/// The uplink.
pub(crate) struct Uplink {
    pub(crate) home: HomeId,
    pub(crate) name: DeviceId,
    pub(crate) ways: Vec<Path>,
    pub(crate) login: Option<(String, String)>,
    pub(crate) heartbeat: Duration,
    pub(crate) unheard_after: Duration,
    pub(crate) writer: Writer,
    pub(crate) local: Arc<Local>,
    /// How things stand, and how many calls wait, for those at home.
    pub(crate) tell: watch::Sender<Option<(Standing, u64)>>,
    pub(crate) state: watch::Sender<State>,
}

struct Work {
    up: Uplink,
    clocks: Clocks,
    paths: Paths,
    forward: Forward,
    watch: Watch,
    remote: Remote,
    remote_wrong: Option<String>,
    /// The heartbeat whose answer tells the time: its name, and when it was sent.
    beat: Option<(String, i64)>,
    broker: Option<(bool, i64, bool)>,
}

impl Uplink {
    /// Forwards until `stop` turns true.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let clocks = self.writer.clocks();
        let names: Vec<String> = self.ways.iter().map(|way| way.name.clone()).collect();
        let (forward, remote) = {
            let spool = self.writer.spool();
            let kept = spool
                .kept(FILE)
                .and_then(|bytes| serde_json::from_slice::<Remote>(&bytes).ok());
            (
                Forward::new(spool.is_done_to(Lane::Red), spool.is_done_to(Lane::Routine)),
                kept,
            )
        };
        let mut work = Work {
            clocks,
            paths: Paths::new(self.ways.len()),
            forward,
            watch: Watch::new(millis(self.unheard_after), clocks.up_ms()),
            remote: Remote::default(),
            remote_wrong: None,
            beat: None,
            broker: None,
            up: self,
        };
        // What was set before may name a path that is no more.
        if let Some(Ok(remote)) = remote.map(|remote| remote.checked(&names)) {
            work.apply(remote);
        }
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = work.now();
            match work.paths.step(now) {
                Step::Connect(path) => {
                    let end = work.connection(path, &mut stop, &mut tick).await;
                    work.forward.start_over();
                    let now = work.now();
                    match end {
                        End::Stopped => return,
                        End::Lost(reason) => {
                            tracing::warn!(path = %work.path_name(path), %reason, "the platform is not connected");
                            work.paths.failed(path, now);
                        }
                        End::Better => {
                            tracing::info!("the better path answers again: changing over")
                        }
                    }
                    work.publish_state();
                }
                Step::Wait(until) => {
                    let wait =
                        Duration::from_millis(u64::try_from(until - now).unwrap_or_default());
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        _ = tick.tick() => work.look(),
                        () = stopped(&mut stop) => return,
                    }
                }
            }
        }
    }
}

/// Room for an answer on its way, beside two heartbeats.
const CALL_SLACK_MS: i64 = 10_000;

/// Returns when the hub is to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _gone = stop.wait_for(|stop| *stop).await;
}

/// How a connection ended.
pub(crate) enum End {
    Stopped,
    Lost(String),
    Better,
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Work {
    fn now(&self) -> i64 {
        self.clocks.up_ms()
    }

    fn path_name(&self, path: usize) -> &str {
        self.up.ways.get(path).map_or("", |way| way.name.as_str())
    }

    fn heartbeat_ms(&self) -> i64 {
        self.remote
            .heartbeat_s
            .map_or(millis(self.up.heartbeat), |s| i64::from(s) * 1_000)
    }

    /// Takes what was set from afar.
    fn apply(&mut self, remote: Remote) {
        let patience = remote
            .unheard_after_s
            .map_or(millis(self.up.unheard_after), |s| i64::from(s) * 1_000);
        let beats = remote
            .heartbeat_s
            .map_or(millis(self.up.heartbeat), |s| i64::from(s) * 1_000);
        // Less than two heartbeats of silence says nothing.
        self.watch
            .set_patience(patience.max(beats * 2 + CALL_SLACK_MS));
        let fixed = remote
            .path
            .as_ref()
            .and_then(|name| self.up.ways.iter().position(|way| way.name == *name));
        self.paths.fix(fixed);
        self.remote = remote;
    }

    /// What is looked at every second: calls that wait, whether the home is heard, the home's broker.
    fn look(&mut self) {
        let now = self.now();
        let red = self.up.writer.spool().count().red;
        self.watch.calls(red, now);
        if let Some(standing) = self.watch.news(now) {
            match standing {
                Standing::Heard => tracing::info!("the home is heard"),
                Standing::Unheard => {
                    tracing::warn!(calls_waiting = red, "nobody can hear this home now")
                }
            }
            self.up.tell.send_replace(Some((standing, red)));
        }
        self.look_at_broker(now);
        self.publish_state();
    }

    fn publish_state(&self) {
        let count = self.up.writer.spool().count();
        let path = self.paths.on().map(|path| self.path_name(path).to_owned());
        let state = State {
            path,
            standing: self.watch.told(),
            red: count.red,
            routine: count.routine,
        };
        self.up.state.send_if_modified(|before| {
            let news = *before != state;
            *before = state;
            news
        });
    }

    /// A broker that is away means that nothing of the home is heard: the platform is told, as of a device.
    fn look_at_broker(&mut self, now: i64) {
        let Some(broker) = &self.up.local.broker else {
            return;
        };
        let here = broker.is_connected();
        let (was, since, told) = self.broker.unwrap_or((!here, now, true));
        if here != was {
            // The first look tells nothing but an absence.
            let told = self.broker.is_none() && here;
            self.broker = Some((here, now, told));
            return;
        }
        let patience = if here { 0 } else { BROKER_AWAY_MS };
        if !told && now - since >= patience {
            let device = DeviceId::new(format!("{}-broker", self.up.name));
            let word = if here {
                SignalKind::Online
            } else {
                SignalKind::Offline
            };
            self.up.writer.say(
                Lane::Routine,
                native::status_topic(&self.up.home, &device),
                word.name().as_bytes().to_vec(),
            );
            self.broker = Some((here, since, true));
        }
    }

    fn open(&self, way: &Path) -> Result<(AsyncClient, EventLoop), String> {
        let id = format!("hub-{}-{}", self.up.home, self.up.name);
        let mut options = MqttOptions::new(id, (way.host.as_str(), way.port));
        let will = LastWill::new(
            native::status_topic(&self.up.home, &self.up.name),
            SignalKind::Offline.name(),
            QoS::AtLeastOnce,
            true,
        );
        options
            .set_keep_alive(20)
            .set_inflight(64)
            .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX)
            .set_last_will(will);
        if let Some((user, password)) = &self.up.login {
            options.set_credentials(user.clone(), password.clone());
        }
        if let Some(tls) = &way.tls {
            options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::clone(tls))));
        }
        let (client, mut events) = AsyncClient::builder(options)
            .capacity(128)
            .try_build()
            .map_err(|error| error.to_string())?;
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(u64::try_from(CONNECT_MS / 1_000).unwrap_or(20));
        network.set_tcp_nodelay(true);
        if let Some(interface) = &way.interface {
            network.set_bind_device(interface);
        }
        if let Some(from) = way.from {
            network.set_bind_addr((from, 0).into());
        }
        events.set_network_options(network);
        Ok((client, events))
    }

    /// One connection, from its beginning to its end.
    async fn connection(
        &mut self,
        path: usize,
        stop: &mut watch::Receiver<bool>,
        tick: &mut tokio::time::Interval,
    ) -> End {
        let Some(way) = self.up.ways.get(path).cloned() else {
            return End::Lost("there is no such path".to_owned());
        };
        let (client, events) = match self.open(&way) {
            Ok(opened) => opened,
            Err(reason) => return End::Lost(reason),
        };
        let (heard, mut hears) = mpsc::channel(64);
        let _reader = Task(tokio::spawn(read(events, heard)));
        let (mut red, mut routine) = (
            self.up.writer.changed(Lane::Red),
            self.up.writer.changed(Lane::Routine),
        );
        let mut line = Line {
            path,
            client,
            acks: FuturesUnordered::new(),
            began: self.now(),
            up_since: None,
            next_beat: 0,
        };
        let mut asking: Option<Task<(usize, Answer)>> = None;
        loop {
            tokio::select! {
                event = hears.recv() => match event {
                    Some(Event::Up) => {
                        if let Err(end) = self.came_up(&mut line) {
                            return end;
                        }
                    }
                    Some(Event::Said { topic, payload }) => {
                        self.said(&topic, &payload);
                        if self.paths.must_leave() {
                            return End::Lost("another path was chosen".to_owned());
                        }
                    }
                    Some(Event::Ended(reason)) => return End::Lost(reason),
                    None => return End::Lost("the connection ended".to_owned()),
                },
                Some((key, is_acked)) = line.acks.next(), if !line.acks.is_empty() => {
                    if !is_acked {
                        return End::Lost("a message was not acknowledged".to_owned());
                    }
                    self.acked(key);
                }
                _ = red.changed() => {}
                _ = routine.changed() => {}
                answer = async { match &mut asking { Some(task) => (&mut task.0).await.ok(), None => std::future::pending().await } } => {
                    asking = None;
                    let now = self.now();
                    if let Some((better, answer)) = answer && self.paths.answered(better, answer, now) {
                        goodbye(line.client.clone()).await;
                        return End::Better;
                    }
                }
                _ = tick.tick() => {
                    self.look();
                    if let Some(end) = self.due(&mut line, &mut asking) {
                        return end;
                    }
                }
                () = stopped(stop) => {
                    self.farewell(&mut line).await;
                    return End::Stopped;
                }
            }
            if let Err(end) = self.pump(&mut line) {
                return end;
            }
        }
    }

    fn came_up(&mut self, line: &mut Line) -> Result<(), End> {
        let now = self.now();
        tracing::info!(path = %self.path_name(line.path), "connected to the platform");
        line.up_since = Some(now);
        line.next_beat = now;
        self.paths.connected(line.path, now);
        self.forward.start_over();
        let words = format!("care/v1/{}/+/cmd", self.up.home);
        line.client
            .try_subscribe(words, QoS::AtLeastOnce)
            .map_err(|error| End::Lost(error.to_string()))?;
        let topic = native::status_topic(&self.up.home, &self.up.name);
        line.publish(
            Key::Life,
            topic,
            SignalKind::Online.name().as_bytes().to_vec(),
            Retain::Yes,
        )?;
        self.beat(line)?;
        self.publish_state();
        Ok(())
    }

    /// What is due on a connection; its end, if it is no good.
    fn due(&mut self, line: &mut Line, asking: &mut Option<Task<(usize, Answer)>>) -> Option<End> {
        let now = self.now();
        if line.up_since.is_none() {
            return (now - line.began >= CONNECT_MS).then(|| End::Lost("no answer".to_owned()));
        }
        if self
            .forward
            .oldest_ms()
            .is_some_and(|since| now - since >= STALL_MS)
        {
            return Some(End::Lost("the platform does not acknowledge".to_owned()));
        }
        if let Some(better) = self.paths.ask(now).filter(|_| asking.is_none())
            && let Some(way) = self.up.ways.get(better).cloned()
        {
            *asking = Some(Task(tokio::spawn(
                async move { (better, answers(&way).await) },
            )));
        }
        if now >= line.next_beat {
            return self.beat(line).err();
        }
        None
    }

    /// Says that the hub lives, and how it is.
    fn beat(&mut self, line: &mut Line) -> Result<(), End> {
        let now = self.now();
        line.next_beat = now + self.heartbeat_ms();
        let count = self.up.writer.spool().count();
        let (name, unread) = {
            let mut intake = self.up.writer.intake();
            (intake.name(), intake.unread)
        };
        let payload = serde_json::json!({
            "id": name,
            "hub": {
                "path": self.path_name(line.path), "red": count.red, "routine": count.routine, "bytes": count.bytes, "dropped": count.dropped,
                "refused": count.refused, "damaged": count.damaged, "torn_bytes": count.torn_bytes, "unread": unread, "up_s": now / 1_000,
                "setting": self.remote.version, "setting_wrong": self.remote_wrong, "version": env!("CARGO_PKG_VERSION"),
            },
        });
        self.beat = Some((name, now));
        let topic = native::topic(&self.up.home, &self.up.name, SignalKind::Heartbeat);
        line.publish(
            Key::Life,
            topic,
            payload.to_string().into_bytes(),
            Retain::No,
        )
    }

    fn acked(&mut self, key: Key) {
        let now = self.now();
        self.watch.heard(now);
        if let Key::Record(lane, seq) = key
            && let Some(done) = self.forward.acked(lane, seq)
        {
            let noted = self.up.writer.spool().done(lane, done);
            if let Err(error) = noted {
                tracing::warn!(%error, "the spool could not note what is forwarded: some of it will be sent twice");
            }
            if lane == Lane::Red {
                self.look();
            }
        }
    }

    /// Hands over what the windows take, red first.
    fn pump(&mut self, line: &mut Line) -> Result<(), End> {
        let Some(up_since) = line.up_since else {
            return Ok(());
        };
        for lane in [Lane::Red, Lane::Routine] {
            while let Some((after, most)) = self.forward.wants(lane) {
                let now = self.now();
                let mut spool = self.up.writer.spool();
                let frames = spool
                    .read(lane, after, most)
                    .map_err(|error| End::Lost(format!("the spool cannot be read: {error}")))?;
                if frames.is_empty() {
                    break;
                }
                for frame in frames {
                    if spool.lives().wants_anchor(frame.stamp) && now - up_since < ANCHOR_MS {
                        // The answer to the first heartbeat is on its way: it tells how old this is.
                        return Ok(());
                    }
                    let age = spool.lives().age_ms(frame.stamp, now);
                    let payload = with_age(&frame.topic, &frame.payload, age);
                    line.publish(
                        Key::Record(lane, frame.seq),
                        frame.topic,
                        payload,
                        Retain::No,
                    )?;
                    self.forward.handed(lane, frame.seq, now);
                }
            }
        }
        Ok(())
    }

    /// The platform said something.
    fn said(&mut self, topic: &str, payload: &[u8]) {
        if topic != native::cmd_topic(&self.up.home, &self.up.name) {
            let command = native::parse_command(payload);
            let retain = match &command {
                Some(Down::Ack(Name::Text(name))) if is_ours(name) => return,
                Some(Down::Ack(_)) => Retain::No,
                // A sleeping button learns it when it wakes; an empty word takes it back.
                Some(Down::Help(_)) | None => Retain::Yes,
            };
            self.up.local.hand_on(topic, payload, retain);
            return;
        }
        if let (Some(Down::Ack(Name::Text(name))), Some(at)) =
            (native::parse_command(payload), native::told_at(payload))
        {
            self.told(&name, at.timestamp_millis());
            return;
        }
        let names: Vec<String> = self.up.ways.iter().map(|way| way.name.clone()).collect();
        match Remote::parse(payload, &names) {
            None => {}
            Some(Err(wrong)) => {
                tracing::warn!(%wrong, "a setting from afar was not taken");
                self.remote_wrong = Some(wrong.to_string());
            }
            Some(Ok(remote)) => {
                self.remote_wrong = None;
                if remote == self.remote {
                    return;
                }
                tracing::info!(version = remote.version, "set from afar");
                let kept = serde_json::to_vec(&remote)
                    .map_err(std::io::Error::other)
                    .and_then(|bytes| self.up.writer.spool().keep(FILE, &bytes));
                if let Err(error) = kept {
                    tracing::warn!(%error, "the setting from afar could not be kept: it holds until the next start");
                }
                self.apply(remote);
            }
        }
    }

    /// The answer to a heartbeat told the platform's time: half of the way there and back ago.
    fn told(&mut self, name: &str, platform_ms: i64) {
        let now = self.now();
        let Some((beat, sent)) = &self.beat else {
            return;
        };
        if beat != name || now - sent > ROUND_TRIP_MS {
            return;
        }
        let middle = sent + (now - sent) / 2;
        if let Err(error) = self.up.writer.told(platform_ms, middle) {
            tracing::warn!(%error, "the platform's time could not be kept");
        }
    }

    /// Says that the hub was stopped on purpose, so that nobody waits for it.
    async fn farewell(&self, line: &mut Line) {
        if line.up_since.is_some() {
            let topic = native::status_topic(&self.up.home, &self.up.name);
            let said = line.publish(
                Key::Life,
                topic,
                SignalKind::Offline.name().as_bytes().to_vec(),
                Retain::Yes,
            );
            if said.is_ok() {
                let _late =
                    timeout(GOODBYE, async { while line.acks.next().await.is_some() {} }).await;
            }
        }
        goodbye(line.client.clone()).await;
    }
}
