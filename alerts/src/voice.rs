//! The channel `voice`: telephone calls that speak and take a key. It chooses the trunk, keeps the dial plan and the call
//! budget, writes down what was said, and leaves the conversation itself to [`talk`].
//!
//! ```text
//! Engine ─▶ Voice ─▶ number, budget ─▶ trunk 1 ─fails─▶ trunk 2 ─fails─▶ Down: the contact's next channel
//!                                       └▶ talk: brief, key 1 ─▶ stored ─▶ "confirmed", details
//! ```

pub mod audio;
mod bridge;
pub mod budget;
pub mod http;
pub mod keys;
pub mod leg;
mod media;
pub mod number;
pub mod phrases;
mod record;
mod ringback;
pub mod rtp;
pub mod runtime;
pub mod sdp;
pub mod sip;
pub mod speech;
pub mod talk;
pub mod tts;

pub use crate::channel::Health;
pub use bridge::{Connect, Connected};
pub use care::plan::SPEAKING_DEVICE;
pub use record::{CALL, RECORDING};

use crate::channel::{Channel, Delivery, EffectKey, Errand, Job, Reconciled, Take};
use crate::platform;
use async_trait::async_trait;
use budget::{Budget, Leave};
use care::alarm::AttemptOutcome;
use care::plan::ChannelName;
use care::reason::Language;
use care::{Cause, Level, Reason, TimeDelta};
use bridge::Further;
use leg::{LegOutcome, LegPhase, LegReport, LegRequest, LegTimers, Wire};
use number::{DialPlan, Number};
use phrases::Phrase;
use record::Record;
use speech::Speech;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{Clock, Ledger, Register};
use talk::{Line, Script, Talk};
use tokio::sync::watch;

/// How often the trunks' health is looked at for the operators.
const WATCH_EVERY: TimeDelta = TimeDelta::seconds(5);
/// How often a red alarm asks for a channel while all of them are taken, and how long.
const SLOT_AGAIN: Duration = Duration::from_millis(200);
const SLOT_WITHIN: Duration = Duration::from_secs(20);
/// How long the register may take to say whether there is one.
const SPEAKER_WITHIN: Duration = Duration::from_millis(300);
/// How often recordings that are too old are looked for.
const FORGET_EVERY: TimeDelta = TimeDelta::hours(1);
/// How long the operators are not told the same again.
const QUIET: TimeDelta = TimeDelta::minutes(10);

/// A way to place telephone calls.
#[async_trait]
pub trait VoiceRoute: Send + Sync {
    /// Its name in alarms and figures.
    fn name(&self) -> &str;

    /// Calls at once.
    fn channels(&self) -> usize;

    /// Places a call and holds the conversation. Dropping the future hangs up.
    async fn place(&self, leg: &LegRequest, talk: Talk<'_>) -> LegReport;

    /// How it is doing.
    fn health(&self) -> Health;

    /// A call whose sound can be passed on, for connecting two people; `None` if there is no channel, or it cannot.
    fn connect(&self, number: &Number, level: Level) -> Option<Wire> {
        let _cannot = (number, level);
        None
    }
}

/// How the channel goes about it.
#[derive(Debug, Clone)]
pub struct VoiceSettings {
    /// What may be dialled.
    pub plan: DialPlan,
    /// The times of a leg.
    pub timers: LegTimers,
    /// Calls an hour.
    pub calls_per_hour: u32,
    /// Calls an hour beyond it that red alarms may make before operators are told that even those are spent.
    pub reserve_per_hour: u32,
    /// The desk's phone, for key 3.
    pub desk_phone: Option<String>,
    /// Connected calls are recorded, announced, and kept for so long; `None` = they are not.
    pub recording: Option<TimeDelta>,
}

impl Default for VoiceSettings {
    fn default() -> Self {
        Self { plan: DialPlan::default(), timers: LegTimers::default(), calls_per_hour: 600, reserve_per_hour: 300, desk_phone: None, recording: None }
    }
}

/// What the channel works with.
#[derive(Clone)]
pub struct VoiceParts {
    /// For the operators' alarms.
    pub ledger: Arc<dyn Ledger>,
    /// Where calls are written down.
    pub register: Arc<dyn Register>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The voice.
    pub speech: Speech,
}

/// The channel.
pub struct Voice {
    routes: Vec<Arc<dyn VoiceRoute>>,
    settings: VoiceSettings,
    parts: VoiceParts,
    budget: Mutex<Budget>,
    /// Calls under way, each with the way to end it.
    flights: Mutex<BTreeMap<EffectKey, Underway>>,
    /// Words for the operators that wait to be told.
    hindrances: Mutex<BTreeMap<&'static str, Reason>>,
}

/// A call under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallView {
    /// For which alarm.
    pub alarm: care::AlarmId,
    /// Whom.
    pub contact: care::ContactId,
    /// How far it has come.
    pub phase: LegPhase,
    /// Since when.
    pub since: care::Timestamp,
}

