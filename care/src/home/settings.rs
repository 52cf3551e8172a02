//! The settings of the detector: one set for a whole town, fixed once, never tuned to a single home.

use crate::{DeviceId, SignalKind, TimeDelta};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// Settings of the detector of silence and anomalies. [`Default`] is what the published figures were measured with.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The zone whose local hours the routine is learned in.
    pub zone: Tz,
    /// The longest silence at home that is ever allowed, whatever was learned.
    pub silence_max: TimeDelta,
    /// The shortest silence that can ever be an alarm.
    pub silence_min: TimeDelta,
    /// How many false alarms a home may cost in 30 days, by tier.
    pub false_alarms_per_month: Budgets,
    /// Which devices watch the way out of the home.
    pub exit_doors: ExitDoors,
    /// The exit door, then nothing inside for this long: the elder is away.
    pub away_after: TimeDelta,
    /// Away for longer than this asks for a notice.
    pub away_overdue: TimeDelta,
    /// An outage of ours up to this long is no excuse: deadlines that passed meanwhile fire at once (SIL-2).
    pub outage_tolerated: TimeDelta,
    /// After a longer outage each home gets this long to be heard again (SIL-2).
    pub outage_grace: TimeDelta,
    /// A device's own time is believed up to this age: a spool or a recording may be long. An older one is a clock that was
    /// never set, and is taken as heard now.
    pub late_max: TimeDelta,
    /// Animals in the home: they can set off motion sensors, so motion alone proves no person.
    pub pets: Pets,
    /// Power meters of appliances that only a hand switches on, such as a kettle: their use is life.
    pub hand_appliances: Vec<DeviceId>,
    /// A hub or device that sends heartbeats is silent when this many of its usual intervals have passed.
    pub heartbeats_missed_max: u8,
    /// The rules beside silence.
    pub rules: Rules,
}

/// False alarms per home and 30 days that the operator is ready to bear.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budgets {
    /// For check calls.
    pub attention: f64,
    /// For alarms that go up the plan of action.
    pub urgent: f64,
}

/// How exit doors are told from other doors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitDoors {
    /// Every device that sends `door` (inner doors send `contact`).
    EveryDoor,
    /// Only the devices with these identifiers.
    Named(Vec<DeviceId>),
    /// None: the home has no sensor at the way out.
    None,
}

/// Animals that live in the home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pets {
    /// No animal that a motion sensor would see.
    #[default]
    None,
    /// An animal that sets off motion sensors: motion and vibration do not count as life of the elder.
    SeenByMotion,
}

/// A rule that can be switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// The rule speaks.
    On,
    /// The rule is silent.
    #[default]
    Off,
}

/// The rules beside silence. All are off until somebody has tried them on the home's own history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Bed left at night, neither returned to nor followed by life elsewhere.
    pub bed_left: Switch,
    /// The exit door opened at night and not closed, or the elder left and not back.
    pub door_night: Switch,
    /// Water or power that runs on and on.
    pub running_long: Switch,
    /// Room temperature that endangers.
    pub temperature: Switch,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            zone: chrono_tz::Asia::Shanghai,
            silence_max: TimeDelta::hours(12),
            silence_min: TimeDelta::minutes(30),
            false_alarms_per_month: Budgets { attention: 1.0, urgent: 0.25 },
            exit_doors: ExitDoors::EveryDoor,
            away_after: TimeDelta::minutes(10),
            away_overdue: TimeDelta::hours(24),
            outage_tolerated: TimeDelta::minutes(2),
            outage_grace: TimeDelta::minutes(15),
            late_max: TimeDelta::days(400),
            pets: Pets::None,
            hand_appliances: Vec::new(),
            heartbeats_missed_max: 3,
            rules: Rules::default(),
        }
    }
}

/// What a signal tells about the elder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Somebody is alive inside.
    Life,
    /// The exit door moved: alive, and perhaps gone.
    Exit,
    /// The elder says to be going.
    Leaving,
    /// Nothing about the elder: only that the device works.
    DeviceOnly,
    /// The device or hub is gone.
    Lost,
}

impl Settings {
    /// What a signal tells about the elder in a home with these settings.
    pub(crate) fn meaning(&self, signal: &crate::Signal) -> Meaning {
        use crate::Value;
        let off = matches!(signal.value, Value::Bool(false));
        let nothing = matches!(signal.value, Value::Number(n) if n <= 0.0);
        match signal.kind {
            SignalKind::Motion | SignalKind::Vibration if self.pets == Pets::SeenByMotion => Meaning::DeviceOnly,
            // a motion sensor's "clear" is its own timer, not a person
            SignalKind::Motion | SignalKind::Vibration | SignalKind::Presence if off => Meaning::DeviceOnly,
            SignalKind::Water | SignalKind::Power if off || nothing => Meaning::DeviceOnly,
            SignalKind::Door => match &self.exit_doors {
                ExitDoors::EveryDoor => Meaning::Exit,
                ExitDoors::Named(doors) if doors.contains(&signal.device) => Meaning::Exit,
                ExitDoors::Named(_) | ExitDoors::None => Meaning::Life,
            },
            SignalKind::Call
            | SignalKind::Cancel
            | SignalKind::Motion
            | SignalKind::Presence
            | SignalKind::Vibration
            | SignalKind::Bed
            | SignalKind::Seat
            | SignalKind::Contact
            | SignalKind::Water
            | SignalKind::Well
            | SignalKind::Back
            | SignalKind::CheckIn
            | SignalKind::CheckOut
            | SignalKind::Button => Meaning::Life,
            // a fridge and a heater switch themselves on and off
            SignalKind::Power if !self.hand_appliances.contains(&signal.device) => Meaning::DeviceOnly,
            SignalKind::Power => Meaning::Life,
            SignalKind::Away => Meaning::Leaving,
            SignalKind::Offline => Meaning::Lost,
            // a fall may be the last thing that a home says: it must not put off the alarm of silence
            SignalKind::Fall
            | SignalKind::Smoke
            | SignalKind::Gas
            | SignalKind::CarbonMonoxide
            | SignalKind::WaterLeak
            | SignalKind::Temperature
            | SignalKind::Tamper
            | SignalKind::Battery
            | SignalKind::Heartbeat
            | SignalKind::Online => Meaning::DeviceOnly,
        }
    }
}
