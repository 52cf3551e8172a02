//! Weather warnings as they come in: copies, updates, cancellations, whatever their order, and the events
//! that they amount to. Only actual warnings ask for visits; what has expired when it comes asks for nothing.

use super::{Event, Moment};
use crate::Timestamp;
use crate::policy::Colour;
use std::collections::{BTreeMap, BTreeSet};

/// How many warnings are remembered; the oldest go first.
pub const WARNINGS_MAX: usize = 10_000;

/// What a message does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// A first warning.
    Alert,
    /// In the place of those it refers to.
    Update,
    /// Those it refers to are over.
    Cancel,
}

/// A message is known by its sender and identifier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WarningName {
    /// Who sent it.
    pub sender: String,
    /// Its identifier with that sender.
    pub identifier: String,
}

/// One warning.
#[derive(Debug, Clone, PartialEq)]
pub struct Warning {
    /// Which.
    pub name: WarningName,
    /// What it does.
    pub kind: MessageKind,
    /// When it was sent.
    pub sent: Timestamp,
    /// The messages it refers to.
    pub references: Vec<WarningName>,
    /// The kind of weather, by the word that policy files use.
    pub event: String,
    /// Its colour.
    pub level: Option<Colour>,
    /// The codes of the areas it concerns (GB/T 2260, longer or shorter); none: everywhere.
    pub areas: Vec<String>,
    /// When the weather begins; none: when it was sent.
    pub onset: Option<Timestamp>,
    /// When it is over.
    pub expires: Option<Timestamp>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It asks for visits.
    New,
    /// It stands in the place of these.
    Amends(Vec<WarningName>),
    /// These ask for nothing any more.
    Withdraws(Vec<WarningName>),
    /// It was taken before.
    Copy,
    /// It had expired when it came.
    Expired,
    /// A later message has already taken its place.
    Superseded,
}

/// The warnings that stand.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Warnings {
    standing: BTreeMap<WarningName, Standing>,
    superseded: BTreeSet<WarningName>,
}

#[derive(Debug, Clone, PartialEq)]
struct Standing {
    warning: Warning,
    start: Timestamp,
}

impl Warnings {
    /// Takes a message.
    pub fn take(&mut self, warning: Warning, now: Timestamp) -> Taken {
        if self.standing.contains_key(&warning.name) {
            return Taken::Copy;
        }
        if self.superseded.contains(&warning.name) {
            return Taken::Superseded;
        }
        // What is referred to stays replaced even if it comes later than this.
        let mut before = Vec::new();
        if warning.kind != MessageKind::Alert {
            for name in &warning.references {
                self.superseded.insert(name.clone());
                before.extend(self.standing.remove(name));
            }
        }
        let names: Vec<WarningName> = before.iter().map(|old| old.warning.name.clone()).collect();
        if warning.kind == MessageKind::Cancel {
            self.superseded.insert(warning.name);
            self.forget();
            return Taken::Withdraws(names);
        }
        if warning.expires.is_some_and(|expires| expires <= now) {
            self.superseded.insert(warning.name);
            self.forget();
            return Taken::Expired;
        }
        // An update does not push the deadline away, unless it says that things are worse than before.
        let own = warning.onset.unwrap_or(warning.sent);
        let start = before
            .iter()
            .filter(|old| warning.level <= old.warning.level && warning.event == old.warning.event)
            .map(|old| old.start)
            .chain(std::iter::once(own))
            .min()
            .unwrap_or(own);
        let name = warning.name.clone();
        self.standing.insert(name, Standing { warning, start });
        self.forget();
        if names.is_empty() { Taken::New } else { Taken::Amends(names) }
    }

    fn forget(&mut self) {
        while self.superseded.len() > WARNINGS_MAX {
            self.superseded.pop_first();
        }
        while self.standing.len() > WARNINGS_MAX {
            let oldest = self.standing.iter().min_by_key(|(_, standing)| standing.warning.sent);
            let Some(name) = oldest.map(|(name, _)| name.clone()) else { break };
            self.standing.remove(&name);
        }
    }

    /// The events for an area, by its code; in the order of their beginning.
    pub fn events(&self, area: &str) -> Vec<Event> {
        let concerned = |standing: &&Standing| {
            let areas = &standing.warning.areas;
            areas.is_empty() || areas.iter().any(|code| concerns(code, area))
        };
        let mut found: Vec<&Standing> = self.standing.values().filter(concerned).collect();
        found.sort_by(|a, b| (a.start, &a.warning.name).cmp(&(b.start, &b.warning.name)));
        found
            .into_iter()
            .map(|Standing { warning, start }| Event {
                id: format!("{} {}", warning.name.sender, warning.name.identifier),
                kind: "weather".to_owned(),
                event: Some(warning.event.clone()),
                level: warning.level,
                start: Moment::At(*start),
                elder: None,
                area: None,
            })
            .collect()
    }
}

