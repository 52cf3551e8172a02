//! What the API says, as types of its own: an alarm, a home, a device as they stand in JSON.

use care::alarm::{Attempt, AttemptOutcome, Claimant, State};
use care::home::{Cover, DeviceHealth, Occupancy, View};
use care::reason::Param;
use care::{Alarm, Language, Level, Reason};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

macro_rules! published {
    ($(#[$doc:meta])* $name:ident from $from:ident { $($(#[$row:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name { $($(#[$row])* $variant,)* }

        impl From<&$from> for $name {
            fn from(it: &$from) -> Self {
                match it { $($from::$variant { .. } => Self::$variant,)* }
            }
        }
    };
}

published! {
    /// How much an alarm matters.
    LevelName from Level {
        /// A life may depend on it now.
        Red,
        /// Goes up the plan of action.
        Urgent,
        /// Starts with a check call.
        Attention,
        /// The platform can no longer hear a home, a device or itself.
        Technical,
    }
}

published! {
    /// Where an alarm stands. All but `closed` are open.
    StateName from State {
        /// Nobody has taken it yet.
        Raised,
        /// A person has taken it and owes a report.
        Claimed,
        /// What was done has been reported.
        Reported,
        /// Done.
        Closed,
    }
}

published! {
    /// How an attempt ended. Only `accepted` is a person's acknowledgement.
    AttemptOutcomeName from AttemptOutcome {
        /// A person pressed the key that takes the alarm.
        Accepted,
        /// A person pressed the key, but somebody else had it already.
        TooLate,
        /// A person passed it on.
        PassedOn,
        /// Answered, but no key: perhaps a voicemail.
        NoKey,
        /// Answered, but only wrong keys.
        WrongKey,
        /// Nobody answered.
        NoAnswer,
        /// Engaged.
        Busy,
        /// Refused.
        Declined,
        /// The number or address cannot be reached.
        Unreachable,
        /// The channel itself failed.
        ChannelDown,
        /// A message was handed over. Not an acknowledgement.
        Delivered,
        /// Ended by us because somebody else took the alarm.
        Released,
        /// What became of it is not known.
        Unknown,
    }
}

published! {
    /// Who is in, as far as can be told.
    OccupancyName from Occupancy {
        /// Cannot be told.
        Unknown,
        /// The elder is at home.
        Home,
        /// Nobody is at home.
        Away,
        /// The elder is at home, and not alone.
        Visitor,
    }
}

published! {
    /// How well a home is covered.
    CoverName from Cover {
        /// Silence would be noticed.
        Protected,
        /// Silence would be noticed late, or not everywhere.
        Degraded,
        /// Silence would not be noticed.
        Unprotected,
    }
}

published! {
    /// Whether a device is taken to work.
    DeviceHealthName from DeviceHealth {
        /// Nothing speaks against it.
        Working,
        /// It has missed its heartbeats.
        Silent,
        /// Its last will or the hub says that it is gone.
        Offline,
    }
}

published! {
    /// What kind of claimant.
    ClaimantKind from Claimant {
        /// Somebody signed in at the console.
        Person,
        /// A contact who pressed a key.
        Contact,
    }
}

/// A reason's text in both languages.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Texts {
    /// Chinese.
    pub(crate) zh: String,
    /// English.
    pub(crate) en: String,
}

/// Why something was decided.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ReasonShape {
    /// The row of the table of reasons.
    pub(crate) code: String,
    /// What fills the blanks: each `{"text"|"number"|"span"|"time"|"date"|"cause": value}`; spans in seconds.
    #[schema(value_type = BTreeMap<String, Object>)]
    pub(crate) params: BTreeMap<String, Param>,
    /// The text as it is shown and spoken.
    pub(crate) text: Texts,
}

impl ReasonShape {
    pub(crate) fn new(reason: &Reason, zone: Tz) -> Self {
        let text = Texts { zh: reason.render(Language::Zh, zone), en: reason.render(Language::En, zone) };
        Self { code: reason.code.clone(), params: reason.params.clone(), text }
    }
}

/// One attempt to reach one contact.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AttemptShape {
    /// The number of the effect that asked for it.
    no: u32,
    /// The contact's identifier.
    contact: String,
    /// The channel's name: `voice`, `webhook`, ...
    channel: String,
    /// Why, if it is not the ladder that asked for it; otherwise null.
    why: Option<ReasonShape>,
    /// When it was asked for.
    asked_at: DateTime<Utc>,
    /// When the channel began.
    started_at: Option<DateTime<Utc>>,
    /// When it ended.
    ended_at: Option<DateTime<Utc>>,
    /// How it ended; null while it is underway.
    outcome: Option<AttemptOutcomeName>,
}

