//! An alarm, from the first press to its close. It rings contacts up the ladder of the plan of action
//! and does not let go until a person has taken it.
//!
//! ```text
//!            raise                 a key, or an operator's claim
//!   (nothing) ────▶ Raised ───────────────────────────▶ Claimed ───▶ Reported ───▶ Closed
//!                   │    ▲        let go, or no report in time │        │
//!         no answer └────┘ ◀────────────────────────────────────┘        │
//!         next contact, rung, round (ALM-5)  ◀────── pressed again ──────┘
//! ```
//!
//! Only a person moves an alarm to the right (ALM-3), but for a technical one whose cause is over. Every open state has a
//! deadline (ALM-1).

mod attempt;
mod check;
mod over;
mod quality;
mod step;
mod steps;
mod unclaimed;
#[cfg(test)]
mod tests;

pub use attempt::{Attempt, AttemptOutcome};
pub use check::{WELL_AT, WELL_CALL};
pub use over::{ENDS_AFTER, OVER, Over};
pub use quality::{Answers, Chatter, Flood, Quality, quality};
pub use steps::{STEP_OUTCOMES, STEPS_MAX, Step, StepDone, step_outcomes, steps};
pub use unclaimed::{CallUp, LEAD, LEAD_AFTER, LOUDER_AFTER, SECOND, SECOND_AFTER, Stage, called_up, stage};

use crate::cause::Raise;
use crate::plan::{ChannelName, Plan};
use crate::reason::Row;
use crate::{AlarmId, Cause, ContactId, DeviceId, ElderId, HomeId, Level, PersonId, Reason, Shared, TimeDelta, Timestamp};
use serde::{Deserialize, Serialize};

/// Most attempts kept on the alarm itself; older ended ones live in the ledger's attempt table alone (LIM-1).
pub const ATTEMPTS_MAX: usize = 60;
/// Most devices named on one alarm.
pub const DEVICES_MAX: usize = 8;
/// An attempt without an outcome for this long no longer keeps its contact from being called again.
pub const ATTEMPT_STALE: TimeDelta = TimeDelta::minutes(3);
/// Calls that a person has stopped go on by themselves after this (ALM-5).
pub const STOPPED_FOR: TimeDelta = TimeDelta::minutes(2);

/// Reasons that alarms give of their own.
pub const REASONS: &[Row] = &[
    ("well_call", "{at} 的每日问候电话。", "The daily call of {at}."),
    ("drill_alarm", "{at} 的演练。", "A drill of {at}."),
    ("call_up_second", "{waited} 无人接手，叫第二位值班人。", "Nobody has taken it for {waited}: a second person on shift is called."),
    ("call_up_lead", "{waited} 无人接手，叫带班负责人。", "Nobody has taken it for {waited}: the lead of the shift is called."),
    ("claim_lapsed", "已由 {by} 接手，但 {within} 内没有报告，重新呼叫。", "Taken by {by}, but no report within {within}: calling again."),
    ("audit_no_deadline", "平台自检：{count} 个未关闭的报警没有下一步时间（如 {alarm}）。", "Self-audit: {count} open alarms have no next step ({alarm} is one)."),
    ("audit_overdue", "平台自检：{count} 个报警的下一步已过期（如 {alarm}，已超过 {late}）。", "Self-audit: the next step of {count} alarms is overdue ({alarm} by {late})."),
    ("audit_not_called", "平台自检：{count} 个紧急报警未按时开始呼叫（如 {alarm}）。", "Self-audit: {count} red alarms have not been called in time ({alarm} is one)."),
    ("audit_call_stuck", "平台自检：{count} 个呼叫一直没有结果（如 {alarm}）。", "Self-audit: {count} calls do not come to an end ({alarm} has one)."),
    ("audit_outbox_stuck", "平台自检：有待发的呼叫或消息已积压 {late}。", "Self-audit: calls or messages have waited in the outbox for {late}."),
    ("calling_held", "对外呼叫已暂停，须由值班员解除。", "Calling is held until an operator releases it."),
    ("channel_down", "呼叫线路 {channel} 中断，已改用其他线路。", "The channel {channel} is down: contacts are tried by their next one."),
    ("trunk_down", "电话中继 {trunk} 不通：{why}。", "The trunk {trunk} is down: {why}."),
    ("call_budget", "本小时的呼叫额度已用完（{count} 次）；紧急报警使用预留额度，仍会呼出。", "This hour's call budget is spent ({count} calls); red alarms draw on the reserve and are still called."),
    ("voice_none", "所有电话中继都不通，改用其他线路。", "Every trunk is down: contacts are tried by their next channel."),
    ("budget_spent", "线路 {channel} 的呼叫额度已用完：只有紧急报警继续呼叫，其余等待。请处理。", "The budget of {channel} is spent: red alarms still go out, the rest waits. Somebody has to see to it."),
    ("canary_missed", "平台自测呼叫在 {within} 内没有走完全程。", "A canary press did not get through within {within}."),
];

