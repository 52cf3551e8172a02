//! The conversation: what is said and when, and which key means what. Only a key after the answer takes the alarm, and
//! it is stored before it is confirmed aloud (ALM-3). Knows no SIP: any wire will do.

use super::audio::Pcm;
use super::keys::Via;
use super::leg::{Failure, LegOutcome, LegPhase, LegReport, LegTimers, Order, Told, Wire};
use crate::channel::{Take, Taken};
use care::Timestamp;
use std::sync::Arc;
use store::Clock;
use tokio::sync::watch;
use tokio::time::Instant;

/// Something to say: its text for the record, its sound as soon as it is there.
#[derive(Debug, Clone)]
pub struct Line {
    /// What is said.
    pub text: String,
    /// How it sounds; `None` while it is being made.
    pub sound: watch::Receiver<Option<Pcm>>,
}

impl Line {
    /// A line that is there already.
    pub fn ready(text: impl Into<String>, sound: Vec<i16>) -> Self {
        Self { text: text.into(), sound: watch::channel(Some(Pcm::from(sound))).1 }
    }

    fn now(&self) -> Option<Pcm> {
        self.sound.borrow().clone()
    }
}

/// Everything that may have to be said in a call.
#[derive(Debug, Clone)]
pub struct Script {
    /// Before the key: no name, no address.
    pub brief: Line,
    /// The built-in call for attention, where the words are not there.
    pub attention: Line,
    /// Once more the same key, because a tone may have been speech.
    pub once_more: Line,
    /// The key could not be stored: press it again.
    pub not_stored: Line,
    /// Stored.
    pub confirmed: Line,
    /// Who, where, what, how long, how to get in.
    pub full: Line,
    /// The details are not there: ask the desk.
    pub ask_desk: Line,
    /// Somebody else has it.
    pub too_late: Line,
    /// Key 3 connects to the desk; `None` where there is no phone of the desk.
    pub offer_desk: Option<Line>,
    /// Key 4 connects to the home's speaking device; `None` where there is none.
    pub offer_home: Option<Line>,
}

/// Whom a person who has taken the alarm can be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onward {
    /// The duty desk: key 3.
    Desk,
    /// The home's speaking device: key 4.
    Home,
}

/// How a person who has taken the alarm is connected onward.
#[async_trait::async_trait]
pub trait Bridge: Send + Sync {
    /// Connects; returns when either has hung up. The wire is given back.
    async fn connect(&self, to: Onward, wire: &mut Wire);
}

/// Holds the conversation on a wire that has just been dialled.
pub struct Talk<'a> {
    /// What to say.
    pub script: &'a Script,
    /// The times.
    pub timers: &'a LegTimers,
    /// How the alarm is taken.
    pub take: &'a dyn Take,
    /// Turns true when somebody else has the alarm.
    pub released: watch::Receiver<bool>,
    /// The time for the record.
    pub clock: Arc<dyn Clock>,
    /// The way onward: to the desk, into the home.
    pub bridge: Option<&'a dyn Bridge>,
    /// Told how far it has come.
    pub progress: Option<&'a (dyn Fn(LegPhase) + Send + Sync)>,
}

/// Where a line being said stands.
struct Saying {
    no: u32,
}

struct Course<'a, 'w> {
    talk: &'a mut Talk<'w>,
    wire: &'a mut Wire,
    report: LegReport,
    saying: Saying,
}

/// Returns once somebody else has the alarm; never if the other side of the word is gone.
pub(super) async fn told_released(word: &mut watch::Receiver<bool>) {
    if word.wait_for(|released| *released).await.is_err() {
        std::future::pending::<()>().await;
    }
}

impl Talk<'_> {
    /// From the dialling to the end. Dropping the future hangs up: the wire sees its orders end.
    pub async fn hold(mut self, mut wire: Wire) -> LegReport {
        let mut course = Course { talk: &mut self, wire: &mut wire, report: LegReport::none(LegOutcome::NoAnswer), saying: Saying { no: 0 } };
        course.report.outcome = match course.ring().await {
            Ok(()) => course.talk().await,
            Err(outcome) => outcome,
        };
        let mut report = course.report;
        report.wire = wire.facts();
        wire.order(Order::HangUp);
        report
    }
}

/// What woke the conversation.
enum Woken {
    Told(Option<Told>),
    Released,
    Time,
}

impl Course<'_, '_> {
    fn now(&self) -> Timestamp {
        self.talk.clock.now()
    }

    fn progress(&self, phase: LegPhase) {
        if let Some(tell) = self.talk.progress {
            tell(phase);
        }
    }

    async fn wait(&mut self, until: Instant) -> Woken {
        tokio::select! {
            biased;
            () = told_released(&mut self.talk.released) => Woken::Released,
            told = self.wire.told.recv() => Woken::Told(told),
            () = tokio::time::sleep_until(until) => Woken::Time,
        }
    }