impl AttemptShape {
    fn new(attempt: &Attempt, zone: Tz) -> Self {
        Self {
            no: attempt.no,
            contact: attempt.contact.as_str().to_owned(),
            channel: attempt.channel.to_string(),
            why: attempt.why.as_ref().map(|why| ReasonShape::new(why, zone)),
            asked_at: attempt.asked_at,
            started_at: attempt.started_at,
            ended_at: attempt.ended_at,
            outcome: attempt.outcome.as_ref().map(AttemptOutcomeName::from),
        }
    }
}

/// An alarm.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Alarm)]
pub(crate) struct AlarmShape {
    /// 26 characters; sorts by the time it was raised.
    pub(crate) id: String,
    /// The home.
    pub(crate) home: String,
    /// Whom it is about, by identifier.
    pub(crate) elders: Vec<String>,
    /// What it is about.
    #[schema(example = "call", pattern = "^(call|fall|smoke|gas|carbon_monoxide|water_leak|inactivity|anomaly/.+|technical/.+)$")]
    pub(crate) cause: String,
    /// How much it matters.
    pub(crate) level: LevelName,
    /// Where it stands.
    pub(crate) state: StateName,
    /// The rung that is being called, from 0.
    pub(crate) rung: u32,
    /// Completed rounds of the ladder.
    pub(crate) round: u32,
    /// Why it was raised.
    pub(crate) reason: ReasonShape,
    /// When it was raised.
    pub(crate) raised_at: DateTime<Utc>,
    /// When something happens if nobody acts; null once closed.
    pub(crate) next_step_at: Option<DateTime<Utc>>,
    /// Who has it: an identifier; null while nobody has it.
    pub(crate) claimed_by: Option<String>,
    /// What kind of identifier that is.
    pub(crate) claimed_by_kind: Option<ClaimantKind>,
    /// Since when, while claimed.
    pub(crate) claimed_at: Option<DateTime<Utc>>,
    /// When it was closed.
    pub(crate) closed_at: Option<DateTime<Utc>>,
    /// What it was in the end.
    pub(crate) outcome: Option<String>,
    /// Distinct presses, from 1.
    pub(crate) presses: u32,
    /// Re-deliveries of the same presses, from 0.
    pub(crate) copies: u32,
    /// When a device last took the call back. Never closes.
    pub(crate) cancelled_at: Option<DateTime<Utc>>,
    /// Since when the cause is over; null: it is not. Closes only what is technical, and that after 15 minutes in which nobody takes it.
    pub(crate) over_at: Option<DateTime<Utc>>,
    /// Why it is over.
    pub(crate) over_reason: Option<ReasonShape>,
    /// A drill or a canary.
    pub(crate) test: bool,
    /// The devices that called.
    pub(crate) devices: Vec<String>,
    /// The latest attempts, oldest first.
    pub(crate) attempts: Vec<AttemptShape>,
}

impl AlarmShape {
    pub(crate) fn new(alarm: &Alarm, zone: Tz) -> Self {
        let (claimed_at, closed_at, outcome) = match &alarm.state {
            State::Raised | State::Reported { .. } => (None, None, None),
            State::Claimed { since, .. } => (Some(*since), None, None),
            State::Closed { at, outcome, .. } => (None, Some(*at), Some(outcome.clone())),
        };
        // nobody has what ended by itself
        let person = alarm.claimant().filter(|by| !by.is_platform());
        Self {
            id: alarm.id.as_str().to_owned(),
            home: alarm.home.as_str().to_owned(),
            elders: alarm.elders.iter().map(|e| e.as_str().to_owned()).collect(),
            cause: alarm.cause.name(),
            level: LevelName::from(&alarm.level),
            state: StateName::from(&alarm.state),
            rung: alarm.rung(),
            round: alarm.round,
            reason: ReasonShape::new(&alarm.reason, zone),
            raised_at: alarm.raised_at,
            next_step_at: alarm.deadline(),
            claimed_by: person.map(|c| c.id().to_owned()),
            claimed_by_kind: person.map(ClaimantKind::from),
            claimed_at,
            closed_at,
            outcome,
            presses: alarm.presses,
            copies: alarm.copies,
            cancelled_at: alarm.cancelled_at,
            over_at: alarm.cause_over().map(|over| over.at),
            over_reason: alarm.cause_over().map(|over| ReasonShape::new(&over.reason, zone)),
            test: alarm.test,
            devices: alarm.devices.iter().map(|d| d.as_str().to_owned()).collect(),
            attempts: alarm.attempts.iter().map(|attempt| AttemptShape::new(attempt, zone)).collect(),
        }
    }
}

