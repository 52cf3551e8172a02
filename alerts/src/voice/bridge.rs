//! Two people in one call: the operator's phone first, then the elder or the contact; or the desk or the home's speaking
//! device, after a contact has taken an alarm and presses 3 or 4. The sound of each leg is passed to the other in this process.

use super::leg::{LegOutcome, Order, Told, Wire};
use super::number::Number;
use super::phrases::Phrase;
use super::record::Taping;
use super::talk::{Bridge, Line, Onward};
use super::{Voice, VoiceRoute, audio};
use async_trait::async_trait;
use care::reason::Language;
use care::{AlarmId, HomeId, Level};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Sound that waits between two legs, in packets; more is dropped.
const BETWEEN: usize = 16;

/// Who is to be connected, and why.
#[derive(Debug, Clone)]
pub struct Connect {
    /// The alarm, for the record.
    pub alarm: AlarmId,
    /// Its home.
    pub home: HomeId,
    /// How grave it is.
    pub level: Level,
    /// The phone that rings first: never logged.
    pub first: String,
    /// The phone that rings once the first is answered: never logged.
    pub second: String,
    /// The language that is spoken to the first.
    pub language: Language,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connected {
    /// They spoke for so long.
    Spoke(Duration),
    /// The first phone was not answered.
    FirstNotReached(LegOutcome),
    /// The second phone was not answered; the first has heard so.
    SecondNotReached(LegOutcome),
    /// The first hung up before the second answered.
    GivenUp,
    /// A number that may not be dialled.
    NotDialled,
    /// No trunk has a channel for it.
    NoLine,
}

impl Connected {
    /// A word for the record.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Spoke(_) => "spoke",
            Self::FirstNotReached(_) => "own_phone_not_answered",
            Self::SecondNotReached(_) => "not_answered",
            Self::GivenUp => "given_up",
            Self::NotDialled => "not_dialled",
            Self::NoLine => "no_line",
        }
    }
}

/// How a leg that is only waited for went.
async fn answered(wire: &mut Wire, no_word: Duration, ring: Duration) -> Result<(), LegOutcome> {
    let start = Instant::now();
    let (mut until, mut has_word) = (start + no_word, false);
    loop {
        tokio::select! {
            told = wire.told.recv() => match told {
                Some(Told::Answered) => return Ok(()),
                Some(Told::Trying | Told::Ringing) => {
                    if !has_word {
                        has_word = true;
                        until = start + ring;
                    }
                }
                Some(Told::Failed(failure)) => return Err(LegOutcome::of(&failure)),
                None | Some(Told::HungUp) => return Err(LegOutcome::NoAnswer),
                Some(Told::Key(..) | Told::Said(_)) => {}
            },
            () = tokio::time::sleep_until(until) => {
                return Err(if has_word { LegOutcome::NoAnswer } else { LegOutcome::RouteDown("no response".into()) });
            }
        }
    }
}

/// Returns when the call is over.
async fn over(wire: &mut Wire) {
    loop {
        match wire.told.recv().await {
            None | Some(Told::HungUp | Told::Failed(_)) => return,
            Some(Told::Trying | Told::Ringing | Told::Answered | Told::Key(..) | Told::Said(_)) => {}
        }
    }
}

fn say(wire: &Wire, line: &Line) -> Duration {
    let what = line.sound.borrow().clone().unwrap_or_else(|| audio::Pcm::from(audio::tone(&[425.0], Duration::from_millis(400))));
    let length = audio::length_of(&what);
    wire.order(Order::Say { no: 1, what });
    length
}

impl Voice {
    fn lines(&self) -> Vec<Arc<dyn VoiceRoute>> {
        self.routes_now()
    }

