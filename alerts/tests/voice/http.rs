//! The provider over HTTP, against a stub that checks what it is sent and signs what it sends.

use crate::sipp::PATIENCE;
use crate::world::{Stores, Wall, number, script, timers};
use alerts::voice::VoiceRoute;
use alerts::voice::http::{HttpVoice, HttpVoiceSettings, sign};
use alerts::voice::keys::Via;
use alerts::voice::leg::{LegOutcome, LegReport, LegRequest, LegTimers};
use alerts::voice::number::DialPlan;
use alerts::voice::talk::Talk;
use care::Level;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

/// Takes one HTTP request and answers it; returns its head and body.
async fn take(listener: &TcpListener, status: &str, answer: &str) -> (String, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut text = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let n = stream.read(&mut buffer).await.unwrap();
        text.extend_from_slice(&buffer[..n]);
        let all = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = all.split_once("\r\n\r\n") {
            let length: usize = head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length:").map(|v| v.trim().parse().unwrap())).unwrap_or(0);
            if body.len() >= length {
                let reply = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}", answer.len());
                stream.write_all(reply.as_bytes()).await.unwrap();
                return (head.to_owned(), body.to_owned());
            }
        }
        assert!(n > 0, "the request ended early");
    }
}

/// A callback, signed with this secret; returns the status and what is to be said.
async fn call_back(at: std::net::SocketAddr, public: &str, path: &str, form: &[(&str, &str)], secret: &str) -> (u16, String) {
    let map: BTreeMap<String, String> = form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let body = map.iter().map(|(k, v)| format!("{k}={}", sign::escaped(v))).collect::<Vec<_>>().join("&");
    let signature = sign::twilio(secret, &format!("{public}{path}"), &map);
    let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nx-twilio-signature: {signature}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).await.unwrap();
    let status = all.split(' ').nth(1).unwrap().parse().unwrap();
    (status, all.split_once("\r\n\r\n").map(|(_, b)| b.to_owned()).unwrap_or_default())
}

/// A call by a stub of the provider. `act` gets what was asked of it and makes the callbacks.
async fn call<F, Fut>(timers: LegTimers, act: F) -> (LegReport, Stores)
where
    F: FnOnce(std::net::SocketAddr, String, TcpListener) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = HttpVoiceSettings {
        name: "provider".into(),
        api: format!("http://{}", api.local_addr().unwrap()).parse().unwrap(),
        account: "AC1".into(),
        secret: "s3cret".into(),
        caller: "+8657100000000".into(),
        public: "https://care.example".into(),
        listen: "127.0.0.1:0".parse().unwrap(),
        channels: 2,
        within: Duration::from_secs(30),
    };
    let provider = HttpVoice::open(settings, DialPlan::default()).await.unwrap();
    let at = provider.local_addr();
    let stub = tokio::spawn(async move {
        let (head, body) = take(&api, "201 Created", r#"{"sid":"CA77"}"#).await;
        assert!(head.starts_with("POST /2010-04-01/Accounts/AC1/Calls.json"), "{head}");
        // AC1:s3cret
        assert!(head.to_ascii_lowercase().contains("authorization: basic qumxonmzy3jlda=="), "{head}");
        assert!(body.contains("To=%2B8613800000001&From=%2B8657100000000"), "{body}");
        let token = body.split("care.example%2Fvoice%2F").nth(1).unwrap()[..32].to_owned();
        act(at, token, api).await;
    });
    let (_keep, released) = watch::channel(false);
    let take = Stores::default();
    let leg = LegRequest { number: number(), level: Level::Red, timers: timers.clone() };
    let script = script();
    let talk = Talk { script: &script, timers: &timers, take: &take, released, clock: Arc::new(Wall), bridge: None, progress: None };
    let report = tokio::time::timeout(PATIENCE, provider.place(&leg, talk)).await.unwrap();
    stub.await.unwrap();
    (report, take)
}