/// True if a warning for area `code` concerns area `place`: one lies in the other. Codes go from large to small
/// in steps of two digits; zeros at the end stand for "all of it".
pub fn concerns(code: &str, place: &str) -> bool {
    let significant = |text: &str| -> String {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let short = digits.trim_end_matches('0');
        let whole = short.len() + short.len() % 2;
        digits.get(..whole.min(digits.len())).unwrap_or_default().to_owned()
    };
    let (code, place) = (significant(code), significant(place));
    !code.is_empty() && !place.is_empty() && (place.starts_with(&code) || code.starts_with(&place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn name(identifier: &str) -> WarningName {
        WarningName { sender: "weather".to_owned(), identifier: identifier.to_owned() }
    }

    fn warning(identifier: &str, kind: MessageKind, references: &[&str], level: Colour, sent: &str) -> Warning {
        Warning {
            name: name(identifier),
            kind,
            sent: at(sent),
            references: references.iter().map(|id| name(id)).collect(),
            event: "typhoon".to_owned(),
            level: Some(level),
            areas: vec!["350582000000".to_owned()],
            onset: None,
            expires: Some(at("2026-08-02T00:00:00Z")),
        }
    }

    const NOW: &str = "2026-08-01T00:00:00Z";

    fn starts(warnings: &Warnings) -> Vec<(String, Moment)> {
        warnings.events("350582").into_iter().map(|event| (event.id, event.start)).collect()
    }

    #[test]
    fn a_copy_asks_once() {
        let mut warnings = Warnings::default();
        let one = warning("1", MessageKind::Alert, &[], Colour::Orange, NOW);
        assert_eq!(warnings.take(one.clone(), at(NOW)), Taken::New);
        assert_eq!(warnings.take(one, at(NOW)), Taken::Copy);
        assert_eq!(warnings.events("350582").len(), 1);
    }

    #[test]
    fn an_update_amends_and_does_not_push_the_deadline_away() {
        let mut warnings = Warnings::default();
        warnings.take(warning("1", MessageKind::Alert, &[], Colour::Orange, NOW), at(NOW));
        let later = "2026-08-01T10:00:00Z";
        let same = warning("2", MessageKind::Update, &["1"], Colour::Orange, later);
        assert_eq!(warnings.take(same, at(later)), Taken::Amends(vec![name("1")]));
        assert_eq!(starts(&warnings), [("weather 2".to_owned(), Moment::At(at(NOW)))]);
        let worse = warning("3", MessageKind::Update, &["2"], Colour::Red, later);
        warnings.take(worse, at(later));
        assert_eq!(starts(&warnings), [("weather 3".to_owned(), Moment::At(at(later)))]);
    }

    #[test]
    fn a_cancellation_withdraws_even_if_it_comes_first() {
        let mut warnings = Warnings::default();
        warnings.take(warning("1", MessageKind::Alert, &[], Colour::Red, NOW), at(NOW));
        let cancel = warning("2", MessageKind::Cancel, &["1", "0"], Colour::Red, NOW);
        assert_eq!(warnings.take(cancel, at(NOW)), Taken::Withdraws(vec![name("1")]));
        assert!(warnings.events("350582").is_empty());
        let late = warning("0", MessageKind::Alert, &[], Colour::Red, NOW);
        assert_eq!(warnings.take(late, at(NOW)), Taken::Superseded);
        assert!(warnings.events("350582").is_empty());
    }

    #[test]
    fn what_has_expired_asks_for_nothing() {
        let mut warnings = Warnings::default();
        let one = warning("1", MessageKind::Alert, &[], Colour::Red, NOW);
        assert_eq!(warnings.take(one, at("2026-08-02T00:00:00Z")), Taken::Expired);
        assert!(warnings.events("350582").is_empty());
    }

    #[test]
    fn a_warning_concerns_the_areas_above_and_below_it() {
        assert!(concerns("350500000000", "350582"));
        assert!(concerns("350582", "350582104001"));
        assert!(concerns("350582104001", "350582000000"));
        assert!(concerns("35", "350582"));
        assert!(concerns("350110", "350110"));
        assert!(!concerns("350583", "350582"));
        assert!(!concerns("", "350582"));
    }
}
