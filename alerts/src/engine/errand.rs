//! The way of one effect: written as begun, delivered, its outcome stored. Every function here may be dropped at
//! any await; what the ledger holds then is enough to go on.

use super::line::{Line, Seat};
use super::{CANARY, Engine, Settled, is_canary, key_of, lamp_is_true, lock, span};
use crate::breaker::Pass;
use crate::channel::{Channel, Delivery, EffectKey, Errand, Job, Take, Taken};
use crate::words::{check_words, language_of, words};
use async_trait::async_trait;
use care::alarm::{AttemptOutcome, Claimant, EffectKind, Help, Input, State};
use care::plan::ChannelName;
use care::{Alarm, AlarmId, ContactId, DeviceId};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use store::desk::{self, DeskError};
use store::ledger::Waiting;
use store::{LedgerError, Tx, Write};
use tokio::sync::watch;

/// Pause before something is stored again that the ledger did not take; doubles up to [`STORE_PAUSE_MAX`].
const STORE_PAUSE: Duration = Duration::from_millis(100);
const STORE_PAUSE_MAX: Duration = Duration::from_secs(2);
/// How often an acceptance is stored anew before the person at the telephone is asked to press again.
const ACCEPT_TRIES: u32 = 5;
/// How often a lamp is tried.
const LAMP_TRIES: u32 = 8;

/// What is to become of an attempt before it is begun.
pub(super) enum Fate {
    /// Call.
    Wanted,
    /// Do not: it ends like this.
    Over(AttemptOutcome),
    /// Do not: it has ended already.
    Ended,
}

pub(super) fn fate(alarm: &Alarm, no: u32) -> Fate {
    let Some(attempt) = alarm.attempts.iter().find(|a| a.no == no) else { return Fate::Ended };
    if !attempt.is_open() {
        return Fate::Ended;
    }
    match &alarm.state {
        State::Closed { .. } => Fate::Over(AttemptOutcome::Released),
        // Who has it is told that it was pressed again; for everybody else it is over.
        State::Claimed { by, .. } | State::Reported { by, .. } if *by == Claimant::Contact(attempt.contact.clone()) => Fate::Wanted,
        State::Claimed { .. } | State::Reported { .. } => Fate::Over(AttemptOutcome::Released),
        // What waited for so long that the same contact is asked for anew is not called twice.
        State::Raised if alarm.attempts.iter().any(|a| a.no > no && a.contact == attempt.contact) => Fate::Over(AttemptOutcome::Unknown),
        State::Raised => Fate::Wanted,
    }
}

/// The place of a call in the list of those under way, left when dropped.
pub(super) struct Flight<'a> {
    engine: &'a Engine,
    key: EffectKey,
    released: watch::Receiver<bool>,
}

/// Returns once somebody else has the alarm.
async fn released(mut word: watch::Receiver<bool>) {
    if word.wait_for(|released| *released).await.is_err() {
        std::future::pending::<()>().await;
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        lock(&self.engine.flights).remove(&self.key);
    }
}

/// How a channel lets the person of one attempt take the alarm.
struct Taking<'a> {
    engine: &'a Engine,
    line: &'a Line,
    route: &'a str,
    key: &'a EffectKey,
    contact: &'a ContactId,
    /// Who stands for the contact at this moment.
    who: &'a ContactId,
}

#[async_trait]
impl Take for Taking<'_> {
    async fn accept(&self) -> Taken {
        self.line.worked(self.route);
        self.engine.accept(self.key, self.contact, self.who).await
    }

    fn reached(&self) {
        self.line.worked(self.route);
    }
}

