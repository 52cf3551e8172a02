//! One connected client, from CONNACK to the last commit.
//!
//! ```text
//!  socket ─▶ packets ─PUBLISH─▶ rights ▶ lane ▶ rate ─▶ event log ─▶ verdict ─▶ PUBACK / PUBREC, passing on
//!                                                                      └refused─▶ closed without an answer
//! ```
//! Nothing here can acknowledge a message of QoS 1 or 2 but [`Connection::answer`], and it does so only for a
//! message whose commit came back as stored (ACK-1). Messages are passed on after the commit too. When the
//! connection ends, what was handed to the log is still awaited and passed on, but not acknowledged.

mod publish;
mod subscribe;

use crate::codec::{Fault, Framer, Packet, Qos, Raw, Version};
use crate::counters::Counters;
use crate::encode::{self, Ack};
use crate::hall::{Farewell, Hall};
use crate::keys::Grant;
use crate::limits::{Charge, Pace};
use crate::link::{Link, Slot, Verdict};
use crate::message::Message;
use crate::session::{Inbound, Repeat, Session};
use crate::stream::Stream;
use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use store::Record;
use tokio::time::{Instant, Sleep};

/// Unsent answers at which reading stops and no message is taken from the session's queue.
const OUT_BYTES: usize = 16 * 1024;

/// What of an unfinished packet is not charged to the common budget.
pub(crate) const PARTIAL_FREE: usize = 4 * 1024;

/// Topic aliases that a client may use towards us, and that we use towards a client, at most.
pub(crate) const ALIASES: u16 = 16;

/// Incoming QoS 2 identifiers of a v3 client that wait for PUBREL, at most (v5: the Receive Maximum).
const INBOUND_MAX: usize = 16_384;

/// A PUBLISH that has not been answered, in the order of arrival.
struct Pending {
    kind: Kind,
    qos: Qos,
    id: u16,
    bytes: usize,
    after: Option<Box<After>>,
}

enum Kind {
    /// Has the next slot of the gate.
    Commit,
    /// A second PUBLISH with the identifier of a QoS 2 message that is under way.
    Known,
    /// Outside the rights: the reason code.
    Denied(Fault),
}

/// What is to be passed on once the message is durable.
struct After {
    message: Option<Arc<Message>>,
    /// The word to the device that its message is stored.
    word: Option<Arc<Message>>,
}

/// How a client presented itself, as far as the connection goes on needing it.
pub(crate) struct Manner {
    pub(crate) version: Version,
    pub(crate) keep_alive_s: u16,
    pub(crate) packet_bytes_max: u32,
    pub(crate) alias_maximum: u16,
    pub(crate) session_expiry_s: u32,
}

/// The place of a connection in the hall. Whatever happens to the connection, the hall hears that it is gone.
pub(crate) struct Seat {
    pub(crate) hall: Arc<Hall>,
    pub(crate) link: Arc<Link>,
    pub(crate) session: Arc<Session>,
    pub(crate) epoch: u64,
    pub(crate) left: bool,
}

impl Seat {
    fn leave(&mut self, farewell: Farewell) {
        if !std::mem::replace(&mut self.left, true) {
            self.hall.detach(&self.link, &self.session, self.epoch, farewell);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave(Farewell::Lost(None));
        self.hall.discharge(self.link.id);
    }
}

/// A connected client.
pub(crate) struct Connection {
    seat: Seat,
    hall: Arc<Hall>,
    link: Arc<Link>,
    session: Arc<Session>,
    epoch: u64,
    grant: Grant,
    manner: Manner,
    out: Vec<u8>,
    packets: VecDeque<Raw>,
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    /// Messages of QoS 1 among those pending.
    open_ones: usize,
    verdicts: VecDeque<Verdict>,
    parked: VecDeque<(Record, Slot)>,
    pace: Option<Pace>,
    aliases_in: HashMap<u16, String>,
    aliases_out: HashMap<String, u16>,
    charge: Charge,
    heard_at: Instant,
    stuck_since: Option<Instant>,
}

enum End {
    Said(Option<Duration>),
    WithWill(Option<Duration>),
    Lost,
    Fault(Fault),
}

impl Connection {
    pub(crate) fn new(seat: Seat, grant: Grant, manner: Manner) -> Self {
        let now = Instant::now();
        let (hall, link, session) = (Arc::clone(&seat.hall), Arc::clone(&seat.link), Arc::clone(&seat.session));
        let epoch = seat.epoch;
        let charge = Charge::none(&hall.partial);
        let pace = hall.share(&grant.rights).routine.map(|rate| Pace::new(rate, now));
        Self {
            seat,
            hall,
            link,
            session,
            epoch,
            grant,
            manner,
            out: Vec::new(),
            packets: VecDeque::new(),
            pending: VecDeque::new(),
            pending_bytes: 0,
            open_ones: 0,
            verdicts: VecDeque::new(),
            parked: VecDeque::new(),
            pace,
            aliases_in: HashMap::new(),
            aliases_out: HashMap::new(),
            charge,
            heard_at: now,
            stuck_since: None,
        }
    }

