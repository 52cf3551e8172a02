//! What people see of a home: the state in the words of the console and the API.

use crate::{DeviceId, HomeId, Level, Reason, Timestamp};
use serde::{Deserialize, Serialize};

/// Who is in, as far as can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occupancy {
    /// Cannot be told: nothing heard yet, or the sensors or the hub are silent.
    Unknown,
    /// The elder is at home.
    Home,
    /// Nobody is at home.
    Away,
    /// The elder is at home, and not alone.
    Visitor,
}

/// How well the home is covered (SIL-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cover {
    /// Everything works: silence would be noticed.
    Protected,
    /// Something is missing: silence would be noticed late, or not everywhere.
    Degraded,
    /// Silence would not be noticed.
    Unprotected,
}

/// A device as the home knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceView {
    /// Which.
    pub device: DeviceId,
    /// Its room, where one is known.
    pub room: Option<String>,
    /// When it was last heard, whatever it said.
    pub last_seen: Timestamp,
    /// When it last reached us.
    #[serde(default)]
    pub heard_at: Option<Timestamp>,
    /// How it is supervised, if the register wants that.
    #[serde(default)]
    pub supervision: Option<super::SupervisionView>,
    /// Its battery, and how well it is heard.
    #[serde(default)]
    pub trend: super::TrendView,
    /// Whether it is taken to work.
    pub health: DeviceHealth,
}

/// Whether a device is taken to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceHealth {
    /// Nothing speaks against it.
    Working,
    /// It has missed its heartbeats, or what it watches goes on without it.
    Silent,
    /// Its last will or the hub says that it is gone.
    Offline,
}

/// The last sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastActivity {
    /// The device that saw it, while the home remembers it.
    pub device: Option<DeviceId>,
    /// Where.
    pub room: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// The instant at which silence becomes something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deadline {
    /// When.
    pub at: Timestamp,
    /// The level of what would be raised.
    pub level: Level,
    /// Why then.
    pub reason: Reason,
}

/// What was learned of a home, for people to look at.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RoutineView {
    /// Days of routine learned so far.
    pub learned_days: f64,
    /// By hour of the day.
    pub hours: [super::RoutineHour; 24],
    /// When the day usually begins, once that is known.
    pub usual_start: Option<super::UsualStart>,
    /// The rules that hold.
    pub rules: super::Rules,
    /// Whether an animal lives there.
    pub pets: super::Pets,
    /// When today began.
    pub midnight: Timestamp,
}

/// A home as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Which home.
    pub home: HomeId,
    /// Who is in.
    pub occupancy: Occupancy,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The last sign of life.
    pub last_activity: Option<LastActivity>,
    /// When life was seen over the last 24 hours: spans, the oldest first, to the 64th part of a day.
    #[serde(default)]
    pub signs: Vec<(Timestamp, Timestamp)>,
    /// Length of the silence in seconds, at home and with working sensors; otherwise none.
    pub silence_s: Option<i64>,
    /// What happens next if nothing is heard.
    pub next: Option<Deadline>,
    /// The devices, last heard first, at most [`super::DEVICES_MAX`].
    pub devices: Vec<DeviceView>,
    /// How well the home is covered.
    pub cover: Cover,
    /// Why.
    pub cover_reason: Reason,
    /// Days of routine learned so far.
    pub learned_days: f64,
    /// Stands in the worklist after an outage of ours: not heard again yet, and not fired (SIL-2).
    pub outage_worklist: bool,
    /// The home is being tested until then.
    #[serde(default)]
    pub test_until: Option<Timestamp>,
}
