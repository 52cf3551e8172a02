//! Facts as JSON: read, checked, each mistake with its place. Keys that are not read are named, so that a
//! misspelt one does not pass in silence.

use super::{Contact, Dated, Elder, Event, Facts, Moment, Suspension};
use crate::policy::{Ability, Colour, Mode, Outcome, PolicySet, Problem};
use crate::{ElderId, Timestamp};
use chrono::{DateTime, NaiveDate};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How many problems are named before the rest is only counted.
const PROBLEMS_MAX: usize = 100;

/// Facts that cannot be used, with what was found wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the facts are refused: {}", problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; "))]
pub struct FactsRefused {
    /// What is wrong; never empty.
    pub problems: Vec<Problem>,
}

/// Facts and what is odd about them without being wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct FactsRead {
    /// The facts.
    pub facts: Facts,
    /// Oddities for people to look at.
    pub notes: Vec<Problem>,
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// A JSON object with these keys, any of which may be missing or null, and the names of other keys.
macro_rules! record {
    ($name:ident { $($field:ident: $type:ty,)+ }) => {
        #[derive(Default)]
        struct $name {
            $($field: Option<$type>,)+
            unread: Vec<String>,
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Keys;
                impl<'de> Visitor<'de> for Keys {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut record = $name::default();
                        while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
                            match key.as_ref() {
                                $(stringify!($field) => record.$field = map.next_value()?,)+
                                _ => {
                                    record.unread.push(key.into_owned());
                                    map.next_value::<IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(record)
                    }
                }
                deserializer.deserialize_map(Keys)
            }
        }
    };
}

record!(RawFacts { as_of: String, elders: Vec<RawElder>, contacts: Vec<RawContact>, events: Vec<RawEvent>, });
record!(RawElder {
    id: String, area: String, born: Value, categories: Value, ability: Value, disability_level: Value, numbers: BTreeMap<String, Value>,
    enrolled_on: Value, suspensions: Vec<RawSuspension>, consents: Value,
});
record!(RawSuspension { reason: String, from: String, to: String, });
record!(RawContact {
    id: String, elder: String, mode: String, start: String, outcome: String, signed: bool, recorded_at: String,
    reviewed_by: String,
});
record!(RawEvent { id: String, kind: String, event: String, level: String, start: String, end: String, elder: String, });

/// Collects what is wrong while facts are read.
#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
    notes: Vec<Problem>,
    unread: BTreeMap<(&'static str, String), usize>,
    more: usize,
}

