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

mod clock;
mod codec;
mod days;
mod evidence;
mod health;
mod over;
mod reasons;
mod routine;
mod rules;
mod settings;
mod signs;
mod supervise;
#[cfg(test)]
mod tests;
mod view;

pub use codec::DecodeError;
pub use days::UsualStart;
pub use reasons::REASONS;
pub use routine::RoutineHour;
pub use rules::{Trial, trial};
pub use supervise::{EVERY_S, Part, SupervisionView, TEST_MAX, TrendView};
pub use settings::{Budgets, ExitDoors, Pets, Rules, Settings, Switch, WaterRule, sees_people};
pub use view::{Cover, Deadline, DeviceHealth, DeviceView, LastActivity, Occupancy, RoutineView, View};

use crate::alarm::Over;
use crate::cause::Raise;
use crate::{Cause, DeviceId, HomeId, Level, Reason, Signal, TimeDelta, Timestamp};
use clock::Second;
use serde::{Deserialize, Serialize};
use days::Days;
use health::Habit;
use over::{Lasting, away_overdue, over};
use routine::{Allowed, Routine};
use rules::Watch;
use signs::Signs;
use supervise::{Post, Trend};

/// Most devices remembered per home; beyond it the one unheard for longest is forgotten (LIM-1).
pub const DEVICES_MAX: usize = 16;
/// Most bytes of an encoded home, but for [`WANTED_BYTES_MAX`].
pub const ENCODED_BYTES_MAX: usize = 2048;
/// Devices that the register wants are never left out: where they do not fit, a home takes about so many bytes more.
pub const WANTED_BYTES_MAX: usize = 640;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// The rules beside silence that somebody has chosen for this home.
    Rules(Rules),
    /// Whether an animal lives there.
    Pets(Pets),
    /// Everything learned and everything seen is forgotten.
    Forget,
    /// The register has a device, which must speak in an interval.
    Supervise {
        /// Which.
        device: DeviceId,
        /// The interval in seconds, within [`EVERY_S`]; 0 = none.
        every_s: u32,
        /// What it is to its home.
        part: Part,
    },
    /// The register no longer has a device.
    Release {
        /// Which.
        device: DeviceId,
    },
    /// A device has taken the place of another.
    Replace {
        /// The one that is gone.
        old: DeviceId,
        /// The one that stands there now.
        new: DeviceId,
    },
    /// The home is being tested until then, at most [`TEST_MAX`] from now. Before now: the test is over.
    Test {
        /// When it ends by itself.
        until: Timestamp,
    },
    /// Two places use one credential of the home at the same time.
    Shared {
        /// Its name.
        credential: String,
    },
    /// A person took a call of a device and closed it as a test: the whole way works.
    Proved {
        /// Which device.
        device: DeviceId,
        /// When it called.
        at: Timestamp,
    },
}

/// Whether the elder agrees to be monitored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// What was asked for, or shown, is over: an open alarm of the cause is told.
    Over {
        /// What is over.
        cause: Cause,
        /// The evidence.
        over: Over,
        /// Names this occurrence within the home and cause: told twice, taken once.
        key: String,
    },
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

/// A device as the state remembers it.
#[derive(Debug, Clone, PartialEq)]
struct Device {
    id: DeviceId,
    room: Option<String>,
    last_seen: Second,
    /// When it last reached us.
    heard_at: Second,
    /// Its silence is counted from here: when it last reached us, and later by the time in which it could not.
    from: Second,
    /// How much later than the time it named it reached us, at some time.
    lag_at: Second,
    lag_s: i32,
    /// How far its clock is behind, as far as that has shown.
    behind_s: i32,
    habit: Habit,
    /// What the register wants of it.
    post: Option<Post>,
    trend: Trend,
    /// What was said of it, or by it, and is not over.
    lasting: Lasting,
    /// Somebody lies, sits or stands there since.
    occupied_since: Option<Second>,
    /// And has left.
    left: Option<Second>,
}

/// What has been asked for in the present silence or absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Asked {
    attention: bool,
    urgent: bool,
    overdue: bool,
}

