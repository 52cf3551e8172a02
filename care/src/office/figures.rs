//! What the departments of Annex 3 get of a month: work done by kinds of visitors and providers, hours of volunteers and
//! students, hazards and incidents by town, categories, referrals, dependent elders with help. Figures only: no names of elders.

use super::matter::{Department, HazardState, ReferralState};
use super::visitor::VisitorKind;
use super::{ElderFile, Hazard, Incident, Referral, Visit, Visitor, category};
use crate::PersonId;
use crate::calendar::{Month, local_day};
use crate::policy::{Ability, Mode};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Work that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Work {
    /// Visits signed.
    pub visits: u32,
    /// Of these, visits that counted for a duty.
    pub counted: u32,
    /// Minutes spent.
    pub minutes: u32,
    /// What the counted ones cost by contract, in 分.
    pub cents: u64,
}

impl Work {
    fn add(&mut self, minutes: u32, counted: bool, cents: u64) {
        self.visits += 1;
        self.counted += u32::from(counted);
        self.minutes += minutes;
        self.cents += if counted { cents } else { 0 };
    }
}

/// Found and settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Matters {
    /// Hazards found in the month.
    pub hazards: u32,
    /// Of these, removed and looked at again.
    pub hazards_settled: u32,
    /// Incidents found in the month.
    pub incidents: u32,
    /// Of these, grave ones.
    pub grave: u32,
    /// Of these, closed.
    pub closed: u32,
}

/// Referrals to a department.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Referred {
    /// Sent in the month.
    pub sent: u32,
    /// Of these, accepted or done.
    pub taken: u32,
    /// Of these, done.
    pub done: u32,
    /// Of these, returned.
    pub returned: u32,
}

/// Dependent elders and how many of them have help (R3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Dependents {
    /// Elders of this ability.
    pub elders: u32,
    /// Of these, with a measure of help that goes on.
    pub helped: u32,
}

/// The figures of a month.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// By kind of visitor.
    pub kinds: BTreeMap<String, Work>,
    /// By provider (服务力量所在单位).
    pub providers: BTreeMap<String, Work>,
    /// Hours of volunteers and students, by person: for certificates.
    pub volunteers: BTreeMap<PersonId, Work>,
    /// Hazards and incidents by town.
    pub towns: BTreeMap<String, Matters>,
    /// Hazards that property staff reported, by town.
    pub property: BTreeMap<String, u32>,
    /// Elders in the register by category.
    pub categories: BTreeMap<String, u32>,
    /// 留守 elders by town.
    pub left_behind: BTreeMap<String, u32>,
    /// Dependent elders by ability.
    pub dependents: BTreeMap<String, Dependents>,
    /// Referrals by department.
    pub referrals: BTreeMap<String, Referred>,
    /// Disability cards that end within 60 days of the month's end, or have ended.
    pub cards_ending: u32,
}

/// What the figures are made of.
#[derive(Debug, Default)]
pub struct Made<'a> {
    /// The elders in the register.
    pub elders: Vec<&'a ElderFile>,
    /// The visitors.
    pub visitors: Vec<&'a Visitor>,
    /// The visits of the month.
    pub visits: Vec<&'a Visit>,
    /// The visits that counted for a duty, by identifier.
    pub counted: BTreeSet<&'a str>,
    /// Hazards found in the month.
    pub hazards: Vec<&'a Hazard>,
    /// Incidents found in the month.
    pub incidents: Vec<&'a Incident>,
    /// Referrals sent in the month.
    pub referrals: Vec<&'a Referral>,
}

