//! The seeded simulator: the production ingest worker and the production alarm engine, over the four ports, in a world
//! that goes wrong. First safety: deaths before and after every port call, errors, delays, doubled and lost messages,
//! faulty phones, forgetful operators; what must never be is looked for all along. Then the world is healed, and what
//! must be has to come about. One seed is one story: it can be told again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::let_underscore_must_use,
    reason = "test code: a panic is a failed test"
)]

pub mod auditor;
pub mod awake;
pub mod dice;
pub mod faults;
pub mod phones;
pub mod ports;
pub mod world;

use care::alarm::{Help, State};
use care::{Lane, TimeDelta};
use dice::Dice;
use faults::{Hits, Moment, POINTS, Point};
use phones::Weather;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::log::{Offset, Shard};
use store::{Clock, EventLog, Ledger};
use world::{HOMES, PAUSE_MAX, REPORT_WITHIN, SHARDS, World, home};

/// What one seed told.
#[derive(Debug, Clone)]
pub struct Story {
    /// The seed.
    pub seed: u64,
    /// Depends on everything that happened.
    pub trace: u64,
    /// Presses that were acknowledged.
    pub acked: u64,
    /// Alarms.
    pub alarms: u64,
    /// Calls.
    pub calls: u64,
    /// What happened at which port.
    pub hits: BTreeMap<(Point, Moment), Hits>,
    /// Broken promises.
    pub violations: Vec<String>,
}

/// Tells the story of one seed, to its end or to its first broken promise.
pub fn tell(seed: u64) -> Story {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(seed);
        run(&world).await;
        let presses = world.presses.lock().unwrap();
        Story {
            seed,
            trace: world.faults.trace(),
            acked: presses.values().filter(|p| p.acked_at.is_some()).count() as u64,
            alarms: world.auditor.alarms().len() as u64,
            calls: world.auditor.calls(),
            hits: world.faults.hits(),
            violations: world.auditor.violations(),
        }
    })
}

async fn seconds(n: u64) {
    tokio::time::sleep(Duration::from_secs(n)).await;
}

/// Lets time go by and looks every few seconds. `false` once a promise is broken.
async fn watch(world: &World, length: u64, patience: TimeDelta) -> bool {
    for _ in 0..length / 5 {
        seconds(5).await;
        world.auditor.look(world.up_for(), patience);
        if !world.auditor.violations().is_empty() {
            return false;
        }
    }
    true
}

async fn run(world: &Arc<World>) {
    world.furnish().await;
    let mut dice = Dice::new(world.seed(), "story");
    let safety = dice.between(6, 22) * 60;
    let keeper = tokio::spawn(world.clone().keep_alive());
    for i in 0..HOMES {
        tokio::spawn(world.clone().chatter(i));
    }
    tokio::spawn(world.clone().elders(Duration::from_secs(safety)));
    tokio::spawn(world.clone().weather());
    for n in 1..=2 {
        tokio::spawn(world.clone().operator(n));
    }
    // Safety: what must never be.
    if !watch(world, safety, TimeDelta::seconds(45)).await {
        return;
    }
    // The world heals; nobody is at home and no operator is there.
    world.faults.heal();
    world.phones.nobody_answers();
    for channel in ["voice", "sms"] {
        world.phones.set_weather(channel, Weather::Fair);
    }
    seconds(240).await; // the last outage ends, open breakers are probed, buttons and calls come to an end
    let fresh = fresh_presses(world).await;
    if !watch(world, 500, TimeDelta::seconds(2)).await {
        return;
    }
    liveness(world, &fresh);
    world.clear_up().await;
    the_end(world).await;
    keeper.abort();
}

/// Presses in the healed world, in homes without an open alarm of their cause.
async fn fresh_presses(world: &Arc<World>) -> Vec<String> {
    let mut names = Vec::new();
    for i in 0..HOMES {
        let name = format!("late-{i}");
        tokio::spawn(world.clone().press(home(i), "button-3", "gas", name.clone(), true));
        names.push(name);
    }
    seconds(5).await;
    names
}

