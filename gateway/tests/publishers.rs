//! What real publishers send, through the real door: ha-mqtt-discoverable (PyPI), and a stream as zigbee2mqtt sends it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

mod peer;

use care::SignalKind;
use peer::*;
use std::process::Command;
use wire::{Decoded, Learned};

/// What ingest makes of what the door has stored, in order: `device kind=value`, with the names that the corpus uses.
fn heard(house: &House) -> Vec<String> {
    let mut learned = Learned::default();
    let mut out = Vec::new();
    for record in house.log.stored() {
        let message =
            wire::Message { home: Some(&record.home), topic: &record.topic, payload: &record.payload, heard_at: record.heard_at, retained: wire::Retained::No };
        let decoded = wire::decode(&message, &mut learned);
        if let Decoded::Learned(lesson) = &decoded {
            out.push(format!("learned {}", lesson.devices.len()));
        }
        for signal in decoded.signals() {
            out.push(format!("{} {}={:?}", signal.device, signal.kind.name(), signal.value));
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_of_home_assistant_discovery_is_understood() {
    let peers = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers");
    if !peers.join("ha_mqtt_discoverable").is_dir() {
        println!("skipped: no ha-mqtt-discoverable in target/peers (scripts/test need_peers)");
        return;
    }
    let house = house().await;
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer/ha_publisher.py");
    let port = house.keyed.port().to_string();
    let run = tokio::task::spawn_blocking(move || Command::new("python3").env("PYTHONPATH", peers).arg(script).arg(&port).output().unwrap());
    let out = run.await.unwrap();
    assert!(out.status.success(), "{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    let heard = heard(&house);
    let has = |what: &str| heard.iter().any(|line| line.contains(what));
    assert_eq!(heard.iter().filter(|line| line.starts_with("learned")).count(), 3, "{heard:#?}");
    for what in ["motion=Bool(true)", "smoke=Bool(false)", "smoke=Bool(true)", "battery=Number(7.0)"] {
        assert!(has(what), "{what} is missing in {heard:#?}");
    }
    assert!(house.log.stored().iter().all(|record| record.home.as_str() == "h1"));
}

const DEVICES: &str = r#"[{"type":"Coordinator","ieee_address":"0x00","friendly_name":"Coordinator"},
{"type":"EndDevice","ieee_address":"0x01","friendly_name":"hall motion","definition":{"model":"m","vendor":"v","description":"motion","exposes":[{"type":"binary","name":"occupancy","property":"occupancy","access":1,"value_on":true,"value_off":false},{"type":"numeric","name":"battery","property":"battery","access":1,"unit":"%"}]}},
{"type":"EndDevice","ieee_address":"0x02","friendly_name":"bed/button","definition":{"model":"b","vendor":"v","description":"button","exposes":[{"type":"enum","name":"action","property":"action","access":1,"values":["emergency","single"]}]}},
{"type":"Router","ieee_address":"0x03","friendly_name":"kitchen smoke","definition":{"model":"s","vendor":"v","description":"smoke","exposes":[{"type":"binary","name":"smoke","property":"smoke","access":1,"value_on":true,"value_off":false}]}}]"#;

#[tokio::test]
async fn a_stream_as_zigbee2mqtt_sends_it_with_retained_descriptions_availability_and_groups() {
    let mut told = Vec::new();
    for level in [V3, V5] {
        let house = house().await;
        let mut bridge = Client::connect(house.keyed, &hi(level, "zigbee2mqtt").login("hub")).await;
        bridge.retain("zigbee2mqtt/bridge/state", r#"{"state":"online"}"#, 1).await;
        bridge.retain("zigbee2mqtt/bridge/info", r#"{"version":"2.1.0","coordinator":{"type":"EmberZNet"},"config":{}}"#, 1).await;
        bridge.retain("zigbee2mqtt/bridge/devices", DEVICES, 1).await;
        bridge.retain("zigbee2mqtt/bridge/groups", r#"[{"id":1,"friendly_name":"all lights","members":[{"ieee_address":"0x01","endpoint":1}]}]"#, 1).await;
        for device in ["hall motion", "bed/button", "kitchen smoke"] {
            bridge.retain(&format!("zigbee2mqtt/{device}/availability"), r#"{"state":"online"}"#, 1).await;
        }
        bridge.publish("zigbee2mqtt/hall motion", r#"{"battery":9,"linkquality":80,"occupancy":true}"#, 1).await;
        bridge.publish("zigbee2mqtt/all lights", r#"{"state":"ON","occupancy":true}"#, 1).await;
        bridge.publish("zigbee2mqtt/bed/button", r#"{"action":"emergency","linkquality":120}"#, 1).await;
        bridge.publish("zigbee2mqtt/kitchen smoke", r#"{"smoke":true}"#, 1).await;
        bridge.retain("zigbee2mqtt/kitchen smoke/availability", r#"{"state":"offline"}"#, 1).await;
        bridge.publish("zigbee2mqtt/bridge/logging", r#"{"level":"info","message":"occupancy smoke"}"#, 1).await;
        bridge.bye().await;
        told.push(heard(&house));
        // Whoever comes later is given the descriptions.
        let mut reader = Client::connect(house.keyed, &hi(level, "reader").login("hub")).await;
        reader.subscribe("zigbee2mqtt/bridge/devices", 1).await;
        let kept = reader.hear().await.unwrap();
        assert!(String::from_utf8_lossy(&kept.body).contains("hall motion"));
    }
    assert_eq!(told[0], told[1], "the same in both versions");
    let told = &told[0];
    let count = |kind: SignalKind| told.iter().filter(|line| line.split(' ').any(|word| word.starts_with(&format!("{}=", kind.name())))).count();
    assert_eq!((count(SignalKind::Motion), count(SignalKind::Call), count(SignalKind::Smoke)), (1, 1, 1), "a group and a log say nothing: {told:#?}");
    assert_eq!((count(SignalKind::Battery), count(SignalKind::Offline)), (1, 1), "{told:#?}");
}