impl Figures {
    /// Sums up a month.
    pub fn new(month: Month, made: &Made<'_>, zone: Tz) -> Self {
        let mut figures = Self::default();
        let visitors: BTreeMap<&PersonId, &Visitor> = made.visitors.iter().map(|visitor| (&visitor.id, *visitor)).collect();
        let inside = |at| month.window().contains(local_day(at, zone));
        for visit in made.visits.iter().filter(|visit| visit.signed_at.is_some() && visit.mode != Mode::Remote && inside(visit.start)) {
            let minutes = visit.end.map_or(0, |end| u32::try_from((end - visit.start).num_minutes().max(0)).unwrap_or(0));
            let counted = made.counted.contains(visit.id.as_str());
            let visitor = visitors.get(&visit.visitor);
            let contract = visitor.and_then(|visitor| visitor.contract.as_ref());
            let cents = u64::from(contract.and_then(|contract| contract.cents_a_visit).unwrap_or(0));
            let kind = visitor.map_or(VisitorKind::Other, |visitor| visitor.kind);
            let provider = if visit.organisation.is_empty() { visitor.map_or("", |visitor| visitor.organisation.as_str()) } else { &visit.organisation };
            figures.kinds.entry(kind.code().to_owned()).or_default().add(minutes, counted, cents);
            figures.providers.entry(provider.to_owned()).or_default().add(minutes, counted, cents);
            if matches!(kind, VisitorKind::Volunteers | VisitorKind::Student | VisitorKind::OldFriends) {
                figures.volunteers.entry(visit.visitor.clone()).or_default().add(minutes, counted, 0);
            }
        }
        for hazard in made.hazards.iter().filter(|hazard| inside(hazard.found_at)) {
            let town = category::town(&hazard.area).to_owned();
            let of = figures.towns.entry(town.clone()).or_default();
            of.hazards += 1;
            of.hazards_settled += u32::from(hazard.state == HazardState::Checked);
            if visitors.get(&hazard.found_by).is_some_and(|visitor| visitor.kind == VisitorKind::Property) {
                *figures.property.entry(town).or_default() += 1;
            }
        }
        for incident in made.incidents.iter().filter(|incident| inside(incident.found_at)) {
            let of = figures.towns.entry(category::town(&incident.area).to_owned()).or_default();
            of.incidents += 1;
            of.grave += u32::from(incident.grave);
            of.closed += u32::from(incident.closed.is_some());
        }
        for referral in made.referrals.iter().filter(|referral| inside(referral.sent_at)) {
            let of = figures.referrals.entry(referral.to.code().to_owned()).or_default();
            of.sent += 1;
            of.taken += u32::from(matches!(referral.state, ReferralState::Accepted | ReferralState::Done));
            of.done += u32::from(referral.state == ReferralState::Done);
            of.returned += u32::from(referral.state == ReferralState::Returned);
        }
        let last = month.last();
        for elder in made.elders.iter().filter(|elder| elder.left_on.is_none_or(|left| left > last) && elder.enrolled_on <= last) {
            for code in elder.categories_on(last) {
                *figures.categories.entry(code.clone()).or_default() += 1;
                if code == category::LEFT_BEHIND {
                    *figures.left_behind.entry(category::town(&elder.area).to_owned()).or_default() += 1;
                }
            }
            let ability = elder.ability_on(last);
            if ability > Ability::None {
                let of = figures.dependents.entry(ability.code().to_owned()).or_default();
                of.elders += 1;
                let goes_on = |help: &super::elder::Help| !help.measures.trim().is_empty() && help.until.is_none_or(|until| until >= month.first());
                of.helped += u32::from(elder.help.iter().any(goes_on));
            }
            let ending = elder.card_valid_to.filter(|_| !elder.disability_card.is_empty());
            figures.cards_ending += u32::from(ending.is_some_and(|day| day <= crate::calendar::plus_days(last, 60)));
        }
        figures
    }

