//! The door itself: listeners, and the handle that the rest of the binary holds.

use crate::arrival::{self, Entry};
use crate::codec::{Fault, Payload, Qos};
use crate::counters::{Count, Counters};
use crate::hall::Hall;
use crate::keys::{Keys, routing_name};
use crate::limits::{Limits, Pace, Rate};
use crate::message::Message;
use crate::tls::{Tls, TlsError};
use care::{HomeId, Lane};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use store::{Clock, EventLog};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

/// Connections that the system keeps for us until we accept them.
const BACKLOG: u32 = 4_096;

/// How long a shut-down waits for connections to say goodbye and for their last commits.
const SHUT_DOWN_WITHIN: Duration = Duration::from_secs(10);

/// Chooses the lane of a message before its commit. The composition root may know more than the topic and
/// the payload say: what a home's bridges have taught.
pub trait Lanes: Send + Sync {
    /// Red if the message might be a call for help.
    fn lane(&self, home: &HomeId, topic: &str, payload: &[u8]) -> Lane;
}

/// Lanes by topic and payload alone.
#[derive(Debug, Clone, Copy)]
pub struct PlainLanes;

impl Lanes for PlainLanes {
    fn lane(&self, _home: &HomeId, topic: &str, payload: &[u8]) -> Lane {
        wire::lane(topic, payload, None)
    }
}

/// How a listener's traffic is protected.
#[derive(Debug, Clone)]
pub enum Protection {
    /// Not at all: on loopback only.
    Loopback,
    /// Not at all, anywhere: somebody signed for it.
    Waived,
    /// By TLS.
    Tls(Tls),
}

/// Who is let in by a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Welcome {
    /// Who the [`Keys`] let in.
    Keys,
    /// Everybody, to any topic: for protocol suites, on loopback only.
    Open,
}

/// One address to listen on.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Where.
    pub address: SocketAddr,
    /// How its traffic is protected.
    pub protection: Protection,
    /// Who is let in.
    pub welcome: Welcome,
}

/// What a door is opened with.
#[derive(Debug, Clone)]
pub struct DoorSettings {
    /// Where to listen.
    pub listeners: Vec<Listener>,
    /// What clients may take.
    pub limits: Limits,
}

/// Why a door could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The address is in use or not ours.
    #[error("listening on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// An open port beyond loopback without TLS and without a waiver.
    #[error("listening on {0} without TLS: give the listener a certificate, or waive it in writing")]
    Unprotected(SocketAddr),
    /// The open protocol listener beyond loopback.
    #[error("listening on {0} for everybody: the open listener is for loopback only")]
    OpenBeyondLoopback(SocketAddr),
    /// The certificate or key cannot be used.
    #[error("preparing TLS for {address}")]
    Tls {
        /// For which listener.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: TlsError,
    },
}

/// The devices' door.
pub struct Door;

impl Door {
    /// Opens all listeners, or none. Must be called within a tokio runtime.
    pub async fn open(
        settings: DoorSettings,
        log: Arc<dyn EventLog>,
        keys: Arc<dyn Keys>,
        clock: Arc<dyn Clock>,
        lanes: Arc<dyn Lanes>,
    ) -> Result<DoorHandle, DoorError> {
        let runtime = tokio::runtime::Handle::current();
        let hall = Hall::new(settings.limits, log, clock, lanes, runtime);
        let mut bound = Vec::new();
        for listener in &settings.listeners {
            let tls = check(listener)?.map(RwLock::new);
            let address = listener.address;
            let socket = bind(address).map_err(|source| DoorError::Listen { address, source })?;
            let local = socket.local_addr().map_err(|source| DoorError::Listen { address, source })?;
            let entry = Entry { hall: Arc::clone(&hall), keys: Arc::clone(&keys), welcome: listener.welcome, tls };
            bound.push((socket, local, Arc::new(entry)));
        }
        // All sockets are bound before the first is served.
        tokio::task::yield_now().await;
        let places = Arc::new(Semaphore::new(hall.limits.connections));
        let addresses = bound.iter().map(|(_, local, _)| *local).collect();
        let entries = bound.iter().map(|(_, _, entry)| Arc::clone(entry)).collect();
        let mut tasks: Vec<_> = bound
            .into_iter()
            .map(|(socket, _, entry)| tokio::spawn(accept(socket, entry, Arc::clone(&places))))
            .collect();
        tasks.push(tokio::spawn(Arc::clone(&hall).keep_deadlines()));
        Ok(DoorHandle { hall, addresses, entries, places, tasks: Arc::new(tasks) })
    }
}

