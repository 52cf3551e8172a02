//! A whole hub between a home's broker and a platform's door with TLS: it comes in by its client certificate, reads
//! the broker, translates, forwards, and hands words back.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use care::{Lane, Timestamp};
use gateway::{
    BridgeSettings, BrokerVersion, Credential, Door, DoorHandle, DoorSettings, Homes, Limits,
    ListedKeys, Listener, Lodger, PlainLanes, Protection, Retain, Rights, Tls, Welcome,
};
use hub::heard::Standing;
use hub::settings::{Path, Unheard};
use hub::spool::Room;
use hub::tls::Identity;
use hub::{Hub, Settings};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, PublishOptions, QoS};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use store::memory::MemoryLog;
use store::{Clock, EventLog, Offset, Record, Shard};
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(60);

struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        wall()
    }

    fn sleep_until<'a>(&'a self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(tokio::time::sleep(
            (at - self.now()).to_std().unwrap_or_default(),
        ))
    }
}

fn wall() -> Timestamp {
    Timestamp::from(std::time::SystemTime::now())
}

/// A hub's wall clock that is wrong by a day.
fn wrong_wall() -> Timestamp {
    wall() - care::TimeDelta::days(1)
}

struct Authority {
    certificate: rcgen::Certificate,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, "authority");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Self {
            certificate,
            issuer: rcgen::Issuer::new(parameters, key),
        }
    }

    fn pem(&self) -> Vec<u8> {
        self.certificate.pem().into_bytes()
    }

    /// Certificate and key, PEM.
    fn sign(&self, name: &str, hosts: &[&str]) -> (Vec<u8>, Vec<u8>) {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut parameters = rcgen::CertificateParams::new(hosts).unwrap();
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        (
            certificate.pem().into_bytes(),
            key.serialize_pem().into_bytes(),
        )
    }
}

/// A platform's door and its log.
async fn platform(authority: &Authority, log: &MemoryLog) -> DoorHandle {
    let (chain_pem, key_pem) = authority.sign("server", &["localhost"]);
    let tls = Tls {
        chain_pem,
        key_pem,
        client_authorities_pem: Some(authority.pem()),
    };
    let listener = Listener {
        address: "127.0.0.1:0".parse().unwrap(),
        protection: Protection::Tls(tls),
        welcome: Welcome::Keys,
    };
    let keys = ListedKeys::new([Credential {
        user: "hub-1".into(),
        hash: "nothing fits".into(),
        rights: Rights::Hub { home: "h1".into() },
    }]);
    let settings = DoorSettings {
        listeners: vec![listener],
        limits: Limits::default(),
    };
    Door::open(
        settings,
        Arc::new(log.clone()),
        Arc::new(keys),
        Arc::new(Wall),
        Arc::new(PlainLanes),
    )
    .await
    .unwrap()
}

/// The home's broker: any topic, for everybody on this machine.
async fn broker() -> DoorHandle {
    let listener = Listener {
        address: "127.0.0.1:0".parse().unwrap(),
        protection: Protection::Loopback,
        welcome: Welcome::Open,
    };
    let settings = DoorSettings {
        listeners: vec![listener],
        limits: Limits::default(),
    };
    Door::open(
        settings,
        Arc::new(MemoryLog::new(1)),
        Arc::new(ListedKeys::new([])),
        Arc::new(Wall),
        Arc::new(PlainLanes),
    )
    .await
    .unwrap()
}

/// A device or bridge at the broker; what it hears comes out of the channel.
async fn at_broker(
    address: SocketAddr,
    id: &str,
    filter: &str,
) -> (AsyncClient, mpsc::UnboundedReceiver<(String, Vec<u8>)>) {
    let options = MqttOptions::new(id, (address.ip().to_string(), address.port()));
    let (client, mut events) = AsyncClient::builder(options).capacity(16).build();
    let (tell, mut told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(event) = events.poll().await {
            match event {
                Event::Incoming(Packet::SubAck(_)) => drop(tell.send((String::new(), Vec::new()))),
                Event::Incoming(Packet::Publish(publish)) => drop(tell.send((
                    String::from_utf8_lossy(&publish.topic).into_owned(),
                    publish.payload.to_vec(),
                ))),
                Event::Incoming(_) | Event::Outgoing(_) => {}
            }
        }
    });
    client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
    told.recv().await.unwrap();
    (client, told)
}

