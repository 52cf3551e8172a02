//! Stories of Tasmota, Shelly and ChirpStack.

mod common;

use common::House;
use wire::Role;

#[test]
fn tasmota_sensors_buttons_and_its_zigbee_bridge() {
    let mut home = House::default();
    home.check("tele/plug/SENSOR", r#"{"Time":"2026-11-23T10:00:00","ENERGY":{"Total":1.5,"Power":1200}}"#, "plug: power=1200");
    home.check("tele/th/SENSOR", r#"{"AM2301":{"Temperature":68.0,"Humidity":40},"TempUnit":"F"}"#, "th: temperature=20");
    home.check("th/tele/SENSOR", r#"{"AM2301":{"Temperature":20.5},"TempUnit":"C"}"#, "th: temperature=20.5");
    home.check("tele/plug/LWT", "Offline", "plug: offline");
    home.check("tele/plug/STATE", r#"{"POWER":"ON"}"#, "plug: heartbeat");
    home.check("stat/plug/STATUS5", r#"{"x":1}"#, "nothing");
    home.check("cmnd/plug/POWER", "ON", "nothing");
    home.check("homeassistant/status", "online", "nothing");
    home.check("stat/box/RESULT", r#"{"Button1":{"Action":"SINGLE"}}"#, "box-button1: button box: heartbeat");
    home.check("stat/box/RESULT", r#"{"Button1":{"Action":"CLEAR"}}"#, "box: heartbeat");
    home.check("stat/box/RESULT", r#"{"Button1":{"Action":"WHIRL"}}"#, "box-button1: heartbeat box: heartbeat !bad_value");
    assert!(home.learned.declare("box-button1".into(), Some(Role::CallButton)));
    home.check("stat/box/RESULT", r#"{"Button1":{"Action":"HOLD"}}"#, "box-button1: call box: heartbeat");
    home.check("stat/box/RESULT", r#"{"Switch2":{"Action":"ON"}}"#, "box-switch2: heartbeat box: heartbeat");
    assert!(home.learned.declare("box-switch2".into(), Some(Role::ExitDoor)));
    home.check("tele/box/SENSOR", r#"{"Switch2":"OFF"}"#, "box-switch2: door=closed box: heartbeat");
    home.check("tele/box/SENSOR", "{", "!not_json");
    let zigbee = |attributes: &str| format!(r#"{{"ZbReceived":{{"0x662E":{{"Device":"0x662E","Name":"d",{attributes}}}}}}}"#);
    for (attributes, expected) in [
        (r#""Contact":1,"ZoneStatusChange":33"#, "d: contact=open"),
        (r#""Contact":0"#, "d: contact=closed"),
        (r#""Occupancy":1"#, "d: motion"),
        (r#""Fire":1,"ZoneStatusChange":13"#, "d: smoke tamper battery"),
        (r#""CO":0"#, "d: carbon_monoxide=no"),
        (r#""Panic":1"#, "d: call"),
        (r#""PersonalAlarm":true"#, "d: call"),
        (r#""Water":7"#, "d: heartbeat !bad_value"),
        (r#""BatteryPercentage":10"#, "d: battery=10"),
        (r#""LinkQuality":131"#, "d: heartbeat"),
    ] {
        home.check("tele/bridge/SENSOR", &zigbee(attributes), expected);
    }
}

#[test]
fn shelly_notifications_states_and_presses() {
    let mut home = House::default();
    let status = |params: &str| format!(r#"{{"src":"s","dst":"s/events","method":"NotifyStatus","params":{{"ts":1795420798.25,{params}}}}}"#);
    let event = |params: &str| format!(r#"{{"src":"s","method":"NotifyEvent","params":{{"ts":1795420798.25,"events":[{params}]}}}}"#);
    for (params, expected) in [
        (r#""smoke:0":{"id":0,"alarm":true,"mute":false}"#, "shellyplussmoke-1: smoke"),
        (r#""smoke:0":{"id":0,"alarm":false}"#, "shellyplussmoke-1: smoke=no"),
        (r#""smoke:0":{"id":0,"alarm":"loud"}"#, "shellyplussmoke-1: heartbeat !bad_value"),
        (r#""flood:0":{"alarm":true}"#, "shellyplussmoke-1: water_leak"),
        (r#""devicepower:0":{"battery":{"V":2.9,"percent":12}}"#, "shellyplussmoke-1: battery=12"),
        (r#""devicepower:0":{"battery":{"percent":90},"external":{"present":false}}"#, "shellyplussmoke-1: battery=90 mains=no"),
        (r#""switch:0":{"apower":60.5}"#, "shellyplussmoke-1: power=60.5"),
        (r#""temperature:0":{"tC":20.1,"tF":68}"#, "shellyplussmoke-1: temperature=20.1"),
        (r#""presencezone:200":{"value":true,"num_objects":1}"#, "shellyplussmoke-1: presence"),
        (r#""input:0":{"state":true}"#, "shellyplussmoke-1-input0: heartbeat"),
        (r#""wifi":{"rssi":-60},"sys":{}"#, "shellyplussmoke-1: heartbeat"),
    ] {
        home.check("shellyplussmoke-1/events/rpc", &status(params), expected);
    }
    home.check("i4/events/rpc", &event(r#"{"component":"input:0","event":"single_push","ts":1795420798.25}"#), "i4-input0: button");
    home.check("i4/events/rpc", &event(r#"{"component":"input:0","event":"btn_down"}"#), "i4: heartbeat");
    home.check("i4/events/rpc", &event(r#"{"component":"smoke:0","event":"alarm_test"}"#), "i4: heartbeat");
    assert!(home.learned.declare("i4-input0".into(), Some(Role::CallButton)));
    let press = event(r#"{"component":"input:0","event":"long_push","ts":1795420798.25}"#);
    let (one, two) = (home.hear("i4/events/rpc", &press), home.hear("i4/events/rpc", &press));
    assert_eq!(common::line(&one), "i4-input0: call");
    assert!(one.signals()[0].event.is_some() && one.signals()[0].event == two.signals()[0].event);
    assert_eq!(one.signals()[0].said_at.unwrap().timestamp(), 1_795_420_798);
    let unset = home.hear("i4/events/rpc", r#"{"method":"NotifyEvent","params":{"ts":12.5,"events":[{"component":"input:0","event":"long_push","ts":12.5}]}}"#);
    assert_eq!(unset.signals()[0].event, None, "two presses after two starts may show the same time");
    home.check("i4/online", "false", "i4: offline");
    home.check("i4/status/smoke:0", r#"{"id":0,"alarm":true}"#, "i4: smoke");
    home.check("i4/events/rpc", r#"{"method":"NotifySt"#, "!not_json");
}

#[test]
fn chirpstack_objects_by_the_words_of_their_codecs() {
    let mut home = House::default();
    let up = |object: &str| format!(r#"{{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":"2026-11-23T07:59:58.5+00:00","deviceInfo":{{"deviceProfileName":"p","devEui":"24e1"}},"data":"AQ==","object":{object}}}"#);
    for (object, expected) in [
        (r#"{"battery":92,"press":"short"}"#, "24e1: battery=92 button"),
        (r#"{"button_event":{"status":"long press","msgid":3}}"#, "24e1: button"),
        (r#"{"sos":true}"#, "24e1: call"),
        (r#"{"sos_event":"not triggered"}"#, "24e1: call=no"),
        (r#"{"alarm":"sos"}"#, "24e1: call"),
        (r#"{"pir":"trigger","daylight":"dark"}"#, "24e1: motion"),
        (r#"{"occupancy":"vacant"}"#, "24e1: motion=no"),
        (r#"{"magnet_status":"open","tamper_status":"installed"}"#, "24e1: contact=open tamper=no"),
        (r#"{"DOOR_OPEN_STATUS":1}"#, "24e1: contact=open"),
        (r#"{"contact":true}"#, "24e1: heartbeat !bad_value"),
        (r#"{"water_leakage_status":"leak"}"#, "24e1: water_leak"),
        (r#"{"gas_status":"alarm","gas":412,"co":1}"#, "24e1: gas"),
        (r#"{"smoke_status":"self test"}"#, "24e1: heartbeat !bad_value"),
        (r#"{"fall":1}"#, "24e1: fall"),
        (r#"{"temperature":21.5,"humidity":50,"co2":800}"#, "24e1: temperature=21.5"),
        (r#"{"history":[{"sos":true}]}"#, "24e1: heartbeat"),
        ("{}", "24e1: heartbeat !not_described"),
    ] {
        home.check("application/a1/device/24e1/event/up", &up(object), expected);
    }
    let decoded = home.hear("application/a1/device/24e1/event/up", &up(r#"{"sos":true}"#));
    let again = home.hear("application/a1/device/24e1/event/up", &up(r#"{"sos":true}"#));
    assert!(decoded.signals()[0].event.is_some() && decoded == again);
    home.check("application/a1/device/24e1/event/status", r#"{"batteryLevel":87.5}"#, "24e1: battery=87.5");
    home.check("application/a1/device/24e1/event/status", r#"{"batteryLevelUnavailable":true,"batteryLevel":0}"#, "24e1: heartbeat");
    home.check("application/a1/device/24e1/event/join", "{}", "24e1: heartbeat");
    home.check("application/a1/device/24e1/event/txack", "{}", "nothing");
}