fn check(listener: &Listener) -> Result<Option<TlsAcceptor>, DoorError> {
    let address = listener.address;
    let loopback = address.ip().is_loopback();
    if listener.welcome == Welcome::Open && !loopback {
        return Err(DoorError::OpenBeyondLoopback(address));
    }
    match &listener.protection {
        Protection::Loopback if loopback => Ok(None),
        Protection::Loopback => Err(DoorError::Unprotected(address)),
        Protection::Waived => Ok(None),
        Protection::Tls(tls) => match tls.acceptor() {
            Ok(acceptor) => Ok(Some(acceptor)),
            Err(source) => Err(DoorError::Tls { address, source }),
        },
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: TcpListener, entry: Arc<Entry>, places: Arc<Semaphore>) {
    let per_second = entry.hall.limits.connects_per_second.max(1);
    let mut pace = Pace::new(Rate { per_second, burst: per_second.div_ceil(5) }, Instant::now());
    loop {
        // More connects than the pace allows wait in the system's backlog.
        while !pace.pass(Instant::now()) {
            sleep_until(pace.next(Instant::now())).await;
        }
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let counters = Arc::clone(&entry.hall.counters);
        Counters::add(&counters.connects);
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            Counters::add(&counters.connects_refused);
            continue;
        };
        Counters::add(&counters.connections);
        let entry = Arc::clone(&entry);
        tokio::spawn(async move {
            let _gone = Gone(counters, place);
            arrival::serve(entry, socket, peer.ip()).await;
        });
    }
}

/// Counts a connection out, however it ended.
struct Gone(
    Arc<Counters>,
    #[expect(dead_code, reason = "held until the connection ends")] tokio::sync::OwnedSemaphorePermit,
);

impl Drop for Gone {
    fn drop(&mut self) {
        Counters::sub(&self.0.connections);
    }
}

/// An open door. Clones are the same door.
#[derive(Clone)]
pub struct DoorHandle {
    hall: Arc<Hall>,
    addresses: Vec<SocketAddr>,
    entries: Vec<Arc<Entry>>,
    places: Arc<Semaphore>,
    tasks: Arc<Vec<JoinHandle<()>>>,
}

impl DoorHandle {
    /// Where it listens, in the order of the settings, with the real ports.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Uses another certificate from the next connection on, for every listener that has TLS. Connections that
    /// are open go on with the old one. If the new one cannot be used, nothing changes.
    pub fn renew(&self, tls: &Tls) -> Result<(), TlsError> {
        let acceptor = tls.acceptor()?;
        for place in self.entries.iter().filter_map(|entry| entry.tls.as_ref()) {
            *place.write().unwrap_or_else(PoisonError::into_inner) = acceptor.clone();
        }
        Ok(())
    }

    /// Sends a message to whoever listens to its topic, QoS 1. Returns how many clients took it. It is not
    /// stored: what must reach a device is kept by the caller and sent again until it is of no use any more.
    pub fn publish(&self, topic: &str, payload: &[u8], retain: Retain) -> usize {
        let message = Message::new((topic.to_owned(), 0), Payload::from(payload), Qos::One, retain == Retain::Yes);
        self.hall.routes.publish(&Arc::new(message), None)
    }

    /// The same for a topic outside the native language, as the hubs of this home know it.
    pub fn publish_in(&self, home: &HomeId, topic: &str, payload: &[u8], retain: Retain) -> usize {
        let name = routing_name(Some(home), topic);
        let message = Message::new(name, Payload::from(payload), Qos::One, retain == Retain::Yes);
        self.hall.routes.publish(&Arc::new(message), None)
    }

    /// The counters now.
    pub fn counters(&self) -> Count {
        self.hall.counters.count()
    }

    /// Open connections.
    pub fn connections(&self) -> u64 {
        self.counters().connections
    }

    /// Retained messages, and their bytes.
    pub fn retained(&self) -> (usize, usize) {
        self.hall.routes.retained()
    }

    /// The credentials of all connections and of the sessions that wait for one: whoever can revoke them asks here whom to look up.
    pub fn credentials(&self) -> std::collections::BTreeSet<String> {
        self.hall.credentials()
    }

    /// Closes the connections of a revoked credential and ends its sessions. Returns how many connections
    /// there were. The credential must be refused by the [`Keys`] before.
    pub fn kick(&self, credential: &str) -> usize {
        self.hall.forget(credential);
        self.hall.dismiss(Some(credential), Fault::ADMINISTRATIVE)
    }

    /// Closes the listeners and all connections, and waits for their last commits (for 10 s at most).
    pub async fn shutdown(self) {
        self.hall.close();
        for task in self.tasks.iter() {
            task.abort();
        }
        self.hall.dismiss(None, Fault::SHUTTING_DOWN);
        let all = u32::try_from(self.hall.limits.connections).unwrap_or(u32::MAX);
        if timeout(SHUT_DOWN_WITHIN, self.places.acquire_many(all)).await.is_err() {
            tracing::warn!(connections = self.connections(), "the door was shut before all connections had ended");
        }
    }
}

/// Whether a message is kept for later subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retain {
    /// Kept: the last one stands for its topic.
    Yes,
    /// Only for those who listen now.
    No,
}
