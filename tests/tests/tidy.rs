//! The shape of the house: who may know whom, what the core may not do, what every file must have.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Which of our crates each of our crates may name outside its tests.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("care", &[]),
    ("wire", &["care"]),
    ("store", &["care"]),
    ("gateway", &["care", "wire", "store"]),
    ("ingest", &["care", "wire", "store"]),
    ("alerts", &["care", "wire", "store"]),
    ("console", &["care", "wire", "store"]),
    ("firmware-sim", &["care", "wire"]),
    ("hearthline", &["care", "wire", "store", "gateway", "ingest", "alerts", "console", "firmware-sim"]),
];

#[test]
fn rooms_know_only_the_rooms_below_them() {
    let out = Command::new(env!("CARGO")).args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).current_dir(root()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<&str> = packages.iter().map(|p| p["name"].as_str().unwrap()).collect();
    let may: BTreeMap<&str, &[&str]> = MAY_KNOW.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        if name == "acceptance" {
            continue;
        }
        let allowed = may.get(name).unwrap_or_else(|| panic!("{name} has no row in MAY_KNOW"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap();
            if dependency["kind"].is_null() && ours.contains(to) && !allowed.contains(&to) {
                wrong.push(format!("{name} -> {to}"));
            }
        }
    }
    assert!(wrong.is_empty(), "these rooms know what they must not: {wrong:?}");
    for (name, _) in MAY_KNOW {
        assert!(ours.contains(name), "{name} is in MAY_KNOW but not in the workspace");
    }
}

fn rust_files(under: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(under).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && name != ".git" {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

fn all_rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for (room, _) in MAY_KNOW {
        rust_files(&root().join(room), &mut files);
    }
    rust_files(&root().join("tests"), &mut files);
    files
}

#[test]
fn the_core_has_no_clock_no_thread_no_socket_and_no_random_order() {
    const FORBIDDEN: &[&str] = &[
        "Utc::now", "Local::now", "Instant::now", "SystemTime", "tokio::", "async fn", "async move", "HashMap", "HashSet", "std::thread", "std::net", "std::fs",
        "std::env", "std::process", "rand::",
    ];
    let mut files = Vec::new();
    rust_files(&root().join("care/src"), &mut files);
    assert!(files.len() > 5);
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for word in FORBIDDEN {
            if code.contains(word) {
                wrong.push(format!("{}: {word}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let wrong: Vec<_> = all_rust_files()
        .into_iter()
        .filter(|f| {
            let text = std::fs::read_to_string(f).unwrap();
            let first = text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default();
            !first.starts_with("//!") || first.contains("being built")
        })
        .collect();
    assert!(wrong.is_empty(), "these files lack a `//!` line: {wrong:#?}");
}

#[test]
fn one_file_of_the_binary_reads_the_wall_clock() {
    let mut wrong = Vec::new();
    for file in all_rust_files() {
        let path = file.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        let outside = path.starts_with("tests/") || path.starts_with("firmware-sim/") || path.contains("/tests/") || path.contains("/benches/") || path.contains("/examples/") || path.contains("/src/bin/") || path.ends_with("tests.rs") || path == "alerts/src/testing.rs";
        if outside || path == "hearthline/src/clock.rs" {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for word in ["Utc::now", "Local::now", "SystemTime::now"] {
            if code.contains(word) {
                wrong.push(format!("{path}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "time is handed in: {wrong:#?}");
}

#[test]
fn no_test_is_ignored_and_nothing_is_left_open() {
    let mut wrong = Vec::new();
    for file in all_rust_files() {
        let path = file.strip_prefix(root()).unwrap().display().to_string();
        if path.ends_with("tidy.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for word in ["#[ignore", "#[should_panic", "todo!(", "unimplemented!(", "FIXME", "XXX", "HACK"] {
            if text.contains(word) {
                wrong.push(format!("{path}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_map_names_every_room_and_every_promise() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (room, _) in MAY_KNOW {
        assert!(map.contains(&format!("`{room}")), "ARCHITECTURE.md does not name {room}");
    }
    let promises = [
        "ACK-1", "ACK-2", "LANE-1", "ALM-1", "ALM-2", "ALM-3", "ALM-4", "ALM-5", "ALM-6", "ALM-7", "ALM-8", "SIL-1", "SIL-2", "VIS-1", "VIS-2", "VIS-3", "WHY-1", "PRV-1", "LIM-1",
    ];
    for promise in promises {
        assert!(map.contains(promise), "ARCHITECTURE.md does not name {promise}");
    }
}