    /// Serves the client until the connection ends and all that it handed in is settled.
    pub(crate) async fn run(
        mut self,
        mut stream: Stream,
        mut framer: Framer,
        connack: Vec<u8>,
        packets: VecDeque<Raw>,
    ) {
        self.out = connack;
        self.packets = packets;
        for repeat in self.session.repeats() {
            match repeat {
                Repeat::Publish(sending) => self.write(&sending),
                Repeat::Release(id) => encode::ack(&mut self.out, self.manner.version, Ack::Pubrel, id, 0),
            }
        }
        let end = self.serve(&mut stream, &mut framer).await;
        self.parked.clear();
        self.last_look(&end);
        let farewell = self.farewell(&end);
        if let End::Fault(fault) = end {
            if self.manner.version == Version::V5 {
                encode::disconnect(&mut self.out, fault);
            }
            self.seat.leave(farewell);
            stream.part(&self.out).await;
        } else {
            drop(stream);
            self.seat.leave(farewell);
        }
        self.out = Vec::new();
        self.charge.set(0);
        self.settle_rest().await;
    }

    fn farewell(&self, end: &End) -> Farewell {
        match *end {
            End::Said(expiry) => Farewell::Said(expiry),
            End::WithWill(expiry) => Farewell::Lost(expiry),
            End::Lost => Farewell::Lost(None),
            End::Fault(Fault::SHUTTING_DOWN) => Farewell::ShutDown,
            End::Fault(Fault::ADMINISTRATIVE) => {
                Counters::add(&self.hall.counters.kicked);
                Farewell::Revoked
            }
            End::Fault(Fault::KEEP_ALIVE) => {
                Counters::add(&self.hall.counters.keep_alive_timeouts);
                Farewell::Lost(None)
            }
            End::Fault(Fault::TAKEN_OVER) => Farewell::Lost(None),
            End::Fault(fault) => {
                Counters::add(&self.hall.counters.faults);
                tracing::debug!(connection.id = self.link.id, reason = fault.0, "connection closed by the door");
                Farewell::Lost(None)
            }
        }
    }

    async fn serve(&mut self, stream: &mut Stream, framer: &mut Framer) -> End {
        let alarm = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(alarm);
        loop {
            if let Some(fault) = self.link.closing() {
                return End::Fault(fault);
            }
            let now = Instant::now();
            let worked = self.round(now);
            match worked {
                Ok(None) => {}
                Ok(Some(end)) => return end,
                Err(fault) => return End::Fault(fault),
            }
            self.speak(now);
            if let Some(end) = self.overdue(now) {
                return end;
            }
            self.set(alarm.as_mut(), now);
            let reading = self.packets.is_empty() && self.out.len() < OUT_BYTES && self.has_room();
            tokio::select! {
                biased;
                turn = stream.turn(&mut self.out, reading, framer, &mut self.packets) => {
                    if turn.wrote > 0 || self.out.is_empty() {
                        self.stuck_since = None;
                    }
                    if !self.packets.is_empty() {
                        self.heard_at = Instant::now();
                    }
                    if turn.over {
                        return End::Lost;
                    }
                    if let Some(fault) = turn.fault.or_else(|| self.overcharged(framer)) {
                        return End::Fault(fault);
                    }
                }
                () = self.link.woken() => {}
                () = alarm.as_mut() => {}
            }
        }
    }

