//! The platform looks at itself: every open alarm has a next step in time, every red one is being called, nothing is
//! stuck in the outbox. Otherwise it raises an alarm about itself. Runs apart from the engines, for it watches them.

use crate::engine::CALLING;
use crate::patrol::Patrol;
use crate::platform;
use async_trait::async_trait;
use care::alarm::{Attempt, State};
use care::{Alarm, AlarmId, Cause, Level, Reason, TimeDelta, Timestamp};
use std::sync::Arc;
use store::desk::DeskError;
use store::ledger::each_open;
use store::{Clock, Fence, Ledger, LedgerError};

/// Open alarms looked at in one audit; more than this many open alarms are a finding of their own for the operators'
/// queue, not for this audit (LIM-1).
const ALARMS_MAX: usize = 50_000;

/// How strict the audit is.
#[derive(Debug, Clone, Copy)]
pub struct AuditSettings {
    /// How often it looks.
    pub every: TimeDelta,
    /// How late a deadline may fire.
    pub late_max: TimeDelta,
    /// How long after its raise a red alarm's first call must have begun.
    pub first_call_within: TimeDelta,
    /// How long a call may be without an outcome.
    pub call_max: TimeDelta,
    /// How long something that is due may wait in the outbox.
    pub wait_max: TimeDelta,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            every: TimeDelta::seconds(15),
            late_max: TimeDelta::seconds(20),
            first_call_within: TimeDelta::seconds(10),
            call_max: TimeDelta::minutes(10),
            wait_max: TimeDelta::minutes(5),
        }
    }
}

/// What is not as it must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Open alarms without a next step (ALM-1).
    NoDeadline {
        /// How many.
        count: u32,
        /// One of them.
        alarm: AlarmId,
    },
    /// Next steps that are overdue (ALM-1).
    Overdue {
        /// How many.
        count: u32,
        /// The one that is latest.
        alarm: AlarmId,
        /// By how much.
        late: TimeDelta,
    },
    /// Red alarms that nobody has been called about in time (ALM-2).
    NotCalled {
        /// How many.
        count: u32,
        /// One of them.
        alarm: AlarmId,
    },
    /// Calls that do not come to an end (ALM-4).
    CallStuck {
        /// How many.
        count: u32,
        /// The alarm of one of them.
        alarm: AlarmId,
    },
    /// Something that is due waits for too long.
    OutboxStuck {
        /// For how long.
        late: TimeDelta,
    },
}

impl Finding {
    /// In words for an operator.
    pub fn reason(&self) -> Reason {
        let many = |code, count: &u32, alarm: &AlarmId| Reason::new(code).number("count", f64::from(*count)).text("alarm", alarm.as_str());
        match self {
            Self::NoDeadline { count, alarm } => many("audit_no_deadline", count, alarm),
            Self::Overdue { count, alarm, late } => many("audit_overdue", count, alarm).span("late", *late),
            Self::NotCalled { count, alarm } => many("audit_not_called", count, alarm),
            Self::CallStuck { count, alarm } => many("audit_call_stuck", count, alarm),
            Self::OutboxStuck { late } => Reason::new("audit_outbox_stuck").span("late", *late),
        }
    }
}

/// The audit.
pub struct SelfAudit {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    settings: AuditSettings,
}

impl SelfAudit {
    /// An audit of this ledger.
    pub fn new(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>, settings: AuditSettings) -> Self {
        Self { ledger, clock, settings }
    }

    /// One look. What it finds raises `technical/self_audit` by this right, or leaves the open one as it is.
    ///
    /// # Errors
    /// If the ledger cannot be read or written.
    pub async fn look_and_tell(&self, fence: Fence) -> Result<Vec<Finding>, LedgerError> {
        let findings = self.look().await?;
        if let Some(first) = findings.first() {
            tracing::error!(findings = findings.len(), what = %first.reason().code, "the self-audit has found something");
            let cause = Cause::Technical("self_audit".to_owned());
            platform::raise_by(Some(fence), &*self.ledger, cause, first.reason(), self.clock.now()).await.map_err(DeskError::of_ledger)?;
        }
        Ok(findings)
    }

    /// One look, the gravest finding first.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn look(&self) -> Result<Vec<Finding>, LedgerError> {
        let now = self.clock.now();
        let held = self.ledger.setting(CALLING.0).await?.as_deref() == Some(CALLING.1);
        let mut tally = Tally::default();
        each_open(&*self.ledger, ALARMS_MAX, |stored| tally.take(&stored.value, held, now, &self.settings)).await?;
        let mut findings = tally.findings();
        if !held && let Some(first) = self.ledger.next_effect().await?.filter(|at| now - *at > self.settings.wait_max) {
            findings.push(Finding::OutboxStuck { late: now - first });
        }
        Ok(findings)
    }
}

