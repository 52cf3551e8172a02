//! Who holds which copy on paper (R72): two of Annex 1, three of Annex 2. A copy is entered when it is handed over, and goes on to
//! another keeper or out of the archive; where it was stays in its history.

use super::{Line, Record, Refused};
use crate::policy::words;
use crate::{ElderId, HomeId, PersonId, Timestamp};
use serde::{Deserialize, Serialize};

words! {
    /// Which form.
    Form {
        /// 附件 1.
        Registration = "annex-1", "信息登记表（附件1）", "registration form (Annex 1)";
        /// 附件 2.
        Visit = "annex-2", "探访记录表（附件2）", "visit record (Annex 2)";
    }
}

/// A copy on paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperCopy {
    /// Which form.
    pub form: Form,
    /// The visit, or the elder whose registration it is.
    pub subject: String,
    /// Whom it is about.
    pub elder: ElderId,
    /// Where the elder lives.
    pub home: HomeId,
    /// The area path.
    pub area: String,
    /// Which of the copies, from 1: the place among the policy's keepers.
    pub number: u8,
    /// Who keeps it, by the name that the policy gives the copy.
    pub keeper: String,
    /// The shelf, box or folder.
    #[serde(default)]
    pub place: String,
    /// When it was handed over first.
    pub since: Timestamp,
    /// Destroyed when its time had come.
    #[serde(default)]
    pub gone: bool,
    /// Handed over, moved, destroyed: by whom, in what words.
    #[serde(default)]
    pub log: Vec<Line>,
}

impl PaperCopy {
    /// The name of a copy: one for each form, subject and number.
    pub fn name(form: Form, subject: &str, number: u8) -> String {
        format!("{}.{subject}.{number}", form.code())
    }

    /// It lies somewhere else now.
    ///
    /// # Errors
    /// Without a place, or if it is gone.
    pub fn shelve(mut self, place: &str, by: &PersonId, at: Timestamp) -> Result<Self, Refused> {
        if self.gone {
            return Err(Refused::new("该份已销毁", "this copy is destroyed"));
        }
        if place.trim().is_empty() {
            return Err(Refused::field("place", "请写明存放位置", "say where it lies"));
        }
        place.trim().clone_into(&mut self.place);
        let did = if self.log.is_empty() { "handed_over" } else { "moved" };
        self.log.push(Line { at, by: by.to_string(), did: did.into(), words: self.place.clone() });
        Ok(self)
    }

    /// Destroyed, on what ground.
    ///
    /// # Errors
    /// Without a ground, or if it is gone already.
    pub fn destroy(mut self, ground: &str, by: &PersonId, at: Timestamp) -> Result<Self, Refused> {
        if self.gone {
            return Err(Refused::new("该份已销毁", "this copy is destroyed"));
        }
        if ground.trim().is_empty() {
            return Err(Refused::field("place", "请写明销毁依据", "say on what ground"));
        }
        self.gone = true;
        self.log.push(Line { at, by: by.to_string(), did: "destroyed".into(), words: ground.trim().into() });
        Ok(self)
    }
}

impl Record for PaperCopy {
    const KIND: &'static str = "paper_copy";

    fn id(&self) -> String {
        Self::name(self.form, &self.subject, self.number)
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
        self.since
    }
    fn state(&self) -> &'static str {
        if self.gone { "gone" } else { "kept" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_handed_over_moved_and_destroyed_with_its_history() {
        let at = Timestamp::UNIX_EPOCH;
        let copy = PaperCopy {
            form: Form::Visit,
            subject: "v1".into(),
            elder: "e".into(),
            home: "h".into(),
            area: "a".into(),
            number: 2,
            keeper: "镇（街道）".into(),
            place: String::new(),
            since: at,
            gone: false,
            log: Vec::new(),
        };
        assert_eq!(copy.id(), "annex-2.v1.2");
        assert!(copy.clone().shelve(" ", &"l".into(), at).is_err());
        let moved = copy.shelve("1 号柜", &"l".into(), at).unwrap().shelve("2 号柜", &"l".into(), at).unwrap();
        assert_eq!((moved.place.as_str(), moved.state()), ("2 号柜", "kept"));
        assert!(moved.clone().destroy("", &"l".into(), at).is_err());
        let gone = moved.destroy("保存期满", &"l".into(), at).unwrap();
        assert_eq!(gone.log.iter().map(|line| line.did.as_str()).collect::<Vec<_>>(), ["handed_over", "moved", "destroyed"]);
        assert!(gone.clone().shelve("x", &"l".into(), at).is_err() && gone.destroy("x", &"l".into(), at).is_err());
    }
}
