//! A storm is told as one thing: while a person's phone is busy with one call of ours, what else is waiting for that
//! person gathers, and goes out together, one call for all homes of one cause ("7 homes: water leak"). Red alarms are
//! never bundled and never wait for it.

use super::line::Seat;
use super::errand::{Fate, fate};
use super::{Engine, Settled, key_of};
use crate::breaker::Pass;
use crate::channel::{Delivery, EffectKey, Errand, Job, Take, Taken};
use crate::words::{bundle_words, language_of};
use async_trait::async_trait;
use care::alarm::{AttemptOutcome, EffectKind};
use care::plan::ChannelName;
use care::{Alarm, ContactId, Level};
use store::ledger::Waiting;

/// Channels that reach a person rather than a machine.
const FOR_PEOPLE: [&str; 6] = [ChannelName::VOICE, ChannelName::SMS, ChannelName::EMAIL, ChannelName::PUSH, ChannelName::NTFY, ChannelName::ROBOT];
/// Most homes in one bundle (LIM-1); the rest make the next one.
pub(super) const BUNDLE_MAX: usize = 500;

/// A person's end of a channel.
pub(super) type Phone = (ContactId, ChannelName);

/// The phone that an effect has to wait for, if it is one that is bundled.
pub(super) fn phone_of(waiting: &Waiting) -> Option<Phone> {
    match &waiting.effect.kind {
        EffectKind::Notify { contact, channel } if waiting.level != Level::Red && !waiting.test && FOR_PEOPLE.contains(&channel.as_str()) => {
            Some((contact.clone(), channel.clone()))
        }
        EffectKind::Notify { .. } | EffectKind::Release { .. } | EffectKind::Lamp { .. } => None,
    }
}

/// How one key takes all alarms of a bundle.
struct Taking<'a> {
    engine: &'a Engine,
    seat: &'a Seat<'a>,
    route: &'a str,
    keys: &'a [EffectKey],
    contact: &'a ContactId,
    who: &'a ContactId,
}

#[async_trait]
impl Take for Taking<'_> {
    async fn accept(&self) -> Taken {
        self.seat.line.worked(self.route);
        let mut best = Taken::TooLate;
        for key in self.keys {
            match (self.engine.accept(key, self.contact, self.who).await, best) {
                (Taken::Yours, _) => best = Taken::Yours,
                (Taken::NotStored, Taken::TooLate) => best = Taken::NotStored,
                (Taken::NotStored | Taken::TooLate, _) => {}
            }
        }
        best
    }

    fn reached(&self) {
        self.seat.line.worked(self.route);
    }
}

impl Engine {
    /// Calls or tells a contact about all of these at once. What is about something else than the first of them waits.
    pub(super) async fn notify_bundle(&self, group: &[Waiting], phone: &Phone, seat: &Seat<'_>) -> Vec<(EffectKey, Level, Settled)> {
        let (contact, channel) = phone;
        let mut out = Vec::new();
        let mut bundle: Vec<(&Waiting, Alarm)> = Vec::new();
        for waiting in group {
            let key = key_of(waiting);
            let settled = match self.ledger.alarm(&key.alarm).await {
                Ok(Some(stored)) => match fate(&stored.value, key.no) {
                    // An elder is asked about one thing at a time; a family about one cause.
                    Fate::Wanted if bundle.first().is_some_and(|(_, first)| first.cause != stored.value.cause || first.is_elder(contact)) => Settled::NotStored,
                    Fate::Wanted => {
                        bundle.push((waiting, stored.value));
                        continue;
                    }
                    Fate::Over(outcome) => self.end(&key, outcome).await,
                    Fate::Ended => self.drop_effect(&key).await,
                },
                Ok(None) => self.drop_effect(&key).await,
                Err(_) => Settled::NotStored,
            };
            out.push((key, waiting.level, settled));
        }
        match bundle.as_slice() {
            [] => {}
            [(one, _)] => out.push((key_of(one), one.level, self.notify(one, contact, channel, Some(seat)).await)),
            _ => out.extend(self.notify_all(&bundle, contact, channel, seat).await),
        }
        out
    }

