//! Facts in, obligations out: the cases of `tests/vectors`, worked out by hand.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]

use care::Language;
use care::policy::{Policy, PolicySet};
use care::visit::answer::Answer;
use care::visit::{Facts, evaluate};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    policy: String,
    #[serde(default)]
    changes: Vec<(String, String)>,
    #[serde(default)]
    versions: Vec<Vec<(String, String)>>,
    facts: Value,
    expect: BTreeMap<String, Expected>,
    #[serde(default)]
    ignore: Vec<String>,
    #[serde(default)]
    warnings: BTreeMap<String, usize>,
    #[serde(default)]
    late: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    tier: Option<String>,
    owed: BTreeSet<String>,
}

fn policy(name: &str, changes: &[(String, String)]) -> Policy {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policies").join(format!("{name}.toml"));
    let mut text = std::fs::read_to_string(path).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from.as_str()), "{name} has no {from}");
        text = text.replace(from.as_str(), to);
    }
    Policy::load(&text).unwrap().policy
}

fn check(case: &Case) -> Result<(), String> {
    let one = [case.changes.clone()];
    let versions = if case.versions.is_empty() { &one[..] } else { &case.versions[..] };
    let set = PolicySet::new(versions.iter().map(|changes| policy(&case.policy, changes)).collect()).unwrap();
    let facts = Facts::read(&case.facts.to_string()).unwrap().facts;
    let as_of = facts.as_of.unwrap();
    let owed = evaluate(&set, &facts, as_of);
    let answer = Answer::new(&set, &facts, as_of, &owed, Language::Zh);
    let mut wrong = String::new();
    for elder in &answer.elders {
        let expected = case.expect.get(elder.id).ok_or_else(|| format!("nothing is expected of {}", elder.id))?;
        let listed = elder.obligations.iter().filter(|owed| !case.ignore.iter().any(|id| id == owed.id));
        let lines: BTreeSet<String> = listed
            .map(|owed| {
                assert_eq!(owed.met, owed.state == "met");
                assert!(!owed.reason.is_empty());
                let line = format!("{} {}..{} {} {}", owed.id, owed.window[0], owed.window[1], owed.state, owed.counted.join(" "));
                line.trim_end().to_owned()
            })
            .collect();
        if elder.tier != expected.tier.as_deref() {
            wrong.push_str(&format!("  {}: tier {:?}, not {:?}\n", elder.id, elder.tier, expected.tier));
        }
        for missing in expected.owed.difference(&lines) {
            wrong.push_str(&format!("  {}: missing {missing}\n", elder.id));
        }
        for surplus in lines.difference(&expected.owed) {
            wrong.push_str(&format!("  {}: surplus {surplus}\n", elder.id));
        }
        if let Some(expected) = case.warnings.get(elder.id) {
            let found: usize = elder.obligations.iter().map(|owed| owed.warnings.len()).sum();
            if found != *expected {
                wrong.push_str(&format!("  {}: {found} warnings, not {expected}\n", elder.id));
            }
        }
        if let Some(expected) = case.late.get(elder.id) {
            let found = elder.obligations.iter().flat_map(|owed| owed.late.iter().map(|id| (*id).to_owned()));
            if found.collect::<BTreeSet<_>>() != *expected {
                wrong.push_str(&format!("  {}: other late contacts than {expected:?}\n", elder.id));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

#[test]
fn every_vector_gives_what_was_worked_out_by_hand() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut cases, mut wrong) = (0, String::new());
    for file in files.iter().filter(|file| file.extension().is_some_and(|ext| ext == "json")) {
        let text = std::fs::read_to_string(file).unwrap();
        let list: Vec<Case> = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for case in list {
            cases += 1;
            if let Err(why) = check(&case) {
                wrong.push_str(&format!("{}: {}\n{why}", file.display(), case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(cases >= 100, "only {cases} cases were found");
}
