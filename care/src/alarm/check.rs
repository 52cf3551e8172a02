//! The check call: an attention alarm asks the elder first. "Press 1 if all is well."
//!
//! ```text
//!  raised ──▶ Checking ──key 1──▶ Reported by the elder: nobody else is called, an operator closes it
//!                │  │                (the daily call, which the platform raised itself, is closed by it)
//!                │  └──key 2, or no key in time──▶ urgent: the ladder of the urgent plan, from its foot
//!                └──no answer──▶ called again, until the time is over
//! ```
//!
//! The elder is the contact with the elder's own identifier. Such a contact never takes an alarm: once the circle is
//! being called, the elder's word is kept as an attempt and does not stop it.

use super::{Alarm, AttemptOutcome, Claimant, Effect, Ladder, State};
use crate::plan::{CheckCall, Plan, RungContact};
use crate::{Cause, ContactId, Level, Timestamp};

/// The rule whose alarms are the daily call of an elder who asked for it.
pub const WELL_CALL: &str = "well_call";
/// The setting that holds when the key "I am well" was last pressed in a home: this and the home.
pub const WELL_AT: &str = "well_at/";

impl Alarm {
    /// True if a contact is an elder of this alarm.
    pub fn is_elder(&self, contact: &ContactId) -> bool {
        self.elders.iter().any(|e| e.as_str() == contact.as_str())
    }

    /// True if the elder is being asked whether all is well.
    pub fn is_checking(&self) -> bool {
        match (&self.state, self.ladder) {
            (State::Raised, Ladder::Checking { .. }) => true,
            (State::Raised, Ladder::Calling { .. } | Ladder::Stopped { .. } | Ladder::Resting) => false,
            (State::Claimed { .. } | State::Reported { .. } | State::Closed { .. }, _) => false,
        }
    }

    fn is_well_call(&self) -> bool {
        matches!(&self.cause, Cause::Anomaly(rule) if rule == WELL_CALL)
    }

    /// How the elder is called about this alarm, if at all.
    pub(super) fn check(&self, plan: &Plan) -> Option<CheckCall> {
        if self.level != Level::Attention || self.elders.is_empty() {
            return None;
        }
        plan.check_call.clone().or_else(|| self.is_well_call().then(CheckCall::daily))
    }

    /// Asks the elder: false if this alarm does not begin with that.
    pub(super) fn begin_check(&mut self, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>) -> bool {
        let Some(check) = self.check(plan) else { return false };
        self.ask_elder(&check, now + check.within, now, out);
        true
    }

    fn ask_elder(&mut self, check: &CheckCall, until: Timestamp, now: Timestamp, out: &mut Vec<Effect>) {
        self.ladder = Ladder::Checking { until };
        self.next_step_at = Some(until.min(now + check.again));
        // Two who live together are asked in turn.
        let asked = self.attempts.iter().filter(|a| self.is_elder(&a.contact)).count();
        let Some(elder) = self.elders.get(asked % self.elders.len().max(1)) else { return };
        let entry = RungContact { contact: ContactId::new(elder.as_str()), channels: check.channels.clone() };
        self.notify(&entry, 0, now, out);
    }

    /// The elder did not answer so far.
    pub(super) fn check_again(&mut self, until: Timestamp, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>) {
        match self.check(plan) {
            Some(check) if now < until => self.ask_elder(&check, until, now, out),
            Some(_) | None => self.check_failed(now, out),
        }
    }

    /// Urgent from now on. The next step is due at once, so that it goes by the plan for urgent alarms.
    pub(super) fn check_failed(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        self.level = self.level.min(Level::Urgent);
        self.ladder = Ladder::Resting;
        self.next_step_at = Some(now);
        self.release_all(out);
    }

    /// The elder pressed 1.
    pub(super) fn elder_is_well(&mut self, no: u32, plan: &Plan, now: Timestamp) {
        let checking = self.is_checking();
        let closes = self.is_well_call();
        let Some(attempt) = self.attempts.iter_mut().find(|a| a.no == no && a.is_open()) else { return };
        let by = Claimant::Contact(attempt.contact.clone());
        attempt.ended_at = Some(now);
        attempt.outcome = Some(if checking { AttemptOutcome::Accepted } else { AttemptOutcome::TooLate });
        if checking {
            self.settle_well(by, closes, plan, now);
        }
    }

    /// The key "I am well" of the home: it answers the daily call, and is shown on every other alarm.
    pub(super) fn well_key(&mut self, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>) {
        if self.is_checking() && self.is_well_call() {
            let by = self.elders.first().map(|e| Claimant::Contact(ContactId::new(e.as_str())));
            if let Some(by) = by {
                self.settle_well(by, true, plan, now);
                self.release_all(out);
            }
        } else if self.is_open() {
            self.cancelled_at = Some(now);
        }
    }

    fn settle_well(&mut self, by: Claimant, closes: bool, plan: &Plan, now: Timestamp) {
        self.taken_at.get_or_insert(now);
        if closes {
            self.state = State::Closed { by, at: now, outcome: "normal".to_owned() };
            self.next_step_at = None;
        } else {
            self.state = State::Reported { by, at: now };
            self.next_step_at = Some(now + plan.close_within);
        }
    }
}
