//! What all connections of a door share: the log, the keys, the routes, the sessions by client, and the
//! deadlines of last wills and of sessions without a connection.
//!
//! ```text
//!  session: connected ─lost─▶ away ─(will delay)─▶ will stored, then passed on
//!                       ▲        └──(expiry)─────▶ will if still due, subscriptions gone, forgotten
//!                       └─reconnect─┘
//! ```

use crate::codec::{Fault, Testament};
use crate::counters::Counters;
use crate::door::Lanes;
use crate::keys::{Grant, Place, Rights, routing_name};
use crate::limits::{Budget, Limits, Share};
use crate::link::Link;
use crate::message::Message;
use crate::rivals::Rivals;
use crate::routes::Routes;
use crate::session::{Room, Session};
use care::{HomeId, Lane};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{Clock, EventLog, Record};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// How often a last will is tried again if the event log refuses it, with growing pauses of up to a minute.
const WILL_TRIES: u32 = 12;

/// A last will, with everything that its delivery needs.
#[derive(Debug)]
pub(crate) struct Will {
    testament: Testament,
    place: Place,
    source: Arc<str>,
}

impl Will {
    pub(crate) fn new(testament: Testament, place: Place, source: Arc<str>) -> Self {
        Self { testament, place, source }
    }

    fn delay(&self) -> Duration {
        Duration::from_secs(u64::from(self.testament.delay_s))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Will,
    Expiry,
}

#[derive(Default)]
struct Sessions {
    by_key: HashMap<Box<str>, Arc<Session>>,
    connected: HashMap<Arc<str>, usize>,
    rivals: Rivals,
}

#[derive(Default)]
struct Deadlines {
    all: BTreeMap<(Instant, u64), (Arc<Session>, Due)>,
    serial: u64,
}

/// The shared state of a door.
pub(crate) struct Hall {
    pub(crate) limits: Limits,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lanes: Arc<dyn Lanes>,
    pub(crate) routes: Routes,
    pub(crate) counters: Arc<Counters>,
    pub(crate) partial: Arc<Budget>,
    closing: watch::Sender<bool>,
    queued: Arc<Budget>,
    sessions: Mutex<Sessions>,
    away: AtomicUsize,
    links: Mutex<HashMap<u64, Arc<Link>>>,
    deadlines: Mutex<Deadlines>,
    deadlines_changed: Notify,
    serial: AtomicU64,
    runtime: tokio::runtime::Handle,
}

/// What a connection asks the hall for.
pub(crate) struct Entrance<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) grant: &'a Grant,
    pub(crate) link: &'a Arc<Link>,
    pub(crate) clean_start: bool,
    pub(crate) window: usize,
    pub(crate) expiry: Duration,
    pub(crate) will: Option<Box<Will>>,
    pub(crate) peer: IpAddr,
}

/// The session that a connection got.
pub(crate) struct Attached {
    pub(crate) session: Arc<Session>,
    pub(crate) epoch: u64,
    pub(crate) present: bool,
    /// Two places fight for this session.
    pub(crate) fought_for: bool,
}

/// How a connection came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// By DISCONNECT, perhaps with a new session expiry; the will is void.
    Said(Option<Duration>),
    /// Lost, or DISCONNECT with the will.
    Lost(Option<Duration>),
    /// We shut down: wills stay unsaid, for our own outage is not the homes' (SIL-2).
    ShutDown,
    /// The credential was revoked: neither will nor session remain.
    Revoked,
}

impl Hall {
    pub(crate) fn new(
        limits: Limits,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        lanes: Arc<dyn Lanes>,
        runtime: tokio::runtime::Handle,
    ) -> Arc<Self> {
        let counters: Arc<Counters> = Arc::default();
        Arc::new(Self {
            routes: Routes::new(limits.retained, limits.retained_bytes, Arc::clone(&counters)),
            partial: Arc::new(Budget::new(limits.partial_bytes)),
            queued: Arc::new(Budget::new(limits.queued_bytes)),
            counters,
            log,
            clock,
            lanes,
            limits,
            closing: watch::Sender::new(false),
            sessions: Mutex::default(),
            away: AtomicUsize::new(0),
            links: Mutex::default(),
            deadlines: Mutex::default(),
            deadlines_changed: Notify::new(),
            serial: AtomicU64::new(1),
            runtime,
        })
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// From now on nobody comes in.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Returns when the door closes.
    pub(crate) async fn closed(&self) {
        let mut closing = self.closing.subscribe();
        let _never_dropped = closing.wait_for(|closing| *closing).await.is_ok();
    }

    pub(crate) fn serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn share(&self, rights: &Rights) -> &Share {
        match rights {
            Rights::Device { .. } => &self.limits.device,
            Rights::Hub { .. } => &self.limits.hub,
            Rights::Bridge { .. } => &self.limits.bridge,
            Rights::Open => &self.limits.open,
        }
    }

    pub(crate) fn enroll(&self, link: &Arc<Link>) {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).insert(link.id, Arc::clone(link));
    }