    /// Dialling and ringing.
    async fn ring(&mut self) -> Result<(), LegOutcome> {
        let start = Instant::now();
        let (mut until, mut has_word) = (start + self.talk.timers.no_word, false);
        loop {
            match self.wait(until).await {
                Woken::Released => return Err(LegOutcome::Released),
                Woken::Time if !has_word => return Err(LegOutcome::RouteDown("no response".into())),
                Woken::Time if self.report.rang_at.is_none() => return Err(LegOutcome::RouteDown("accepted, but never rang".into())),
                Woken::Time => return Err(LegOutcome::NoAnswer),
                Woken::Told(None) => return Err(LegOutcome::RouteDown("the call was lost".into())),
                Woken::Told(Some(told)) => match told {
                    Told::Trying => {
                        if !has_word {
                            has_word = true;
                            until = start + self.talk.timers.ring;
                        }
                    }
                    Told::Ringing => {
                        self.talk.take.reached();
                        if self.report.rang_at.is_none() {
                            self.report.rang_at = Some(self.now());
                            self.progress(LegPhase::Ringing);
                            until = Instant::now() + self.talk.timers.ring;
                        }
                        has_word = true;
                    }
                    Told::Answered => {
                        self.talk.take.reached();
                        self.report.answered_at = Some(self.now());
                        self.progress(LegPhase::Talking);
                        return Ok(());
                    }
                    Told::Failed(failure) => return Err(self.failed(&failure)),
                    Told::HungUp => return Err(LegOutcome::NoAnswer),
                    // Before the answer no key is a person's.
                    Told::Key(..) | Told::Said(_) => {}
                },
            }
        }
    }

    fn failed(&self, failure: &Failure) -> LegOutcome {
        let outcome = LegOutcome::of(failure);
        if !outcome.is_the_routes_fault() {
            self.talk.take.reached();
        }
        outcome
    }

    fn say(&mut self, text: &str, what: Pcm) {
        self.saying.no += 1;
        self.report.said.push(text.to_owned());
        self.wire.order(Order::Say { no: self.saying.no, what });
    }

    /// Says a line if its sound is there, else the other one, which always is.
    fn say_or(&mut self, line: &Line, other: &Line) {
        match (line.now(), other.now()) {
            (Some(what), _) => self.say(&line.text, what),
            (None, Some(what)) => self.say(&other.text, what),
            (None, None) => self.say("(tone)", Pcm::from(super::audio::attention())),
        }
    }

    /// Says a line to its end, or until the call ends or this much time has gone.
    async fn say_out(&mut self, line: &Line, other: &Line) {
        self.say_or(line, other);
        let no = self.saying.no;
        let until = Instant::now() + std::time::Duration::from_secs(15);
        loop {
            tokio::select! {
                told = self.wire.told.recv() => match told {
                    Some(Told::Said(done)) if done == no => return,
                    None | Some(Told::HungUp) => return,
                    Some(Told::Trying | Told::Ringing | Told::Answered | Told::Key(..) | Told::Said(_) | Told::Failed(_)) => {}
                },
                () = tokio::time::sleep_until(until) => return,
            }
        }
    }