/// Who has taken an alarm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Claimant {
    /// A contact, by a key pressed after the answer or by the one-time page.
    Contact(ContactId),
    /// Somebody signed in at the console.
    Person(PersonId),
}

impl Claimant {
    /// The identifier, whichever kind it is.
    pub fn id(&self) -> &str {
        match self {
            Self::Contact(id) => id.as_str(),
            Self::Person(id) => id.as_str(),
        }
    }
}

/// Where an alarm stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// Nobody has taken it yet.
    Raised,
    /// A person has taken it and owes a report.
    Claimed {
        /// Who.
        by: Claimant,
        /// Since when.
        since: Timestamp,
    },
    /// What was done has been reported; the alarm waits to be closed.
    Reported {
        /// Who reported.
        by: Claimant,
        /// When.
        at: Timestamp,
    },
    /// Done. Nothing changes it any more.
    Closed {
        /// Who closed it.
        by: Claimant,
        /// When.
        at: Timestamp,
        /// What it was in the end: a code of [`OUTCOMES`] or of the city's own.
        outcome: String,
    },
}

/// Outcomes with a name in both languages. A city may use codes of its own beside them.
pub const OUTCOMES: &[Row] = &[
    ("true_emergency", "真实紧急情况", "True emergency"),
    ("help_given", "已提供帮助", "Help given"),
    ("false_press", "误按", "False press"),
    ("test", "测试", "Test"),
    ("device_fault", "设备故障", "Device fault"),
    ("elder_away", "老人外出", "Elder away"),
    ("home_check", "无人应答，已上门查看", "No answer, home checked"),
    ("animal_or_visitor", "宠物或访客", "Animal or visitor"),
    ("normal", "正常情况", "This was normal"),
    ("over", "已自行恢复", "Over by itself"),
    ("other", "其他", "Other"),
];

/// Where the ladder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ladder {
    /// Calling: rung, and on a rung that is called in turn the contact's place on it. Both from 0.
    Calling {
        /// The rung.
        rung: u32,
        /// The place on the rung.
        place: u32,
    },
    /// Between two rounds.
    Resting,
    /// A person has stopped the calls at this rung and place; they go on from there by themselves.
    Stopped {
        /// The rung.
        rung: u32,
        /// The place on the rung.
        place: u32,
    },
    /// The elder is asked whether all is well; without a key the alarm becomes urgent at `until`.
    Checking {
        /// When the asking ends.
        until: Timestamp,
    },
}

/// One alarm. Changed by [`Alarm::step`] and by nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Derived from what raised it, so that a replay asks for the same alarm again.
    pub id: AlarmId,
    /// Where.
    pub home: HomeId,
    /// Whom it is about: the elders of the home when it was raised.
    pub elders: Vec<ElderId>,
    /// What it is about.
    pub cause: Cause,
    /// How much it matters.
    pub level: Level,
    /// Where it stands.
    #[serde(flatten)]
    pub state: State,
    /// Where the ladder stands.
    pub ladder: Ladder,
    /// Completed rounds of the ladder.
    pub round: u32,
    /// Why it was raised (WHY-1).
    pub reason: Shared<Reason>,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When a person first took it; `None` until then, and for alarms of before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Timestamp>,
    /// When something happens if nobody acts (ALM-1). `None` only once closed.
    pub next_step_at: Option<Timestamp>,
    /// Who is called up next while nobody takes a red alarm, and when; `None`: nobody any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_up: Option<CallUp>,
    /// Distinct presses (events), from 1.
    pub presses: u32,
    /// Re-deliveries of the same events.
    pub copies: u32,
    /// When a device last took the call back. Shown, never closes (ALM-6).
    pub cancelled_at: Option<Timestamp>,
    /// Evidence that what it is about is over, by device. Shown; ends technical alarms alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<Over>,
    /// A drill or a canary: never reaches real contacts or statistics (ALM-8).
    pub test: bool,
    /// The devices that called, at most [`DEVICES_MAX`]: their lamps are told.
    pub devices: Vec<DeviceId>,
    /// The latest attempts, at most [`ATTEMPTS_MAX`].
    pub attempts: Shared<Vec<Attempt>>,
    /// The number of the next effect: effects are keyed by alarm and number (ALM-4).
    pub next_no: u32,
}