impl Engine {
    /// Calls or tells a contact.
    pub(super) async fn notify(&self, waiting: &Waiting, contact: &ContactId, channel: &ChannelName, seat: Option<&Seat<'_>>) -> Settled {
        let key = key_of(waiting);
        let alarm = match self.ledger.alarm(&key.alarm).await {
            Ok(Some(stored)) => stored.value,
            Ok(None) => return self.drop_effect(&key).await,
            Err(_) => return Settled::NotStored,
        };
        match fate(&alarm, key.no) {
            Fate::Wanted => {}
            Fate::Over(outcome) => return self.end(&key, outcome).await,
            Fate::Ended => return self.drop_effect(&key).await,
        }
        let Some(Seat { line }) = seat else {
            tracing::error!(channel = channel.as_str(), "a plan names a channel that is not configured");
            return self.end(&key, AttemptOutcome::ChannelDown).await;
        };
        // A drill reaches no real person, and nobody but the canary's own channel hears of the canary (ALM-8).
        let foreign = is_canary(&alarm.home) != (line.channel.name() == CANARY);
        if foreign || (alarm.test && !line.channel.is_simulated()) {
            return self.end(&key, AttemptOutcome::Unreachable).await;
        }
        let elder = alarm.is_elder(contact);
        let (reached, home) = match tokio::join!(self.reach(&alarm, contact, channel), self.directory.home(&alarm.home)) {
            (Ok(reached), Ok(home)) => (reached, home),
            (Err(_), _) | (_, Err(_)) => return Settled::NotStored,
        };
        let Some((who, address, tongue)) = reached else {
            tracing::warn!(contact.id = %contact, channel = channel.as_str(), "the contact has no address on this channel");
            return self.end(&key, AttemptOutcome::Unreachable).await;
        };
        if self.is_refused(channel, &address) {
            tracing::warn!(contact.id = %contact, channel = channel.as_str(), "the number of an authority is dialled by an operator only");
            return self.end(&key, AttemptOutcome::Unreachable).await;
        }
        let language = language_of(&tongue);
        let route = line.channel.route(&address);
        let pass = line.ask(&route, self.clock.now());
        if pass == Pass::Stop {
            self.end(&key, AttemptOutcome::ChannelDown).await;
            return Settled::Stopped(line.channel.name().to_owned(), route);
        }
        let flight = self.take_off(&key);
        let alarm = match self.begin(&key).await.map(|alarm| (fate(&alarm, key.no), alarm)) {
            Some((Fate::Wanted, alarm)) => alarm,
            Some((Fate::Over(outcome), _)) => {
                line.probe_lost(&route, self.clock.now());
                return self.end(&key, outcome).await;
            }
            Some((Fate::Ended, _)) | None => {
                line.probe_lost(&route, self.clock.now());
                return self.drop_effect(&key).await;
            }
        };
        let now = self.clock.now();
        let job = Job {
            key: key.clone(),
            home: alarm.home.clone(),
            cause: alarm.cause.clone(),
            level: alarm.level,
            test: alarm.test,
            raised_at: alarm.raised_at,
            presses: alarm.presses,
            reason: alarm.reason.clone(),
            tries: waiting.tries.saturating_add(1),
            errand: Errand::Notify {
                contact: contact.clone(),
                address,
                words: match elder {
                    true => check_words(language),
                    false => words(&alarm, &home, language, self.directory.zone(), now).with_link(self.directory.link(&key, now)),
                },
                language,
                tongue,
            },
        };
        let take = Taking { engine: self, line, route: &route, key: &key, contact, who: &who };
        let delivery = self.deliver(line.channel.as_ref(), &job, &take, flight).await;
        self.settle(&job, line, &route, delivery).await
    }

    /// Fire, ambulance and police are dialled by an operator, unless they have agreed to be called by a machine.
    pub(super) fn is_refused(&self, channel: &ChannelName, address: &str) -> bool {
        let dials = [ChannelName::VOICE, ChannelName::SMS].contains(&channel.as_str());
        dials && care::plan::is_authority_number(address) && !self.settings.consents.contains(address)
    }

