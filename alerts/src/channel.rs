//! What a way out of the building has to offer: deliver, release, and tell after a crash what became of a key.

use crate::words::Words;
use async_trait::async_trait;
use care::alarm::{AttemptOutcome, Help};
use care::reason::Language;
use care::{AlarmId, Cause, ContactId, DeviceId, HomeId, Level, Reason, Shared, Timestamp};
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The name of an effect for good: asked for twice, done once where the other end can tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectKey {
    /// The alarm.
    pub alarm: AlarmId,
    /// The effect's number within it. That of a call is the number of its attempt.
    pub no: u32,
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.alarm, self.no)
    }
}

/// What is to be done.
#[expect(clippy::large_enum_variant, reason = "a job is made once for each delivery; a box would be one more for each call")]
#[derive(Debug, Clone, PartialEq)]
pub enum Errand {
    /// Reach a contact.
    Notify {
        /// Whom.
        contact: ContactId,
        /// The contact's address on this channel: never logged.
        address: String,
        /// What to say: never logged.
        words: Words,
        /// In which language.
        language: Language,
        /// The language by the name that the register has for it: `zh`, `en`, or a dialect's, for a voice of its own.
        tongue: String,
    },
    /// Set a device's lamp.
    Lamp {
        /// Which device of the job's home.
        device: DeviceId,
        /// To what.
        help: Help,
    },
}

/// One delivery, with everything that a channel needs for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its key.
    pub key: EffectKey,
    /// The home.
    pub home: HomeId,
    /// What the alarm is about.
    pub cause: Cause,
    /// How much it matters.
    pub level: Level,
    /// A drill or a canary.
    pub test: bool,
    /// When the alarm was raised.
    pub raised_at: Timestamp,
    /// How often it was pressed.
    pub presses: u32,
    /// Why it was raised.
    pub reason: Shared<Reason>,
    /// How often this effect was begun, from 1.
    pub tries: u32,
    /// What to do.
    pub errand: Errand,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It is over.
    Ended(AttemptOutcome),
    /// It failed for now: try the same again, not before this long.
    Again(Option<Duration>),
    /// The channel itself is down: the contact's next channel is to be tried.
    Down,
    /// A limit of the channel's own (a call budget, a provider's rate) is reached: the contact's next channel is to be
    /// tried, and the channel does not count as down for it.
    Full,
}

/// What is known of a key after a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconciled {
    /// The channel knows how it ended.
    Known(AttemptOutcome),
    /// It does not: the delivery is repeated, rather twice than never (ALM-4).
    NotKnown,
}

/// Whether the person who wants to take the alarm gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is stored: now the channel may confirm it aloud.
    Yours,
    /// Somebody else has it, or it is closed.
    TooLate,
    /// It could not be stored. The person must not be told that it was; asking again may help.
    NotStored,
}

/// How a channel lets a person take the alarm.
#[async_trait]
pub trait Take: Send + Sync {
    /// The person pressed the key, after the answer. Returns once that is stored (ALM-3).
    async fn accept(&self) -> Taken;

    /// The other end was reached: it rings, or the request was taken. The channel works, whatever the person does.
    fn reached(&self);
}

/// How a channel is doing, by its own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It works, as far as it knows.
    Up,
    /// It works badly or not at all, and why, in words for an operator.
    Down(String),
}

/// Failures in a row: what a channel knows of its own health.
#[derive(Debug, Default)]
pub(crate) struct Failures(AtomicU32);

impl Failures {
    /// The other end took something, or refused it: it is there.
    pub(crate) fn worked(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// It failed because of the channel.
    pub(crate) fn failed(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a delivery: what ended got through, a limit says nothing.
    pub(crate) fn count(&self, delivery: &Delivery) {
        match delivery {
            Delivery::Ended(_) => self.worked(),
            Delivery::Again(_) | Delivery::Down => self.failed(),
            Delivery::Full => {}
        }
    }

    /// Down from so many failures in a row on; `what` failed, in words for an operator.
    pub(crate) fn health(&self, from: u32, what: &str) -> Health {
        match self.0.load(Ordering::Relaxed) {
            n if n >= from => Health::Down(format!("{n} {what} in a row have failed")),
            _ => Health::Up,
        }
    }
}

/// A way out of the building.
#[async_trait]
pub trait Channel: Send + Sync {
    /// The name that plans of action use.
    fn name(&self) -> &str;

    /// True if no real person can be reached by it. Production refuses such channels (ALM-8).
    fn is_simulated(&self) -> bool;

    /// Delivers and returns the outcome. May be dropped at any await: the job is then repeated or reconciled.
    async fn deliver(&self, job: &Job, take: &dyn Take) -> Delivery;

    /// Somebody else has the alarm: says so to the other end and hangs up. A key that is not under way is no error.
    async fn release(&self, key: &EffectKey);

    /// Asked after a start about a key that was under way in the life before.
    async fn reconcile(&self, key: &EffectKey) -> Reconciled;

    /// How it is doing.
    fn health(&self) -> Health;

    /// What fails together with this address (a host, a trunk): each has a breaker of its own. Never logged.
    fn route(&self, address: &str) -> String {
        let _one_route_for_all = address;
        String::new()
    }

    /// How many deliveries it can have under way; what waits for more stays in the outbox, red alarms first. `None` =
    /// as many as the engine's settings say.
    fn seats(&self) -> Option<usize> {
        None
    }

    /// How long one delivery may take before it is given up.
    fn deliver_within(&self) -> Duration {
        Duration::from_secs(150)
    }
}
