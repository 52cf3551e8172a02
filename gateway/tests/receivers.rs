//! The receivers beside MQTT: frames of panels, from their own bytes and from another implementation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

mod peer;

use care::{Lane, TimeDelta};
use gateway::receiver::dc09::{Account, Dc09Receiver, Dc09Settings};
use peer::*;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::{Clock, LogError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use wire::dc09::{Frame, Key, Token, parse};

const KEY: &str = "000102030405060708090a0b0c0d0e0f";

struct Panel {
    socket: TcpStream,
}

impl Panel {
    async fn say(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    /// The answer, or nothing if there is none for a while.
    async fn answer(&mut self, patience: Duration) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 1024];
        let read = tokio::time::timeout(patience, self.socket.read(&mut buffer)).await.ok()?.unwrap();
        Some(buffer[..read].to_vec())
    }

    async fn token(&mut self) -> Token {
        let bytes = self.answer(Duration::from_secs(60)).await.expect("an answer");
        parse(&bytes, |_| Key::from_hex(KEY)).unwrap().token
    }
}

struct House {
    log: Arc<TestLog>,
    clock: Arc<dyn Clock>,
    receiver: Dc09Receiver,
}

async fn house() -> House {
    house_at(Arc::new(TestClock)).await
}

/// The machine's own clock: a dialler of another house stamps what it encrypts.
struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> care::Timestamp {
        std::time::SystemTime::now().into()
    }

    fn sleep_until<'a>(&'a self, _: care::Timestamp) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(std::future::ready(()))
    }
}

async fn house_at(clock: Arc<dyn Clock>) -> House {
    let log = TestLog::new();
    let account = |home: &str, key| Account { home: home.into(), key };
    let settings = Dc09Settings {
        tcp: Some("127.0.0.1:0".parse().unwrap()),
        udp: Some("127.0.0.1:0".parse().unwrap()),
        accounts: [("1234".to_owned(), account("home-1", None)), ("5678".to_owned(), account("home-2", Key::from_hex(KEY)))].into(),
    };
    let receiver = Dc09Receiver::open(settings, log.clone(), clock.clone()).await.unwrap();
    House { log, clock, receiver }
}

impl House {
    async fn panel(&self) -> Panel {
        Panel { socket: TcpStream::connect(self.receiver.tcp().unwrap()).await.unwrap() }
    }

    fn frame(&self, account: &str, seq: u16, data: &str, age: TimeDelta) -> Frame {
        Frame {
            token: Token::AdmCid,
            encrypted: false,
            seq,
            receiver: Some("1".into()),
            line: Some("0".into()),
            account: account.into(),
            data: data.into(),
            extended: Vec::new(),
            sent_at: Some(self.clock.now() - age),
        }
    }

    /// What ingest will make of what is stored: home, signals, the names of the events.
    fn told(&self) -> Vec<(String, Vec<&'static str>, Option<String>)> {
        let stored = self.log.stored();
        stored
            .iter()
            .map(|record| {
                let message = wire::Message {
                    home: Some(&record.home),
                    topic: &record.topic,
                    payload: &record.payload,
                    heard_at: record.heard_at,
                    retained: wire::Retained::No,
                };
                let decoded = wire::decode(&message, &mut wire::Learned::default());
                let event = decoded.signals().first().and_then(|s| s.event.as_ref()).map(|e| e.as_str().to_owned());
                (record.home.to_string(), wire::told(decoded.signals()), event)
            })
            .collect()
    }
}

fn bytes(frame: &Frame) -> Vec<u8> {
    let key = frame.encrypted.then(|| Key::from_hex(KEY).unwrap());
    frame.encode(key.as_ref(), &mut || 0xa7).unwrap()
}

#[tokio::test]
async fn a_frame_is_acknowledged_once_it_is_stored_and_not_before() {
    let house = house().await;
    let mut panel = house.panel().await;
    house.log.block();
    panel.say(&bytes(&house.frame("1234", 42, "1101 00 003", TimeDelta::zero()))).await;
    assert_eq!(panel.answer(Duration::from_millis(300)).await, None);
    house.log.release();
    assert_eq!(panel.token().await, Token::Ack);
    assert_eq!(house.log.stored()[0].lane, Lane::Red);
    assert_eq!(house.told()[0].1, ["call"]);
    house.log.refuse(Some(LogError::DiskFull));
    panel.say(&bytes(&house.frame("1234", 43, "1110 00 003", TimeDelta::zero()))).await;
    assert_eq!(panel.answer(Duration::from_millis(300)).await, None, "what is refused is not answered");
}

#[tokio::test]
async fn what_is_sent_again_is_one_event_also_with_a_new_time_and_in_pieces() {
    let house = house().await;
    let mut panel = house.panel().await;
    for age in [0, 0, -3] {
        for piece in bytes(&house.frame("001234", 7, "1101 00 003", TimeDelta::seconds(age))).chunks(11) {
            panel.say(piece).await;
        }
        assert_eq!(panel.token().await, Token::Ack);
    }
    panel.say(&bytes(&house.frame("1234", 8, "1101 00 003", TimeDelta::zero()))).await;
    assert_eq!(panel.token().await, Token::Ack);
    let events: Vec<_> = house.told().into_iter().map(|(_, _, event)| event.unwrap()).collect();
    assert_eq!((&events[0], &events[0]), (&events[1], &events[2]));
    assert_ne!(events[0], events[3], "a second press is a second press");
}

