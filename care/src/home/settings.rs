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
    /// Animals in homes of which nobody has said otherwise: they can set off motion sensors, so motion alone proves no person.
    pub pets: Pets,
    /// Power meters of appliances that only a hand switches on, such as a kettle: their use is life.
    pub hand_appliances: Vec<DeviceId>,
    /// A hub or device that sends heartbeats is silent when this many of its usual intervals have passed.
    pub heartbeats_missed_max: u8,
    /// The rules beside silence, for homes of which nobody has chosen otherwise.
    pub rules: Rules,
    /// What counts as too little and too much water.
    pub water: WaterRule,
    /// The exit door not opened for so long is remarkable (`door_unused`).
    pub door_unused_after: TimeDelta,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Bed left at night, neither returned to nor followed by life elsewhere.
    pub bed_left: Switch,
    /// The exit door opened at night and not closed, or the elder left and not back.
    pub door_night: Switch,
    /// Water or power that runs on and on.
    pub running_long: Switch,
    /// Room temperature that endangers.
    pub temperature: Switch,
    /// The day does not begin when it usually does.
    pub no_morning: Switch,
    /// A night unlike the others: up and about, or to the toilet, far more often. To be looked at on the next visit.
    pub restless_night: Switch,
    /// Too little water used while somebody is at home, or too much, by the city's [`WaterRule`].
    pub water_use: Switch,
    /// The exit door is not opened for a day while somebody is at home.
    pub door_unused: Switch,
    /// Slow change of the days. To be looked at on the next visit.
    pub decline: Switch,
}

impl Rules {
    /// Every rule by name, and whether it is on.
    pub const fn all(&self) -> [(&'static str, Switch); 9] {
        [
            ("bed_left", self.bed_left),
            ("door_night", self.door_night),
            ("running_long", self.running_long),
            ("temperature", self.temperature),
            ("no_morning", self.no_morning),
            ("restless_night", self.restless_night),
            ("water_use", self.water_use),
            ("door_unused", self.door_unused),
            ("decline", self.decline),
        ]
    }

    /// All rules on.
    pub const ON: Self = Self {
        bed_left: Switch::On,
        door_night: Switch::On,
        running_long: Switch::On,
        temperature: Switch::On,
        no_morning: Switch::On,
        restless_night: Switch::On,
        water_use: Switch::On,
        door_unused: Switch::On,
        decline: Switch::On,
    };

    /// A bit for each rule that is on, in the order of [`Rules::all`].
    pub(super) fn bits(self) -> u16 {
        self.all().iter().rev().fold(0, |bits, (_, switch)| (bits << 1) | u16::from(*switch == Switch::On))
    }

    pub(super) const fn from_bits(bits: u16) -> Self {
        const fn switch(bits: u16, at: u16) -> Switch {
            if bits & (1 << at) == 0 { Switch::Off } else { Switch::On }
        }
        Self {
            bed_left: switch(bits, 0),
            door_night: switch(bits, 1),
            running_long: switch(bits, 2),
            temperature: switch(bits, 3),
            no_morning: switch(bits, 4),
            restless_night: switch(bits, 5),
            water_use: switch(bits, 6),
            door_unused: switch(bits, 7),
            decline: switch(bits, 8),
        }
    }
}

/// What a city takes for too little or too much water.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaterRule {
    /// Less than `litres` within this time, with somebody at home, is too little.
    pub unused_after: TimeDelta,
    /// See `unused_after`.
    pub litres: f32,
    /// More than this on one day, in litres, is too much.
    pub day_max: Option<f32>,
    /// Water in every half-hour for this long is a leak.
    pub leak_after: Option<TimeDelta>,
}

impl WaterRule {
    /// Shanghai: less than 0.01 m³ in 12 h.
    pub const SHANGHAI: Self = Self { unused_after: TimeDelta::hours(12), litres: 10.0, day_max: None, leak_after: None };
    /// Shanghai, Jing'an: less than 0.01 or more than 2 m³ in a day.
    pub const JINGAN: Self = Self { unused_after: TimeDelta::hours(24), litres: 10.0, day_max: Some(2_000.0), leak_after: None };
    /// Shenzhen, Longgang: less than 0.01 m³ in 12 h; water in every half-hour of 24 h is a leak.
    pub const LONGGANG: Self = Self { unused_after: TimeDelta::hours(12), litres: 10.0, day_max: None, leak_after: Some(TimeDelta::hours(24)) };
    /// Ningbo, Haishu: at most 8 L in 24 h.
    pub const HAISHU: Self = Self { unused_after: TimeDelta::hours(24), litres: 8.0, day_max: None, leak_after: None };
    /// Ningbo, Zhenhai: less than 0.006 t or more than 2 t in 24 h.
    pub const ZHENHAI: Self = Self { unused_after: TimeDelta::hours(24), litres: 6.0, day_max: Some(2_000.0), leak_after: None };

    /// The presets by name.
    pub const PRESETS: [(&'static str, Self); 5] = [
        ("shanghai", Self::SHANGHAI),
        ("jingan", Self::JINGAN),
        ("longgang", Self::LONGGANG),
        ("haishu", Self::HAISHU),
        ("zhenhai", Self::ZHENHAI),
    ];

    /// The preset of this name.
    pub fn preset(name: &str) -> Option<Self> {
        Self::PRESETS.iter().find(|(known, _)| *known == name).map(|(_, rule)| *rule)
    }
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
            water: WaterRule::SHANGHAI,
            door_unused_after: TimeDelta::hours(24),
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

/// True for what a device says that can see people: it can bear witness of a day.
pub fn sees_people(kind: SignalKind) -> bool {
    use SignalKind as K;
    matches!(kind, K::Call | K::Cancel | K::Motion | K::Presence | K::Vibration | K::Door | K::Bed | K::Seat | K::Contact | K::Water | K::Well | K::Away | K::Back | K::Button)
}

impl Settings {
    /// True if a signal shows that somebody is alive inside or at the door.
    pub fn is_sign_of_life(&self, signal: &crate::Signal) -> bool {
        matches!(self.meaning(signal, self.pets), Meaning::Life | Meaning::Exit | Meaning::Leaving)
    }

    /// What a signal tells about the elder in a home with these settings.
    pub(crate) fn meaning(&self, signal: &crate::Signal, pets: Pets) -> Meaning {
        use crate::Value;
        let off = matches!(signal.value, Value::Bool(false));
        let nothing = matches!(signal.value, Value::Number(n) if n <= 0.0);
        match signal.kind {
            SignalKind::Motion | SignalKind::Vibration if pets == Pets::SeenByMotion => Meaning::DeviceOnly,
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
            | SignalKind::Mains
            | SignalKind::Temperature
            | SignalKind::Tamper
            | SignalKind::Battery
            | SignalKind::Link
            | SignalKind::Heartbeat
            | SignalKind::Online => Meaning::DeviceOnly,
        }
    }
}