impl Check {
    fn wrong(&mut self, zh: String, en: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem::at(None, zh, en));
        } else {
            self.more += 1;
        }
    }

    fn odd(&mut self, zh: String, en: String) {
        if self.notes.len() < PROBLEMS_MAX {
            self.notes.push(Problem::at(None, zh, en));
        }
    }

    fn unread(&mut self, of: &'static str, keys: Vec<String>) {
        for key in keys {
            *self.unread.entry((of, key)).or_default() += 1;
        }
    }

    /// The value of a key that must be there.
    fn needed<T>(&mut self, place: &str, key: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.wrong(format!("{place}：缺 {key}"), format!("{place}: {key} is missing"));
        }
        value
    }

    fn day(&mut self, place: &str, key: &str, text: &str) -> Option<NaiveDate> {
        let day = text.parse().ok();
        if day.is_none() {
            self.wrong(
                format!("{place}：{key} “{text}”不是日期"),
                format!("{place}: {key} \"{text}\" is not a date such as 2026-11-30"),
            );
        }
        day
    }

    fn instant(&mut self, place: &str, key: &str, text: &str) -> Option<Timestamp> {
        let at = DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
        if at.is_none() {
            self.wrong(
                format!("{place}：{key} “{text}”不是 RFC 3339 时间"),
                format!("{place}: {key} \"{text}\" is not an RFC 3339 time such as 2026-11-03T09:30:00+08:00"),
            );
        }
        at
    }

    fn moment(&mut self, place: &str, key: &str, text: &str) -> Option<Moment> {
        match text.parse() {
            Ok(day) => Some(Moment::Day(day)),
            Err(_) => self.instant(place, key, text).map(Moment::At),
        }
    }

    fn word<T>(&mut self, place: &str, key: &str, text: &str, found: Option<T>) -> Option<T> {
        if found.is_none() {
            self.wrong(
                format!("{place}：{key} 的值“{text}”未知"),
                format!("{place}: {key} \"{text}\" is not known"),
            );
        }
        found
    }

    /// A plain value, or a list of `{from, is}`.
    fn dated<T>(&mut self, place: &str, key: &str, value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Dated<T>> {
        let refuse = |check: &mut Self| {
            check.wrong(format!("{place}：{key} 的值无法解读"), format!("{place}: {key} cannot be read"));
            None
        };
        let steps = value.as_array().filter(|list| list.iter().any(Value::is_object));
        let Some(steps) = steps else {
            return match read(value) {
                Some(value) => Some(Dated::always(value)),
                None => refuse(self),
            };
        };
        let mut read_steps = Vec::new();
        for step in steps {
            let from = step.get("from").and_then(Value::as_str).and_then(|from| from.parse().ok());
            let is = read(step.get("is").unwrap_or(&Value::Null));
            match (from, is) {
                (Some(from), Some(is)) => read_steps.push((from, is)),
                _ => return refuse(self),
            }
        }
        Some(Dated::steps(read_steps))
    }

    fn elder(&mut self, at: usize, raw: RawElder) -> Option<Elder> {
        self.unread("elders", raw.unread);
        let id = self.needed(&format!("elders[{at}]"), "id", raw.id)?;
        let place = format!("elders[{at}] ({id})");
        let date = |value: &Value| value.as_str().and_then(|text| text.parse::<NaiveDate>().ok());
        let born = self.needed(&place, "born", raw.born);
        let born = born.and_then(|born| self.dated(&place, "born", &born, date));
        let enrolled = self.needed(&place, "enrolled_on", raw.enrolled_on);
        let enrolled = enrolled.and_then(|enrolled| self.dated(&place, "enrolled_on", &enrolled, date));
        let categories = raw.categories.unwrap_or(Value::Array(Vec::new()));
        let categories = self.dated(&place, "categories", &categories, words);
        let ability = raw.ability.unwrap_or(Value::Null);
        let ability = self.dated(&place, "ability", &ability, |value| {
            if value.is_null() { Some(Ability::None) } else { Ability::from_code(value.as_str()?) }
        });
        let level = raw.disability_level.unwrap_or(Value::Null);
        let level = self.dated(&place, "disability_level", &level, |value| {
            if value.is_null() {
                return Some(None);
            }
            u8::try_from(value.as_u64()?).ok().filter(|level| (1..=4).contains(level)).map(Some)
        });
        let mut numbers = Vec::new();
        for (name, value) in raw.numbers.unwrap_or_default() {
            numbers.extend(self.dated(&place, &name, &value, Value::as_f64).map(|value| (name, value)));
        }
        let mut suspensions = Vec::new();
        for (n, raw) in raw.suspensions.unwrap_or_default().into_iter().enumerate() {
            suspensions.extend(self.suspension(&format!("{place}.suspensions[{n}]"), raw));
        }
        let consents = match raw.consents {
            None => None,
            Some(value) => Some(self.dated(&place, "consents", &value, words)?),
        };
        let last = |dated: Dated<NaiveDate>| dated.changes().last().map(|(_, day)| *day);
        let (born, enrolled_on) = (last(born?)?, last(enrolled?)?);
        if enrolled_on < born {
            self.wrong(
                format!("{place}：建档日期 {enrolled_on} 早于出生日期"),
                format!("{place}: enrolled on {enrolled_on}, before the date of birth"),
            );
        }
        Some(Elder {
            id: ElderId::new(id),
            area: raw.area,
            born,
            categories: categories?,
            ability: ability?,
            disability_level: level?,
            numbers,
            chosen: Dated::steps(Vec::new()),
            enrolled_on,
            suspensions,
            consents,
        })
    }

    fn suspension(&mut self, place: &str, raw: RawSuspension) -> Option<Suspension> {
        self.unread("suspensions", raw.unread);
        let reason = self.needed(place, "reason", raw.reason);
        let from = self.needed(place, "from", raw.from);
        let from = from.and_then(|from| self.day(place, "from", &from))?;
        let to = match raw.to {
            None => None,
            Some(to) => Some(self.day(place, "to", &to)?),
        };
        if let Some(to) = to.filter(|to| *to < from) {
            self.wrong(format!("{place}：to {to} 早于 from {from}"), format!("{place}: to {to} is before from {from}"));
        }
        Some(Suspension { reason: reason?, from, to })
    }

    fn contact(&mut self, at: usize, raw: RawContact) -> Option<Contact> {
        self.unread("contacts", raw.unread);
        let id = match raw.id {
            Some(id) => id,
            None => self.needed(&format!("contacts[{at}]"), "id", None::<String>)?,
        };
        let place = || format!("contacts[{at}] ({id})");
        let (Some(elder), Some(mode), Some(start)) = (raw.elder, raw.mode, raw.start) else {
            self.wrong(
                format!("{}：须有 elder、mode、start", place()),
                format!("{}: elder, mode and start are needed", place()),
            );
            return None;
        };
        let mode = match Mode::from_code(&mode) {
            Some(mode) => mode,
            None => self.word(&place(), "mode", &mode, None)?,
        };
        let outcome = match (raw.outcome, mode) {
            (Some(outcome), _) => match Outcome::from_code(&outcome) {
                Some(outcome) => outcome,
                None => self.word(&place(), "outcome", &outcome, None)?,
            },
            (None, Mode::Remote) => Outcome::Met,
            (None, _) => self.needed(&place(), "outcome", None)?,
        };
        let start = match DateTime::parse_from_rfc3339(&start) {
            Ok(start) => start.to_utc(),
            Err(_) => self.instant(&place(), "start", &start)?,
        };
        let recorded_at = match raw.recorded_at {
            None => None,
            Some(at) => match DateTime::parse_from_rfc3339(&at) {
                Ok(at) => Some(Moment::At(at.to_utc())),
                Err(_) => Some(self.moment(&place(), "recorded_at", &at)?),
            },
        };
        Some(Contact {
            id,
            elder: ElderId::new(elder),
            mode,
            start,
            outcome,
            signed: raw.signed.unwrap_or(false),
            reviewed: raw.reviewed_by.is_some_and(|by| !by.trim().is_empty()),
            recorded_at,
        })
    }

    fn event(&mut self, at: usize, raw: RawEvent) -> Option<Event> {
        self.unread("events", raw.unread);
        let id = raw.id.unwrap_or_else(|| format!("event-{at}"));
        let place = format!("events[{at}] ({id})");
        let kind = self.needed(&place, "kind", raw.kind);
        let start = self.needed(&place, "start", raw.start);
        let start = start.and_then(|start| self.moment(&place, "start", &start));
        let level = match raw.level {
            None => None,
            Some(level) => Some(self.word(&place, "level", &level, colour(&level))?),
        };
        if let Some(end) = raw.end {
            self.moment(&place, "end", &end)?;
        }
        Some(Event { id, kind: kind?, event: raw.event, level, start: start?, elder: raw.elder.map(ElderId::new), area: None })
    }

    fn once(&mut self, facts: &mut Facts) {
        let mut elders = BTreeSet::new();
        for elder in &facts.elders {
            if !elders.insert(&elder.id) {
                let id = &elder.id;
                self.wrong(format!("老人 {id} 重复"), format!("elder {id} stands twice"));
            }
        }
        let mut order: Vec<usize> = (0..facts.contacts.len()).collect();
        order.sort_by_key(|at| facts.contacts.get(*at).map(|contact| contact.id.as_str()));
        let mut copies = BTreeSet::new();
        for (a, b) in order.iter().zip(order.iter().skip(1)) {
            let (Some(first), Some(second)) = (facts.contacts.get(*a), facts.contacts.get(*b)) else { continue };
            if first.id != second.id {
                continue;
            }
            let id = &first.id;
            if first == second {
                copies.insert(*b);
                self.odd(format!("探访 {id} 有相同的副本，只计一次"), format!("contact {id} has a copy: counted once"));
            } else {
                self.wrong(
                    format!("探访 {id} 有两条不同的记录"),
                    format!("contact {id} stands twice with different content"),
                );
            }
        }
        for contact in &facts.contacts {
            if !elders.contains(&contact.elder) {
                let (id, elder) = (&contact.id, &contact.elder);
                self.wrong(
                    format!("探访 {id} 的老人 {elder} 不在名册中"),
                    format!("contact {id} names elder {elder}, who is not among the elders"),
                );
            }
        }
        for event in &facts.events {
            if let Some(elder) = event.elder.as_ref().filter(|elder| !elders.contains(elder)) {
                let id = &event.id;
                self.wrong(
                    format!("事件 {id} 的老人 {elder} 不在名册中"),
                    format!("event {id} names elder {elder}, who is not among the elders"),
                );
            }
        }
        let mut at = 0;
        facts.contacts.retain(|_| {
            at += 1;
            !copies.contains(&(at - 1))
        });
    }
}

