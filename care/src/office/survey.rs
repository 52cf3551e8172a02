//! The survey of homes, one by one by grid (R1, R14): nobody is left out because nobody was in.

use super::{Done, Record, Refused, order_of};
use crate::{ElderId, HomeId, PersonId, Timestamp};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Somebody went to a home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Went {
    /// The identifier that the phone gave it: sent twice, it is one.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: PersonId,
    /// Nobody was in.
    #[serde(default)]
    pub nobody_in: bool,
    /// How many elders in special difficulty live there, as far as was seen.
    #[serde(default)]
    pub found: u8,
    /// What was seen: the house, what is unusual, who needs what (R15).
    #[serde(default)]
    pub words: String,
}

/// How far the survey of a home has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// The home.
    pub home: HomeId,
    /// The area path.
    pub area: String,
    /// Who went last, when, with what words; none: still to be done.
    #[serde(default)]
    pub done: Option<Done>,
    /// Nobody was in: to be gone to again.
    #[serde(default)]
    pub nobody_in: bool,
    /// The elders that were found.
    #[serde(default)]
    pub elders: Vec<ElderId>,
    /// The day by which.
    pub due_on: NaiveDate,
    /// Every time that somebody went, oldest first.
    #[serde(default)]
    pub went: Vec<Went>,
}

/// How far ahead of ours a phone's clock may be.
const AHEAD: chrono::TimeDelta = chrono::TimeDelta::minutes(10);

impl Survey {
    /// To be done by a day.
    pub fn new(home: HomeId, area: String, due_on: NaiveDate) -> Self {
        Self { home, area, done: None, nobody_in: false, elders: Vec::new(), due_on, went: Vec::new() }
    }

    /// Notes that somebody went. `None`: this was noted already, and nothing changes. Whoever comes in after a day on which
    /// somebody was in does not undo that: a later "nobody in" stands in the history only.
    ///
    /// # Errors
    /// Without words where somebody was in, or in the future.
    pub fn go(mut self, went: Went, now: Timestamp) -> Result<Option<Self>, Refused> {
        if self.went.iter().any(|before| before.id == went.id) {
            return Ok(None);
        }
        if went.at > now + AHEAD {
            return Err(Refused::field("at", "时间在将来", "it lies in the future"));
        }
        if !went.nobody_in && went.words.trim().is_empty() {
            return Err(Refused::field("words", "请写明所见情况", "say what was seen"));
        }
        if self.state() != "done" || !went.nobody_in {
            self.done = Some(Done { at: went.at, by: went.by.clone(), words: went.words.trim().to_owned() });
            self.nobody_in = went.nobody_in;
        }
        self.went.push(went);
        self.went.sort_by_key(|went| went.at);
        Ok(Some(self))
    }
}

impl Record for Survey {
    const KIND: &'static str = "survey";

    fn id(&self) -> String {
        self.home.to_string()
    }
    fn area(&self) -> &str {
        &self.area
    }
    fn home(&self) -> Option<&HomeId> {
        Some(&self.home)
    }
    fn at(&self) -> Timestamp {
        order_of(self.due_on)
    }
    fn state(&self) -> &'static str {
        match (&self.done, self.nobody_in) {
            (None, _) => "open",
            (Some(_), true) => "again",
            (Some(_), false) => "done",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn went(id: &str, minute: i64, nobody_in: bool) -> Went {
        let words = if nobody_in { String::new() } else { "两位老人，门窗完好".to_owned() };
        Went { id: id.into(), at: Timestamp::UNIX_EPOCH + TimeDelta::minutes(minute), by: "liaison".into(), nobody_in, found: 2, words }
    }

    #[test]
    fn nobody_in_is_gone_to_again_and_what_was_done_stays_done() {
        let now = Timestamp::UNIX_EPOCH + TimeDelta::minutes(60);
        let open = Survey::new("h".into(), "a".into(), "1970-01-10".parse().unwrap());
        assert_eq!(open.state(), "open");
        let again = open.clone().go(went("1", 1, true), now).unwrap().unwrap();
        assert_eq!(again.state(), "again");
        let done = again.go(went("2", 2, false), now).unwrap().unwrap();
        assert_eq!(done.state(), "done");
        // What came late from a phone without signal does not undo it.
        let late = done.clone().go(went("0", 0, true), now).unwrap().unwrap();
        assert_eq!((late.state(), late.went.len(), late.went[0].id.as_str()), ("done", 3, "0"));
        assert_eq!(done.clone().go(went("2", 2, false), now).unwrap(), None, "sent twice it is one");
        assert!(done.go(went("3", 80, false), now).is_err());
        assert!(open.go(Went { words: " ".into(), ..went("4", 1, false) }, now).is_err());
    }
}
