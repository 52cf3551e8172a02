//! A client's session: what it subscribed, what waits for it, what is under way in both directions. It may
//! outlive its connection, in memory only: a restart of the door forgets sessions, queues and retained
//! messages, and clients subscribe again when they are told `session present = 0`. Nothing of that is needed
//! to keep a promise: what devices say is in the event log, and what devices are told is told again.
//!
//! ```text
//!  offer ─▶ queue ─▶ next ─▶ flying (QoS 1: until PUBACK; QoS 2: until PUBREC, then released until PUBCOMP)
//!  QoS 2 in: absent ─PUBLISH─▶ waiting (not durable: no PUBREC) ─commit─▶ stored ─PUBREL─▶ absent
//! ```

use crate::codec::{Qos, Version};
use crate::counters::Counters;
use crate::hall::Will;
use crate::limits::Budget;
use crate::link::Link;
use crate::message::Message;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A subscription: the filter's routing name, and the group of a shared one.
pub(crate) type Subscribed = (Box<str>, Option<Box<str>>);

/// A message for one session.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) message: Arc<Message>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) identifiers: Vec<u32>,
}

impl Delivery {
    /// Merges another subscription's copy of the same message into this one.
    pub(crate) fn join(&mut self, other: &Self) {
        self.qos = self.qos.max(other.qos);
        self.retain |= other.retain;
        self.identifiers.extend(&other.identifiers);
    }
}

/// A message to be written to the client now.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) delivery: Delivery,
    pub(crate) id: u16,
    pub(crate) dup: bool,
}

/// Something to be repeated after a reconnection.
#[derive(Debug)]
pub(crate) enum Repeat {
    Publish(Sending),
    Release(u16),
}

#[derive(Debug)]
enum Stage {
    Sent(Delivery),
    Released,
}

/// How far an incoming QoS 2 message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inbound {
    Waiting,
    Stored,
}

#[derive(Debug)]
struct Owner {
    link: Arc<Link>,
    window: usize,
}

/// What may change.
#[derive(Debug, Default)]
pub(crate) struct State {
    owner: Option<Owner>,
    /// Grows with every connection: an older one has no say any more.
    pub(crate) epoch: u64,
    pub(crate) ended: bool,
    pub(crate) expiry: Duration,
    pub(crate) will: Option<Box<Will>>,
    /// Keys of the deadlines that are set for this session.
    pub(crate) deadlines: Vec<(Instant, u64)>,
    pub(crate) subscriptions: HashSet<Subscribed>,
    inbound: HashMap<u16, Inbound>,
    queue: VecDeque<Delivery>,
    queued_bytes: usize,
    flying: VecDeque<(u16, Stage)>,
    next_id: u16,
}

/// How much may wait for one session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

/// A client's session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: u64,
    pub(crate) key: Box<str>,
    room: Room,
    budget: Arc<Budget>,
    counters: Arc<Counters>,
    state: Mutex<State>,
}

