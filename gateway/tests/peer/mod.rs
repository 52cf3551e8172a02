//! What the door's tests have in common: a door on a free port, an event log that can be blocked or made to
//! refuse, and a client that speaks raw packets over a real socket.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(unreachable_pub, reason = "a module of several test binaries")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "test helpers"
)]

use async_trait::async_trait;
use care::{Lane, Timestamp};
use gateway::*;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use store::{Clock, Done, Entry, EventLog, LogError, Offset, Record, Shard};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// How long a test waits for something that should happen.
pub const SOON: Duration = Duration::from_secs(20);

/// How long a test waits to see that something does not happen.
pub const QUIET: Duration = Duration::from_millis(150);

#[derive(Default)]
struct LogState {
    blocked: bool,
    let_through: usize,
    refusing: Option<LogError>,
    refusing_routine: Option<LogError>,
    waiting: VecDeque<(Record, Done)>,
    stored: Vec<Record>,
    closed: bool,
}

/// An event log that obeys its test. Commits come from a thread of its own, red ones first.
pub struct TestLog {
    state: Mutex<LogState>,
    changed: Condvar,
}

impl TestLog {
    pub fn new() -> Arc<Self> {
        let log = Arc::new(Self { state: Mutex::default(), changed: Condvar::new() });
        let writer = Arc::clone(&log);
        std::thread::spawn(move || writer.write());
        log
    }

    fn write(&self) {
        loop {
            let (batch, refusing) = {
                let mut state = self.state.lock().unwrap();
                while ((state.blocked && state.let_through == 0) || state.waiting.is_empty()) && !state.closed {
                    state = self.changed.wait(state).unwrap();
                }
                if state.closed {
                    return;
                }
                let most = if state.blocked { 1 } else { state.waiting.len() };
                state.let_through = state.let_through.saturating_sub(1);
                let mut batch: Vec<_> = state.waiting.drain(..most).collect();
                batch.sort_by_key(|(record, _)| record.lane);
                (batch, (state.refusing.clone(), state.refusing_routine.clone()))
            };
            for (record, done) in batch {
                let routine = refusing.1.as_ref().filter(|_| record.lane == Lane::Routine);
                match refusing.0.as_ref().or(routine) {
                    Some(error) => done(Err(error.clone())),
                    None => {
                        self.state.lock().unwrap().stored.push(record);
                        done(Ok(()));
                    }
                }
            }
        }
    }

    pub fn block(&self) {
        self.state.lock().unwrap().blocked = true;
    }

    /// Lets one record through while the log is blocked.
    pub fn let_one_through(&self) {
        self.state.lock().unwrap().let_through += 1;
        self.changed.notify_all();
    }

    pub fn release(&self) {
        self.state.lock().unwrap().blocked = false;
        self.changed.notify_all();
    }

    pub fn refuse(&self, error: Option<LogError>) {
        self.state.lock().unwrap().refusing = error;
    }

    pub fn refuse_routine(&self, error: Option<LogError>) {
        self.state.lock().unwrap().refusing_routine = error;
    }

    /// Topics of what was stored, in order.
    pub fn topics(&self) -> Vec<String> {
        self.state.lock().unwrap().stored.iter().map(|record| record.topic.clone()).collect()
    }

    pub fn stored(&self) -> Vec<Record> {
        self.state.lock().unwrap().stored.clone()
    }

    pub fn waiting(&self) -> usize {
        self.state.lock().unwrap().waiting.len()
    }

    /// Waits until so many records are stored.
    pub async fn until_stored(&self, count: usize) {
        until(|| self.state.lock().unwrap().stored.len() >= count).await;
    }
}

/// Waits for a condition, looking again and again.
pub async fn until(mut condition: impl FnMut() -> bool) {
    let patience = async {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        while !condition() {
            look.tick().await;
        }
    };
    tokio::time::timeout(SOON, patience).await.expect("the condition should have come true");
}

#[async_trait]
impl EventLog for TestLog {
    fn submit(&self, record: Record, done: Done) {
        self.state.lock().unwrap().waiting.push_back((record, done));
        self.changed.notify_all();
    }

    async fn read(&self, _: Shard, _: Lane, _: Offset, _: usize) -> Result<Vec<Entry>, LogError> {
        Ok(Vec::new())
    }

    async fn end(&self, _: Shard, _: Lane) -> Result<Offset, LogError> {
        Ok(Offset(0))
    }