    /// Rings the first phone, then the second, and passes their sound on until one hangs up. Dropping the future hangs
    /// up both.
    pub async fn connect(&self, ask: &Connect) -> Connected {
        let plan = &self.settings.plan;
        let (Ok(first), Ok(second)) = (plan.number(&ask.first), plan.number(&ask.second)) else { return Connected::NotDialled };
        if !self.leave(ask.level) {
            return Connected::NoLine;
        }
        let speech = &self.parts.speech;
        let tongue = if ask.language == Language::En { "en" } else { "zh" };
        let (no_word, ring) = (self.settings.timers.no_word, self.settings.timers.ring);
        let mut failed = None;
        for route in self.lines() {
            let Some(mut one) = route.connect(&first, ask.level) else { continue };
            match answered(&mut one, no_word, ring).await {
                Ok(()) => {}
                Err(outcome) if outcome.is_the_routes_fault() => {
                    failed = Some(outcome);
                    continue;
                }
                Err(outcome) => return Connected::FirstNotReached(outcome),
            }
            say(&one, &speech.phrase(tongue, ask.language, Phrase::Connecting));
            let mut missed = None;
            for route in self.lines() {
                let Some(mut two) = route.connect(&second, ask.level) else { continue };
                let reached = tokio::select! {
                    () = over(&mut one) => return Connected::GivenUp,
                    reached = answered(&mut two, no_word, ring) => reached,
                };
                match reached {
                    Ok(()) => return Connected::Spoke(self.join(&mut one, &mut two, &ask.alarm, &ask.home).await),
                    Err(outcome) => {
                        let again = outcome.is_the_routes_fault();
                        missed = Some(outcome);
                        if !again {
                            break;
                        }
                    }
                }
            }
            // The tone of an engaged line, so that nobody waits.
            let mut busy = Vec::new();
            for _ in 0..3 {
                busy.extend(audio::tone(&[425.0], Duration::from_millis(350)));
                busy.extend(audio::silence(Duration::from_millis(350)));
            }
            let length = audio::length_of(&busy);
            one.order(Order::Say { no: 2, what: audio::Pcm::from(busy) });
            tokio::select! {
                () = over(&mut one) => {}
                () = tokio::time::sleep(length) => {}
            }
            return missed.map_or(Connected::NoLine, Connected::SecondNotReached);
        }
        failed.map_or(Connected::NoLine, Connected::FirstNotReached)
    }

    /// Passes the sound of two answered legs to each other until either ends.
    async fn join(&self, one: &mut Wire, two: &mut Wire, alarm: &AlarmId, home: &HomeId) -> Duration {
        let tape = match &self.settings.recording {
            None => None,
            Some(_) => {
                // Both hear that they are recorded before a word of theirs is.
                let line = self.parts.speech.phrase("zh", Language::Zh, Phrase::Recorded);
                let length = say(one, &line).max(say(two, &line));
                tokio::time::sleep(length).await;
                Some(Taping::begin(self.parts.register.clone(), self.parts.clock.clone(), alarm.clone(), home.clone()))
            }
        };
        let start = Instant::now();
        let (to_two, from_one) = mpsc::channel(BETWEEN);
        let (to_one, from_two) = mpsc::channel(BETWEEN);
        match &tape {
            None => {
                one.order(Order::Hear(to_two));
                two.order(Order::Hear(to_one));
            }
            Some(tape) => {
                one.order(Order::Hear(tape.tap(to_two, 0)));
                two.order(Order::Hear(tape.tap(to_one, 1)));
            }
        }
        two.order(Order::Pass(from_one));
        one.order(Order::Pass(from_two));
        tokio::select! {
            () = over(one) => {}
            () = over(two) => {}
            () = tokio::time::sleep(self.settings.timers.bridge) => {}
        }
        one.order(Order::HangUp);
        two.order(Order::HangUp);
        if let Some(tape) = tape {
            tape.end().await;
        }
        start.elapsed()
    }
}

/// Keys 3 and 4 of a contact who has taken the alarm.
pub(super) struct Further<'a> {
    pub(super) voice: &'a Voice,
    pub(super) alarm: AlarmId,
    pub(super) home: HomeId,
    pub(super) level: Level,
    /// The home's speaking device.
    pub(super) speaker: Option<Number>,
}

#[async_trait]
impl Bridge for Further<'_> {
    async fn connect(&self, to: Onward, wire: &mut Wire) {
        let settings = &self.voice.settings;
        let number = match to {
            Onward::Desk => settings.desk_phone.as_ref().and_then(|p| settings.plan.number(p).ok()),
            Onward::Home => self.speaker.clone(),
        };
        let Some(number) = number else { return };
        for route in self.voice.lines() {
            let Some(mut other) = route.connect(&number, self.level) else { continue };
            let reached = tokio::select! {
                () = over(wire) => return,
                reached = answered(&mut other, settings.timers.no_word, settings.timers.ring) => reached,
            };
            match reached {
                Ok(()) => {
                    let _spoke = self.voice.join(wire, &mut other, &self.alarm, &self.home).await;
                    return;
                }
                Err(outcome) if outcome.is_the_routes_fault() => {}
                Err(_) => return,
            }
        }
    }
}
