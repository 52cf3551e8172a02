//! What a client publishes: rights, lane, rate, and the hand-over to the event log.

use super::{ALIASES, After, Connection, End, INBOUND_MAX, Kind, Pending};
use crate::codec::{Fault, Packet, Payload, Publish, Qos, Version};
use crate::counters::Counters;
use crate::filter::{TOPIC_BYTES_MAX, sound_topic};
use crate::keys::{Place, routing_name};
use crate::link::Slot;
use crate::message::Message;
use care::Lane;
use std::sync::Arc;
use std::time::Duration;
use store::Record;
use tokio::time::Instant;

impl Connection {
    /// The full topic of a PUBLISH, with aliases resolved and learned.
    fn resolve(&mut self, publish: &mut Publish) -> Result<(), Fault> {
        let Some(alias) = publish.alias else {
            return Ok(());
        };
        if alias == 0 || alias > ALIASES {
            return Err(Fault::TOPIC_ALIAS);
        }
        if publish.topic.is_empty() {
            publish.topic.clone_from(self.aliases_in.get(&alias).ok_or(Fault::TOPIC_ALIAS)?);
        } else if publish.topic.len() <= TOPIC_BYTES_MAX {
            self.aliases_in.insert(alias, publish.topic.clone());
        }
        Ok(())
    }

    pub(super) fn publish(&mut self, mut publish: Publish, now: Instant) -> Result<(), Fault> {
        self.resolve(&mut publish)?;
        if !sound_topic(&publish.topic) {
            return Err(Fault::TOPIC_NAME);
        }
        let (qos, id) = (publish.qos, publish.id);
        let counts = qos != Qos::Zero && self.manner.version == Version::V5;
        if counts
            && self.open_ones + self.session.inbound_count() >= usize::from(self.hall.limits.inflight)
            && !(qos == Qos::Two && self.session.inbound(id).is_some())
        {
            return Err(Fault::RECEIVE_MAXIMUM);
        }
        if qos == Qos::Two {
            if self.session.inbound(id).is_some() {
                self.push(Pending { kind: Kind::Known, qos, id, bytes: 0, after: None });
                return Ok(());
            }
            if self.session.inbound_count() >= INBOUND_MAX {
                return Err(Fault::QUOTA);
            }
        }
        let Ok(place) = self.grant.rights.publish(&publish.topic) else {
            Counters::add(&self.hall.counters.denied);
            return match (self.manner.version, qos) {
                (Version::V3, _) => Err(Fault::NOT_AUTHORIZED),
                (Version::V5, Qos::Zero) => Ok(()),
                (Version::V5, Qos::One | Qos::Two) => {
                    let kind = Kind::Denied(Fault::NOT_AUTHORIZED);
                    self.push(Pending { kind, qos, id, bytes: 0, after: None });
                    Ok(())
                }
            };
        };
        let lane = self.hall.lanes.lane(&place.home, &publish.topic, publish.payload.as_slice());
        let waits = lane == Lane::Routine && !self.passes(now);
        if waits && qos == Qos::Zero {
            Counters::add(&self.hall.counters.paced_dropped);
            return Ok(());
        }
        self.hall.count_lane(lane);
        self.hand_in(publish, place, lane, waits, now);
        Ok(())
    }

    /// May a routine message go to the log now? Not before those that wait already.
    pub(super) fn passes(&mut self, now: Instant) -> bool {
        let Some(pace) = &mut self.pace else {
            return true;
        };
        self.parked.is_empty() && pace.pass(now)
    }

