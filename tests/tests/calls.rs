//! Real calls by the shipped binary, run by its configuration: trunks that are not ours (SIPp, baresip), a press by MQTT, a key, what is
//! said after it, a trunk that is down and both of them, and the operator's own line.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[allow(dead_code, reason = "the rooms' own suites use the rest of it")]
#[path = "../../alerts/tests/voice/sipp.rs"]
mod sipp;
#[allow(dead_code, reason = "the rooms' own suites use the rest of it")]
#[path = "../../alerts/tests/voice/telephone.rs"]
mod telephone;

use acceptance::harness::webhook::{Got, Receiver};
use acceptance::harness::{House, home, run, until};
use alerts::voice::audio::{Pcm, length_of};
use alerts::voice::runtime::VoiceRuntime;
use alerts::voice::speech::{Speech, SpeechSettings};
use care::reason::Language;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use telephone::{Baresip, correlation};
use sipp::{PATIENCE, Sipp, answer, bye, hangs_up, installed, ok, pause, play, receive, recorded};

const DAUGHTER: &str = "13800000001";
const OPERATOR: &str = "13800000002";
const SON: &str = "13800000003";
const ELDER: &str = "13800000009";

/// What this number's phone does: the steps after its number was dialled.
fn phone(label: u32, name: &str, steps: Vec<String>) -> String {
    let log = format!("<nop><action><log message=\"rings {name}\"/></action></nop>\n");
    format!("<label id=\"{label}\"/>\n{log}{}<nop next=\"9\"/>\n", steps.concat())
}

/// One trunk with four phones behind it, told apart by the number that is dialled.
fn town() -> Vec<String> {
    let dialled = |n: usize, number: &str| format!("<ereg regexp=\"^INVITE sip:[+0-9]*{number}@\" search_in=\"msg\" assign_to=\"n{n}\"/>\n");
    let phones = [(1, DAUGHTER), (2, OPERATOR), (3, SON), (4, ELDER)];
    let numbers: String = phones.iter().map(|(n, number)| dialled(*n, number)).collect();
    let mut steps = vec![format!(
        "<recv request=\"INVITE\"><action><ereg regexp=\".*\" search_in=\"hdr\" header=\"From:\" assign_to=\"caller\"/>\n<log message=\"from [$caller]\"/>\n{numbers}</action></recv>\n"
    )];
    steps.push(answer("100 Trying"));
    steps.extend(phones.iter().map(|(n, _)| format!("<nop next=\"{n}\" test=\"n{n}\"/>\n")));
    let answers = || vec![answer("180 Ringing"), pause(200), ok(true), receive("ACK")];
    let with = |more: Vec<String>| [answers(), more].concat();
    steps.push(phone(1, "daughter", with(vec![pause(800), play(&recorded("dtmf_2833_1.pcap")), bye()])));
    steps.push(phone(2, "operator", with(vec![bye()])));
    steps.push(phone(3, "son", vec![answer("486 Busy Here"), receive("ACK")]));
    steps.push(phone(4, "elder", with(vec![pause(3_000), hangs_up()])));
    steps.push("<label id=\"9\"/>\n<pause milliseconds=\"1\"/>\n".to_owned());
    steps
}

/// Calls without a speech program, the operator's handset.
const MUTE: &str = "[voice]\nspeech = \"\"\nno_word_s = 3\n";

fn trunk(name: &str, port: u16, probe_s: u32) -> String {
    format!("[[trunk]]\nname = \"{name}\"\nserver = \"127.0.0.1:{port}\"\ncaller = \"+8657100000000\"\nbind = \"127.0.0.1:0\"\nprobe_s = {probe_s}\nchannels = 8\n")
}

fn register() -> Value {
    let contact = |id: &str, relation: &str, number: &str| json!({"id": id, "home": home(1), "name": "试", "relation": relation, "addresses": {"voice": number, "sms": number}, "language": "zh"});
    let rungs = json!([{"contacts": [{"contact": "daughter", "channels": ["voice", "sms"]}], "order": "at_once", "wait_s": 120}]);
    let plan = json!({"rungs": rungs, "round_pause_s": 60, "round_pause_max_s": 600, "report_within_s": 3600, "close_within_s": 28800});
    json!({
        "homes": [{"id": home(1), "area": "350582", "address": "试村 1 号", "access_notes": ""}],
        "elders": [{"id": "elder-1", "home": home(1), "name": "试奶奶", "born_year": 1940, "sex": "female", "phone": ELDER, "id_number": "", "health_notes": "", "tier": "key", "speech_notes": ""}],
        "contacts": [contact("daughter", "daughter", DAUGHTER), contact("son", "son", SON)],
        "plans": [{"scope": {"kind": "city"}, "cause": null, "level": null, "plan": plan}],
    })
}

