//! The simulated telephone exchange of the demo and of tests: phones that ring, are answered after some seconds or not
//! at all, whose people press keys or do not. What a phone does depends on its number; anybody may press a key from
//! outside. No real person is ever reached.

use crate::channel::{Channel, Delivery, EffectKey, Errand, Health, Job, Reconciled, Take, Taken};
use async_trait::async_trait;
use care::alarm::AttemptOutcome;
use care::plan::ChannelName;
use care::{Cause, ContactId, HomeId, Level, TimeDelta, Timestamp};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use store::Clock;
use tokio::sync::{mpsc, watch};

/// How long a phone rings before it is given up.
pub const RINGS_FOR: TimeDelta = TimeDelta::seconds(25);
/// How long an answered call waits for a key.
pub const TALKS_FOR: TimeDelta = TimeDelta::seconds(40);
/// How long the last words of a call take.
const LAST_WORDS: TimeDelta = TimeDelta::seconds(1);
/// Calls remembered (LIM-1).
const JOURNAL_MAX: usize = 2_000;
/// Keys of one call that wait to be heard.
const KEYS_MAX: usize = 8;
/// Wrong keys before the call is ended.
const WRONG_KEYS_MAX: u32 = 3;

/// What the person at a phone does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// Answers and takes the alarm.
    Takes,
    /// Answers and passes it on.
    PassesOn,
    /// A voicemail answers: speaks and presses nothing.
    Voicemail,
    /// Nobody answers.
    NoAnswer,
    /// Engaged.
    Busy,
    /// Switched off.
    Off,
    /// Rings until somebody presses a key from outside.
    Waits,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It rings.
    Ringing,
    /// It has been answered: the short words are spoken, a key is awaited.
    Answered,
    /// The key was pressed and its acceptance stored: the long words are spoken.
    Confirmed,
    /// The person hears that somebody else has taken it.
    Released,
}

/// A call under way, as it may be shown: no number, no words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Which alarm.
    pub alarm: String,
    /// Which attempt.
    pub attempt: u32,
    /// Whose phone.
    pub contact: ContactId,
    /// About which home.
    pub home: HomeId,
    /// About what.
    pub cause: Cause,
    /// How grave.
    pub level: Level,
    /// Where it stands.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
}

/// A call that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PastCall {
    /// Its key.
    #[serde(skip)]
    pub key: EffectKey,
    /// Whose phone.
    pub contact: ContactId,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How it ended; `None` if the caller went away in the middle of it.
    pub outcome: Option<AttemptOutcome>,
}

/// Why a key could not be pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this phone is not in a call")]
pub struct NotInACall;

struct Line {
    key: EffectKey,
    call: Call,
    keys: mpsc::Sender<char>,
    released: watch::Sender<bool>,
}

#[derive(Default)]
struct Inside {
    /// By number.
    lines: BTreeMap<String, Line>,
    manners: BTreeMap<String, Manner>,
    past: VecDeque<PastCall>,
    calls: u64,
}

/// The exchange: the channel `voice` where there is no trunk.
pub struct Exchange {
    clock: Arc<dyn Clock>,
    seed: u64,
    inside: Mutex<Inside>,
    changed: watch::Sender<u64>,
}

/// Leaves the phone when dropped, whatever happens.
struct Held<'a> {
    exchange: &'a Exchange,
    number: &'a str,
    began_at: Timestamp,
    outcome: Option<AttemptOutcome>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let ended_at = self.exchange.clock.now();
        let mut inside = self.exchange.lock();
        if let Some(line) = inside.lines.remove(self.number) {
            inside.past.push_back(PastCall {
                key: line.key,
                contact: line.call.contact,
                began_at: self.began_at,
                ended_at,
                outcome: self.outcome.take(),
            });
            if inside.past.len() > JOURNAL_MAX {
                inside.past.pop_front();
            }
        }
        drop(inside);
        self.exchange.tell();
    }
}