    fn changed(&self, _: Lane) -> watch::Receiver<u64> {
        watch::channel(0).1
    }

    fn shards(&self) -> u16 {
        1
    }
}

/// A clock that stands still: the door only stamps with it.
pub struct TestClock;

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn sleep_until<'a>(&'a self, _: Timestamp) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(std::future::ready(()))
    }
}

/// A generated secret's hash, quick to check.
pub fn quick_hash(password: &str) -> String {
    use sha2::{Digest, Sha256};
    format!("sha256${}", Sha256::digest(password).iter().map(|b| format!("{b:02x}")).collect::<String>())
}

pub fn credential(user: &str, rights: Rights) -> Credential {
    Credential { user: user.to_owned(), hash: quick_hash("secret"), rights }
}

/// An open door and what stands behind it.
pub struct House {
    pub door: DoorHandle,
    pub log: Arc<TestLog>,
    /// The open listener.
    pub open: SocketAddr,
    /// The listener with credentials: `device` (home h1, button), `hub` (h1), `hub2` (h2), `bridge` (h1, h2),
    /// `all`; the password of each is `secret`.
    pub keyed: SocketAddr,
}

pub async fn house() -> House {
    house_with(Limits::default()).await
}

pub async fn house_with(limits: Limits) -> House {
    let log = TestLog::new();
    let homes = Homes::Listed(Arc::new(["h1".into(), "h2".into()].into()));
    let keys = ListedKeys::new([
        credential("device", Rights::Device { home: "h1".into(), device: "button".into() }),
        credential("hub", Rights::Hub { home: "h1".into() }),
        credential("hub2", Rights::Hub { home: "h2".into() }),
        credential("bridge", Rights::Bridge { homes }),
        credential("all", Rights::Bridge { homes: Homes::All }),
    ]);
    let listener =
        |welcome| Listener { address: "127.0.0.1:0".parse().unwrap(), protection: Protection::Loopback, welcome };
    let settings = DoorSettings { listeners: vec![listener(Welcome::Open), listener(Welcome::Keys)], limits };
    let door =
        Door::open(settings, log.clone(), Arc::new(keys), Arc::new(TestClock), Arc::new(PlainLanes)).await.unwrap();
    let (open, keyed) = (door.local_addrs()[0], door.local_addrs()[1]);
    House { door, log, open, keyed }
}

/// A door with one listener, other keys and a log that takes everything.
pub async fn door_with(keys: Arc<dyn Keys>) -> DoorHandle {
    let listener =
        Listener { address: "127.0.0.1:0".parse().unwrap(), protection: Protection::Loopback, welcome: Welcome::Keys };
    let settings = DoorSettings { listeners: vec![listener], limits: Limits::default() };
    Door::open(settings, TestLog::new(), keys, Arc::new(TestClock), Arc::new(PlainLanes)).await.unwrap()
}

/// Protocol versions, by their level.
pub const V3: u8 = 4;
pub const V5: u8 = 5;

/// A property, encoded.
pub type Property = Vec<u8>;

pub fn p8(id: u8, value: u8) -> Property {
    vec![id, value]
}

pub fn p16(id: u8, value: u16) -> Property {
    [&[id][..], &value.to_be_bytes()].concat()
}

pub fn p32(id: u8, value: u32) -> Property {
    [&[id][..], &value.to_be_bytes()].concat()
}

pub fn pvar(id: u8, value: usize) -> Property {
    let mut all = vec![id];
    length(&mut all, value);
    all
}

pub fn pstr(id: u8, value: &str) -> Property {
    let mut all = vec![id];
    string(&mut all, value.as_bytes());
    all
}

pub fn ppair(key: &str, value: &str) -> Property {
    let mut all = vec![0x26];
    string(&mut all, key.as_bytes());
    string(&mut all, value.as_bytes());
    all
}

fn length(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let byte = (value % 128) as u8;
        value /= 128;
        out.push(if value > 0 { byte | 128 } else { byte });
        if value == 0 {
            return;
        }
    }
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn properties(out: &mut Vec<u8>, all: &[Property]) {
    let flat = all.concat();
    length(out, flat.len());
    out.extend_from_slice(&flat);
}

pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    length(&mut out, body.len());
    out.extend_from_slice(body);
    out
}

/// A last will.
#[derive(Clone, Default)]
pub struct TestWill {
    pub topic: &'static str,
    pub payload: &'static str,
    pub qos: u8,
    pub retain: bool,
    pub properties: Vec<Property>,
}