/// A list of words, or one word.
fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::String(word) => Some(vec![word.clone()]),
        Value::Array(list) => list.iter().map(|word| word.as_str().map(str::to_owned)).collect(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// A colour by its code or its Chinese name, with or without 色.
fn colour(text: &str) -> Option<Colour> {
    let text = text.trim().to_ascii_lowercase();
    let chinese = |colour: &&Colour| colour.zh() == text || colour.zh().trim_end_matches('色') == text;
    Colour::from_code(&text).or_else(|| Colour::ALL.iter().find(chinese).copied())
}

impl Facts {
    /// What in the facts a policy does not know or would judge otherwise than one might expect: for people to
    /// look at, each kind once.
    pub fn notes_for(&self, set: &PolicySet) -> Vec<Problem> {
        let mut seen = BTreeSet::new();
        for elder in &self.elders {
            for (_, codes) in elder.categories.changes() {
                for code in codes.iter().filter(|code| set.versions().iter().all(|p| p.category(code).is_none())) {
                    seen.insert((
                        format!("政策中没有类别 {code}：不计"),
                        format!("the policy has no category {code}: it has no effect"),
                    ));
                }
            }
            for suspension in &elder.suspensions {
                let reason = &suspension.reason;
                if set.versions().iter().all(|policy| !policy.suspend.reasons.contains(reason)) {
                    seen.insert((
                        format!("政策中没有暂停事由 {reason}：不因此免访"),
                        format!("the policy has no suspension reason {reason}: it exempts from nothing"),
                    ));
                }
            }
        }
        for event in &self.events {
            if event.kind == "weather" && event.level.is_none() {
                let id = &event.id;
                seen.insert((
                    format!("事件 {id} 没有颜色：达不到任何颜色门槛"),
                    format!("event {id} has no colour: it reaches no threshold"),
                ));
            }
        }
        seen.into_iter().take(PROBLEMS_MAX).map(|(zh, en)| Problem::at(None, zh, en)).collect()
    }

    /// Reads facts.
    ///
    /// # Errors
    /// [`FactsRefused`] with the mistakes found.
    pub fn read(json: &str) -> Result<FactsRead, FactsRefused> {
        let mut check = Check::default();
        let raw: RawFacts = match serde_json::from_str(json.trim_start_matches('\u{feff}')) {
            Ok(raw) => raw,
            Err(error) => {
                check.wrong(format!("不是可读的 JSON：{error}"), format!("not readable as JSON: {error}"));
                return Err(FactsRefused { problems: check.problems });
            }
        };
        check.unread("facts", raw.unread);
        let mut facts = Facts::default();
        if let Some(as_of) = raw.as_of {
            facts.as_of = check.day("facts", "as_of", &as_of);
        }
        if raw.elders.is_none() {
            check.needed("facts", "elders", None::<()>);
        }
        for (at, raw) in raw.elders.unwrap_or_default().into_iter().enumerate() {
            facts.elders.extend(check.elder(at, raw));
        }
        for (at, raw) in raw.contacts.unwrap_or_default().into_iter().enumerate() {
            facts.contacts.extend(check.contact(at, raw));
        }
        for (at, raw) in raw.events.unwrap_or_default().into_iter().enumerate() {
            facts.events.extend(check.event(at, raw));
        }
        if check.problems.is_empty() {
            check.once(&mut facts);
        }
        let unread = std::mem::take(&mut check.unread);
        for ((of, key), times) in unread {
            check.odd(
                format!("{of} 的键 {key} 不读取（{times} 次）"),
                format!("the key {key} of {of} is not read ({times} times)"),
            );
        }
        if check.more > 0 {
            let more = check.more;
            check.problems.push(Problem::at(None, format!("另有 {more} 处"), format!("and {more} more")));
        }
        if check.problems.is_empty() {
            Ok(FactsRead { facts, notes: check.notes })
        } else {
            Err(FactsRefused { problems: check.problems })
        }
    }
}
