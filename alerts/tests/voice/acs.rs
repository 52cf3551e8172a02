//! The Chinese provider over HTTP, against a stub in another language that checks the signature of every request by itself.

use crate::sipp::{PATIENCE, installed};
use crate::world::{Stores, Wall, number, script, timers};
use alerts::voice::VoiceRoute;
use alerts::voice::http::acs::{AcsSettings, AcsVoice};
use alerts::voice::keys::Via;
use alerts::voice::leg::{LegOutcome, LegReport, LegRequest, LegTimers};
use alerts::voice::number::DialPlan;
use alerts::voice::talk::Talk;
use alerts::{Take, Taken};
use care::Level;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::watch;

const SECRET: &str = "s3cret-of-the-key";
const PUSH: &str = "0123456789abcdef0123456789abcdef";

struct Stub {
    child: Child,
    port: u16,
    said: mpsc::Receiver<Value>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Stub {
    fn start(scenario: &Value) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/voice/acs_stub.py");
        let mut child =
            Command::new("python3").arg(file).args(["LTAI-key", SECRET, &scenario.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        out.read_line(&mut port).unwrap();
        let (tell, said) = mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if tell.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, port: port.trim().parse().unwrap(), said }
    }

    fn push_to(&mut self, address: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{address}").unwrap();
    }

    /// Waits for a line that fits.
    fn until(&self, what: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.said.recv_timeout(PATIENCE).expect("the stub says no more");
            if what(&line) {
                return line;
            }
        }
    }
}

fn settings(port: u16) -> AcsSettings {
    AcsSettings {
        name: "provider".into(),
        api: format!("http://127.0.0.1:{port}").parse().unwrap(),
        key_id: "LTAI-key".into(),
        secret: SECRET.into(),
        caller: "057100000000".into(),
        push_secret: PUSH.into(),
        listen: "127.0.0.1:0".parse().unwrap(),
        brief: "TTS_1".into(),
        noted: "TTS_2".into(),
        noted_variable: None,
        passed_on: "TTS_3".into(),
        details: Some("TTS_4".into()),
        channels: 2,
        within: Duration::from_secs(30),
    }
}

fn key(key: &str) -> Value {
    json!([{"status_code": "300000", "dtmf": key, "out_id": "$OUT", "call_id": "$CALL", "status_time": "2026-11-23 09:41:13"}])
}

fn end(code: &str) -> Value {
    json!([{"status_code": code, "duration": "7", "out_id": "$OUT", "call_id": "$CALL", "hangup_direction": "用户"}])
}

