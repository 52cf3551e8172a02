//! Stories of Home Assistant discovery: ESPHome, Theengs, events, triggers, availability.

mod common;

use common::House;
use serde_json::{Value as Json, json};

fn house(configs: &[(&str, Json)]) -> House {
    let mut house = House::default();
    for (topic, payload) in configs {
        house.teach(topic, payload);
    }
    house
}

#[test]
fn short_keys_and_plain_words_are_understood() {
    let mut home = house(&[
        ("homeassistant/binary_sensor/esp/pir/config", json!({"name": "Hall PIR", "dev_cla": "motion", "stat_t": "~/pir/state", "~": "esp-hall",
            "avty_t": "~/status", "uniq_id": "ESPpir", "dev": {"ids": "a1b2c3", "name": "esp-hall", "sa": "走廊"}})),
        ("homeassistant/binary_sensor/esp/door/config", json!({"name": "Door", "dev_cla": "door", "stat_t": "esp-hall/door/state", "uniq_id": "ESPdoor", "dev": {"ids": "a1b2c3"}})),
        ("homeassistant/sensor/esp/t/config", json!({"name": "Living Room Temperature", "dev_cla": "temperature", "unit_of_meas": "°F", "stat_t": "esp-hall/t/state", "dev": {"ids": "a1b2c3"}})),
        ("homeassistant/binary_sensor/esp/sos/config", json!({"name": "Bathroom SOS", "stat_t": "esp-hall/sos/state", "dev": {"ids": "a1b2c3"}})),
        ("homeassistant/binary_sensor/esp/mains/config", json!({"name": "Mains power", "dev_cla": "power", "stat_t": "esp-hall/mains/state", "dev": {"ids": "a1b2c3"}})),
        ("homeassistant/binary_sensor/esp/washer/config", json!({"name": "Washer power", "dev_cla": "power", "stat_t": "esp-hall/washer/state", "dev": {"ids": "a1b2c3"}})),
        ("homeassistant/binary_sensor/esp/rain/config", json!({"name": "Rain", "dev_cla": "moisture", "stat_t": "esp-hall/rain/state", "dev": {"ids": "a1b2c3"}})),
    ]);
    home.check("esp-hall/pir/state", "ON", "a1b2c3: motion");
    assert_eq!(home.hear("esp-hall/pir/state", "ON").signals()[0].room.as_deref(), Some("走廊"));
    home.check("esp-hall/pir/state", "unknown", "a1b2c3: heartbeat");
    home.check("esp-hall/pir/state", "garbage", "a1b2c3: heartbeat !bad_value");
    home.check("esp-hall/door/state", "OFF", "a1b2c3: contact=closed");
    home.check("esp-hall/t/state", "68.0", "a1b2c3: temperature=20");
    home.check("esp-hall/sos/state", "ON", "a1b2c3: call");
    home.check("esp-hall/rain/state", "ON", "a1b2c3: heartbeat");
    home.check("esp-hall/mains/state", "OFF", "a1b2c3: mains=no");
    home.check("esp-hall/washer/state", "OFF", "a1b2c3: heartbeat");
    home.check("esp-hall/status", "offline", "a1b2c3: offline");
    home.check("esp-hall/other", "1", "!unknown_language");
}