fn settings(
    folder: &std::path::Path,
    authority: &Authority,
    platform: SocketAddr,
    broker: SocketAddr,
) -> Settings {
    let (chain_pem, key_pem) = authority.sign("hub-1", &[]);
    let identity = Identity { chain_pem, key_pem };
    let path = Path {
        name: "wired".into(),
        host: "localhost".into(),
        port: platform.port(),
        tls: Some(hub::tls::client(&authority.pem(), Some(&identity)).unwrap()),
        interface: None,
        from: None,
    };
    Settings {
        home: "h1".into(),
        name: "hub".into(),
        folder: folder.to_owned(),
        room: Room::default(),
        paths: vec![path],
        login: None,
        door: None,
        broker: Some(BridgeSettings {
            name: "broker".into(),
            host: broker.ip().to_string(),
            port: broker.port(),
            authorities_pem: None,
            login: None,
            client_id: "hub".into(),
            version: BrokerVersion::V3,
            filters: vec!["care/v1/h1/#".into(), "zigbee2mqtt/#".into()],
            homes: Homes::Listed(Arc::new(["h1".into()].into())),
            lodgers: vec![Lodger {
                filter: "zigbee2mqtt/#".into(),
                home: "h1".into(),
            }],
            session_expiry: Duration::from_secs(3_600),
        }),
        declared: Vec::new(),
        heartbeat: Duration::from_secs(1),
        unheard: Unheard {
            after: Duration::from_secs(30),
            publish: vec![("zigbee2mqtt/siren/set".into(), "on".into(), "off".into())],
            command: Vec::new(),
        },
    }
}

