//! The canary: a press every minute through the real door, answered by a channel of its own and closed at once. Its time
//! through the whole way stands on `/metrics`; one that does not come through is an alarm about the platform. It reaches
//! no real contact and no statistics (ALM-8).

use crate::channel::{Channel, Delivery, EffectKey, Health, Job, Reconciled, Take, Taken};
use crate::engine::CANARY;
use crate::platform;
use async_trait::async_trait;
use care::alarm::{AttemptOutcome, Claimant, Input, State};
use care::plan::{Order, Plan, Rung, RungContact};
use care::{Cause, HomeId, Reason, TimeDelta, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::register::{ContactRecord, HomeRecord, PlanRecord, PlanScope, Put};
use store::{Clock, Ledger, desk};
use tokio::sync::watch;

/// Upper bounds of the histogram's buckets, milliseconds; the last bucket has none.
pub const BUCKETS_MS: [u32; 10] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000];
/// Presses that wait for their call (LIM-1).
const WAITING_MAX: usize = 16;

/// How strict the canary is.
#[derive(Debug, Clone, Copy)]
pub struct CanarySettings {
    /// How often the binary presses.
    pub every: TimeDelta,
    /// How long the whole way may take.
    pub within: TimeDelta,
}

impl Default for CanarySettings {
    fn default() -> Self {
        Self { every: TimeDelta::seconds(60), within: TimeDelta::seconds(10) }
    }
}

/// What the canary has seen since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CanaryView {
    /// Presses that came through, by bucket of [`BUCKETS_MS`].
    pub buckets: [u64; 11],
    /// Their times together, milliseconds.
    pub sum_ms: u64,
    /// Presses that did not come through in time.
    pub missed: u64,
    /// The latest time, milliseconds.
    pub last_ms: Option<u64>,
    /// When the last one came through.
    pub last_at: Option<Timestamp>,
}

#[derive(Default)]
struct Inside {
    pressed: Vec<Timestamp>,
    view: CanaryView,
}

/// The canary. [`Canary::pressed`] is called by whoever presses, right before.
pub struct Canary {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    settings: CanarySettings,
    inside: Mutex<Inside>,
    wake: watch::Sender<u64>,
}

