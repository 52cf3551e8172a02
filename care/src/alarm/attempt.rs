//! One attempt to reach one contact about one alarm, and how it ended.

use crate::plan::ChannelName;
use crate::{ContactId, Reason, Timestamp};
use serde::{Deserialize, Serialize};

/// How an attempt ended. Only [`AttemptOutcome::Accepted`] is a person's acknowledgement (ALM-3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// A person pressed the key that takes the alarm, after the answer.
    Accepted,
    /// A person pressed the key, but somebody else had the alarm already.
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
    /// The number or address does not exist or cannot be reached.
    Unreachable,
    /// The channel itself failed: the contact's next channel is tried at once.
    ChannelDown,
    /// A message was handed over. Not an acknowledgement: a receipt never is.
    Delivered,
    /// Ended by us because somebody else took the alarm.
    Released,
    /// What became of it is not known (a crash, a lost answer): it counts as failed.
    Unknown,
}

impl AttemptOutcome {
    /// True if the rung may go on at once: this contact will not answer this attempt any more. A delivered
    /// message leaves its contact the time of the rung.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::PassedOn
            | Self::NoKey
            | Self::WrongKey
            | Self::NoAnswer
            | Self::Busy
            | Self::Declined
            | Self::Unreachable
            | Self::ChannelDown
            | Self::Unknown => true,
            Self::Accepted | Self::TooLate | Self::Delivered | Self::Released => false,
        }
    }
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number: the number of the effect that asked for it.
    pub no: u32,
    /// Whom.
    pub contact: ContactId,
    /// By what.
    pub channel: ChannelName,
    /// Why, if it is not the ladder that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Reason>,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When the channel began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<AttemptOutcome>,
}

impl Attempt {
    /// True while an outcome is awaited.
    pub fn is_open(&self) -> bool {
        self.outcome.is_none()
    }
}
