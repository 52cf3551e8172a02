//! What is kept for how long, what holds a deletion up, and what was asked for by those whom the records are about.

use super::{Done, Record, Refused, about_an_elder, order_of};
use crate::{ElderId, PersonId, Timestamp};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// How long each class of record is kept, days. Raw messages of devices are the event log's: `keep_days` there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Days of a home as its devices proved them (`home_day`), and the evidence of remote visits with them.
    pub home_days: u32,
    /// Drafts of visits that nobody has signed.
    pub drafts: u32,
    /// Everything about an elder, counted from the day the elder left the register.
    pub after_leaving: u32,
    /// Backups: the office deletes those that are older. The platform does not know where they lie; it states this wherever
    /// somebody asks for a deletion.
    pub backups: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { home_days: 400, drafts: 90, after_leaving: 5 * 366, backups: 35 }
    }
}

/// The kinds of record that are about one elder, in the order in which they are copied and erased.
pub const ABOUT_AN_ELDER: &[&str] =
    &["elder", "consent", "visit", "review", "hazard", "need", "referral", "follow_up", "incident", "pairing", "finding", "event", "family_contact", "paper_copy"];

/// Nothing about an elder is erased while this stands: a court, an inquiry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalHold {
    /// About whom.
    pub elder: ElderId,
    /// Why, and who ordered it.
    pub ordered: Done,
    /// Who lifted it.
    #[serde(default)]
    pub lifted: Option<Done>,
}

impl LegalHold {
    /// Lifts it.
    ///
    /// # Errors
    /// If it is lifted already.
    pub fn lift(mut self, done: Done) -> Result<Self, Refused> {
        if self.lifted.is_some() {
            return Err(Refused::new("保全已解除", "this hold is lifted already"));
        }
        self.lifted = Some(done);
        Ok(self)
    }

    /// True while it stands.
    pub fn stands(&self) -> bool {
        self.lifted.is_none()
    }
}

impl Record for LegalHold {
    const KIND: &'static str = "legal_hold";

    fn id(&self) -> String {
        self.elder.to_string()
    }
    fn area(&self) -> &str {
        ""
    }
    fn at(&self) -> Timestamp {
        self.ordered.at
    }
    fn state(&self) -> &'static str {
        if self.stands() { "standing" } else { "lifted" }
    }
}

/// A child far away, or other family, was in touch or was reminded to be (R25). Never counts as a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FamilyContact {
    /// The identifier.
    pub id: String,
    /// The elder.
    pub elder: ElderId,
    /// The elder's home.
    pub home: crate::HomeId,
    /// The area path.
    pub area: String,
    /// Who of the family.
    pub whom: String,
    /// How: phone, WeChat, video, visit.
    pub how: String,
    /// Reminded by the office, instead of having been in touch.
    #[serde(default)]
    pub reminded: bool,
    /// The day.
    pub on: NaiveDate,
    /// Who noted it.
    pub by: PersonId,
}

about_an_elder!(FamilyContact = "family_contact", it => order_of(it.on), if it.reminded { "reminded" } else { "in_touch" });
