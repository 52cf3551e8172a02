//! The seven categories (三), decided from facts where they can be (R4 to R10): yes, no, or not known with what is
//! missing. Where facts and what people entered differ, both are kept and the difference is shown: nobody is lost.

use super::ElderFile;
use super::elder::{FamilyMember, Hukou};
use crate::reason::Row;
use crate::Reason;
use crate::policy::Ability;
use chrono::{Months, NaiveDate};
use serde::{Deserialize, Serialize};

/// What facts say about a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// Facts are missing.
    Unknown,
}

/// What facts say, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The category, by the word of the policy.
    pub category: &'static str,
    /// What facts say.
    pub verdict: Verdict,
    /// Why.
    pub why: Reason,
    /// People entered it.
    pub entered: bool,
}

impl Decision {
    /// People entered it and facts say no, or the other way round.
    pub fn differs(&self) -> bool {
        match self.verdict {
            Verdict::Yes => !self.entered,
            Verdict::No => self.entered,
            Verdict::Unknown => false,
        }
    }
}

/// Reasons that this module gives.
pub const REASONS: &[Row] = &[
    ("category_holds", "{facts}。", "{facts}."),
    ("category_not", "不符合：{facts}。", "Does not hold: {facts}."),
    ("category_unknown", "资料不全：缺{facts}。", "Not known: {facts} is missing."),
];

/// 孤寡.
pub const NO_KIN: &str = "no_kin";
/// 独居.
pub const LIVING_ALONE: &str = "living_alone";
/// 空巢.
pub const EMPTY_NEST: &str = "empty_nest";
/// 留守.
pub const LEFT_BEHIND: &str = "left_behind";
/// 失能.
pub const CARE_DEPENDENT: &str = "care_dependent";
/// 重残.
pub const SEVERE_DISABILITY: &str = "severe_disability";
/// 计划生育特殊家庭.
pub const SPECIAL_FAMILY: &str = "special_family";

/// All of them, in the order of the document.
pub const ALL: [&str; 7] = [NO_KIN, LIVING_ALONE, EMPTY_NEST, LEFT_BEHIND, CARE_DEPENDENT, SEVERE_DISABILITY, SPECIAL_FAMILY];

/// A condition of a category: what it asks, and the answer.
type Asked = (&'static str, Option<bool>);

fn decide(category: &'static str, asked: &[Asked], entered: bool) -> Decision {
    let named = |wanted: Option<bool>| asked.iter().filter(|(_, is)| *is == wanted).map(|(name, _)| *name).collect::<Vec<_>>().join("、");
    let (verdict, code, facts) = if asked.iter().any(|(_, is)| *is == Some(false)) {
        (Verdict::No, "category_not", named(Some(false)))
    } else if asked.iter().any(|(_, is)| is.is_none()) {
        (Verdict::Unknown, "category_unknown", named(None))
    } else {
        (Verdict::Yes, "category_holds", named(Some(true)))
    };
    Decision { category, verdict, why: Reason::new(code).text("facts", &facts), entered }
}

fn not(answer: Option<bool>) -> Option<bool> {
    answer.map(|yes| !yes)
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        (None, _) | (_, None) => None,
    }
}

/// Everybody of these is as asked; unknown while somebody may be missing from the family's list.
fn everybody<'a>(complete: bool, people: impl Iterator<Item = &'a FamilyMember>, is: impl Fn(&FamilyMember) -> Option<bool>) -> Option<bool> {
    let mut all = complete.then_some(true);
    for person in people {
        all = and(all, is(person));
    }
    all
}

/// The town of an area path: its first two parts.
pub fn town(area: &str) -> &str {
    area.match_indices('/').nth(1).and_then(|(end, _)| area.get(..end)).unwrap_or(area)
}

