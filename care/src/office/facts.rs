//! From the office's records to the facts that duties are judged by.

use super::{ElderFile, Since, category};
use crate::calendar::birthday;
use crate::person::{IdNumber, disability_card};
use crate::policy::{Ability, Few, Policy, Standing};
use crate::visit::{Dated, Elder, Suspension};
use chrono::NaiveDate;
use std::collections::BTreeSet;

impl ElderFile {
    /// Brings what follows from the other fields up to date: the card's level, the categories. Called with every change,
    /// on the day it is made: duties of the past stay as they were.
    pub fn settle(&mut self, today: NaiveDate) {
        let holder = IdNumber::parse(&self.id_number).ok();
        let valid = self.card_valid_to.is_none_or(|last| today <= last);
        let level = disability_card(&self.disability_card, holder.as_ref()).map(|card| card.level).filter(|_| valid);
        let from = if self.disability_level.is_empty() { self.enrolled_on.min(today) } else { today };
        if level.is_some() || !self.disability_level.is_empty() {
            Since::note(&mut self.disability_level, from, level);
        }
        if self.chosen_tier.is_some() || !self.chosen.is_empty() {
            let from = if self.chosen.is_empty() { self.enrolled_on.min(today) } else { today };
            Since::note(&mut self.chosen, from, self.chosen_tier.clone());
        }
        let held = category::held(self, today);
        let from = if self.categories.is_empty() { self.enrolled_on.min(today) } else { today };
        Since::note(&mut self.categories, from, held);
        if self.ability.is_empty() && let Some(last) = self.assessments.last() {
            self.ability.push(Since { from: last.on.min(today), is: last.ability });
        }
    }

    /// The ability on a day; without an assessment it is taken as whole.
    pub fn ability_on(&self, day: NaiveDate) -> Ability {
        Since::on(&self.ability, day).copied().unwrap_or(Ability::None)
    }

    /// The categories that hold on a day.
    pub fn categories_on(&self, day: NaiveDate) -> &[String] {
        Since::on(&self.categories, day).map_or(&[], Vec::as_slice)
    }

    /// The tier that follows from the facts on a day, by code (R29).
    pub fn computed_tier<'a>(&self, policy: &'a Policy, day: NaiveDate) -> Option<&'a str> {
        let standing = Standing {
            age: crate::calendar::age_on(self.born, day),
            categories: Few::of(self.categories_on(day).iter().filter_map(|code| policy.category(code))),
            ability: self.ability_on(day),
            disability_level: Since::on(&self.disability_level, day).copied().flatten(),
            numbers: &[],
        };
        policy.tier_of(&standing).and_then(|place| policy.tiers.get(place)).map(|tier| tier.code.as_str())
    }

    /// As duties look at the elder.
    pub fn facts(&self, consents: &[Said]) -> Elder {
        let steps = |history: &[Since<Ability>]| history.iter().map(|since| (since.from, since.is)).collect::<Vec<_>>();
        let mut suspensions: Vec<Suspension> = self
            .suspensions
            .iter()
            .map(|one| Suspension { reason: one.reason.clone(), from: one.from, to: one.to })
            .collect();
        if let Some(left) = self.left_on
            && !suspensions.iter().any(|one| one.to.is_none() && one.from <= left)
        {
            suspensions.push(Suspension { reason: "moved_out".into(), from: left, to: None });
        }
        Elder {
            id: self.id.clone(),
            area: Some(self.area.clone()),
            born: self.born,
            categories: if self.categories.is_empty() {
                Dated::always(self.entered.clone())
            } else {
                Dated::steps(self.categories.iter().map(|since| (since.from, since.is.clone())).collect())
            },
            ability: if self.ability.is_empty() { Dated::always(Ability::None) } else { Dated::steps(steps(&self.ability)) },
            disability_level: if self.disability_level.is_empty() {
                Dated::always(None)
            } else {
                Dated::steps(self.disability_level.iter().map(|since| (since.from, since.is)).collect())
            },
            numbers: Vec::new(),
            chosen: Dated::steps(self.chosen.iter().map(|since| (since.from, since.is.clone())).collect()),
            enrolled_on: self.enrolled_on,
            suspensions,
            consents: consents_by_day(consents, self.enrolled_on),
        }
    }

    /// The first day on which the elder is old enough.
    pub fn of_age_on(&self, policy: &Policy) -> NaiveDate {
        birthday(self.born, policy.elder_age_min)
    }
}

/// A purpose and what was said about it, by local days ([`super::Consent::days`]).
pub type Said = (String, Vec<Since<bool>>);

/// The consents that hold, day by day. None where nobody asked about anything. Before somebody was asked about
/// enrolment it counts as given: the register would not have the file otherwise.
pub fn consents_by_day(said: &[Said], enrolled_on: NaiveDate) -> Option<Dated<Vec<String>>> {
    let said: Vec<&Said> = said.iter().filter(|(_, history)| !history.is_empty()).collect();
    if said.is_empty() {
        return None;
    }
    let mut changes = BTreeSet::from([enrolled_on]);
    changes.extend(said.iter().flat_map(|(_, history)| history.iter().map(|since| since.from)));
    let on = |purpose: &str, day: NaiveDate| {
        said.iter().find(|(of, _)| of == purpose).and_then(|(_, history)| Since::on(history, day)).copied()
    };
    let steps = changes
        .into_iter()
        .map(|day| {
            let mut kinds: Vec<String> =
                said.iter().map(|(purpose, _)| purpose.clone()).filter(|purpose| on(purpose, day) == Some(true)).collect();
            if on("enrolment", day).is_none() {
                kinds.push("enrolment".to_owned());
            }
            kinds.sort();
            (day, kinds)
        })
        .collect();
    Some(Dated::steps(steps))
}
