//! A red alarm that nobody takes does not only ring on: it gets louder, goes to a second person on shift, and then to the
//! lead of the shift. Whom it goes to follows from the alarm and from who is on shift, so that every console says the same.
//! Both are called by the platform, too: by [`Plan::call_up`]'s channels, whether or not a console is open anywhere.

use super::{Alarm, Effect, Ladder, State};
use crate::plan::{Plan, RungContact};
use crate::{ContactId, Level, PersonId, Reason, TimeDelta, Timestamp};
use serde::{Deserialize, Serialize};

/// Louder from here on.
pub const LOUDER_AFTER: TimeDelta = TimeDelta::seconds(30);
/// A second person is called up.
pub const SECOND_AFTER: TimeDelta = TimeDelta::seconds(60);
/// The leads of the shift are called up.
pub const LEAD_AFTER: TimeDelta = TimeDelta::seconds(180);

/// The contact that stands for a second person on shift, and the one for the lead of the shift; who that is at the moment
/// of the call is not the alarm's to know.
pub const SECOND: &str = "shift.second";
/// See [`SECOND`].
pub const LEAD: &str = "shift.lead";

/// Who is called up next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallUp {
    /// The stage that the alarm then reaches: [`Stage::Second`] or [`Stage::Lead`].
    pub stage: Stage,
    /// When.
    pub at: Timestamp,
}

/// How far a red alarm that nobody has taken has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Just raised.
    New,
    /// Waits for [`LOUDER_AFTER`].
    Louder,
    /// Waits for [`SECOND_AFTER`].
    Second,
    /// Waits for [`LEAD_AFTER`].
    Lead,
}

/// The stage of an alarm; `None` unless it is red and nobody has taken it.
pub fn stage(alarm: &Alarm, now: Timestamp) -> Option<Stage> {
    if alarm.level != Level::Red || alarm.state != State::Raised {
        return None;
    }
    let waited = now - alarm.raised_at;
    Some(match waited {
        _ if waited >= LEAD_AFTER => Stage::Lead,
        _ if waited >= SECOND_AFTER => Stage::Second,
        _ if waited >= LOUDER_AFTER => Stage::Louder,
        _ => Stage::New,
    })
}

impl Alarm {
    /// When somebody is called up next. While a person has stopped the calls that waits, too.
    pub(super) fn call_up_at(&self) -> Option<Timestamp> {
        self.call_up.filter(|_| self.state == State::Raised && !matches!(self.ladder, Ladder::Stopped { .. })).map(|up| up.at)
    }

    /// The second person and the lead are called in their time, or at once where that has passed. A drill reaches nobody.
    pub(super) fn call_up_anew(&mut self, plan: &Plan, now: Timestamp) {
        let wanted = self.level == Level::Red && self.state == State::Raised && !self.test && !plan.call_up.is_empty();
        self.call_up = wanted.then(|| CallUp { stage: Stage::Second, at: (self.raised_at + SECOND_AFTER).max(now) });
    }

    pub(super) fn call_up_due(&mut self, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>) {
        while let Some(up) = self.call_up.filter(|_| self.call_up_at().is_some_and(|at| at <= now)) {
            let (contact, code, next) = match up.stage {
                Stage::New | Stage::Louder | Stage::Second => (SECOND, "call_up_second", Some(CallUp { stage: Stage::Lead, at: self.raised_at + LEAD_AFTER })),
                Stage::Lead => (LEAD, "call_up_lead", None),
            };
            self.call_up = next;
            let asked = self.next_no;
            self.notify(&RungContact { contact: contact.into(), channels: plan.call_up.clone() }, 0, now, out);
            if let Some(attempt) = self.attempts.iter_mut().find(|a| a.no == asked) {
                attempt.why = Some(Reason::new(code).span("waited", now - self.raised_at));
            }
        }
    }

    /// True for the contacts of this file.
    pub(super) fn is_called_up(&self, contact: &ContactId) -> bool {
        [SECOND, LEAD].contains(&contact.as_str())
    }
}

/// Who is called up for an alarm, and how long after it was raised: one of those on shift, a second one, then every lead.
/// Both lists in any order without repetition; without anybody on shift the leads are called up at once.
pub fn called_up(alarm: &Alarm, on_shift: &[PersonId], leads: &[PersonId]) -> Vec<(TimeDelta, PersonId)> {
    let mut turn: Vec<&PersonId> = on_shift.iter().collect();
    turn.sort();
    // Alarms are spread by their own name: the one who happens to be first in the alphabet does not get them all.
    let weight = alarm.id.as_str().bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    let first = weight.checked_rem(turn.len()).unwrap_or_default();
    turn.rotate_left(first);
    let mut out: Vec<(TimeDelta, PersonId)> = [TimeDelta::zero(), SECOND_AFTER].into_iter().zip(turn).map(|(after, person)| (after, person.clone())).collect();
    let lead_after = if out.is_empty() { TimeDelta::zero() } else { LEAD_AFTER };
    let mut leads: Vec<&PersonId> = leads.iter().filter(|lead| out.iter().all(|(_, person)| person != *lead)).collect();
    leads.sort();
    out.extend(leads.into_iter().map(|lead| (lead_after, lead.clone())));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::{Claimant, Input};
    use crate::plan::Plan;
    use crate::{Cause, Reason};

    fn start() -> Timestamp {
        chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn alarm(id: &str) -> Alarm {
        let raise = crate::cause::Raise { cause: Cause::Call, level: Level::Red, reason: Reason::new("x"), key: "k".into(), device: None };
        Alarm::raise(id.into(), "h".into(), vec![], raise, false, &Plan::default(), start()).0
    }

    #[test]
    fn a_red_alarm_gets_louder_goes_to_a_second_person_and_to_the_lead_until_it_is_taken() {
        let alarm = alarm("a");
        let at = |s: i64| stage(&alarm, start() + TimeDelta::seconds(s));
        assert_eq!([at(0), at(29), at(30), at(59), at(60), at(179), at(180)].map(Option::unwrap), {
            use Stage::{Lead, Louder, New, Second};
            [New, New, Louder, Louder, Second, Second, Lead]
        });
        let (taken, _) = alarm.step(Input::Claim { by: Claimant::Person("lin".into()) }, &Plan::default(), start());
        assert_eq!(stage(&taken, start() + TimeDelta::seconds(200)), None);
    }

    #[test]
    fn whom_it_goes_to_is_the_same_everywhere_and_alarms_are_spread() {
        let names = |who: &[&str]| who.iter().map(|n| PersonId::from(*n)).collect::<Vec<_>>();
        let (on, leads) = (names(&["zhou", "lin", "lead"]), names(&["lead", "lead2"]));
        let same = called_up(&alarm("a"), &on, &leads);
        assert_eq!(same, called_up(&alarm("a"), &names(&["lead", "zhou", "lin"]), &names(&["lead2", "lead"])));
        assert_eq!(same.iter().map(|(after, _)| after.num_seconds()).take(2).collect::<Vec<_>>(), [0, 60]);
        assert!(same.iter().skip(2).all(|(after, _)| *after == LEAD_AFTER));
        let first: std::collections::BTreeSet<_> = (0..40).map(|n| called_up(&alarm(&format!("alarm-{n}")), &on, &leads).swap_remove(0).1).collect();
        assert_eq!(first.len(), 3, "each of the three gets some");
        assert_eq!(called_up(&alarm("a"), &[], &names(&["lead"])), vec![(TimeDelta::zero(), "lead".into())], "nobody on shift: the lead at once");
        assert_eq!(called_up(&alarm("a"), &[], &[]), vec![]);
    }
}
