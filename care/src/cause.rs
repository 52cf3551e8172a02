//! What an alarm is about, and how much it matters.

use crate::{DeviceId, Reason, Signal, SignalKind, TimeDelta, Timestamp, Value};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How much an alarm matters. The console's P1 is red, P2 urgent and attention, P3 and P4 technical.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A life may depend on it now: call button, fall, smoke, gas, carbon monoxide.
    Red,
    /// Goes up the plan of action: inactivity beyond doubt, water leak.
    Urgent,
    /// Starts with a check call to the elder.
    Attention,
    /// The platform can no longer hear a home, a device or itself.
    Technical,
}

/// What an alarm is about. One home has at most one open alarm per cause (ALM-6).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A call button.
    Call,
    /// A fall detector.
    Fall,
    /// A smoke detector.
    Smoke,
    /// A gas detector.
    Gas,
    /// A carbon monoxide detector.
    CarbonMonoxide,
    /// A water leak detector.
    WaterLeak,
    /// No sign of life for longer than this home's routine allows.
    Inactivity,
    /// A departure from routine, by rule name: `bed_left`, `door_night`, `no_morning`, ...
    Anomaly(String),
    /// Something technical, by name: `device_silent`, `hub_offline`, `battery_low`, `self_audit`, ...
    Technical(String),
}

impl Cause {
    /// The name used in topics, the ledger and the API: `call`, `anomaly/bed_left`, `technical/hub_offline`.
    pub fn name(&self) -> String {
        self.to_string()
    }

    /// The reverse of [`Cause::name`].
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "call" => Self::Call,
            "fall" => Self::Fall,
            "smoke" => Self::Smoke,
            "gas" => Self::Gas,
            "carbon_monoxide" => Self::CarbonMonoxide,
            "water_leak" => Self::WaterLeak,
            "inactivity" => Self::Inactivity,
            other => {
                let (family, rest) = other.split_once('/')?;
                match family {
                    "anomaly" if !rest.is_empty() => Self::Anomaly(rest.to_owned()),
                    "technical" if !rest.is_empty() => Self::Technical(rest.to_owned()),
                    _ => return None,
                }
            }
        })
    }

    /// The level an alarm of this cause has unless the detector says otherwise.
    pub fn level(&self) -> Level {
        match self {
            Self::Call | Self::Fall | Self::Smoke | Self::Gas | Self::CarbonMonoxide => Level::Red,
            Self::WaterLeak => Level::Urgent,
            Self::Inactivity | Self::Anomaly(_) => Level::Attention,
            Self::Technical(_) => Level::Technical,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call => f.write_str("call"),
            Self::Fall => f.write_str("fall"),
            Self::Smoke => f.write_str("smoke"),
            Self::Gas => f.write_str("gas"),
            Self::CarbonMonoxide => f.write_str("carbon_monoxide"),
            Self::WaterLeak => f.write_str("water_leak"),
            Self::Inactivity => f.write_str("inactivity"),
            Self::Anomaly(rule) => write!(f, "anomaly/{rule}"),
            Self::Technical(what) => write!(f, "technical/{what}"),
        }
    }
}

impl Serialize for Cause {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        Self::parse(&name).ok_or_else(|| serde::de::Error::custom(format!("unknown cause `{name}`")))
    }
}

/// The wish to raise an alarm: what a signal or a detector asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Raise {
    /// What it is about.
    pub cause: Cause,
    /// How much it matters.
    pub level: Level,
    /// Why, in words that an operator can read out (WHY-1).
    pub reason: Reason,
    /// Names this occurrence within the home: asked for twice, raised once.
    pub key: String,
    /// The device it came from, if one device said it.
    pub device: Option<DeviceId>,
}

/// The alarm that a single signal asks for by itself, whatever else is known of the home.
/// `key` names the occurrence: the event id.
pub fn raised_by(signal: &Signal, key: &str) -> Option<Raise> {
    let (cause, Says::On) = says(signal)? else { return None };
    let late = signal.said_at.map_or(TimeDelta::zero(), |said| signal.heard_at - said);
    let code = if late >= LATE_FROM { "device_signal_late" } else { "device_signal" };
    let mut reason = Reason::new(code).text("device", signal.device.as_str()).cause("cause", &cause).time("at", signal.heard_at);
    if let Some(said) = signal.said_at.filter(|_| late >= LATE_FROM) {
        reason = reason.date("day", said).time("said", said).span("late", late);
    }
    Some(Raise { level: cause.level(), cause, reason, key: key.to_owned(), device: Some(signal.device.clone()) })
}

/// What a signal says of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// It is so.
    On,
    /// It is not so.
    Off,
}

