//! Consents: one record for each elder and purpose, with every step of it and its proof (R34). The last step holds.

use super::{Record, Refused, Since};
use crate::{ElderId, HomeId, PersonId, Timestamp};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// What was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    /// Yes.
    Given,
    /// No, before anything began.
    Refused,
    /// No more.
    Withdrawn,
}

/// What proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "kept")]
pub enum Proof {
    /// A signed sheet; where it is kept.
    Paper(String),
    /// A signature on the screen; where it is kept.
    Screen(String),
    /// A recording; where it is kept.
    Recording(String),
    /// Said before a witness; who.
    Witness(String),
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentStep {
    /// What was said.
    pub state: ConsentState,
    /// When.
    pub at: Timestamp,
    /// Who said it: the elder, or who may speak for the elder.
    pub said_by: String,
    /// Who heard it.
    pub taken_by: PersonId,
    /// What proves it; a withdrawal needs none.
    #[serde(default)]
    pub proof: Option<Proof>,
    /// Why not.
    #[serde(default)]
    pub reason: String,
    /// When to ask again.
    #[serde(default)]
    pub ask_again_on: Option<NaiveDate>,
}

/// The consent of an elder for a purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Who.
    pub elder: ElderId,
    /// Where the elder lives.
    pub home: HomeId,
    /// The area path.
    pub area: String,
    /// The purpose, by the word of the policy: `enrolment`, `remote`, ...
    pub purpose: String,
    /// The steps, in the order of time.
    pub steps: Vec<ConsentStep>,
}

impl Consent {
    /// A consent about which nothing has been said.
    pub fn new(elder: ElderId, home: HomeId, area: String, purpose: String) -> Self {
        Self { elder, home, area, purpose, steps: Vec::new() }
    }

    /// Its name: the elder and the purpose.
    pub fn name(elder: &ElderId, purpose: &str) -> String {
        format!("{elder}.{purpose}")
    }

    /// Takes a step.
    ///
    /// # Errors
    /// A consent without proof, a refusal without a reason, a withdrawal of what was not given, a step back in time.
    pub fn step(mut self, step: ConsentStep) -> Result<Self, Refused> {
        if self.steps.last().is_some_and(|last| last.at > step.at) {
            return Err(Refused::field("at", "早于上一次记录", "before the step that holds now"));
        }
        match step.state {
            ConsentState::Given if step.proof.is_none() => {
                return Err(Refused::field("proof", "同意须有凭证（签字、录音或见证人）", "a consent needs its proof: a signature, a recording or a witness"));
            }
            ConsentState::Refused if step.reason.trim().is_empty() => {
                return Err(Refused::field("reason", "拒绝须写明原因", "a refusal needs its reason"));
            }
            ConsentState::Withdrawn if !self.holds() => {
                return Err(Refused::new("当前没有可撤回的同意", "there is no consent to withdraw"));
            }
            ConsentState::Given | ConsentState::Refused | ConsentState::Withdrawn => {}
        }
        self.steps.push(step);
        Ok(self)
    }

    /// True while it is given.
    pub fn holds(&self) -> bool {
        self.steps.last().is_some_and(|step| step.state == ConsentState::Given)
    }

    /// Its history by local days, as duties look at it. A day on which it was withdrawn is a day without it.
    pub fn days(&self, zone: chrono_tz::Tz) -> Vec<Since<bool>> {
        let mut days = Vec::new();
        for step in &self.steps {
            Since::note(&mut days, crate::calendar::local_day(step.at, zone), step.state == ConsentState::Given);
        }
        days
    }
}

impl Record for Consent {
    const KIND: &'static str = "consent";

    fn id(&self) -> String {
        Self::name(&self.elder, &self.purpose)
    }
    fn area(&self) -> &str {
        &self.area
    }
    fn home(&self) -> Option<&HomeId> {
        Some(&self.home)
    }
    fn elder(&self) -> Option<&ElderId> {
        Some(&self.elder)
    }
    fn at(&self) -> Timestamp {
        self.steps.last().map(|step| step.at).unwrap_or_default()
    }
    fn state(&self) -> &'static str {
        match self.steps.last().map(|step| step.state) {
            Some(ConsentState::Given) => "given",
            Some(ConsentState::Refused) => "refused",
            Some(ConsentState::Withdrawn) => "withdrawn",
            None => "open",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(state: ConsentState, at: &str) -> ConsentStep {
        ConsentStep {
            state,
            at: at.parse().unwrap(),
            said_by: "本人".into(),
            taken_by: "liaison".into(),
            proof: Some(Proof::Paper("柜 3".into())),
            reason: String::new(),
            ask_again_on: None,
        }
    }

    #[test]
    fn a_consent_is_given_with_proof_and_withdrawn_without() {
        let consent = Consent::new("e".into(), "h".into(), "a".into(), "remote".into());
        assert!(consent.clone().step(ConsentStep { proof: None, ..step(ConsentState::Given, "2026-11-01T01:00:00Z") }).is_err());
        assert!(consent.clone().step(step(ConsentState::Withdrawn, "2026-11-01T01:00:00Z")).is_err());
        assert!(consent.clone().step(step(ConsentState::Refused, "2026-11-01T01:00:00Z")).is_err(), "a refusal has a reason");
        let given = consent.step(step(ConsentState::Given, "2026-11-01T01:00:00Z")).unwrap();
        assert!(given.holds());
        assert!(given.clone().step(step(ConsentState::Withdrawn, "2026-10-01T01:00:00Z")).is_err(), "time does not go back");
        let gone = given.step(ConsentStep { proof: None, ..step(ConsentState::Withdrawn, "2026-11-05T20:00:00Z") }).unwrap();
        assert!(!gone.holds());
        let days = gone.days(chrono_tz::Asia::Shanghai);
        assert_eq!(Since::on(&days, "2026-11-05".parse().unwrap()), Some(&true));
        assert_eq!(Since::on(&days, "2026-11-06".parse().unwrap()), Some(&false), "the local day counts");
    }
}
