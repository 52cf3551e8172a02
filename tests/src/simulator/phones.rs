//! The telephone network and the people at its ends. It lives on when the process dies.

use super::auditor::Auditor;
use super::dice::Dice;
use super::faults::Life;
use alerts::channel::Errand;
use alerts::{Channel, Delivery, EffectKey, Health, Job, Reconciled, Take, Taken};
use async_trait::async_trait;
use care::alarm::{AttemptOutcome, Help};
use care::{AlarmId, DeviceId, Level};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// How a channel does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// It works.
    Fair,
    /// It says to be down.
    Down,
    /// It asks to try again.
    Refuses,
    /// It never ends.
    Hangs,
}

#[derive(Default)]
struct Inside {
    weather: BTreeMap<String, Weather>,
    under_way: BTreeMap<EffectKey, (Arc<Notify>, Level)>,
    ended: BTreeMap<EffectKey, AttemptOutcome>,
    lamps: BTreeMap<(AlarmId, DeviceId), Help>,
}

/// The network.
pub struct Phones {
    dice: Mutex<Dice>,
    inside: Mutex<Inside>,
    auditor: Arc<Auditor>,
    nobody_answers: AtomicBool,
}

impl Phones {
    /// A network out of a seed.
    pub fn new(seed: u64, auditor: Arc<Auditor>) -> Self {
        Self { dice: Mutex::new(Dice::new(seed, "phones")), inside: Mutex::default(), auditor, nobody_answers: AtomicBool::new(false) }
    }

    /// Sets the weather of a channel.
    pub fn set_weather(&self, channel: &str, weather: Weather) {
        self.inside.lock().unwrap().weather.insert(channel.to_owned(), weather);
    }

    /// From now on nobody is at home.
    pub fn nobody_answers(&self) {
        self.nobody_answers.store(true, Ordering::Relaxed);
    }

    /// What a button's lamp shows.
    pub fn lamp(&self, alarm: &AlarmId, device: &DeviceId) -> Option<Help> {
        self.inside.lock().unwrap().lamps.get(&(alarm.clone(), device.clone())).copied()
    }

    /// Calls under way.
    pub fn under_way(&self) -> BTreeSet<EffectKey> {
        self.inside.lock().unwrap().under_way.keys().cloned().collect()
    }

    fn between(&self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.dice.lock().unwrap().between(from, to))
    }

    fn weather(&self, channel: &str) -> Weather {
        self.inside.lock().unwrap().weather.get(channel).copied().unwrap_or(Weather::Fair)
    }
}

/// A way into the network for one life.
pub struct Route {
    /// `voice`, `sms` or `device`.
    pub name: &'static str,
    /// The network.
    pub phones: Arc<Phones>,
    /// Whose.
    pub life: Arc<Life>,
}

/// Takes the call off the list when the process dies or the call ends.
struct Ringing<'a> {
    phones: &'a Phones,
    key: &'a EffectKey,
}

impl Drop for Ringing<'_> {
    fn drop(&mut self) {
        self.phones.inside.lock().unwrap().under_way.remove(self.key);
    }
}

