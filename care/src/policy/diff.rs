//! What changes from one version of a policy to another, in words, and whether it is stricter.

use super::show::{duty_text, extra_text, pick, show};
use super::{Condition, FirstWindow, Modes, Obligation, Policy};
use crate::Language;
use crate::calendar::WindowKind;
use std::collections::BTreeSet;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Change {
    fn new(zh: String, en: String) -> Self {
        Self { zh, en }
    }

    /// The text in a language.
    pub fn text(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }
}

/// Everything that differs from `a` to `b`; empty if only the wording of the file does.
pub fn diff(a: &Policy, b: &Policy) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut simple = |zh: &str, en: &str, was: String, is: String| {
        if was != is {
            changes.push(Change::new(format!("{zh}：{was} → {is}"), format!("{en}: {was} -> {is}")));
        }
    };
    let until = |policy: &Policy| policy.effective_to.map_or_else(|| "-".to_owned(), |to| to.to_string());
    simple("编号", "id", a.id.clone(), b.id.clone());
    simple("版本", "version", a.version.clone(), b.version.clone());
    simple("标题", "title", a.title.clone(), b.title.clone());
    simple("文号", "document", a.document.clone().unwrap_or_default(), b.document.clone().unwrap_or_default());
    simple("生效日", "effective from", a.effective_from.to_string(), b.effective_from.to_string());
    simple("失效日", "effective to", until(a), until(b));
    simple("时区", "time zone", a.zone.name().to_owned(), b.zone.name().to_owned());
    simple("最低年龄", "lowest age", a.elder_age_min.to_string(), b.elder_age_min.to_string());
    simple(
        "台账复核（月）",
        "review (months)",
        a.ledger.review_every_months.to_string(),
        b.ledger.review_every_months.to_string(),
    );
    simple("拒绝服务", "refusal", a.consent.on_refusal.code().to_owned(), b.consent.on_refusal.code().to_owned());
    simple("首期规则", "first window", first_window(a.suspend.first_window), first_window(b.suspend.first_window));
    simple("暂停事由", "suspensions", a.suspend.reasons.join(", "), b.suspend.reasons.join(", "));
    for zh_en in lines_apart(a, b) {
        changes.push(zh_en);
    }
    duties(a, b, &mut changes);
    changes
}

fn first_window(rule: FirstWindow) -> String {
    match rule {
        FirstWindow::DueIfRemaining { pct } => format!("{pct} %"),
        FirstWindow::Due => "due".to_owned(),
        FirstWindow::Grace => "grace".to_owned(),
    }
}

/// The parts whose plain words differ: categories, tiers, counting, readings.
fn lines_apart(a: &Policy, b: &Policy) -> Vec<Change> {
    let mut changes = Vec::new();
    if tiers(a) != tiers(b) || a.categories != b.categories {
        for (gone, policy, other) in [(true, a, b), (false, b, a)] {
            let there: BTreeSet<String> = who_lines(other, Language::Zh).into_iter().collect();
            let pairs = who_lines(policy, Language::Zh).into_iter().zip(who_lines(policy, Language::En));
            for (zh, en) in pairs.filter(|(zh, _)| !there.contains(zh)) {
                let (zh_sign, en_sign) = if gone { ("对象删去", "who, gone") } else { ("对象新增", "who, new") };
                changes.push(Change::new(format!("{zh_sign}：{}", zh.trim()), format!("{en_sign}: {}", en.trim())));
            }
        }
    }
    if a.counts != b.counts {
        let (was, is) = (section(a, 4, Language::Zh), section(b, 4, Language::Zh));
        let (was_en, is_en) = (section(a, 4, Language::En), section(b, 4, Language::En));
        for ((was, is), (was_en, is_en)) in was.iter().zip(&is).zip(was_en.iter().zip(&is_en)) {
            if was != is {
                changes.push(Change::new(format!("计次：{was} → {is}"), format!("counting: {was_en} -> {is_en}")));
            }
        }
    }
    for reading in &b.interpretations {
        let before = a.interpretations.iter().find(|other| other.id == reading.id);
        match before {
            None => changes.push(Change::new(
                format!("理解新增 {}：{}", reading.id, reading.chosen),
                format!("reading, new: {}: {}", reading.id, reading.chosen),
            )),
            Some(before) if before.chosen != reading.chosen => changes.push(Change::new(
                format!("理解 {}：{} → {}", reading.id, before.chosen, reading.chosen),
                format!("reading {}: {} -> {}", reading.id, before.chosen, reading.chosen),
            )),
            Some(before) if !before.confirmed() && reading.confirmed() => changes.push(Change::new(
                format!("理解 {} 已由{}确认", reading.id, reading.decided_by),
                format!("reading {} is now confirmed by {}", reading.id, reading.decided_by),
            )),
            Some(_) => {}
        }
    }
    for reading in a.interpretations.iter().filter(|r| !b.interpretations.iter().any(|other| other.id == r.id)) {
        changes.push(Change::new(format!("理解删去 {}", reading.id), format!("reading, gone: {}", reading.id)));
    }
    changes
}

