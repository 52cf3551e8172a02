//! Whole corpora of device models: what each may say, and what must be understood.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::wildcard_enum_match_arm, reason = "tests stop at the first surprise")]
use care::{HomeId, Timestamp};
use serde_json::{Value as Json, json};
use std::io::Read;
use std::path::{Path, PathBuf};
use wire::{Decoded, Learned, Message, Retained};

fn lines(path: &Path) -> Vec<Json> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn evaluation_data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HEARTHLINE_EVALUATION_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let path = root.join(name);
    if !path.exists() {
        println!("no evaluation data here: skipped");
        return None;
    }
    Some(path)
}

fn hear(learned: &mut Learned, topic: &str, payload: &Json) -> Decoded {
    let home = HomeId::from("home-1");
    let payload = match payload {
        Json::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    };
    let heard_at = Timestamp::UNIX_EPOCH;
    wire::decode(&Message { home: Some(&home), topic, payload: &payload, heard_at, retained: Retained::No }, learned)
}

/// Compares what was told with what the corpus expects; returns a line about a difference.
fn differs(case: &Json, decoded: &Decoded) -> Option<String> {
    let mut expected: Vec<&str> = case["expect"].as_array().unwrap().iter().map(|e| e.as_str().unwrap()).collect();
    let mut told = wire::told(decoded.signals());
    let right = if expected == ["not_call_not_fall"] {
        !told.contains(&"call") && !told.contains(&"fall")
    } else {
        expected.sort_unstable();
        told.sort_unstable();
        told == expected && !matches!(decoded, Decoded::Quarantine { .. })
    };
    (!right).then(|| format!("{} expected {expected:?}, told {told:?}: {decoded:?}", case["payload"]))
}

#[test]
fn every_zigbee2mqtt_model_of_the_corpus_is_understood() {
    let models = lines(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/zigbee2mqtt.jsonl.gz"));
    let (mut wrong, mut cases) = (Vec::new(), 0);
    for model in &models {
        let mut learned = Learned::default();
        let devices = json!([{"ieee_address": "0xa4c1380000000001", "friendly_name": "客厅/sensor 1", "type": "EndDevice",
            "definition": {"vendor": model["vendor"], "model": model["model"], "description": model["description"], "exposes": model["exposes"]}}]);
        hear(&mut learned, "zigbee2mqtt/bridge/devices", &devices);
        for case in model["cases"].as_array().unwrap() {
            cases += 1;
            let decoded = hear(&mut learned, "zigbee2mqtt/客厅/sensor 1", &case["payload"]);
            assert!(decoded.signals().iter().all(|s| s.device.as_str() == "0xa4c1380000000001"));
            wrong.extend(differs(case, &decoded).map(|line| format!("{} {}: {line}", model["vendor"], model["model"])));
        }
    }
    assert_eq!(models.len(), 411);
    assert!(wrong.is_empty(), "{} of {cases} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_home_assistant_model_of_the_corpus_is_understood() {
    let Some(path) = evaluation_data("devices/hadiscovery-dev.jsonl.gz") else { return };
    let models = lines(&path);
    let (mut wrong, mut cases) = (Vec::new(), 0);
    for model in &models {
        let mut learned = Learned::default();
        for config in model["configs"].as_array().unwrap() {
            let decoded = hear(&mut learned, config["topic"].as_str().unwrap(), &config["payload"]);
            assert!(matches!(decoded, Decoded::Learned(_) | Decoded::Nothing), "{config} {decoded:?}");
        }
        for case in model["cases"].as_array().unwrap() {
            cases += 1;
            let decoded = hear(&mut learned, case["topic"].as_str().unwrap(), &case["payload"]);
            wrong.extend(differs(case, &decoded).map(|line| format!("{} {}: {line}", model["vendor"], model["model"])));
        }
    }
    assert!(models.len() >= 294);
    assert!(wrong.is_empty(), "{} of {cases} cases:\n{}", wrong.len(), wrong.join("\n"));
}
