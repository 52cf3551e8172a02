//! From what devices say, in any language, to what is forwarded: the native language, each message with a name.
//!
//! | heard | forwarded |
//! |---|---|
//! | native, a JSON object with a name of its own | as it came |
//! | native, a JSON object without a name | with a name of the hub's |
//! | anything else that means something | each signal in the native language, named by its event or by the hub |
//! | a description of devices | nothing: it is learned, and kept for the next start |
//! | what nobody understands | wrapped as `…/HUB/unread`, 60 an hour and 4 KB at most: the platform shows it in quarantine |
//!
//! Whatever is forwarded has a topic that the platform's door cannot refuse: a refused one would block all behind it.
//!
//! A call on a bad payload is a call here as everywhere.

use care::{DeviceId, EventId, HomeId, Lane, Signal, SignalKind, Timestamp, Value};
use serde_json::{Map, Value as Json};
use wire::native::{self, Name};
use wire::{Decoded, Learned, Message, Retained, Role};

/// Messages an hour that nobody understands and that are passed on.
const STRANGE_PER_HOUR: u32 = 60;
/// Largest such message, bytes.
const STRANGE_BYTES_MAX: usize = 4 * 1024;
/// The longest age that is believed, in milliseconds: as long as the platform believes a device's own time.
const AGE_MS_MAX: i64 = 400 * 24 * 3_600_000;

/// What the names begin with that the hub gives: no device waits for their acknowledgement.
const OURS: &str = "@";

/// True if the hub gave this name.
pub fn is_ours(name: &str) -> bool {
    name.starts_with(OURS)
}

/// A message to be forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its lane.
    pub lane: Lane,
    /// Where.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// How old it was already when it came, by its sender's own count, in milliseconds.
    pub age_ms: i64,
}

/// The translation of one home.
pub struct Intake {
    home: HomeId,
    hub: DeviceId,
    mark: String,
    named: u64,
    learned: Learned,
    taught: bool,
    hour: i64,
    strange: u32,
    /// Messages that nobody understood and that were not passed on either.
    pub unread: u64,
}

impl Intake {
    /// For a home and its hub. `mark` begins every name that is given here: no two lives of any two hubs have the same.
    pub fn new(home: HomeId, hub: DeviceId, mark: String, learned: Learned) -> Self {
        Self {
            home,
            hub,
            mark,
            named: 0,
            learned,
            taught: false,
            hour: 0,
            strange: 0,
            unread: 0,
        }
    }

    /// Declares what a device is, by the register's words.
    pub fn declare(&mut self, device: &str, kind: &str, exit_door: bool) -> bool {
        self.learned
            .declare(DeviceId::new(device), Role::registered(kind, exit_door))
    }

    /// Red if a message might be a call for help, before it is taken.
    pub fn lane(&self, topic: &str, payload: &[u8]) -> Lane {
        wire::lane(topic, payload, Some(&self.learned))
    }

    /// What was learned, if it has changed since this was asked last.
    pub fn lessons(&mut self) -> Option<Vec<u8>> {
        std::mem::take(&mut self.taught)
            .then(|| serde_json::to_vec(&self.learned).ok())
            .flatten()
    }

    /// A name that no message had before.
    pub fn name(&mut self) -> String {
        self.named += 1;
        format!("{OURS}{}-{:x}", self.mark, self.named)
    }

    /// Takes a message in. `now` is the hub's clock: only differences of it count.
    pub fn take(&mut self, topic: &str, payload: &[u8], now: Timestamp) -> Vec<Piece> {
        if native::is_native(topic) && topic.ends_with("/cmd") {
            return Vec::new();
        }
        let lane = self.lane(topic, payload);
        if native::is_native(topic)
            && let Some(piece) = self.object(topic, payload, lane)
        {
            return vec![piece];
        }
        let home = self.home.clone();
        let message = Message {
            home: Some(&home),
            topic,
            payload,
            heard_at: now,
            retained: Retained::No,
        };
        let decoded = wire::decode(&message, &mut self.learned);
        match decoded {
            Decoded::Signals(signals) => signals.iter().map(|signal| self.say(signal)).collect(),
            Decoded::Quarantine { signals, .. } if !signals.is_empty() => {
                signals.iter().map(|signal| self.say(signal)).collect()
            }
            Decoded::Quarantine { .. } => self.pass(topic, payload, now).into_iter().collect(),
            Decoded::Learned(_) => {
                self.taught = true;
                Vec::new()
            }
            Decoded::Nothing => Vec::new(),
        }
    }