    /// The part that a department gets: what Annex 3 makes its business, and its own referrals.
    #[must_use]
    pub fn of(&self, department: Department) -> Self {
        use VisitorKind as K;
        let kinds = |kinds: &[K]| {
            let mine = |code: &String| kinds.iter().any(|kind| kind.code() == code);
            self.kinds.iter().filter(|(code, _)| mine(code)).map(|(code, work)| (code.clone(), *work)).collect()
        };
        let mut part = Self::default();
        if let Some(own) = self.referrals.get(department.code()) {
            part.referrals.insert(department.code().to_owned(), *own);
        }
        match department {
            Department::JointMeeting => return Self { volunteers: BTreeMap::new(), ..self.clone() },
            Department::CivilAffairs => return self.clone(),
            Department::PoliticalLegal => part.towns.clone_from(&self.towns),
            Department::Civilization => {
                part.kinds = kinds(&[K::Volunteers, K::Student, K::OldFriends]);
                part.volunteers.clone_from(&self.volunteers);
            }
            Department::Education => {
                part.kinds = kinds(&[K::Student]);
                part.volunteers.clone_from(&self.volunteers);
            }
            Department::Finance => {
                part.kinds.clone_from(&self.kinds);
                part.providers.clone_from(&self.providers);
            }
            Department::Housing => {
                part.kinds = kinds(&[K::Property]);
                part.property.clone_from(&self.property);
            }
            Department::Agriculture => part.left_behind.clone_from(&self.left_behind),
            Department::Health => {
                part.kinds = kinds(&[K::FamilyDoctor]);
                part.dependents.clone_from(&self.dependents);
            }
            Department::Disabled => part.cards_ending = self.cards_ending,
            Department::Provider => {}
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_department_gets_its_own_part_and_nothing_else() {
        let zone = chrono_tz::Asia::Shanghai;
        let visitor: Visitor = serde_json::from_value(serde_json::json!({
            "id": "s1", "name": "学生", "kind": "student", "organisation": "一中", "area": "c", "since": "2026-01-01",
            "contract": { "number": "1", "from": "2026-01-01", "cents_a_visit": 2500 },
        }))
        .unwrap();
        let visit = |id: &str, start: &str| -> Visit {
            serde_json::from_value(serde_json::json!({
                "id": id, "elder": "e", "home": "h", "area": "c/a/v", "visitor": "s1", "mode": "home", "origin": "regular", "start": start,
                "end": start.parse::<crate::Timestamp>().unwrap() + crate::TimeDelta::minutes(30), "outcome": "met", "recorded_at": start,
                "recorded_by": "s1", "signed_at": start,
            }))
            .unwrap()
        };
        let visits = [visit("1", "2026-11-01T01:00:00Z"), visit("2", "2026-11-30T15:00:00Z"), visit("3", "2026-11-30T16:00:00Z")];
        let elder: ElderFile = serde_json::from_value(serde_json::json!({
            "id": "e", "home": "h", "area": "c/a/v", "filed_on": "2026-01-01", "enrolled_on": "2026-01-01", "name": "陈", "born": "1940-01-01",
            "ability": [{ "from": "2026-01-01", "is": "severe" }], "categories": [{ "from": "2026-01-01", "is": ["left_behind", "care_dependent"] }],
            "help": [{ "by": ["village"], "responsible": "王", "measures": "送餐" }],
        }))
        .unwrap();
        let referral: Referral = serde_json::from_value(serde_json::json!({
            "id": "r", "elder": "e", "home": "h", "area": "c/a/v", "to": "housing", "words": "修", "sent_at": "2026-11-05T00:00:00Z", "sent_by": "g", "state": "done",
        }))
        .unwrap();
        let made = Made {
            elders: vec![&elder],
            visitors: vec![&visitor],
            visits: visits.iter().collect(),
            counted: BTreeSet::from(["1"]),
            referrals: vec![&referral],
            ..Made::default()
        };
        let figures = Figures::new("2026-11".parse().unwrap(), &made, zone);
        let work = Work { visits: 2, counted: 1, minutes: 60, cents: 2500 };
        assert_eq!(figures.kinds["student"], work, "the third began in December, in local time");
        assert_eq!(figures.providers["一中"], work);
        assert_eq!(figures.dependents["severe"], Dependents { elders: 1, helped: 1 });
        assert_eq!(figures.left_behind["c/a"], 1);
        assert_eq!(figures.of(Department::Education).volunteers.len(), 1);
        let housing = figures.of(Department::Housing);
        assert_eq!((housing.referrals.len(), housing.kinds.len(), housing.left_behind.len()), (1, 0, 0));
        assert_eq!(figures.of(Department::Agriculture), Figures { left_behind: figures.left_behind.clone(), ..Figures::default() });
    }
}