impl Route {
    async fn call(&self, job: &Job, contact: &care::ContactId, released: &Notify, take: &dyn Take) -> Delivery {
        let phones = &*self.phones;
        match phones.weather(self.name) {
            Weather::Fair => {}
            Weather::Down => {
                tokio::time::sleep(phones.between(1, 400)).await;
                return Delivery::Down;
            }
            Weather::Refuses => return Delivery::Again(None),
            Weather::Hangs => return std::future::pending().await,
        }
        tokio::time::sleep(phones.between(50, 600)).await;
        take.reached();
        if self.name == "sms" {
            return Delivery::Ended(AttemptOutcome::Delivered);
        }
        let dice = if phones.nobody_answers.load(Ordering::Relaxed) { 600 } else { phones.dice.lock().unwrap().below(1000) };
        let (rings, then) = match dice {
            0..300 => (phones.between(1_000, 12_000), AttemptOutcome::Accepted),
            300..360 => (phones.between(1_000, 12_000), AttemptOutcome::PassedOn),
            360..450 => (phones.between(10_000, 40_000), AttemptOutcome::NoKey),
            450..500 => (phones.between(10_000, 40_000), AttemptOutcome::WrongKey),
            500..700 => (Duration::from_secs(25), AttemptOutcome::NoAnswer),
            700..800 => (phones.between(10, 300), AttemptOutcome::Busy),
            800..850 => (phones.between(10, 300), AttemptOutcome::Unreachable),
            850..900 => (phones.between(100, 3_000), AttemptOutcome::Declined),
            // A driver that is wrong about what it may say: no key was pressed.
            900..940 => {
                tokio::time::sleep(phones.between(100, 3_000)).await;
                return Delivery::Ended(AttemptOutcome::Accepted);
            }
            _ => (phones.between(20_000, 60_000), AttemptOutcome::Accepted),
        };
        let hung_up = tokio::select! {
            biased;
            () = released.notified() => true,
            () = tokio::time::sleep(rings) => false,
        };
        // Some press the key although they have just been told that it is too late.
        let stubborn = hung_up && phones.dice.lock().unwrap().chance(300);
        if hung_up && !stubborn {
            tokio::time::sleep(phones.between(100, 1_500)).await;
            return Delivery::Ended(AttemptOutcome::Released);
        }
        if then != AttemptOutcome::Accepted {
            return Delivery::Ended(then);
        }
        phones.auditor.pressed(&job.key.alarm, contact);
        match take.accept().await {
            Taken::Yours => {
                phones.auditor.confirmed(&job.key.alarm, contact);
                Delivery::Ended(AttemptOutcome::Accepted)
            }
            Taken::TooLate => Delivery::Ended(AttemptOutcome::TooLate),
            Taken::NotStored => Delivery::Ended(AttemptOutcome::NoKey),
        }
    }
}

#[async_trait]
impl Channel for Route {
    fn name(&self) -> &str {
        self.name
    }

    fn is_simulated(&self) -> bool {
        true
    }

    async fn deliver(&self, job: &Job, take: &dyn Take) -> Delivery {
        if self.life.is_dead() {
            return std::future::pending().await;
        }
        let contact = match &job.errand {
            Errand::Notify { contact, .. } => contact.clone(),
            Errand::Lamp { device, help } => {
                if self.phones.dice.lock().unwrap().chance(100) {
                    return Delivery::Again(None);
                }
                let place = (job.key.alarm.clone(), device.clone());
                self.phones.inside.lock().unwrap().lamps.insert(place, *help);
                return Delivery::Ended(AttemptOutcome::Delivered);
            }
        };
        self.life.note_call(job.key.no);
        self.phones.auditor.rings(&job.key.alarm, job.key.no, &contact);
        let released = Arc::new(Notify::new());
        let twice = self.phones.inside.lock().unwrap().under_way.insert(job.key.clone(), (released.clone(), job.level)).is_some();
        if twice {
            self.phones.auditor.violated("ALM-4", format!("call {} is made twice at the same time", job.key));
        }
        let _ringing = Ringing { phones: &self.phones, key: &job.key };
        let delivery = self.call(job, &contact, &released, take).await;
        if let Delivery::Ended(outcome) = &delivery {
            self.phones.inside.lock().unwrap().ended.insert(job.key.clone(), outcome.clone());
        }
        delivery
    }

    async fn release(&self, key: &EffectKey) {
        if let Some((released, _)) = self.phones.inside.lock().unwrap().under_way.get(key) {
            released.notify_one();
        }
    }

    async fn reconcile(&self, key: &EffectKey) -> Reconciled {
        let known = self.phones.inside.lock().unwrap().ended.get(key).cloned();
        let tells = self.phones.dice.lock().unwrap().chance(500);
        match known {
            Some(outcome) if tells && outcome != AttemptOutcome::Accepted => Reconciled::Known(outcome),
            Some(_) | None => Reconciled::NotKnown,
        }
    }

    fn health(&self) -> Health {
        Health::Up
    }

    fn deliver_within(&self) -> Duration {
        Duration::from_secs(70)
    }
}
