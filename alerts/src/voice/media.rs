//! The sound of one call: a socket, a packet every 20 ms, an ear. Runs on the voice's own runtime, apart from everything
//! that could keep it waiting.

use super::audio::{FRAME, Law, Pcm};
use super::leg::{Told, WireFacts};
use super::rtp::{Ear, Packet};
use super::runtime::random;
use super::sdp::Answer;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

/// A packet's time.
const TICK: Duration = Duration::from_millis(20);
/// Largest packet that is read.
const PACKET_MAX: usize = 1_500;
/// Sound of the other leg that waits to be said, in packets: 160 ms; older sound is dropped.
const WAITING_MAX: usize = 8;
/// Packets of it that are there before it is said: 60 ms.
const AHEAD: usize = 3;

/// Orders to the sound of a call.
#[derive(Debug)]
pub(super) enum Sound {
    /// What was negotiated; `true` once the call is answered.
    Negotiated(Answer, bool),
    /// Say this.
    Say(u32, Pcm),
    /// Send what is heard there.
    Hear(mpsc::Sender<Vec<i16>>),
    /// Say what comes from there.
    Pass(mpsc::Receiver<Vec<i16>>),
}

/// Takes the sockets of calls from a range of ports, or from any.
#[derive(Debug)]
pub(super) struct Ports {
    range: RangeInclusive<u16>,
    next: AtomicU16,
}

impl Ports {
    /// Even ports of this range; `0..=0` = any port.
    pub(super) fn new(range: RangeInclusive<u16>) -> Self {
        let next = AtomicU16::new(*range.start());
        Self { range, next }
    }

    /// A socket for one call.
    ///
    /// # Errors
    /// If no port is free.
    pub(super) async fn open(&self, ip: IpAddr) -> std::io::Result<UdpSocket> {
        if *self.range.end() == 0 {
            return UdpSocket::bind(SocketAddr::new(ip, 0)).await;
        }
        let mut last = std::io::Error::from(std::io::ErrorKind::AddrInUse);
        for _ in 0..=self.range.len() / 2 {
            let step = |p: u16| Some(if p >= self.range.end().saturating_sub(2) { *self.range.start() } else { p + 2 });
            let port = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or(*self.range.start());
            match UdpSocket::bind(SocketAddr::new(ip, port)).await {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// What is being said.
enum Saying {
    Nothing,
    Sound { no: u32, what: Pcm, at: usize },
    Other { from: mpsc::Receiver<Vec<i16>>, left: Vec<i16>, flows: bool },
}

impl Saying {
    /// The next 20 ms, and the number of what has come to its end.
    fn frame(&mut self) -> (Vec<i16>, Option<u32>) {
        match self {
            Self::Nothing => (vec![0; FRAME], None),
            Self::Sound { no, what, at } => {
                let mut out: Vec<i16> = what.iter().skip(*at).take(FRAME).copied().collect();
                *at += FRAME;
                let done = (*at >= what.len()).then_some(*no);
                out.resize(FRAME, 0);
                if done.is_some() {
                    *self = Self::Nothing;
                }
                (out, done)
            }
            Self::Other { from, left, flows } => {
                while let Ok(more) = from.try_recv() {
                    left.extend(more);
                }
                // Clocks of two phones differ: what has piled up is dropped rather than said late.
                if left.len() > FRAME * WAITING_MAX {
                    left.drain(..left.len() - FRAME * AHEAD);
                }
                // A few packets ahead, so that one that is late does not tear a hole.
                if *flows && left.len() < FRAME || !*flows && left.len() < FRAME * AHEAD {
                    *flows = false;
                    return (vec![0; FRAME], None);
                }
                *flows = true;
                (left.drain(..FRAME).collect(), None)
            }
        }
    }
}

/// Runs until the orders' sender is gone.
pub(super) async fn run(socket: UdpSocket, mut orders: mpsc::UnboundedReceiver<Sound>, told: mpsc::UnboundedSender<Told>, facts: Arc<Mutex<WireFacts>>) {
    // RFC 3550: source, sequence and timestamp begin at random.
    let [a, b, c, d, e, f, g, h] = random().to_be_bytes();
    let (id, mut sequence, mut timestamp) = (u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([e, f]), u32::from_be_bytes([g, h, a, c]));
    let (mut ear, mut saying, mut to_other): (Ear, Saying, Option<mpsc::Sender<Vec<i16>>>) = (Ear::default(), Saying::Nothing, None);
    let mut to: Option<(SocketAddr, Law)> = None;
    // Until its first packet tells better, the address is the one in the description (symmetric RTP, same host only).
    let mut latched = false;
    let mut speaks = false;
    let mut first = true;
    let mut clock = tokio::time::interval(TICK);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut buffer = [0u8; PACKET_MAX];
    loop {
        tokio::select! {
            biased;
            due = clock.tick() => {
                let Some((address, law)) = to.filter(|_| speaks) else { continue };
                let late = Instant::now().saturating_duration_since(due);
                let (sound, done) = saying.frame();
                let payload = law.encode(&sound);
                let packet = Packet { marker: first, payload_type: law.payload_type(), sequence, timestamp, source: id, payload: &payload }.write();
                first = false;
                sequence = sequence.wrapping_add(1);
                timestamp = timestamp.wrapping_add(160);
                if let Err(error) = socket.try_send_to(&packet, address) {
                    tracing::trace!(%error, "a packet of sound was not sent");
                }
                let mut facts = facts.lock().unwrap_or_else(PoisonError::into_inner);
                facts.sent += 1;
                facts.late_5ms += u64::from(late > Duration::from_millis(5));
                facts.late_20ms += u64::from(late > TICK);
                drop(facts);
                if let Some(no) = done && told.send(Told::Said(no)).is_err() {
                    return;
                }
            }
            order = orders.recv() => match order {
                None => return,
                Some(Sound::Negotiated(answer, answered)) => {
                    ear.negotiated(answer, answered);
                    to = Some((answer.to, answer.law));
                    latched = false;
                    speaks |= answered;
                }
                Some(Sound::Say(no, what)) => saying = Saying::Sound { no, what, at: 0 },
                Some(Sound::Hear(other)) => to_other = Some(other),
                Some(Sound::Pass(from)) => saying = Saying::Other { from, left: Vec::new(), flows: false },
            },
            got = socket.recv_from(&mut buffer) => {
                let Ok((len, from)) = got else { continue };
                let Some((address, law)) = to else { continue };
                // Sound from elsewhere is nobody's.
                if from.ip() != address.ip() {
                    continue;
                }
                let Some(packet) = buffer.get(..len).and_then(Packet::read) else { continue };
                if from != address {
                    if latched {
                        continue;
                    }
                    to = Some((from, law));
                }
                latched = true;
                let heard = ear.hear(&packet);
                {
                    let mut facts = facts.lock().unwrap_or_else(PoisonError::into_inner);
                    facts.received = ear.packets;
                    facts.lost = ear.lost;
                    facts.early = ear.early;
                    facts.heard_audio = ear.heard_something();
                }
                for (key, via) in heard.keys {
                    if told.send(Told::Key(key, via)).is_err() {
                        return;
                    }
                }
                if let (Some(other), Some(sound)) = (&to_other, heard.sound) && other.try_send(sound).is_err() && other.is_closed() {
                    to_other = None;
                }
            }
        }
    }
}