/// When the present silence becomes an alarm. Every sign of life can only put it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quiet {
    attention: Second,
    urgent: Second,
}

/// Whether the present silence is routine that may be learned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Lesson {
    /// Yes.
    #[default]
    Fit,
    /// No: something else lies in it, such as an outage, a visit, an absence.
    Unfit,
}

/// The state of one home, at most [`ENCODED_BYTES_MAX`] encoded (and [`WANTED_BYTES_MAX`]). Changed by [`Home::step`] and by nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Home {
    /// Which.
    pub id: HomeId,
    monitoring: Monitoring,
    /// The last sign of life inside (or at the door), and what saw it.
    life: Option<Second>,
    life_device: Option<DeviceId>,
    /// The exit door moved and nothing has been seen inside since.
    exit: Option<Second>,
    /// The last sign of life that was not the exit door.
    inside: Option<Second>,
    /// The elder came back.
    returned: Option<Second>,
    holiday_until: Option<Second>,
    quiet: Option<Quiet>,
    lesson: Lesson,
    /// Nothing is learned before this: the days after an emergency.
    learn_after: Option<Second>,
    /// The home cannot be heard since.
    blind_since: Option<Second>,
    /// Somebody is with the elder until then, or until it is told otherwise.
    visit_until: Option<Second>,
    /// No silence becomes an alarm before this: the grace after an outage, or a backlog that is still coming in.
    hold_until: Option<Second>,
    outage_worklist: bool,
    /// The home is being tested until then.
    test_until: Option<Second>,
    asked: Asked,
    watch: Watch,
    /// Two people were seen in two places: the elder is taken not to be alone until then.
    company_until: Option<Second>,
    /// What somebody has chosen for this home.
    rules: Option<Rules>,
    pets: Option<Pets>,
    days: Days,
    signs: Signs,
    devices: Vec<Device>,
    /// The local day that the routine stands for.
    day: Option<i64>,
    routine: Box<Routine>,
    /// What was allowed in the five minutes that were last asked about.
    allowed: Option<(i64, Allowed)>,
    wake: Option<Second>,
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
            inside: None,
            returned: None,
            holiday_until: None,
            quiet: None,
            lesson: Lesson::Fit,
            learn_after: None,
            blind_since: None,
            visit_until: None,
            hold_until: None,
            outage_worklist: false,
            test_until: None,
            asked: Asked::default(),
            watch: Watch::default(),
            company_until: None,
            rules: None,
            pets: None,
            days: Days::default(),
            signs: Signs::default(),
            devices: Vec::new(),
            day: None,
            routine: Box::default(),
            allowed: None,
            wake: None,
        }
    }

    /// The only way a home ever changes. Total; late, unknown or repeated input never silences.
    pub fn step(mut self, input: Input<'_>, settings: &Settings, now: Timestamp) -> (Self, Vec<Effect>) {
        let mut effects = Vec::new();
        match input {
            Input::Heard(signal) => {
                self.pass(settings, signal.heard_at.min(now).into(), &mut effects);
                self.hear(signal, settings, &mut effects);
            }
            Input::TimePassed => self.pass(settings, now.into(), &mut effects),
            Input::WeWereDown { from, to } => self.we_were_down(from.into(), to.into(), settings),
            Input::Told(told) => self.told(told, settings, now, &mut effects),
        }
        self.wake = self.next_due(settings).map(|(at, _)| at);
        (self, effects)
    }

    /// The instant at which silence becomes something, if nothing is heard until then.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.wake.map(Timestamp::from)
    }

    /// When the present silence began: the last sign of life.
    pub fn quiet_since(&self) -> Option<Timestamp> {
        self.life.map(Timestamp::from)
    }

    /// Our own silence is not the home's (SIL-2).
    fn we_were_down(&mut self, from: Second, to: Second, settings: &Settings) {
        self.not_listened(from, to);
        if to - from <= settings.outage_tolerated {
            return;
        }
        self.lesson = Lesson::Unfit;
        self.days.spoiled = true;
        self.hold_until = self.hold_until.max(Some(to + settings.outage_grace));
        self.outage_worklist = self.monitoring == Monitoring::On && self.life.is_some();
    }

    fn told(&mut self, told: Told, settings: &Settings, now: Timestamp, effects: &mut Vec<Effect>) {
        match told {
            Told::Holiday { until } => {
                if self.asked.overdue {
                    effects.push(over(away_overdue(), None, now, Reason::new("over_holiday").date("until", until)));
                }
                self.holiday_until = Some(until.into());
                self.exit = Some(now.into());
                self.lesson = Lesson::Unfit;
                self.asked = Asked::default();
            }
            Told::BackHome => {
                self.holiday_until = None;
                self.come_home(now.into(), settings, effects);
            }
            Told::Normal { from, to } => {
                let (_, second_of_day) = clock::local(settings.zone, from.into());
                self.routine.learn(second_of_day, to - from, NORMAL_WEIGHT);
            }
            Told::Emergency { at } => {
                self.lesson = Lesson::Unfit;
                self.learn_after = self.learn_after.max(Some(Second::from(at) + AFTER_EMERGENCY));
            }
            Told::Consent(monitoring) if monitoring == self.monitoring => {}
            Told::Consent(monitoring) => {
                let (devices, day, routine) = (std::mem::take(&mut self.devices), self.day, std::mem::take(&mut self.routine));
                let (rules, pets, mut days) = (self.rules, self.pets, std::mem::take(&mut self.days));
                days.spoiled = true;
                let (test_until, blind_since) = (self.test_until, self.blind_since);
                *self = Self { monitoring, devices, day, routine, rules, pets, days, test_until, blind_since, ..Self::new(self.id.clone(), now) };
            }
            Told::Rules(rules) => {
                self.rules = Some(rules);
                self.watch.let_go(&rules);
            }
            Told::Pets(pets) => self.pets = Some(pets),
            Told::Forget => {
                let mut devices = std::mem::take(&mut self.devices);
                devices.retain(|device| device.post.is_some());
                for device in &mut devices {
                    device.forget();
                }
                let test_until = self.test_until;
                *self = Self { monitoring: self.monitoring, rules: self.rules, pets: self.pets, devices, test_until, ..Self::new(self.id.clone(), now) };
            }
            Told::Supervise { device, every_s, part } => self.supervise(device, every_s, part, now.into()),
            Told::Release { device } => self.release(&device, now.into(), effects),
            Told::Replace { old, new } => self.replace(&old, new, now.into(), effects),
            Told::Test { until } => self.test_until = Some(until.min(now + TEST_MAX)).filter(|until| *until > now).map(Second::from),
            Told::Shared { credential } => effects.push(Effect::Raise(Raise {
                cause: Cause::Technical("credential_shared".into()),
                level: Level::Technical,
                reason: Reason::new("credential_shared").text("credential", &credential).time("at", now),
                key: format!("credential_shared:{credential}:{}", now.timestamp()),
                device: None,
            })),
            Told::Proved { device, at } => self.prove(&device, at.min(now).into(), effects),
        }
    }

    /// What becomes of the present silence or absence next, and when.
    fn next_due(&self, settings: &Settings) -> Option<(Second, Due)> {
        let silent = self.next_silent(settings).map(|at| (at, Due::Silent));
        let quiet = if self.monitoring == Monitoring::On { self.next_quiet(settings) } else { None };
        let judged = self.monitoring == Monitoring::On && self.blind_since.is_none();
        let watched = if judged { self.next_watch(settings).map(|at| (at, Due::Watched)) } else { None };
        let tests = self.next_test().map(|at| (at, Due::Tests));
        [silent, watched, quiet, tests].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    fn next_quiet(&self, settings: &Settings) -> Option<(Second, Due)> {
        let life = self.life?;
        if let Some(left) = self.exit {
            let overdue = self.holiday_until.unwrap_or(left) + settings.away_overdue;
            return (!self.asked.overdue).then_some((overdue, Due::AwayOverdue { left }));
        }
        if self.blind_since.is_some() {
            return None;
        }
        let quiet = self.quiet?;
        let held = |at: Second| self.hold_until.map_or(at, |hold| at.max(hold));
        let (attention, urgent) = (held(quiet.attention), held(quiet.urgent));
        if !self.asked.attention && !self.asked.urgent && attention < urgent {
            return Some((attention, Due::Quiet { life, level: Level::Attention }));
        }
        (!self.asked.urgent).then_some((urgent, Due::Quiet { life, level: Level::Urgent }))
    }

    /// Does what is due by `now`.
    fn pass(&mut self, settings: &Settings, now: Second, effects: &mut Vec<Effect>) {
        while let Some((at, due)) = self.next_due(settings) {
            if at > now {
                break;
            }
            match due {
                Due::Watched => self.check_watch(settings, now.max(at), effects),
                Due::Silent => self.check_health(settings, now.max(at), effects),
                Due::Tests => self.check_tests(now.max(at), effects),
                Due::AwayOverdue { left } => {
                    self.asked.overdue = true;
                    effects.push(Effect::Notice(Notice {
                        kind: NoticeKind::Operators,
                        cause: away_overdue(),
                        reason: Reason::new("away_overdue").time("since", left.into()).span("span", now - left),
                        key: format!("away_overdue:{}", left.timestamp()),
                    }));
                }
                Due::Quiet { life, level } => {
                    let (asked, tier) = match level {
                        Level::Urgent | Level::Red => (&mut self.asked.urgent, ":urgent"),
                        Level::Attention | Level::Technical => (&mut self.asked.attention, ""),
                    };
                    *asked = true;
                    self.outage_worklist = false;
                    effects.push(Effect::Raise(Raise {
                        cause: Cause::Inactivity,
                        level,
                        reason: self.quiet_reason(life, now, settings),
                        key: format!("inactivity:{}{tier}", life.timestamp()),
                        device: None,
                    }));
                }
            }
        }
    }

    /// Why a silence that lasts until `at` is remarkable.
    fn quiet_reason(&self, life: Second, at: Second, settings: &Settings) -> Reason {
        let silence = at - life;
        let place = self.life_room().or(self.life_device.as_ref().map(DeviceId::as_str)).unwrap_or("-");
        let (_, second_of_day) = clock::local(settings.zone, life);
        let longest = self.routine.longest(second_of_day);
        let reason = if silence >= settings.silence_max || !self.routine.is_known() {
            Reason::new("quiet_cap").span("cap", settings.silence_max)
        } else {
            let days = f64::from(self.routine.learned_days).min(60.0).floor();
            let once = self.routine.once_in_days(second_of_day, silence).clamp(1.0, 3650.0);
            #[expect(clippy::cast_possible_truncation, reason = "clamped to ten years")]
            let once = TimeDelta::hours((once * 24.0) as i64);
            let once = if once > TimeDelta::days(3) { TimeDelta::days(once.num_days()) } else { once };
            let reason = match longest {
                Some(longest) => Reason::new("quiet").span("longest", longest),
                None => Reason::new("quiet_new"),
            };
            reason.number("days", days).span("once", once)
        };
        reason.time("since", life.into()).span("silence", silence).text("where", place)
    }

    /// The rules that hold in this home.
    pub(super) fn rules<'a>(&'a self, settings: &'a Settings) -> &'a Rules {
        self.rules.as_ref().unwrap_or(&settings.rules)
    }

    /// What was learned, for people to look at.
    pub fn routine_view(&self, settings: &Settings, now: Timestamp) -> RoutineView {
        let now = Second::from(now);
        let (_, second) = clock::local(settings.zone, now);
        RoutineView {
            learned_days: f64::from(self.routine.learned_days),
            hours: self.routine.hours(self.odds(settings), settings.silence_min, settings.silence_max),
            usual_start: self.days.usual_start(),
            rules: *self.rules(settings),
            pets: self.pets.unwrap_or(settings.pets),
            midnight: (now - TimeDelta::seconds(second)).into(),
        }
    }

    fn life_room(&self) -> Option<&str> {
        self.devices.iter().find(|device| Some(&device.id) == self.life_device.as_ref()).and_then(|device| device.room.as_deref())
    }

    /// What people see of this home.
    pub fn view(&self, settings: &Settings, now: Timestamp) -> View {
        let test_until = self.test_until(now);
        let now = Second::from(now);
        let away = self.exit.filter(|left| self.holiday_until.is_some() || now - *left >= settings.away_after);
        let (occupancy, since) = match (self.life, away) {
            (None, _) => (Occupancy::Unknown, None),
            (Some(_), Some(left)) => (Occupancy::Away, Some(left)),
            (Some(_), None) if self.blind_since.is_some() => (Occupancy::Unknown, self.blind_since),
            (Some(life), None) if self.visit_until.max(self.company_until).is_some_and(|until| now < until) => (Occupancy::Visitor, Some(life)),
            (Some(life), None) => (Occupancy::Home, Some(self.returned.unwrap_or(life))),
        };
        let last_activity = self.life.map(|at| LastActivity {
            device: self.life_device.clone(),
            room: self.life_room().map(str::to_owned),
            at: at.into(),
        });
        let quiet = if self.monitoring == Monitoring::On { self.next_quiet(settings) } else { None };
        let next = quiet.and_then(|(at, due)| match due {
            Due::Silent | Due::Watched | Due::Tests => None,
            Due::AwayOverdue { left } => Some(Deadline {
                at: at.into(),
                level: Level::Technical,
                reason: Reason::new("away_overdue").time("since", left.into()).span("span", at - left),
            }),
            Due::Quiet { life, level } => Some(Deadline { at: at.into(), level, reason: self.quiet_reason(life, at, settings) }),
        });
        let mut devices: Vec<DeviceView> = self
            .devices
            .iter()
            .map(|device| DeviceView {
                device: device.id.clone(),
                room: device.room.clone(),
                last_seen: device.last_seen.into(),
                heard_at: Some(device.heard_at.into()),
                supervision: device.supervision(if device.habit.silent { None } else { self.silent_at(device, settings).map(Timestamp::from) }),
                trend: device.trend_view(now),
                health: match (device.habit.offline, device.habit.silent) {
                    (Some(_), _) => DeviceHealth::Offline,
                    (None, true) => DeviceHealth::Silent,
                    (None, false) => DeviceHealth::Working,
                },
            })
            .collect();
        devices.sort_by(|a, b| b.last_seen.cmp(&a.last_seen).then_with(|| a.device.cmp(&b.device)));
        let silent = self.devices.iter().find(|device| device.habit.silent || device.habit.offline.is_some());
        let (cover, cover_reason) = if self.monitoring == Monitoring::Off {
            (Cover::Unprotected, Reason::new("cover_no_consent"))
        } else if let Some(since) = self.blind_since {
            (Cover::Unprotected, Reason::new("cover_blind").time("since", since.into()))
        } else if self.life.is_none() {
            (Cover::Unprotected, Reason::new("cover_nothing_heard"))
        } else if self.outage_worklist {
            (Cover::Degraded, Reason::new("cover_outage"))
        } else if let Some(device) = silent {
            (Cover::Degraded, Reason::new("cover_device").text("device", device.id.as_str()).time("since", device.last_seen.into()))
        } else if occupancy == Occupancy::Away {
            (Cover::Protected, Reason::new("cover_away"))
        } else {
            (Cover::Protected, Reason::new("cover_ok"))
        };
        View {
            home: self.id.clone(),
            occupancy,
            since: since.map(Timestamp::from),
            silence_s: self.life.filter(|_| matches!(occupancy, Occupancy::Home | Occupancy::Visitor)).map(|life| (now - life).num_seconds()),
            last_activity,
            signs: if self.monitoring == Monitoring::On { self.signs.spans(now) } else { Vec::new() },
            next,
            devices,
            cover,
            cover_reason,
            learned_days: f64::from(self.routine.learned_days),
            outage_worklist: self.outage_worklist,
            test_until,
        }
    }
}

/// What is due next.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Due {
    Silent,
    Watched,
    Tests,
    AwayOverdue { left: Second },
    Quiet { life: Second, level: Level },
}

/// How much an operator's "this was normal" counts against a silence that merely happened.
const NORMAL_WEIGHT: f32 = 3.0;
/// After a confirmed emergency the home is not itself for so long.
const AFTER_EMERGENCY: TimeDelta = TimeDelta::hours(48);