/// Waits for a record of the platform's log on this topic.
async fn record(log: &MemoryLog, lane: Lane, topic: &str) -> Record {
    let mut changed = log.changed(lane);
    let found = async {
        loop {
            changed.mark_unchanged();
            let entries = log.read(Shard(0), lane, Offset(0), 10_000).await.unwrap();
            if let Some(entry) = entries
                .into_iter()
                .find(|entry| entry.record.topic == topic)
            {
                return entry.record;
            }
            changed.changed().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .unwrap_or_else(|_| panic!("nothing came on {topic}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_behind_a_broker_is_heard_by_certificate_translated_and_answered() {
    let (authority, log, folder) = (
        Authority::new(),
        MemoryLog::new(1),
        tempfile::tempdir().unwrap(),
    );
    let (platform, broker) = (platform(&authority, &log).await, broker().await);
    let home = broker.local_addrs()[0];
    let (device, mut hears) = at_broker(home, "bridge", "#").await;
    let hub = Hub::start(
        settings(folder.path(), &authority, platform.local_addrs()[0], home),
        wrong_wall,
    )
    .await
    .unwrap();
    assert_eq!(
        record(&log, Lane::Routine, "care/v1/h1/hub/status")
            .await
            .payload,
        b"online"
    );
    record(&log, Lane::Routine, "care/v1/h1/hub/heartbeat").await;

    // Another language: described, then said.
    let devices = r#"[{"ieee_address":"0x01","friendly_name":"hall","type":"EndDevice","definition":{"vendor":"v","model":"m","description":"Smoke detector","exposes":[{"type":"binary","name":"smoke","property":"smoke","access":1,"value_on":true,"value_off":false}]}}]"#;
    let say = async |topic: &str, payload: &str, retain: bool| {
        device
            .publish(
                topic.to_owned(),
                payload.as_bytes().to_vec(),
                PublishOptions::new(QoS::AtLeastOnce).retain(retain),
            )
            .await
            .unwrap();
    };
    say("zigbee2mqtt/bridge/devices", devices, true).await;
    let before = wall();
    say("zigbee2mqtt/hall", r#"{"smoke":true}"#, false).await;
    let smoke = record(&log, Lane::Red, "care/v1/h1/0x01/smoke").await;
    let message = wire::Message {
        home: None,
        topic: &smoke.topic,
        payload: &smoke.payload,
        heard_at: smoke.heard_at,
        retained: wire::Retained::No,
    };
    let decoded = wire::decode(&message, &mut wire::Learned::default());
    let said_at = decoded.signals()[0].said_at.unwrap();
    assert!(
        said_at >= before - care::TimeDelta::seconds(1) && said_at <= wall(),
        "by a clock that is wrong by a day: {said_at}"
    );

    // A word back to a device of the home.
    say("care/v1/h1/button/call", r#"{"id":"7"}"#, false).await;
    assert!(
        String::from_utf8(
            record(&log, Lane::Red, "care/v1/h1/button/call")
                .await
                .payload
        )
        .unwrap()
        .starts_with(r#"{"id":"7","age_ms":"#)
    );
    platform.publish("care/v1/h1/button/cmd", br#"{"help":"taken"}"#, Retain::No);
    let word = async {
        loop {
            let (topic, payload) = hears.recv().await.unwrap();
            if topic == "care/v1/h1/button/cmd" && payload == br#"{"help":"taken"}"# {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, word)
        .await
        .expect("the button is told that a person has taken it");
    let mut state = hub.state();
    let heard = state.wait_for(|state| {
        state.standing == Some(Standing::Heard) && state.red == 0 && state.routine == 0
    });
    tokio::time::timeout(PATIENCE, heard)
        .await
        .expect("all is forwarded")
        .unwrap();

    // What is set from afar is kept for the next life.
    platform.publish(
        "care/v1/h1/hub/cmd",
        br#"{"hub":{"version":4,"unheard_after_s":40}}"#,
        Retain::No,
    );
    let kept = folder.path().join("remote");
    let taken = async {
        while !std::fs::read_to_string(&kept).is_ok_and(|text| text.contains("\"version\":4")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, taken)
        .await
        .expect("the setting is kept");
    hub.stop().await;
    let all = log
        .read(Shard(0), Lane::Routine, Offset(0), 10_000)
        .await
        .unwrap();
    let last = all
        .iter()
        .rfind(|entry| entry.record.topic == "care/v1/h1/hub/status")
        .unwrap();
    assert_eq!(
        last.record.payload, b"offline",
        "stopped on purpose, and said so"
    );
    broker.shutdown().await;
    platform.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_another_authority_vouches_for_hears_nothing() {
    let (authority, foreign, log, folder) = (
        Authority::new(),
        Authority::new(),
        MemoryLog::new(1),
        tempfile::tempdir().unwrap(),
    );
    let (platform, broker) = (platform(&foreign, &log).await, broker().await);
    let hub = Hub::start(
        settings(
            folder.path(),
            &authority,
            platform.local_addrs()[0],
            broker.local_addrs()[0],
        ),
        wall,
    )
    .await
    .unwrap();
    let record = Record {
        lane: Lane::Red,
        home: "h1".into(),
        source: "t".into(),
        topic: "care/v1/h1/button/call".into(),
        payload: b"{\"id\":\"1\"}".to_vec(),
        heard_at: wall(),
    };
    store::log::append(&hub.log(), record).await.unwrap();
    let mut state = hub.state();
    let unheard =
        state.wait_for(|state| state.standing == Some(Standing::Unheard) && state.red == 1);
    tokio::time::timeout(PATIENCE, unheard)
        .await
        .expect("the home is told")
        .unwrap();
    assert_eq!(state.borrow().path, None);
    assert!(log.is_empty());
    hub.stop().await;
    broker.shutdown().await;
    platform.shutdown().await;
}
