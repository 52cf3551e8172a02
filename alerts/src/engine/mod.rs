//! The engine: one loop that fires stored deadlines and delivers the outbox. It keeps nothing in memory that a
//! promise hangs on: it can be dropped at any await and started again (ALM-1, ALM-4).

mod bundle;
mod errand;
mod line;
mod pace;
mod recover;
#[cfg(test)]
mod tests;

pub use line::{LineFigures, LineView};
pub use pace::Limits;

use crate::channel::{Channel, EffectKey};
use crate::directory::Directory;
use crate::platform;
use care::alarm::{EffectKind, Help, Input, Ladder, State};
use care::plan::ChannelName;
use care::{AlarmId, Cause, DeviceId, HomeId, Level, Reason, TimeDelta, Timestamp};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::FutureExt;
use bundle::{BUNDLE_MAX, Phone, phone_of};
use line::Line;
use pace::Leave;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::ledger::Waiting;
use store::{Clock, Ledger, LedgerError, desk};
use tokio::sync::{Notify, watch};

/// The home of the canary's presses: they reach the channel of this name and nothing else (ALM-8).
pub const CANARY: &str = "canary";
/// The setting that holds calling, and its value (ALM-8).
pub const CALLING: (&str, &str) = ("calling", "held");

/// Effects read at a time while all goes well.
const PAGE: usize = 128;
/// Effects read at a time when none of a page can be started: what waits for another channel is behind them.
const PAGE_LARGE: usize = 16_384;
/// Alarms remembered to be called again when their channel is back, per engine (LIM-1). The others come back by
/// their own deadline.
const DOWNED_MAX: usize = 20_000;
/// How soon to look again at what could not be done now.
const LOOK_AGAIN: TimeDelta = TimeDelta::milliseconds(500);
/// How soon to look again when a page was full of what cannot be started.
const LOOK_BEHIND: TimeDelta = TimeDelta::milliseconds(100);

/// How the engine goes about it.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Deliveries under way on one channel, at most.
    pub slots: usize,
    /// How many of these only red alarms get, and half of them only for a red alarm's first calls (ALM-7).
    pub red_reserve: usize,
    /// Steps of alarms under way at a time.
    pub steps: usize,
    /// How often the same delivery is tried on one channel before the contact's next channel.
    pub tries_max: u32,
    /// Pause before the second try; doubles, with jitter.
    pub back_off: Duration,
    /// The longest such pause.
    pub back_off_max: Duration,
    /// How long a channel may take to say that somebody else has the alarm.
    pub goodbye: Duration,
    /// How long a channel may take to say what became of a key.
    pub reconcile_within: Duration,
    /// What each channel may do in a minute and in an hour, by its name.
    pub limits: BTreeMap<String, Limits>,
    /// Numbers of authorities (110, 119, 120) that have agreed to be called by a machine.
    pub consents: BTreeSet<String>,
    /// Where the jitter comes from.
    pub seed: u64,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            slots: 64,
            red_reserve: 16,
            steps: 32,
            tries_max: 3,
            back_off: Duration::from_millis(500),
            back_off_max: Duration::from_secs(30),
            goodbye: Duration::from_secs(5),
            reconcile_within: Duration::from_secs(2),
            limits: BTreeMap::new(),
            consents: BTreeSet::new(),
            seed: 0,
        }
    }
}

/// The engine.
pub struct Engine {
    ledger: Arc<dyn Ledger>,
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    lines: BTreeMap<String, Line>,
    /// A route that was down is back.
    back: Arc<Notify>,
    settings: EngineSettings,
    /// Calls under way in this life, each with the way to end it.
    flights: Mutex<BTreeMap<EffectKey, watch::Sender<bool>>>,
    recovered: AtomicBool,
    held: AtomicBool,
}

