//! Replays a recording through a detector on a simulated clock, unchanged and with collapses.

use super::recording::Recording;
use care::home::{Effect, Home, Input, NoticeKind, Settings};
use care::{Cause, HomeId, Level, Signal, TimeDelta, Timestamp};

/// The replay of a home goes on for so long after its last event, and of a collapse after the collapse.
pub const AFTERWARDS: TimeDelta = TimeDelta::hours(48);

/// What an alert would have meant for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Silence of somebody who should be at home.
    Inactivity,
    /// Away for longer than expected.
    Away,
    /// Anything else that would have disturbed somebody.
    Other,
}

impl Class {
    /// The word in the files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inactivity => "inactivity",
            Self::Away => "away",
            Self::Other => "other",
        }
    }
}

/// The two tiers of silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// A check call.
    Attention,
    /// Up the plan of action.
    Urgent,
}

impl Tier {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Attention, Self::Urgent];

    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Urgent => "urgent",
        }
    }
}

/// Something that a detector said.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// When.
    pub at: Timestamp,
    /// What it would have meant.
    pub class: Class,
    /// The tiers that it counts for.
    pub tiers: &'static [Tier],
    /// In words.
    pub why: String,
}

/// A detector under test. A copy of it is a fork of its state.
pub trait Detector: Clone {
    /// Time goes by until `until`, excluded.
    fn pass(&mut self, until: Timestamp, alerts: &mut Vec<Alert>);
    /// A device is heard.
    fn hear(&mut self, signal: &Signal, alerts: &mut Vec<Alert>);
    /// When the present silence began: an alert belongs to the silence that it was given in.
    fn quiet_since(&self) -> Option<Timestamp>;
}

/// The detector of the product.
#[derive(Clone)]
pub struct Product<'a> {
    home: Home,
    settings: &'a Settings,
}

impl<'a> Product<'a> {
    /// A home of which nothing is known.
    pub fn new(home: &str, settings: &'a Settings, now: Timestamp) -> Self {
        Self { home: Home::new(HomeId::new(home), now), settings }
    }

    fn step(&mut self, input: Input<'_>, now: Timestamp, alerts: &mut Vec<Alert>) {
        let home = std::mem::replace(&mut self.home, Home::new(HomeId::new(""), now));
        let (home, effects) = home.step(input, self.settings, now);
        self.home = home;
        for effect in effects {
            let (class, tiers, reason): (_, &'static [Tier], _) = match &effect {
                Effect::Raise(raise) if raise.cause == Cause::Inactivity && raise.level == Level::Attention => {
                    (Class::Inactivity, &[Tier::Attention], &raise.reason)
                }
                Effect::Raise(raise) if raise.cause == Cause::Inactivity => (Class::Inactivity, &Tier::ALL, &raise.reason),
                Effect::Raise(raise) => (Class::Other, &Tier::ALL, &raise.reason),
                Effect::Notice(notice) if notice.kind == NoticeKind::Operators => (Class::Away, &Tier::ALL, &notice.reason),
                Effect::Notice(_) | Effect::Over { .. } => continue,
            };
            let why = reason.render(care::Language::En, self.settings.zone);
            alerts.push(Alert { at: now, class, tiers, why });
        }
    }
}

impl Detector for Product<'_> {
    fn pass(&mut self, until: Timestamp, alerts: &mut Vec<Alert>) {
        while let Some(deadline) = self.home.deadline().filter(|deadline| *deadline < until) {
            self.step(Input::TimePassed, deadline, alerts);
            if self.home.deadline().is_some_and(|next| next <= deadline) {
                break;
            }
        }
    }

    fn hear(&mut self, signal: &Signal, alerts: &mut Vec<Alert>) {
        self.step(Input::Heard(signal), signal.heard_at, alerts);
    }

    fn quiet_since(&self) -> Option<Timestamp> {
        self.home.quiet_since()
    }
}

/// A collapse: from `at` on nothing is heard any more.
#[derive(Debug, Clone)]
pub struct Draw {
    /// Its name in the files.
    pub id: String,
    /// When.
    pub at: Timestamp,
}

/// What a replay gave.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Every alert on the unchanged history, with repetitions within one silence left out per tier.
    pub untouched: Vec<(Tier, Alert)>,
    /// For each draw and tier the first alert of inactivity in the silence of the collapse.
    pub draws: Vec<(String, Tier, Option<Timestamp>)>,
}

/// Alerts that stand in the present silence.
#[derive(Clone, Copy, Default, PartialEq)]
struct Standing {
    since: Option<Timestamp>,
    attention: Option<Timestamp>,
    urgent: Option<Timestamp>,
}

impl Standing {
    fn of(&mut self, tier: Tier) -> &mut Option<Timestamp> {
        match tier {
            Tier::Attention => &mut self.attention,
            Tier::Urgent => &mut self.urgent,
        }
    }

    /// Takes alerts in and gives those that are news, by tier.
    fn take(&mut self, since: Option<Timestamp>, alerts: Vec<Alert>) -> Vec<(Tier, Alert)> {
        let mut news = Vec::new();
        for alert in alerts {
            for tier in alert.tiers {
                if alert.class == Class::Inactivity {
                    let standing = self.of(*tier);
                    if standing.is_some() {
                        continue;
                    }
                    *standing = Some(alert.at);
                }
                news.push((*tier, alert.clone()));
            }
        }
        if self.since != since {
            *self = Self { since, ..Self::default() };
        }
        news
    }
}

/// Replays a recording; `draws` in order of time.
pub fn replay<D: Detector>(mut detector: D, recording: &Recording, draws: &[Draw]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut standing = Standing::default();
    let mut waiting = draws.iter().peekable();
    let mut alerts = Vec::new();
    let end = recording.signals.last().map(|last| last.heard_at + AFTERWARDS);
    let next = recording.signals.iter().map(|signal| (signal.heard_at, Some(signal))).chain(end.map(|end| (end, None)));
    for (at, signal) in next {
        while let Some(draw) = waiting.next_if(|draw| draw.at < at) {
            let (mut fork, mut stands) = (detector.clone(), standing);
            let mut after = Vec::new();
            fork.pass(draw.at + AFTERWARDS, &mut after);
            let since = stands.since;
            stands.take(since, after);
            for tier in Tier::ALL {
                outcome.draws.push((draw.id.clone(), tier, *stands.of(tier)));
            }
        }
        detector.pass(at, &mut alerts);
        let since = standing.since;
        outcome.untouched.extend(standing.take(since, std::mem::take(&mut alerts)));
        if let Some(signal) = signal {
            detector.hear(signal, &mut alerts);
            outcome.untouched.extend(standing.take(detector.quiet_since(), std::mem::take(&mut alerts)));
        }
    }
    outcome
}
