//! What a policy file has to keep: a mistake in a good file, and the line and words it is refused with.

use super::{Policy, PolicySet, SetProblem, diff, show, unreadable_quotes};
use crate::Language;

const JINJIANG: &str = include_str!("../../../docs/policies/jinjiang.toml");
const INNER_MONGOLIA: &str = include_str!("../../../docs/policies/inner-mongolia.toml");

fn good(text: &str) -> Policy {
    Policy::load(text).unwrap().policy
}

/// Puts a mistake into the file of Jinjiang; the refusal has to name the line of the mistake and the words.
fn refused(from: &str, to: &str, words: &str) {
    assert!(JINJIANG.contains(from), "the file has no {from}");
    let text = JINJIANG.replacen(from, to, 1);
    let problems = match Policy::load(&text) {
        Ok(_) => panic!("{to} was let in"),
        Err(refused) => refused.problems,
    };
    let found = problems.iter().find(|problem| problem.text(Language::En).contains(words));
    let problem = found.unwrap_or_else(|| panic!("{to}: {problems:?} do not say \"{words}\""));
    assert!(!problem.zh.is_empty());
    let begins = JINJIANG.find(from).unwrap();
    let lines = |text: &str| text.matches('\n').count();
    let first = lines(&JINJIANG[..begins]) + 1;
    let last = first + lines(to);
    let line = problem.line.unwrap_or_else(|| panic!("{problem:?} names no line"));
    // What concerns a whole entry is named at the line of its id.
    assert!((first.saturating_sub(5)..=last).contains(&line), "{problem:?}: the mistake is in lines {first} to {last}");
}

#[test]
fn both_example_policies_load() {
    assert_eq!(good(JINJIANG).tiers.len(), 2);
    assert_eq!(good(INNER_MONGOLIA).tiers.len(), 3);
}

#[test]
fn unknown_words_are_refused_with_their_line() {
    refused("elder_age_min = 60", "elder_age_min = 60\nelder_age_max = 99", "unknown field `elder_age_max`");
    refused("modes = [\"home\"]", "modes = [\"visit\"]", "unknown variant `visit`");
    refused("tier = [\"key\"]", "tier = [\"kay\"]", "unknown tier \"kay\"");
    refused("{ category = \"no_kin\" }", "{ category = \"nokin\" }", "unknown category \"nokin\"");
    refused("kind = \"half_month\"", "kind = \"fortnight\"", "unknown variant `fortnight`");
    refused("force = \"must\"", "force = \"shall\"", "unknown variant `shall`");
    refused("\"total\"] }\n[[category]]", "\"totally\"] }\n[[category]]", "unknown variant `totally`");
    refused("outcome_in = [\"met\"]", "outcome_in = [\"seen\"]", "unknown variant `seen`");
    refused("level_min = \"orange\"", "level_min = \"purple\"", "unknown variant `purple`");
    refused("timezone = \"Asia/Shanghai\"", "timezone = \"Asia/Jinjiang\"", "unknown time zone");
    refused("field = \"disability_card_no\"", "field = \"card\"", "unknown field \"card\"");
    refused("requires = [\"consent.remote\"]", "requires = [\"luck\"]", "unknown requirement \"luck\"");
    refused("schema = 1", "schema = 2", "schema = 1");
    refused("min = 1\nwindow", "min = \"one\"\nwindow", "invalid type");
}

#[test]
fn remote_monitoring_is_refused_for_a_home_visit() {
    refused("satisfies = [\"reach\"]", "satisfies = [\"reach\", \"home-key\"]", "home visits only");
    refused("satisfies = [\"reach\"]", "satisfies = [\"weather\"]", "contradicts itself");
    refused("satisfies = [\"reach\"]", "satisfies = [\"reech\"]", "no obligation");
}

#[test]
fn a_must_without_a_basis_is_refused() {
    let text = JINJIANG.replacen("basis = \"每半月至少上门探访服务1次\"\n", "", 1);
    let refused = Policy::load(&text).unwrap_err();
    assert!(refused.to_string().contains("home-key is a must and needs a basis"), "{refused}");
    let text = JINJIANG.replacen("basis = \"每半月至少上门探访服务1次\"", "basis = \"  \"", 1);
    assert!(Policy::load(&text).is_err());
}

