//! A grave problem or sudden event (R43 to R47): the emergency call by a person first, then family and those who help,
//! and the city's review of what must not happen twice.

use super::{Done, Line, Refused, about_an_elder};
use crate::{ElderId, HomeId, PersonId, TimeDelta, Timestamp};
use serde::{Deserialize, Serialize};

/// The emergency call that comes first (R43).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmergencyCall {
    /// 120, 119 or 110.
    pub number: String,
    /// When a person dialled it; the platform never does so by itself.
    pub at: Timestamp,
    /// Who.
    pub by: PersonId,
}

/// Somebody who was called, and what came of it (R44).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// Who.
    pub whom: String,
    /// When.
    pub at: Timestamp,
    /// Reached, not reached, coming.
    pub outcome: String,
}

/// What was done about an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "did")]
pub enum IncidentStep {
    /// A person dialled an emergency number (R43).
    EmergencyCall {
        /// Which.
        number: String,
    },
    /// A person decided that no emergency call is needed.
    NoCall {
        /// Why.
        words: String,
    },
    /// Somebody was called (R44).
    Called {
        /// Who.
        whom: String,
        /// Reached, not reached, coming.
        outcome: String,
    },
    /// Somebody takes part in removing the risk (R45).
    Party {
        /// Who.
        party: String,
    },
    /// Something was done.
    Note {
        /// What.
        words: String,
    },
    /// The city's review of a grave incident (R47).
    Review {
        /// What it found.
        words: String,
    },
    /// Its end.
    Close {
        /// What came of it.
        words: String,
    },
}

/// A grave problem or sudden event (R43 to R45, R47).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// The identifier.
    pub id: String,
    /// Whom it is about.
    pub elder: ElderId,
    /// Where.
    pub home: HomeId,
    /// The area path.
    pub area: String,
    /// What happened.
    pub words: String,
    /// It touches the moral bottom line of society (a death, found late): the city knows at once (R47).
    #[serde(default)]
    pub grave: bool,
    /// When it was found.
    pub found_at: Timestamp,
    /// By whom.
    pub found_by: PersonId,
    /// The alarm or visit that it came from.
    #[serde(default)]
    pub from: Option<String>,
    /// The emergency call.
    #[serde(default)]
    pub emergency: Option<EmergencyCall>,
    /// Why no emergency call was needed, where a person decided so.
    #[serde(default)]
    pub no_call: Option<Done>,
    /// The call chain.
    #[serde(default)]
    pub called: Vec<Called>,
    /// Who takes part in removing the risk (R45).
    #[serde(default)]
    pub parties: Vec<String>,
    /// What was done.
    #[serde(default)]
    pub log: Vec<Line>,
    /// The city's review of a grave one.
    #[serde(default)]
    pub reviewed: Option<Done>,
    /// Its end.
    #[serde(default)]
    pub closed: Option<Done>,
}

impl Incident {
    /// From finding it to the emergency call.
    pub fn until_call(&self) -> Option<TimeDelta> {
        self.emergency.as_ref().map(|call| call.at - self.found_at)
    }

    /// The first step is still to be taken: nobody has dialled an emergency number, and nobody has said why none was needed.
    pub fn call_first(&self) -> bool {
        self.emergency.is_none() && self.no_call.is_none() && self.closed.is_none()
    }

    /// Takes a step. `numbers` are the policy's emergency numbers. What people do first is not held up: family may be
    /// noted before the emergency call; but without the call, or the reason why none was needed, nothing is closed (R43).
    ///
    /// # Errors
    /// A step that does not fit: a number that is none of the policy's, a second call, no words, a closed incident.
    pub fn step(mut self, step: IncidentStep, by: &PersonId, at: Timestamp, numbers: &[String]) -> Result<Self, Refused> {
        if self.closed.is_some() {
            return Err(Refused::new("该事件已结案", "this incident is closed already"));
        }
        let said = |words: String, field: &str| match words.trim() {
            "" => Err(Refused::field(field, "请写明内容", "say what or who")),
            words => Ok(words.to_owned()),
        };
        match step {
            IncidentStep::EmergencyCall { number } => {
                if !numbers.contains(&number) {
                    return Err(Refused::field("number", "不是政策规定的紧急求助电话", "not an emergency number of the policy"));
                }
                if self.emergency.is_some() {
                    return Err(Refused::new("紧急电话已登记", "the emergency call is noted already"));
                }
                self.emergency = Some(EmergencyCall { number, at, by: by.clone() });
            }
            IncidentStep::NoCall { words } => {
                if !self.call_first() {
                    return Err(Refused::new("紧急电话已登记或已说明", "the emergency call is noted, or said not to be needed, already"));
                }
                self.no_call = Some(Done { at, by: by.clone(), words: said(words, "words")? });
            }
            IncidentStep::Called { whom, outcome } => self.called.push(Called { whom: said(whom, "whom")?, at, outcome: outcome.trim().into() }),
            IncidentStep::Party { party } => self.parties.push(said(party, "party")?),
            IncidentStep::Note { words } => self.log.push(Line { at, by: by.to_string(), did: "note".into(), words: said(words, "words")? }),
            IncidentStep::Review { words } => self.reviewed = Some(Done { at, by: by.clone(), words: said(words, "words")? }),
            IncidentStep::Close { words } => return self.close(Done { at, by: by.clone(), words }),
        }
        Ok(self)
    }