#[test]
fn entities_of_one_payload_are_told_together() {
    let device = json!({"identifiers": ["AA:BB"], "name": "Pad", "model": "Mattress sensor"});
    let mut home = house(&[
        ("homeassistant/binary_sensor/AABB/occupied/config", json!({"device_class": "occupancy", "state_topic": "home/TheengsGateway/AABB",
            "value_template": "{{ value_json.occupied | is_defined }}", "payload_on": true, "payload_off": false, "device": device})),
        ("homeassistant/sensor/AABB/batt/config", json!({"device_class": "battery", "unit_of_measurement": "%", "state_topic": "home/TheengsGateway/AABB",
            "value_template": "{{ value_json.batt | is_defined }}", "device": device})),
        ("homeassistant/sensor/AABB/tempc/config", json!({"device_class": "temperature", "unit_of_measurement": "°C", "state_topic": "home/TheengsGateway/AABB",
            "value_template": "{{ value_json.tempc | is_defined }}", "device": device})),
    ]);
    home.check("home/TheengsGateway/AABB", r#"{"occupied":true,"batt":9}"#, "AA:BB: bed battery=9");
    home.check("home/TheengsGateway/AABB", r#"{"tempc":21.5}"#, "AA:BB: temperature=21.5");
    home.check("home/TheengsGateway/AABB", r#"{"rssi":-70}"#, "AA:BB: heartbeat");
}

#[test]
fn events_and_triggers_are_presses_and_a_button_named_for_help_calls() {
    let mut home = house(&[
        ("homeassistant/event/b1/press/config", json!({"name": "Button", "device_class": "button", "state_topic": "b1/event",
            "event_types": ["press", "hold", "release"], "device": {"identifiers": ["b1"]}})),
        ("homeassistant/event/b2/press/config", json!({"name": "紧急呼叫", "state_topic": "b2/event", "event_types": ["press", "release"], "device": {"identifiers": ["b2"]}})),
        ("homeassistant/device_automation/b3/a/config", json!({"automation_type": "trigger", "type": "action", "subtype": "emergency", "payload": "emergency",
            "topic": "b3/action", "device": {"identifiers": ["b3"]}})),
        ("homeassistant/device_automation/b3/b/config", json!({"automation_type": "trigger", "type": "button_short_press", "subtype": "button_1", "payload": "single",
            "topic": "b3/action", "device": {"identifiers": ["b3"]}})),
        ("homeassistant/device_automation/b4/a/config", json!({"automation_type": "trigger", "type": "button_press", "subtype": "button_1", "topic": "b4/t", "device": {"identifiers": "b4"}})),
        ("homeassistant/event/m1/motion/config", json!({"device_class": "motion", "state_topic": "m1/event", "event_types": ["motion"], "device": {"identifiers": ["m1"]}})),
    ]);
    home.check("b1/event", r#"{"event_type":"press"}"#, "b1: button");
    home.check("b1/event", r#"{"event_type":"explode"}"#, "b1: heartbeat !bad_value");
    home.check("b2/event", r#"{"event_type":"press"}"#, "b2: call");
    home.check("b2/event", r#"{"event_type":"release"}"#, "b2: button");
    home.check("b3/action", "emergency", "b3: call");
    home.check("b3/action", "single", "b3: button");
    home.check("b3/action", "other", "b3: heartbeat");
    home.check("b4/t", "pressed", "b4: button");
    home.check("m1/event", r#"{"event_type":"motion"}"#, "m1: motion");
}

#[test]
fn one_configuration_can_describe_a_whole_device() {
    let mut home = house(&[("homeassistant/device/0AF/config", json!({"dev": {"ids": "0AF", "name": "kitchen"}, "o": {"name": "x"}, "state_topic": "k/state",
        "cmps": {"gas": {"p": "binary_sensor", "device_class": "gas", "value_template": "{{ value_json.g }}", "payload_on": 1, "payload_off": 0},
            "t": {"p": "sensor", "device_class": "temperature", "unit_of_measurement": "°C", "value_template": "{{ value_json.t }}"}}}))]);
    home.check("k/state", r#"{"g":1,"t":20}"#, "0AF: gas temperature=20");
}

#[test]
fn a_class_of_another_kind_counts_only_by_a_name_that_calls() {
    let mut home = house(&[
        ("homeassistant/binary_sensor/x/a/config", json!({"device_class": "problem", "name": "Smoke detector fault", "state_topic": "x/a", "device": {"identifiers": ["x"]}})),
        ("homeassistant/binary_sensor/x/b/config", json!({"device_class": "safety", "name": "SOS", "state_topic": "x/b", "device": {"identifiers": ["x"]}})),
        ("homeassistant/binary_sensor/x/c/config", json!({"device_class": "safety", "name": "Window lock", "state_topic": "x/c", "device": {"identifiers": ["x"]}})),
        ("homeassistant/switch/x/d/config", json!({"name": "SOS siren", "state_topic": "x/d", "device": {"identifiers": ["x"]}})),
    ]);
    home.check("x/a", "ON", "x: heartbeat");
    home.check("x/b", "ON", "x: call");
    home.check("x/c", "ON", "x: heartbeat");
    home.check("x/d", "ON", "x: heartbeat");
}

#[test]
fn an_entity_with_a_template_beyond_the_subset_is_shown_when_it_is_described() {
    let mut home = House::default();
    let config = json!({"device_class": "smoke", "name": "S", "state_topic": "s/state", "value_template": "{{ states('x') }}", "device": {"identifiers": ["s"]}});
    home.check("homeassistant/binary_sensor/s/s/config", &config.to_string(), "!template");
    home.check("s/state", "ON", "s: heartbeat");
}

#[test]
fn an_empty_configuration_takes_the_entity_away() {
    let config = json!({"device_class": "smoke", "state_topic": "s/state", "availability_topic": "s/lwt", "device": {"identifiers": ["s"]}});
    let mut home = house(&[("homeassistant/binary_sensor/s/s/config", config)]);
    home.check("s/state", "ON", "s: smoke");
    home.check("homeassistant/binary_sensor/s/s/config", "", "nothing");
    home.check("s/state", "ON", "!unknown_language");
    home.check("s/lwt", "offline", "!unknown_language");
}

#[test]
fn availability_that_many_share_is_the_bridges() {
    let config = |id: &str| json!({"device_class": "smoke", "state_topic": format!("{id}/state"), "device": {"identifiers": [id]},
        "availability": [{"topic": "bridge/state", "value_template": "{{ value_json.state }}"}]});
    let mut home = house(&[("homeassistant/binary_sensor/a/s/config", config("a"))]);
    home.check("bridge/state", r#"{"state":"offline"}"#, "a: offline");
    home.teach("homeassistant/binary_sensor/b/s/config", &config("b"));
    let told = home.told("bridge/state", r#"{"state":"offline"}"#);
    assert!(told.starts_with("bridgestate-") && told.ends_with(": offline"), "{told}");
}

#[test]
fn a_device_that_its_zigbee_bridge_described_is_told_once() {
    let mut home = house(&[
        ("zigbee2mqtt/bridge/devices", json!([{"ieee_address": "0x01", "friendly_name": "d", "definition": {"exposes": [
            {"type": "binary", "name": "smoke", "property": "smoke", "access": 1, "value_on": true, "value_off": false}]}}])),
        ("homeassistant/binary_sensor/0x01/smoke/config", json!({"device_class": "smoke", "state_topic": "zigbee2mqtt/d", "payload_on": true, "payload_off": false,
            "value_template": "{{ value_json[\"smoke\"] }}", "device": {"identifiers": ["zigbee2mqtt_0x01"]}})),
    ]);
    home.check("zigbee2mqtt/d", r#"{"smoke":true}"#, "0x01: smoke");
}

#[test]
fn words_of_a_sensor_count_where_its_name_says_what_about() {
    let config = |key: &str, object: &str| {
        (
            format!("homeassistant/sensor/r/{object}/config"),
            json!({"name": object, "state_topic": "r/state", "value_template": format!("{{{{ value_json[\"{key}\"] | default('',True) | string | truncate(254, True, '', 0) }}}}"),
                "device": {"identifiers": ["r"], "name": "r", "model": "Human presence sensor"}}),
        )
    };
    let mut home = House::default();
    for (topic, payload) in [config("fall_down_status", "Fall down status"), config("radar_scene", "Radar scene"), config("gas_sensor_state", "Gas state")] {
        home.teach(&topic, &payload);
    }
    home.check("r/state", r#"{"fall_down_status":"fall","radar_scene":"toilet"}"#, "r: fall");
    home.check("r/state", r#"{"fall_down_status":"maybe_fall"}"#, "r: heartbeat");
    home.check("r/state", r#"{"fall_down_status":"none","gas_sensor_state":"alarm"}"#, "r: fall=no gas");
    home.check("r/state", r#"{"radar_scene":"toilet"}"#, "r: heartbeat");
}
