//! One channel as the engine sees it: its seats, its breakers, its figures.

use super::pace::{Leave, Pace};
use super::{EngineSettings, lock};
use crate::breaker::{Breaker, Change, Pass};
use crate::channel::{Channel, Health};
use care::{Level, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Effects up to this number are an alarm's first calls.
const FIRST_CALLS: u32 = 4;
/// Most routes with a breaker of their own; a closed breaker takes no place (LIM-1).
const ROUTES_MAX: usize = 4_096;

/// What a channel did since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineFigures {
    /// Deliveries begun.
    pub begun: u64,
    /// Taken by a person.
    pub accepted: u64,
    /// Ended in any other way that the channel knows.
    pub ended: u64,
    /// Failed because of the channel.
    pub failed: u64,
}

/// A channel as the console shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineView {
    /// Its name.
    pub name: String,
    /// True if no real person can be reached by it.
    pub simulated: bool,
    /// By its own account.
    pub health: Health,
    /// Routes that count as down.
    pub routes_down: usize,
    /// Deliveries under way.
    pub under_way: usize,
    /// Since the start.
    pub figures: LineFigures,
}

/// What became of the routes since the last question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// One went down.
    pub(super) opened: bool,
    /// One came back.
    pub(super) closed: bool,
}

#[derive(Default)]
struct Inside {
    taken: usize,
    breakers: BTreeMap<String, Breaker>,
    changes: Changes,
    figures: LineFigures,
}

/// A channel with what the engine keeps about it.
pub(super) struct Line {
    pub(super) channel: Arc<dyn Channel>,
    slots: usize,
    reserve: usize,
    inside: Mutex<Inside>,
    pace: Mutex<Pace>,
    /// Told when a route is back, so that nobody who waits for it waits for anything else.
    back: Arc<Notify>,
}

/// The right to deliver on a line; given back when dropped.
pub(super) struct Seat<'a> {
    pub(super) line: &'a Line,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut inside = lock(&self.line.inside);
        inside.taken = inside.taken.saturating_sub(1);
    }
}

impl Line {
    pub(super) fn new(channel: Arc<dyn Channel>, settings: &EngineSettings, back: Arc<Notify>) -> Self {
        let own = channel.seats().map(|n| n.max(2));
        let slots = own.unwrap_or(settings.slots).max(2);
        // A channel with seats of its own keeps a quarter of them, and at least one, for red alarms.
        let reserve = own.map_or(settings.red_reserve, |n| (n / 4).max(1)).min(slots - 1);
        let pace = Mutex::new(Pace::new(settings.limits.get(channel.name()).copied().unwrap_or_default()));
        Self { channel, slots, reserve, pace, back, inside: Mutex::default() }
    }

    /// A seat, if there is one for this level: the last ones are kept for red alarms, and the very last for a red
    /// alarm's first calls, so that no backlog keeps them waiting (LANE-1, ALM-7).
    pub(super) fn seat(&self, level: Level, no: u32) -> Option<Seat<'_>> {
        let limit = match level {
            Level::Red if no <= FIRST_CALLS => self.slots,
            Level::Red => self.slots - self.reserve / 2,
            Level::Urgent | Level::Attention | Level::Technical => self.slots - self.reserve,
        };
        let mut inside = lock(&self.inside);
        if inside.taken >= limit {
            return None;
        }
        inside.taken += 1;
        Some(Seat { line: self })
    }

    /// Leave by the channel's rate and budget; what is granted counts.
    pub(super) fn leave(&self, level: Level, now: Timestamp) -> Leave {
        lock(&self.pace).ask(level, now)
    }

    pub(super) fn ask(&self, route: &str, now: Timestamp) -> Pass {
        let mut inside = lock(&self.inside);
        let pass = inside.breakers.get_mut(route).map_or(Pass::Go, |b| b.ask(now));
        if pass != Pass::Stop {
            inside.figures.begun += 1;
        }
        pass
    }

    pub(super) fn worked(&self, route: &str) {
        let mut inside = lock(&self.inside);
        if inside.breakers.remove(route).is_some_and(|mut b| b.worked() == Change::Closed) {
            inside.changes.closed = true;
            self.back.notify_one();
            tracing::info!(channel = self.channel.name(), "the channel works again");
        }
    }

    pub(super) fn failed(&self, route: &str, now: Timestamp, jitter: u32) {
        let mut inside = lock(&self.inside);
        inside.figures.failed += 1;
        if inside.breakers.len() >= ROUTES_MAX && !inside.breakers.contains_key(route) {
            return;
        }
        if inside.breakers.entry(route.to_owned()).or_default().failed(now, jitter) == Change::Opened {
            inside.changes.opened = true;
            tracing::warn!(channel = self.channel.name(), "the channel counts as down: contacts are tried by their next one");
        }
    }

    pub(super) fn probe_lost(&self, route: &str, now: Timestamp) {
        if let Some(breaker) = lock(&self.inside).breakers.get_mut(route) {
            breaker.probe_lost(now);
        }
    }

    pub(super) fn count(&self, accepted: bool) {
        let mut inside = lock(&self.inside);
        if accepted {
            inside.figures.accepted += 1;
        } else {
            inside.figures.ended += 1;
        }
    }

    /// What changed since the last question.
    pub(super) fn take_changes(&self) -> Changes {
        std::mem::take(&mut lock(&self.inside).changes)
    }

    /// True while nobody waits for this route.
    pub(super) fn is_down(&self, route: &str) -> bool {
        lock(&self.inside).breakers.get(route).is_some_and(Breaker::is_down)
    }

    pub(super) fn probe_at(&self) -> Option<Timestamp> {
        lock(&self.inside).breakers.values().filter_map(Breaker::probe_at).min()
    }

    pub(super) fn view(&self) -> LineView {
        let inside = lock(&self.inside);
        LineView {
            name: self.channel.name().to_owned(),
            simulated: self.channel.is_simulated(),
            health: self.channel.health(),
            routes_down: inside.breakers.values().filter(|b| b.is_down()).count(),
            under_way: inside.taken,
            figures: inside.figures,
        }
    }
}