    fn close(mut self, done: Done) -> Result<Self, Refused> {
        if done.words.trim().is_empty() {
            return Err(Refused::field("words", "请写明结果", "say what came of it"));
        }
        if self.call_first() {
            return Err(Refused::new(
                "先登记紧急求助电话，或写明无需拨打的原因，再结案",
                "note the emergency call, or why none was needed, before it is closed",
            ));
        }
        if self.grave && self.reviewed.is_none() {
            return Err(Refused::new("重大事件须由市级复盘后结案", "a grave incident is closed only after the city's review"));
        }
        self.closed = Some(done);
        Ok(self)
    }
}

about_an_elder!(Incident = "incident", it => it.found_at, match (&it.closed, it.grave, &it.reviewed) {
    (Some(_), _, _) => "closed",
    (None, true, None) => "grave",
    (None, _, _) => "open",
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::office::Record;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn incident(grave: bool) -> Incident {
        Incident {
            id: "i".into(),
            elder: "e".into(),
            home: "h".into(),
            area: "a".into(),
            words: "跌倒".into(),
            grave,
            found_at: at(0),
            found_by: "v".into(),
            from: None,
            emergency: None,
            no_call: None,
            called: Vec::new(),
            parties: Vec::new(),
            log: Vec::new(),
            reviewed: None,
            closed: None,
        }
    }

    fn take(incident: Incident, step: IncidentStep, minute: i64) -> Result<Incident, Refused> {
        incident.step(step, &"v".into(), at(minute), &["120".to_owned(), "119".to_owned(), "110".to_owned()])
    }

    fn close() -> IncidentStep {
        IncidentStep::Close { words: "已送医".into() }
    }

    #[test]
    fn the_emergency_call_comes_first_and_its_time_is_kept() {
        let open = incident(false);
        assert!(open.call_first());
        assert!(take(open.clone(), close(), 1).unwrap_err().en.contains("emergency call"));
        assert!(take(open.clone(), IncidentStep::EmergencyCall { number: "13800000000".into() }, 1).is_err());
        // What people did before the call is noted all the same.
        let told = take(open, IncidentStep::Called { whom: "女儿".into(), outcome: "在路上".into() }, 1).unwrap();
        assert!(told.call_first());
        let called = take(told, IncidentStep::EmergencyCall { number: "120".into() }, 2).unwrap();
        assert_eq!(called.until_call(), Some(TimeDelta::minutes(2)));
        assert!(take(called.clone(), IncidentStep::EmergencyCall { number: "120".into() }, 3).is_err());
        assert!(take(called.clone(), IncidentStep::NoCall { words: "误报".into() }, 3).is_err());
        let closed = take(called, close(), 9).unwrap();
        assert!(take(closed, IncidentStep::Note { words: "x".into() }, 10).is_err());
    }

    #[test]
    fn without_a_call_somebody_says_why() {
        let open = incident(false);
        assert!(take(open.clone(), IncidentStep::NoCall { words: " ".into() }, 1).is_err());
        let said = take(open, IncidentStep::NoCall { words: "老人已在医院".into() }, 1).unwrap();
        assert!(!said.call_first() && said.until_call().is_none());
        assert_eq!(take(said, close(), 2).unwrap().state(), "closed");
    }

    #[test]
    fn a_grave_one_is_closed_only_after_the_review() {
        let called = take(incident(true), IncidentStep::EmergencyCall { number: "110".into() }, 1).unwrap();
        assert_eq!(called.state(), "grave");
        assert!(take(called.clone(), close(), 2).is_err());
        let reviewed = take(called, IncidentStep::Review { words: "增设设备".into() }, 3).unwrap();
        assert_eq!(take(reviewed, close(), 4).unwrap().state(), "closed");
    }
}
