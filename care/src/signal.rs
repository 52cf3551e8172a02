//! What a home says: one signal of one device, already freed from its device language.

use crate::{DeviceId, EventId, HomeId, Timestamp};
use serde::{Deserialize, Serialize};

/// What kind of thing a device said. The names are those of the native MQTT language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// A call button was pressed. Red.
    Call,
    /// The elder takes a call back: shown, never closes (ALM-6).
    Cancel,
    /// A fall was detected. Red.
    Fall,
    /// Smoke. Red.
    Smoke,
    /// Combustible gas. Red.
    Gas,
    /// Carbon monoxide. Red.
    CarbonMonoxide,
    /// Water where none should be.
    WaterLeak,
    /// Movement.
    Motion,
    /// Somebody is in the room (radar, infrared).
    Presence,
    /// Vibration of furniture or floor: a sign of life.
    Vibration,
    /// The exit door.
    Door,
    /// Bed occupied or left.
    Bed,
    /// Chair occupied or left.
    Seat,
    /// Another door, drawer or window.
    Contact,
    /// Water used, litres.
    Water,
    /// Power drawn, watts.
    Power,
    /// Mains power at the device: `false` = it is gone, and the device runs on battery.
    Mains,
    /// Room temperature, °C.
    Temperature,
    /// The case was opened or the device taken off its place.
    Tamper,
    /// Battery level, percent; `true` = low.
    Battery,
    /// How well the device is heard by its hub, percent.
    Link,
    /// The device lives.
    Heartbeat,
    /// "I am well": the elder's own daily sign.
    Well,
    /// The elder says to be going away.
    Away,
    /// The elder says to be back.
    Back,
    /// A visitor's arrival.
    CheckIn,
    /// A visitor's departure.
    CheckOut,
    /// A button that is no call button: a sign of life.
    Button,
    /// A device or hub connected (status topic).
    Online,
    /// A device or hub was lost (last will or status topic).
    Offline,
}

impl SignalKind {
    /// Every kind, in declaration order.
    pub const ALL: [Self; 30] = [
        Self::Call,
        Self::Cancel,
        Self::Fall,
        Self::Smoke,
        Self::Gas,
        Self::CarbonMonoxide,
        Self::WaterLeak,
        Self::Motion,
        Self::Presence,
        Self::Vibration,
        Self::Door,
        Self::Bed,
        Self::Seat,
        Self::Contact,
        Self::Water,
        Self::Power,
        Self::Mains,
        Self::Temperature,
        Self::Tamper,
        Self::Battery,
        Self::Link,
        Self::Heartbeat,
        Self::Well,
        Self::Away,
        Self::Back,
        Self::CheckIn,
        Self::CheckOut,
        Self::Button,
        Self::Online,
        Self::Offline,
    ];

    /// The name in topics and the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Cancel => "cancel",
            Self::Fall => "fall",
            Self::Smoke => "smoke",
            Self::Gas => "gas",
            Self::CarbonMonoxide => "carbon_monoxide",
            Self::WaterLeak => "water_leak",
            Self::Motion => "motion",
            Self::Presence => "presence",
            Self::Vibration => "vibration",
            Self::Door => "door",
            Self::Bed => "bed",
            Self::Seat => "seat",
            Self::Contact => "contact",
            Self::Water => "water",
            Self::Power => "power",
            Self::Mains => "mains",
            Self::Temperature => "temperature",
            Self::Tamper => "tamper",
            Self::Battery => "battery",
            Self::Link => "link",
            Self::Heartbeat => "heartbeat",
            Self::Well => "well",
            Self::Away => "away",
            Self::Back => "back",
            Self::CheckIn => "check_in",
            Self::CheckOut => "check_out",
            Self::Button => "button",
            Self::Online => "online",
            Self::Offline => "offline",
        }
    }

    /// The reverse of [`SignalKind::name`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Red signals have a lane of their own from socket to call (LANE-1).
    pub fn is_red(self) -> bool {
        matches!(self, Self::Call | Self::Fall | Self::Smoke | Self::Gas | Self::CarbonMonoxide)
    }
}

/// The two ways through the house: red signals never wait behind the others (LANE-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Call, fall, smoke, gas, carbon monoxide: and whatever might be one of them.
    Red,
    /// Everything else.
    Routine,
}

/// What was said. Units: water litres, power watts, temperature °C, battery percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Nothing beyond the kind itself.
    None,
    /// On or off; left out means on.
    Bool(bool),
    /// A measurement in the unit of its kind, finite.
    Number(f64),
    /// A door or contact stands open.
    Open,
    /// A door or contact is closed.
    Closed,
}

/// One thing that one device of one home said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// The home it came from.
    pub home: HomeId,
    /// The device that said it.
    pub device: DeviceId,
    /// What kind of thing.
    pub kind: SignalKind,
    /// What exactly.
    pub value: Value,
    /// The room it is about, where the device or the register names one.
    pub room: Option<String>,
    /// Its identity if the message named itself (ACK-2).
    pub event: Option<EventId>,
    /// When the device says it happened: doubtful.
    pub said_at: Option<Timestamp>,
    /// When it reached us: the order that we trust.
    pub heard_at: Timestamp,
}

impl Signal {
    /// When it happened as far as can be told: the device's time if it is not in the future and at most
    /// `late_max` old, else ours. A device whose clock is wrong by more never moves the past.
    pub fn at(&self, late_max: chrono::TimeDelta) -> Timestamp {
        match self.said_at {
            Some(said) if said <= self.heard_at && self.heard_at - said <= late_max => said,
            Some(_) | None => self.heard_at,
        }
    }
}
