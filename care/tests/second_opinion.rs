//! Another program, in another language, works out what visits were owed and made from facts as odd as they may be
//! (`scripts/recompute_visits.py`), under the city's rules and under rules that are bent in every way a file allows. Both
//! must say the same of every window of everybody.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]

use care::Language;
use care::policy::{Policy, PolicySet};
use care::visit::answer::Answer;
use care::visit::{Facts, evaluate};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Elders of one made-up crowd.
const ELDERS: &str = "40";
/// Crowds for each set of rules.
const CROWDS: u32 = 3;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn python(arguments: &[&str]) -> Output {
    let script = root().join("scripts/recompute_visits.py");
    Command::new("python3").arg("-B").arg(script).args(arguments).output().unwrap()
}

fn rules(name: &str, changes: &[(&str, &str)]) -> String {
    let mut text = std::fs::read_to_string(root().join("docs/policies").join(name)).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{name} has no {from}");
        text = text.replace(from, to);
    }
    text
}

/// Evaluates facts and lets the other program compare.
fn compare(name: &str, versions: &[String], facts: &str, bend: impl Fn(&mut serde_json::Value)) -> (bool, String) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("second-opinion-{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let set = PolicySet::new(versions.iter().map(|text| Policy::load(text).unwrap().policy).collect()).unwrap();
    let read = Facts::read(facts).unwrap().facts;
    let as_of = read.as_of.unwrap();
    let owed = evaluate(&set, &read, as_of);
    let mut answer = serde_json::to_value(Answer::new(&set, &read, as_of, &owed, Language::En)).unwrap();
    bend(&mut answer);
    let mut arguments: Vec<String> = versions.iter().enumerate().map(|(n, text)| write(&format!("{n}.toml"), text)).collect();
    arguments.push(write("facts.json", facts));
    arguments.push(write("answer.json", &answer.to_string()));
    let out = python(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    (out.status.success(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
}

fn odd(seed: u32) -> String {
    String::from_utf8(python(&["--odd", ELDERS, &seed.to_string()]).stdout).unwrap()
}

fn check(name: &str, seed: u32, versions: &[String]) {
    for seed in seed * 1_000..seed * 1_000 + CROWDS {
        let (same, text) = compare(name, versions, &odd(seed), |_| {});
        assert!(same, "{name}, crowd {seed}:\n{text}");
    }
}

#[test]
fn the_citys_rules_are_judged_as_another_program_judges_them() {
    check("jinjiang", 1, &[rules("jinjiang.toml", &[])]);
}

#[test]
fn three_tiers_weeks_and_quarters_are_judged_as_another_program_judges_them() {
    check("inner-mongolia", 2, &[rules("inner-mongolia.toml", &[])]);
}

#[test]
fn rules_bent_in_every_way_are_judged_as_another_program_judges_them() {
    let rule = "first_window = { rule = \"due_if_remaining_pct\", pct = 50 }";
    let half = "window = { kind = \"half_month\" }";
    let bent: &[(&str, &[(&str, &str)])] = &[
        ("rolling", &[(half, "window = { kind = \"rolling\", days = 15 }")]),
        ("two-each", &[("\nmin = 1\n", "\nmin = 2\n"), (half, "window = { kind = \"month\" }")]),
        ("daily", &[(half, "window = { kind = \"day\" }"), (rule, "first_window = { rule = \"due\" }")]),
        ("grace", &[(rule, "first_window = { rule = \"grace\" }"), (half, "window = { kind = \"quarter\" }")]),
        ("two-thirds", &[(rule, "first_window = { rule = \"due_if_remaining_pct\", pct = 66.7 }")]),
        ("counted", &[("on_refusal = \"exempt_listed\"", "on_refusal = \"counted_unmet\"")]),
        ("reviewed", &[("requires = [\"consent.remote\"]", "requires = [\"consent.remote\", \"human_review\"]")]),
        ("elsewhere", &[("timezone = \"Asia/Shanghai\"", "timezone = \"America/Santiago\"")]),
        ("no-answer", &[("[counts.phone]\noutcome_in = [\"met\"]", "[counts.phone]\noutcome_in = [\"met\", \"proxy\"]")]),
        ("older", &[("elder_age_min = 60", "elder_age_min = 65"), ("age_min = 80", "age_min = 70")]),
    ];
    for (n, (name, changes)) in (10u32..).zip(bent) {
        check(name, n, &[rules("jinjiang.toml", changes)]);
    }
}

#[test]
fn rules_that_change_within_a_window_are_judged_as_another_program_judges_them() {
    let versions = [
        rules("jinjiang.toml", &[("effective_from = 2023-08-08", "effective_from = 2023-08-08\neffective_to = 2026-02-09")]),
        rules(
            "jinjiang.toml",
            &[
                ("effective_from = 2023-08-08", "effective_from = 2026-02-10"),
                ("version = \"2023.1\"", "version = \"2026.1\""),
                ("window = { kind = \"half_month\" }", "window = { kind = \"week\" }"),
                ("elder_age_min = 60", "elder_age_min = 65"),
            ],
        ),
    ];
    check("versions", 30, &versions);
}

/// The other program is no yes-man.
#[test]
fn an_answer_that_is_wrong_in_one_window_is_found() {
    let versions = [rules("jinjiang.toml", &[])];
    let facts = odd(1_000);
    let bend = |answer: &mut serde_json::Value| {
        let elder = answer["elders"].as_array_mut().unwrap().iter_mut().find(|elder| elder["obligations"][0].is_object()).unwrap();
        elder["obligations"][0]["counted"].as_array_mut().unwrap().push("nobody".into());
    };
    let (same, text) = compare("bent", &versions, &facts, bend);
    assert!(!same && text.contains("1 differences"), "{text}");
}