    /// Everything that can be done without the socket.
    fn round(&mut self, now: Instant) -> Result<Option<End>, Fault> {
        self.answer()?;
        self.unpark(now);
        let end = self.work(now)?;
        // What needs no commit may be answerable at once.
        self.answer()?;
        Ok(end)
    }

    /// Charges an unfinished packet to the common budget.
    fn overcharged(&mut self, framer: &Framer) -> Option<Fault> {
        let paid = self.charge.set(framer.partial_bytes().saturating_sub(PARTIAL_FREE));
        (!paid).then_some(Fault::BUSY)
    }

    fn has_room(&self) -> bool {
        self.pending.len() < usize::from(self.hall.limits.inflight)
            && self.pending_bytes < self.hall.limits.inflight_bytes
    }

    fn keep_alive(&self) -> Option<Duration> {
        (self.manner.keep_alive_s > 0).then(|| Duration::from_millis(u64::from(self.manner.keep_alive_s) * 1_500))
    }

    /// A deadline that has passed: the client was silent, or does not read.
    fn overdue(&mut self, now: Instant) -> Option<End> {
        if self.out.is_empty() {
            self.stuck_since = None;
        } else {
            let since = *self.stuck_since.get_or_insert(now);
            if now.duration_since(since) >= self.hall.limits.write_within {
                Counters::add(&self.hall.counters.write_timeouts);
                return Some(End::Lost);
            }
        }
        // While we do not read, silence is ours and not the client's.
        if !self.has_room() || !self.packets.is_empty() {
            self.heard_at = now;
        }
        match self.keep_alive() {
            Some(limit) if now.duration_since(self.heard_at) >= limit => Some(End::Fault(Fault::KEEP_ALIVE)),
            Some(_) | None => None,
        }
    }

    /// Sets the alarm to the nearest deadline, if it is not set earlier already.
    fn set(&self, alarm: Pin<&mut Sleep>, now: Instant) {
        let silent = self.keep_alive().map(|limit| self.heard_at + limit);
        let stuck = self.stuck_since.map(|since| since + self.hall.limits.write_within);
        let parked = (!self.parked.is_empty()).then(|| self.pace.as_ref().map(|pace| pace.next(now))).flatten();
        let far = now + Duration::from_secs(3_600);
        let next = [silent, stuck, parked].into_iter().flatten().min().unwrap_or(far);
        let armed = alarm.deadline();
        if next < armed || armed <= now {
            alarm.reset(next);
        }
    }

    /// Answers the PUBLISHes at the front whose fate is known, and passes on what they brought.
    fn answer(&mut self) -> Result<(), Fault> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.link.take(&mut self.verdicts);
        while let Some(first) = self.pending.front() {
            let reason = match first.kind {
                Kind::Denied(fault) => fault.0,
                Kind::Known => match self.session.inbound(first.id) {
                    Some(Inbound::Stored) => 0,
                    Some(Inbound::Waiting) => return Ok(()),
                    None => return Err(Fault::IMPLEMENTATION),
                },
                Kind::Commit => match self.verdicts.front() {
                    None => return Ok(()),
                    Some(Verdict::Refused(fault)) => return Err(*fault),
                    Some(Verdict::Stored) => {
                        self.verdicts.pop_front();
                        0
                    }
                },
            };
            let Some(pending) = self.pending.pop_front() else {
                return Ok(());
            };
            self.pending_bytes -= pending.bytes;
            self.open_ones -= usize::from(pending.qos == Qos::One);
            self.stored(&pending);
            match pending.qos {
                Qos::Zero => {}
                Qos::One => encode::ack(&mut self.out, self.manner.version, Ack::Puback, pending.id, reason),
                Qos::Two => encode::ack(&mut self.out, self.manner.version, Ack::Pubrec, pending.id, reason),
            }
        }
        if self.pending.capacity() > 64 {
            self.pending = VecDeque::new();
        }
        if self.verdicts.capacity() > 64 {
            self.verdicts = VecDeque::new();
        }
        Ok(())
    }