/// What facts say about all seven on a day.
pub fn decisions(file: &ElderFile, day: NaiveDate) -> Vec<Decision> {
    let facts = &file.circumstances;
    let complete = facts.family_complete == Some(true) || (facts.spouse == Some(false) && facts.children == Some(false));
    let family = || file.family.iter();
    let children = || family().filter(|member| member.child);
    let childless = not(facts.children);
    let elsewhere = |member: &FamilyMember| (!member.town.is_empty()).then(|| member.town != town(&file.area));
    let apart = |member: &FamilyMember| and(Some(!member.lives_here), elsewhere(member));
    let has = |code: &str| file.entered.iter().any(|entered| entered == code);

    let no_kin = [
        ("无配偶", not(facts.spouse)),
        ("无子女", childless),
        ("无人照顾", not(facts.cared_for)),
        ("丧失劳动能力", not(facts.can_work)),
    ];
    let no_kin = decide(NO_KIN, &no_kin, has(NO_KIN));

    // 独居: every 孤寡 elder; or living with nobody of the family, of whom none lives in the same town. A carer who
    // lives in is no living alone (I-13).
    let alone = [
        ("不与家属共同居住", everybody(complete, family(), |member| Some(!member.lives_here))),
        ("家属不在同一镇（街道）居住", everybody(complete, family(), elsewhere)),
        ("无住家照护人员", facts.carer_lives_in.map_or(Some(true), |lives_in| Some(!lives_in))),
    ];
    let living_alone = if no_kin.verdict == Verdict::Yes && facts.carer_lives_in != Some(true) {
        decide(LIVING_ALONE, &[("孤寡", Some(true))], has(LIVING_ALONE))
    } else {
        decide(LIVING_ALONE, &alone, has(LIVING_ALONE))
    };

    let empty_nest = [
        ("有子女", facts.children),
        ("子女均已离家且不在同一镇（街道）居住", everybody(complete || facts.children == Some(false), children(), apart)),
    ];
    let half_a_year_ago = day.checked_sub_months(Months::new(6)).unwrap_or(day);
    let away = |member: &FamilyMember| and(Some(!member.lives_here), member.away_since.map(|since| since <= half_a_year_ago));
    let left_behind = [
        ("农村户籍", facts.hukou.map(|hukou| hukou == Hukou::Rural)),
        ("有子女", facts.children),
        ("全部子女外出半年以上", everybody(complete || facts.children == Some(false), children(), away)),
    ];
    let ability = super::Since::on(&file.ability, day).copied();
    let dependent = [("失能（轻度及以上）", ability.map(|ability| ability > Ability::None))];
    let level = super::Since::on(&file.disability_level, day).copied().flatten();
    let valid = file.card_valid_to.is_none_or(|last| day <= last);
    let card = match (level, file.disability_card.is_empty()) {
        (Some(level), _) => Some(level <= 2),
        (None, true) => Some(false),
        (None, false) => None,
    };
    let disabled = [("持一级、二级残疾人证", card), ("残疾人证有效", Some(valid || level.is_none()))];
    let special = match &facts.only_child {
        None => [("独生子女情况", None), ("未再生育或收养", None)],
        Some(child) => [
            ("独生子女死亡或三级以上伤残", Some(child.died || child.disability_level.is_some_and(|level| level <= 3))),
            ("未再生育或收养", Some(!child.another_child)),
        ],
    };
    vec![
        no_kin,
        living_alone,
        decide(EMPTY_NEST, &empty_nest, has(EMPTY_NEST)),
        decide(LEFT_BEHIND, &left_behind, has(LEFT_BEHIND)),
        decide(CARE_DEPENDENT, &dependent, has(CARE_DEPENDENT)),
        decide(SEVERE_DISABILITY, &disabled, has(SEVERE_DISABILITY)),
        decide(SPECIAL_FAMILY, &special, has(SPECIAL_FAMILY)),
    ]
}

/// What holds: what was entered, and what facts say.
pub fn held(file: &ElderFile, day: NaiveDate) -> Vec<String> {
    let decided = decisions(file, day);
    let mut held: Vec<String> =
        decided.iter().filter(|one| one.entered || one.verdict == Verdict::Yes).map(|one| one.category.to_owned()).collect();
    // A city's own categories are entered only.
    held.extend(file.entered.iter().filter(|code| !ALL.contains(&code.as_str())).cloned());
    held
}

/// 孤寡 without a livelihood: may apply for 特困 support (R4).
pub fn may_be_destitute(file: &ElderFile, day: NaiveDate) -> bool {
    let no_kin = decisions(file, day).iter().any(|one| one.category == NO_KIN && one.verdict == Verdict::Yes);
    no_kin && file.circumstances.has_livelihood == Some(false) && file.economy != Some(super::elder::Economy::Destitute)
}