    /// A native message with an object for its payload, which is kept as its sender wrote it.
    fn object(&mut self, topic: &str, payload: &[u8], lane: Lane) -> Option<Piece> {
        let kind = self.kind(topic)?;
        let Ok(Json::Object(mut object)) = serde_json::from_slice::<Json>(payload) else {
            return None;
        };
        if payload.len() > wire::PAYLOAD_BYTES_MAX
            || matches!(kind, SignalKind::Online | SignalKind::Offline)
        {
            return None;
        }
        let age_ms = take_age(&mut object);
        let is_named = native::ack_for(topic, payload, Timestamp::UNIX_EPOCH).is_some();
        if is_named && age_ms == 0 {
            return Some(Piece {
                lane,
                topic: topic.to_owned(),
                payload: payload.trim_ascii().to_vec(),
                age_ms,
            });
        }
        if !is_named {
            object.insert("id".into(), Json::from(self.name()));
        }
        Some(Piece {
            lane,
            topic: topic.to_owned(),
            payload: Json::Object(object).to_string().into_bytes(),
            age_ms,
        })
    }

    fn say(&mut self, signal: &Signal) -> Piece {
        let name = match signal.event.as_ref().map(EventId::as_str) {
            Some(event) => format!("{OURS}{event}"),
            None => self.name(),
        };
        let (topic, payload) = native::encode(signal, Some(&Name::Text(name)), None);
        let red = signal.kind.is_red() && signal.value != Value::Bool(false);
        Piece {
            lane: if red { Lane::Red } else { Lane::Routine },
            topic,
            payload,
            age_ms: 0,
        }
    }

    /// The kind that a sound native topic of this home names.
    fn kind(&self, topic: &str) -> Option<SignalKind> {
        let (home, rest) = topic.strip_prefix("care/v1/")?.split_once('/')?;
        let (device, last) = rest.split_once('/')?;
        SignalKind::parse(last)
            .filter(|_| home == self.home.as_str() && care::id::well_formed(device))
    }

    fn pass(&mut self, topic: &str, payload: &[u8], now: Timestamp) -> Option<Piece> {
        let hour = now.timestamp() / 3_600;
        if hour != self.hour {
            (self.hour, self.strange) = (hour, 0);
        }
        if self.strange >= STRANGE_PER_HOUR || payload.len() > STRANGE_BYTES_MAX {
            self.unread += 1;
            return None;
        }
        self.strange += 1;
        let body = serde_json::json!({ "id": self.name(), "topic": topic, "payload": String::from_utf8_lossy(payload) });
        let topic = format!("care/v1/{}/{}/unread", self.home, self.hub);
        Some(Piece {
            lane: Lane::Routine,
            topic,
            payload: body.to_string().into_bytes(),
            age_ms: 0,
        })
    }
}

/// Takes the age out of a message that was kept somewhere before.
fn take_age(object: &mut Map<String, Json>) -> i64 {
    match object.get("age_ms").and_then(Json::as_i64) {
        Some(age) if (1..=AGE_MS_MAX).contains(&age) => {
            object.remove("age_ms");
            age
        }
        Some(_) | None => 0,
    }
}

