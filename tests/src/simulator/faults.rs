//! What goes wrong at the ports: death before and after every call, errors before and after, delay.

use super::dice::Dice;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// A call of a port.
pub type Point = &'static str;

/// Where in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Nothing of it has happened yet.
    Before,
    /// It has happened, and nobody has heard of it.
    After,
}

/// The calls of the four ports, each of which must be seen to die on both sides.
pub const POINTS: [Point; 19] = [
    "log.submit",
    "log.read",
    "ledger.commit",
    "ledger.alarm",
    "ledger.open_alarm",
    "ledger.seen",
    "ledger.alarms",
    "ledger.due",
    "ledger.next_deadline",
    "ledger.effects_due",
    "ledger.effects_trying",
    "ledger.next_effect",
    "ledger.decided",
    "ledger.snapshots",
    "ledger.plan",
    "ledger.setting",
    "ledger.notes",
    "ownership.take",
    "telemetry.offer",
];

/// How often something happened at a point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hits {
    /// Calls that came by.
    pub passed: u64,
    /// Deaths.
    pub deaths: u64,
    /// Errors.
    pub errors: u64,
    /// Delays.
    pub delays: u64,
}

impl Hits {
    /// Adds others.
    pub fn add(&mut self, more: &Self) {
        self.passed += more.passed;
        self.deaths += more.deaths;
        self.errors += more.errors;
        self.delays += more.delays;
    }
}

/// The faults of one run.
pub struct Faults {
    inside: Mutex<Inside>,
    on: AtomicBool,
    /// Commits that happened and were reported as failed: copies may be counted twice then.
    pub doubtful_commits: AtomicU64,
}

struct Inside {
    dice: Dice,
    /// Before and after each point, in the order in which they were first come by. Two of one name are added up when it is told.
    hits: Vec<(Point, [Hits; 2])>,
    trace: u64,
}

impl Inside {
    fn note(&mut self, what: u64, number: u64) {
        self.trace = (self.trace ^ number ^ what.rotate_left(48)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    /// Where the hits of a point are: found by where its name stands, for every call comes by here twice.
    fn place(&mut self, point: Point) -> usize {
        self.hits.iter().position(|(known, _)| std::ptr::eq(*known, point)).unwrap_or_else(|| {
            self.hits.push((point, Default::default()));
            self.hits.len() - 1
        })
    }
}

impl Faults {
    /// Faults out of a seed, switched on.
    pub fn new(seed: u64) -> Self {
        let inside = Inside { dice: Dice::new(seed, "faults"), hits: Vec::new(), trace: seed };
        Self { inside: Mutex::new(inside), on: AtomicBool::new(true), doubtful_commits: AtomicU64::new(0) }
    }

    /// From now on all goes well.
    pub fn heal(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    /// True while things go wrong.
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// What happened where.
    pub fn hits(&self) -> BTreeMap<(Point, Moment), Hits> {
        let mut out: BTreeMap<(Point, Moment), Hits> = BTreeMap::new();
        for (point, [before, after]) in &self.inside.lock().unwrap().hits {
            for (moment, hits) in [(Moment::Before, before), (Moment::After, after)] {
                out.entry((*point, moment)).or_default().add(hits);
            }
        }
        out
    }

    /// A number that depends on every call of a port, in their order, and on every telephone call and when it was made.
    pub fn trace(&self) -> u64 {
        self.inside.lock().unwrap().trace
    }
}

/// Where and when this life is going to die, if it is doomed to.
#[derive(Debug, Clone, Copy)]
struct Doom {
    point: Point,
    moment: Moment,
    calls_left: u64,
}

/// One life of the process, from start to kill. A dead one reaches no port any more.
pub struct Life {
    faults: Arc<Faults>,
    dead: AtomicBool,
    died: Notify,
    doom: Mutex<Option<Doom>>,
    start: tokio::time::Instant,
}

impl Life {
    /// A new life.
    pub fn new(faults: Arc<Faults>, start: tokio::time::Instant) -> Arc<Self> {
        let doom = {
            let mut inside = faults.inside.lock().unwrap();
            let dice = &mut inside.dice;
            let doomed = faults.is_on() && dice.chance(850);
            let point = dice.pick(&POINTS).copied().unwrap_or("ledger.commit");
            let moment = if dice.chance(500) { Moment::Before } else { Moment::After };
            let calls_left = if dice.chance(500) { dice.below(3) } else { dice.below(60) };
            doomed.then_some(Doom { point, moment, calls_left })
        };
        Arc::new(Self { faults, dead: AtomicBool::new(false), died: Notify::new(), doom: Mutex::new(doom), start })
    }

    /// Returns when it dies.
    pub async fn died(&self) {
        self.died.notified().await;
    }

    /// True once it has died.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Kills it.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.died.notify_one();
    }

    /// True if it dies here and now.
    fn falls(&self, point: Point, moment: Moment) -> bool {
        let mut doom = self.doom.lock().unwrap();
        let Some(d) = doom.as_mut().filter(|d| d.point == point && d.moment == moment) else { return false };
        if d.calls_left > 0 {
            d.calls_left -= 1;
            return false;
        }
        true
    }

    /// A call comes by that cannot wait: true if the process is dead, or dies here.
    pub fn pass_at_once(&self, point: Point, moment: Moment) -> bool {
        self.meet(point, moment, |_, _| ()).is_none()
    }

    /// What a living process meets here, by the faults' dice; `None` if it is dead, or dies here.
    fn meet<T>(&self, point: Point, moment: Moment, by: impl FnOnce(&mut Dice, &mut Hits) -> T) -> Option<T> {
        if self.is_dead() {
            return None;
        }
        let falls = self.faults.is_on() && self.falls(point, moment);
        let mut inside = self.faults.inside.lock().unwrap();
        let inside = &mut *inside;
        let place = inside.place(point);
        inside.note(place as u64 * 2 + moment as u64, 0);
        let hit = &mut inside.hits[place].1[moment as usize];
        hit.passed += 1;
        hit.deaths += u64::from(falls);
        if falls {
            self.kill();
            return None;
        }
        Some(by(&mut inside.dice, hit))
    }

    /// A call comes by. Never returns in a dead process; true = it is to fail.
    pub async fn pass(&self, point: Point, moment: Moment) -> bool {
        let on = self.faults.is_on();
        let met = self.meet(point, moment, |dice, hit| {
            if !on {
                return (false, None);
            }
            let fails = dice.chance(6);
            let delay = match dice.below(1000) {
                0..40 => Some(dice.between(1, 60)),
                40..43 => Some(dice.between(100, 1_500)),
                _ => None,
            };
            hit.errors += u64::from(fails);
            hit.delays += u64::from(delay.is_some());
            (fails, delay)
        });
        let Some((fails, delay)) = met else { return std::future::pending().await };
        if let Some(delay) = delay {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            if self.is_dead() {
                return std::future::pending().await;
            }
        }
        fails
    }

    /// Mixes a call that a phone took, and when, into the trace.
    pub fn note_call(&self, number: u32) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or_default();
        self.faults.inside.lock().unwrap().note(u64::from(number), millis);
    }

    /// 0 to `n` - 1, from the faults' own dice.
    pub fn throw(&self, n: u64) -> u64 {
        self.faults.inside.lock().unwrap().dice.below(n)
    }

    /// The faults of the run.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}
