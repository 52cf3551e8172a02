//! The receiver for SIA DC-09, over TCP and UDP.
//!
//! ```text
//!  frame ─▶ account, key ─▶ clock? ─▶ event log ─▶ stored ─▶ ACK    (NAK with our time if the panel's clock is off)
//!                                               └▶ refused ─▶ silence: the panel sends again
//! ```
//! A panel whose clock is off is told our time, and what it said counts all the same: an emergency is not lost to a clock.
//! What was sent again, also with a new time after such an answer, is stored with the time of the first: one event.

use care::{HomeId, Lane, TimeDelta, Timestamp};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::log::append;
use store::{Clock, EventLog, Record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use wire::dc09::{Frame, FrameFault, Key, Taken, Token, account_key, clock, parse, take};

/// Panels connected at once over TCP; one more is closed at once (LIM-1).
const CONNECTIONS_MAX: usize = 10_000;
/// Frames over UDP that wait for the log at once; one more is dropped, and the panel sends again.
const DATAGRAMS_MAX: usize = 1_024;
/// A connection that says nothing for so long is closed.
const IDLE_MAX: Duration = Duration::from_secs(15 * 60);
/// The same sequence number and data again within this time is the same message.
const AGAIN_WITHIN: TimeDelta = TimeDelta::minutes(30);
/// Accounts whose last frames are remembered.
const ACCOUNTS_MAX: usize = 100_000;
/// The last frames of an account that a repetition is looked for in.
const LAST_MAX: usize = 8;

/// A panel's account.
#[derive(Debug, Clone)]
pub struct Account {
    /// The home that it reports for.
    pub home: HomeId,
    /// The key of its frames. With one, a frame in the clear is believed only if it calls for help.
    pub key: Option<Key>,
}

/// What the receiver is told.
#[derive(Debug, Clone, Default)]
pub struct Dc09Settings {
    /// Where panels connect.
    pub tcp: Option<SocketAddr>,
    /// Where datagrams arrive.
    pub udp: Option<SocketAddr>,
    /// The accounts, by [`account_key`].
    pub accounts: BTreeMap<String, Account>,
}

counters!(Dc09Counters {
    /// Frames stored.
    stored,
    /// Frames that came again.
    again,
    /// Frames that the log refused: none of them was acknowledged.
    refused,
    /// Frames of accounts that nobody registered.
    unknown_accounts,
    /// Frames that could not be read, or not decrypted.
    faults,
    /// Frames of a token that is not handled.
    other_tokens,
    /// Frames in the clear from accounts with a key.
    in_the_clear,
    /// Frames whose panel's clock was off.
    clocks_off,
    /// Datagrams dropped because too many waited for the log.
    dropped,
});

struct Desk {
    settings: Dc09Settings,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    counters: Arc<Dc09Counters>,
    /// The last frames of each account, with the time of arrival.
    last: Mutex<BTreeMap<String, Vec<(Timestamp, Frame)>>>,
}

/// A receiver at work.
pub struct Dc09Receiver {
    tcp: Option<SocketAddr>,
    udp: Option<SocketAddr>,
    counters: Arc<Dc09Counters>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Dc09Receiver {
    /// Opens the ports.
    ///
    /// # Errors
    /// If a port cannot be taken.
    pub async fn open(settings: Dc09Settings, log: Arc<dyn EventLog>, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let counters = Arc::<Dc09Counters>::default();
        let (stop, stopped) = watch::channel(false);
        let (at_tcp, at_udp) = (settings.tcp, settings.udp);
        let desk = Arc::new(Desk { settings, log, clock, counters: counters.clone(), last: Mutex::default() });
        let mut receiver = Self { tcp: None, udp: None, counters, stop, tasks: JoinSet::new() };
        if let Some(at) = at_tcp {
            let listener = TcpListener::bind(at).await?;
            receiver.tcp = Some(listener.local_addr()?);
            receiver.tasks.spawn(serve_tcp(desk.clone(), listener, stopped.clone()));
        }
        if let Some(at) = at_udp {
            let socket = UdpSocket::bind(at).await?;
            receiver.udp = Some(socket.local_addr()?);
            receiver.tasks.spawn(serve_udp(desk, socket, stopped));
        }
        Ok(receiver)
    }

    /// Where panels connect.
    pub fn tcp(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// Where datagrams arrive.
    pub fn udp(&self) -> Option<SocketAddr> {
        self.udp
    }

    /// What it has counted.
    pub fn counters(&self) -> Arc<Dc09Counters> {
        self.counters.clone()
    }

    /// Closes the ports and the connections.
    pub async fn shutdown(mut self) {
        let _nobody_listens = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn stopping(mut stopped: watch::Receiver<bool>) {
    let _gone = stopped.wait_for(|stop| *stop).await;
}

async fn serve_tcp(desk: Arc<Desk>, listener: TcpListener, stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stopping(stopped.clone()) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) if connections.len() < CONNECTIONS_MAX => {
                    connections.spawn(converse(desk.clone(), socket, stopped.clone()));
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "a panel could not connect");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn converse(desk: Arc<Desk>, mut socket: TcpStream, stopped: watch::Receiver<bool>) {
    let mut buffer = Vec::new();
    let mut chunk = vec![0u8; 2_048];
    loop {
        let read = tokio::select! {
            biased;
            () = stopping(stopped.clone()) => return,
            read = tokio::time::timeout(IDLE_MAX, socket.read(&mut chunk)) => read,
        };
        let Ok(Ok(read @ 1..)) = read else { return };
        buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
        loop {
            match take(&buffer) {
                Taken::More { skip } => {
                    buffer.drain(..skip);
                    break;
                }
                Taken::Frame { skip, length } => {
                    let frame: Vec<u8> = buffer.drain(..skip + length).skip(skip).collect();
                    if let Some(answer) = desk.receive(&frame).await
                        && socket.write_all(&answer).await.is_err()
                    {
                        return;
                    }
                }
            }
        }
    }
}

async fn serve_udp(desk: Arc<Desk>, socket: UdpSocket, stopped: watch::Receiver<bool>) {
    let socket = Arc::new(socket);
    let places = Arc::new(Semaphore::new(DATAGRAMS_MAX));
    let mut datagram = vec![0u8; wire::dc09::FRAME_BYTES_MAX];
    loop {
        let received = tokio::select! {
            biased;
            () = stopping(stopped.clone()) => return,
            received = socket.recv_from(&mut datagram) => received,
        };
        let (length, from) = match received {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!(%error, "a datagram could not be received");
                continue;
            }
        };
        let bytes = datagram.get(..length).unwrap_or_default();
        let Taken::Frame { skip, length } = take(bytes) else { continue };
        let frame = bytes.get(skip..skip + length).unwrap_or_default().to_vec();
        let Ok(place) = places.clone().try_acquire_owned() else {
            desk.counters.dropped.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let (desk, socket) = (desk.clone(), socket.clone());
        tokio::spawn(async move {
            if let Some(answer) = desk.receive(&frame).await {
                let _gone = socket.send_to(&answer, from).await;
            }
            drop(place);
        });
    }
}

impl Desk {
    /// Takes a frame in and gives the answer, if there is one. An ACK only once it is stored.
    async fn receive(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let now = self.clock.now();
        let key_of = |account: &str| self.settings.accounts.get(&account_key(account)).and_then(|a| a.key.clone());
        let frame = match parse(bytes, key_of) {
            Ok(frame) => frame,
            Err(fault) => {
                self.counters.faults.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(%fault, "a frame could not be read");
                return match fault {
                    FrameFault::Encrypted => encode(&Frame::nak(now), None),
                    // What is broken on the way gets no answer: it is sent again.
                    FrameFault::Form | FrameFault::Length | FrameFault::CheckSum => None,
                };
            }
        };
        let name = account_key(&frame.account);
        let account = self.settings.accounts.get(&name);
        let key = account.and_then(|a| a.key.as_ref());
        match &frame.token {
            Token::Null | Token::ExtendedNull | Token::AdmCid | Token::SiaDcs => {}
            // What answers us is none of our business, and what we cannot read need not be sent again.
            Token::Ack | Token::Nak | Token::Duh | Token::Rsp => return None,
            Token::Other(_) => {
                self.counters.other_tokens.fetch_add(1, Ordering::Relaxed);
                return encode(&frame.duh(now), key);
            }
        }
        let (home, source) = match account {
            Some(account) => (account.home.clone(), "dc09"),
            None => {
                self.counters.unknown_accounts.fetch_add(1, Ordering::Relaxed);
                // Shown and called about as any unknown home: never dropped.
                (HomeId::new(format!("dc09-{}", name.to_ascii_lowercase())), "dc09-unknown")
            }
        };
        let plain = self.first_of(&name, &frame, now);
        let payload = encode(&Frame { encrypted: false, ..plain }, None)?;
        let topic = format!("dc09/{name}");
        let lane = wire::lane(&topic, &payload, None);
        if key.is_some() && !frame.encrypted {
            self.counters.in_the_clear.fetch_add(1, Ordering::Relaxed);
            if lane != Lane::Red {
                return encode(&frame.nak_to(now), None);
            }
        }
        let record = Record { lane, home, source: source.into(), topic, payload, heard_at: now };
        if let Err(error) = append(&*self.log, record).await {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%error, "a frame could not be stored: it is not acknowledged");
            return None;
        }
        self.counters.stored.fetch_add(1, Ordering::Relaxed);
        if let wire::dc09::Clock::Off(by) = clock(&frame, now) {
            self.counters.clocks_off.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(by_s = by.num_seconds(), "a panel's clock is off: it is told the time");
            return encode(&frame.nak_to(now), None);
        }
        encode(&frame.ack(now), key)
    }

    /// The frame, or the first one that it repeats.
    fn first_of(&self, account: &str, frame: &Frame, now: Timestamp) -> Frame {
        if frame.seq == 0 {
            return frame.clone();
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= ACCOUNTS_MAX && !last.contains_key(account) {
            last.clear();
        }
        let of_account = last.entry(account.to_owned()).or_default();
        of_account.retain(|(at, _)| now - *at < AGAIN_WITHIN);
        if let Some((_, first)) = of_account.iter().find(|(_, before)| frame.repeats(before)) {
            self.counters.again.fetch_add(1, Ordering::Relaxed);
            return first.clone();
        }
        if of_account.len() >= LAST_MAX {
            of_account.remove(0);
        }
        // A panel without a clock is named by the time at which we first heard it.
        let first = Frame { sent_at: frame.sent_at.or(Some(now)), ..frame.clone() };
        of_account.push((now, first.clone()));
        first
    }
}

fn encode(frame: &Frame, key: Option<&Key>) -> Option<Vec<u8>> {
    frame.encode(key.filter(|_| frame.encrypted), &mut rand::random)
}
