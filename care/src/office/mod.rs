//! The office's records: who is in the register, who visits, what was found and what became of it. Every record is a
//! plain struct with its own verbs; a verb that does not fit the record's state is refused with a sentence.
//! Each is kept as a sheet; [`Record`] says under which kind, and where in the order it stands.
//!
//! ```text
//! ElderFile ─┬─ Consent (by purpose)      Visitor ── Pairing
//!            ├─ Review (half-yearly)      ExtraEvent (weather, festival, by hand)
//!            └─ Visit ─┬─ Hazard ──┐
//!                      ├─ Need ────┼── Referral ── FollowUp
//!                      └─ Incident ┘   Sample ── Finding (问题—整改—复核)      FrozenMonth
//! ```

pub mod category;
pub mod consent;
pub mod copy;
pub mod elder;
pub mod event;
pub mod export;
pub mod facts;
pub mod figures;
pub mod handled;
pub mod import;
pub mod incident;
pub mod matter;
pub mod month;
pub mod paper;
pub mod privacy;
pub mod proposal;
pub mod review;
pub mod sample;
pub mod survey;
pub mod visit;
pub mod visitor;

pub use consent::{Consent, ConsentState, ConsentStep, Proof};
pub use elder::ElderFile;
pub use event::ExtraEvent;
pub use incident::{Incident, IncidentStep};
pub use matter::{FollowUp, Hazard, Need, Referral};
pub use month::FrozenMonth;
pub use copy::PaperCopy;
pub use privacy::{FamilyContact, LegalHold};
pub use proposal::Proposal;
pub use review::Review;
pub use sample::{Finding, Sample};
pub use survey::Survey;
pub use visit::Visit;
pub use visitor::{DepartmentDesk, Pairing, Visitor};

use crate::{ElderId, HomeId, PersonId, Timestamp};
use chrono::{NaiveDate, NaiveTime};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What is kept as a sheet.
pub trait Record: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// The kind of its sheets.
    const KIND: &'static str;
    /// Its name within the kind.
    fn id(&self) -> String;
    /// The path of the area it belongs to, or empty.
    fn area(&self) -> &str;
    /// The home it is about.
    fn home(&self) -> Option<&HomeId> {
        None
    }
    /// The elder it is about.
    fn elder(&self) -> Option<&ElderId> {
        None
    }
    /// The instant it stands at in lists.
    fn at(&self) -> Timestamp;
    /// Its state in a word.
    fn state(&self) -> &'static str;
}

/// What is about one elder is named, placed and looked up by its fields `id`, `area`, `home` and `elder`; where it stands in lists and
/// its state in a word are its own.
macro_rules! about_an_elder {
    ($Type:ident = $kind:literal, $it:ident => $at:expr, $state:expr) => {
        impl $crate::office::Record for $Type {
            const KIND: &'static str = $kind;

            fn id(&self) -> String {
                self.id.clone()
            }
            fn area(&self) -> &str {
                &self.area
            }
            fn home(&self) -> Option<&$crate::HomeId> {
                Some(&self.home)
            }
            fn elder(&self) -> Option<&$crate::ElderId> {
                Some(&self.elder)
            }
            fn at(&self) -> $crate::Timestamp {
                let $it = self;
                $at
            }
            fn state(&self) -> &'static str {
                let $it = self;
                $state
            }
        }
    };
}
use about_an_elder;

/// A day as the instant that a record stands at in lists: only for order, never shown.
pub fn order_of(day: NaiveDate) -> Timestamp {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// A fact with the day from which it holds; a list of them is its history, the last whose day has come holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since<T> {
    /// From this day on.
    pub from: NaiveDate,
    /// It is this.
    pub is: T,
}

impl<T: PartialEq> Since<T> {
    /// Adds a value to a history from a day on, unless it is what holds already. A value of the same day is replaced.
    pub fn note(history: &mut Vec<Self>, from: NaiveDate, is: T) {
        history.sort_by_key(|since| since.from);
        if history.iter().rev().find(|since| since.from <= from).is_some_and(|since| since.is == is) {
            return;
        }
        history.retain(|since| since.from != from);
        history.push(Self { from, is });
        history.sort_by_key(|since| since.from);
    }

    /// What holds on a day.
    pub fn on(history: &[Self], day: NaiveDate) -> Option<&T> {
        history.iter().filter(|since| since.from <= day).max_by_key(|since| since.from).map(|since| &since.is)
    }
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: PersonId,
    /// In what words.
    #[serde(default)]
    pub words: String,
}

/// A line in a record's own history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What was done, as a word: `reminded`, `accepted`, ...
    pub did: String,
    /// In what words.
    #[serde(default)]
    pub words: String,
}

/// A verb that is refused: what is wrong, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{en}")]
pub struct Refused {
    /// The field that is wrong, or empty.
    pub field: String,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Refused {
    /// A refusal that no single field is to blame for.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { field: String::new(), zh: zh.into(), en: en.into() }
    }

    /// A refusal because of a field.
    pub fn field(field: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { field: field.to_owned(), zh: zh.into(), en: en.into() }
    }

    /// The sentence in a language.
    pub fn text(&self, language: crate::Language) -> &str {
        match language {
            crate::Language::Zh => &self.zh,
            crate::Language::En => &self.en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_history_keeps_what_held_and_does_not_repeat_itself() {
        let mut history = Vec::new();
        Since::note(&mut history, day("2026-01-01"), 1);
        Since::note(&mut history, day("2026-05-01"), 2);
        Since::note(&mut history, day("2026-06-01"), 2);
        Since::note(&mut history, day("2026-05-01"), 3);
        assert_eq!(Since::on(&history, day("2025-12-31")), None);
        assert_eq!(Since::on(&history, day("2026-04-30")), Some(&1));
        assert_eq!(Since::on(&history, day("2026-11-30")), Some(&3));
        assert_eq!(history.len(), 2);
    }
}