/// What must have come about in the healed world while nobody answered and no operator worked.
fn liveness(world: &World, fresh: &[String]) {
    let now = world.clock.now();
    let violated = |promise, what| world.auditor.violated(promise, what);
    let alarms = world.auditor.alarms();
    for name in fresh {
        let presses = world.presses.lock().unwrap();
        let Some((home, acked_at)) = presses.get(name).and_then(|p| p.acked_at.map(|at| (p.home.clone(), at))) else {
            violated("ACK-1", format!("{name} was not received in a world where all is well"));
            continue;
        };
        let alarm = alarms.iter().find(|a| a.home == home && a.cause.name() == "gas");
        match alarm.and_then(|a| world.auditor.first_ring(&a.id)) {
            Some(at) if at - acked_at <= TimeDelta::seconds(1) => {}
            Some(at) => violated("ALM-2", format!("{name} was first called after {} ms", (at - acked_at).num_milliseconds())),
            None => violated("ALM-2", format!("{name} was never called")),
        }
    }
    for alarm in alarms.iter().filter(|a| a.is_open()) {
        match &alarm.state {
            State::Raised => {
                let called = world.auditor.last_ring(&alarm.id).is_some_and(|at| now - at < PAUSE_MAX + TimeDelta::minutes(3));
                let has_somebody = alarm.home.as_str().starts_with("home-");
                if has_somebody && !called {
                    violated("ALM-5", format!("{} is open and nobody is being called any more", alarm.id));
                }
            }
            State::Claimed { since, .. } if now - *since > REPORT_WITHIN + TimeDelta::seconds(5) => {
                violated("ALM-5", format!("{} was claimed, never reported, and did not come back", alarm.id));
            }
            State::Claimed { .. } | State::Reported { .. } | State::Closed { .. } => {}
        }
        if alarm.attempts.iter().any(|a| a.is_open() && now - a.asked_at > TimeDelta::minutes(3)) {
            violated("ALM-4", format!("a call of {} has no outcome", alarm.id));
        }
    }
}

/// The books are closed.
async fn the_end(world: &Arc<World>) {
    let violated = |promise, what| world.auditor.violated(promise, what);
    for alarm in world.auditor.alarms() {
        let id = &alarm.id;
        if alarm.is_open() {
            violated("ALM-6", format!("{id} could not be closed"));
        }
        if let Some(open) = alarm.attempts.iter().find(|a| a.is_open()) {
            violated("ALM-4", format!("attempt {} of {id} has no outcome", open.no));
        }
        for device in &alarm.devices {
            if !alarm.is_open() && world.phones.lamp(id, device).is_some_and(|lamp| lamp != Help::Over) {
                violated("ALM-3", format!("the lamp of {device} still speaks of {id}"));
            }
        }
    }
    let left = world.ledger.effects_due(world.clock.now() + TimeDelta::days(1), 10).await.unwrap();
    let trying = world.ledger.effects_trying().await.unwrap();
    if let Some(first) = left.iter().chain(&trying).next() {
        violated("ALM-4", format!("{:?} of {} is still in the outbox, due at {}, trying: {}", first.effect, first.alarm, first.due_at, first.trying));
    }
    if let Some(key) = world.phones.under_way().first() {
        violated("ALM-4", format!("a phone still rings for {key}"));
    }
    count(world).await;
}