/// What came of a piece of work.
enum Finished {
    /// What the ledger holds for us now.
    Read(Result<Read, LedgerError>),
    /// A step of an alarm: false = it could not be stored, look again later.
    Step(AlarmId, bool),
    /// A nudge, see [`Engine::nudge`].
    Nudged,
    /// An effect.
    Effect { key: EffectKey, level: Level, lamp: Option<(AlarmId, DeviceId)>, settled: Settled },
    /// Effects that went out as one.
    Bundle(Vec<(EffectKey, Level, Settled)>),
    /// The operators were told something, or could not be.
    Told,
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Settled {
    /// Its outcome, or its next try, is stored.
    Stored,
    /// Its attempt ended because the channel failed.
    Downed,
    /// Its attempt was not begun, because this route of this channel counts as down.
    Stopped(String, String),
    /// The ledger did not answer: look again later.
    NotStored,
}

/// One look into the ledger.
struct Read {
    at: Timestamp,
    page: usize,
    due: Vec<AlarmId>,
    effects: Vec<Waiting>,
    next: Option<Timestamp>,
    held: bool,
}

/// What the loop keeps in mind between two turns. All of it can be lost.
#[derive(Default)]
struct Mind {
    steps: BTreeSet<AlarmId>,
    effects: BTreeSet<EffectKey>,
    lamps: BTreeSet<(AlarmId, DeviceId)>,
    /// People whose phone is busy with a call of ours, each with the effect that it is busy with.
    phones: BTreeMap<Phone, EffectKey>,
    /// Ended since the last look into the ledger began: that look may still show them.
    ended: BTreeSet<EffectKey>,
    not_before: BTreeMap<EffectKey, Timestamp>,
    steps_not_before: BTreeMap<AlarmId, Timestamp>,
    /// Alarms whose last attempt failed because a channel was down, the gravest first.
    downed: BTreeSet<(Level, AlarmId)>,
    nudges: VecDeque<AlarmId>,
    nudging: usize,
    nudged_at: Option<Timestamp>,
    reading: bool,
    stale: bool,
    large_at: Option<Timestamp>,
    wake_at: Option<Timestamp>,
    held_told: bool,
}

type Work<'a> = FuturesUnordered<BoxFuture<'a, Finished>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn span(of: Duration) -> TimeDelta {
    TimeDelta::from_std(of).unwrap_or(TimeDelta::MAX)
}

fn key_of(waiting: &Waiting) -> EffectKey {
    EffectKey { alarm: waiting.alarm.clone(), no: waiting.effect.no }
}

impl Engine {
    /// An engine over these ways out. Two channels of one name: the later one counts.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        directory: Arc<dyn Directory>,
        channels: Vec<Arc<dyn Channel>>,
        clock: Arc<dyn Clock>,
        settings: EngineSettings,
    ) -> Self {
        let back = Arc::new(Notify::new());
        let lines = channels.into_iter().map(|c| (c.name().to_owned(), Line::new(c, &settings, back.clone()))).collect();
        Self {
            ledger,
            directory,
            clock,
            lines,
            back,
            settings,
            flights: Mutex::default(),
            recovered: AtomicBool::new(false),
            held: AtomicBool::new(false),
        }
    }

    /// The channels and how they do.
    pub fn lines(&self) -> Vec<LineView> {
        self.lines.values().map(Line::view).collect()
    }