/// The payload with its age, as it is sent. What is no native object stays as it is.
pub fn with_age(topic: &str, payload: &[u8], age_ms: u64) -> Vec<u8> {
    let is_object =
        native::is_native(topic) && !topic.ends_with("/status") && payload.first() == Some(&b'{');
    match payload.strip_suffix(b"}").filter(|_| is_object) {
        None => payload.to_vec(),
        Some(open) => {
            let comma = if open.trim_ascii_end().ends_with(b"{") {
                ""
            } else {
                ","
            };
            let mut out = open.to_vec();
            out.extend_from_slice(format!("{comma}\"age_ms\":{age_ms}}}").as_bytes());
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intake() -> Intake {
        Intake::new("h1".into(), "hub".into(), "m-1".into(), Learned::default())
    }

    fn now() -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn text(pieces: &[Piece]) -> Vec<String> {
        pieces
            .iter()
            .map(|piece| {
                format!(
                    "{:?} {} {}",
                    piece.lane,
                    piece.topic,
                    String::from_utf8_lossy(&piece.payload)
                )
            })
            .collect()
    }

    #[test]
    fn a_native_message_keeps_its_name_and_gets_one_where_it_has_none() {
        let mut intake = intake();
        let named = intake.take(
            "care/v1/h1/b/call",
            br#"{"boot":3,"seq":9,"more":[1]}"#,
            now(),
        );
        assert_eq!(
            text(&named),
            [r#"Red care/v1/h1/b/call {"boot":3,"seq":9,"more":[1]}"#]
        );
        let nameless = intake.take("care/v1/h1/pir/motion", br#"{"value":true}"#, now());
        assert_eq!(
            text(&nameless),
            [r#"Routine care/v1/h1/pir/motion {"id":"@m-1-1","value":true}"#]
        );
        assert_eq!(
            intake.take("care/v1/h1/b/cmd", br#"{"ack":"x"}"#, now()),
            []
        );
    }

    #[test]
    fn a_call_on_whatever_payload_is_a_call_with_a_name() {
        let mut intake = intake();
        let mut names = std::collections::BTreeSet::new();
        for payload in [
            &b""[..],
            b"true",
            b"{broken",
            b"\xff\xfe",
            br#"{"id":[]}"#,
            br#"{"value":"perhaps"}"#,
        ] {
            let pieces = intake.take("care/v1/h1/b/call", payload, now());
            let [piece] = &pieces[..] else {
                panic!("{pieces:?}")
            };
            assert_eq!(
                (piece.lane, piece.topic.as_str()),
                (Lane::Red, "care/v1/h1/b/call")
            );
            let body: Json = serde_json::from_slice(&piece.payload).unwrap();
            assert!(
                names.insert(body["id"].as_str().unwrap().to_owned()),
                "{body}"
            );
        }
    }

    #[test]
    fn another_language_is_translated_once_its_bridge_has_told_of_the_device_also_after_a_restart()
    {
        let devices = br#"[{"ieee_address":"0x01","friendly_name":"hall","type":"EndDevice","definition":{"vendor":"v","model":"m","description":"Smoke detector","exposes":[{"type":"binary","name":"smoke","property":"smoke","access":1,"value_on":true,"value_off":false}]}}]"#;
        let mut first = intake();
        assert_eq!(first.take("zigbee2mqtt/bridge/devices", devices, now()), []);
        let kept = first.lessons().unwrap();
        assert_eq!(first.lessons(), None);
        let mut second = Intake::new(
            "h1".into(),
            "hub".into(),
            "m-2".into(),
            serde_json::from_slice(&kept).unwrap(),
        );
        let once = second.take("zigbee2mqtt/hall", br#"{"smoke":true}"#, now());
        let again = second.take(
            "zigbee2mqtt/hall",
            br#"{"smoke":true}"#,
            now() + care::TimeDelta::seconds(20),
        );
        assert_eq!(once[0].lane, Lane::Red);
        assert_eq!(once[0].topic, "care/v1/h1/0x01/smoke");
        assert_eq!(
            once[0].payload, again[0].payload,
            "a state that lasts is one event"
        );
    }

    #[test]
    fn what_nobody_understands_is_passed_on_within_limits_under_a_topic_that_no_door_refuses() {
        let mut intake = intake();
        let mut passed = 0;
        for (n, topic) in [
            "weird/topic",
            "care/v1/h1/a/b/motion",
            "$SYS/x",
            "care/v1/h2/d",
        ]
        .iter()
        .cycle()
        .take(100)
        .enumerate()
        {
            for piece in intake.take(topic, b"1,2,\xff", now()) {
                passed += 1;
                assert_eq!(
                    (piece.lane, piece.topic.as_str()),
                    (Lane::Routine, "care/v1/h1/hub/unread"),
                    "{n}"
                );
                let body: Json = serde_json::from_slice(&piece.payload).unwrap();
                assert_eq!(body["topic"], *topic);
            }
        }
        assert_eq!((passed, intake.unread), (60, 40));
    }

    #[test]
    fn the_age_is_added_when_it_is_sent_and_ages_add_up() {
        let sent =
            |payload: &[u8]| String::from_utf8(with_age("care/v1/h1/b/call", payload, 7)).unwrap();
        assert_eq!(sent(br#"{"id":"x"}"#), r#"{"id":"x","age_ms":7}"#);
        assert_eq!(sent(b"{}"), r#"{"age_ms":7}"#);
        assert_eq!(with_age("care/v1/h1/b/status", b"{}", 7), b"{}");
        assert_eq!(with_age("zigbee2mqtt/x", b"{}", 7), b"{}");
        let pieces = intake().take("care/v1/h1/b/call", br#"{"id":"x","age_ms":5000}"#, now());
        assert_eq!(
            (pieces[0].age_ms, &pieces[0].payload[..]),
            (5_000, &br#"{"id":"x"}"#[..])
        );
    }

    #[test]
    fn a_declared_button_calls() {
        let mut intake = intake();
        assert!(intake.declare("knob", "call_button", false));
        let pieces = intake.take("care/v1/h1/knob/button", br#"{"id":"1"}"#, now());
        assert_eq!(pieces[0].lane, Lane::Red);
        assert_eq!(
            pieces[0].topic, "care/v1/h1/knob/button",
            "the platform knows what was declared, too"
        );
    }
}