const PUBLIC: &str = "https://care.example";

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_key_takes_the_alarm_and_a_forged_one_does_not() {
    let (report, take) = call(timers(), |at, token, _api| async move {
        let path = |what: &str| format!("/voice/{token}/{what}");
        assert_eq!(call_back(at, PUBLIC, &path("status"), &[("CallStatus", "ringing")], "s3cret").await.0, 200);
        // A key before the answer is no person's.
        call_back(at, PUBLIC, &path("key"), &[("Digits", "1")], "s3cret").await;
        let (_, say) = call_back(at, PUBLIC, &path("say"), &[("CallSid", "CA77")], "s3cret").await;
        assert!(say.contains("<Say") && say.contains("brief") && !say.contains("full"), "{say}");
        // Whoever does not know the secret presses nothing.
        assert_eq!(call_back(at, PUBLIC, &path("key"), &[("Digits", "1")], "guess").await.0, 403);
        assert_eq!(call_back(at, PUBLIC, "/voice/00000000000000000000000000000000/key", &[("Digits", "1")], "s3cret").await.0, 404);
        let (_, say) = call_back(at, PUBLIC, &path("key"), &[("Digits", "1")], "s3cret").await;
        assert!(say.contains("confirmed full"), "{say}");
    })
    .await;
    assert_eq!(report.outcome, LegOutcome::Acknowledged(Via::Provider));
    assert_eq!(take.accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_reports_is_told_apart() {
    for (status, outcome) in [("busy", LegOutcome::Busy), ("no-answer", LegOutcome::NoAnswer), ("failed", LegOutcome::Unreachable(0))] {
        let (report, take) = call(timers(), move |at, token, _api| async move {
            call_back(at, PUBLIC, &format!("/voice/{token}/status"), &[("CallStatus", status)], "s3cret").await;
        })
        .await;
        assert_eq!((report.outcome, take.accepted.load(Ordering::SeqCst)), (outcome, 0));
    }
    // Answered, no key: a voicemail.
    let (report, _) = call(LegTimers { repeats: 1, ..timers() }, |at, token, _api| async move {
        for _ in 0..2 {
            call_back(at, PUBLIC, &format!("/voice/{token}/say"), &[("CallSid", "CA77")], "s3cret").await;
        }
    })
    .await;
    assert_eq!(report.outcome, LegOutcome::NoKey);
    // Nothing comes back: the call is ended at the provider.
    let times = LegTimers { no_word: Duration::from_millis(200), ring: Duration::from_millis(300), ..timers() };
    let (send, mut ended) = mpsc::channel(1);
    let (report, _) = call(times, move |_at, _token, api| async move {
        let (head, body) = take(&api, "200 OK", "{}").await;
        send.send((head, body)).await.unwrap();
    })
    .await;
    assert_eq!(report.outcome, LegOutcome::NoAnswer);
    let (head, body) = ended.recv().await.unwrap();
    assert!(head.contains("/Calls/CA77.json") && body == "Status=completed", "{head} {body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_refuses_or_is_away_is_the_routes_fault() {
    let (_keep, released) = watch::channel(false);
    let place = async |status: Option<&'static str>| {
        let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = HttpVoiceSettings {
            name: "provider".into(),
            api: format!("http://{}", api.local_addr().unwrap()).parse().unwrap(),
            account: "AC1".into(),
            secret: "s".into(),
            caller: "+8657100000000".into(),
            public: PUBLIC.into(),
            listen: "127.0.0.1:0".parse().unwrap(),
            channels: 1,
            within: Duration::from_secs(30),
        };
        let provider = HttpVoice::open(settings, DialPlan::default()).await.unwrap();
        let stub = match status {
            Some(status) => Some(tokio::spawn(async move { take(&api, status, "{}").await })),
            None => {
                drop(api);
                None
            }
        };
        let (timers, script, stores) = (timers(), script(), Stores::default());
        let leg = LegRequest { number: number(), level: Level::Red, timers: timers.clone() };
        let talk = Talk { script: &script, timers: &timers, take: &stores, released: released.clone(), clock: Arc::new(Wall), bridge: None, progress: None };
        let outcome = provider.place(&leg, talk).await.outcome;
        if let Some(stub) = stub {
            stub.await.unwrap();
        }
        outcome
    };
    assert_eq!(place(Some("401 Unauthorized")).await, LegOutcome::AuthFailed(401));
    assert_eq!(place(Some("503 Service Unavailable")).await, LegOutcome::RouteDown("status 503".into()));
    assert_eq!(place(None).await, LegOutcome::RouteDown("no connection".into()));
}
