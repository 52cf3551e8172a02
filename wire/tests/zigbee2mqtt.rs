//! Stories of a zigbee2mqtt bridge: describing, renaming, groups, availability, doubt.

mod common;

use common::{House, line};
use serde_json::{Value as Json, json};
use wire::{Learned, Retained, Role};

fn device(address: &str, name: &str, description: &str, exposes: &Json) -> Json {
    json!({"ieee_address": address, "friendly_name": name, "type": "EndDevice", "supported": true,
        "definition": {"vendor": "V", "model": "M", "description": description, "exposes": exposes}})
}

fn binary(name: &str, on: &Json, off: &Json) -> Json {
    json!({"type": "binary", "name": name, "property": name, "access": 1, "value_on": on, "value_off": off})
}

fn choice(name: &str, values: &Json) -> Json {
    json!({"type": "enum", "name": name, "property": name, "access": 1, "values": values})
}

fn house(devices: &Json) -> House {
    let mut house = House::default();
    house.teach("zigbee2mqtt/bridge/devices", devices);
    house
}

fn one(description: &str, exposes: &Json) -> House {
    house(&json!([device("0x01", "d", description, exposes)]))
}

#[test]
fn polarity_and_values_come_from_the_exposes() {
    let mut home = one("", &json!([binary("smoke", &json!("fire!"), &json!("fine")), binary("contact", &json!(false), &json!(true))]));
    home.check("zigbee2mqtt/d", r#"{"smoke":"fire!"}"#, "0x01: smoke");
    home.check("zigbee2mqtt/d", r#"{"smoke":"FINE"}"#, "0x01: smoke=no");
    home.check("zigbee2mqtt/d", r#"{"contact":false}"#, "0x01: contact=open");
    let mut turned = one("", &json!([binary("smoke", &json!(false), &json!(true)), binary("contact", &json!("open"), &json!("shut"))]));
    turned.check("zigbee2mqtt/d", r#"{"smoke":false,"contact":"shut"}"#, "0x01: smoke contact=closed");
}

#[test]
fn unknown_values_neither_raise_nor_mute() {
    let mut home = one("Radar", &json!([
        binary("smoke", &json!(true), &json!(false)),
        choice("fall_status", &json!(["normal", "fall_warning", "fall_alarm", "unknown"])),
        choice("action", &json!(["single", "emergency", "recall_*"])),
    ]));
    home.check("zigbee2mqtt/d", r#"{"smoke":"maybe"}"#, "0x01: heartbeat !bad_value");
    home.check("zigbee2mqtt/d", r#"{"smoke":7,"fall_status":"fall_alarm"}"#, "0x01: fall !bad_value");
    home.check("zigbee2mqtt/d", r#"{"smoke":null,"fall_status":null}"#, "0x01: heartbeat");
    home.check("zigbee2mqtt/d", r#"{"fall_status":"fall_warning"}"#, "0x01: heartbeat");
    home.check("zigbee2mqtt/d", r#"{"fall_status":"normal"}"#, "0x01: fall=no");
    home.check("zigbee2mqtt/d", r#"{"fall_status":"sideways"}"#, "0x01: heartbeat !bad_value");
    home.check("zigbee2mqtt/d", r#"{"action":"recall_7"}"#, "0x01: button");
    home.check("zigbee2mqtt/d", r#"{"action":"jump"}"#, "0x01: heartbeat !bad_value");
    home.check("zigbee2mqtt/d", r#"{"action":"panic"}"#, "0x01: call !bad_value");
    home.check("zigbee2mqtt/d", r#"{"action":""}"#, "0x01: heartbeat");
    home.check("zigbee2mqtt/d", r#"{"humidity":40}"#, "0x01: heartbeat");
    home.check("zigbee2mqtt/d", r#"{"smoke":tr"#, "!not_json");
}

#[test]
fn states_of_other_names_and_shapes_are_understood() {
    let mut home = one("Gas and smoke alarm", &json!([
        choice("gas_sensor_state", &json!(["normal", "alarm"])),
        choice("co_state", &json!(["normal", "alarm"])),
        choice("co2_state", &json!(["normal", "alarm"])),
        choice("smoke_state", &json!(["alarm", "normal"])),
        choice("battery_state", &json!(["low", "middle", "high"])),
        choice("checking_result", &json!(["checking", "check_success"])),
        binary("smoke_alarm_silenced", &json!(true), &json!(false)),
        {"type": "binary", "name": "fall_detection", "property": "fall_detection", "access": 7, "value_on": "ON", "value_off": "OFF"},
        {"type": "composite", "name": "outer", "property": "outer", "features": [binary("tamper", &json!(1), &json!(0))]},
    ]));
    home.check("zigbee2mqtt/d", r#"{"gas_sensor_state":"alarm","co_state":"normal"}"#, "0x01: gas carbon_monoxide=no");
    home.check("zigbee2mqtt/d", r#"{"co_state":"alarm"}"#, "0x01: carbon_monoxide");
    home.check("zigbee2mqtt/d", r#"{"co2_state":"alarm","smoke_alarm_silenced":true,"fall_detection":"ON"}"#, "0x01: heartbeat");
    home.check("zigbee2mqtt/d", r#"{"smoke_state":"alarm","battery_state":"low"}"#, "0x01: smoke battery");
    home.check("zigbee2mqtt/d", r#"{"outer":{"tamper":1}}"#, "0x01: tamper");
}

#[test]
fn mains_that_are_gone_are_told_once_while_they_are() {
    let mut home = one("", &json!([binary("mains_power_connected", &json!(true), &json!(false)), binary("power_outage", &json!(true), &json!(false))]));
    let gone = |home: &mut House| home.hear("zigbee2mqtt/d", r#"{"mains_power_connected":false}"#).signals()[0].clone();
    let (first, again) = (gone(&mut home), gone(&mut home));
    assert_eq!((first.kind, first.value), (care::SignalKind::Mains, care::Value::Bool(false)));
    assert!(first.event.is_some() && first.event == again.event, "said again with every report, it is one event");
    home.check("zigbee2mqtt/d", r#"{"mains_power_connected":true}"#, "0x01: mains");
    home.check("zigbee2mqtt/d", r#"{"power_outage":true}"#, "0x01: heartbeat");
}

#[test]
fn a_fall_of_a_thing_is_no_fall_of_a_person() {
    let mut cube = one("Smart cube", &json!([choice("action", &json!(["fall", "shake"])), binary("fall", &json!(true), &json!(false))]));
    cube.check("zigbee2mqtt/d", r#"{"action":"fall","fall":true}"#, "0x01: button");
    let mut radar = one("Human presence radar", &json!([binary("fall", &json!(true), &json!(false))]));
    radar.check("zigbee2mqtt/d", r#"{"fall":true}"#, "0x01: fall");
}

#[test]
fn a_bed_sensor_tells_of_the_bed() {
    let mut home = one("Pressure strap / bed occupancy sensor", &json!([binary("occupancy", &json!(true), &json!(false))]));
    home.check("zigbee2mqtt/d", r#"{"occupancy":false}"#, "0x01: bed=no");
}

#[test]
fn what_people_declare_wins() {
    let mut home = one("", &json!([choice("action", &json!(["single", "release"])), binary("contact", &json!(false), &json!(true))]));
    home.check("zigbee2mqtt/d", r#"{"action":"single"}"#, "0x01: button");
    assert!(home.learned.declare("0x01".into(), Some(Role::CallButton)));
    home.check("zigbee2mqtt/d", r#"{"action":"single"}"#, "0x01: call");
    home.check("zigbee2mqtt/d", r#"{"action":"release"}"#, "0x01: button");
    assert!(home.learned.declare("0x01".into(), Some(Role::ExitDoor)));
    home.check("zigbee2mqtt/d", r#"{"contact":false,"action":"single"}"#, "0x01: button door=open");
}

#[test]
fn a_device_keeps_its_identity_when_it_is_renamed() {
    let exposes = json!([binary("occupancy", &json!(true), &json!(false))]);
    let mut home = house(&json!([device("0x01", "old", "", &exposes), {"ieee_address": "0x00", "friendly_name": "Coordinator", "type": "Coordinator"}]));
    home.check("zigbee2mqtt/old", r#"{"occupancy":true}"#, "0x01: motion");
    home.teach("zigbee2mqtt/bridge/devices", &json!([device("0x01", "卧室/人体", "", &exposes)]));
    home.check("zigbee2mqtt/卧室/人体", r#"{"occupancy":true}"#, "0x01: motion");
    home.check("zigbee2mqtt/old", r#"{"occupancy":true}"#, "!not_described");
}

#[test]
fn a_device_that_was_not_described_can_still_call() {
    let mut home = House::default();
    home.check("zigbee2mqtt/new", r#"{"action":"emergency"}"#, "new: call !not_described");
    home.check("zigbee2mqtt/new", r#"{"smoke":true,"gas":false}"#, "new: smoke !not_described");
    home.check("zigbee2mqtt/new", r#"{"sos":true}"#, "new: call !not_described");
    home.check("zigbee2mqtt/new", r#"{"occupancy":true}"#, "!not_described");
    let named = home.told("zigbee2mqtt/卫生间按钮", r#"{"action":"sos"}"#);
    assert!(named.ends_with(": call !not_described"), "{named}");
}

#[test]
fn groups_commands_and_the_bridge_itself_say_nothing_about_people() {
    let mut home = one("", &json!([binary("smoke", &json!(true), &json!(false))]));
    home.teach("zigbee2mqtt/bridge/groups", &json!([{"id": 1, "friendly_name": "all lamps"}]));
    home.check("zigbee2mqtt/all lamps", r#"{"state":"ON"}"#, "nothing");
    home.check("zigbee2mqtt/all lamps/availability", r#"{"state":"online"}"#, "nothing");
    home.check("zigbee2mqtt/d/set", r#"{"smoke":true}"#, "nothing");
    home.check("zigbee2mqtt/bridge/logging", r#"{"level":"info","message":"smoke"}"#, "nothing");
    home.check("zigbee2mqtt/bridge/event", r#"{"type":"device_joined"}"#, "nothing");
}

#[test]
fn availability_tells_a_dead_sensor_from_a_dead_bridge() {
    let mut home = one("", &json!([binary("smoke", &json!(true), &json!(false))]));
    home.check("zigbee2mqtt/d/availability", r#"{"state":"offline"}"#, "0x01: offline");
    home.check("zigbee2mqtt/d/availability", "online", "0x01: online");
    home.check("zigbee2mqtt/bridge/state", r#"{"state":"offline"}"#, "zigbee2mqtt: offline");
    assert_eq!(line(&home.raw("zigbee2mqtt/d/availability", br#"{"state":"offline"}"#, Retained::Yes)), "0x01: offline");
}

#[test]
fn a_stored_copy_of_movement_is_no_movement() {
    let mut home = one("", &json!([binary("occupancy", &json!(true), &json!(false)), binary("smoke", &json!(true), &json!(false))]));
    assert_eq!(line(&home.raw("zigbee2mqtt/d", br#"{"occupancy":true,"smoke":true}"#, Retained::Yes)), "0x01: smoke");
}

#[test]
fn when_the_bridge_tells_when_it_heard_the_device_that_is_the_devices_time() {
    let mut home = one("", &json!([binary("occupancy", &json!(true), &json!(false))]));
    let decoded = home.hear("zigbee2mqtt/d", r#"{"occupancy":true,"last_seen":"2026-11-23T15:59:58+08:00"}"#);
    assert_eq!(decoded.signals()[0].said_at, Some("2026-11-23T07:59:58Z".parse().unwrap()));
    let decoded = home.hear("zigbee2mqtt/d", r#"{"occupancy":true,"last_seen":1795420798000}"#);
    assert_eq!(decoded.signals()[0].said_at.unwrap().timestamp(), 1_795_420_798);
}

#[test]
fn one_press_on_two_topics_is_one_press() {
    let exposes = json!([choice("action", &json!(["emergency"])), binary("occupancy", &json!(true), &json!(false))]);
    let mut home = one("", &exposes);
    home.check("zigbee2mqtt/d", r#"{"action":"emergency"}"#, "0x01: call");
    home.check("zigbee2mqtt/d/action", "emergency", "nothing");
    let mut by_property = one("", &exposes);
    by_property.check("zigbee2mqtt/d/action", "emergency", "0x01: call");
    by_property.check("zigbee2mqtt/d/action", "emergency", "0x01: call");
    by_property.check("zigbee2mqtt/d/occupancy", "true", "0x01: motion");
}

#[test]
fn another_base_topic_is_learned_from_its_bridge() {
    let mut home = House::default();
    home.teach("二楼/z2m/bridge/devices", &json!([device("0x09", "d", "", &json!([binary("gas", &json!(true), &json!(false))]))]));
    home.check("二楼/z2m/d", r#"{"gas":true}"#, "0x09: gas");
}

#[test]
fn a_broken_description_leaves_what_is_known() {
    let mut home = one("", &json!([binary("gas", &json!(true), &json!(false))]));
    home.check("zigbee2mqtt/bridge/devices", r#"[{"ieee_"#, "!not_json");
    home.check("zigbee2mqtt/d", r#"{"gas":true}"#, "0x01: gas");
}

#[test]
fn what_is_learned_is_bounded_and_survives_storage() {
    let exposes = json!([choice("action", &json!(["single"])), binary("smoke", &json!("Yes"), &json!("No"))]);
    let many: Vec<Json> = (0..1000).map(|i| device(&format!("0x{i:04x}"), &format!("d{i}"), "", &exposes)).collect();
    let mut home = House::default();
    let decoded = home.hear("zigbee2mqtt/bridge/devices", &Json::from(many).to_string());
    let wire::Decoded::Learned(lesson) = decoded else { panic!() };
    assert_eq!((lesson.devices.len(), lesson.left_out), (Learned::DEVICES_MAX, 1000 - Learned::DEVICES_MAX));
    let stored = serde_json::to_vec(&home.learned).unwrap();
    assert_eq!(serde_json::from_slice::<Learned>(&stored).unwrap(), home.learned);
}

#[test]
fn a_state_that_is_repeated_is_one_event_and_a_press_never() {
    let mut home = one("", &json!([
        binary("smoke", &json!(true), &json!(false)),
        binary("sos", &json!(true), &json!(false)),
        choice("action", &json!(["single"])),
    ]));
    let mut event = |payload: &str, at: &str| {
        let message = wire::Message {
            home: Some(&home.home),
            topic: "zigbee2mqtt/d",
            payload: payload.as_bytes(),
            heard_at: at.parse().unwrap(),
            retained: Retained::No,
        };
        wire::decode(&message, &mut home.learned).signals()[0].event.clone()
    };
    let first = event(r#"{"smoke":true}"#, "2026-11-23T08:00:00Z");
    assert!(first.is_some());
    assert_eq!(event(r#"{"smoke":true,"linkquality":9}"#, "2026-11-23T08:04:59Z"), first, "said again");
    let longer = event(r#"{"smoke":true}"#, "2026-11-23T08:05:00Z");
    assert_ne!(longer, first, "it has lasted");
    event(r#"{"smoke":false}"#, "2026-11-23T08:05:10Z");
    assert_ne!(event(r#"{"smoke":true}"#, "2026-11-23T08:05:20Z"), longer, "it came back");
    assert_eq!(event(r#"{"sos":true}"#, "2026-11-23T08:00:00Z"), None, "a call is a press each time");
    assert_eq!(event(r#"{"action":"single"}"#, "2026-11-23T08:00:00Z"), None);
}

#[test]
fn an_alarm_without_a_name_is_told_by_its_description() {
    let alarm = |text: &str| json!({"type": "enum", "name": "alarm_status", "property": "alarm_status", "access": 1, "values": ["normal", "alarm"], "description": text});
    let mut shaken = one("Sensor", &json!([alarm("Indicates when vibration is detected")]));
    shaken.check("zigbee2mqtt/d", r#"{"alarm_status":"alarm"}"#, "0x01: vibration");
    let mut detector = one("Smoke detector", &json!([alarm("Device alarm status")]));
    detector.check("zigbee2mqtt/d", r#"{"alarm_status":"alarm"}"#, "0x01: smoke");
    detector.check("zigbee2mqtt/d", r#"{"alarm_status":"prealarm"}"#, "0x01: heartbeat !bad_value");
    let mut both = one("Smoke and CO detector", &json!([alarm("Device alarm status")]));
    both.check("zigbee2mqtt/d", r#"{"alarm_status":"alarm"}"#, "0x01: heartbeat");
    let mut named = one("Smoke detector", &json!([binary("smoke", &json!(true), &json!(false)), alarm("Siren")]));
    named.check("zigbee2mqtt/d", r#"{"alarm_status":"alarm","smoke":false}"#, "0x01: smoke=no");
}

#[test]
fn names_and_words_of_other_makers() {
    let mut home = one("", &json!([
        binary("garage_door_contact", &json!(false), &json!(true)),
        binary("gas_leak", &json!(true), &json!(false)),
        binary("rain", &json!(true), &json!(false)),
        binary("open_window", &json!("ON"), &json!("OFF")),
        binary("emergency_overvoltage", &json!(true), &json!(false)),
        choice("presence_event", &json!(["enter", "leave", "left_enter", "left_leave"])),
        choice("battery_status", &json!(["good", "replace_now"])),
        choice("posture", &json!(["standing", "fallen"])),
        choice("action", &json!(["fire", "emergency_hold", "sos_release"])),
    ]));
    for (payload, expected) in [
        (r#"{"garage_door_contact":false}"#, "contact=open"),
        (r#"{"gas_leak":true}"#, "gas"),
        (r#"{"rain":true,"open_window":"ON","emergency_overvoltage":true}"#, "heartbeat"),
        (r#"{"presence_event":"left_enter"}"#, "presence"),
        (r#"{"presence_event":"left_leave"}"#, "presence=no"),
        (r#"{"battery_status":"replace_now"}"#, "battery"),
        (r#"{"posture":"fallen"}"#, "fall"),
        (r#"{"action":"fire"}"#, "call"),
        (r#"{"action":"emergency_hold"}"#, "call"),
        (r#"{"action":"sos_release"}"#, "button"),
    ] {
        home.check("zigbee2mqtt/d", payload, &format!("0x01: {expected}"));
    }
}

#[test]
fn what_a_machine_or_a_meter_says_is_no_sign_of_life() {
    let mut valve = one("Battery powered valve", &json!([choice("status", &json!(["OFF", "ON", "MOVING", "STUCK"]))]));
    valve.check("zigbee2mqtt/d", r#"{"status":"MOVING"}"#, "0x01: heartbeat");
    let mut meter = one("Temperature and humidity sensor", &json!([
        choice("temperature_alarm_status", &json!(["low", "normal", "high"])),
        choice("liquid_state", &json!(["low", "normal", "high"])),
    ]));
    meter.check("zigbee2mqtt/d", r#"{"temperature_alarm_status":"low","liquid_state":"low"}"#, "0x01: heartbeat");
    let mut radar = one("Fall radar", &json!([choice("status", &json!(["unoccupied", "low_posture", "falling"]))]));
    radar.check("zigbee2mqtt/d", r#"{"status":"low_posture"}"#, "0x01: presence");
    let mut remote = one("1 gang switch", &json!([choice("vibration", &json!(["off", "low", "high"]))]));
    remote.check("zigbee2mqtt/d", r#"{"vibration":"low"}"#, "0x01: heartbeat");
}

#[test]
fn water_is_found_in_a_description_and_among_other_words() {
    let detects = json!({"type": "binary", "name": "water", "property": "water", "access": 1, "value_on": true, "value_off": false, "description": "Indicates whether the device detects water"});
    let mut sensor = one("Water sensor", &json!([detects, binary("water_supply", &json!(true), &json!(false))]));
    sensor.check("zigbee2mqtt/d", r#"{"water":true,"water_supply":true}"#, "0x01: water_leak");
    let mut valve = one("Smart water valve", &json!([
        choice("current_device_status", &json!(["normal_state", "water_shortage", "water_leakage", "water_shortage & water_leakage"])),
        choice("valve_abnormal_state", &json!(["normal", "water_shortage", "water_leakage,fail_safe"])),
    ]));
    valve.check("zigbee2mqtt/d", r#"{"current_device_status":"water_shortage & water_leakage"}"#, "0x01: water_leak");
    valve.check("zigbee2mqtt/d", r#"{"valve_abnormal_state":"water_leakage,fail_safe"}"#, "0x01: water_leak");
    valve.check("zigbee2mqtt/d", r#"{"valve_abnormal_state":"water_shortage","current_device_status":"water_shortage"}"#, "0x01: heartbeat");
}
