//! A sensor: says what it senses once, beats its heart, and reports its battery.

use crate::uplink::{self, Publish, Uplink};
use care::{SignalKind, TimeDelta, Timestamp, Value};

/// How often a sensor says that it lives.
pub const HEARTBEAT_EVERY: TimeDelta = TimeDelta::minutes(60);

/// How long a movement sensor is blind after it saw something.
pub const MOTION_BLIND: TimeDelta = TimeDelta::seconds(20);

/// What happens to a sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Input {
    /// Something in the home changed.
    Sensed(Value),
    /// Something about the connection, the power or the time.
    Link(uplink::Input),
}

/// A sensor of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensor {
    uplink: Uplink,
    kind: SignalKind,
    last: Option<(Timestamp, Value)>,
    beat_at: Timestamp,
}

impl Sensor {
    /// A sensor of this kind with this radio; its heart beats first at `beat_at`.
    pub fn new(uplink: Uplink, kind: SignalKind, beat_at: Timestamp) -> Self {
        Self {
            uplink,
            kind,
            last: None,
            beat_at,
        }
    }

    /// Its radio.
    pub fn uplink(&self) -> &Uplink {
        &self.uplink
    }

    /// What it senses.
    pub fn kind(&self) -> SignalKind {
        self.kind
    }

    /// When to be woken if nothing happens.
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.uplink.is_dead() {
            return None;
        }
        Some(
            self.uplink
                .deadline()
                .map_or(self.beat_at, |at| at.min(self.beat_at)),
        )
    }

    /// The only way it ever changes.
    pub fn step(mut self, input: Input, now: Timestamp) -> (Self, Vec<Publish>) {
        let publishes = self.advance(input, now);
        (self, publishes)
    }

    /// [`Sensor::step`] in place.
    pub(crate) fn advance(&mut self, input: Input, now: Timestamp) -> Vec<Publish> {
        let mut publishes = match input {
            Input::Sensed(value) if self.is_worth_saying(value, now) => {
                self.last = Some((now, value));
                self.uplink.say(self.kind, value, now).1
            }
            Input::Sensed(_) => Vec::new(),
            Input::Link(link) => self.uplink.advance(link, now),
        };
        if now >= self.beat_at && !self.uplink.is_dead() {
            self.beat_at = now + HEARTBEAT_EVERY;
            publishes.extend(self.uplink.say(SignalKind::Heartbeat, Value::None, now).1);
        }
        publishes
    }

    fn is_worth_saying(&self, value: Value, now: Timestamp) -> bool {
        match (self.last, value) {
            (None, _) | (Some(_), Value::Number(_) | Value::None) => true,
            (Some((at, last)), Value::Bool(_)) if self.kind == SignalKind::Motion => {
                last != value || now - at >= MOTION_BLIND
            }
            // The alarm of a detector is never held back.
            (Some(_), Value::Bool(true))
                if self.kind.is_red() || self.kind == SignalKind::WaterLeak =>
            {
                true
            }
            (Some((_, last)), Value::Bool(_) | Value::Open | Value::Closed) => last != value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + s, 0).unwrap()
    }

    fn sensor(kind: SignalKind) -> Sensor {
        let sensor = Sensor::new(
            Uplink::new("home-0001".into(), "s-1".into(), at(0)),
            kind,
            at(60),
        );
        sensor.step(Input::Link(uplink::Input::Connected), at(0)).0
    }

    fn said(sensor: Sensor, inputs: &[(i64, Value)]) -> usize {
        let mut sensor = Some(sensor);
        let mut tokens = std::collections::BTreeSet::new();
        for (s, value) in inputs {
            let (next, publishes) = sensor.take().unwrap().step(Input::Sensed(*value), at(*s));
            sensor = Some(next);
            tokens.extend(publishes.iter().map(|publish| publish.token));
        }
        tokens.len()
    }

    #[test]
    fn movement_is_said_once_and_again_after_the_blind_time() {
        let yes = Value::Bool(true);
        assert_eq!(
            said(
                sensor(SignalKind::Motion),
                &[(0, yes), (5, yes), (19, yes), (20, yes)]
            ),
            2
        );
    }

    #[test]
    fn a_state_is_said_when_it_changes_and_a_measurement_always() {
        let (open, closed) = (Value::Open, Value::Closed);
        assert_eq!(
            said(
                sensor(SignalKind::Door),
                &[(0, open), (1, open), (2, closed)]
            ),
            2
        );
        assert_eq!(
            said(
                sensor(SignalKind::Water),
                &[(0, Value::Number(2.0)), (1, Value::Number(2.0))]
            ),
            2
        );
        assert_eq!(
            said(
                sensor(SignalKind::Smoke),
                &[(0, Value::Bool(true)), (1, Value::Bool(true))]
            ),
            2
        );
    }

    #[test]
    fn the_heart_beats_until_the_power_goes() {
        let sensor = sensor(SignalKind::Bed);
        assert_eq!(sensor.deadline(), Some(at(60)));
        let (sensor, beat) = sensor.step(Input::Link(uplink::Input::TimePassed), at(60));
        assert_eq!(
            beat.iter().map(|publish| publish.kind).collect::<Vec<_>>(),
            [SignalKind::Heartbeat]
        );
        let (sensor, _) = sensor.step(Input::Link(uplink::Input::PowerCut), at(61));
        assert_eq!(sensor.deadline(), None);
        let (_, none) = sensor.step(Input::Sensed(Value::Bool(true)), at(62));
        assert_eq!(none, []);
    }
}