/// What the lamp of a button shows. It tells the truth: no help is promised before a person said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Help {
    /// A person has claimed the alarm.
    Taken,
    /// A person said to be on the way.
    Coming,
    /// A claim lapsed or was let go: nobody has it now.
    Waiting,
    /// The alarm is closed: the lamp goes out.
    Over,
}

/// What is to be done outside, written down before it is tried (ALM-4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// The effect's number within its alarm.
    pub no: u32,
    /// What.
    pub kind: EffectKind,
}

/// The kinds of effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    /// Call or tell a contact. Its number is the number of the [`Attempt`].
    Notify {
        /// Whom.
        contact: ContactId,
        /// By what.
        channel: ChannelName,
    },
    /// Tell the other end of an attempt that somebody else has taken the alarm, and hang up.
    Release {
        /// The attempt's number.
        attempt: u32,
        /// Its channel.
        channel: ChannelName,
    },
    /// Set a device's lamp.
    Lamp {
        /// Which device.
        device: DeviceId,
        /// To what.
        help: Help,
    },
}

/// What happens to an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// The same cause was reported again by a new event: a second press, or a worse level.
    Again(Raise),
    /// A copy of an event that was already counted.
    Copied,
    /// What it is about is over, as far as the evidence goes.
    Over(Over),
    /// The home took the call back.
    Cancelled,
    /// The key "I am well" was pressed in the home.
    Well,
    /// The channel began to work on an attempt.
    AttemptStarted {
        /// The attempt.
        attempt: u32,
    },
    /// The person at the other end of an attempt pressed the key that takes the alarm.
    Accepted {
        /// The attempt.
        attempt: u32,
    },
    /// An attempt is over.
    AttemptEnded {
        /// The attempt.
        attempt: u32,
        /// How it ended.
        outcome: AttemptOutcome,
    },
    /// Time went by. Does nothing before the deadline.
    TimePassed,
    /// Somebody takes the alarm at the console or on the one-time page.
    Claim {
        /// Who.
        by: Claimant,
    },
    /// The claimant gives the alarm to somebody else.
    HandOver {
        /// Who gives.
        by: Claimant,
        /// Who gets it.
        to: Claimant,
    },
    /// The claimant lets go: it rings again.
    LetGo {
        /// Who.
        by: Claimant,
    },
    /// A person says to be on the way.
    OnTheWay {
        /// Who.
        by: Claimant,
    },
    /// What was done is reported (the text is kept apart, encrypted).
    Report {
        /// Who.
        by: Claimant,
    },
    /// The alarm is closed.
    Close {
        /// Who.
        by: Claimant,
        /// What it was.
        outcome: String,
    },
    /// An operator wants the next step now instead of at its time.
    Skip,
    /// An operator stops the calls: what rings is hung up, and nobody is called for [`STOPPED_FOR`].
    Stop,
    /// An operator wants a contact of the plan to be called now, wherever the ladder stands.
    CallNow {
        /// Whom.
        contact: ContactId,
    },
}

/// Why a person's wish cannot be done now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is closed.
    #[error("the alarm is closed")]
    Closed,
    /// Somebody else has it.
    #[error("the alarm is claimed by {}", .0.id())]
    ClaimedBy(Claimant),
    /// Nobody has it: claim it first.
    #[error("the alarm is not claimed: claim it first")]
    NotClaimed,
    /// Nobody is being called that could be stopped.
    #[error("nobody is being called")]
    NotCalling,
}

