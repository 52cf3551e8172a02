//! `hearthline policy` as others call it: answers on the standard output, reasons on the standard error, exit
//! status 0 done, 1 refused, 2 wrong usage.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policies")
}

fn policy(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hearthline")).arg("policy").args(args).output().unwrap()
}

fn check(args: &[&str], status: i32, out: &str, err: &str) {
    let output = policy(args);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{args:?}\n{stdout}\n{stderr}");
    assert!(stdout.contains(out), "{args:?}: no \"{out}\" in\n{stdout}");
    assert!(stderr.contains(err), "{args:?}: no \"{err}\" in\n{stderr}");
}

#[test]
fn every_subcommand_answers_and_says_how_it_ended() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let jinjiang = policies().join("jinjiang.toml").to_string_lossy().into_owned();
    let other = policies().join("inner-mongolia.toml").to_string_lossy().into_owned();
    let text = std::fs::read_to_string(&jinjiang).unwrap();
    let bad = write("bad.toml", &text.replacen("min = 1", "mini = 1", 1));
    let remote = write("remote.toml", &text.replacen("satisfies = [\"reach\"]", "satisfies = [\"home-key\"]", 1));
    let milder = write("milder.toml", &text.replacen("age_min = 80", "age_min = 90", 1));
    let facts = write(
        "facts.json",
        r#"{"as_of":"2026-11-30","elders":[{"id":"e1","born":"1944-05-01","categories":["living_alone"],
            "enrolled_on":"2026-11-01","consents":["enrolment","remote"]}],
            "contacts":[{"id":"c1","elder":"e1","mode":"remote","start":"2026-11-05T10:00:00+08:00","outcome":"met"}]}"#,
    );
    let no_enrolment = write("no.json", r#"{"as_of":"2026-11-30","elders":[{"id":"e1","born":"1944-05-01"}]}"#);

    check(&["check", &jinjiang, &other], 0, "cn-350582-visit", "");
    check(&["check", &bad, "--language", "en"], 1, "", "line 62: unknown field `mini`");
    check(&["check", &remote, "--language", "en"], 1, "", "home visits only");
    check(&["check", &jinjiang, "--closed", "2023-08"], 1, "", "--restate");
    check(&["check", &jinjiang, "--closed", "2023-08", "--restate"], 0, "2023.1", "");
    check(&["check", "/nowhere.toml"], 2, "", "/nowhere.toml");
    check(&["check"], 2, "", "");
    check(&["show", &jinjiang], 0, "重点对象，每半月", "");
    check(&["show", &jinjiang, "--language", "en"], 0, "every half-month", "");
    check(&["diff", &jinjiang, &milder, "--language", "en"], 0, "aged 90 or more", "");
    check(&["evaluate", &jinjiang, &facts], 0, "\"state\": \"overdue\"", "");
    check(&["evaluate", &jinjiang, &no_enrolment], 1, "", "enrolled_on");
    check(&["evaluate", &bad, &facts], 1, "", "mini");
    check(&["evaluate", &jinjiang], 2, "", "");
    let month = ["--month", "2026-11"];
    check(&["try", &milder, "--facts", &facts, "--current", &jinjiang, month[0], month[1]], 0, "e1: key -> general", "");
    check(&["report", &jinjiang, &facts, month[0], month[1]], 0, "仅远程监测 1: e1", "");
    check(&["report", &jinjiang, &facts, month[0], "2026-13"], 2, "", "2026-13");
    check(&["unheard-of"], 2, "", "");
}

#[test]
fn the_answer_of_evaluate_has_the_agreed_form() {
    let dir = tempfile::tempdir().unwrap();
    let facts = dir.path().join("facts.json");
    let text = r#"{"as_of":"2026-11-20","elders":[{"id":"e1","born":"1944-05-01","categories":["no_kin"],"enrolled_on":"2026-11-01"}],
        "contacts":[{"id":"c1","elder":"e1","mode":"home","start":"2026-11-15T23:59:00+08:00","outcome":"met","signed":true}]}"#;
    std::fs::write(&facts, text).unwrap();
    let jinjiang = policies().join("jinjiang.toml");
    let output = policy(&["evaluate", &jinjiang.to_string_lossy(), &facts.to_string_lossy()]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let elder = &answer["elders"][0];
    assert_eq!((elder["id"].as_str(), elder["tier"].as_str()), (Some("e1"), Some("key")));
    let first = &elder["obligations"][0];
    assert_eq!(first["id"], "home-key");
    assert_eq!(first["tier"], "key");
    assert_eq!(first["window"], serde_json::json!(["2026-11-01", "2026-11-15"]));
    assert_eq!(first["met"], true);
    assert_eq!(first["counted"], serde_json::json!(["c1"]));
    assert_eq!(first["state"], "met");
    assert!(first["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    assert_eq!(elder["obligations"][1]["state"], "due");
}
