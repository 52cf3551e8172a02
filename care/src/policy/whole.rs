//! Checks that need the whole policy: tiers that nobody can be in, windows cut by the effective date,
//! readings that the rules contradict, quotes that the document does not have.

use super::check::Check;
use super::file;
use super::words::{Ability, Few};
use super::{FirstWindow, Policy, Standing};
use crate::calendar::{WindowKind, plus_days};
use chrono::{Datelike, NaiveDate};
use std::collections::BTreeSet;
use std::ops::Range;

impl Check<'_> {
    /// A tier that nobody can be in is a mistake: tries every elder that the conditions can tell apart.
    pub(super) fn reachable(&mut self, policy: &Policy, raw: &[file::Tier]) {
        let conditions = || policy.tiers.iter().flat_map(|tier| &tier.any);
        let mut ages = BTreeSet::from([policy.elder_age_min, 120]);
        let mut numbers: Vec<(String, f64)> = vec![(String::new(), 0.0)];
        for condition in conditions() {
            ages.extend(condition.age_min.into_iter().flat_map(|age| [age - 1, age]));
            ages.extend(condition.age_max.into_iter().flat_map(|age| [age, age + 1]));
            if let Some(number) = &condition.number {
                for bound in number.at_least.into_iter().chain(number.at_most) {
                    numbers.extend([-1.0, 0.0, 1.0].map(|step| (number.name.clone(), bound + step)));
                }
            }
        }
        let alone = (0..policy.categories.len()).map(|place| Few::of([place]));
        let mut reached = Few::default();
        for categories in std::iter::once(Few::default()).chain(alone) {
            for (age, ability) in ages.iter().flat_map(|age| Ability::ALL.iter().map(move |ability| (*age, *ability))) {
                for disability_level in [None, Some(1), Some(2), Some(3), Some(4)] {
                    for number in &numbers {
                        let numbers = std::slice::from_ref(number);
                        let standing = Standing { age, categories, ability, disability_level, numbers };
                        if let Some(tier) = policy.tier_of(&standing) {
                            reached.insert(tier);
                        }
                    }
                }
            }
        }
        for (place, tier) in raw.iter().enumerate() {
            let code = tier.code.get_ref();
            if !reached.has(place) {
                self.wrong(
                    tier.code.span(),
                    format!("没有人能归入分级 {code}（条件已被前面的分级用尽或不可能成立）"),
                    format!("nobody can be in tier \"{code}\": earlier tiers take them all, or its conditions cannot hold"),
                );
            } else if !policy.obligations.iter().any(|duty| duty.tiers.has(place)) {
                self.odd(
                    tier.code.span(),
                    format!("分级 {code} 没有任何义务"),
                    format!("nothing is owed to tier \"{code}\""),
                );
            }
        }
    }

    /// A version that begins within a window leaves that window to the version before it.
    pub(super) fn whole_windows(&mut self, policy: &Policy, span: Range<usize>) {
        let day = policy.effective_from;
        let cut: Vec<&str> = policy
            .obligations
            .iter()
            .filter(|duty| !matches!(duty.window, WindowKind::Rolling { .. }))
            .filter(|duty| duty.window.containing(day, day).first != day)
            .map(|duty| duty.id.as_str())
            .collect();
        if !cut.is_empty() {
            let (ids, month) = (cut.join(", "), day.month());
            self.odd(
                span,
                format!("生效日 {day} 在 {ids} 的周期之中：该周期不由本版本评判（{month} 月请留意）"),
                format!("{day} lies within a window of {ids}: that window is not judged by this version"),
            );
        }
    }

    /// A reading that says one thing while the rules do another.
    pub(super) fn readings(&mut self, policy: &Policy, raw: &[file::Interpretation]) {
        let first_window = match policy.suspend.first_window {
            FirstWindow::DueIfRemaining { .. } => "due_if_half_remains",
            FirstWindow::Due => "due",
            FirstWindow::Grace => "grace",
        };
        let days: Vec<String> = policy.risk.follow_up.iter().map(|follow| follow.due_days.to_string()).collect();
        let says = |id: &str| match id {
            "I-01" => Some(policy.elder_age_min.to_string()),
            "I-08" => Some(policy.consent.on_refusal.code().to_owned()),
            "I-09" => Some(first_window.to_owned()),
            "I-10" => Some(days.join("_")),
            _ => None,
        };
        for reading in raw {
            let (id, chosen) = (reading.id.get_ref(), reading.chosen.get_ref());
            if let Some(rule) = says(id).filter(|rule| rule != chosen && reading.options.contains(rule)) {
                self.odd(
                    reading.chosen.span(),
                    format!("{id} 所选为 {chosen}，而规则写的是 {rule}：以规则为准"),
                    format!("{id} chooses \"{chosen}\", but the rules say \"{rule}\": the rules count"),
                );
            }
        }
    }
}

/// The quotes (`basis` of obligations and extras, and of readings) that do not stand in the text of the
/// document. Blanks and the width of punctuation do not matter; `…` stands for words left out; a quote in
/// brackets is not one.
pub fn unreadable_quotes<'a>(policy: &'a Policy, document: &str) -> Vec<(&'a str, &'a str)> {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).collect()
    };
    let document = plain(document);
    let duties = policy.obligations.iter().map(|duty| (duty.id.as_str(), duty.basis.as_deref()));
    let extras = policy.extras.iter().map(|extra| (extra.id.as_str(), extra.basis.as_deref()));
    let readings = policy.interpretations.iter().map(|reading| (reading.id.as_str(), Some(reading.quote.as_str())));
    let ledger = std::iter::once(("ledger", policy.ledger.basis.as_deref()));
    duties
        .chain(extras)
        .chain(ledger)
        .chain(readings)
        .filter_map(|(id, quote)| quote.map(|quote| (id, quote)))
        .filter(|(_, quote)| !quote.starts_with(['(', '（']))
        .filter(|(_, quote)| {
            let mut rest = document.as_str();
            !quote.split(['…', '/']).map(plain).filter(|part| !part.is_empty()).all(|part| match rest.split_once(&part) {
                Some((_, after)) => {
                    rest = after;
                    true
                }
                None => false,
            })
        })
        .collect()
}

/// The day on which an entry of the register is due for review again.
pub fn review_due(reviewed: NaiveDate, every_months: u32) -> NaiveDate {
    reviewed.checked_add_months(chrono::Months::new(every_months)).unwrap_or_else(|| plus_days(reviewed, 180))
}