    /// True while calling is held (ALM-8).
    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    /// Runs until `stop` turns true or its sender is gone. Dropping the future is a crash, and harmless.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        self.recover().await;
        let mut changed = self.ledger.changed();
        let mut ledger_lives = true;
        let mut work: Work<'_> = FuturesUnordered::new();
        let mut mind = Mind { stale: true, ..Mind::default() };
        loop {
            if mind.stale && !mind.reading {
                changed.borrow_and_update();
                self.look(&mut mind, &mut work);
            }
            self.nudge_some(&mut mind, &mut work);
            let wake_at = mind.wake_at;
            tokio::select! {
                biased;
                finished = work.next(), if !work.is_empty() => {
                    if let Some(finished) = finished {
                        self.finish(finished, &mut mind, &mut work);
                    }
                    while let Some(Some(finished)) = work.next().now_or_never() {
                        self.finish(finished, &mut mind, &mut work);
                    }
                }
                alive = changed.changed(), if ledger_lives => {
                    ledger_lives = alive.is_ok();
                    mind.stale = true;
                }
                () = self.back.notified() => {}
                () = self.sleep(wake_at), if wake_at.is_some() => {
                    mind.wake_at = None;
                    mind.stale = true;
                }
                alive = stop.changed() => {
                    if alive.is_err() || *stop.borrow() {
                        return;
                    }
                }
            }
        }
    }

    async fn sleep(&self, until: Option<Timestamp>) {
        if let Some(until) = until {
            self.clock.sleep_until(until).await;
        }
    }

    async fn pause(&self, length: Duration) {
        self.clock.sleep_until(self.clock.now() + span(length)).await;
    }

    /// Begins a look into the ledger.
    fn look<'a>(&'a self, mind: &mut Mind, work: &mut Work<'a>) {
        mind.reading = true;
        mind.stale = false;
        mind.ended.clear();
        let now = self.clock.now();
        let large = mind.large_at.is_some_and(|at| at <= now);
        if large {
            mind.large_at = None;
        }
        let page = if large { PAGE_LARGE } else { PAGE };
        work.push(async move { Finished::Read(self.read(now, page).await) }.boxed());
    }

    async fn read(&self, now: Timestamp, page: usize) -> Result<Read, LedgerError> {
        let (effects, due, next_effect, next_deadline, held) = tokio::join!(
            self.ledger.effects_due(now, page),
            self.ledger.due(now, PAGE),
            self.ledger.next_effect(),
            self.ledger.next_deadline(),
            self.ledger.setting(CALLING.0),
        );
        let next = [next_effect?, next_deadline?].into_iter().flatten().min();
        Ok(Read { at: now, page, due: due?, effects: effects?, next, held: held?.as_deref() == Some(CALLING.1) })
    }

    fn finish<'a>(&'a self, finished: Finished, mind: &mut Mind, work: &mut Work<'a>) {
        match finished {
            Finished::Read(Ok(read)) => {
                mind.reading = false;
                self.take_up(read, mind, work);
            }
            Finished::Read(Err(error)) => {
                mind.reading = false;
                tracing::warn!(%error, "the ledger cannot be read: trying again");
                mind.wake_by(self.clock.now() + LOOK_AGAIN);
            }
            Finished::Step(alarm, stored) => {
                mind.steps.remove(&alarm);
                mind.stale = true;
                if !stored {
                    mind.steps_not_before.insert(alarm, self.clock.now() + LOOK_AGAIN);
                }
            }
            Finished::Nudged => {
                mind.nudging = mind.nudging.saturating_sub(1);
                mind.stale = true;
            }
            Finished::Told => {}
            Finished::Bundle(all) => {
                for (key, level, settled) in all {
                    self.settled(key, level, settled, mind);
                }
            }
            Finished::Effect { key, level, lamp, settled } => {
                if let Some(lamp) = lamp {
                    mind.lamps.remove(&lamp);
                }
                self.settled(key, level, settled, mind);
            }
        }
    }

    /// An effect is over, for now or for good.
    fn settled(&self, key: EffectKey, level: Level, settled: Settled, mind: &mut Mind) {
        mind.effects.remove(&key);
        mind.phones.retain(|_, busy_with| *busy_with != key);
        if mind.reading {
            mind.ended.insert(key.clone());
        }
        mind.stale = true;
        match settled {
            Settled::Stored => {}
            // It may have come back while the outcome was stored: then nobody else says so.
            Settled::Stopped(channel, route) if !self.lines.get(&channel).is_some_and(|line| line.is_down(&route)) => {
                mind.nudges.push_back(key.alarm);
            }
            Settled::Downed | Settled::Stopped(..) => {
                if mind.downed.len() < DOWNED_MAX {
                    mind.downed.insert((level, key.alarm));
                }
            }
            Settled::NotStored => {
                mind.not_before.insert(key, self.clock.now() + LOOK_AGAIN);
            }
        }
    }

    /// Starts what can be started of what the ledger holds.
    fn take_up<'a>(&'a self, read: Read, mind: &mut Mind, work: &mut Work<'a>) {
        let now = read.at;
        mind.not_before.retain(|_, at| *at > now);
        mind.steps_not_before.retain(|_, at| *at > now);
        self.held.store(read.held, Ordering::Relaxed);
        if !read.held {
            mind.held_told = false;
        }
        let full = read.effects.len() >= read.page;
        let mut waiting = read.effects;
        // A lamp's words in their order: the last one is the truth.
        waiting.sort_by_key(|w| (w.level, w.due_at, w.effect.no));
        let mut started = 0usize;
        // What waits for one person goes out together; red alarms, always single, have gone first.
        let mut bundles: Vec<(Phone, Vec<Waiting>)> = Vec::new();
        let mut places: BTreeMap<Phone, usize> = BTreeMap::new();
        for effect in waiting {
            let Some(phone) = phone_of(&effect) else {
                started += usize::from(self.start_effect(effect, read.held, mind, work));
                continue;
            };
            if mind.phones.contains_key(&phone) || !mind.may_start(&key_of(&effect)) {
                continue;
            }
            match places.get(&phone).and_then(|i| bundles.get_mut(*i)) {
                Some((_, group)) => group.push(effect),
                None => {
                    places.insert(phone.clone(), bundles.len());
                    bundles.push((phone, vec![effect]));
                }
            }
        }
        for (phone, group) in bundles {
            started += usize::from(self.start_bundle(phone, group, read.held, mind, work));
        }
        for alarm in read.due {
            if mind.steps.len() >= self.settings.steps {
                break;
            }
            if mind.steps_not_before.contains_key(&alarm) || !mind.steps.insert(alarm.clone()) {
                continue;
            }
            work.push(async move { self.deadline(alarm).await }.boxed());
        }
        if full && started == 0 {
            let at = now + LOOK_BEHIND;
            mind.large_at = Some(mind.large_at.map_or(at, |known| known.min(at)));
            mind.wake_by(at);
        }
        match read.next {
            // Something is overdue and hides what comes after it.
            Some(next) if next <= now => mind.wake_by(now + LOOK_AGAIN),
            Some(next) => mind.wake_by(next),
            None => {}
        }
    }

    /// True if a person is being called or told now about all or some of these.
    fn start_bundle<'a>(&'a self, phone: Phone, mut group: Vec<Waiting>, held: bool, mind: &mut Mind, work: &mut Work<'a>) -> bool {
        group.truncate(BUNDLE_MAX);
        let Some(first) = group.first() else { return false };
        let leader = key_of(first);
        let line = self.lines.get(phone.1.as_str()).filter(|_| group.len() > 1 && !held);
        let Some(line) = line else {
            let first = first.clone();
            let started = self.start_effect(first, held, mind, work);
            if started {
                mind.phones.insert(phone, leader);
            }
            return started;
        };
        let Some(seat) = self.seat(line, first.level, leader.no, work) else { return false };
        mind.effects.extend(group.iter().map(key_of));
        mind.phones.insert(phone.clone(), leader);
        work.push(async move { Finished::Bundle(self.notify_bundle(&group, &phone, &seat).await) }.boxed());
        true
    }

    /// The right to deliver on a line now: a seat, and leave by the channel's rate and budget.
    fn seat<'a>(&'a self, line: &'a Line, level: Level, no: u32, work: &mut Work<'a>) -> Option<line::Seat<'a>> {
        let seat = line.seat(level, no)?;
        match line.leave(level, self.clock.now()) {
            Leave::Go => Some(seat),
            Leave::Over => {
                let name = line.channel.name();
                work.push(async move { self.tell("budget_spent", Reason::new("budget_spent").text("channel", name)).await }.boxed());
                Some(seat)
            }
            Leave::Wait => None,
        }
    }

    /// True if the effect is on its way now.
    fn start_effect<'a>(&'a self, waiting: Waiting, held: bool, mind: &mut Mind, work: &mut Work<'a>) -> bool {
        let key = key_of(&waiting);
        if !mind.may_start(&key) {
            return false;
        }
        let level = waiting.level;
        match waiting.effect.kind.clone() {
            EffectKind::Notify { contact, channel } => {
                if held && !waiting.test {
                    if !mind.held_told {
                        mind.held_told = true;
                        work.push(async move { self.tell("calling_held", Reason::new("calling_held")).await }.boxed());
                    }
                    return false;
                }
                let seat = match self.lines.get(channel.as_str()) {
                    Some(line) => match self.seat(line, waiting.level, key.no, work) {
                        Some(seat) => Some(seat),
                        None => return false,
                    },
                    None => None,
                };
                mind.effects.insert(key.clone());
                work.push(
                    async move {
                        let settled = self.notify(&waiting, &contact, &channel, seat.as_ref()).await;
                        Finished::Effect { key, level, lamp: None, settled }
                    }
                    .boxed(),
                );
            }
            EffectKind::Release { attempt, channel } => {
                mind.effects.insert(key.clone());
                work.push(
                    async move {
                        let settled = self.release(&key, attempt, &channel).await;
                        Finished::Effect { key, level, lamp: None, settled }
                    }
                    .boxed(),
                );
            }
            EffectKind::Lamp { device, help } => {
                let lamp = (key.alarm.clone(), device.clone());
                if mind.lamps.contains(&lamp) {
                    return false;
                }
                let Some(seat) = self.lines.get(ChannelName::DEVICE).map(|line| line.seat(waiting.level, key.no)) else {
                    mind.effects.insert(key.clone());
                    work.push(async move { Finished::Effect { settled: self.drop_effect(&key).await, key, level, lamp: None } }.boxed());
                    return true;
                };
                let Some(seat) = seat else { return false };
                mind.lamps.insert(lamp.clone());
                mind.effects.insert(key.clone());
                work.push(
                    async move {
                        let settled = self.lamp(&waiting, device, help, &seat).await;
                        Finished::Effect { key, level, lamp: Some(lamp), settled }
                    }
                    .boxed(),
                );
            }
        }
        true
    }

    /// An alarm's deadline has come.
    async fn deadline(&self, alarm: AlarmId) -> Finished {
        let stored = match desk::give(&*self.ledger, &alarm, Input::TimePassed, Vec::new(), self.clock.now()).await {
            Ok(_) => true,
            Err(desk::DeskError::Unknown | desk::DeskError::Refused(_)) => true,
            Err(error @ desk::DeskError::Ledger(_)) => {
                tracing::warn!(alarm.id = %alarm, %error, "a deadline could not be stored: trying again");
                false
            }
        };
        Finished::Step(alarm, stored)
    }

    /// When a channel is back, or may be, the alarms that wait between two rounds because of it are called at once
    /// instead of at the end of their pause: one as the probe, then all of them, a few at a time. While no channel counts as
    /// down, one a second: what failed once is soon tried again, and if it goes on failing the channel counts as down.
    fn nudge_some<'a>(&'a self, mind: &mut Mind, work: &mut Work<'a>) {
        let now = self.clock.now();
        let mut probe_at: Option<Timestamp> = None;
        for line in self.lines.values() {
            let changes = line.take_changes();
            if changes.opened {
                let name = line.channel.name();
                work.push(async move { self.tell("channel_down", Reason::new("channel_down").text("channel", name)).await }.boxed());
            }
            if changes.closed {
                mind.nudges.extend(std::mem::take(&mut mind.downed).into_iter().map(|(_, alarm)| alarm));
            }
            probe_at = [probe_at, line.probe_at()].into_iter().flatten().min();
        }
        if !mind.downed.is_empty() {
            // No line counts as down: it was a failure of that moment, and nobody will say that the line is back.
            let at = probe_at.unwrap_or_else(|| *mind.nudged_at.get_or_insert(now));
            let not_before = mind.nudged_at.map_or(at, |last| at.max(last + TimeDelta::seconds(1)));
            if not_before <= now {
                mind.nudged_at = Some(now);
                if let Some((_, alarm)) = mind.downed.pop_first() {
                    mind.nudges.push_back(alarm);
                }
            } else {
                mind.wake_by(not_before);
            }
        }
        while mind.nudging < self.settings.steps {
            let Some(alarm) = mind.nudges.pop_front() else { break };
            mind.nudging += 1;
            work.push(async move { self.nudge(alarm).await }.boxed());
        }
    }

    async fn nudge(&self, alarm: AlarmId) -> Finished {
        if let Ok(Some(stored)) = self.ledger.alarm(&alarm).await {
            let rests = stored.value.state == State::Raised && stored.value.ladder == Ladder::Resting;
            if rests && let Err(error) = desk::give(&*self.ledger, &alarm, Input::Skip, Vec::new(), self.clock.now()).await {
                tracing::debug!(alarm.id = %alarm, %error, "not called ahead of its time");
            }
        }
        Finished::Nudged
    }

    /// Tells the operators of a hindrance by an alarm about the platform itself.
    async fn tell(&self, what: &str, reason: Reason) -> Finished {
        let cause = Cause::Technical(what.to_owned());
        if let Err(error) = platform::raise(&*self.ledger, cause, reason, self.clock.now()).await {
            tracing::error!(%error, what, "the operators could not be told of a hindrance");
        }
        Finished::Told
    }
}

impl Mind {
    /// False for what is on its way, has just ended, or is to be looked at later.
    fn may_start(&self, key: &EffectKey) -> bool {
        !self.effects.contains(key) && !self.ended.contains(key) && !self.not_before.contains_key(key)
    }

    fn wake_by(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |known| known.min(at)));
    }
}

/// True if a lamp may still say this, the alarm being in this state.
fn lamp_is_true(help: Help, state: &State) -> bool {
    match (help, state) {
        (Help::Taken | Help::Coming, State::Claimed { .. } | State::Reported { .. }) => true,
        (Help::Waiting, State::Raised) => true,
        (Help::Over, State::Closed { .. }) => true,
        (Help::Taken | Help::Coming, State::Raised | State::Closed { .. }) => false,
        (Help::Waiting, State::Claimed { .. } | State::Reported { .. } | State::Closed { .. }) => false,
        (Help::Over, State::Raised | State::Claimed { .. } | State::Reported { .. }) => false,
    }
}

/// True for the home whose presses are the platform's own.
pub fn is_canary(home: &HomeId) -> bool {
    home.as_str() == CANARY
}
