//! What every device has in common: a name for each message (boot counter and sequence), a bounded
//! queue that outlasts the connection, and repetition until the PUBACK.
//!
//! ```text
//! say ──▶ queue ──(connected, window free, red first)──▶ Publish ──PUBACK──▶ gone
//!           ▲                                              │ no PUBACK in time, or connection lost
//!           └──────────────────────────────────────────────┘ the same name again (ACK-2)
//! ```
//!
//! Limits: [`QUEUE_MAX`] messages. At the limit the oldest routine message gives way; if all are red, the
//! new one does, for then [`QUEUE_MAX`] calls are already waiting to be heard.

use care::{DeviceId, HomeId, Signal, SignalKind, TimeDelta, Timestamp, Value};
use std::collections::VecDeque;
use wire::native::{Name, encode};

/// Most messages that wait in a device.
pub const QUEUE_MAX: usize = 256;

/// Most messages that a device has under way without a PUBACK.
pub const WINDOW_MAX: usize = 4;

/// How long a device waits for the first PUBACK; the wait doubles up to [`RETRY_MAX`].
pub const RETRY_FIRST: TimeDelta = TimeDelta::seconds(5);

/// The longest wait between two tries.
pub const RETRY_MAX: TimeDelta = TimeDelta::seconds(60);

/// A full battery, in millionths of a percent.
const BATTERY_FULL: u32 = 100_000_000;

/// What one transmission takes, in millionths of a percent.
const COST_MESSAGE: u32 = 40;

/// What a day takes, in millionths of a percent: two years of standing by.
const COST_DAY: i64 = 137_000;

/// The name of a message within its device: repeated as it is with every copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// How often the device had started.
    pub boot: u32,
    /// The message of that start.
    pub seq: u32,
}

impl Token {
    /// The name on the wire.
    pub fn name(self) -> Name {
        Name::BootSeq {
            boot: u64::from(self.boot),
            seq: u64::from(self.seq),
        }
    }
}

/// What happens to an uplink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// There is a connection.
    Connected,
    /// There is none any more.
    Lost,
    /// The PUBACK of a message came.
    PubAck(Token),
    /// The power went: what is not in flash is gone. Red messages are.
    PowerCut,
    /// The power came back: the boot counter goes up.
    PowerBack,
    /// Time went on.
    TimePassed,
}

/// A message to be published, QoS 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Its name within the device.
    pub token: Token,
    /// What it says.
    pub kind: SignalKind,
    /// Where.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    Off,
    Unconnected,
    Connected,
}

#[derive(Debug, Clone, PartialEq)]
struct Waiting {
    token: Token,
    kind: SignalKind,
    value: Value,
    said_at: Timestamp,
    /// Tries so far.
    tries: u32,
    /// Under way: when to try again.
    again_at: Option<Timestamp>,
}

/// The radio side of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Uplink {
    home: HomeId,
    device: DeviceId,
    boot: u32,
    seq: u32,
    battery: u32,
    drained_at: Timestamp,
    skew: TimeDelta,
    power: Power,
    queue: VecDeque<Waiting>,
    dropped: u64,
}

impl Uplink {
    /// A device that is switched on for the first time, not yet connected.
    pub fn new(home: HomeId, device: DeviceId, now: Timestamp) -> Self {
        Self {
            home,
            device,
            boot: 1,
            seq: 0,
            battery: BATTERY_FULL,
            drained_at: now,
            skew: TimeDelta::zero(),
            power: Power::Unconnected,
            queue: VecDeque::new(),
            dropped: 0,
        }
    }

    /// The same device with a clock that is wrong by this much.
    #[must_use]
    pub fn with_skew(mut self, skew: TimeDelta) -> Self {
        self.skew = skew;
        self
    }

    /// The same device with so much left in its battery, percent.
    #[must_use]
    pub fn with_battery_percent(mut self, percent: u8) -> Self {
        self.battery = u32::from(percent.min(100)) * (BATTERY_FULL / 100);
        self
    }

    /// The same device at a later start of its life: names never come twice.
    #[must_use]
    pub fn with_boot(mut self, boot: u32) -> Self {
        self.boot = boot;
        self
    }

    /// Its home.
    pub fn home(&self) -> &HomeId {
        &self.home
    }

    /// Its own name.
    pub fn device(&self) -> &DeviceId {
        &self.device
    }

    /// What is left in the battery, percent.
    pub fn battery_percent(&self) -> u8 {
        u8::try_from(self.battery / (BATTERY_FULL / 100)).unwrap_or(100)
    }

    /// True if it can no longer say anything.
    pub fn is_dead(&self) -> bool {
        self.battery == 0 || self.power == Power::Off
    }