/// A CONNECT.
#[derive(Clone)]
pub struct Hi {
    pub level: u8,
    pub id: String,
    pub clean: bool,
    pub keep_alive: u16,
    pub properties: Vec<Property>,
    pub will: Option<TestWill>,
    pub user: Option<&'static str>,
    pub password: Option<&'static str>,
}

pub fn hi(level: u8, id: &str) -> Hi {
    Hi {
        level,
        id: id.to_owned(),
        clean: true,
        keep_alive: 60,
        properties: Vec::new(),
        will: None,
        user: None,
        password: None,
    }
}

impl Hi {
    pub fn keep(mut self) -> Self {
        self.clean = false;
        if self.level == V5 {
            self.properties.push(p32(0x11, 3_600));
        }
        self
    }

    pub fn with(mut self, property: Property) -> Self {
        self.properties.push(property);
        self
    }

    pub fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive = seconds;
        self
    }

    pub fn will(mut self, will: TestWill) -> Self {
        self.will = Some(will);
        self
    }

    pub fn login(mut self, user: &'static str) -> Self {
        self.user = Some(user);
        self.password = Some("secret");
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut flags = u8::from(self.clean) << 1;
        if let Some(will) = &self.will {
            flags |= 4 | (will.qos << 3) | (u8::from(will.retain) << 5);
        }
        flags |= (u8::from(self.user.is_some()) << 7) | (u8::from(self.password.is_some()) << 6);
        let mut body = b"\0\x04MQTT".to_vec();
        body.extend_from_slice(&[self.level, flags]);
        body.extend_from_slice(&self.keep_alive.to_be_bytes());
        if self.level == V5 {
            properties(&mut body, &self.properties);
        }
        string(&mut body, self.id.as_bytes());
        if let Some(will) = &self.will {
            if self.level == V5 {
                properties(&mut body, &will.properties);
            }
            string(&mut body, will.topic.as_bytes());
            string(&mut body, will.payload.as_bytes());
        }
        for text in [self.user, self.password].into_iter().flatten() {
            string(&mut body, text.as_bytes());
        }
        packet(0x10, &body)
    }
}

/// A packet from the door, taken apart as far as tests need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub first: u8,
    pub body: Vec<u8>,
}

/// A PUBLISH from the door.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    pub topic: String,
    pub payload: String,
    pub qos: u8,
    pub dup: bool,
    pub retain: bool,
    pub id: u16,
    /// Identifier and value, in order.
    pub properties: Vec<(u8, Vec<u8>)>,
}

impl Message {
    pub fn property(&self, id: u8) -> Option<&[u8]> {
        self.properties.iter().find(|(found, _)| *found == id).map(|(_, value)| &value[..])
    }

    pub fn identifiers(&self) -> Vec<u8> {
        let mut all: Vec<u8> = self.properties.iter().filter(|(id, _)| *id == 0x0b).map(|(_, v)| v[0]).collect();
        all.sort_unstable();
        all
    }
}

pub fn kind(first: u8) -> &'static str {
    let names = [
        "?",
        "CONNECT",
        "CONNACK",
        "PUBLISH",
        "PUBACK",
        "PUBREC",
        "PUBREL",
        "PUBCOMP",
        "SUBSCRIBE",
        "SUBACK",
        "UNSUBSCRIBE",
        "UNSUBACK",
        "PINGREQ",
        "PINGRESP",
        "DISCONNECT",
        "AUTH",
    ];
    names[usize::from(first >> 4)]
}

fn read_length(bytes: &[u8]) -> (usize, usize) {
    let (mut value, mut at) = (0, 0);
    loop {
        value |= usize::from(bytes[at] & 127) << (7 * at);
        at += 1;
        if bytes[at - 1] & 128 == 0 {
            return (value, at);
        }
    }
}

/// Takes properties apart; returns them and the rest.
pub fn read_properties(bytes: &[u8]) -> (Vec<(u8, Vec<u8>)>, &[u8]) {
    let (total, at) = read_length(bytes);
    let (mut inner, rest) = bytes[at..].split_at(total);
    let mut all = Vec::new();
    while !inner.is_empty() {
        let id = inner[0];
        let body = &inner[1..];
        let two = |at: usize| 2 + usize::from(u16::from_be_bytes([body[at], body[at + 1]]));
        let size = match id {
            0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => 1,
            0x13 | 0x21 | 0x22 | 0x23 => 2,
            0x02 | 0x11 | 0x18 | 0x27 => 4,
            0x0b => read_length(body).1,
            0x26 => two(0) + two(two(0)),
            _ => two(0),
        };
        all.push((id, body[..size].to_vec()));
        inner = &body[size..];
    }
    (all, rest)
}