    async fn notify_all(&self, bundle: &[(&Waiting, Alarm)], contact: &ContactId, channel: &ChannelName, seat: &Seat<'_>) -> Vec<(EffectKey, Level, Settled)> {
        let every = |settled: &Settled| bundle.iter().map(|(w, _)| (key_of(w), w.level, settled.clone())).collect::<Vec<_>>();
        let Some((_, first)) = bundle.first() else { return Vec::new() };
        let (who, address, tongue) = match self.reach(first, contact, channel).await {
            Ok(Some(reached)) if !self.is_refused(channel, &reached.1) => reached,
            Ok(_) => return self.end_all(bundle, &AttemptOutcome::Unreachable, &Settled::Stored).await,
            Err(_) => return every(&Settled::NotStored),
        };
        let route = seat.line.channel.route(&address);
        if seat.line.ask(&route, self.clock.now()) == Pass::Stop {
            return self.end_all(bundle, &AttemptOutcome::ChannelDown, &Settled::Stopped(channel.to_string(), route)).await;
        }
        let (mut out, mut begun, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for (waiting, _) in bundle {
            let key = key_of(waiting);
            let settled = match self.begin(&key).await.map(|alarm| (fate(&alarm, key.no), alarm)) {
                Some((Fate::Wanted, alarm)) => {
                    places.push(self.directory.home(&alarm.home).await.unwrap_or_default());
                    begun.push((*waiting, alarm));
                    continue;
                }
                Some((Fate::Over(outcome), _)) => self.end(&key, outcome).await,
                Some((Fate::Ended, _)) | None => self.drop_effect(&key).await,
            };
            out.push((key, waiting.level, settled));
        }
        let Some((leader, first)) = begun.first() else {
            seat.line.probe_lost(&route, self.clock.now());
            return out;
        };
        let language = language_of(&tongue);
        let keys: Vec<EffectKey> = begun.iter().map(|(w, _)| key_of(w)).collect();
        let job = Job {
            key: key_of(leader),
            home: first.home.clone(),
            cause: first.cause.clone(),
            level: begun.iter().map(|(_, a)| a.level).min().unwrap_or(first.level),
            test: false,
            raised_at: begun.iter().map(|(_, a)| a.raised_at).min().unwrap_or(first.raised_at),
            presses: first.presses,
            reason: first.reason.clone(),
            tries: leader.tries.saturating_add(1),
            errand: Errand::Notify { contact: contact.clone(), address, words: bundle_words(&first.cause, &places, language), language, tongue },
        };
        let flight = self.take_off(&job.key);
        let take = Taking { engine: self, seat, route: &route, keys: &keys, contact, who: &who };
        let delivery = self.deliver(seat.line.channel.as_ref(), &job, &take, flight).await;
        let (now, jitter) = (self.clock.now(), self.jitter(&job.key, job.tries));
        let (outcome, settled) = match delivery {
            Delivery::Ended(AttemptOutcome::ChannelDown) | Delivery::Down => {
                seat.line.failed(&route, now, jitter);
                (AttemptOutcome::ChannelDown, Settled::Downed)
            }
            Delivery::Full => {
                seat.line.probe_lost(&route, now);
                (AttemptOutcome::ChannelDown, Settled::Stored)
            }
            Delivery::Ended(outcome) => {
                seat.line.worked(&route);
                seat.line.count(outcome == AttemptOutcome::Accepted);
                (outcome, Settled::Stored)
            }
            Delivery::Again(after) => {
                seat.line.failed(&route, now, jitter);
                if job.tries < self.settings.tries_max {
                    for key in &keys {
                        self.again(key, job.tries, after).await;
                    }
                    out.extend(begun.iter().map(|(w, _)| (key_of(w), w.level, Settled::Stored)));
                    return out;
                }
                (AttemptOutcome::ChannelDown, Settled::Downed)
            }
        };
        let rest: Vec<_> = begun.iter().map(|(w, a)| (*w, a.clone())).collect();
        out.extend(self.end_all(&rest, &outcome, &settled).await);
        out
    }

    async fn end_all(&self, bundle: &[(&Waiting, Alarm)], outcome: &AttemptOutcome, settled: &Settled) -> Vec<(EffectKey, Level, Settled)> {
        let mut out = Vec::new();
        for (waiting, _) in bundle {
            let key = key_of(waiting);
            self.end(&key, outcome.clone()).await;
            out.push((key, waiting.level, settled.clone()));
        }
        out
    }
}