impl Alarm {
    /// Raises an alarm: the first rung is called now (ALM-2).
    pub fn raise(id: AlarmId, home: HomeId, elders: Vec<ElderId>, raise: Raise, test: bool, plan: &Plan, now: Timestamp) -> (Self, Vec<Effect>) {
        let alarm = Self {
            id,
            home,
            elders,
            level: raise.level,
            state: State::Raised,
            ladder: Ladder::Resting,
            round: 0,
            reason: raise.reason.into(),
            raised_at: now,
            taken_at: None,
            next_step_at: Some(now),
            call_up: None,
            presses: 1,
            copies: 0,
            cancelled_at: None,
            over: Vec::new(),
            test,
            devices: raise.device.into_iter().collect(),
            attempts: Shared::default(),
            next_no: 1,
            cause: raise.cause,
        };
        alarm.start(plan, now)
    }

    /// When to wake it if nothing happens.
    pub fn deadline(&self) -> Option<Timestamp> {
        [self.next_step_at, self.call_up_at()].into_iter().flatten().min()
    }

    /// True until it is closed.
    pub fn is_open(&self) -> bool {
        match self.state {
            State::Raised | State::Claimed { .. } | State::Reported { .. } => true,
            State::Closed { .. } => false,
        }
    }

    /// The name of the state: raised, claimed, reported, closed.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            State::Raised => "raised",
            State::Claimed { .. } => "claimed",
            State::Reported { .. } => "reported",
            State::Closed { .. } => "closed",
        }
    }

    /// Who has it now, or had it last.
    pub fn claimant(&self) -> Option<&Claimant> {
        match &self.state {
            State::Raised => None,
            State::Claimed { by, .. } | State::Reported { by, .. } | State::Closed { by, .. } => Some(by),
        }
    }

    /// The rung that is being called, from 0; between two rounds the last one's successor, 0.
    pub fn rung(&self) -> u32 {
        match self.ladder {
            Ladder::Calling { rung, .. } | Ladder::Stopped { rung, .. } => rung,
            Ladder::Resting | Ladder::Checking { .. } => 0,
        }
    }

    /// Why a person's wish cannot be done, if it cannot. What happens by itself is never refused.
    pub fn refuses(&self, input: &Input) -> Option<Refusal> {
        let holder = match &self.state {
            State::Raised => None,
            State::Claimed { by, .. } | State::Reported { by, .. } => Some(by),
            State::Closed { .. } => {
                return match input {
                    Input::Claim { .. }
                    | Input::HandOver { .. }
                    | Input::LetGo { .. }
                    | Input::OnTheWay { .. }
                    | Input::Report { .. }
                    | Input::Close { .. }
                    | Input::Skip
                    | Input::Stop
                    | Input::CallNow { .. } => Some(Refusal::Closed),
                    Input::Again(_)
                    | Input::Copied
                    | Input::Over(_)
                    | Input::Cancelled
                    | Input::Well
                    | Input::AttemptStarted { .. }
                    | Input::Accepted { .. }
                    | Input::AttemptEnded { .. }
                    | Input::TimePassed => None,
                };
            }
        };
        match (input, holder) {
            // The centre may take over from a contact; between two people of the centre it is handed over.
            (Input::Claim { by: Claimant::Person(_) }, Some(Claimant::Contact(_))) => None,
            (Input::Claim { by }, Some(holder)) if by != holder => Some(Refusal::ClaimedBy(holder.clone())),
            (Input::Report { .. } | Input::HandOver { .. } | Input::LetGo { .. } | Input::OnTheWay { .. }, None) => Some(Refusal::NotClaimed),
            (Input::Close { .. }, None) if self.level != Level::Technical => Some(Refusal::NotClaimed),
            (Input::Skip | Input::Stop | Input::CallNow { .. }, Some(holder)) => Some(Refusal::ClaimedBy(holder.clone())),
            (Input::Stop, None) => match self.ladder {
                Ladder::Calling { .. } => None,
                Ladder::Resting | Ladder::Stopped { .. } | Ladder::Checking { .. } => Some(Refusal::NotCalling),
            },
            _ => None,
        }
    }
}
