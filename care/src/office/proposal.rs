//! A version of the policy that somebody proposes and another person activates: never one alone.

use super::{Done, Record, Refused, order_of};
use crate::Timestamp;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// A proposed version of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The policy.
    pub policy: String,
    /// Its version.
    pub version: String,
    /// The first day that it is to be in force.
    pub effective_from: NaiveDate,
    /// SHA-256 of the file, hex.
    pub hash: String,
    /// The file.
    pub text: String,
    /// Who proposed it, why.
    pub proposed: Done,
    /// Who decided, in what words.
    #[serde(default)]
    pub decided: Option<Done>,
    /// It was activated, or refused.
    #[serde(default)]
    pub activated: Option<bool>,
}

impl Proposal {
    /// Activates it: by another person than who proposed it.
    ///
    /// # Errors
    /// By the same person, or if it is decided already.
    pub fn activate(self, done: Done) -> Result<Self, Refused> {
        if done.by == self.proposed.by {
            return Err(Refused::new("须由提出人以外的另一人启用", "another person than who proposed it activates it"));
        }
        self.decide(done, true)
    }

    /// Refuses it, or takes it back.
    ///
    /// # Errors
    /// Without a reason, or if it is decided already.
    pub fn refuse(self, done: Done) -> Result<Self, Refused> {
        if done.words.is_empty() {
            return Err(Refused::field("words", "请写明原因", "say why"));
        }
        self.decide(done, false)
    }

    fn decide(mut self, done: Done, activated: bool) -> Result<Self, Refused> {
        if self.decided.is_some() {
            return Err(Refused::new("该版本已有决定", "this version is decided on already"));
        }
        self.decided = Some(done);
        self.activated = Some(activated);
        Ok(self)
    }
}

impl Record for Proposal {
    const KIND: &'static str = "policy";

    fn id(&self) -> String {
        self.hash.chars().take(32).collect()
    }
    fn area(&self) -> &str {
        ""
    }
    fn at(&self) -> Timestamp {
        order_of(self.effective_from)
    }
    fn state(&self) -> &'static str {
        match self.activated {
            None => "proposed",
            Some(true) => "activated",
            Some(false) => "refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_people_activate_a_policy_and_one_may_take_it_back() {
        let done = |by: &str, words: &str| Done { at: Timestamp::UNIX_EPOCH, by: by.into(), words: words.into() };
        let proposed = Proposal {
            policy: "p".into(),
            version: "2".into(),
            effective_from: "2027-01-01".parse().unwrap(),
            hash: "ab".repeat(32),
            text: String::new(),
            proposed: done("city", "新文件"),
            decided: None,
            activated: None,
        };
        assert!(proposed.clone().activate(done("city", "")).is_err());
        assert!(proposed.clone().refuse(done("city", "")).is_err());
        assert_eq!(proposed.clone().refuse(done("city", "有误")).unwrap().state(), "refused");
        let activated = proposed.activate(done("deputy", "")).unwrap();
        assert_eq!(activated.state(), "activated");
        assert!(activated.clone().refuse(done("city", "反悔")).is_err() && activated.activate(done("third", "")).is_err());
    }
}