impl Exchange {
    /// An exchange whose people's haste comes from `seed`.
    pub fn new(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self { clock, seed, inside: Mutex::default(), changed: watch::Sender::new(0) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Wakes its holder whenever a call begins, ends or changes.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The calls under way, the longest first.
    pub fn calls(&self) -> Vec<Call> {
        let mut calls: Vec<_> = self.lock().lines.values().map(|l| l.call.clone()).collect();
        calls.sort_by_key(|c| c.since);
        calls
    }

    /// The latest calls that are over, oldest first.
    pub fn past(&self) -> Vec<PastCall> {
        self.lock().past.iter().cloned().collect()
    }

    /// What the person at a number does: by its last digit, unless it was set.
    pub fn manner(&self, number: &str) -> Manner {
        if let Some(manner) = self.lock().manners.get(number) {
            return *manner;
        }
        match number.chars().next_back() {
            Some('5') => Manner::PassesOn,
            Some('6') => Manner::Voicemail,
            Some('7') => Manner::NoAnswer,
            Some('8') => Manner::Busy,
            Some('9') => Manner::Off,
            Some(_) | None => Manner::Takes,
        }
    }

    /// Sets what the person at a number does from now on.
    pub fn set_manner(&self, number: &str, manner: Manner) {
        self.lock().manners.insert(number.to_owned(), manner);
    }

    /// Presses a key at a contact's phone. A phone that still rings is answered by it.
    ///
    /// # Errors
    /// If none of the contact's phones is in a call, or it has ended this instant.
    pub fn press(&self, contact: &ContactId, key: char) -> Result<(), NotInACall> {
        let inside = self.lock();
        let line = inside.lines.values().find(|l| l.call.contact == *contact).ok_or(NotInACall)?;
        line.keys.try_send(key).map_err(|_| NotInACall)
    }

    fn set_phase(&self, number: &str, phase: Phase) {
        if let Some(line) = self.lock().lines.get_mut(number) {
            line.call.phase = phase;
            line.call.since = self.clock.now();
        }
        self.tell();
    }

    /// A length of time between `from` and `to` seconds, the same for the same seed and call.
    fn some_time(&self, number: &str, call: u64, from: i64, to: i64) -> TimeDelta {
        let mut x = self.seed ^ call.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for b in number.bytes() {
            x = (x ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        x ^= x >> 32;
        let range = u64::try_from((to - from) * 1000).unwrap_or(1).max(1);
        TimeDelta::milliseconds(from * 1000 + i64::try_from(x % range).unwrap_or_default())
    }

    /// Puts the call on the line; `None` if the phone is in another one.
    fn connect(&self, job: &Job, contact: &ContactId, number: &str) -> Option<(u64, mpsc::Receiver<char>, watch::Receiver<bool>)> {
        let mut inside = self.lock();
        if inside.lines.contains_key(number) {
            return None;
        }
        let (keys, heard) = mpsc::channel(KEYS_MAX);
        let (released, word) = watch::channel(false);
        let call = Call {
            alarm: job.key.alarm.as_str().to_owned(),
            attempt: job.key.no,
            contact: contact.clone(),
            home: job.home.clone(),
            cause: job.cause.clone(),
            level: job.level,
            phase: Phase::Ringing,
            since: self.clock.now(),
        };
        inside.lines.insert(number.to_owned(), Line { key: job.key.clone(), call, keys, released });
        inside.calls = inside.calls.wrapping_add(1);
        let count = inside.calls;
        drop(inside);
        self.tell();
        Some((count, heard, word))
    }

    /// The call from the first ring to the end.
    async fn talk(
        &self,
        number: &str,
        manner: Manner,
        count: u64,
        mut keys: mpsc::Receiver<char>,
        mut released: watch::Receiver<bool>,
        take: &dyn Take,
    ) -> AttemptOutcome {
        let start = self.clock.now();
        let answers_at = match manner {
            Manner::Takes | Manner::PassesOn => Some(start + self.some_time(number, count, 2, 9)),
            Manner::Voicemail => Some(start + self.some_time(number, count, 12, 18)),
            Manner::NoAnswer | Manner::Busy | Manner::Off | Manner::Waits => None,
        };
        // Ringing.
        let mut key = tokio::select! {
            biased;
            () = told(&mut released) => return self.goodbye(number).await,
            key = keys.recv() => key,
            () = self.clock.sleep_until(answers_at.unwrap_or(start + RINGS_FOR)) => None,
        };
        if key.is_none() && answers_at.is_none() {
            return AttemptOutcome::NoAnswer;
        }
        // Answered. Only keys count from here on (ALM-3).
        self.set_phase(number, Phase::Answered);
        let answered_at = self.clock.now();
        let presses = match manner {
            Manner::Takes => Some(('1', answered_at + self.some_time(number, count, 3, 8))),
            Manner::PassesOn => Some(('2', answered_at + self.some_time(number, count, 3, 8))),
            Manner::Voicemail | Manner::NoAnswer | Manner::Busy | Manner::Off | Manner::Waits => None,
        };
        let mut wrong = 0;
        let mut pressed_nothing_yet = true;
        loop {
            match key.take() {
                Some('1') => match take.accept().await {
                    Taken::Yours => {
                        self.set_phase(number, Phase::Confirmed);
                        self.clock.sleep_until(self.clock.now() + LAST_WORDS).await;
                        return AttemptOutcome::Accepted;
                    }
                    Taken::TooLate => {
                        self.goodbye(number).await;
                        return AttemptOutcome::TooLate;
                    }
                    Taken::NotStored => {} // asked to press again
                },
                Some('2') => return AttemptOutcome::PassedOn,
                Some('9') | None => {}
                Some(_) => {
                    wrong += 1;
                    if wrong >= WRONG_KEYS_MAX {
                        return AttemptOutcome::WrongKey;
                    }
                }
            }
            let next = presses.filter(|_| pressed_nothing_yet);
            tokio::select! {
                biased;
                () = told(&mut released) => return self.goodbye(number).await,
                pressed = keys.recv() => key = pressed,
                () = self.clock.sleep_until(next.map_or(answered_at + TALKS_FOR, |(_, at)| at)) => match next {
                    Some((own, _)) => {
                        pressed_nothing_yet = false;
                        key = Some(own);
                    }
                    None if wrong > 0 => return AttemptOutcome::WrongKey,
                    None => return AttemptOutcome::NoKey,
                },
            }
        }
    }

    async fn goodbye(&self, number: &str) -> AttemptOutcome {
        self.set_phase(number, Phase::Released);
        self.clock.sleep_until(self.clock.now() + LAST_WORDS).await;
        AttemptOutcome::Released
    }
}

/// Returns once somebody else has the alarm, or the line is gone.
async fn told(word: &mut watch::Receiver<bool>) {
    let _gone = word.wait_for(|released| *released).await.is_err();
}

#[async_trait]
impl Channel for Exchange {
    fn name(&self) -> &str {
        ChannelName::VOICE
    }

    fn is_simulated(&self) -> bool {
        true
    }

    async fn deliver(&self, job: &Job, take: &dyn Take) -> Delivery {
        let Errand::Notify { contact, address, .. } = &job.errand else {
            return Delivery::Ended(AttemptOutcome::Unreachable);
        };
        let manner = self.manner(address);
        take.reached();
        match manner {
            Manner::Busy => return Delivery::Ended(AttemptOutcome::Busy),
            Manner::Off => return Delivery::Ended(AttemptOutcome::Unreachable),
            Manner::Takes | Manner::PassesOn | Manner::Voicemail | Manner::NoAnswer | Manner::Waits => {}
        }
        let Some((count, keys, released)) = self.connect(job, contact, address) else {
            return Delivery::Ended(AttemptOutcome::Busy);
        };
        let mut held = Held { exchange: self, number: address, began_at: self.clock.now(), outcome: None };
        let outcome = self.talk(address, manner, count, keys, released, take).await;
        held.outcome = Some(outcome.clone());
        Delivery::Ended(outcome)
    }

    async fn release(&self, key: &EffectKey) {
        let inside = self.lock();
        if let Some(line) = inside.lines.values().find(|l| l.key == *key)
            && line.released.send(true).is_err()
        {
            tracing::debug!("the call had ended already");
        }
    }

    async fn reconcile(&self, key: &EffectKey) -> Reconciled {
        let inside = self.lock();
        match inside.past.iter().rev().find(|p| p.key == *key).and_then(|p| p.outcome.clone()) {
            Some(outcome) => Reconciled::Known(outcome),
            None => Reconciled::NotKnown,
        }
    }

    fn health(&self) -> Health {
        Health::Up
    }

    fn deliver_within(&self) -> std::time::Duration {
        std::time::Duration::from_secs(120)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, plan, rung, seconds};
    use care::alarm::{Claimant, State};

    /// One contact at a phone of this manner; returns how the attempt ended and what became of the alarm.
    async fn called(manner: Manner, keys: &str) -> (Option<AttemptOutcome>, State) {
        let mut world = World::new(plan(vec![rung(&["daughter"], &["voice"])])).await;
        let exchange = Arc::new(Exchange::new(world.clock.clone(), 7));
        exchange.set_manner("tel-daughter", manner);
        world.channels.push(exchange.clone());
        let (_engine, _running) = world.start();
        let id = world.raise("home-1", Level::Red).await;
        seconds(1).await;
        for key in keys.chars() {
            exchange.press(&"daughter".into(), key).unwrap();
            seconds(2).await;
        }
        seconds(70).await;
        let alarm = world.alarm(&id).await;
        (alarm.attempts[0].outcome.clone(), alarm.state)
    }

    #[tokio::test(start_paused = true)]
    async fn every_manner_ends_in_its_outcome_and_only_a_key_takes_the_alarm() {
        for (manner, keys, outcome) in [
            (Manner::Takes, "", AttemptOutcome::Accepted),
            (Manner::PassesOn, "", AttemptOutcome::PassedOn),
            (Manner::Voicemail, "", AttemptOutcome::NoKey),
            (Manner::NoAnswer, "", AttemptOutcome::NoAnswer),
            (Manner::Busy, "", AttemptOutcome::Busy),
            (Manner::Off, "", AttemptOutcome::Unreachable),
            (Manner::Waits, "", AttemptOutcome::NoAnswer),
            (Manner::Waits, "1", AttemptOutcome::Accepted),
            (Manner::Waits, "91", AttemptOutcome::Accepted),
            (Manner::Waits, "2", AttemptOutcome::PassedOn),
            (Manner::Waits, "78*", AttemptOutcome::WrongKey),
            (Manner::Waits, "771", AttemptOutcome::Accepted),
            (Manner::Voicemail, "1", AttemptOutcome::Accepted),
        ] {
            let (ended, state) = called(manner, keys).await;
            assert_eq!(ended, Some(outcome.clone()), "{manner:?} {keys}");
            let taken = matches!(state, State::Claimed { by: Claimant::Contact(_), .. });
            assert_eq!(taken, outcome == AttemptOutcome::Accepted, "{manner:?} {keys}: {state:?}");
        }
    }

    #[test]
    fn the_last_digit_tells_what_a_phone_does() {
        let exchange = Exchange::new(Arc::new(NoClock), 1);
        let manners = ["13800000001", "13800000005", "13800000006", "13800000007", "13800000008", "13800000009"].map(|n| exchange.manner(n));
        assert_eq!(manners, [Manner::Takes, Manner::PassesOn, Manner::Voicemail, Manner::NoAnswer, Manner::Busy, Manner::Off]);
        assert_eq!(exchange.press(&"nobody".into(), '1'), Err(NotInACall));
    }

    struct NoClock;

    impl Clock for NoClock {
        fn now(&self) -> Timestamp {
            crate::testing::start_of_time()
        }

        fn sleep_until<'a>(&'a self, _at: Timestamp) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
            Box::pin(std::future::pending())
        }
    }
}
