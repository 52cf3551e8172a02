//! The receiver for SCAIP: a controller of a few lines over UDP and TCP, and SIPp, which has a SIP of its own.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

mod peer;

use care::Lane;
use gateway::receiver::scaip::{ScaipReceiver, ScaipSettings, Style};
use peer::*;
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use store::LogError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use wire::scaip::{Reply, Status, parse_reply};

struct House {
    log: Arc<TestLog>,
    receiver: ScaipReceiver,
}

async fn house(style: Option<Style>, hold_after: Duration) -> House {
    let log = TestLog::new();
    let any = Some("127.0.0.1:0".parse().unwrap());
    let accounts = [("0123456".to_owned(), "home-1".into())].into();
    let settings = ScaipSettings { udp: any, tcp: any, accounts, style, heartbeat_minutes: Some(30), hold_after };
    let receiver = ScaipReceiver::open(settings, log.clone(), Arc::new(TestClock)).await.unwrap();
    House { log, receiver }
}

impl House {
    /// Home, signals and the event's name of each stored request.
    fn told(&self) -> Vec<(String, Vec<&'static str>, String)> {
        let told = |record: &store::Record| {
            let message =
                wire::Message { home: Some(&record.home), topic: &record.topic, payload: &record.payload, heard_at: record.heard_at, retained: wire::Retained::No };
            let decoded = wire::decode(&message, &mut wire::Learned::default());
            let event = decoded.signals().first().and_then(|s| s.event.clone()).unwrap();
            (record.home.to_string(), wire::told(decoded.signals()), event.as_str().to_owned())
        };
        self.log.stored().iter().map(told).collect()
    }
}

enum Line {
    Udp(UdpSocket),
    Tcp(TcpStream, Vec<u8>),
}

/// A controller: sends documents, and reads what comes.
struct Controller {
    line: Line,
    us: String,
    count: u32,
}

impl Controller {
    async fn udp(house: &House) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(house.receiver.udp().unwrap()).await.unwrap();
        let us = socket.local_addr().unwrap().to_string();
        Self { line: Line::Udp(socket), us, count: 0 }
    }

    async fn tcp(house: &House) -> Self {
        let socket = TcpStream::connect(house.receiver.tcp().unwrap()).await.unwrap();
        let us = socket.local_addr().unwrap().to_string();
        Self { line: Line::Tcp(socket, Vec::new()), us, count: 0 }
    }

    async fn send(&mut self, text: &str) {
        match &mut self.line {
            Line::Udp(socket) => {
                socket.send(text.as_bytes()).await.unwrap();
            }
            Line::Tcp(socket, _) => socket.write_all(text.as_bytes()).await.unwrap(),
        }
    }

    async fn say(&mut self, method: &str, document: &str) {
        self.count += 1;
        let (us, n) = (&self.us, self.count);
        let transport = if matches!(self.line, Line::Udp(_)) { "UDP" } else { "TCP" };
        let text = format!(
            "{method} sip:centre@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} {us};branch=z9hG4bK{us}{n}\r\nFrom: <sip:0123456@{us}>;tag=a{n}\r\n\
             To: <sip:centre@127.0.0.1>\r\nCall-ID: {n}@{us}\r\nCSeq: {n} {method}\r\nContact: <sip:0123456@192.0.2.9:5060>\r\nMax-Forwards: 70\r\n\
             Content-Type: application/scaip+xml\r\nContent-Length: {}\r\n\r\n{document}",
            document.len()
        );
        self.send(&text).await;
    }

    /// The next SIP message; `None` if there is none for a while.
    async fn hear(&mut self, patience: Duration) -> Option<String> {
        let reading = async {
            match &mut self.line {
                Line::Udp(socket) => {
                    let mut buffer = vec![0; 4096];
                    let read = socket.recv(&mut buffer).await.unwrap();
                    String::from_utf8(buffer[..read].to_vec()).unwrap()
                }
                Line::Tcp(socket, rest) => loop {
                    let text = String::from_utf8(rest.clone()).unwrap();
                    if let Some((head, body)) = text.split_once("\r\n\r\n") {
                        let length = head.lines().find_map(|l| l.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case("content-length"))).unwrap().1.parse::<usize>().unwrap();
                        if body.len() >= length {
                            let whole = head.len() + 4 + length;
                            *rest = rest.split_off(whole);
                            return text[..whole].to_owned();
                        }
                    }
                    assert!(socket.read_buf(rest).await.unwrap() > 0, "the connection was closed");
                },
            }
        };
        tokio::time::timeout(patience, reading).await.ok()
    }

    /// The answer in whichever way it comes: the SIP status of the request, and the document.
    async fn answer(&mut self) -> (String, Reply) {
        let first = self.hear(SOON).await.expect("a SIP answer");
        let status = first.split(' ').nth(1).unwrap().to_owned();
        if status == "200" {
            return (status, document(&first));
        }
        let message = self.hear(SOON).await.expect("a MESSAGE with the answer");
        assert!(message.starts_with("MESSAGE sip:0123456@192.0.2.9:5060 "), "{message}");
        let kept = ["via", "from", "to", "call-id", "cseq"];
        let kept: Vec<&str> = message.lines().filter(|l| l.split_once(':').is_some_and(|(name, _)| kept.contains(&name.to_ascii_lowercase().as_str()))).collect();
        self.send(&format!("SIP/2.0 200 OK\r\n{}\r\nContent-Length: 0\r\n\r\n", kept.join("\r\n"))).await;
        (status, document(&message))
    }
}

