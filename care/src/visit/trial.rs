//! A month judged by a policy that is not in force, beside the one that is: who changes state.

use super::{Facts, Owed, evaluate};
use crate::calendar::Month;
use crate::policy::PolicySet;
use crate::ElderId;
use chrono::NaiveDate;
use std::collections::BTreeSet;

/// An elder as a policy sees them in a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stands {
    /// Who.
    pub elder: ElderId,
    /// The tier.
    pub tier: Option<String>,
    /// What is owed in the windows that begin in the month, in words to compare: duty, window, state.
    pub owed: BTreeSet<String>,
}

/// An elder who stands otherwise by the policy that is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Who.
    pub elder: ElderId,
    /// The tier before; none where nothing is compared, or in no tier.
    pub from: Option<String>,
    /// The tier by the one that is tried.
    pub to: Option<String>,
    /// What would not be owed, or not like this.
    pub gone: Vec<String>,
    /// What would be owed.
    pub new: Vec<String>,
}

/// How each elder stands in a month, known at the end of a day.
pub fn standing(set: &PolicySet, facts: &Facts, month: Month, as_of: NaiveDate) -> Vec<Stands> {
    let line = |owed: &Owed<'_>| format!("{} {}..{} {}", owed.duty.id(), owed.window.first, owed.window.last, owed.state.code());
    evaluate(set, facts, as_of)
        .iter()
        .map(|elder| Stands {
            elder: elder.elder.id.clone(),
            tier: elder.tier.map(str::to_owned),
            owed: elder.owed.iter().filter(|owed| month.window().contains(owed.window.first)).map(line).collect(),
        })
        .collect()
}

/// Who stands otherwise. Both are of the same facts, elder by elder.
pub fn moved(before: &[Stands], after: &[Stands]) -> Vec<Moved> {
    let differs = before.iter().zip(after).filter(|(old, new)| old != new);
    differs
        .map(|(old, new)| Moved {
            elder: new.elder.clone(),
            from: old.tier.clone(),
            to: new.tier.clone(),
            gone: old.owed.difference(&new.owed).cloned().collect(),
            new: new.owed.difference(&old.owed).cloned().collect(),
        })
        .collect()
}
