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
    // A spouse or children that are said to be there and do not stand in the list make it incomplete, whatever else is said.
    let missing = (facts.spouse == Some(true) && file.family.iter().all(|member| member.child))
        || (facts.children == Some(true) && !file.family.iter().any(|member| member.child));
    let complete = !missing && (facts.family_complete == Some(true) || (facts.spouse == Some(false) && facts.children == Some(false)));
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

/// National programmes that an elder may have a right to and that do not stand among the benefits: to be looked into,
/// told and helped with (R16, R41). The name, and whom it is for.
pub fn suggestions(file: &ElderFile, day: NaiveDate) -> Vec<&'static str> {
    let held = held(file, day);
    let has = |category: &str| held.iter().any(|code| code == category);
    let poor = file.economy.is_some();
    let dependent = super::Since::on(&file.ability, day).copied().is_some_and(|ability| ability >= Ability::Moderate);
    let programmes = [
        ("特困人员救助供养", may_be_destitute(file, day)),
        ("重度残疾人护理补贴", has(SEVERE_DISABILITY)),
        ("困难残疾人生活补贴", poor && !file.disability_card.is_empty()),
        ("经济困难失能老年人补贴", poor && dependent),
        ("高龄津贴", crate::calendar::age_on(file.born, day) >= 80),
        ("计划生育特殊家庭扶助金", has(SPECIAL_FAMILY)),
    ];
    let known = |name: &str| file.living.benefits.iter().any(|benefit| benefit.name.contains(name));
    programmes.into_iter().filter(|(name, may)| *may && !known(name)).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> NaiveDate {
        "2026-11-30".parse().unwrap()
    }

    fn file(facts: serde_json::Value, family: serde_json::Value) -> ElderFile {
        serde_json::from_value(serde_json::json!({
            "id": "e", "home": "h", "area": "350582/meiling/guishan", "filed_on": "2026-01-01", "enrolled_on": "2026-01-01", "name": "陈",
            "born": "1940-01-01", "circumstances": facts, "family": family,
        }))
        .unwrap()
    }

    fn check(file: &ElderFile, category: &str, expected: Verdict) {
        let decided = decisions(file, day());
        let one = decided.iter().find(|one| one.category == category).unwrap();
        let zone = chrono_tz::Asia::Shanghai;
        assert_eq!(one.verdict, expected, "{category}: {}", one.why.render(crate::Language::Zh, zone));
        assert!(!one.why.render(crate::Language::En, zone).is_empty());
    }

    fn child(town: &str, here: bool, away: Option<&str>) -> serde_json::Value {
        serde_json::json!({ "name": "子", "child": true, "town": town, "lives_here": here, "away_since": away })
    }

    #[test]
    fn no_kin_needs_all_four_and_is_always_living_alone() {
        let all = serde_json::json!({ "spouse": false, "children": false, "cared_for": false, "can_work": false });
        let elder = file(all.clone(), serde_json::json!([]));
        check(&elder, NO_KIN, Verdict::Yes);
        check(&elder, LIVING_ALONE, Verdict::Yes);
        for (field, other) in [("spouse", true), ("children", true), ("cared_for", true), ("can_work", true)] {
            let mut facts = all.clone();
            facts[field] = other.into();
            check(&file(facts.clone(), serde_json::json!([])), NO_KIN, Verdict::No);
            facts[field] = serde_json::Value::Null;
            check(&file(facts, serde_json::json!([])), NO_KIN, Verdict::Unknown);
        }
        let mut facts = all;
        facts["carer_lives_in"] = true.into();
        check(&file(facts, serde_json::json!([])), LIVING_ALONE, Verdict::No);
    }

    #[test]
    fn living_alone_needs_the_family_in_another_town() {
        let facts = |complete| serde_json::json!({ "spouse": false, "children": true, "family_complete": complete });
        let away = serde_json::json!([child("350582/anhai", false, None)]);
        check(&file(facts(Some(true)), away.clone()), LIVING_ALONE, Verdict::Yes);
        check(&file(facts(None), away), LIVING_ALONE, Verdict::Unknown);
        check(&file(facts(Some(true)), serde_json::json!([child("350582/meiling", false, None)])), LIVING_ALONE, Verdict::No);
        check(&file(facts(None), serde_json::json!([child("350582/meiling", true, None)])), LIVING_ALONE, Verdict::No);
        check(&file(facts(Some(true)), serde_json::json!([child("", false, None)])), LIVING_ALONE, Verdict::Unknown);
        let spouse_not_listed = serde_json::json!({ "spouse": true, "children": false, "family_complete": true });
        check(&file(spouse_not_listed, serde_json::json!([])), LIVING_ALONE, Verdict::Unknown);
    }

    #[test]
    fn an_empty_nest_may_have_a_spouse_in_it() {
        let facts = serde_json::json!({ "spouse": true, "children": true, "family_complete": true });
        let spouse = serde_json::json!({ "name": "偶", "lives_here": true, "town": "350582/meiling" });
        check(&file(facts.clone(), serde_json::json!([spouse, child("350582/anhai", false, None)])), EMPTY_NEST, Verdict::Yes);
        let near = serde_json::json!([child("350582/anhai", false, None), child("350582/meiling", false, None)]);
        check(&file(facts, near), EMPTY_NEST, Verdict::No);
        let childless = serde_json::json!({ "spouse": true, "children": false });
        check(&file(childless, serde_json::json!([])), EMPTY_NEST, Verdict::No);
    }

    #[test]
    fn left_behind_needs_every_child_away_for_half_a_year_and_a_rural_registration() {
        let facts = |hukou: &str| serde_json::json!({ "spouse": false, "children": true, "family_complete": true, "hukou": hukou });
        let long = serde_json::json!([child("x/y", false, Some("2026-05-30"))]);
        check(&file(facts("rural"), long.clone()), LEFT_BEHIND, Verdict::Yes);
        check(&file(facts("urban"), long), LEFT_BEHIND, Verdict::No);
        let one_is_back = serde_json::json!([child("x/y", false, Some("2026-01-01")), child("x/y", false, Some("2026-06-01"))]);
        check(&file(facts("rural"), one_is_back), LEFT_BEHIND, Verdict::No);
        check(&file(facts("rural"), serde_json::json!([child("x/y", false, None)])), LEFT_BEHIND, Verdict::Unknown);
    }

    #[test]
    fn ability_card_and_only_child_decide_the_rest() {
        let mut elder = file(serde_json::json!({}), serde_json::json!([]));
        check(&elder, CARE_DEPENDENT, Verdict::Unknown);
        check(&elder, SEVERE_DISABILITY, Verdict::No);
        check(&elder, SPECIAL_FAMILY, Verdict::Unknown);
        elder.ability.push(super::super::Since { from: day(), is: Ability::Mild });
        elder.disability_card = "11010519491231002X42".into();
        elder.circumstances.only_child = Some(super::super::elder::OnlyChild { died: false, disability_level: Some(3), another_child: false });
        elder.settle(day());
        check(&elder, CARE_DEPENDENT, Verdict::Yes);
        check(&elder, SEVERE_DISABILITY, Verdict::Yes);
        check(&elder, SPECIAL_FAMILY, Verdict::Yes);
        elder.card_valid_to = "2026-11-29".parse().ok();
        check(&elder, SEVERE_DISABILITY, Verdict::No);
        assert_eq!(elder.categories_on(day()), [CARE_DEPENDENT, SEVERE_DISABILITY, SPECIAL_FAMILY]);
    }

    #[test]
    fn benefits_are_suggested_until_they_stand_in_the_file() {
        let facts = serde_json::json!({ "spouse": false, "children": false, "cared_for": false, "can_work": false, "has_livelihood": false });
        let mut elder = file(facts, serde_json::json!([]));
        assert_eq!(suggestions(&elder, day()), ["特困人员救助供养", "高龄津贴"]);
        elder.living.benefits.push(super::super::elder::Benefit { name: "高龄津贴（市）".into(), ..Default::default() });
        elder.economy = Some(super::super::elder::Economy::Destitute);
        assert!(suggestions(&elder, day()).is_empty());
    }

    #[test]
    fn nobody_is_lost_between_what_people_say_and_what_facts_say() {
        let mut elder = file(serde_json::json!({ "spouse": true }), serde_json::json!([]));
        elder.entered = vec![NO_KIN.into(), "of_the_city".into()];
        let decided = decisions(&elder, day());
        assert!(decided.iter().find(|one| one.category == NO_KIN).unwrap().differs(), "shown as a difference");
        assert_eq!(held(&elder, day()), [NO_KIN, "of_the_city"], "and kept");
    }

    #[test]
    fn the_past_stays_as_it_was_when_facts_change() {
        let mut elder = file(serde_json::json!({ "spouse": false, "children": false, "cared_for": false, "can_work": false }), serde_json::json!([]));
        elder.settle("2026-06-01".parse().unwrap());
        assert_eq!(elder.categories_on("2026-02-01".parse().unwrap()), [NO_KIN, LIVING_ALONE], "the first file holds from the enrolment");
        elder.circumstances.cared_for = Some(true);
        elder.circumstances.carer_lives_in = Some(true);
        elder.settle(day());
        assert_eq!(elder.categories_on("2026-11-29".parse().unwrap()), [NO_KIN, LIVING_ALONE]);
        assert!(elder.categories_on(day()).is_empty());
    }
}
