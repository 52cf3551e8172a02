//! An existing broker as the way in: Mosquitto as a real process. Without it on the machine these tests say so
//! and pass.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

mod peer;

use gateway::{BridgeHandle, BridgeSettings, BrokerVersion, Homes, Lodger, PlainLanes};
use peer::*;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use store::LogError;

/// A Mosquitto of our own, killed with the test.
struct Broker {
    address: SocketAddr,
    directory: tempfile::TempDir,
    process: Child,
}

impl Broker {
    async fn start() -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display();
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {path}/\nuser root\n"
        );
        std::fs::write(directory.path().join("broker.conf"), config).unwrap();
        let Some(process) = Self::spawn(&directory) else {
            println!("no mosquitto here: skipped");
            return None;
        };
        let broker = Self { address, directory, process };
        broker.listens().await;
        Some(broker)
    }

    fn spawn(directory: &tempfile::TempDir) -> Option<Child> {
        ["mosquitto", "/usr/sbin/mosquitto"].iter().find_map(|program| {
            let mut command = Command::new(program);
            command.arg("-c").arg(directory.path().join("broker.conf"));
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        })
    }

    async fn listens(&self) {
        let address = self.address;
        until(|| std::net::TcpStream::connect(address).is_ok()).await;
    }

    /// A clean stop and a new start, with what it keeps.
    async fn restart(&mut self) {
        let stopped = Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(stopped.success());
        self.process.wait().unwrap();
        self.process = Self::spawn(&self.directory).unwrap();
        self.listens().await;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _gone_already = self.process.wait();
    }
}

fn settings(broker: &Broker, client_id: &str, version: &BrokerVersion) -> BridgeSettings {
    BridgeSettings {
        name: "town-broker".to_owned(),
        host: "127.0.0.1".to_owned(),
        port: broker.address.port(),
        authorities_pem: None,
        login: None,
        client_id: client_id.to_owned(),
        version: version.clone(),
        filters: vec!["care/v1/#".to_owned(), "h3/#".to_owned()],
        homes: Homes::Listed(Arc::new(["h1".into(), "h2".into()].into())),
        lodgers: vec![Lodger { filter: "h3/#".to_owned(), home: "h3".into() }],
        session_expiry: Duration::from_secs(3_600),
    }
}

async fn bridge(broker: &Broker, log: &Arc<TestLog>, client_id: &str, version: &BrokerVersion) -> BridgeHandle {
    let settings = settings(broker, client_id, version);
    let bridge = BridgeHandle::start(settings, log.clone(), Arc::new(TestClock), Arc::new(PlainLanes)).unwrap();
    until(|| bridge.is_connected()).await;
    bridge
}

const BOTH: [BrokerVersion; 2] = [BrokerVersion::V3, BrokerVersion::V5 { group: None }];

/// Waits until the broker has taken the subscription: a message passes.
async fn warm(sender: &mut Client, log: &TestLog) {
    let before = log.topics().len();
    let mut look = tokio::time::interval(Duration::from_millis(20));
    while log.topics().len() == before {
        sender.publish("care/v1/h1/warm/heartbeat", "{}", 1).await;
        look.tick().await;
    }
}

fn presses(log: &TestLog) -> Vec<String> {
    let all = log.stored().into_iter().filter(|record| record.topic.ends_with("/call"));
    all.map(|record| String::from_utf8(record.payload).unwrap()).collect()
}

#[tokio::test]
async fn what_is_not_durable_stays_with_the_broker_and_comes_again() {
    let Some(broker) = Broker::start().await else { return };
    for (n, version) in BOTH.iter().enumerate() {
        let log = TestLog::new();
        let id = format!("reader-{n}");
        let first = bridge(&broker, &log, &id, version).await;
        let mut sender = Client::connect(broker.address, &hi(V3, "sender")).await;
        warm(&mut sender, &log).await;
        log.block();
        for n in 0..5 {
            sender.publish("care/v1/h1/button/call", &n.to_string(), 1).await;
        }
        until(|| log.waiting() >= 5).await;
        first.shutdown().await;
        // While nobody reads, the broker keeps on collecting.
        sender.publish("care/v1/h1/button/call", "5", 1).await;
        let log = TestLog::new();
        let second = bridge(&broker, &log, &id, version).await;
        until(|| presses(&log).len() >= 6).await;
        assert_eq!(presses(&log), ["0", "1", "2", "3", "4", "5"], "{version:?}");
        until(|| second.counters().stored >= 6).await;
        sender.publish("care/v1/h1/button/call", "6", 1).await;
        until(|| presses(&log).len() >= 7).await;
        second.shutdown().await;
        // What was acknowledged does not come again.
        let log = TestLog::new();
        let third = bridge(&broker, &log, &id, version).await;
        warm(&mut sender, &log).await;
        assert!(presses(&log).len() <= 1, "at most the last acknowledgement was on its way: {:?}", presses(&log));
        third.shutdown().await;
    }
}

/// ACK-1: each message waits for its own commit, however many wait behind it.
#[tokio::test]
async fn one_commit_is_one_acknowledgement_while_others_wait_behind_it() {
    let Some(broker) = Broker::start().await else { return };
    for (n, version) in BOTH.iter().enumerate() {
        let log = TestLog::new();
        let id = format!("reader-{n}");
        let first = bridge(&broker, &log, &id, version).await;
        let mut sender = Client::connect(broker.address, &hi(V3, "sender")).await;
        warm(&mut sender, &log).await;
        until(|| first.counters().stored == first.counters().received).await;
        let before = first.counters().stored;
        log.block();
        for n in 0..5 {
            sender.publish("care/v1/h1/button/call", &n.to_string(), 1).await;
        }
        until(|| log.waiting() >= 5).await;
        for n in 1..=5 {
            log.let_one_through();
            until(|| first.counters().stored == before + n).await;
        }
        log.release();
        first.shutdown().await;
    }
}