/// A call by a provider that behaves like this.
async fn call(scenario: &Value, change: impl FnOnce(&mut AcsSettings), times: LegTimers, take: &dyn Take) -> (LegReport, Stub) {
    let mut stub = Stub::start(scenario);
    let mut settings = settings(stub.port);
    change(&mut settings);
    let provider = AcsVoice::open(settings, DialPlan::default()).await.unwrap();
    stub.push_to(&format!("http://{}/acs/{PUSH}", provider.local_addr()));
    let (_keep, released) = watch::channel(false);
    let leg = LegRequest { number: number(), level: Level::Red, timers: times.clone() };
    let script = script();
    let talk = Talk { script: &script, timers: &times, take, released, clock: Arc::new(Wall), bridge: None, progress: None };
    let report = tokio::time::timeout(PATIENCE, provider.place(&leg, talk)).await.unwrap();
    (report, stub)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_at_the_provider_is_stored_before_it_is_answered_for_and_the_details_follow() {
    if !installed("python3") {
        return;
    }
    let take = Stores::default();
    let (report, stub) = call(&json!({"pushes": [key("1"), end("200000")]}), |_| {}, timers(), &take).await;
    assert_eq!((report.outcome, take.accepted.load(Ordering::SeqCst)), (LegOutcome::Acknowledged(Via::Provider), 1));
    assert_eq!(report.wire.call_id, "116012854210^102814279");
    assert!(report.key_at.is_some() && report.answered_at.is_some() && report.keys == "1");
    let asked = stub.until(|line| line["action"] == "IvrCall");
    assert_eq!((asked["signed"].as_bool(), asked["version"].as_str()), (Some(true), Some("2017-05-25")), "{asked}");
    let query = &asked["query"];
    for (name, value) in [("CalledNumber", "13800000001"), ("CalledShowNumber", "057100000000"), ("StartCode", "TTS_1"), ("MenuKeyMap.1.Key", "1"), ("MenuKeyMap.1.Code", "TTS_2"), ("MenuKeyMap.2.Key", "2"), ("MenuKeyMap.2.Code", "TTS_3")] {
        assert_eq!(query[name], value, "{asked}");
    }
    // Before the key nothing personal leaves the building; after it, in a call of its own.
    assert!(!query.to_string().contains("full"), "{query}");
    assert!((1..=15).contains(&query["OutId"].as_str().unwrap().len()), "{query}");
    let details = stub.until(|line| line["action"] == "SingleCallByTts");
    assert!(details["query"]["TtsParam"].as_str().unwrap().contains("full") && details["signed"] == true, "{details}");
    assert!(stub.until(|line| line["pushed"].is_number())["pushed"] == 200, "the provider is told that it need not push again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_details_are_said_after_key_1_in_the_same_call_where_the_template_has_room_for_them() {
    if !installed("python3") {
        return;
    }
    let change = |s: &mut AcsSettings| (s.noted_variable, s.details) = (Some("what".into()), None);
    let (report, stub) = call(&json!({"pushes": [key("1"), end("200000")]}), change, timers(), &Stores::default()).await;
    assert_eq!(report.outcome, LegOutcome::Acknowledged(Via::Provider));
    assert!(report.said.iter().any(|words| words.contains("full")), "{:?}", report.said);
    let asked = stub.until(|line| line["action"] == "IvrCall");
    assert_eq!(asked["signed"], true, "{asked}");
    let query = asked["query"].as_object().unwrap();
    let with: Vec<&String> = query.iter().filter(|(_, value)| value.as_str().unwrap().contains("full")).map(|(name, _)| name).collect();
    assert_eq!(with, ["MenuKeyMap.1.TtsParams"], "behind key 1 and nowhere else");
    assert!(query["MenuKeyMap.1.TtsParams"].as_str().unwrap().starts_with("{\"what\":"), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_reports_is_no_acknowledgement_unless_it_is_key_1() {
    if !installed("python3") {
        return;
    }
    for (pushes, outcome) in [
        (json!([end("200000")]), LegOutcome::NoKey),
        (json!([key("2"), end("200000")]), LegOutcome::PassedOn),
        (json!([key("7"), end("200000")]), LegOutcome::WrongKey),
        (json!([end("200002")]), LegOutcome::Busy),
        (json!([end("200003")]), LegOutcome::NoAnswer),
        (json!([end("200010")]), LegOutcome::Unreachable(480)),
        // About a call that is not ours.
        (json!([[{"status_code": "300000", "dtmf": "1", "out_id": "guess", "call_id": "$CALL"}], end("200001")]), LegOutcome::HungUp),
    ] {
        let take = Stores::default();
        let (report, _stub) = call(&json!({ "pushes": pushes }), |_| {}, timers(), &take).await;
        assert_eq!((report.outcome, take.accepted.load(Ordering::SeqCst)), (outcome, 0), "{pushes}");
    }
    // No push comes: nobody has answered, as far as anybody knows.
    let times = LegTimers { no_word: Duration::from_millis(100), ring: Duration::from_millis(100), talk: Duration::from_millis(100), ..timers() };
    let (report, _stub) = call(&json!({}), |_| {}, times, &Stores::default()).await;
    assert_eq!(report.outcome, LegOutcome::NoAnswer);
}

/// Stores nothing.
struct Refuses(Taken);

#[async_trait::async_trait]
impl Take for Refuses {
    async fn accept(&self) -> Taken {
        self.0
    }

    fn reached(&self) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_too_late_or_cannot_be_stored_takes_nothing() {
    if !installed("python3") {
        return;
    }
    let scenario = json!({"pushes": [key("1"), end("200000")]});
    let (report, _stub) = call(&scenario, |_| {}, timers(), &Refuses(Taken::TooLate)).await;
    assert_eq!(report.outcome, LegOutcome::TooLate);
    let (report, _stub) = call(&scenario, |_| {}, timers(), &Refuses(Taken::NotStored)).await;
    assert_eq!(report.outcome, LegOutcome::NoKey, "the ladder goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_apart_and_a_forged_push_is_refused() {
    if !installed("python3") {
        return;
    }
    let answer = |status: u16, code: &str| json!({"status": status, "answer": {"Code": code}});
    for (scenario, outcome) in [
        (answer(400, "isv.BUSINESS_LIMIT_CONTROL"), LegOutcome::RouteDown("isv.BUSINESS_LIMIT_CONTROL".into())),
        (answer(200, "isv.MOBILE_NUMBER_ILLEGAL"), LegOutcome::Unreachable(404)),
        (answer(503, ""), LegOutcome::RouteDown("status 503".into())),
    ] {
        let (report, _stub) = call(&scenario, |_| {}, timers(), &Stores::default()).await;
        assert_eq!(report.outcome, outcome);
    }
    let (report, stub) = call(&json!({}), |s| s.secret = "another".into(), timers(), &Stores::default()).await;
    assert_eq!(report.outcome, LegOutcome::AuthFailed(403));
    assert_eq!(stub.until(|line| line["action"] == "IvrCall")["signed"], false);

    let provider = AcsVoice::open(settings(1), DialPlan::default()).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let push = async |path: &str, body: &str| client.post(format!("http://{}{path}", provider.local_addr())).body(body.to_owned()).send().await.unwrap().status().as_u16();
    assert_eq!(push("/acs/00000000000000000000000000000000", &key("1").to_string()).await, 403);
    assert_eq!(push("/acs/", &key("1").to_string()).await, 403);
    assert_eq!(push(&format!("/acs/{PUSH}"), "no JSON").await, 400);
    assert_eq!(push(&format!("/acs/{PUSH}"), &key("1").to_string()).await, 200, "about no call: needs not come again");
}