fn document(message: &str) -> Reply {
    parse_reply(message.split_once("\r\n\r\n").unwrap().1.as_bytes()).unwrap()
}

fn standard(reference: &str, inside: &str) -> String {
    format!("<?xml version=\"1.0\"?><mrq><ref>{reference}</ref><cid>0123456</cid>{inside}</mrq>")
}

const LONG: Duration = Duration::from_secs(600);
const PRESS: &str = "<dty>0003</dty><did>pendant7</did><stc>0010</stc>";

#[tokio::test]
async fn a_request_is_handled_once_it_is_stored_and_not_before_in_both_styles_over_both_transports() {
    let house = house(None, LONG).await;
    for mut controller in [Controller::udp(&house).await, Controller::tcp(&house).await] {
        let stored = house.log.stored().len();
        house.log.block();
        controller.say("MESSAGE", &standard(&format!("a{stored}"), PRESS)).await;
        assert_eq!(controller.hear(QUIET).await, None, "nothing is stored yet");
        house.log.release();
        let (sip, reply) = controller.answer().await;
        assert_eq!((sip.as_str(), reply.status, reply.reference), ("202", Status::Handled, format!("a{stored}")));
        assert_eq!(house.log.stored()[stored].lane, Lane::Red);
        controller.say("MESSAGE", &format!("<scaip><ref>b{stored}</ref><cid>+0123456</cid><dty>0005</dty><stc>0009</stc></scaip>")).await;
        let (sip, reply) = controller.answer().await;
        assert_eq!((sip.as_str(), reply.status), ("200", Status::Handled));
    }
    let told: Vec<_> = house.told().into_iter().map(|(home, told, _)| (home, told)).collect();
    let one = |kind| ("home-1".to_owned(), vec![kind]);
    assert_eq!(told, [one("call"), one("fall"), one("call"), one("fall")]);
    house.receiver.shutdown().await;
}

#[tokio::test]
async fn while_the_log_takes_its_time_the_sender_holds_and_its_repetition_is_one_event() {
    let house = house(Some(Style::Inside), Duration::from_millis(20)).await;
    let mut controller = Controller::udp(&house).await;
    house.log.block();
    controller.say("MESSAGE", &standard("h1", PRESS)).await;
    assert_eq!(controller.answer().await.1.status, Status::Hold);
    house.log.release();
    // As the standard has it: the same request again, until it is handled.
    while {
        controller.say("MESSAGE", &standard("h1", PRESS)).await;
        controller.answer().await.1.status != Status::Handled
    } {}
    controller.say("MESSAGE", &standard("h2", PRESS)).await;
    while controller.answer().await.1.status != Status::Handled {
        controller.say("MESSAGE", &standard("h2", PRESS)).await;
    }
    let events: BTreeSet<_> = house.told().into_iter().map(|(_, _, event)| event).collect();
    assert_eq!(events.len(), 2, "two sessions, two events: {:?}", house.told());
    assert!(house.log.stored().len() > 2);
}

