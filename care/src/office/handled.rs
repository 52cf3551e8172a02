//! Alarms that people have taken care of, as contacts of their real mode (R77): spoken with is a phone contact, gone to
//! look is a home contact. Whether it counts is for the policy's own rule: where the rule asks for the record of
//! Annex 2, a draft waits for it.

use super::visit::{Asked, NoAnswer, Origin, Visit};
use crate::alarm::{Alarm, Claimant, State};
use crate::policy::{Mode, Outcome, Policy};
use crate::visit::form::VisitForm;
use crate::{ElderId, PersonId};

/// The contact that a closed alarm amounts to for one of its elders; none, if nobody spoke with or saw the elder.
pub fn contact(alarm: &Alarm, elder: &ElderId, area: &str, policy: &Policy) -> Option<Visit> {
    let State::Closed { by, at, outcome } = &alarm.state else { return None };
    if alarm.test {
        return None;
    }
    let person = match by {
        Claimant::Person(person) => person.clone(),
        Claimant::Contact(_) => return None,
    };
    let (mode, origin, how) = match outcome.as_str() {
        "true_emergency" | "help_given" | "false_press" | "normal" => (Mode::Phone, Origin::Alarm, Outcome::Met),
        "home_check" => (Mode::Home, Origin::WelfareCheck, Outcome::Met),
        _ => return None,
    };
    let needs_record = policy.count_rule(mode).is_none_or(|rule| rule.record.is_some() || !rule.signatures.is_empty());
    let place = alarm.elders.iter().position(|one| one == elder)?;
    Some(draft(format!("alarm.{}.{place}", alarm.id), elder, person, mode, origin, how, alarm, *at, area, needs_record))
}

#[expect(clippy::too_many_arguments, reason = "a record is put together in one place")]
fn draft(
    id: String,
    elder: &ElderId,
    person: PersonId,
    mode: Mode,
    origin: Origin,
    outcome: Outcome,
    alarm: &Alarm,
    at: crate::Timestamp,
    area: &str,
    needs_record: bool,
) -> Visit {
    Visit {
        id,
        elder: elder.clone(),
        home: alarm.home.clone(),
        area: area.to_owned(),
        visitor: person.clone(),
        organisation: String::new(),
        mode,
        origin,
        start: alarm.raised_at,
        end: Some(at),
        outcome,
        form: VisitForm { mode: Some(mode), ..VisitForm::default() },
        asked: Asked::default(),
        no_answer: None::<NoAnswer>,
        distance_m: None,
        check_in: None,
        recorded_at: at,
        recorded_by: person,
        signed_at: (!needs_record).then_some(at),
        corrections: Vec::new(),
        alarm: Some(alarm.id.clone()),
        evidence: None,
        reviewed: None,
    }
}
