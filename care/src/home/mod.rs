//! A home: what it said, who is in, how long it may be silent.
//!
//! ```text
//!              exit door, then nothing inside             a day, and nobody back
//!      Home ─────────────────────────────▶ Away ─────────────────────────────▶ notice: away overdue
//!       │ ▲                                 │
//!       │ └──── life inside, or the door ◀──┘
//!       │ quiet for longer than the routine allows
//!       ▼
//!   attention (check call) ───▶ urgent (plan of action), at the latest after `silence_max`
//! ```
//!
//! Evidence counts at the time when it happened, deadlines at the time when they are looked at.

mod codec;
mod settings;
#[cfg(test)]
mod tests;
mod view;

pub use codec::DecodeError;
pub use settings::{Budgets, ExitDoors, Pets, Rules, Settings, Switch, WaterUnused};
pub use view::{Cover, Deadline, DeviceHealth, DeviceView, LastActivity, Occupancy, View};

use crate::cause::Raise;
use crate::reason::Row;
use crate::{Cause, DeviceId, HomeId, Level, Reason, Signal, TimeDelta, Timestamp};
use settings::Meaning;

/// Most devices remembered per home; beyond it the one unheard for longest is forgotten (LIM-1).
pub const DEVICES_MAX: usize = 16;
/// Most bytes of an encoded home.
pub const ENCODED_BYTES_MAX: usize = 2048;

/// What happens to a home.
#[derive(Debug, Clone, PartialEq)]
pub enum Input<'a> {
    /// A device said something.
    Heard(&'a Signal),
    /// Time went by.
    TimePassed,
    /// The platform itself was down from `from` to `to` (SIL-2).
    WeWereDown {
        /// The last instant at which we surely listened.
        from: Timestamp,
        /// When we listened again.
        to: Timestamp,
    },
    /// A person told us something.
    Told(Told),
}

/// What a person, or the office, tells about a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The elder is away until then.
    Holiday {
        /// When the elder is expected back.
        until: Timestamp,
    },
    /// The elder is back.
    BackHome,
    /// An operator's verdict: the silence between these instants was normal. It is learned from, with weight.
    Normal {
        /// Where the silence began.
        from: Timestamp,
        /// Where it ended, or when the verdict was given.
        to: Timestamp,
    },
    /// A confirmed emergency: the time around it is not routine.
    Emergency {
        /// When it happened.
        at: Timestamp,
    },
    /// The elder's consent to monitoring (VIS-3).
    Consent(Monitoring),
    /// Everything learned and everything seen is forgotten.
    Forget,
}

/// Whether the elder agrees to be monitored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Monitoring {
    /// Monitored.
    #[default]
    On,
    /// Not monitored: nothing is learned, and silence is not judged.
    Off,
}

/// What a home asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// An alarm is to be raised (or an open one of its cause to be told of it).
    Raise(Raise),
    /// Something to be shown, never to be called about.
    Notice(Notice),
}

/// Something that people should see, but nobody is called about.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// For whom.
    pub kind: NoticeKind,
    /// What it is about.
    pub cause: Cause,
    /// Why.
    pub reason: Reason,
    /// Names this occurrence within the home: asked for twice, shown once.
    pub key: String,
}

/// Whom a notice is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// The operators on duty: look when there is time.
    Operators,
    /// The next visitor: look at the next visit.
    NextVisit,
}

/// Reasons that this module gives.
pub const REASONS: &[Row] = &[
    (
        "quiet_cap",
        "自 {since} 起已 {silence} 没有任何动静，达到在家静默上限 {cap}。",
        "No activity for {silence} since {since}: the longest silence allowed at home is {cap}.",
    ),
    ("away_overdue", "{since} 外出，已 {span} 未归。", "Away since {since}, for {span}: longer than expected."),
    ("cover_ok", "设备正常，长时间静默会被发现。", "The devices work: a long silence would be noticed."),
    ("cover_nothing_heard", "尚未收到任何设备的消息。", "No device has been heard yet."),
    ("cover_no_consent", "老人未同意监测。", "The elder has not consented to monitoring."),
    ("cover_away", "老人外出，在家静默不作判断。", "The elder is away: silence at home is not judged."),
    ("cover_outage", "平台中断后该户尚未有消息。", "Not heard since an outage of the platform."),
];

/// A device as the state remembers it.
#[derive(Debug, Clone, PartialEq)]
struct Device {
    id: DeviceId,
    room: Option<String>,
    last_seen: Timestamp,
    offline: bool,
}

/// What has been asked for in the present silence or absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Asked {
    attention: bool,
    urgent: bool,
    overdue: bool,
}