/// The alarm of the home, once somebody has taken it.
async fn claimed(house: &House) -> Value {
    until("the daughter's key takes the alarm", PATIENCE, async || {
        let calls = house.api().calls_of(&home(1)).await;
        calls.first().filter(|alarm| alarm["state"] == "claimed").cloned()
    })
    .await
}

/// Waits until the platform has told the operators this about itself.
async fn told(house: &House, what: &str) {
    until(what, PATIENCE, async || {
        let open = house.api().get("/api/v1/alarms?state=open").await;
        open["items"].as_array().unwrap().iter().any(|alarm| alarm["home"] == "platform" && alarm["cause"] == format!("technical/{what}")).then_some(())
    })
    .await;
}

/// What is noted at the alarm about calls of the desk, oldest first.
async fn calls_noted(house: &House, alarm: &str) -> Vec<String> {
    let detail = house.api().get(&format!("/api/v1/alarms/{alarm}")).await;
    let notes = detail["notes"].as_array().unwrap().iter().filter(|note| note["kind"] == "call");
    notes.map(|note| note["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_press_rings_a_real_trunk_key_1_takes_it_and_the_desk_is_connected_its_own_phone_first() {
    if !installed("sipp") {
        return;
    }
    run(async {
        let log = std::env::temp_dir().join(format!("hearthline-calls-{}.log", std::process::id()));
        let town = Sipp::start("town", &town(), 5, &["-timeout", "600", "-trace_logs", "-log_file", &log.display().to_string()]);
        let mut house = House::make(&format!("{MUTE}[voice.handsets]\nadmin = \"{OPERATOR}\"\n{}", trunk("carrier", town.port, 0)), register());
        house.start().await;
        let mut button = house.bridge("button").await;
        button.press(&home(1), "help").await.unwrap();
        let alarm = claimed(&house).await;
        assert_eq!((alarm["claimed_by"].as_str(), alarm["claimed_by_kind"].as_str()), (Some("daughter"), Some("contact")));
        let id = alarm["id"].as_str().unwrap().to_owned();
        let ended = until("the call is over", PATIENCE, async || {
            let alarm = house.api().get(&format!("/api/v1/alarms/{id}")).await;
            alarm["attempts"].as_array().unwrap().iter().any(|a| a["outcome"] == "accepted").then_some(alarm)
        })
        .await;
        assert_eq!(ended["attempts"].as_array().unwrap().len(), 1, "nobody is rung twice: {}", ended["attempts"]);

        let connect = format!("/api/v1/alarms/{id}/connect");
        house.api().post(&connect, &json!({"to": "elder", "id": "elder-1"})).await;
        let noted = until("how the call to the elder ended is noted", PATIENCE, async || calls_noted(&house, &id).await.first().cloned()).await;
        let seconds: u64 = noted.strip_prefix("elder/elder-1 spoke ").and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no duration: {noted}"));
        assert!((2..60).contains(&seconds), "the elder held on for three seconds: {noted}");

        house.api().post(&connect, &json!({"to": "contact", "id": "son"})).await;
        let noted = until("how the call to the son ended is noted", PATIENCE, async || calls_noted(&house, &id).await.get(1).cloned()).await;
        assert_eq!(noted, "contact/son not_reached busy");

        tokio::task::spawn_blocking(|| town.ends_well()).await.unwrap();
        let said = std::fs::read_to_string(&log).unwrap();
        let rang: Vec<&str> = said.lines().filter_map(|line| line.split("rings ").nth(1)).map(str::trim).collect();
        assert_eq!(rang, ["daughter", "operator", "elder", "operator", "son"], "the operator's own phone rings first: {said}");
        drop(std::fs::remove_file(&log));
    });
}

/// A port of this machine at which nobody is.
fn nobody() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn trunk_2_takes_what_trunk_1_cannot_and_with_both_down_a_message_goes_and_the_operators_are_told() {
    if !installed("sipp") {
        return;
    }
    run(async {
        let messages = Receiver::start().await;
        let secrets = tempfile::tempdir().unwrap();
        let secret = secrets.path().join("sms.secret");
        std::fs::write(&secret, "token").unwrap();
        let sms = format!(
            "[messages.sms.http]\nurl = \"{}\"\nsecret_file = \"{}\"\nsender = \"Hearth\"\nencoding = \"json\"\nfields = [\"to\", \"from\", \"text\"]\n",
            messages.url(),
            secret.display()
        );
        let second = Sipp::start("second", &town(), 1_000, &["-timeout", "600"]);
        let trunks = trunk("first", nobody(), 1) + &trunk("second", second.port, 0);
        let mut house = House::make(&format!("{MUTE}{trunks}{sms}"), register());
        house.start().await;
        let mut button = house.bridge("button").await;
        button.press(&home(1), "help").await.unwrap();
        let alarm = claimed(&house).await;
        assert_eq!((alarm["claimed_by"].as_str(), messages.count()), (Some("daughter"), 0));
        told(&house, "trunk_down/first").await;
        let id = alarm["id"].as_str().unwrap();
        let close = json!({"outcome": "false_press"});
        house.api().post(&format!("/api/v1/alarms/{id}/close"), &close).await;

        drop(second);
        button.press(&home(1), "help-again").await.unwrap();
        let message: Got = until("the message to the daughter", PATIENCE, async || messages.got().first().cloned()).await;
        assert!(message.body["to"].as_str().unwrap().ends_with(DAUGHTER), "{}", message.body);
        assert!(!message.body.to_string().contains("试村"), "no address in a message: {}", message.body);
        told(&house, "voice_none").await;
        let open = house.api().alarms("open").await;
        let alarm = open.iter().find(|alarm| alarm["home"] == home(1)).unwrap();
        assert_eq!(alarm["state"], "raised", "a receipt takes nothing: {alarm}");
        let detail = house.api().get(&format!("/api/v1/alarms/{}", alarm["id"].as_str().unwrap())).await;
        let ways: Vec<(&str, &str)> = detail["attempts"].as_array().unwrap().iter().take(2).map(|a| (a["channel"].as_str().unwrap(), a["outcome"].as_str().unwrap())).collect();
        assert_eq!(ways, [("voice", "channel_down"), ("sms", "delivered")]);
    });
}

/// How the speech program of the configuration says this.
async fn spoken(speech: &Speech, text: &str) -> Pcm {
    let mut line = speech.line("zh", Language::Zh, text);
    let sound = tokio::time::timeout(PATIENCE, line.sound.wait_for(Option::is_some)).await.unwrap().unwrap();
    sound.clone().unwrap()
}

#[test]
fn after_key_1_and_not_before_the_person_hears_who_and_where() {
    if !installed("baresip") || !installed("espeak-ng") {
        return;
    }
    run(async {
        let party = Arc::new(Baresip::start_as(&format!("+86{DAUGHTER}"), ""));
        let mut house = House::make(&format!("[voice]\n{}", trunk("carrier", party.port, 0)), register());
        house.start().await;
        let speech = Speech::new(SpeechSettings::default(), Arc::new(VoiceRuntime::start().unwrap()));
        let brief = spoken(&speech, "守望平台紧急报警。接手请按 1，转下一位请按 2，重听请按 9。").await;
        let mut button = house.bridge("button").await;
        button.press(&home(1), "help").await.unwrap();
        let (phone, words) = (party.clone(), length_of(&brief));
        tokio::task::spawn_blocking(move || {
            phone.until("Call established");
            std::thread::sleep(words + Duration::from_secs(2));
            phone.press('1');
            phone.until("terminated");
        })
        .await
        .unwrap();
        assert_eq!(claimed(&house).await["claimed_by"], "daughter");
        let heard = party.heard();
        // The brief words are over: the key was pressed later still. What follows is said twice; the first time is enough.
        let key_at = brief.len();
        let after = &heard[key_at..heard.len().min(key_at + 25 * 8_000)];
        for text in ["老人：试奶奶。", "地址：试村 1 号。"] {
            let sound = spoken(&speech, text).await;
            let beginning = &sound[..sound.len().min(8_000)];
            let found = correlation(beginning, after);
            assert!(found > 0.99, "{text} was not heard: {found}");
            let before = correlation(beginning, &heard[..key_at]);
            assert!(before < 0.9, "{text} was heard before the key: {before}");
        }
    });
}