struct Underway {
    end: watch::Sender<bool>,
    view: CallView,
}

/// What one call is about.
struct Call<'a> {
    job: &'a Job,
    leg: &'a LegRequest,
    script: &'a Script,
    further: &'a Further<'a>,
}

/// A call's place among those under way, left when dropped.
struct Flight<'a>(&'a Voice, &'a EffectKey);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        locked(&self.0.flights).remove(self.1);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Voice {
    /// Over these routes, the preferred one first.
    pub fn new(routes: Vec<Arc<dyn VoiceRoute>>, settings: VoiceSettings, parts: VoiceParts) -> Self {
        let budget = Mutex::new(Budget::new(settings.calls_per_hour, settings.reserve_per_hour));
        Self { routes, settings, parts, budget, flights: Mutex::default(), hindrances: Mutex::default() }
    }

    /// The routes that work first, in their order; those that do not after them, rather than none.
    fn routes_now(&self) -> Vec<Arc<dyn VoiceRoute>> {
        let (up, down): (Vec<_>, Vec<_>) = self.routes.iter().cloned().partition(|r| r.health() == Health::Up);
        up.into_iter().chain(down).collect()
    }

    fn script(&self, words: &crate::words::Words, language: Language, tongue: &str, speaker: Option<&Number>) -> Script {
        let speech = &self.parts.speech;
        let line = |text: &str| speech.line(tongue, language, text);
        let phrase = |p| speech.phrase(tongue, language, p);
        Script {
            brief: line(&words.brief),
            attention: Line::ready("(tone)", audio::attention()),
            once_more: phrase(Phrase::OnceMore),
            not_stored: phrase(Phrase::NotStored),
            confirmed: line(&words.confirmed),
            full: line(&words.full),
            ask_desk: phrase(Phrase::AskDesk),
            too_late: line(&words.too_late),
            offer_desk: self.settings.desk_phone.is_some().then(|| phrase(Phrase::OfferDesk)),
            offer_home: speaker.is_some().then(|| phrase(Phrase::OfferHome)),
        }
    }

    /// The home's speaking device, where it has one: a contact of the home with that relation. The call does not wait for a
    /// register that is slow.
    async fn speaker(&self, home: &care::HomeId) -> Option<Number> {
        let contacts = tokio::time::timeout(SPEAKER_WITHIN, self.parts.register.contacts_of(home)).await.ok()?.ok()?;
        let device = contacts.into_iter().find(|c| c.relation == SPEAKING_DEVICE && c.home.as_ref() == Some(home))?;
        self.settings.plan.number(device.addresses.get(ChannelName::VOICE)?).ok()
    }

    fn progress(&self, key: &EffectKey, phase: LegPhase) {
        if let Some(flight) = locked(&self.flights).get_mut(key) {
            flight.view.phase = phase;
            flight.view.since = self.parts.clock.now();
        }
    }

    /// The calls under way.
    pub fn underway(&self) -> Vec<CallView> {
        locked(&self.flights).values().map(|f| f.view.clone()).collect()
    }

    fn hindrance(&self, what: &'static str, reason: Reason) {
        locked(&self.hindrances).insert(what, reason);
    }

    /// Tells the operators what hinders the calls, until `stop`.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let clock = &self.parts.clock;
        let mut told: BTreeMap<String, care::Timestamp> = BTreeMap::new();
        let mut down: BTreeSet<String> = BTreeSet::new();
        let mut forget_at = clock.now();
        loop {
            let now = clock.now();
            if let Some(keep) = self.settings.recording.filter(|_| forget_at <= now) {
                record::forget_recordings(&*self.parts.register, now - keep).await;
                forget_at = now + FORGET_EVERY;
            }
            let mut tell: Vec<(String, Reason)> = std::mem::take(&mut *locked(&self.hindrances)).into_iter().map(|(what, reason)| (what.to_owned(), reason)).collect();
            for route in &self.routes {
                match route.health() {
                    Health::Up => {
                        down.remove(route.name());
                    }
                    // Told once for each time it goes down, and again while nobody has closed the alarm's cause.
                    Health::Down(why) => {
                        if down.insert(route.name().to_owned()) {
                            told.remove(&format!("trunk_down/{}", route.name()));
                        }
                        tell.push((format!("trunk_down/{}", route.name()), Reason::new("trunk_down").text("trunk", route.name()).text("why", &why)));
                    }
                }
            }
            if !self.routes.is_empty() && down.len() == self.routes.len() {
                tell.push(("voice_none".into(), Reason::new("voice_none")));
            }
            told.retain(|_, at| *at + QUIET > now);
            for (what, reason) in tell {
                if told.contains_key(&what) {
                    continue;
                }
                match platform::raise(&*self.parts.ledger, Cause::Technical(what.clone()), reason, now).await {
                    Ok(_) => {
                        told.insert(what, now);
                    }
                    Err(error) => tracing::error!(%error, what, "the operators could not be told of a hindrance"),
                }
            }
            tokio::select! {
                () = clock.sleep_until(now + WATCH_EVERY) => {}
                alive = stop.changed() => if alive.is_err() || *stop.borrow() {
                    return;
                },
            }
        }
    }

    fn leave(&self, level: Level) -> bool {
        let now = self.parts.clock.now();
        let mut budget = locked(&self.budget);
        let leave = budget.ask(level, now);
        let spent = budget.spent();
        let beyond = budget.is_beyond_reserve();
        drop(budget);
        if leave != Leave::Go {
            self.hindrance("call_budget", Reason::new("call_budget").number("count", f64::from(spent)));
            if beyond {
                tracing::error!(calls = spent, "even the reserve of the call budget is spent: red alarms are still called");
            }
        }
        leave != Leave::No
    }

    /// Calls by one route after the other until one gets through.
    async fn by_routes(&self, call: &Call<'_>, take: &dyn Take, released: &watch::Receiver<bool>, record: &mut Record) -> Delivery {
        let Call { job, leg, script, further } = *call;
        let until = tokio::time::Instant::now() + SLOT_WITHIN;
        loop {
            let mut full = false;
            for route in self.routes_now() {
                if *released.borrow() {
                    return Delivery::Ended(AttemptOutcome::Released);
                }
                let bridge: Option<&dyn talk::Bridge> = if script.offer_desk.is_some() || script.offer_home.is_some() { Some(further) } else { None };
                let progress = |phase| self.progress(&job.key, phase);
                let talk =
                    Talk { script, timers: &leg.timers, take, released: released.clone(), clock: self.parts.clock.clone(), bridge, progress: Some(&progress) };
                let report = route.place(leg, talk).await;
                tracing::info!(alarm.id = %job.key.alarm, attempt = job.key.no, trunk = route.name(), outcome = report.outcome.word(), status = report.wire.status, "a call has ended");
                let outcome = report.outcome.clone();
                if outcome != LegOutcome::RouteFull {
                    record.add(route.name(), &report);
                }
                full |= outcome == LegOutcome::RouteFull;
                if !outcome.is_the_routes_fault() {
                    return Delivery::Ended(outcome.attempt());
                }
            }
            if !full {
                // A trunk that is never probed shows only here that it is down.
                self.hindrance("voice_none", Reason::new("voice_none"));
                return Delivery::Down;
            }
            // Channels are taken, not broken: one may be given back any moment.
            if tokio::time::Instant::now() >= until {
                return Delivery::Full;
            }
            tokio::time::sleep(SLOT_AGAIN).await;
        }
    }
}