/// The state of one home, at most [`ENCODED_BYTES_MAX`] encoded. Changed by [`Home::step`] and by nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Home {
    /// Which.
    pub id: HomeId,
    monitoring: Monitoring,
    /// The last sign of life inside (or at the door), and where it was seen.
    life: Option<Timestamp>,
    life_device: Option<DeviceId>,
    /// The exit door moved and nothing has been seen inside since.
    exit: Option<Timestamp>,
    holiday_until: Option<Timestamp>,
    /// No silence becomes an alarm before this: the grace after an outage, or a backlog that is still coming in.
    hold_until: Option<Timestamp>,
    outage_worklist: bool,
    asked: Asked,
    devices: Vec<Device>,
    wake: Option<Timestamp>,
}

impl Home {
    /// A home of which nothing is known yet.
    pub fn new(id: HomeId, _now: Timestamp) -> Self {
        Self {
            id,
            monitoring: Monitoring::On,
            life: None,
            life_device: None,
            exit: None,
            holiday_until: None,
            hold_until: None,
            outage_worklist: false,
            asked: Asked::default(),
            devices: Vec::new(),
            wake: None,
        }
    }

    /// The only way a home ever changes. Total; late, unknown or repeated input never silences.
    pub fn step(mut self, input: Input<'_>, settings: &Settings, now: Timestamp) -> (Self, Vec<Effect>) {
        let mut effects = Vec::new();
        match input {
            Input::Heard(signal) => {
                self.pass(settings, signal.heard_at.min(now), &mut effects);
                self.hear(signal, settings);
            }
            Input::TimePassed => self.pass(settings, now, &mut effects),
            Input::WeWereDown { from, to } => {
                if to - from > settings.outage_tolerated {
                    self.hold_until = self.hold_until.max(Some(to + settings.outage_grace));
                    self.outage_worklist = self.monitoring == Monitoring::On && self.life.is_some();
                }
            }
            Input::Told(told) => self.told(told, now),
        }
        self.wake = self.next_due(settings).map(|(at, _)| at);
        (self, effects)
    }