impl Session {
    pub(crate) fn new(id: u64, key: &str, room: Room, budget: Arc<Budget>, counters: Arc<Counters>) -> Arc<Self> {
        Arc::new(Self { id, key: key.into(), room, budget, counters, state: Mutex::default() })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a connection the owner. Returns its epoch.
    pub(crate) fn own(&self, link: Arc<Link>, window: usize, expiry: Duration, will: Option<Box<Will>>) -> u64 {
        let mut state = self.state();
        state.epoch += 1;
        state.owner = Some(Owner { link, window });
        state.expiry = expiry;
        state.will = will;
        state.epoch
    }

    /// Takes the session from its connection, which is returned.
    pub(crate) fn disown(&self) -> Option<Arc<Link>> {
        let mut state = self.state();
        state.epoch += 1;
        state.owner.take().map(|owner| owner.link)
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.state().owner.is_some()
    }

    /// Takes a message for the client. False if nobody will ever get it.
    pub(crate) fn offer(&self, delivery: Delivery) -> bool {
        let bytes = delivery.message.bytes();
        let mut state = self.state();
        if state.ended || (state.owner.is_none() && delivery.qos == Qos::Zero) {
            return false;
        }
        if bytes > self.room.bytes {
            Counters::add(&self.counters.deliveries_dropped);
            return false;
        }
        while state.queue.len() >= self.room.messages || state.queued_bytes + bytes > self.room.bytes {
            if !self.drop_oldest(&mut state) {
                break;
            }
        }
        while !self.budget.take(bytes) {
            if !self.drop_oldest(&mut state) {
                Counters::add(&self.counters.deliveries_dropped);
                return false;
            }
        }
        state.queued_bytes += bytes;
        state.queue.push_back(delivery);
        if let Some(owner) = &state.owner {
            owner.link.wake();
        }
        true
    }

    fn drop_oldest(&self, state: &mut State) -> bool {
        let Some(oldest) = state.queue.pop_front() else {
            return false;
        };
        self.give(state, &oldest);
        Counters::add(&self.counters.deliveries_dropped);
        true
    }

    fn give(&self, state: &mut State, delivery: &Delivery) {
        let bytes = delivery.message.bytes();
        state.queued_bytes = state.queued_bytes.saturating_sub(bytes);
        self.budget.give(bytes);
    }

    /// The next message to write, for the connection of this epoch.
    pub(crate) fn next(&self, epoch: u64, now: Instant) -> Option<Sending> {
        let mut state = self.state();
        if state.epoch != epoch {
            return None;
        }
        loop {
            let window = state.owner.as_ref().map_or(0, |owner| owner.window);
            let front = state.queue.front()?;
            if front.qos != Qos::Zero && state.flying.len() >= window {
                return None;
            }
            let delivery = state.queue.pop_front()?;
            if state.queue.is_empty() && state.queue.capacity() > 64 {
                state.queue = VecDeque::new();
            }
            if delivery.message.expiry_s(now) == Some(0) {
                self.give(&mut state, &delivery);
                continue;
            }
            let id = match delivery.qos {
                Qos::Zero => {
                    self.give(&mut state, &delivery);
                    0
                }
                Qos::One | Qos::Two => {
                    let id = state.free_id();
                    state.flying.push_back((id, Stage::Sent(delivery.clone())));
                    id
                }
            };
            return Some(Sending { delivery, id, dup: false });
        }
    }

    /// What has to be sent again on a new connection, in order.
    pub(crate) fn repeats(&self) -> Vec<Repeat> {
        let state = self.state();
        let repeat = |(id, stage): &(u16, Stage)| match stage {
            Stage::Sent(delivery) => Repeat::Publish(Sending { delivery: delivery.clone(), id: *id, dup: true }),
            Stage::Released => Repeat::Release(*id),
        };
        state.flying.iter().map(repeat).collect()
    }

    /// PUBACK or PUBCOMP came, or the message cannot be sent at all: done with this one.
    pub(crate) fn landed(&self, epoch: u64, id: u16) {
        let mut state = self.state();
        if state.epoch == epoch
            && let Some(at) = state.flying.iter().position(|(flying, _)| *flying == id)
            && let Some((_, Stage::Sent(delivery))) = state.flying.remove(at)
        {
            self.give(&mut state, &delivery);
        }
    }

    /// PUBREC came: true if there is something to release.
    pub(crate) fn received(&self, epoch: u64, id: u16) -> bool {
        let mut state = self.state();
        if state.epoch != epoch {
            return false;
        }
        let Some(entry) = state.flying.iter_mut().find(|(flying, _)| *flying == id) else {
            return false;
        };
        let before = std::mem::replace(&mut entry.1, Stage::Released);
        if let Stage::Sent(delivery) = before {
            self.give(&mut state, &delivery);
        }
        true
    }

    pub(crate) fn inbound(&self, id: u16) -> Option<Inbound> {
        self.state().inbound.get(&id).copied()
    }

    pub(crate) fn inbound_count(&self) -> usize {
        self.state().inbound.len()
    }

    /// Notes an incoming QoS 2 message that is on its way to the event log.
    pub(crate) fn await_inbound(&self, id: u16) {
        self.state().inbound.insert(id, Inbound::Waiting);
    }

    /// The commit of an incoming QoS 2 message is known. Whichever connection owns the session now may be
    /// waiting for it.
    pub(crate) fn settle_inbound(&self, id: u16, stored: bool) {
        let mut state = self.state();
        if stored {
            if let Some(inbound) = state.inbound.get_mut(&id) {
                *inbound = Inbound::Stored;
            }
        } else {
            state.inbound.remove(&id);
        }
        if let Some(owner) = &state.owner {
            owner.link.wake();
        }
    }

    /// PUBREL came: what there was to release.
    pub(crate) fn release_inbound(&self, id: u16) -> Option<Inbound> {
        let mut state = self.state();
        let found = state.inbound.get(&id).copied();
        if found == Some(Inbound::Stored) {
            state.inbound.remove(&id);
        }
        found
    }

    /// Gives everything back; the session takes nothing any more.
    pub(crate) fn end(&self) -> HashSet<Subscribed> {
        let mut state = self.state();
        state.ended = true;
        self.budget.give(state.queued_bytes);
        state.queued_bytes = 0;
        state.queue = VecDeque::new();
        state.flying = VecDeque::new();
        state.inbound = HashMap::new();
        std::mem::take(&mut state.subscriptions)
    }

    #[cfg(test)]
    pub(crate) fn queued(&self) -> usize {
        self.state().queue.len()
    }
}

impl State {
    fn free_id(&mut self) -> u16 {
        loop {
            self.next_id = self.next_id.checked_add(1).unwrap_or(1);
            let id = self.next_id;
            if !self.flying.iter().any(|(flying, _)| *flying == id) {
                return id;
            }
        }
    }
}

/// How many messages may be under way to a client.
pub(crate) fn window(version: Version, receive_maximum: u16, outflight: u16) -> usize {
    match version {
        Version::V3 => usize::from(outflight),
        Version::V5 => usize::from(receive_maximum.min(outflight)),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn session(id: u64) -> Arc<Session> {
        let room = Room { messages: 20, bytes: 100_000 };
        Session::new(id, "test", room, Arc::new(Budget::new(1_000_000)), Arc::default())
    }

    fn delivery(text: &str, qos: Qos) -> Delivery {
        let message = Message::new(("t".to_owned(), 0), text.as_bytes().into(), qos, false);
        Delivery { message: Arc::new(message), qos, retain: false, identifiers: Vec::new() }
    }

    fn texts(session: &Session, epoch: u64) -> Vec<String> {
        std::iter::from_fn(|| session.next(epoch, Instant::now()))
            .map(|sending| String::from_utf8(sending.delivery.message.payload.as_slice().to_vec()).unwrap())
            .collect()
    }

    fn connect(session: &Session, window: usize) -> u64 {
        session.own(Link::new(1, "x".into()), window, Duration::MAX, None)
    }

    #[test]
    fn messages_wait_for_the_window_and_are_repeated_on_the_next_connection() {
        let session = session(1);
        let epoch = connect(&session, 2);
        for text in ["1", "2", "3"] {
            assert!(session.offer(delivery(text, Qos::One)));
        }
        assert_eq!(texts(&session, epoch), ["1", "2"]);
        session.landed(epoch, 1);
        assert_eq!(texts(&session, epoch), ["3"]);
        session.disown();
        assert!(session.offer(delivery("4", Qos::One)) && !session.offer(delivery("lost", Qos::Zero)));
        assert_eq!(texts(&session, epoch), Vec::<String>::new(), "an old connection has no say");
        let epoch = connect(&session, 10);
        assert_eq!(session.repeats().len(), 2);
        assert_eq!(texts(&session, epoch), ["4"]);
    }

    #[test]
    fn the_oldest_gives_way_when_the_queue_is_full_and_all_bytes_come_back() {
        let session = session(1);
        for n in 0..30 {
            assert!(session.offer(delivery(&n.to_string(), Qos::One)));
        }
        let epoch = connect(&session, 100);
        let all = texts(&session, epoch);
        assert_eq!((all.len(), all[0].as_str()), (20, "10"));
        assert!(session.budget.used() > 0);
        session.end();
        assert_eq!(session.budget.used(), 0);
        assert!(!session.offer(delivery("x", Qos::One)));
    }

    #[test]
    fn a_message_of_qos_2_is_released_once() {
        let session = session(1);
        let epoch = connect(&session, 10);
        session.offer(delivery("x", Qos::Two));
        assert_eq!(texts(&session, epoch), ["x"]);
        assert!(session.received(epoch, 1) && session.received(epoch, 1));
        assert!(matches!(session.repeats().as_slice(), [Repeat::Release(1)]));
        session.landed(epoch, 1);
        assert!(!session.received(epoch, 1));
        assert_eq!(session.budget.used(), 0);
    }
}
