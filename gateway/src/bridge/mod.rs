//! The second way in: an existing broker (Mosquitto, EMQX, NATS) that the devices speak to already. We are its
//! client, with a fixed identifier, a persistent session and acknowledgements by hand.
//!
//! ```text
//!  broker ─▶ reader task ─▶ lane ─▶ event log ─▶ verdict ─▶ PUBACK to the broker, word to the device
//!                                                  └refused─▶ connection dropped; the broker delivers again
//! ```
//! A message is acknowledged to the broker only after its commit, in the order of arrival, so none is lost
//! between broker and log; some come twice, and carry the same identity (ACK-2). What the broker acknowledges
//! to the *device* is the broker's promise, not ours: most lose acknowledged messages when they die. The word
//! on `cmd` is what a lamp may trust.
//!
//! Every connection is a new client: no acknowledgement of an old one can meet a message of the next. QoS 1 at
//! most is asked for, so that nothing has to be remembered between two connections. On MQTT 5 the
//! subscription is shared, if a group is given: several of us may read, each message goes to one.
//!
//! Limits: 1,024 messages not yet durable, then reading stops (the broker keeps the rest); a packet over 4 MB
//! ends the connection; a message that the event log takes for too large is acknowledged, counted and logged,
//! for it would block all others for ever. Reconnection after 1 s, doubling up to 30 s.

mod client;

use crate::door::Lanes;
use crate::filter::{matches, sound_topic};
use crate::keys::{Homes, Rights};
use crate::link::{Link, Verdict};
use crate::tls::TlsError;
use care::{HomeId, Lane};
use client::{Event, Heard, Mouth, Token};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{Clock, EventLog, LogError, Record};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Messages of one connection that are not durable yet.
const INFLIGHT: u16 = 1_024;

/// Pauses between connections.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The version that the broker is spoken to in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerVersion {
    /// MQTT 3.1.1.
    V3,
    /// MQTT 5; with a group, the subscriptions are shared with others of the same group.
    V5 {
        /// The group's name.
        group: Option<String>,
    },
}

/// Topics in a foreign language, and the home they belong to.
#[derive(Debug, Clone)]
pub struct Lodger {
    /// Which topics.
    pub filter: String,
    /// Whose they are.
    pub home: HomeId,
}

/// How a broker is read.
#[derive(Clone)]
pub struct BridgeSettings {
    /// The source that its messages are stored under, at most 128 bytes.
    pub name: String,
    /// The broker's host.
    pub host: String,
    /// The broker's port.
    pub port: u16,
    /// TLS by the authorities in this PEM.
    pub authorities_pem: Option<Vec<u8>>,
    /// User name and password.
    pub login: Option<(String, String)>,
    /// The client identifier. It must stay the same for ever: the broker keeps our session by it.
    pub client_id: String,
    /// The version.
    pub version: BrokerVersion,
    /// What is subscribed.
    pub filters: Vec<String>,
    /// Homes that native messages are taken for.
    pub homes: Homes,
    /// Homes of the topics in other languages.
    pub lodgers: Vec<Lodger>,
    /// How long the broker is asked to keep our session without us (MQTT 5; a v3 broker decides by itself).
    pub session_expiry: Duration,
}

