//! What asks for extra visits: a warning that came in by CAP or was entered by hand, a festival, anything else that the
//! policy names (R32). An update amends, a cancellation withdraws; what was withdrawn asks for nothing, and stays.

use super::Record;
use crate::policy::{Colour, words};
use crate::visit::{Event, Moment};
use crate::{ElderId, Timestamp};
use serde::{Deserialize, Serialize};

words! {
    /// How an event came in.
    Way {
        /// A file in the drop folder.
        File = "file", "文件", "file";
        /// Pushed over HTTP.
        Push = "push", "推送", "push";
        /// Entered by hand.
        Hand = "hand", "手工", "by hand";
    }
}

words! {
    /// How it stands with an event.
    EventState {
        /// It asks for visits.
        Standing = "standing", "有效", "standing";
        /// Another message stands in its place.
        Amended = "amended", "已更新", "amended";
        /// Taken back.
        Withdrawn = "withdrawn", "已撤销", "withdrawn";
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraEvent {
    /// The identifier; of a warning made from its sender and identifier.
    pub id: String,
    /// `weather`, `festival`, or a kind of the city's own (outage, epidemic, funeral, ...).
    pub kind: String,
    /// Which warning or festival.
    #[serde(default)]
    pub event: Option<String>,
    /// The colour of a warning.
    #[serde(default)]
    pub level: Option<Colour>,
    /// Codes of the areas that it concerns (GB/T 2260); empty: everywhere.
    #[serde(default)]
    pub codes: Vec<String>,
    /// The area path that it concerns; empty: everywhere.
    #[serde(default)]
    pub area: String,
    /// The elder that it concerns; none: everybody there.
    #[serde(default)]
    pub elder: Option<ElderId>,
    /// When it begins: deadlines count from here.
    pub start: Timestamp,
    /// When it is over.
    #[serde(default)]
    pub end: Option<Timestamp>,
    /// In what words.
    #[serde(default)]
    pub words: String,
    /// How it came in.
    pub way: Way,
    /// When.
    pub taken_at: Timestamp,
    /// Who entered or sent it.
    pub by: String,
    /// How it stands.
    pub state: EventState,
    /// What amended or withdrew it.
    #[serde(default)]
    pub replaced_by: Option<String>,
}

impl ExtraEvent {
    /// As duties look at it; nothing, once another stands in its place or it was taken back.
    pub fn duty(&self) -> Option<Event> {
        (self.state == EventState::Standing).then(|| Event {
            id: self.id.clone(),
            kind: self.kind.clone(),
            event: self.event.clone(),
            level: self.level,
            start: Moment::At(self.start),
            elder: self.elder.clone(),
            area: Some(self.area.clone()).filter(|area| !area.is_empty()),
        })
    }
}

impl Record for ExtraEvent {
    const KIND: &'static str = "event";

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
        self.start
    }
    fn state(&self) -> &'static str {
        self.state.code()
    }
}