#[test]
fn numbers_have_their_bounds() {
    refused("target_pct = 100", "target_pct = 101", "0 to 100");
    refused("kind = \"half_month\" }", "kind = \"half_month\", days = 15 }", "rolling");
    refused("kind = \"half_month\" }", "kind = \"rolling\" }", "1 to 366");
    refused("kind = \"half_month\" }", "kind = \"rolling\", days = 0 }", "1 to 366");
    refused("min = 1\nwindow", "min = 0\nwindow", "1 to 100");
    refused("min_valid_days = 6", "min_valid_days = 8", "1 to period_days");
    refused("min_coverage_pct = 80", "min_coverage_pct = 180", "0 to 100");
    refused("pct = 50", "pct = 150", "0 to 100");
    refused("disability_level_in = [1, 2]", "disability_level_in = [0, 2]", "1 to 4");
    refused("elder_age_min = 60", "elder_age_min = -1", "0 to 120");
    refused("effective_from = 2023-08-08", "effective_from = 2023-08-08\neffective_to = 2023-08-07", "before effective_from");
    refused("effective_from = 2023-08-08", "effective_from = 2023-08-08T00:00:00Z", "a date is wanted");
}

#[test]
fn a_tier_that_nobody_can_be_in_is_refused() {
    let text = JINJIANG.replacen(
        "any = [{ any_category = true }]",
        "any = [{ any_category = true }]\n[[tier]]\ncode = \"late\"\nname = \"晚\"\nany = [{ category = \"no_kin\" }]",
        1,
    );
    assert!(Policy::load(&text).unwrap_err().to_string().contains("nobody can be in tier \"late\""));
    refused(
        "code = \"general\"\nname = \"一般对象\"\nany = [{ any_category = true }]",
        "code = \"general\"\nname = \"一般对象\"\nany = [{ category = \"care_dependent\", ability_in = [\"none\"] }]",
        "nobody can be in tier \"general\"",
    );
}

#[test]
fn names_stand_once_and_readings_choose_among_their_options() {
    refused("id = \"home-general\"", "id = \"home-key\"", "stands twice");
    refused("code = \"living_alone\"", "code = \"no_kin\"", "stands twice");
    refused("chosen = \"80\"", "chosen = \"85\"", "not among its options");
}

#[test]
fn conditions_say_something() {
    refused("{ category = \"no_kin\" }", "{ }", "an empty condition");
    refused("{ category = \"no_kin\" }", "{ number = \"risk\" }", "at_least or at_most");
    refused("{ category = \"no_kin\" }", "{ category = \"no_kin\", any_category = true }", "exclude each other");
    refused("days_before = 7\n", "", "within_hours or days_before");
}

#[test]
fn tiers_can_go_by_a_score() {
    let text = JINJIANG.replacen("{ category = \"no_kin\" }", "{ number = \"risk\", at_least = 70.0 }", 1);
    let policy = good(&text);
    let standing = |score: f64| super::Standing {
        age: 70,
        categories: super::Few::of([2]),
        ability: super::Ability::None,
        disability_level: None,
        numbers: &[("risk".to_owned(), score)].to_vec().leak()[..],
    };
    assert_eq!(policy.tier_of(&standing(70.0)), Some(0));
    assert_eq!(policy.tier_of(&standing(69.9)), Some(1));
}

#[test]
fn what_a_file_leaves_out_has_its_defaults() {
    let policy = good(INNER_MONGOLIA);
    let jinjiang = good(JINJIANG);
    assert_eq!(policy.counts.home, jinjiang.counts.home);
    assert_eq!(policy.counts.phone, jinjiang.counts.phone);
    assert!(policy.counts.remote.satisfies.is_empty());
    assert_eq!(policy.ledger.review_every_months, 6);
    assert_eq!(policy.consent, jinjiang.consent);
    assert_eq!(policy.suspend, jinjiang.suspend);
    assert_eq!(policy.risk.follow_up, jinjiang.risk.follow_up);
    assert_eq!(policy.visit_form, jinjiang.visit_form);
}