impl Canary {
    /// A canary that watches this ledger.
    pub fn new(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>, settings: CanarySettings) -> Self {
        Self { ledger, clock, settings, inside: Mutex::default(), wake: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the register must hold for it: home, contact, plan.
    pub fn entries() -> Vec<Put> {
        let contact = CANARY.into();
        let rung = Rung {
            contacts: vec![RungContact { contact, channels: vec![CANARY.into()] }],
            order: Order::InTurn,
            wait: TimeDelta::seconds(20),
        };
        vec![
            Put::Home(HomeRecord { id: CANARY.into(), area: String::new(), address: String::new(), access_notes: String::new() }),
            Put::Contact(ContactRecord {
                id: CANARY.into(),
                home: Some(CANARY.into()),
                name: CANARY.to_owned(),
                relation: CANARY.to_owned(),
                addresses: BTreeMap::from([(CANARY.to_owned(), CANARY.to_owned())]),
                language: "en".to_owned(),
            }),
            Put::Plan(PlanRecord {
                scope: PlanScope::Home(CANARY.into()),
                cause: None,
                level: None,
                plan: Plan { rungs: vec![rung], ..Plan::default() },
            }),
        ]
    }

    /// How often to press.
    pub fn every(&self) -> TimeDelta {
        self.settings.every
    }

    /// A press is on its way to the door.
    pub fn pressed(&self) {
        let now = self.clock.now();
        let mut inside = self.lock();
        if inside.pressed.len() < WAITING_MAX {
            inside.pressed.push(now);
        }
        drop(inside);
        self.wake.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// What it has seen.
    pub fn view(&self) -> CanaryView {
        self.lock().view
    }

    /// Notes that a press has come through: every press that waits has been answered by this call.
    pub fn came_through(&self) {
        let now = self.clock.now();
        let mut inside = self.lock();
        for pressed in std::mem::take(&mut inside.pressed) {
            let ms = u64::try_from((now - pressed).num_milliseconds()).unwrap_or_default();
            let place = BUCKETS_MS.iter().position(|b| ms <= u64::from(*b)).unwrap_or(BUCKETS_MS.len());
            if let Some(bucket) = inside.view.buckets.get_mut(place) {
                *bucket += 1;
            }
            inside.view.sum_ms += ms;
            inside.view.last_ms = Some(ms);
            inside.view.last_at = Some(now);
        }
    }

    /// Closes what was answered and tells the operators of what was not, until `stop` turns true.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut changed = self.ledger.changed();
        let mut wake = self.wake.subscribe();
        loop {
            changed.borrow_and_update();
            wake.borrow_and_update();
            let done = self.close_open().await;
            let missed = self.look_for_missed().await;
            let now = self.clock.now();
            let mut look_at = self.lock().pressed.first().map(|at| *at + self.settings.within + TimeDelta::milliseconds(1));
            if !(done && missed) {
                look_at = Some(now + TimeDelta::seconds(1));
            }
            tokio::select! {
                biased;
                alive = stop.changed() => if alive.is_err() || *stop.borrow() { return },
                alive = changed.changed() => if alive.is_err() { return },
                _woken = wake.changed() => {}
                () = self.clock.sleep_until(look_at.unwrap_or(now)), if look_at.is_some() => {}
            }
        }
    }

    /// True if nothing is left to close that can be closed now.
    async fn close_open(&self) -> bool {
        let open = match self.ledger.open_alarm(&HomeId::from(CANARY), &Cause::Call).await {
            Ok(Some(open)) => open.value,
            Ok(None) => return true,
            Err(_) => return false,
        };
        match open.state {
            State::Claimed { .. } | State::Reported { .. } => {}
            State::Raised | State::Closed { .. } => return true,
        }
        let by = Claimant::Contact(CANARY.into());
        let now = self.clock.now();
        let close = Input::Close { by, outcome: "test".to_owned() };
        match desk::give(&*self.ledger, &open.id, close, Vec::new(), now).await {
            Ok(_) | Err(desk::DeskError::Refused(_) | desk::DeskError::Unknown) => true,
            Err(error @ desk::DeskError::Ledger(_)) => {
                tracing::warn!(%error, "the canary's alarm could not be closed: trying again");
                false
            }
        }
    }

    /// True if nothing is left to tell.
    async fn look_for_missed(&self) -> bool {
        let now = self.clock.now();
        let missed = self.lock().pressed.iter().filter(|at| now - **at > self.settings.within).count();
        if missed == 0 {
            return true;
        }
        tracing::error!(missed, "a canary press has not come through");
        let reason = Reason::new("canary_missed").span("within", self.settings.within);
        let told = platform::raise(&*self.ledger, Cause::Technical(CANARY.to_owned()), reason, now).await;
        if let Err(error) = told {
            tracing::error!(%error, "the operators could not be told of a missed canary press");
            return false;
        }
        let mut inside = self.lock();
        inside.pressed.retain(|at| now - *at <= self.settings.within);
        inside.view.missed += u64::try_from(missed).unwrap_or_default();
        true
    }
}

/// The canary's channel: takes every alarm of the canary's home at once.
pub struct CanaryChannel(pub Arc<Canary>);

#[async_trait]
impl Channel for CanaryChannel {
    fn name(&self) -> &str {
        CANARY
    }

    fn is_simulated(&self) -> bool {
        true
    }

    async fn deliver(&self, _job: &Job, take: &dyn Take) -> Delivery {
        self.0.came_through();
        match take.accept().await {
            Taken::Yours => Delivery::Ended(AttemptOutcome::Accepted),
            Taken::TooLate => Delivery::Ended(AttemptOutcome::TooLate),
            Taken::NotStored => Delivery::Ended(AttemptOutcome::NoKey),
        }
    }

    async fn release(&self, _key: &EffectKey) {}

    async fn reconcile(&self, _key: &EffectKey) -> Reconciled {
        Reconciled::NotKnown
    }

    fn health(&self) -> Health {
        Health::Up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Mode, World, millis, plan, rung, seconds};
    use care::Level;
    use store::Register;
    use store::ledger::Which;

    async fn world() -> (World, Arc<Canary>, Arc<crate::testing::Scripted>) {
        let mut world = World::new(plan(vec![rung(&["daughter"], &["voice"])])).await;
        let voice = world.scripted("voice", Mode::Takes);
        world.ledger.put(Canary::entries()).await.unwrap();
        let canary = Arc::new(Canary::new(Arc::new(world.ledger.clone()), world.clock.clone(), CanarySettings::default()));
        world.channels.push(Arc::new(CanaryChannel(canary.clone())));
        let (watching, stop) = (canary.clone(), world.stop.subscribe());
        tokio::spawn(async move { watching.run(stop).await });
        (world, canary, voice)
    }

    #[tokio::test(start_paused = true)]
    async fn a_press_goes_the_whole_way_is_timed_and_closed_and_reaches_nobody() {
        let (world, canary, voice) = world().await;
        let (_engine, _running) = world.start();
        for round in 1..=3u64 {
            canary.pressed();
            millis(7).await;
            let id = world.raise_as(CANARY, Level::Red, true).await;
            seconds(60).await;
            assert_eq!(world.alarm(&id).await.state_name(), "closed");
            let view = canary.view();
            assert_eq!((view.buckets.iter().sum::<u64>(), view.missed), (round, 0));
            assert!(view.last_ms.unwrap() <= 10, "{view:?}");
        }
        assert_eq!(voice.seen().len(), 0);
        assert!(world.ledger.alarms(Which::Open, None, 10).await.unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_press_that_does_not_come_through_is_an_alarm_about_the_platform() {
        let (world, canary, _voice) = world().await;
        canary.pressed();
        seconds(11).await;
        assert_eq!(canary.view().missed, 1);
        let told = world.ledger.open_alarm(&"platform".into(), &Cause::Technical(CANARY.into())).await.unwrap();
        assert!(told.is_some());
    }
}