    /// The instant at which silence becomes something, if nothing is heard until then.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.wake
    }

    fn hear(&mut self, signal: &Signal, settings: &Settings) {
        let at = signal.at(settings.late_max);
        self.touch(signal, at);
        if self.monitoring == Monitoring::Off {
            return;
        }
        if signal.heard_at - at > settings.outage_tolerated {
            // a backlog is coming in: what is newest may still be on its way
            self.hold_until = self.hold_until.max(Some(signal.heard_at + settings.outage_grace));
        }
        let newer = self.life.is_none_or(|last| at >= last);
        match settings.meaning(signal) {
            Meaning::Life if newer => {
                self.live(signal, at);
                self.exit = None;
                self.holiday_until = None;
            }
            Meaning::Exit if newer => {
                self.live(signal, at);
                self.exit = Some(at);
                self.holiday_until = None;
            }
            Meaning::Leaving if newer => {
                self.live(signal, at);
                self.exit = Some(at);
            }
            Meaning::Life | Meaning::Exit | Meaning::Leaving | Meaning::DeviceOnly | Meaning::Lost => {}
        }
    }

    fn live(&mut self, signal: &Signal, at: Timestamp) {
        self.life = Some(at);
        self.life_device = Some(signal.device.clone());
        self.asked = Asked::default();
        self.outage_worklist = false;
    }

    fn touch(&mut self, signal: &Signal, at: Timestamp) {
        let offline = signal.kind == crate::SignalKind::Offline;
        if let Some(device) = self.devices.iter_mut().find(|device| device.id == signal.device) {
            device.last_seen = device.last_seen.max(at);
            device.offline = offline;
            if signal.room.is_some() && device.room != signal.room {
                device.room.clone_from(&signal.room);
            }
            return;
        }
        if self.devices.len() >= DEVICES_MAX {
            let oldest = self.devices.iter().enumerate().min_by_key(|(_, device)| device.last_seen).map(|(i, _)| i);
            if let Some(oldest) = oldest {
                self.devices.swap_remove(oldest);
            }
        }
        self.devices.push(Device { id: signal.device.clone(), room: signal.room.clone(), last_seen: at, offline });
    }

    fn told(&mut self, told: Told, now: Timestamp) {
        match told {
            Told::Holiday { until } => {
                self.holiday_until = Some(until);
                self.exit = Some(now);
                self.asked = Asked::default();
            }
            Told::BackHome => {
                self.holiday_until = None;
                self.exit = None;
                self.life = self.life.max(Some(now));
                self.asked = Asked::default();
            }
            Told::Normal { .. } | Told::Emergency { .. } => {}
            Told::Consent(Monitoring::On) if self.monitoring == Monitoring::On => {}
            Told::Consent(monitoring) => {
                self.monitoring = monitoring;
                self.life = None;
                self.life_device = None;
                self.exit = None;
                self.holiday_until = None;
                self.outage_worklist = false;
                self.asked = Asked::default();
            }
            Told::Forget => {
                let monitoring = self.monitoring;
                *self = Self { monitoring, ..Self::new(self.id.clone(), now) };
            }
        }
    }

    /// What becomes of the present silence or absence next, and when.
    fn next_due(&self, settings: &Settings) -> Option<(Timestamp, Due)> {
        if self.monitoring == Monitoring::Off {
            return None;
        }
        let life = self.life?;
        if let Some(left) = self.exit {
            let overdue = self.holiday_until.unwrap_or(left) + settings.away_overdue;
            return (!self.asked.overdue).then_some((overdue, Due::AwayOverdue { left }));
        }
        let at = life + settings.silence_max;
        let at = self.hold_until.map_or(at, |hold| at.max(hold));
        (!self.asked.urgent).then_some((at, Due::Urgent { life }))
    }

    /// Does what is due by `now`.
    fn pass(&mut self, settings: &Settings, now: Timestamp, effects: &mut Vec<Effect>) {
        while let Some((at, due)) = self.next_due(settings) {
            if at > now {
                break;
            }
            match due {
                Due::AwayOverdue { left } => {
                    self.asked.overdue = true;
                    effects.push(Effect::Notice(Notice {
                        kind: NoticeKind::Operators,
                        cause: Cause::Anomaly("away_overdue".into()),
                        reason: Reason::new("away_overdue").time("since", left).span("span", now - left),
                        key: format!("away_overdue:{}", left.timestamp()),
                    }));
                }
                Due::Urgent { life } => {
                    self.asked.urgent = true;
                    self.outage_worklist = false;
                    effects.push(Effect::Raise(Raise {
                        cause: Cause::Inactivity,
                        level: Level::Urgent,
                        reason: Self::cap_reason(life, now - life, settings),
                        key: format!("inactivity:{}:urgent", life.timestamp()),
                        device: None,
                    }));
                }
            }
        }
    }

    fn cap_reason(life: Timestamp, silence: TimeDelta, settings: &Settings) -> Reason {
        Reason::new("quiet_cap").time("since", life).span("silence", silence).span("cap", settings.silence_max)
    }

    /// What people see of this home.
    pub fn view(&self, settings: &Settings, now: Timestamp) -> View {
        let away = self.exit.filter(|left| self.holiday_until.is_some() || now - *left >= settings.away_after);
        let (occupancy, since) = match (self.life, away) {
            (None, _) => (Occupancy::Unknown, None),
            (Some(_), Some(left)) => (Occupancy::Away, Some(left)),
            (Some(life), None) => (Occupancy::Home, Some(life)),
        };
        let last_activity = self.life.map(|at| LastActivity {
            device: self.life_device.clone(),
            room: self
                .devices
                .iter()
                .find(|device| Some(&device.id) == self.life_device.as_ref())
                .and_then(|device| device.room.clone()),
            at,
        });
        let next = self.next_due(settings).map(|(at, due)| match due {
            Due::AwayOverdue { left } => Deadline {
                at,
                level: Level::Technical,
                reason: Reason::new("away_overdue").time("since", left).span("span", at - left),
            },
            Due::Urgent { life } => Deadline { at, level: Level::Urgent, reason: Self::cap_reason(life, at - life, settings) },
        });
        let mut devices: Vec<DeviceView> = self
            .devices
            .iter()
            .map(|device| DeviceView {
                device: device.id.clone(),
                room: device.room.clone(),
                last_seen: device.last_seen,
                health: if device.offline { DeviceHealth::Offline } else { DeviceHealth::Working },
            })
            .collect();
        devices.sort_by(|a, b| b.last_seen.cmp(&a.last_seen).then_with(|| a.device.cmp(&b.device)));
        let (cover, code) = if self.monitoring == Monitoring::Off {
            (Cover::Unprotected, "cover_no_consent")
        } else if self.life.is_none() {
            (Cover::Unprotected, "cover_nothing_heard")
        } else if self.outage_worklist {
            (Cover::Degraded, "cover_outage")
        } else if occupancy == Occupancy::Away {
            (Cover::Protected, "cover_away")
        } else {
            (Cover::Protected, "cover_ok")
        };
        View {
            home: self.id.clone(),
            occupancy,
            since,
            silence_s: self.life.filter(|_| occupancy == Occupancy::Home).map(|life| (now - life).num_seconds()),
            last_activity,
            next,
            devices,
            cover,
            cover_reason: Reason::new(code),
            learned_days: 0.0,
            outage_worklist: self.outage_worklist,
        }
    }
}

/// What is due next.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Due {
    AwayOverdue { left: Timestamp },
    Urgent { life: Timestamp },
}