    /// What was read and not yet worked off when the connection ended: calls among it, and what is not said again because it
    /// came with QoS 0, are stored all the same, unacknowledged. A full disk that refuses the routine message before a
    /// call must not mute the call.
    pub(super) fn last_look(&mut self, end: &End) {
        let sound = match *end {
            End::Lost | End::Fault(Fault::QUOTA | Fault::IMPLEMENTATION | Fault::TAKEN_OVER | Fault::SHUTTING_DOWN) => {
                true
            }
            End::Said(_) | End::WithWill(_) | End::Fault(_) => false,
        };
        let left = std::mem::take(&mut self.packets);
        let now = Instant::now();
        for raw in left.into_iter().filter(|_| sound) {
            let Ok(Packet::Publish(mut publish)) = raw.packet(self.manner.version) else { continue };
            if self.resolve(&mut publish).is_err() || !sound_topic(&publish.topic) {
                continue;
            }
            let repeated = publish.qos == Qos::Two && self.session.inbound(publish.id).is_some();
            let Ok(place) = self.grant.rights.publish(&publish.topic) else { continue };
            let lane = self.hall.lanes.lane(&place.home, &publish.topic, publish.payload.as_slice());
            let only_once = publish.qos == Qos::Zero && self.passes(now);
            if (lane == Lane::Red || only_once) && !repeated {
                self.hall.count_lane(lane);
                self.hand_in(*publish, place, lane, false, now);
            }
        }
    }

    pub(super) fn push(&mut self, pending: Pending) {
        self.pending_bytes += pending.bytes;
        self.open_ones += usize::from(pending.qos == Qos::One);
        self.pending.push_back(pending);
    }

    fn hand_in(&mut self, publish: Publish, place: Place, lane: Lane, waits: bool, now: Instant) {
        let after = self.after(&publish, &place, now);
        let bytes = publish.payload.len() + publish.topic.len();
        if publish.qos == Qos::Two {
            self.session.await_inbound(publish.id);
        }
        self.push(Pending { kind: Kind::Commit, qos: publish.qos, id: publish.id, bytes, after });
        let slot = self.link.slot();
        let record = Record {
            lane,
            home: place.home,
            source: self.grant.name.clone(),
            payload: wire::pack(&publish.topic, publish.payload.as_slice()),
            topic: publish.topic,
            heard_at: self.hall.clock.now(),
        };
        if waits {
            Counters::add(&self.hall.counters.paced);
            self.parked.push_back((record, slot));
        } else {
            self.submit(record, slot);
        }
    }

    fn submit(&self, record: Record, slot: Slot) {
        self.hall.log.submit(record, Box::new(move |result| slot.settle(result)));
    }

    /// Hands in what had to wait for its rate.
    pub(super) fn unpark(&mut self, now: Instant) {
        while !self.parked.is_empty() && self.pace.as_mut().is_none_or(|pace| pace.pass(now)) {
            if let Some((record, slot)) = self.parked.pop_front() {
                self.submit(record, slot);
            }
        }
    }

    /// What has to be passed on after the commit; nothing is copied if nobody listens.
    fn after(&self, publish: &Publish, place: &Place, now: Instant) -> Option<Box<After>> {
        let apart = place.apart.as_ref();
        let wanted = publish.retain
            || match apart {
                None => self.hall.routes.wanted(&publish.topic),
                Some(_) => self.hall.routes.wanted(&routing_name(apart, &publish.topic).0),
            };
        let message = wanted.then(|| {
            let name = routing_name(apart, &publish.topic);
            let mut message = Message::new(name, publish.payload.clone(), publish.qos, publish.retain);
            message.expires_at = publish.expiry_s.map(|s| now + Duration::from_secs(u64::from(s)));
            message.properties.clone_from(&publish.properties);
            Arc::new(message)
        });
        let word = self.word(&publish.topic, publish.payload.as_slice());
        (message.is_some() || word.is_some()).then(|| Box::new(After { message, word }))
    }

    /// The word to a native device that its message is stored, if it listens for it.
    fn word(&self, topic: &str, payload: &[u8]) -> Option<Arc<Message>> {
        let (place, _) = topic.rsplit_once('/').filter(|_| wire::native::is_native(topic))?;
        if !self.hall.routes.wanted(&format!("{place}/cmd")) {
            return None;
        }
        let (topic, payload) = wire::native::ack_for(topic, payload)?;
        Some(Arc::new(Message::new((topic, 0), Payload::from(payload.as_slice()), Qos::One, false)))
    }
}