#[async_trait]
impl Channel for Voice {
    fn name(&self) -> &str {
        ChannelName::VOICE
    }

    fn is_simulated(&self) -> bool {
        false
    }

    async fn deliver(&self, job: &Job, take: &dyn Take) -> Delivery {
        let Errand::Notify { contact, address, words, language, tongue } = &job.errand else {
            return Delivery::Ended(AttemptOutcome::Unreachable);
        };
        let number = match self.settings.plan.number(address) {
            Ok(number) => number,
            Err(why) => {
                tracing::warn!(contact.id = %contact, %why, "a contact's number is not dialled");
                return Delivery::Ended(AttemptOutcome::Unreachable);
            }
        };
        if !self.leave(job.level) {
            tracing::warn!(alarm.id = %job.key.alarm, "the call budget is spent: the contact's next channel is tried");
            return Delivery::Full;
        }
        let (end, released) = watch::channel(false);
        let since = self.parts.clock.now();
        let view = CallView { alarm: job.key.alarm.clone(), contact: contact.clone(), phase: LegPhase::Dialling, since };
        locked(&self.flights).insert(job.key.clone(), Underway { end, view });
        let _flight = Flight(self, &job.key);
        // The details are made while it rings.
        let speaker = self.speaker(&job.home).await;
        let script = self.script(words, *language, tongue, speaker.as_ref());
        let further = Further { voice: self, alarm: job.key.alarm.clone(), home: job.home.clone(), level: job.level, speaker };
        let leg = LegRequest { number, level: job.level, timers: self.settings.timers.clone() };
        let mut record = Record::new(job, contact, self.parts.clock.now());
        let delivery = self.by_routes(&Call { job, leg: &leg, script: &script, further: &further }, take, &released, &mut record).await;
        record.keep(self.parts.register.clone(), self.parts.clock.now());
        delivery
    }

    async fn release(&self, key: &EffectKey) {
        if let Some(flight) = locked(&self.flights).get(key)
            && flight.end.send(true).is_err()
        {
            tracing::debug!("the call had ended already");
        }
    }

    async fn reconcile(&self, _key: &EffectKey) -> Reconciled {
        // What the person pressed is in the ledger or was never confirmed: rather twice than never.
        Reconciled::NotKnown
    }

    fn health(&self) -> Health {
        let down: Vec<String> = self
            .routes
            .iter()
            .filter_map(|r| match r.health() {
                Health::Up => None,
                Health::Down(why) => Some(format!("{}: {why}", r.name())),
            })
            .collect();
        if down.is_empty() { Health::Up } else { Health::Down(down.join("; ")) }
    }

    fn seats(&self) -> Option<usize> {
        Some(self.routes.iter().map(|r| r.channels()).sum::<usize>().max(1))
    }

    fn deliver_within(&self) -> Duration {
        let t = &self.settings.timers;
        SLOT_WITHIN + (t.no_word + t.ring) * 2 + t.talk + t.details + Duration::from_secs(10)
    }
}

#[cfg(test)]
mod tests;