/// A bridge could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The authorities cannot be used.
    #[error("preparing TLS towards the broker")]
    Tls(#[source] TlsError),
    /// The settings cannot be used.
    #[error("preparing the client of the broker: {0}")]
    Settings(String),
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        #[derive(Debug, Default)]
        struct Counters { $($name: AtomicU64,)* }

        /// What a bridge counts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct BridgeCount { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            fn count(&self) -> BridgeCount {
                BridgeCount { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        impl BridgeCount {
            /// Each counter with its name.
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

counts! {
    /// Connections that the broker accepted.
    connects,
    /// Connections that ended, for whatever reason.
    disconnects,
    /// Messages that came.
    received,
    /// Messages made durable.
    stored,
    /// Messages that the event log refused: not acknowledged, they come again.
    refused,
    /// Messages that belong to no home of ours: acknowledged and left out.
    homeless,
    /// Retained copies of what is long over: acknowledged and left out.
    stale,
    /// Messages too large for the event log: acknowledged, lost, and logged.
    too_large,
}

/// A bridge at work. Clones are the same bridge.
#[derive(Clone)]
pub struct BridgeHandle {
    shared: Arc<Shared>,
    stop: Arc<watch::Sender<bool>>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

struct Shared {
    settings: BridgeSettings,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    lanes: Arc<dyn Lanes>,
    counters: Counters,
    mouth: Mutex<Option<Mouth>>,
}

/// A message whose commit is awaited.
struct Waiting {
    token: Token,
    word: Option<(String, Vec<u8>)>,
}

impl BridgeHandle {
    /// Starts to read a broker; it need not be there yet. Must be called within a tokio runtime.
    pub fn start(
        settings: BridgeSettings,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        lanes: Arc<dyn Lanes>,
    ) -> Result<Self, BridgeError> {
        // Built once for nothing: settings that cannot work are refused now.
        client::open(&settings, INFLIGHT)?;
        let shared = Shared { settings, log, clock, lanes, counters: Counters::default(), mouth: Mutex::default() };
        let shared = Arc::new(shared);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(run(Arc::clone(&shared), stopped));
        Ok(Self { shared, stop: Arc::new(stop), task: Arc::new(Mutex::new(Some(task))) })
    }

    /// The counters now.
    pub fn counters(&self) -> BridgeCount {
        self.shared.counters.count()
    }

    /// True while the broker is connected.
    pub fn is_connected(&self) -> bool {
        self.shared.mouth().is_some()
    }

    /// Hands the broker a message for a device, QoS 1. False if there is no connection or it is congested: it
    /// has to be sent again, as everything that has to reach a device.
    pub fn publish(&self, topic: &str, payload: &[u8]) -> bool {
        self.shared.mouth().as_ref().is_some_and(|mouth| mouth.publish(topic, payload))
    }

    /// Stops reading. What is not durable yet stays with the broker.
    pub async fn shutdown(self) {
        let _nobody_listens = self.stop.send(true);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ended_anyhow = task.await;
        }
    }
}

impl Shared {
    fn mouth(&self) -> std::sync::MutexGuard<'_, Option<Mouth>> {
        self.mouth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The home that a message belongs to.
    fn home(&self, topic: &str) -> Option<HomeId> {
        let rights = Rights::Bridge { homes: self.settings.homes.clone() };
        if let Ok(place) = rights.publish(topic) {
            return Some(place.home);
        }
        let native = topic == "care" || topic.starts_with("care/");
        let lodger = self.settings.lodgers.iter().find(|lodger| !native && matches(&lodger.filter, topic));
        lodger.map(|lodger| lodger.home.clone())
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

async fn run(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut pause = PAUSE_MIN;
    loop {
        let connected_before = shared.counters.connects.load(Ordering::Relaxed);
        let ended = tokio::select! {
            ended = connection(&shared) => ended,
            _ = stopped.wait_for(|stop| *stop) => {
                *shared.mouth() = None;
                return;
            }
        };
        *shared.mouth() = None;
        add(&shared.counters.disconnects);
        if shared.counters.connects.load(Ordering::Relaxed) > connected_before {
            pause = PAUSE_MIN;
        }
        tracing::warn!(bridge = %shared.settings.name, reason = %ended, "the broker is gone; trying again");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Stops the reader task with the connection.
struct Reader(JoinHandle<String>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One connection, from CONNECT to its end; the answer says why it ended.
async fn connection(shared: &Arc<Shared>) -> String {
    let (mouth, reader) = match client::open(&shared.settings, INFLIGHT) {
        Ok(opened) => opened,
        Err(error) => return error.to_string(),
    };
    let (tell, mut told) = mpsc::channel(64);
    let mut reader = Reader(tokio::spawn(reader.read(tell)));
    let link = Link::new(0, shared.settings.name.as_str().into());
    let mut waiting: VecDeque<Waiting> = VecDeque::new();
    let mut verdicts = VecDeque::new();
    loop {
        tokio::select! {
            heard = told.recv(), if waiting.len() < usize::from(INFLIGHT) => match heard {
                Some(Event::Connected) => {
                    add(&shared.counters.connects);
                    if !mouth.subscribe(&shared.settings) {
                        return "the subscription could not be sent".to_owned();
                    }
                    *shared.mouth() = Some(mouth.clone());
                    tracing::info!(bridge = %shared.settings.name, "connected to the broker");
                }
                Some(Event::Denied) => return "the broker refused a subscription".to_owned(),
                Some(Event::Heard(heard)) => {
                    add(&shared.counters.received);
                    if let Some(next) = hand_in(shared, &link, heard, &mouth) {
                        waiting.push_back(next);
                    }
                }
                None => return (&mut reader.0).await.unwrap_or_else(|error| error.to_string()),
            },
            () = link.woken() => {
                link.take(&mut verdicts);
                while let Some(verdict) = verdicts.pop_front() {
                    let Some(next) = waiting.pop_front() else { break };
                    match verdict {
                        Verdict::Stored => {
                            add(&shared.counters.stored);
                            if !mouth.acknowledge(next.token) {
                                return "an acknowledgement could not be sent".to_owned();
                            }
                            if let Some((topic, payload)) = next.word {
                                mouth.publish(&topic, &payload);
                            }
                        }
                        Verdict::Refused(_) => {
                            add(&shared.counters.refused);
                            return "the event log refused a message".to_owned();
                        }
                    }
                }
            }
        }
    }
}

/// Hands a message to the event log; `None` if it is to be left out, which is acknowledged at once. An
/// acknowledgement out of order is harmless here: only those of stored messages may not come too early.
fn hand_in(shared: &Arc<Shared>, link: &Arc<Link>, heard: Heard, mouth: &Mouth) -> Option<Waiting> {
    let Heard { topic, payload, retained, token } = heard;
    // Words to devices, our own among them, come back to whoever subscribes a whole home.
    if wire::native::is_native(&topic) && topic.ends_with("/cmd") {
        mouth.acknowledge(token);
        return None;
    }
    let home = if sound_topic(&topic) { shared.home(&topic) } else { None };
    let Some(home) = home else {
        add(&shared.counters.homeless);
        mouth.acknowledge(token);
        return None;
    };
    let lane = shared.lanes.lane(&home, &topic, &payload);
    // A stored copy of a movement is not a movement: it would make a silent home look alive (SIL-1).
    let tells = lane == Lane::Red || topic.ends_with("/status") || wire::teaches(&topic);
    if retained && !tells {
        add(&shared.counters.stale);
        mouth.acknowledge(token);
        return None;
    }
    let heard_at = shared.clock.now();
    let word = wire::native::ack_for(&topic, &payload, heard_at);
    let payload = wire::pack(&topic, &payload);
    let record = Record { lane, home, source: shared.settings.name.clone(), topic, payload, heard_at };
    let slot = link.slot();
    let counted = Arc::clone(shared);
    shared.log.submit(
        record,
        Box::new(move |result| {
            let result = match result {
                Err(LogError::TooLarge) => {
                    add(&counted.counters.too_large);
                    tracing::error!(bridge = %counted.settings.name, "a message is too large for the event log: lost");
                    Ok(())
                }
                other => other,
            };
            slot.settle(result);
        }),
    );
    Some(Waiting { token, word })
}