#[tokio::test]
async fn a_panel_whose_clock_is_off_is_told_the_time_and_its_emergency_is_not_lost() {
    let house = house().await;
    let mut panel = house.panel().await;
    panel.say(&bytes(&house.frame("1234", 9, "1101 00 003", TimeDelta::hours(3)))).await;
    let answer = panel.answer(Duration::from_secs(60)).await.unwrap();
    let nak = parse(&answer, |_| None).unwrap();
    assert_eq!(nak.token, Token::Nak);
    assert!((house.clock.now() - nak.sent_at.unwrap()).abs() < TimeDelta::minutes(1));
    assert_eq!(house.told()[0].1, ["call"]);
    // With the right time it comes again: the same event.
    panel.say(&bytes(&house.frame("1234", 9, "1101 00 003", TimeDelta::zero()))).await;
    assert_eq!(panel.token().await, Token::Ack);
    assert_eq!(house.told()[0].2, house.told()[1].2);
}

#[tokio::test]
async fn encryption_by_account_and_a_call_in_the_clear_is_still_a_call() {
    let house = house().await;
    let mut panel = house.panel().await;
    panel.say(&bytes(&Frame { encrypted: true, ..house.frame("5678", 1, "1101 00 003", TimeDelta::zero()) })).await;
    assert_eq!(panel.token().await, Token::Ack);
    panel.say(&bytes(&house.frame("5678", 2, "1602 00 000", TimeDelta::zero()))).await;
    assert_eq!(panel.token().await, Token::Nak, "a routine report without its key is not believed");
    panel.say(&bytes(&house.frame("5678", 3, "1101 00 003", TimeDelta::zero()))).await;
    assert_eq!(panel.token().await, Token::Ack);
    assert_eq!(house.told().iter().map(|(home, told, _)| (home.as_str(), told.clone())).collect::<Vec<_>>(), [("home-2", vec!["call"]), ("home-2", vec!["call"])]);
    assert!(!String::from_utf8_lossy(&house.log.stored()[0].payload).contains('*'), "it is stored in the clear of the sealed log's own house");
    // A key that nobody has.
    let other = Frame { encrypted: true, ..house.frame("1234", 4, "1101 00 003", TimeDelta::zero()) };
    panel.say(&bytes(&other)).await;
    assert_eq!(panel.token().await, Token::Nak);
}

#[tokio::test]
async fn an_unknown_account_is_shown_rubbish_is_ignored_and_datagrams_work_as_well() {
    let house = house().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(house.receiver.udp().unwrap()).await.unwrap();
    socket.send(b"\nFFFF0040\"SIA-DCS\"0042R1L5678#1234[#1234|Nri0/QA0003]\r").await.unwrap();
    socket.send(&[0xff; 700]).await.unwrap();
    socket.send(&bytes(&house.frame("99AB", 1, "1101 00 001", TimeDelta::zero()))).await.unwrap();
    let mut answer = vec![0; 1024];
    let read = tokio::time::timeout(Duration::from_secs(60), socket.recv(&mut answer)).await.unwrap().unwrap();
    assert_eq!(parse(&answer[..read], |_| None).unwrap().token, Token::Ack);
    assert_eq!(house.told(), [("dc09-99ab".to_owned(), vec!["call"], house.told()[0].2.clone())]);
    let mut panel = house.panel().await;
    panel.say(b"\n6AAD0018\"NULL\"0000R1L5678#1234[]\r").await;
    assert_eq!(panel.token().await, Token::Ack);
    house.receiver.shutdown().await;
    assert_eq!(panel.answer(Duration::from_secs(60)).await, Some(Vec::new()), "the connection is closed");
}

/// What a Python peer makes of the receiver, where `scripts/test` has installed its package; `None` where it has not.
async fn peer(house: &House, package: &str, script: &str) -> Option<Vec<(String, Vec<&'static str>)>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let peers = root.join("../target/peers");
    if !peers.join(package).is_dir() {
        println!("skipped: no {package} in target/peers (scripts/test need_peers)");
        return None;
    }
    let script = root.join("tests/peer").join(script);
    let port = house.receiver.tcp().unwrap().port().to_string();
    let run = tokio::task::spawn_blocking(move || Command::new("python3").env("PYTHONPATH", peers).arg(script).args([&port, KEY]).output().unwrap());
    let out = run.await.unwrap();
    assert!(out.status.success(), "{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    Some(house.told().into_iter().map(|(home, told, _)| (home, told)).collect())
}

/// Frames of siadc09 (PyPI); its encrypted link test has no bar before its empty data.
#[tokio::test]
async fn frames_of_another_implementation_are_acknowledged_so_that_it_understands() {
    let house = house().await;
    let Some(homes) = peer(&house, "siadc09", "dc09_sender.py").await else { return };
    assert_eq!(homes, [("home-1".to_owned(), vec!["call"]), ("home-1".to_owned(), vec!["call"]), ("home-2".to_owned(), vec!["call"]), ("home-2".to_owned(), vec![])]);
}

/// A dialler of a maker of receiving centres, my_dc09_spt (PyPI).
#[tokio::test]
async fn a_dialler_of_another_house_hears_our_acknowledgements_in_the_clear_and_with_aes() {
    let house = house_at(Arc::new(WallClock)).await;
    let Some(homes) = peer(&house, "my_dc09_spt", "dc09_spt.py").await else { return };
    assert_eq!(homes, [("home-1".to_owned(), vec!["call"]), ("home-2".to_owned(), vec!["call"])]);
    assert_eq!(house.receiver.counters().in_the_clear.load(Ordering::Relaxed), 0);
}