/// A tier's code and its conditions, each with the code of its category.
type NamedTier<'a> = (&'a str, Vec<(Option<&'a str>, Condition)>);

/// The tiers with their conditions by name, so that a new category in the list changes nothing by itself.
fn tiers(policy: &Policy) -> Vec<NamedTier<'_>> {
    let named = |condition: &Condition| {
        let code = condition.category.and_then(|place| policy.categories.get(place)).map(|c| c.code.as_str());
        (code, Condition { category: None, ..condition.clone() })
    };
    policy.tiers.iter().map(|tier| (tier.code.as_str(), tier.any.iter().map(named).collect())).collect()
}

/// The lines of the part on who is meant, each condition with its tier.
fn who_lines(policy: &Policy, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tier = String::new();
    for line in section(policy, 1, language) {
        match line.trim_start().strip_prefix("- ") {
            Some(condition) => lines.push(format!("{tier} {condition}")),
            None if line.trim_start().starts_with('·') => lines.push(line.trim_start_matches([' ', '·']).to_owned()),
            None => tier = line.trim().split(['：', ':']).next().unwrap_or_default().to_owned() + &pick(language, "：".to_owned(), ":".to_owned()),
        }
    }
    lines
}

/// The lines of the n-th part of the plain words.
fn section(policy: &Policy, n: usize, language: Language) -> Vec<String> {
    let text = show(policy, language);
    let part = text.split("\n\n").nth(n).unwrap_or_default().to_owned();
    part.lines().skip(1).map(str::to_owned).collect()
}

fn duties(a: &Policy, b: &Policy, changes: &mut Vec<Change>) {
    for was in &a.obligations {
        match b.obligations.iter().find(|is| is.id == was.id) {
            None => changes.push(Change::new(
                format!("义务删去（放宽）：{}", duty_text(a, was, Language::Zh)),
                format!("obligation gone (looser): {}", duty_text(a, was, Language::En)),
            )),
            Some(is) => {
                let same_words = duty_text(a, was, Language::Zh) == duty_text(b, is, Language::Zh);
                if !same_words || was.target_pct != is.target_pct || was.warn_gap_days != is.warn_gap_days {
                    let (zh, en) = strictness(was, is);
                    changes.push(Change::new(
                        format!("义务变更{zh}：{} → {}", duty_text(a, was, Language::Zh), duty_text(b, is, Language::Zh)),
                        format!("obligation changed{en}: {} -> {}", duty_text(a, was, Language::En), duty_text(b, is, Language::En)),
                    ));
                }
                if was.basis != is.basis {
                    let (was, is) = (was.basis.as_deref().unwrap_or("-"), is.basis.as_deref().unwrap_or("-"));
                    changes.push(Change::new(format!("引文：{was} → {is}"), format!("basis: {was} -> {is}")));
                }
            }
        }
    }
    for is in b.obligations.iter().filter(|is| !a.obligations.iter().any(|was| was.id == is.id)) {
        changes.push(Change::new(
            format!("义务新增（从严）：{}", duty_text(b, is, Language::Zh)),
            format!("obligation new (stricter): {}", duty_text(b, is, Language::En)),
        ));
    }
    let extras = |policy: &Policy, l: Language| -> Vec<String> {
        policy.extras.iter().map(|extra| extra_text(policy, extra, l)).collect()
    };
    for (sign_zh, sign_en, from, other) in [("加访删去", "extra gone", a, b), ("加访新增", "extra new", b, a)] {
        let there = extras(other, Language::Zh);
        for (zh, en) in extras(from, Language::Zh).into_iter().zip(extras(from, Language::En)) {
            if !there.contains(&zh) {
                changes.push(Change::new(format!("{sign_zh}：{zh}"), format!("{sign_en}: {en}")));
            }
        }
    }
}

/// The longest a window can be, days.
fn longest(window: WindowKind) -> i64 {
    match window {
        WindowKind::Day => 1,
        WindowKind::Week => 7,
        WindowKind::HalfMonth => 16,
        WindowKind::Month => 31,
        WindowKind::Quarter => 92,
        WindowKind::Rolling { days } => i64::from(days),
    }
}

fn is_subset(a: Modes, b: Modes) -> bool {
    a.iter().all(|mode| b.has(mode))
}

/// True if `is` asks for at least as much as `was` in every respect: what a plan for one elder may do.
pub fn at_least_as_strict(was: &Obligation, is: &Obligation) -> bool {
    is.min >= was.min && longest(is.window) <= longest(was.window) && is_subset(is.modes, was.modes)
}

fn strictness(was: &Obligation, is: &Obligation) -> (&'static str, &'static str) {
    match (at_least_as_strict(was, is), at_least_as_strict(is, was)) {
        (true, false) => ("（从严）", " (stricter)"),
        (false, true) => ("（放宽）", " (looser)"),
        (true, true) | (false, false) => ("", ""),
    }
}