    /// After the answer: only keys count from here on.
    async fn talk(&mut self) -> LegOutcome {
        let script = self.talk.script;
        let timers = self.talk.timers.clone();
        let end = Instant::now() + timers.talk;
        let (mut left, mut wrong) = (timers.repeats.max(1), 0u32);
        // A tone that wants to be heard again before it counts.
        let mut doubtful: Option<char> = None;
        let mut next_words = Some(Instant::now() + timers.lead_in);
        let mut over = None;
        loop {
            let until = [Some(end), next_words, over].into_iter().flatten().min().unwrap_or(end);
            match self.wait(until).await {
                Woken::Released => {
                    self.say_out(&script.too_late, &script.attention).await;
                    return LegOutcome::Released;
                }
                Woken::Time => {
                    let now = Instant::now();
                    if now >= end || over.is_some_and(|at| now >= at) {
                        return if wrong > 0 { LegOutcome::WrongKey } else { LegOutcome::NoKey };
                    }
                    if next_words.is_some_and(|at| now >= at) {
                        next_words = None;
                        left = left.saturating_sub(1);
                        self.say_or(&script.brief, &script.attention);
                    }
                }
                Woken::Told(None | Some(Told::HungUp)) => return LegOutcome::HungUp,
                Woken::Told(Some(Told::Failed(failure))) => return LegOutcome::of(&failure),
                Woken::Told(Some(Told::Said(no))) => {
                    if no == self.saying.no {
                        if left > 0 {
                            next_words = Some(Instant::now() + timers.gap);
                        } else {
                            over = Some(Instant::now() + timers.tail);
                        }
                    }
                }
                Woken::Told(Some(Told::Key(key, via))) => {
                    self.report.keys.push(key);
                    over = None;
                    if via == Via::InBand && matches!(key, '1' | '2') && doubtful != Some(key) {
                        doubtful = Some(key);
                        next_words = None;
                        left = left.max(1);
                        self.say_or(&script.once_more, &script.attention);
                        continue;
                    }
                    match key {
                        '1' => match self.talk.take.accept().await {
                            Taken::Yours => {
                                self.report.key_at = Some(self.now());
                                self.progress(LegPhase::Details);
                                self.details().await;
                                return LegOutcome::Acknowledged(via);
                            }
                            Taken::TooLate => {
                                self.say_out(&script.too_late, &script.attention).await;
                                return LegOutcome::TooLate;
                            }
                            Taken::NotStored => {
                                // Asked to press again; the time begins anew.
                                left = left.max(1);
                                next_words = None;
                                self.say_or(&script.not_stored, &script.attention);
                            }
                        },
                        '2' => return LegOutcome::PassedOn,
                        '9' => {
                            left = left.max(1) - 1;
                            next_words = None;
                            self.say_or(&script.brief, &script.attention);
                        }
                        _ => {
                            doubtful = None;
                            wrong += 1;
                            if wrong >= timers.wrong_keys {
                                return LegOutcome::WrongKey;
                            }
                            left = left.max(1) - 1;
                            next_words = None;
                            self.say_or(&script.brief, &script.attention);
                        }
                    }
                }
                Woken::Told(Some(Told::Trying | Told::Ringing | Told::Answered)) => {}
            }
        }
    }

    /// The alarm is theirs: everything a helper needs, twice, and again on 9; 3 connects to the desk, 4 into the home. Whatever happens
    /// here, the alarm stays taken.
    async fn details(&mut self) {
        let script = self.talk.script;
        let end = Instant::now() + self.talk.timers.details;
        self.say_or(&script.confirmed, &script.attention);
        let confirmed = self.saying.no;
        let (mut left, mut next, mut over) = (2u32, None, None);
        loop {
            let until = [Some(end), next, over].into_iter().flatten().min().unwrap_or(end);
            tokio::select! {
                biased;
                told = self.wire.told.recv() => match told {
                    None | Some(Told::HungUp | Told::Failed(_)) => return,
                    Some(Told::Said(no)) if no == self.saying.no => {
                        if no == confirmed {
                            next = Some(Instant::now());
                        } else if left > 0 {
                            next = Some(Instant::now() + self.talk.timers.gap);
                        } else {
                            over = Some(Instant::now() + self.talk.timers.tail);
                        }
                    }
                    Some(Told::Key('9', _)) => {
                        left = left.max(1);
                        over = None;
                        next = Some(Instant::now());
                    }
                    Some(Told::Key('3', _)) if script.offer_desk.is_some() => if let Some(bridge) = self.talk.bridge {
                        self.report.said.push("(connected to the desk)".into());
                        bridge.connect(Onward::Desk, self.wire).await;
                        return;
                    },
                    Some(Told::Key('4', _)) if script.offer_home.is_some() => if let Some(bridge) = self.talk.bridge {
                        self.report.said.push("(connected into the home)".into());
                        bridge.connect(Onward::Home, self.wire).await;
                        return;
                    },
                    Some(Told::Trying | Told::Ringing | Told::Answered | Told::Said(_) | Told::Key(..)) => {}
                },
                () = tokio::time::sleep_until(until) => {
                    let now = Instant::now();
                    if now >= end || over.is_some_and(|at| now >= at) {
                        return;
                    }
                    if next.is_some_and(|at| now >= at) {
                        next = None;
                        left = left.saturating_sub(1);
                        let offers: Vec<(&str, Pcm)> = [&script.offer_home, &script.offer_desk].into_iter().flatten().filter_map(|o| Some((o.text.as_str(), o.now()?))).collect();
                        // What is offered goes between the two times.
                        if left == 1 && self.talk.bridge.is_some() && !offers.is_empty() {
                            let (mut text, first) = if let Some(full) = script.full.now() { (script.full.text.clone(), Some(full)) } else { (script.ask_desk.text.clone(), script.ask_desk.now()) };
                            let mut all: Vec<i16> = first.map(|p| p.to_vec()).unwrap_or_default();
                            for (words, sound) in offers {
                                all.extend(super::audio::silence(std::time::Duration::from_millis(500)));
                                all.extend_from_slice(&sound);
                                text.push(' ');
                                text.push_str(words);
                            }
                            self.say(&text, Pcm::from(all));
                        } else {
                            self.say_or(&script.full, &script.ask_desk);
                        }
                    }
                }
            }
        }
    }
}