/// A device as it is seen.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DeviceShape {
    /// Its identifier in the home.
    pub(crate) id: String,
    /// What it is, where it is registered: `button`, `motion`, `hub`, ...
    pub(crate) kind: Option<String>,
    /// Its room, where one is known.
    pub(crate) room: Option<String>,
    /// When it was last heard; null: never.
    pub(crate) last_seen_at: Option<DateTime<Utc>>,
    /// Whether it is taken to work; null: never heard.
    pub(crate) health: Option<DeviceHealthName>,
    /// True if it stands in the register.
    pub(crate) registered: bool,
}

/// The instant at which silence becomes something.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DeadlineShape {
    /// When.
    at: DateTime<Utc>,
    /// The level of what would be raised.
    level: LevelName,
    /// Why then.
    reason: ReasonShape,
}

/// The last sign of life.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ActivityShape {
    /// The device that saw it.
    device: Option<String>,
    /// Where.
    room: Option<String>,
    /// When.
    at: DateTime<Utc>,
}

/// What is known of a home from what it said.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PresenceShape {
    /// Who is in.
    occupancy: OccupancyName,
    /// Since when.
    since: Option<DateTime<Utc>>,
    /// The last sign of life.
    last_activity: Option<ActivityShape>,
    /// Length of the silence at home, seconds; null while away or while the sensors cannot tell.
    silence_s: Option<i64>,
    /// What happens next if nothing is heard.
    next_deadline: Option<DeadlineShape>,
    /// How well the home is covered.
    cover: CoverName,
    /// Why.
    cover_reason: ReasonShape,
    /// Days of routine learned so far.
    learned_days: f64,
    /// Stands in the worklist after an outage of the platform.
    outage_worklist: bool,
}

impl PresenceShape {
    pub(crate) fn new(view: &View, zone: Tz) -> Self {
        Self {
            occupancy: OccupancyName::from(&view.occupancy),
            since: view.since,
            last_activity: view.last_activity.as_ref().map(|a| ActivityShape {
                device: a.device.as_ref().map(|d| d.as_str().to_owned()),
                room: a.room.clone(),
                at: a.at,
            }),
            silence_s: view.silence_s,
            next_deadline: view.next.as_ref().map(|d| DeadlineShape {
                at: d.at,
                level: LevelName::from(&d.level),
                reason: ReasonShape::new(&d.reason, zone),
            }),
            cover: CoverName::from(&view.cover),
            cover_reason: ReasonShape::new(&view.cover_reason, zone),
            learned_days: view.learned_days,
            outage_worklist: view.outage_worklist,
        }
    }
}

/// When a home was last heard, by whatever device.
pub(crate) fn last_seen(view: &View) -> Option<DateTime<Utc>> {
    view.devices.iter().map(|d| d.last_seen).max()
}

/// An elder, masked. Health notes, ID number and the whole phone number must be asked for by `reveal`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ElderShape {
    /// The identifier.
    pub(crate) id: String,
    /// The name; masked for roles that do not take alarms.
    pub(crate) name: String,
    /// Year of birth.
    pub(crate) born_year: Option<i32>,
    /// `female`, `male` or empty.
    pub(crate) sex: String,
    /// The policy's tier: `key`, `general` or empty.
    pub(crate) tier: String,
    /// Head and tail of the phone number.
    pub(crate) phone_masked: String,
    /// True if there are health notes to reveal.
    pub(crate) has_health_notes: bool,
}

/// A contact, masked.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ContactShape {
    /// The identifier.
    pub(crate) id: String,
    /// The name.
    pub(crate) name: String,
    /// What the contact is to the elder.
    pub(crate) relation: String,
    /// Where the contact is reached, by channel, masked.
    pub(crate) addresses_masked: BTreeMap<String, String>,
    /// Stands for many homes.
    pub(crate) shared: bool,
}