    /// What follows once a message is durable.
    fn stored(&self, pending: &Pending) {
        if !matches!(pending.kind, Kind::Commit) {
            return;
        }
        Counters::add(&self.hall.counters.stored);
        if pending.qos == Qos::Two {
            self.session.settle_inbound(pending.id, true);
        }
        if let Some(after) = &pending.after {
            if let Some(message) = &after.message {
                self.hall.routes.publish(message, Some(self.session.id));
            }
            if let Some(word) = &after.word {
                self.hall.routes.publish(word, None);
            }
        }
    }

    /// After the end: awaits what the log still holds, and passes it on unacknowledged.
    async fn settle_rest(&mut self) {
        loop {
            self.link.take(&mut self.verdicts);
            while let Some(first) = self.pending.front() {
                let verdict = match first.kind {
                    Kind::Commit => match self.verdicts.pop_front() {
                        Some(verdict) => verdict,
                        None => break,
                    },
                    Kind::Known | Kind::Denied(_) => Verdict::Refused(Fault::IMPLEMENTATION),
                };
                let Some(pending) = self.pending.pop_front() else {
                    break;
                };
                match (&pending.kind, verdict) {
                    (Kind::Commit, Verdict::Stored) => self.stored(&pending),
                    (Kind::Commit, Verdict::Refused(_)) => {
                        Counters::add(&self.hall.counters.refused);
                        if pending.qos == Qos::Two {
                            self.session.settle_inbound(pending.id, false);
                        }
                    }
                    (Kind::Known | Kind::Denied(_), _) => {}
                }
            }
            if self.pending.is_empty() {
                return;
            }
            self.link.woken().await;
        }
    }

    /// Works off the packets that were read.
    fn work(&mut self, now: Instant) -> Result<Option<End>, Fault> {
        while self.has_room() && self.out.len() < OUT_BYTES * 4 {
            let Some(raw) = self.packets.pop_front() else {
                break;
            };
            let packet = raw.packet(self.manner.version)?;
            match packet {
                Packet::Publish(publish) => self.publish(*publish, now)?,
                Packet::Puback(id) => self.session.landed(self.epoch, id),
                Packet::Pubrec(id, reason) if reason >= 0x80 => self.session.landed(self.epoch, id),
                Packet::Pubrec(id, _) => {
                    let reason = if self.session.received(self.epoch, id) { 0 } else { 0x92 };
                    encode::ack(&mut self.out, self.manner.version, Ack::Pubrel, id, reason);
                }
                Packet::Pubrel(id) => {
                    let reason = match self.session.release_inbound(id) {
                        Some(Inbound::Stored) => 0,
                        None => 0x92,
                        Some(Inbound::Waiting) => return Err(Fault::PROTOCOL),
                    };
                    encode::ack(&mut self.out, self.manner.version, Ack::Pubcomp, id, reason);
                }
                Packet::Pubcomp(id) => self.session.landed(self.epoch, id),
                Packet::Subscribe { id, wishes, identifier } => self.subscribe(id, &wishes, identifier)?,
                Packet::Unsubscribe { id, filters } => self.unsubscribe(id, &filters)?,
                Packet::Ping => encode::pingresp(&mut self.out),
                Packet::Disconnect(reason, expiry_s) => {
                    return self.disconnect(reason, expiry_s).map(Some);
                }
            }
        }
        if self.packets.is_empty() && self.packets.capacity() > 16 {
            self.packets = VecDeque::new();
        }
        Ok(None)
    }

    fn disconnect(&self, reason: u8, expiry_s: Option<u32>) -> Result<End, Fault> {
        if self.manner.session_expiry_s == 0 && expiry_s.is_some_and(|s| s > 0) {
            return Err(Fault::PROTOCOL);
        }
        let longest = self.hall.limits.session_expiry_max;
        let expiry = expiry_s.map(|s| Duration::from_secs(u64::from(s)).min(longest));
        Ok(if reason == 0 { End::Said(expiry) } else { End::WithWill(expiry) })
    }
}