/// The cause that a signal is about, and what it says of it.
pub(crate) fn says(signal: &Signal) -> Option<(Cause, Says)> {
    // it is the mains' being gone that is told
    let on = matches!(signal.value, Value::Bool(false)) == (signal.kind == SignalKind::Mains);
    let mut says = if on { Says::On } else { Says::Off };
    let cause = match signal.kind {
        SignalKind::Call => Cause::Call,
        SignalKind::Fall => Cause::Fall,
        SignalKind::Smoke => Cause::Smoke,
        SignalKind::Gas => Cause::Gas,
        SignalKind::CarbonMonoxide => Cause::CarbonMonoxide,
        SignalKind::WaterLeak => Cause::WaterLeak,
        SignalKind::Tamper => Cause::Technical("tamper".into()),
        SignalKind::Mains => Cause::Technical("power_cut".into()),
        SignalKind::Battery => {
            says = match signal.value {
                Value::Number(percent) if percent <= BATTERY_LOW_PERCENT => Says::On,
                Value::Number(percent) if percent >= BATTERY_GOOD_PERCENT => Says::Off,
                Value::Bool(low) => if low { Says::On } else { Says::Off },
                Value::Number(_) | Value::Open | Value::Closed | Value::None => return None,
            };
            Cause::Technical("battery_low".into())
        }
        SignalKind::Cancel
        | SignalKind::Button
        | SignalKind::Motion
        | SignalKind::Presence
        | SignalKind::Vibration
        | SignalKind::Door
        | SignalKind::Bed
        | SignalKind::Seat
        | SignalKind::Contact
        | SignalKind::Water
        | SignalKind::Power
        | SignalKind::Temperature
        | SignalKind::Link
        | SignalKind::Heartbeat
        | SignalKind::Well
        | SignalKind::Away
        | SignalKind::Back
        | SignalKind::CheckIn
        | SignalKind::CheckOut
        | SignalKind::Online
        | SignalKind::Offline => return None,
    };
    Some((cause, says))
}

/// The alarm of a signal that came while its home was being tested: whoever opens the case or changes the battery sets no
/// technical alarm off. Everything else rings as ever, and says that a test is going on (ALM-7).
pub fn raised_in_test(raise: Raise, until: Timestamp) -> Option<Raise> {
    if raise.level == Level::Technical {
        return None;
    }
    let mut reason = raise.reason.time("until", until);
    if reason.code == "device_signal" {
        reason.code = "device_signal_in_test".to_owned();
    }
    Some(Raise { reason, ..raise })
}

/// A signal that was kept on its way for this long is told with both its times.
pub const LATE_FROM: TimeDelta = TimeDelta::minutes(2);

/// At or below this a battery is reported as low.
pub const BATTERY_LOW_PERCENT: f64 = 15.0;
/// A low battery is another one, or charged, from here on: one that swings around the limit is low.
pub const BATTERY_GOOD_PERCENT: f64 = 25.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_call_that_was_kept_on_its_way_is_told_with_both_its_times() {
        let heard: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let call = |said_at: Option<Timestamp>| Signal {
            home: "h".into(),
            device: "b1".into(),
            kind: SignalKind::Call,
            value: Value::None,
            room: None,
            event: None,
            said_at,
            heard_at: heard,
        };
        let told = |said_at| raised_by(&call(said_at), "k").unwrap().reason.render(crate::Language::En, chrono_tz::Asia::Shanghai);
        assert_eq!(told(None), "Call for help at 16:00, device b1.");
        assert_eq!(told(Some(heard - TimeDelta::seconds(20))), "Call for help at 16:00, device b1.");
        assert_eq!(told(Some(heard + TimeDelta::days(1))), "Call for help at 16:00, device b1.", "a clock that is ahead tells nothing");
        assert_eq!(told(Some(heard - TimeDelta::hours(20))), "Call for help at 16:00, device b1; by its own record it happened 20 h before, on 2026-11-22 at 20:00.");
    }

    #[test]
    fn mains_that_are_gone_are_told_and_mains_that_are_there_are_not() {
        let heard: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let says = |kind, value| Signal { home: "h".into(), device: "hub".into(), kind, value, room: None, event: None, said_at: None, heard_at: heard };
        let raise = raised_by(&says(SignalKind::Mains, Value::Bool(false)), "k").unwrap();
        assert_eq!((raise.cause.name().as_str(), raise.level), ("technical/power_cut", Level::Technical));
        assert_eq!(raise.reason.render(crate::Language::En, chrono_tz::Asia::Shanghai), "Power cut at 16:00, device hub.");
        assert_eq!(raised_by(&says(SignalKind::Mains, Value::Bool(true)), "k"), None);
        assert_eq!(raised_by(&says(SignalKind::Tamper, Value::Bool(false)), "k"), None);
    }

    #[test]
    fn names_go_there_and_back() {
        for name in ["call", "fall", "smoke", "gas", "carbon_monoxide", "water_leak", "inactivity", "anomaly/bed_left", "technical/x"] {
            assert_eq!(Cause::parse(name).unwrap().name(), name);
        }
        assert_eq!(Cause::parse("anomaly/"), None);
        assert_eq!(Cause::parse("party"), None);
    }
}