#[tokio::test]
async fn what_the_log_refuses_goes_to_the_senders_next_receiver() {
    let house = house(Some(Style::Inside), LONG).await;
    let mut controller = Controller::udp(&house).await;
    house.log.refuse(Some(LogError::DiskFull));
    controller.say("MESSAGE", &standard("f1", PRESS)).await;
    assert_eq!(controller.answer().await.1.status, Status::NotTreated);
    assert!(house.log.stored().is_empty());
}

#[tokio::test]
async fn heartbeats_strangers_and_rubbish_each_get_their_answer() {
    let house = house(Some(Style::Inside), LONG).await;
    let mut controller = Controller::udp(&house).await;
    controller.say("MESSAGE", &standard("p1", "<dty>0002</dty><mty>PI</mty><hbo>001</hbo><hbi>60</hbi>")).await;
    assert_eq!(controller.answer().await.1.heartbeat_minutes, Some(30), "an interval that may be set is set");
    controller.say("MESSAGE", &standard("p2", "<dty>0002</dty><mty>PI</mty><hbi>60</hbi>")).await;
    assert_eq!(controller.answer().await.1.heartbeat_minutes, None);
    controller.say("MESSAGE", "<mrq><ref>u1</ref><cid>99</cid><dty>3</dty></mrq>").await;
    assert_eq!(controller.answer().await.1.status, Status::Handled);
    assert_eq!(house.told().last().map(|(home, told, _)| (home.as_str(), told.clone())), Some(("scaip-99", vec!["call"])));
    controller.say("MESSAGE", "<mrq><ref>x1</ref><dty>3</dty></mrq>").await;
    assert_eq!(controller.answer().await.1.status, Status::Mandatory);
    controller.say("MESSAGE", "<mrq><ref>x2").await;
    let raw = controller.hear(SOON).await.unwrap();
    assert!(raw.contains("<snu>2</snu>"), "{raw}");
    controller.say("OPTIONS", "").await;
    assert!(controller.hear(SOON).await.unwrap().starts_with("SIP/2.0 200"));
    controller.say("REGISTER", "").await;
    assert!(controller.hear(SOON).await.unwrap().contains("Contact: <sip:0123456@192.0.2.9:5060>"));
    controller.say("PUBLISH", "").await;
    assert!(controller.hear(SOON).await.unwrap().starts_with("SIP/2.0 405"));
    assert_eq!(house.log.stored().len(), 3, "only requests are stored");
}

/// SIPp: alarms at a steady rate, each answered with "handled". `HEARTHLINE_LONG=scaip` sends 500 a second for 20 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_alarm_of_another_sip_is_handled_and_stored_once() {
    if Command::new("sipp").arg("-v").output().is_err() {
        println!("skipped: no sipp (scripts/test need_packages)");
        return;
    }
    let (rate, calls) = if std::env::var("HEARTHLINE_LONG").as_deref() == Ok("scaip") { (500, 10_000) } else { (50, 200) };
    let house = house(None, LONG).await;
    let scenario = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer/scaip.xml");
    let to = house.receiver.udp().unwrap().to_string();
    let run = tokio::task::spawn_blocking(move || {
        let dir = tempfile::tempdir().unwrap();
        Command::new("sipp")
            .current_dir(dir.path())
            .args([&to, "-sf", scenario.to_str().unwrap(), "-i", "127.0.0.1", "-r", &rate.to_string(), "-m", &calls.to_string(), "-timeout", "300s", "-timeout_error", "-nostdin"])
            .output()
            .unwrap()
    });
    let out = run.await.unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{}\n{}", text.chars().rev().take(4_000).collect::<String>().chars().rev().collect::<String>(), String::from_utf8_lossy(&out.stderr));
    let told = house.told();
    let events: BTreeSet<_> = told.iter().map(|(_, _, event)| event).collect();
    assert_eq!((events.len(), told.iter().all(|(home, told, _)| home == "home-1" && *told == ["call"])), (calls, true));
    println!("SIPp: {calls} alarms at {rate}/s handled, {} stored", told.len());
}