#[test]
fn oddities_are_told_and_not_refused() {
    let notes = |text: &str| -> String {
        Policy::load(text).unwrap().notes.iter().map(|note| note.text(Language::En) + "\n").collect()
    };
    assert!(notes(JINJIANG).contains("2023-08-08 lies within a window of home-key"));
    let silent = JINJIANG.replacen("satisfies = [\"reach\"]", "satisfies = []", 1);
    assert!(notes(&silent).contains("reach lists remote"));
    let softer = JINJIANG.replacen("modes = [\"home\"]", "modes = [\"home\", \"phone\"]", 1);
    assert!(notes(&softer).contains("ask for a visit at home"));
    let older = JINJIANG.replacen("elder_age_min = 60", "elder_age_min = 65", 1);
    assert!(notes(&older).contains("I-01 chooses \"60\", but the rules say \"65\""));
}

#[test]
fn versions_of_one_policy_never_overlap() {
    let text = |version: &str, from: &str| {
        JINJIANG
            .replacen("version = \"2023.1\"", &format!("version = \"{version}\""), 1)
            .replacen("effective_from = 2023-08-08", from, 1)
    };
    let open = good(JINJIANG);
    let ended = good(&text("2023.1", "effective_from = 2023-08-08\neffective_to = 2026-12-31"));
    let next = good(&text("2027.1", "effective_from = 2027-01-01"));
    let early = good(&text("2027.1", "effective_from = 2026-12-31"));
    assert!(PolicySet::new(vec![next.clone(), ended.clone()]).is_ok());
    assert!(matches!(PolicySet::new(vec![ended.clone(), early]), Err(SetProblem::Overlap { .. })));
    assert!(matches!(PolicySet::new(vec![open.clone(), next.clone()]), Err(SetProblem::Overlap { .. })));
    assert!(matches!(PolicySet::new(vec![open.clone(), good(INNER_MONGOLIA)]), Err(SetProblem::OtherPolicy(..))));
    let set = PolicySet::new(vec![next, ended]).unwrap();
    let on = |day: &str| set.on(day.parse().unwrap()).unwrap().version.as_str();
    assert_eq!((on("2026-12-31"), on("2027-01-01")), ("2023.1", "2027.1"));
    let closed = "2023-08".parse().unwrap();
    assert!(matches!(PolicySet::not_before(&open, closed), Err(SetProblem::Closed { .. })));
    assert!(PolicySet::not_before(&open, "2023-07".parse().unwrap()).is_ok());
}

#[test]
fn the_same_file_has_the_same_hash_and_another_has_not() {
    assert_eq!(good(JINJIANG).hash, good(JINJIANG).hash);
    assert_ne!(good(JINJIANG).hash, good(&format!("{JINJIANG}\n# a remark\n")).hash);
}

#[test]
fn quotes_are_looked_for_in_the_document() {
    let document = "其中列为重点对象，每半月至少上门探访服务 1 次；其他列为一般对象，每月至少上门探访服务 1 次。";
    let policy = good(JINJIANG);
    let missing: Vec<&str> = unreadable_quotes(&policy, document).into_iter().map(|(id, _)| id).collect();
    assert!(!missing.contains(&"home-key") && !missing.contains(&"home-general") && !missing.contains(&"I-04"));
    assert!(missing.contains(&"reach") && missing.contains(&"festival"));
}

#[test]
fn a_policy_reads_as_plain_words_in_both_languages() {
    let policy = good(JINJIANG);
    let zh = show(&policy, Language::Zh);
    assert!(zh.contains("home-key：重点对象，每半月（1–15 日、16 日至月末）至少 1 次（上门），必须"), "{zh}");
    assert!(zh.contains("独居，且年满 80 岁"));
    let en = show(&policy, Language::En);
    assert!(en.contains("home-key: key (重点对象): at least 1 every half-month (1st-15th, 16th-end) by home visit (must)"), "{en}");
    assert_eq!(zh.lines().count(), en.lines().count());
}

#[test]
fn a_difference_says_whether_it_is_stricter() {
    let was = good(JINJIANG);
    assert!(diff(&was, &was).is_empty());
    let is = good(&JINJIANG.replacen("kind = \"half_month\"", "kind = \"month\"", 1).replacen("age_min = 80", "age_min = 75", 1));
    let text: String = diff(&was, &is).iter().map(|change| change.text(Language::En).to_owned() + "\n").collect();
    assert!(text.contains("obligation changed (looser): home-key"), "{text}");
    assert!(text.contains("who, gone: 重点对象 (key): living_alone (独居), and aged 80 or more"), "{text}");
    assert!(text.contains("who, new: 重点对象 (key): living_alone (独居), and aged 75 or more"), "{text}");
    assert_eq!(diff(&was, &is).len(), 3, "{text}");
}