    /// Whom a contact of the plan stands for at this moment, with address and language; `None`: nobody with an address.
    pub(super) async fn reach(&self, alarm: &Alarm, contact: &ContactId, channel: &ChannelName) -> Result<Option<(ContactId, String, String)>, LedgerError> {
        if alarm.is_elder(contact) {
            let facts = self.directory.elder(&alarm.home, contact).await?;
            return Ok(facts.and_then(|mut f| f.addresses.remove(channel.as_str()).map(|a| (contact.clone(), a, f.language))));
        }
        for who in self.directory.standing_for(contact, alarm).await? {
            let facts = self.directory.contact(&who).await?;
            if let Some(found) = facts.and_then(|mut f| f.addresses.remove(channel.as_str()).map(|a| (who, a, f.language))) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Delivers, at most for as long as the channel may take, or until somebody else has the alarm.
    pub(super) async fn deliver(&self, channel: &dyn Channel, job: &Job, take: &dyn Take, flight: Flight<'_>) -> Delivery {
        let limit = self.clock.now() + span(channel.deliver_within());
        let mut deliver = std::pin::pin!(AssertUnwindSafe(channel.deliver(job, take)).catch_unwind());
        tokio::select! {
            biased;
            delivery = &mut deliver => return delivery.unwrap_or_else(|_| {
                tracing::error!(channel = channel.name(), alarm.id = %job.key.alarm, "the channel's driver has crashed");
                Delivery::Down
            }),
            () = released(flight.released.clone()) => {}
            () = self.clock.sleep_until(limit) => {
                tracing::warn!(channel = channel.name(), alarm.id = %job.key.alarm, "the channel did not come to an end");
                self.hang_up(channel, &job.key).await;
                return Delivery::Down;
            }
        }
        let goodbye = self.clock.now() + span(self.settings.goodbye);
        tokio::select! {
            biased;
            delivery = &mut deliver => match delivery {
                Ok(Delivery::Ended(outcome)) => Delivery::Ended(outcome),
                Ok(Delivery::Again(_) | Delivery::Down | Delivery::Full) | Err(_) => Delivery::Ended(AttemptOutcome::Released),
            },
            () = async {
                // Once more after a second: the first word may have come before the call was set up.
                self.hang_up(channel, &job.key).await;
                self.pause(Duration::from_secs(1)).await;
                self.hang_up(channel, &job.key).await;
                self.clock.sleep_until(goodbye).await;
            } => Delivery::Ended(AttemptOutcome::Released),
        }
    }

    async fn hang_up(&self, channel: &dyn Channel, key: &EffectKey) {
        tokio::select! {
            biased;
            () = channel.release(key) => {}
            () = self.pause(self.settings.goodbye) => {}
        }
    }

    async fn settle(&self, job: &Job, line: &Line, route: &str, delivery: Delivery) -> Settled {
        let now = self.clock.now();
        let jitter = self.jitter(&job.key, job.tries);
        match delivery {
            Delivery::Ended(AttemptOutcome::ChannelDown) | Delivery::Down => {
                line.failed(route, now, jitter);
                self.end(&job.key, AttemptOutcome::ChannelDown).await;
                Settled::Downed
            }
            Delivery::Full => {
                line.probe_lost(route, now);
                self.end(&job.key, AttemptOutcome::ChannelDown).await
            }
            Delivery::Ended(outcome) => {
                line.worked(route);
                line.count(outcome == AttemptOutcome::Accepted);
                self.end(&job.key, outcome).await
            }
            Delivery::Again(after) => {
                line.failed(route, now, jitter);
                if job.tries >= self.settings.tries_max {
                    self.end(&job.key, AttemptOutcome::ChannelDown).await;
                    return Settled::Downed;
                }
                self.again(&job.key, job.tries, after).await
            }
        }
    }

    /// Tells the other end of an attempt that somebody else has the alarm.
    pub(super) async fn release(&self, key: &EffectKey, attempt: u32, channel: &ChannelName) -> Settled {
        let call = EffectKey { alarm: key.alarm.clone(), no: attempt };
        let in_flight = lock(&self.flights).get(&call).is_some_and(|flight| flight.send(true).is_ok());
        if !in_flight && let Some(line) = self.lines.get(channel.as_str()) {
            self.hang_up(line.channel.as_ref(), &call).await;
        }
        self.drop_effect(key).await
    }

    /// Sets a lamp, if it still tells the truth.
    pub(super) async fn lamp(&self, waiting: &Waiting, device: DeviceId, help: Help, seat: &Seat<'_>) -> Settled {
        let key = key_of(waiting);
        let alarm = match self.ledger.alarm(&key.alarm).await {
            Ok(Some(stored)) => stored.value,
            Ok(None) => return self.drop_effect(&key).await,
            Err(_) => return Settled::NotStored,
        };
        if !lamp_is_true(help, &alarm.state) {
            return self.drop_effect(&key).await;
        }
        let tries = waiting.tries.saturating_add(1);
        if !self.begin_plain(&key).await {
            return Settled::NotStored;
        }
        let job = Job {
            key: key.clone(),
            home: alarm.home,
            cause: alarm.cause,
            level: alarm.level,
            test: alarm.test,
            raised_at: alarm.raised_at,
            presses: alarm.presses,
            reason: alarm.reason,
            tries,
            errand: Errand::Lamp { device, help },
        };
        let flight = self.take_off(&key);
        match self.deliver(seat.line.channel.as_ref(), &job, &NobodyTakes, flight).await {
            Delivery::Again(after) if tries < LAMP_TRIES => self.again(&key, tries, after).await,
            Delivery::Down | Delivery::Full if tries < LAMP_TRIES => self.again(&key, tries, None).await,
            Delivery::Again(_) | Delivery::Down | Delivery::Full | Delivery::Ended(_) => self.drop_effect(&key).await,
        }
    }

    pub(super) fn take_off(&self, key: &EffectKey) -> Flight<'_> {
        let (tell, released) = watch::channel(false);
        lock(&self.flights).insert(key.clone(), tell);
        Flight { engine: self, key: key.clone(), released }
    }

    /// The person pressed the key: stored first, confirmed afterwards (ALM-3).
    pub(super) async fn accept(&self, key: &EffectKey, contact: &ContactId, who: &ContactId) -> Taken {
        for tries in 0..ACCEPT_TRIES {
            match self.give_acceptance(key, contact, who).await {
                Ok(taken) => return taken,
                Err(error) => {
                    tracing::error!(alarm.id = %key.alarm, %error, "an acceptance could not be stored");
                    self.pause(STORE_PAUSE * 2u32.saturating_pow(tries)).await;
                }
            }
        }
        Taken::NotStored
    }

    async fn give_acceptance(&self, key: &EffectKey, contact: &ContactId, who: &ContactId) -> Result<Taken, DeskError> {
        let now = self.clock.now();
        // A rota has taken it: who was on duty stands beside it.
        let note = || Write::Note { alarm: key.alarm.clone(), at: now, by: who.to_string(), kind: "on_duty".to_owned(), text: who.to_string() };
        let also: Vec<Write> = (who != contact).then(note).into_iter().collect();
        let alarm = desk::give(&*self.ledger, &key.alarm, Input::Accepted { attempt: key.no }, also, now).await?;
        let by = Claimant::Contact(contact.clone());
        match &alarm.state {
            State::Claimed { by: holder, .. } | State::Reported { by: holder, .. } if *holder == by => Ok(Taken::Yours),
            // The daily call of an elder is closed by its answer.
            State::Closed { by: holder, .. } if *holder == by && alarm.is_elder(contact) => Ok(Taken::Yours),
            State::Claimed { .. } | State::Reported { .. } | State::Closed { .. } => Ok(Taken::TooLate),
            // The circle is being called already: an elder's word does not stop it.
            State::Raised if alarm.is_elder(contact) => Ok(Taken::TooLate),
            // The attempt was given up meanwhile, but a person is there and nobody else is.
            State::Raised => match desk::give(&*self.ledger, &key.alarm, Input::Claim { by }, Vec::new(), now).await {
                Ok(_) => Ok(Taken::Yours),
                Err(DeskError::Refused(_)) => Ok(Taken::TooLate),
                Err(error @ (DeskError::Unknown | DeskError::Ledger(_))) => Err(error),
            },
        }
    }

    /// Ends an attempt and takes its effect out of the outbox, in one transaction.
    pub(super) async fn end(&self, key: &EffectKey, outcome: AttemptOutcome) -> Settled {
        let done = Write::EffectDone { alarm: key.alarm.clone(), no: key.no, at: self.clock.now() };
        self.give(key, Input::AttemptEnded { attempt: key.no, outcome }, vec![done]).await;
        Settled::Stored
    }

    /// Takes an effect out of the outbox without a result for its alarm.
    pub(super) async fn drop_effect(&self, key: &EffectKey) -> Settled {
        self.store(key, &[Write::EffectDone { alarm: key.alarm.clone(), no: key.no, at: self.clock.now() }]).await;
        Settled::Stored
    }

    /// The same effect once more, later.
    pub(super) async fn again(&self, key: &EffectKey, tries: u32, after: Option<Duration>) -> Settled {
        let doubled = self.settings.back_off.saturating_mul(2u32.saturating_pow(tries.saturating_sub(1).min(16)));
        let pause = doubled.max(after.unwrap_or_default()).min(self.settings.back_off_max);
        let pause = pause + pause.saturating_mul(self.jitter(key, tries)) / 4000;
        self.store(key, &[Write::EffectAgain { alarm: key.alarm.clone(), no: key.no, due_at: self.clock.now() + span(pause) }]).await;
        Settled::Stored
    }

    /// Written before it is tried (ALM-4). Returns the alarm as it is then: it may no longer want the call. `None` if it
    /// does not exist.
    pub(super) async fn begin(&self, key: &EffectKey) -> Option<Alarm> {
        let mut pause = STORE_PAUSE;
        loop {
            let now = self.clock.now();
            let trying = Write::EffectTrying { alarm: key.alarm.clone(), no: key.no, at: now };
            match desk::give(&*self.ledger, &key.alarm, Input::AttemptStarted { attempt: key.no }, vec![trying], now).await {
                Ok(alarm) => return Some(alarm),
                Err(DeskError::Unknown | DeskError::Refused(_)) => return None,
                Err(error @ DeskError::Ledger(_)) => {
                    tracing::warn!(alarm.id = %key.alarm, %error, "the beginning of a call could not be stored: trying again");
                    self.pause(pause).await;
                    pause = (pause * 2).min(STORE_PAUSE_MAX);
                    if let Ok(Some(stored)) = self.ledger.alarm(&key.alarm).await
                        && !matches!(fate(&stored.value, key.no), Fate::Wanted)
                    {
                        return Some(stored.value);
                    }
                }
            }
        }
    }

    /// Gives an input to an alarm until it is stored. After a failure nobody knows whether it was: all inputs given
    /// here may be given twice.
    pub(super) async fn give(&self, key: &EffectKey, input: Input, also: Vec<Write>) -> Option<Alarm> {
        let mut pause = STORE_PAUSE;
        loop {
            match desk::give(&*self.ledger, &key.alarm, input.clone(), also.clone(), self.clock.now()).await {
                Ok(alarm) => return Some(alarm),
                Err(DeskError::Unknown) => return None,
                Err(DeskError::Refused(_)) => {
                    self.store(key, &also).await;
                    return None;
                }
                Err(error @ DeskError::Ledger(_)) => {
                    tracing::warn!(alarm.id = %key.alarm, %error, "an outcome could not be stored: trying again");
                    self.pause(pause).await;
                    pause = (pause * 2).min(STORE_PAUSE_MAX);
                }
            }
        }
    }

    /// Stores writes that belong to no step of an alarm, until they are stored.
    async fn store(&self, key: &EffectKey, writes: &[Write]) {
        let mut pause = STORE_PAUSE;
        while let Err(error) = self.ledger.commit(Tx { fence: None, writes: writes.to_vec() }).await {
            tracing::warn!(alarm.id = %key.alarm, %error, "the outbox could not be written: trying again");
            self.pause(pause).await;
            pause = (pause * 2).min(STORE_PAUSE_MAX);
        }
    }

    /// Writes down that an effect without an attempt is being tried. False: it may have left the outbox, or the ledger
    /// does not answer; whatever is still there will be seen again.
    async fn begin_plain(&self, key: &EffectKey) -> bool {
        let trying = Write::EffectTrying { alarm: key.alarm.clone(), no: key.no, at: self.clock.now() };
        match self.ledger.commit(Tx { fence: None, writes: vec![trying] }).await {
            Ok(()) => true,
            Err(LedgerError::Conflict) => false,
            Err(LedgerError::Fenced | LedgerError::DiskFull | LedgerError::Failed(_)) => {
                // Nobody knows whether it was stored: brought back to where it will be seen.
                self.store(key, &[Write::EffectAgain { alarm: key.alarm.clone(), no: key.no, due_at: self.clock.now() }]).await;
                false
            }
        }
    }

    /// 0 to 1000, the same for the same seed, key and try.
    pub(super) fn jitter(&self, key: &EffectKey, tries: u32) -> u32 {
        let mut x = self.settings.seed ^ u64::from(key.no).rotate_left(17) ^ u64::from(tries).rotate_left(41);
        for b in key.alarm.as_str().bytes() {
            x = (x ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        x ^= x >> 33;
        x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
        x ^= x >> 33;
        u32::try_from(x % 1001).unwrap_or_default()
    }

    /// Ends what the life before had begun: known outcomes are stored, the rest is tried again.
    pub(super) async fn reconcile(&self, waiting: &Waiting) {
        let key = key_of(waiting);
        if let EffectKind::Notify { channel, .. } = &waiting.effect.kind
            && let Some(line) = self.lines.get(channel.as_str())
        {
            let asked = Arc::clone(&line.channel);
            let known = tokio::select! {
                biased;
                known = asked.reconcile(&key) => known,
                () = self.pause(self.settings.reconcile_within) => crate::channel::Reconciled::NotKnown,
            };
            if let crate::channel::Reconciled::Known(outcome) = known {
                if outcome == AttemptOutcome::Accepted {
                    self.give(&key, Input::Accepted { attempt: key.no }, Vec::new()).await;
                }
                self.end(&key, outcome).await;
                return;
            }
        }
        self.store(&key, &[Write::EffectAgain { alarm: key.alarm.clone(), no: key.no, due_at: self.clock.now() }]).await;
    }

    /// Fires one overdue deadline during recovery: false if it could not be stored.
    pub(super) async fn fire(&self, alarm: &AlarmId) -> bool {
        match desk::give(&*self.ledger, alarm, Input::TimePassed, Vec::new(), self.clock.now()).await {
            Ok(_) | Err(DeskError::Unknown | DeskError::Refused(_)) => true,
            Err(DeskError::Ledger(_)) => false,
        }
    }
}

/// A lamp takes no alarms.
struct NobodyTakes;

#[async_trait]
impl Take for NobodyTakes {
    async fn accept(&self) -> Taken {
        Taken::TooLate
    }

    fn reached(&self) {}
}
