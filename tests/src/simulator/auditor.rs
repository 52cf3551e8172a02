//! Looks at every commit and at every telephone call, and knows what must never be.

use care::alarm::{AttemptOutcome, Claimant, State};
use care::{Alarm, AlarmId, ContactId, Lane, Level, TimeDelta, Timestamp};
use futures_util::FutureExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use store::memory::MemoryLedger;
use store::{Clock, Ledger, Shard, Write};

/// What somebody at the console meant to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Take it.
    Claim,
    /// Report.
    Report,
    /// Close.
    Close,
}

#[derive(Default)]
struct Inside {
    known: BTreeMap<AlarmId, Alarm>,
    /// Every key that a person pressed to take an alarm.
    pressed: BTreeSet<(AlarmId, ContactId)>,
    acts: BTreeSet<(AlarmId, String, Act)>,
    /// Everybody who ever had an alarm.
    holders: BTreeSet<(AlarmId, String)>,
    closed_at: BTreeMap<AlarmId, Timestamp>,
    /// Routine reads since a red record waits, by shard.
    red_waits: BTreeMap<Shard, u32>,
    first_ring: BTreeMap<AlarmId, Timestamp>,
    last_ring: BTreeMap<AlarmId, Timestamp>,
    rings: u64,
    violations: Vec<String>,
}

/// The auditor.
pub struct Auditor {
    ledger: MemoryLedger,
    clock: Arc<dyn Clock>,
    inside: Mutex<Inside>,
}

impl Auditor {
    /// An auditor of this ledger.
    pub fn new(ledger: MemoryLedger, clock: Arc<dyn Clock>) -> Self {
        Self { ledger, clock, inside: Mutex::default() }
    }

    /// Writes a broken promise down.
    pub fn violated(&self, promise: &str, what: String) {
        let now = self.clock.now();
        let mut inside = self.inside.lock().unwrap();
        if inside.violations.len() < 20 {
            inside.violations.push(format!("{promise} at {now}: {what}"));
        }
    }

    /// The broken promises so far.
    pub fn violations(&self) -> Vec<String> {
        self.inside.lock().unwrap().violations.clone()
    }

    /// How many calls were made.
    pub fn calls(&self) -> u64 {
        self.inside.lock().unwrap().rings
    }

    /// A person pressed the key that takes the alarm, and with it those of the same cause that the same call is about: never a
    /// red one, which is always single.
    pub fn pressed(&self, alarm: &AlarmId, contact: &ContactId) {
        let leader = self.alarm(alarm);
        let trying = Self::now(self.ledger.effects_trying()).unwrap();
        let mine = |w: &store::ledger::Waiting| matches!(&w.effect.kind, care::alarm::EffectKind::Notify { contact: who, .. } if who == contact);
        let bundle = trying.into_iter().filter(|w| w.level != Level::Red && mine(w)).map(|w| w.alarm);
        let same = |id: &AlarmId| leader.as_ref().is_some_and(|l| l.level != Level::Red && self.alarm(id).is_some_and(|a| a.cause == l.cause));
        let all: Vec<AlarmId> = bundle.filter(same).chain([alarm.clone()]).collect();
        self.inside.lock().unwrap().pressed.extend(all.into_iter().map(|id| (id, contact.clone())));
    }

    /// True if that contact has pressed it.
    pub fn has_pressed(&self, alarm: &AlarmId, contact: &ContactId) -> bool {
        self.inside.lock().unwrap().pressed.contains(&(alarm.clone(), contact.clone()))
    }

    /// Somebody at the console is about to do something.
    pub fn acts(&self, alarm: &AlarmId, who: &str, act: Act) {
        self.inside.lock().unwrap().acts.insert((alarm.clone(), who.to_owned(), act));
    }

