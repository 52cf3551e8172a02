//! Spot checks (R68): a supervisor draws visits at random, calls back, and what is wrong goes round
//! 问题—整改—复核 until a supervisor is content. The draw depends on its seed alone, so that it can be repeated.

use super::{Done, Record, Refused, order_of};
use crate::calendar::Month;
use crate::policy::words;
use crate::{ElderId, PersonId, Timestamp};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Most visits in a sample.
pub const SAMPLE_MAX: usize = 500;

words! {
    /// What calling back showed.
    Verdict {
        /// It was as the record says.
        True = "true", "属实", "as recorded";
        /// The visit took place, but not as the record says.
        Inexact = "inexact", "部分不符", "not quite as recorded";
        /// The visit did not take place.
        False = "false", "不实", "did not take place";
        /// Nobody could say.
        Unknown = "unknown", "无法核实", "could not be verified";
    }
}

/// A visit of the sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The visit.
    pub visit: String,
    /// The elder.
    pub elder: ElderId,
    /// What calling back showed.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// Who called back, when, in what words.
    #[serde(default)]
    pub called: Option<Done>,
}

/// A sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The identifier.
    pub id: String,
    /// The area path it was drawn from.
    pub area: String,
    /// The month it was drawn from.
    pub month: Month,
    /// The seed of the draw.
    pub seed: String,
    /// Of how many visits it was drawn.
    pub of: u32,
    /// When.
    pub drawn_at: Timestamp,
    /// Who drew it.
    pub drawn_by: PersonId,
    /// The visits, in the order of the draw.
    pub items: Vec<Item>,
}

/// Draws `n` of these visits: those with the smallest hash of seed and name, whatever their order. Flagged visits go first.
pub fn draw(seed: &str, visits: &[(String, ElderId, bool)], n: usize) -> Vec<Item> {
    let mut ranked: Vec<(bool, [u8; 32], &String, &ElderId)> = visits
        .iter()
        .map(|(visit, elder, flagged)| {
            let digest = Sha256::digest(format!("{seed}\n{visit}").as_bytes());
            (!flagged, digest.into(), visit, elder)
        })
        .collect();
    // At most half of a sample is flagged ones: a sample of nothing else says nothing about the rest.
    ranked.sort_unstable();
    let n = n.min(SAMPLE_MAX);
    let flagged = ranked.iter().filter(|(honest, ..)| !honest).take(n.div_ceil(2));
    let mut drawn: Vec<_> = flagged.collect();
    let rest = ranked.iter().filter(|(honest, ..)| *honest).take(n - drawn.len());
    drawn.extend(rest);
    drawn.into_iter().map(|(_, _, visit, elder)| Item { visit: (*visit).clone(), elder: (*elder).clone(), verdict: None, called: None }).collect()
}

impl Sample {
    /// Notes what calling back showed.
    ///
    /// # Errors
    /// If the visit is not in the sample or was called back already.
    pub fn called(mut self, visit: &str, verdict: Verdict, done: Done) -> Result<Self, Refused> {
        let item = self
            .items
            .iter_mut()
            .find(|item| item.visit == visit)
            .ok_or_else(|| Refused::field("visit", "不在抽查名单中", "not in this sample"))?;
        if item.verdict.is_some() {
            return Err(Refused::new("该记录已回访", "this visit was called back already"));
        }
        item.verdict = Some(verdict);
        item.called = Some(done);
        Ok(self)
    }
}

impl Record for Sample {
    const KIND: &'static str = "sample";

    fn id(&self) -> String {
        self.id.clone()
    }
    fn area(&self) -> &str {
        &self.area
    }
    fn at(&self) -> Timestamp {
        self.drawn_at
    }
    fn state(&self) -> &'static str {
        if self.items.iter().all(|item| item.verdict.is_some()) { "done" } else { "open" }
    }
}

/// 问题—整改—复核.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The identifier.
    pub id: String,
    /// The area path that has to put it right.
    pub area: String,
    /// The visit, file, or whatever it is about.
    pub about: String,
    /// The elder, where it is about one.
    #[serde(default)]
    pub elder: Option<ElderId>,
    /// The sample it came from.
    #[serde(default)]
    pub sample: Option<String>,
    /// 问题.
    pub problem: Done,
    /// The day by which to put it right.
    pub due_on: NaiveDate,
    /// 整改 and 复核: each round, and whether the supervisor was content.
    #[serde(default)]
    pub rounds: Vec<Round>,
}