#[tokio::test]
async fn a_refused_commit_is_not_acknowledged_and_the_message_comes_again() {
    let Some(broker) = Broker::start().await else { return };
    for (n, version) in BOTH.iter().enumerate() {
        let log = TestLog::new();
        let bridge = bridge(&broker, &log, &format!("reader-{n}"), version).await;
        let mut sender = Client::connect(broker.address, &hi(V3, "sender")).await;
        warm(&mut sender, &log).await;
        log.refuse(Some(LogError::DiskFull));
        sender.publish("care/v1/h1/button/call", "help", 1).await;
        until(|| bridge.counters().refused == 1).await;
        log.refuse(None);
        until(|| presses(&log) == ["help"]).await;
        assert!(bridge.counters().connects >= 2);
        bridge.shutdown().await;
    }
}

#[tokio::test]
async fn a_broker_that_comes_back_is_read_again() {
    let Some(mut broker) = Broker::start().await else { return };
    let log = TestLog::new();
    let bridge = bridge(&broker, &log, "reader", &BrokerVersion::V3).await;
    let mut sender = Client::connect(broker.address, &hi(V3, "sender")).await;
    warm(&mut sender, &log).await;
    drop(sender);
    broker.restart().await;
    until(|| bridge.counters().connects >= 2).await;
    let mut sender = Client::connect(broker.address, &hi(V3, "sender")).await;
    sender.publish("care/v1/h2/button/call", "again", 1).await;
    until(|| presses(&log) == ["again"]).await;
    bridge.shutdown().await;
}

#[tokio::test]
async fn on_mqtt_5_two_readers_share_the_messages_of_one_subscription() {
    let Some(broker) = Broker::start().await else { return };
    let version = BrokerVersion::V5 { group: Some("hearthline".to_owned()) };
    let log = TestLog::new();
    let one = bridge(&broker, &log, "reader-1", &version).await;
    let two = bridge(&broker, &log, "reader-2", &version).await;
    let mut sender = Client::connect(broker.address, &hi(V3, "sender")).await;
    let mut look = tokio::time::interval(Duration::from_millis(10));
    while one.counters().stored == 0 || two.counters().stored == 0 {
        sender.publish("care/v1/h1/warm/heartbeat", "{}", 1).await;
        look.tick().await;
    }
    for n in 0..20 {
        sender.publish("care/v1/h1/button/call", &n.to_string(), 1).await;
    }
    until(|| presses(&log).len() >= 20).await;
    let mut all: Vec<u32> = presses(&log).iter().map(|n| n.parse().unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, (0..20).collect::<Vec<_>>());
    one.shutdown().await;
    two.shutdown().await;
}

#[tokio::test]
async fn homes_lanes_and_words_hold_through_a_broker_too() {
    let Some(broker) = Broker::start().await else { return };
    let log = TestLog::new();
    let mut sender = Client::connect(broker.address, &hi(V3, "sender")).await;
    sender.retain("care/v1/h1/pir/motion", "{}", 1).await;
    sender.retain("care/v1/h1/hub/status", "offline", 1).await;
    let bridge = bridge(&broker, &log, "reader", &BrokerVersion::V5 { group: None }).await;
    house_words(&bridge, &mut sender, &log).await;
    bridge.shutdown().await;
}

async fn house_words(bridge: &BridgeHandle, sender: &mut Client, log: &TestLog) {
    warm(sender, log).await;
    sender.publish("care/v1/h9/button/call", "{}", 1).await;
    sender.publish("h3/zigbee2mqtt/x", "{}", 1).await;
    sender.subscribe("care/v1/h1/button/cmd", 1).await;
    sender.send_publish(2, "care/v1/h1/button/call", 900, &[], br#"{"id":"p1"}"#).await;
    let mut word = None;
    while word.is_none() {
        let heard = sender.hear().await.unwrap();
        if kind(heard.first) == "PUBLISH" {
            word = Some(sender.open(&heard));
        }
    }
    let word = word.unwrap();
    assert_eq!(word.payload, r#"{"ack":"p1"}"#);
    sender.answer(&word).await;
    let stored = log.stored();
    let homes: Vec<_> = stored.iter().map(|r| (r.home.as_str(), r.topic.as_str())).collect();
    assert!(homes.contains(&("h1", "care/v1/h1/hub/status")), "a stored state is worth knowing");
    assert!(homes.contains(&("h3", "h3/zigbee2mqtt/x")));
    assert!(!homes.iter().any(|(_, topic)| topic.contains("h9") || topic.ends_with("pir/motion")), "{homes:?}");
    let press = stored.iter().find(|r| r.topic.ends_with("call")).unwrap();
    assert_eq!((press.lane, press.source.as_str()), (care::Lane::Red, "town-broker"));
    let count = bridge.counters();
    assert_eq!((count.homeless, count.stale), (1, 1));
    assert!(bridge.publish("care/v1/h1/button/cmd", br#"{"help":"taken"}"#));
    assert_eq!(sender.take().await.payload, r#"{"help":"taken"}"#);
}