/// The properties of a CONNACK.
pub fn connack_properties(connack: &Heard) -> Vec<(u8, Vec<u8>)> {
    read_properties(&connack.body[2..]).0
}

/// A client that speaks raw packets.
pub struct Client<S = TcpStream> {
    pub stream: S,
    pub level: u8,
    pub last_id: u16,
}

impl Client {
    pub async fn socket(address: SocketAddr, level: u8) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), level, last_id: 0 }
    }

    /// Connects and returns the CONNACK too.
    pub async fn enter(address: SocketAddr, hi: &Hi) -> (Self, Heard) {
        let mut client = Self::socket(address, hi.level).await;
        client.send(&hi.bytes()).await;
        let connack = client.hear().await.expect("a CONNACK");
        assert_eq!(kind(connack.first), "CONNACK");
        (client, connack)
    }

    /// Connects and must be let in.
    pub async fn connect(address: SocketAddr, hi: &Hi) -> Self {
        let (client, connack) = Self::enter(address, hi).await;
        assert_eq!(connack.body[1], 0, "let in: {connack:?}");
        client
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next packet, `None` if the door closed the connection.
    pub async fn hear(&mut self) -> Option<Heard> {
        tokio::time::timeout(SOON, self.read()).await.expect("a packet or the end, soon")
    }

    async fn read(&mut self) -> Option<Heard> {
        let first = self.stream.read_u8().await.ok()?;
        let (mut size, mut shift) = (0, 0);
        loop {
            let byte = self.stream.read_u8().await.ok()?;
            size |= usize::from(byte & 127) << shift;
            shift += 7;
            if byte & 128 == 0 {
                break;
            }
        }
        let mut body = vec![0; size];
        self.stream.read_exact(&mut body).await.ok()?;
        Some(Heard { first, body })
    }

    /// The next packet, which must be of this kind.
    pub async fn expect(&mut self, wanted: &str) -> Heard {
        let heard = self.hear().await.unwrap_or_else(|| panic!("{wanted} expected, the door closed"));
        assert_eq!(kind(heard.first), wanted, "{heard:?}");
        heard
    }

    /// Nothing comes for a moment.
    pub async fn quiet(&mut self) {
        if let Ok(heard) = tokio::time::timeout(QUIET, self.read()).await {
            panic!("silence expected: {heard:?}");
        }
    }

    /// The door closes, whatever it may say before; returns the last reason code of a DISCONNECT.
    pub async fn closed(&mut self) -> Option<u8> {
        let mut reason = None;
        while let Some(heard) = self.hear().await {
            if kind(heard.first) == "DISCONNECT" {
                reason = heard.body.first().copied();
            }
        }
        reason
    }

    pub fn id(&mut self) -> u16 {
        self.last_id += 1;
        self.last_id
    }

    pub async fn send_publish(&mut self, first: u8, topic: &str, id: u16, extra: &[Property], payload: &[u8]) {
        let mut body = Vec::new();
        string(&mut body, topic.as_bytes());
        if first & 6 != 0 {
            body.extend_from_slice(&id.to_be_bytes());
        }
        if self.level == V5 {
            properties(&mut body, extra);
        }
        body.extend_from_slice(payload);
        self.send(&packet(0x30 | first, &body)).await;
    }

    /// Publishes and goes through the whole handshake.
    pub async fn publish(&mut self, topic: &str, payload: &str, qos: u8) {
        self.publish_with(topic, payload, qos, false, &[]).await;
    }

    pub async fn retain(&mut self, topic: &str, payload: &str, qos: u8) {
        self.publish_with(topic, payload, qos, true, &[]).await;
    }

    pub async fn publish_with(&mut self, topic: &str, payload: &str, qos: u8, retain: bool, extra: &[Property]) {
        let id = self.id();
        self.send_publish((qos << 1) | u8::from(retain), topic, id, extra, payload.as_bytes()).await;
        match qos {
            1 => self.expect_ack("PUBACK", id).await,
            2 => {
                self.expect_ack("PUBREC", id).await;
                self.send(&packet(0x62, &id.to_be_bytes())).await;
                self.expect_ack("PUBCOMP", id).await;
            }
            _ => {}
        }
    }

    pub async fn expect_ack(&mut self, wanted: &str, id: u16) {
        let heard = self.expect(wanted).await;
        assert_eq!(&heard.body[..2], &id.to_be_bytes(), "{heard:?}");
        assert!(heard.body.get(2).is_none_or(|code| *code < 0x80), "{heard:?}");
    }

    /// Subscribes with options as MQTT 5 encodes them; returns the codes.
    pub async fn subscribe_with(&mut self, filters: &[(&str, u8)], extra: &[Property]) -> Vec<u8> {
        let id = self.id();
        let mut body = id.to_be_bytes().to_vec();
        if self.level == V5 {
            properties(&mut body, extra);
        }
        for (filter, options) in filters {
            string(&mut body, filter.as_bytes());
            body.push(*options);
        }
        self.send(&packet(0x82, &body)).await;
        self.codes("SUBACK", id).await
    }

    pub async fn subscribe(&mut self, filter: &str, qos: u8) {
        let codes = self.subscribe_with(&[(filter, qos)], &[]).await;
        assert_eq!(codes, [qos], "SUBACK for {filter}");
    }

    pub async fn unsubscribe(&mut self, filters: &[&str]) -> Vec<u8> {
        let id = self.id();
        let mut body = id.to_be_bytes().to_vec();
        if self.level == V5 {
            body.push(0);
        }
        for filter in filters {
            string(&mut body, filter.as_bytes());
        }
        self.send(&packet(0xa2, &body)).await;
        self.codes("UNSUBACK", id).await
    }

    async fn codes(&mut self, wanted: &str, id: u16) -> Vec<u8> {
        let heard = self.expect(wanted).await;
        assert_eq!(&heard.body[..2], &id.to_be_bytes());
        let rest = &heard.body[2..];
        if self.level == V5 { read_properties(rest).1.to_vec() } else { rest.to_vec() }
    }

    /// The next packet must be a PUBLISH; it is not answered.
    pub async fn message(&mut self) -> Message {
        let heard = self.expect("PUBLISH").await;
        self.open(&heard)
    }

    pub fn open(&self, heard: &Heard) -> Message {
        let qos = (heard.first >> 1) & 3;
        let size = usize::from(u16::from_be_bytes([heard.body[0], heard.body[1]]));
        let (topic, mut rest) = heard.body[2..].split_at(size);
        let mut id = 0;
        if qos > 0 {
            id = u16::from_be_bytes([rest[0], rest[1]]);
            rest = &rest[2..];
        }
        let mut found = Vec::new();
        if self.level == V5 {
            (found, rest) = read_properties(rest);
        }
        Message {
            topic: String::from_utf8(topic.to_vec()).unwrap(),
            payload: String::from_utf8(rest.to_vec()).unwrap(),
            qos,
            dup: heard.first & 8 != 0,
            retain: heard.first & 1 != 0,
            id,
            properties: found,
        }
    }

    /// Takes a message and answers it in full.
    pub async fn take(&mut self) -> Message {
        let message = self.message().await;
        self.answer(&message).await;
        message
    }

    pub async fn answer(&mut self, message: &Message) {
        let id = message.id.to_be_bytes();
        match message.qos {
            1 => self.send(&packet(0x40, &id)).await,
            2 => {
                self.send(&packet(0x50, &id)).await;
                self.expect_ack("PUBREL", message.id).await;
                self.send(&packet(0x70, &id)).await;
            }
            _ => {}
        }
    }

    /// Takes as many messages and returns topic, payload and QoS.
    pub async fn take_all(&mut self, count: usize) -> Vec<(String, String, u8)> {
        let mut all = Vec::new();
        for _ in 0..count {
            let message = self.take().await;
            all.push((message.topic, message.payload, message.qos));
        }
        all
    }

    pub async fn ping(&mut self) {
        self.send(&[0xc0, 0]).await;
        self.expect("PINGRESP").await;
    }

    pub async fn bye_whatever_comes(mut self) {
        self.send(&[0xe0, 0]).await;
        assert_eq!(self.closed().await, None);
    }

    pub async fn bye(mut self) {
        self.send(&[0xe0, 0]).await;
        assert_eq!(self.hear().await, None);
    }
}