/// A round of 整改 and 复核.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// 整改.
    pub fixed: Done,
    /// 复核.
    #[serde(default)]
    pub checked: Option<Done>,
    /// The supervisor was content.
    #[serde(default)]
    pub accepted: Option<bool>,
}

impl Finding {
    /// 整改.
    ///
    /// # Errors
    /// If a round is waiting for its check, or the supervisor was content already.
    pub fn fix(mut self, fixed: Done) -> Result<Self, Refused> {
        match self.state() {
            "problem" | "again" if !fixed.words.trim().is_empty() => {
                self.rounds.push(Round { fixed, checked: None, accepted: None });
                Ok(self)
            }
            "problem" | "again" => Err(Refused::field("words", "请写明整改情况", "say what was done")),
            _ => Err(Refused::new("当前无须整改", "nothing is to be put right now")),
        }
    }

    /// 复核: by somebody else than who put it right.
    ///
    /// # Errors
    /// If nothing waits for a check, or the same person did both.
    pub fn check(mut self, checked: Done, accepted: bool) -> Result<Self, Refused> {
        let Some(round) = self.rounds.last_mut().filter(|round| round.checked.is_none()) else {
            return Err(Refused::new("没有待复核的整改", "nothing waits to be checked"));
        };
        if round.fixed.by == checked.by {
            return Err(Refused::new("复核人不得为整改人本人", "whoever put it right does not check it"));
        }
        round.checked = Some(checked);
        round.accepted = Some(accepted);
        Ok(self)
    }
}

impl Record for Finding {
    const KIND: &'static str = "finding";

    fn id(&self) -> String {
        self.id.clone()
    }
    fn area(&self) -> &str {
        &self.area
    }
    fn elder(&self) -> Option<&ElderId> {
        self.elder.as_ref()
    }
    fn at(&self) -> Timestamp {
        order_of(self.due_on)
    }
    fn state(&self) -> &'static str {
        match self.rounds.last() {
            None => "problem",
            Some(round) => match (&round.checked, round.accepted) {
                (None, _) => "fixed",
                (Some(_), Some(true)) => "closed",
                (Some(_), Some(false) | None) => "again",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(by: &str) -> Done {
        Done { at: Timestamp::default(), by: by.into(), words: "说明".into() }
    }

    #[test]
    fn the_same_seed_draws_the_same_visits_whatever_their_order() {
        let mut visits: Vec<(String, ElderId, bool)> = (0..100).map(|n| (format!("v{n}"), ElderId::new(format!("e{n}")), n % 10 == 0)).collect();
        let one = draw("s", &visits, 10);
        visits.reverse();
        assert_eq!(one, draw("s", &visits, 10));
        assert_eq!(one.len(), 10);
        assert_ne!(one, draw("t", &visits, 10));
        let flagged = one.iter().filter(|item| visits.iter().any(|(visit, _, flagged)| *flagged && *visit == item.visit)).count();
        assert_eq!(flagged, 5, "half of them are flagged ones, where there are so many");
    }

    #[test]
    fn a_finding_goes_round_until_another_person_is_content() {
        let finding = Finding {
            id: "f".into(),
            area: "a".into(),
            about: "v1".into(),
            elder: None,
            sample: None,
            problem: done("city"),
            due_on: "2026-12-01".parse().unwrap(),
            rounds: Vec::new(),
        };
        assert!(finding.clone().check(done("city"), true).is_err());
        let fixed = finding.fix(done("town")).unwrap();
        assert!(fixed.clone().check(done("town"), true).is_err(), "nobody checks what they did themselves");
        let again = fixed.check(done("city"), false).unwrap();
        assert_eq!(again.state(), "again");
        let closed = again.fix(done("town")).unwrap().check(done("city"), true).unwrap();
        assert_eq!(closed.state(), "closed");
        assert!(closed.fix(done("town")).is_err());
    }
}