    /// Messages that wait for their PUBACK or to be sent.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Messages that gave way at the limit or were lost with the power.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// When to be woken if nothing happens.
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.power != Power::Connected || self.battery == 0 {
            return None;
        }
        self.queue
            .iter()
            .filter_map(|waiting| waiting.again_at)
            .min()
    }

    /// Says something: queued, and sent if there is a way. The name it got, `None` if the device is dead or full.
    pub fn say(
        &mut self,
        kind: SignalKind,
        value: Value,
        now: Timestamp,
    ) -> (Option<Token>, Vec<Publish>) {
        self.drain(now);
        if self.is_dead() {
            return (None, Vec::new());
        }
        if self.queue.len() >= QUEUE_MAX {
            self.dropped += 1;
            match self.queue.iter().position(|waiting| !waiting.kind.is_red()) {
                Some(oldest) => drop(self.queue.remove(oldest)),
                None => return (None, Vec::new()),
            }
        }
        self.seq += 1;
        let token = Token {
            boot: self.boot,
            seq: self.seq,
        };
        let said_at = now + self.skew;
        self.queue.push_back(Waiting {
            token,
            kind,
            value,
            said_at,
            tries: 0,
            again_at: None,
        });
        (Some(token), self.send(now))
    }

    /// The only other way it ever changes.
    pub fn step(mut self, input: Input, now: Timestamp) -> (Self, Vec<Publish>) {
        let publishes = self.advance(input, now);
        (self, publishes)
    }

    /// [`Uplink::step`] in place.
    pub(crate) fn advance(&mut self, input: Input, now: Timestamp) -> Vec<Publish> {
        self.drain(now);
        match (self.power, input) {
            (Power::Off, Input::PowerBack) => {
                self.power = Power::Unconnected;
                self.boot += 1;
                self.seq = 0;
                Vec::new()
            }
            (Power::Off, _) => Vec::new(),
            (Power::Unconnected | Power::Connected, Input::PowerCut) => {
                self.power = Power::Off;
                let before = self.queue.len();
                self.queue.retain(|waiting| waiting.kind.is_red());
                self.dropped += u64::try_from(before - self.queue.len()).unwrap_or(0);
                self.unsend();
                Vec::new()
            }
            (Power::Unconnected, Input::Connected) => {
                self.power = Power::Connected;
                self.send(now)
            }
            (Power::Connected, Input::Lost) => {
                self.power = Power::Unconnected;
                self.unsend();
                Vec::new()
            }
            // A PUBACK that overtakes the news of the connection's end is still one.
            (Power::Unconnected | Power::Connected, Input::PubAck(token)) => {
                self.queue.retain(|waiting| waiting.token != token);
                self.send(now)
            }
            (Power::Connected, Input::TimePassed | Input::Connected) => self.send(now),
            (Power::Unconnected, Input::Lost | Input::TimePassed) => Vec::new(),
            (Power::Unconnected | Power::Connected, Input::PowerBack) => Vec::new(),
        }
    }

    /// Nothing is under way any more: all of it will be sent again.
    fn unsend(&mut self) {
        for waiting in &mut self.queue {
            waiting.again_at = None;
        }
    }

    /// Sends what is due, red first, as far as the window goes.
    fn send(&mut self, now: Timestamp) -> Vec<Publish> {
        if self.power != Power::Connected || self.battery == 0 || self.queue.is_empty() {
            return Vec::new();
        }
        let mut under_way = self
            .queue
            .iter()
            .filter(|waiting| waiting.again_at.is_some())
            .count();
        let mut publishes = Vec::new();
        for red in [true, false] {
            for waiting in self
                .queue
                .iter_mut()
                .filter(|waiting| waiting.kind.is_red() == red)
            {
                match waiting.again_at {
                    Some(at) if at > now => continue,
                    Some(_) => {}
                    // A call does not wait for a place in the window (LANE-1).
                    None if under_way < WINDOW_MAX || red => under_way += 1,
                    None => continue,
                }
                let doubled = i32::try_from(1_u32 << waiting.tries.min(10)).unwrap_or(i32::MAX);
                waiting.again_at = Some(now + (RETRY_FIRST * doubled).min(RETRY_MAX));
                waiting.tries = waiting.tries.saturating_add(1);
                self.battery = self.battery.saturating_sub(COST_MESSAGE);
                let signal = Signal {
                    home: self.home.clone(),
                    device: self.device.clone(),
                    kind: waiting.kind,
                    value: waiting.value,
                    room: None,
                    event: None,
                    said_at: Some(waiting.said_at),
                    heard_at: now,
                };
                let percent = u8::try_from(self.battery / (BATTERY_FULL / 100)).ok();
                let (topic, payload) = encode(&signal, Some(&waiting.token.name()), percent);
                publishes.push(Publish {
                    token: waiting.token,
                    kind: waiting.kind,
                    topic,
                    payload,
                });
            }
        }
        publishes
    }

    fn drain(&mut self, now: Timestamp) {
        let passed = now - self.drained_at;
        // Whole minutes, so that many small steps take what one long one takes.
        if passed >= TimeDelta::minutes(1) {
            let cost = passed.num_minutes().saturating_mul(COST_DAY) / (24 * 60);
            self.battery = self
                .battery
                .saturating_sub(u32::try_from(cost).unwrap_or(u32::MAX));
            self.drained_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + s, 0).unwrap()
    }

    fn uplink() -> Uplink {
        let up = Uplink::new("home-0001".into(), "sensor-1".into(), at(0));
        up.step(Input::Connected, at(0)).0
    }

    fn names(publishes: &[Publish]) -> Vec<(SignalKind, u32)> {
        publishes
            .iter()
            .map(|publish| (publish.kind, publish.token.seq))
            .collect()
    }

    #[test]
    fn a_message_is_repeated_under_the_same_name_until_its_puback() {
        let mut up = uplink();
        let (token, first) = up.say(SignalKind::Motion, Value::Bool(true), at(1));
        let (up, none) = up.step(Input::TimePassed, at(5));
        assert_eq!(
            (names(&first), names(&none)),
            (vec![(SignalKind::Motion, 1)], vec![])
        );
        assert_eq!(up.deadline(), Some(at(6)));
        let (up, second) = up.step(Input::TimePassed, at(6));
        assert_eq!(
            (&second[0].topic, &second[0].payload),
            (&first[0].topic, &first[0].payload)
        );
        assert_eq!(up.deadline(), Some(at(16)), "the wait doubles");
        let (up, _) = up.step(Input::PubAck(token.unwrap()), at(7));
        assert_eq!((up.waiting(), up.deadline()), (0, None));
    }

    #[test]
    fn what_was_said_without_a_connection_comes_later_red_first_with_the_time_it_was_said() {
        let (mut up, _) = uplink().step(Input::Lost, at(1));
        for s in 2..5 {
            assert!(
                up.say(SignalKind::Motion, Value::Bool(true), at(s))
                    .1
                    .is_empty()
            );
        }
        assert!(up.say(SignalKind::Call, Value::None, at(6)).1.is_empty());
        let (_, sent) = up.step(Input::Connected, at(100));
        assert_eq!(names(&sent)[0], (SignalKind::Call, 4));
        assert_eq!(sent.len(), 4);
        assert!(
            String::from_utf8_lossy(&sent[0].payload)
                .contains(&at(6).to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
        );
    }

    #[test]
    fn a_call_does_not_wait_for_the_window() {
        let mut up = uplink();
        for s in 1..10 {
            up.say(SignalKind::Motion, Value::Bool(true), at(s / 10));
        }
        assert_eq!(
            names(&up.say(SignalKind::Call, Value::None, at(1)).1),
            [(SignalKind::Call, 10)]
        );
    }

    #[test]
    fn at_the_limit_the_oldest_routine_message_gives_way_and_calls_never_do() {
        let (mut up, _) = uplink().step(Input::Lost, at(1));
        up.say(SignalKind::Call, Value::None, at(1));
        for s in 0..1000 {
            up.say(SignalKind::Motion, Value::Bool(true), at(s));
        }
        assert_eq!((up.waiting(), up.dropped()), (QUEUE_MAX, 1001 - 256));
        let (_, sent) = up.step(Input::Connected, at(2000));
        assert_eq!(names(&sent)[0], (SignalKind::Call, 1));
    }

    #[test]
    fn a_power_cut_keeps_the_calls_and_raises_the_boot_counter() {
        let (mut up, _) = uplink().step(Input::Lost, at(1));
        up.say(SignalKind::Motion, Value::Bool(true), at(2));
        let (call, _) = up.say(SignalKind::Call, Value::None, at(3));
        let (mut up, _) = up.step(Input::PowerCut, at(4));
        assert_eq!(
            up.say(SignalKind::Motion, Value::Bool(true), at(5)),
            (None, vec![])
        );
        let (up, _) = up.step(Input::PowerBack, at(60));
        let (mut up, sent) = up.step(Input::Connected, at(61));
        assert_eq!(
            sent.iter().map(|publish| publish.token).collect::<Vec<_>>(),
            [call.unwrap()]
        );
        let (token, _) = up.say(SignalKind::Motion, Value::Bool(true), at(62));
        assert_eq!(token, Some(Token { boot: 2, seq: 1 }));
    }

    #[test]
    fn a_flat_battery_says_nothing_more() {
        let mut up = uplink().with_battery_percent(0);
        assert_eq!(up.say(SignalKind::Call, Value::None, at(1)), (None, vec![]));
        let mut up = uplink();
        up.say(SignalKind::Heartbeat, Value::None, at(86_400 * 800));
        assert!(
            up.is_dead(),
            "two years are its life: {}",
            up.battery_percent()
        );
    }
}