    /// A person was told "it is yours".
    pub fn confirmed(&self, alarm: &AlarmId, contact: &ContactId) {
        let held = self.inside.lock().unwrap().holders.contains(&(alarm.clone(), contact.to_string()));
        if !held {
            self.violated("ALM-3", format!("{contact} was told to have taken {alarm}, and nothing was stored"));
        }
    }

    /// A record is in the log.
    pub fn stored(&self, shard: Shard, lane: Lane) {
        if lane == Lane::Red {
            self.inside.lock().unwrap().red_waits.entry(shard).or_insert(0);
        }
    }

    /// A lane is read.
    pub fn reads(&self, shard: Shard, lane: Lane) {
        let mut inside = self.inside.lock().unwrap();
        match lane {
            Lane::Red => {
                inside.red_waits.remove(&shard);
            }
            Lane::Routine => {
                let Some(waits) = inside.red_waits.get_mut(&shard) else { return };
                *waits += 1;
                if *waits == 2 {
                    drop(inside);
                    self.violated("LANE-1", format!("a red record waits behind the routine lane of shard {}", shard.0));
                }
            }
        }
    }

    fn now<T>(future: impl Future<Output = T>) -> T {
        future.now_or_never().expect("the ledger in memory answers at once")
    }

    /// An alarm as the ledger holds it.
    pub fn alarm(&self, id: &AlarmId) -> Option<Alarm> {
        Self::now(self.ledger.alarm(id)).unwrap().map(|s| s.value)
    }

    /// Every alarm.
    pub fn alarms(&self) -> Vec<Alarm> {
        self.inside.lock().unwrap().known.values().cloned().collect()
    }

    /// The alarms that are open.
    pub fn open(&self) -> Vec<Alarm> {
        self.inside.lock().unwrap().known.values().filter(|a| a.is_open()).cloned().collect()
    }

    /// When somebody was last called about an alarm.
    pub fn last_ring(&self, alarm: &AlarmId) -> Option<Timestamp> {
        self.inside.lock().unwrap().last_ring.get(alarm).copied()
    }

    /// When somebody was first called about an alarm.
    pub fn first_ring(&self, alarm: &AlarmId) -> Option<Timestamp> {
        self.inside.lock().unwrap().first_ring.get(alarm).copied()
    }

    /// A call begins.
    pub fn rings(self: &Arc<Self>, alarm: &AlarmId, no: u32, contact: &ContactId) {
        let now = self.clock.now();
        let trying = Self::now(self.ledger.effects_trying()).unwrap();
        if !trying.iter().any(|w| w.alarm == *alarm && w.effect.no == no) {
            self.violated("ALM-4", format!("call {no} of {alarm} began without being written down first"));
        }
        let mut inside = self.inside.lock().unwrap();
        inside.rings += 1;
        inside.first_ring.entry(alarm.clone()).or_insert(now);
        inside.last_ring.insert(alarm.clone(), now);
        let late = inside.closed_at.get(alarm).is_some_and(|at| now - *at > TimeDelta::seconds(5));
        drop(inside);
        if late {
            self.violated("ALM-4", format!("{contact} is called about {alarm}, which is closed"));
        }
    }

    /// A transaction has been committed.
    pub fn committed(&self, writes: Vec<Write>) {
        let now = self.clock.now();
        for write in writes {
            match write {
                Write::PutAlarm { alarm, .. } => self.put(*alarm, now),
                Write::EffectDone { alarm, no, .. } => {
                    let open = self.inside.lock().unwrap().known.get(&alarm).is_some_and(|a| a.attempts.iter().any(|a| a.no == no && a.is_open()));
                    if open {
                        self.violated("ALM-4", format!("call {no} of {alarm} left the outbox without an outcome"));
                    }
                }
                Write::Seen { alarm: None, .. } => self.violated("ACK-2", "an event was counted for no alarm".to_owned()),
                _ => {}
            }
        }
    }