#[async_trait]
impl Patrol for SelfAudit {
    fn name(&self) -> &'static str {
        "self-audit"
    }

    fn every(&self) -> TimeDelta {
        self.settings.every
    }

    async fn round(&mut self, fence: Fence) -> Result<(), LedgerError> {
        self.look_and_tell(fence).await.map(drop)
    }
}

#[derive(Default)]
struct Tally {
    no_deadline: Option<(u32, AlarmId)>,
    overdue: Option<(u32, AlarmId, TimeDelta)>,
    not_called: Option<(u32, AlarmId)>,
    stuck: Option<(u32, AlarmId)>,
}

impl Tally {
    fn take(&mut self, alarm: &Alarm, held: bool, now: Timestamp, settings: &AuditSettings) {
        let one_more = |slot: &mut Option<(u32, AlarmId)>| match slot {
            Some((count, _)) => *count += 1,
            None => *slot = Some((1, alarm.id.clone())),
        };
        match alarm.next_step_at {
            None => one_more(&mut self.no_deadline),
            Some(at) if now - at > settings.late_max => {
                let (count, id, latest) = self.overdue.take().unwrap_or((0, alarm.id.clone(), now - at));
                let this_is_later = now - at > latest;
                self.overdue = Some((count + 1, if this_is_later { alarm.id.clone() } else { id }, latest.max(now - at)));
            }
            Some(_) => {}
        }
        let calls = !alarm.attempts.is_empty() && alarm.attempts.iter().all(|a| a.started_at.is_none() && a.is_open());
        let waits_for_call = alarm.level == Level::Red && alarm.state == State::Raised && calls && (alarm.test || !held);
        if waits_for_call && now - alarm.raised_at > settings.first_call_within {
            one_more(&mut self.not_called);
        }
        let stuck = |a: &Attempt| a.is_open() && a.started_at.is_some_and(|at| now - at > settings.call_max);
        if alarm.attempts.iter().any(stuck) {
            one_more(&mut self.stuck);
        }
    }

    fn findings(self) -> Vec<Finding> {
        let mut out = Vec::new();
        out.extend(self.no_deadline.map(|(count, alarm)| Finding::NoDeadline { count, alarm }));
        out.extend(self.not_called.map(|(count, alarm)| Finding::NotCalled { count, alarm }));
        out.extend(self.overdue.map(|(count, alarm, late)| Finding::Overdue { count, alarm, late }));
        out.extend(self.stuck.map(|(count, alarm)| Finding::CallStuck { count, alarm }));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patrol::walk;
    use crate::testing::{Mode, World, plan, rung, seconds};
    use store::{Ownership, Shard};
    use tokio::sync::watch;

    fn audit(world: &World) -> SelfAudit {
        SelfAudit::new(Arc::new(world.ledger.clone()), world.clock.clone(), AuditSettings::default())
    }

    async fn on_duty(world: &World) -> Fence {
        world.ledger.take(Shard::OFFICE).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_platform_that_works_has_no_findings() {
        let mut world = World::new(plan(vec![rung(&["daughter"], &["voice"])])).await;
        world.scripted("voice", Mode::Delivers);
        let (_engine, _running) = world.start();
        world.raise("home-1", Level::Red).await;
        let (audit, duty) = (audit(&world), on_duty(&world).await);
        for _ in 0..40 {
            seconds(15).await;
            assert_eq!(audit.look_and_tell(duty).await.unwrap(), []);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_stands_still_is_found_out_and_told_once() {
        let world = World::new(plan(vec![rung(&["daughter"], &["voice"])])).await;
        let id = world.raise("home-1", Level::Red).await;
        let (audit, duty) = (audit(&world), on_duty(&world).await);
        seconds(11).await;
        assert_eq!(audit.look_and_tell(duty).await.unwrap(), [Finding::NotCalled { count: 1, alarm: id.clone() }]);
        seconds(600).await;
        let codes: Vec<_> = audit.look_and_tell(duty).await.unwrap().iter().map(|f| f.reason().code).collect();
        assert_eq!(codes, ["audit_not_called", "audit_overdue", "audit_outbox_stuck"]);
        let told = world.ledger.open_alarm(&"platform".into(), &Cause::Technical("self_audit".into())).await.unwrap().unwrap();
        assert_eq!((told.value.presses, told.value.level), (1, Level::Technical));
        let said = told.value.reason.render(care::reason::Language::En, chrono_tz::UTC);
        assert_eq!(said, format!("Self-audit: 1 red alarms have not been called in time ({id} is one)."));
    }

    #[tokio::test(start_paused = true)]
    async fn the_audit_runs_by_itself() {
        let world = World::new(plan(vec![rung(&["daughter"], &["voice"])])).await;
        world.raise("home-1", Level::Red).await;
        let (_duty, held) = watch::channel(Some(on_duty(&world).await));
        tokio::spawn(walk(audit(&world), world.clock.clone(), held, world.stop.subscribe()));
        seconds(31).await;
        assert!(world.ledger.open_alarm(&"platform".into(), &Cause::Technical("self_audit".into())).await.unwrap().is_some());
    }
}