/// Every stored press is counted once, every copy as a copy (ACK-1, ACK-2).
async fn count(world: &Arc<World>) {
    let violated = |promise, what| world.auditor.violated(promise, what);
    let mut stored: BTreeMap<String, u32> = BTreeMap::new();
    for shard in 0..SHARDS {
        for lane in [Lane::Red, Lane::Routine] {
            for entry in world.log.read(Shard(shard), lane, Offset(0), usize::MAX).await.unwrap() {
                let text = String::from_utf8_lossy(&entry.record.payload).into_owned();
                let name = text.split('"').nth(3).unwrap_or_default().to_owned();
                *stored.entry(name).or_default() += 1;
            }
        }
    }
    let presses = world.presses.lock().unwrap().clone();
    let mut wanted: BTreeMap<(String, String), (u32, u32)> = BTreeMap::new();
    for (name, press) in &presses {
        let times = stored.get(name).copied().unwrap_or_default();
        if press.acked_at.is_some() && times == 0 {
            violated("ACK-1", format!("{name} was acknowledged and is not stored"));
        }
        if times > 0 {
            let sum = wanted.entry((press.home.to_string(), press.signal.to_owned())).or_default();
            sum.0 += 1;
            sum.1 += times - 1;
        }
    }
    let mut got: BTreeMap<(String, String), (u32, u32)> = BTreeMap::new();
    for alarm in world.auditor.alarms() {
        let sum = got.entry((alarm.home.to_string(), alarm.cause.name())).or_default();
        sum.0 += alarm.presses;
        sum.1 += alarm.copies;
    }
    let doubtful = world.faults.doubtful_commits.load(Ordering::Relaxed) > 0;
    for (place, (presses, copies)) in wanted {
        let (pressed, copied) = got.get(&place).copied().unwrap_or_default();
        if pressed != presses {
            violated("ACK-2", format!("{place:?}: {presses} presses were stored and {pressed} counted"));
        }
        if copied < copies || (copied > copies && !doubtful) {
            violated("ACK-2", format!("{place:?}: {copies} copies were stored and {copied} counted"));
        }
    }
}

/// What many seeds told.
#[derive(Debug, Default)]
pub struct Tally {
    /// Seeds.
    pub seeds: u64,
    /// Acknowledged presses.
    pub acked: u64,
    /// Alarms.
    pub alarms: u64,
    /// Calls.
    pub calls: u64,
    /// What happened at which port.
    pub hits: BTreeMap<(Point, Moment), Hits>,
    /// Seeds with broken promises, at most 20.
    pub broken: Vec<(u64, Vec<String>)>,
}

impl Tally {
    fn take(&mut self, story: Story) {
        self.seeds += 1;
        self.acked += story.acked;
        self.alarms += story.alarms;
        self.calls += story.calls;
        for (place, hit) in story.hits {
            self.hits.entry(place).or_default().add(&hit);
        }
        if !story.violations.is_empty() && self.broken.len() < 20 {
            self.broken.push((story.seed, story.violations));
        }
    }

    /// The points of the four ports at which nothing has died yet.
    pub fn never_died_at(&self) -> Vec<(Point, Moment)> {
        let all = POINTS.iter().flat_map(|p| [(*p, Moment::Before), (*p, Moment::After)]);
        all.filter(|place| self.hits.get(place).is_none_or(|h| h.deaths == 0)).collect()
    }

    /// The tally in words.
    pub fn report(&self) -> String {
        let mut out = format!("{} seeds, {} presses acknowledged, {} alarms, {} calls\n", self.seeds, self.acked, self.alarms, self.calls);
        out.push_str("port call              moment       passed   deaths   errors   delays\n");
        for ((point, moment), hit) in &self.hits {
            out.push_str(&format!(
                "{point:<22} {:<8} {:>10} {:>8} {:>8} {:>8}\n",
                format!("{moment:?}").to_lowercase(),
                hit.passed,
                hit.deaths,
                hit.errors,
                hit.delays
            ));
        }
        for (seed, violations) in &self.broken {
            out.push_str(&format!("SEED {seed} BREAKS A PROMISE (tell it again: cargo run -p acceptance --bin simulate -- --seeds {seed})\n"));
            for violation in violations {
                out.push_str(&format!("  {violation}\n"));
            }
        }
        out
    }
}

/// Tells the stories of many seeds on as many threads; stops early after some broken ones.
pub fn tell_all(seeds: Range<u64>, threads: usize) -> Tally {
    let next = AtomicU64::new(seeds.start);
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || tally.lock().unwrap().broken.len() >= 5 {
                        return;
                    }
                    let story = tell(seed);
                    tally.lock().unwrap().take(story);
                }
            });
        }
    });
    tally.into_inner().unwrap()
}
