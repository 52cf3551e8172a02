//! The native language, version 1, held to its golden file.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use common::House;
use serde_json::Value as Json;

#[test]
fn version_1_keeps_its_meaning() {
    let golden = include_str!("golden/native-v1.jsonl");
    assert!(golden.lines().count() > 30);
    for line in golden.lines() {
        let line: Json = serde_json::from_str(line).unwrap();
        let text = |key: &str| line.get(key).and_then(Json::as_str).unwrap_or_default();
        let decoded = House::default().hear(text("topic"), text("payload"));
        let told: Vec<String> = common::line(&decoded).split(' ').filter(|w| !w.ends_with(':') && *w != "nothing").map(str::to_owned).collect();
        let fault = if text("fault").is_empty() { String::new() } else { format!(" !{}", text("fault")) };
        let expected = format!("{}{fault}", text("signals").replace("=false", "=no")).trim().to_owned();
        assert_eq!(told.join(" "), expected, "{line}");
    }
}