    fn put(&self, alarm: Alarm, now: Timestamp) {
        let mut inside = self.inside.lock().unwrap();
        let before = inside.known.remove(&alarm.id);
        let mut wrong: Vec<(&str, String)> = Vec::new();
        let id = &alarm.id;
        match (alarm.is_open(), alarm.next_step_at) {
            (true, None) => wrong.push(("ALM-1", format!("{id} is open and has no deadline"))),
            (true, Some(at)) if at > now + TimeDelta::hours(1) => wrong.push(("ALM-1", format!("{id} has its next step in {} s", (at - now).num_seconds()))),
            (true, Some(_)) | (false, _) => {}
        }
        let acted = |who: &str, act: Act| inside.acts.contains(&(id.clone(), who.to_owned(), act));
        let moved = before.as_ref().is_none_or(|b| b.state != alarm.state);
        match &alarm.state {
            State::Raised => {}
            State::Claimed { by, .. } if moved => {
                let may = match by {
                    Claimant::Contact(contact) => inside.pressed.contains(&(id.clone(), contact.clone())),
                    Claimant::Person(person) => acted(person.as_str(), Act::Claim),
                };
                if !may {
                    wrong.push(("ALM-3", format!("{id} was claimed for {}, who did nothing", by.id())));
                }
            }
            State::Reported { by, .. } if moved && !acted(by.id(), Act::Report) => wrong.push(("ALM-3", format!("{id} was reported by nobody"))),
            State::Closed { by, .. } if by.is_platform() && alarm.level == Level::Technical && alarm.cause_over().is_some() => {}
            State::Closed { by, .. } if moved && !acted(by.id(), Act::Close) => wrong.push(("ALM-6", format!("{id} was closed by nobody"))),
            State::Claimed { .. } | State::Reported { .. } | State::Closed { .. } => {}
        }
        if let State::Claimed { by, .. } = &alarm.state {
            let holder = (id.clone(), by.id().to_owned());
            inside.holders.insert(holder);
        }
        for attempt in &alarm.attempts {
            if attempt.outcome == Some(AttemptOutcome::Accepted) && !inside.pressed.contains(&(id.clone(), attempt.contact.clone())) {
                wrong.push(("ALM-3", format!("{} has accepted {id} without a key", attempt.contact)));
            }
        }
        if let Some(before) = &before {
            if !before.is_open() && alarm.is_open() {
                wrong.push(("ALM-6", format!("{id} was closed and is open again")));
            }
            if alarm.presses < before.presses || alarm.copies < before.copies {
                wrong.push(("ACK-2", format!("{id} has fewer presses or copies than before")));
            }
            if alarm.level > before.level {
                wrong.push(("LANE-1", format!("{id} has become less grave by itself")));
            }
        }
        if !alarm.is_open() {
            inside.closed_at.entry(id.clone()).or_insert(now);
        }
        inside.known.insert(alarm.id.clone(), alarm);
        drop(inside);
        for (promise, what) in wrong {
            self.violated(promise, what);
        }
    }

    /// What must hold at every moment, the process having been up for `up`. `patience` is how late a thing may be.
    pub fn look(&self, up: TimeDelta, patience: TimeDelta) {
        if up < patience {
            return;
        }
        let now = self.clock.now();
        let mut wrong: Vec<(&str, String)> = Vec::new();
        for alarm in self.inside.lock().unwrap().known.values().filter(|a| a.is_open()) {
            if alarm.next_step_at.is_some_and(|at| now - at > patience) {
                wrong.push(("ALM-1", format!("the next step of {} is overdue", alarm.id)));
            }
            let waits = |a: &care::alarm::Attempt| a.is_open() && a.started_at.is_none() && now - a.asked_at > patience;
            if alarm.level == Level::Red && alarm.state == State::Raised && alarm.attempts.iter().any(waits) {
                wrong.push(("ALM-2", format!("a call about {} has not begun", alarm.id)));
            }
        }
        for (promise, what) in wrong {
            self.violated(promise, what);
        }
    }
}