    pub(crate) fn discharge(&self, link: u64) {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).remove(&link);
    }

    /// Asks every connection of a credential (`None`: all) to close. Returns how many there were.
    pub(crate) fn dismiss(&self, name: Option<&str>, fault: Fault) -> usize {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen = links.values().filter(|link| name.is_none_or(|name| &*link.name == name));
        chosen.map(|link| link.close(fault)).count()
    }

    /// The credentials of all connections and of the sessions that wait for one.
    pub(crate) fn credentials(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        names.extend(self.links.lock().unwrap_or_else(PoisonError::into_inner).values().map(|link| link.name.to_string()));
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        names.extend(sessions.by_key.keys().filter_map(|key| Some(key.split_once('\0')?.0.to_owned())));
        names
    }

    /// Ends the sessions that a revoked credential left behind without a connection.
    pub(crate) fn forget(&self, name: &str) {
        let prefix = format!("{name}\0");
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let left: Vec<_> = sessions
            .by_key
            .values()
            .filter(|session| session.key.starts_with(&prefix) && !session.is_connected())
            .cloned()
            .collect();
        for session in left {
            session.state().will = None;
            self.away.fetch_sub(1, Ordering::Relaxed);
            self.end(&mut sessions, &session);
        }
    }

    /// Gives a connection its session. A connection that has it already is closed; its will is said now unless
    /// it had a delay and the session goes on.
    pub(crate) fn attach(self: &Arc<Self>, entrance: Entrance<'_>) -> Result<Attached, Fault> {
        let Entrance { client_id, grant, link, clean_start, window, expiry, will, peer } = entrance;
        let share = self.share(&grant.rights);
        let key = format!("{}\0{client_id}", grant.name);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = sessions.by_key.get(key.as_str()).cloned();
        let taken_over = before.as_ref().and_then(|session| session.disown());
        let connected = sessions.connected.get(&link.name).copied().unwrap_or_default();
        if taken_over.is_none() && connected >= share.connections {
            return Err(Fault::QUOTA);
        }
        let mut fought_for = false;
        match &taken_over {
            Some(other) => {
                fought_for = sessions.rivals.taken_over(&key, peer, Instant::now());
                Counters::add(&self.counters.takeovers);
                other.close(Fault::TAKEN_OVER);
            }
            None if before.is_some() => {
                self.away.fetch_sub(1, Ordering::Relaxed);
            }
            None => {}
        }
        if let Some(session) = &before {
            self.cancel(session);
            let last = session.state().will.take();
            if let Some(last) = last.filter(|will| clean_start || will.delay().is_zero()) {
                self.say(last, 0);
            }
        }
        if clean_start && let Some(session) = before.take() {
            self.end(&mut sessions, &session);
        }
        let present = before.is_some();
        let session = before.unwrap_or_else(|| {
            let room = Room { messages: share.queued_messages, bytes: share.queued_bytes };
            Session::new(self.serial(), &key, room, Arc::clone(&self.queued), Arc::clone(&self.counters))
        });
        let epoch = session.own(Arc::clone(link), window, expiry, will);
        if !present {
            Counters::add(&self.counters.sessions);
            sessions.by_key.insert(session.key.clone(), Arc::clone(&session));
        }
        *sessions.connected.entry(Arc::clone(&link.name)).or_default() += 1;
        Ok(Attached { session, epoch, present, fought_for })
    }

    /// Takes leave of a connection, whether it still owns its session or not.
    pub(crate) fn detach(self: &Arc<Self>, link: &Link, session: &Arc<Session>, epoch: u64, farewell: Farewell) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = sessions.connected.get_mut(&link.name) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                sessions.connected.remove(&link.name);
            }
        }
        if session.state().epoch != epoch {
            return;
        }
        let _own_link = session.disown();
        let (will, expiry) = {
            let mut state = session.state();
            let expiry = match farewell {
                Farewell::Said(new) | Farewell::Lost(new) => new.unwrap_or(state.expiry),
                Farewell::ShutDown => state.expiry,
                Farewell::Revoked => Duration::ZERO,
            };
            let will = state.will.take();
            match farewell {
                Farewell::Lost(_) => (will, expiry),
                Farewell::Said(_) | Farewell::ShutDown | Farewell::Revoked => (None, expiry),
            }
        };
        let stays = !expiry.is_zero() && self.away.load(Ordering::Relaxed) < self.limits.sessions;
        if !stays {
            if let Some(will) = will {
                self.say(will, 0);
            }
            self.end(&mut sessions, session);
            return;
        }
        self.away.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        self.schedule(session, now + expiry, Due::Expiry);
        if let Some(will) = will {
            if will.delay().is_zero() {
                self.say(will, 0);
            } else {
                let at = now + will.delay().min(expiry);
                session.state().will = Some(will);
                self.schedule(session, at, Due::Will);
            }
        }
    }

    fn end(&self, sessions: &mut Sessions, session: &Arc<Session>) {
        self.cancel(session);
        for (filter, group) in session.end() {
            self.routes.unsubscribe(&filter, group.as_deref(), session.id);
        }
        sessions.by_key.remove(&session.key);
        Counters::sub(&self.counters.sessions);
    }

    fn schedule(&self, session: &Arc<Session>, at: Instant, due: Due) {
        let mut deadlines = self.deadlines.lock().unwrap_or_else(PoisonError::into_inner);
        deadlines.serial += 1;
        let key = (at, deadlines.serial);
        deadlines.all.insert(key, (Arc::clone(session), due));
        session.state().deadlines.push(key);
        drop(deadlines);
        self.deadlines_changed.notify_one();
    }

    fn cancel(&self, session: &Session) {
        let mut deadlines = self.deadlines.lock().unwrap_or_else(PoisonError::into_inner);
        for key in std::mem::take(&mut session.state().deadlines) {
            deadlines.all.remove(&key);
        }
    }

    /// Serves deadlines, for ever.
    pub(crate) async fn keep_deadlines(self: Arc<Self>) {
        let mut swept = Instant::now();
        loop {
            let now = Instant::now();
            let next = {
                let mut deadlines = self.deadlines.lock().unwrap_or_else(PoisonError::into_inner);
                match deadlines.all.first_key_value() {
                    Some(((at, _), _)) if *at <= now => deadlines.all.pop_first().map(|entry| Ok(entry.1)),
                    Some(((at, _), _)) => Some(Err(*at)),
                    None => None,
                }
            };
            if let Some(Ok((session, due))) = next {
                self.fall_due(&session, due);
                continue;
            }
            if now.duration_since(swept) > Duration::from_secs(60) {
                swept = now;
                self.routes.sweep();
            }
            let minute = now + Duration::from_secs(60);
            let at = next.and_then(Result::err).unwrap_or(minute).min(minute);
            tokio::select! {
                () = tokio::time::sleep_until(at) => {}
                () = self.deadlines_changed.notified() => {}
            }
        }
    }

    fn fall_due(self: &Arc<Self>, session: &Arc<Session>, due: Due) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if session.is_connected() || session.state().ended {
            return;
        }
        let will = session.state().will.take();
        if let Some(will) = will {
            self.say(will, 0);
        }
        if due == Due::Expiry {
            self.away.fetch_sub(1, Ordering::Relaxed);
            self.end(&mut sessions, session);
        }
    }

    /// Makes a will durable, then passes it on. Tried again for some minutes if the log refuses it.
    pub(crate) fn say(self: &Arc<Self>, will: Box<Will>, tries: u32) {
        let Testament { topic, payload, .. } = &will.testament;
        let record = Record {
            lane: self.lanes.lane(&will.place.home, topic, payload.as_slice()),
            home: will.place.home.clone(),
            source: will.source.to_string(),
            topic: topic.clone(),
            payload: payload.as_slice().to_vec(),
            heard_at: self.clock.now(),
        };
        self.count_lane(record.lane);
        let hall = Arc::clone(self);
        let done = move |result: Result<(), store::LogError>| match result {
            Ok(()) => {
                Counters::add(&hall.counters.wills);
                Counters::add(&hall.counters.stored);
                hall.pass_on(&will);
            }
            Err(_) if tries < WILL_TRIES && !hall.is_closing() => {
                Counters::add(&hall.counters.refused);
                let runtime = hall.runtime.clone();
                runtime.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(500) * (1 << tries.min(7))).await;
                    hall.say(will, tries + 1);
                });
            }
            Err(error) => {
                Counters::add(&hall.counters.refused);
                Counters::add(&hall.counters.wills_lost);
                tracing::warn!(home.id = %will.place.home, %error, "a last will could not be stored");
            }
        };
        self.log.submit(record, Box::new(done));
    }

    fn pass_on(&self, will: &Will) {
        let Testament { topic, payload, qos, retain, expiry_s, properties, .. } = &will.testament;
        let name = routing_name(will.place.apart.as_ref(), topic);
        let mut message = Message::new(name, payload.clone(), *qos, *retain);
        message.expires_at = expiry_s.map(|s| Instant::now() + Duration::from_secs(u64::from(s)));
        message.properties = properties.clone();
        self.routes.publish(&Arc::new(message), None);
    }

    pub(crate) fn count_lane(&self, lane: Lane) {
        match lane {
            Lane::Red => Counters::add(&self.counters.red),
            Lane::Routine => Counters::add(&self.counters.routine),
        }
    }

    /// The routing name of a retained or subscribed topic in a home's own space.
    pub(crate) fn filter_name(apart: Option<&HomeId>, filter: &str) -> String {
        routing_name(apart, filter).0
    }
}
