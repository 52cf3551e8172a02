//! The plan of action: whom to call about an alarm, in which order, how long to wait for each.
//! A plan holds no names and no numbers: contacts by id, channels by name.

mod enough;
mod hours;

pub use enough::{AUTHORITY_NUMBERS, CONTACTS_MIN, Lack, ROUND_THE_CLOCK, SPEAKING_DEVICE, is_authority_number, is_round_the_clock, lack};
pub use hours::{Hours, ROTA, Rota, SHIFTS_MAX, Shift, rota_of};

use crate::{ContactId, TimeDelta, Timestamp};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

crate::id::id!(/// The ways out of the building, by the name of their driver.
    ChannelName);

impl ChannelName {
    /// A telephone call that a person can answer with a key.
    pub const VOICE: &'static str = "voice";
    /// A signed HTTP request.
    pub const WEBHOOK: &'static str = "webhook";
    /// The lamp of the device that called.
    pub const DEVICE: &'static str = "device";
    /// A text message, by whichever driver is configured.
    pub const SMS: &'static str = "sms";
    /// An e-mail.
    pub const EMAIL: &'static str = "email";
    /// A browser's push message.
    pub const PUSH: &'static str = "push";
    /// A push message by an ntfy server.
    pub const NTFY: &'static str = "ntfy";
    /// A group robot of WeCom, DingTalk or Feishu.
    pub const ROBOT: &'static str = "robot";
    /// A CAP 1.2 document by HTTP.
    pub const CAP: &'static str = "cap";
    /// A report to an existing receiving centre, by SIA DC-09.
    pub const DC09: &'static str = "dc09";
}

/// Somebody on a rung, with the channels to reach them, the best first: if a channel is down the next
/// one is tried at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RungContact {
    /// Who.
    pub contact: ContactId,
    /// How, in order of preference. Never empty in a valid plan.
    pub channels: Vec<ChannelName>,
}

/// How the contacts of a rung are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// One after the other.
    InTurn,
    /// All of the rung together; the first who accepts wins (ALM-2).
    AtOnce,
}

/// One step of the ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Who is called on this rung.
    pub contacts: Vec<RungContact>,
    /// In turn or at once.
    pub order: Order,
    /// How long one call may take before the next contact is tried as well. 5 s to 1 h.
    #[serde(with = "seconds", rename = "wait_s")]
    pub wait: TimeDelta,
}

/// The elder is called first: "press 1 if all is well".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckCall {
    /// How the elder is reached, the best first.
    pub channels: Vec<ChannelName>,
    /// Without the key within this the alarm becomes urgent. 1 min to 2 h.
    #[serde(with = "seconds", rename = "within_s")]
    pub within: TimeDelta,
    /// How soon an elder who did not answer is called again. 1 min to `within`.
    #[serde(with = "seconds", rename = "again_s")]
    pub again: TimeDelta,
}

impl Default for CheckCall {
    fn default() -> Self {
        Self { channels: vec![ChannelName::VOICE.into()], within: TimeDelta::minutes(15), again: TimeDelta::minutes(4) }
    }
}

impl CheckCall {
    /// The daily call of an elder who asked for it: five times within the hour, then the circle.
    pub fn daily() -> Self {
        Self { within: TimeDelta::minutes(60), again: TimeDelta::minutes(12), ..Self::default() }
    }
}

/// Whom to call about an alarm of one kind in one home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The ladder, first rung first. Empty: the operators' queue alone.
    pub rungs: Vec<Rung>,
    /// Pause after the last rung before it goes round again (ALM-5); doubles each round up to `round_pause_max`.
    #[serde(with = "seconds", rename = "round_pause_s")]
    pub round_pause: TimeDelta,
    /// The longest pause between two rounds.
    #[serde(with = "seconds", rename = "round_pause_max_s")]
    pub round_pause_max: TimeDelta,
    /// A claimed alarm without a report after this comes back (ALM-5).
    #[serde(with = "seconds", rename = "report_within_s")]
    pub report_within: TimeDelta,
    /// A reported alarm that is not closed after this is shown again as overdue.
    #[serde(with = "seconds", rename = "close_within_s")]
    pub close_within: TimeDelta,
    /// An attention alarm calls the elder first; `None` = the ladder at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_call: Option<CheckCall>,
    /// How those are reached to whom a red alarm goes that nobody takes, the best first; empty: on their screens alone.
    #[serde(default = "call_up", skip_serializing_if = "is_call_up")]
    pub call_up: Vec<ChannelName>,
    /// When a contact may be called; who is not named here may be called at any time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hours: BTreeMap<ContactId, Vec<Hours>>,
    /// The zone of `hours`.
    #[serde(default = "shanghai", skip_serializing_if = "is_shanghai")]
    pub zone: String,
}

fn call_up() -> Vec<ChannelName> {
    vec![ChannelName::VOICE.into(), ChannelName::SMS.into()]
}

fn is_call_up(channels: &Vec<ChannelName>) -> bool {
    *channels == call_up()
}

fn shanghai() -> String {
    "Asia/Shanghai".to_owned()
}

fn is_shanghai(zone: &String) -> bool {
    *zone == shanghai()
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            rungs: Vec::new(),
            round_pause: TimeDelta::seconds(60),
            round_pause_max: TimeDelta::minutes(10),
            report_within: TimeDelta::minutes(15),
            close_within: TimeDelta::hours(8),
            check_call: None,
            call_up: call_up(),
            hours: BTreeMap::new(),
            zone: shanghai(),
        }
    }
}

/// Most contacts a rung may hold, and most rungs a plan may hold (LIM-1).
pub const RUNGS_MAX: usize = 16;

/// What is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A rung has nobody to call.
    #[error("rung {0} has no contacts")]
    EmptyRung(usize),
    /// A contact has no channel.
    #[error("contact {0} has no channel")]
    NoChannel(ContactId),
    /// A time is outside its range.
    #[error("{0} is outside its range")]
    OutOfRange(&'static str),
    /// More rungs, or more contacts on one rung, than [`RUNGS_MAX`].
    #[error("more than {RUNGS_MAX} rungs or contacts on one rung")]
    TooMany,
}

impl Plan {
    /// Checks the plan once, where it comes in; [`crate::alarm`] trusts it afterwards.
    pub fn check(&self) -> Result<(), PlanError> {
        if self.rungs.len() > RUNGS_MAX || self.rungs.iter().any(|r| r.contacts.len() > RUNGS_MAX) {
            return Err(PlanError::TooMany);
        }
        for (i, rung) in self.rungs.iter().enumerate() {
            if rung.contacts.is_empty() {
                return Err(PlanError::EmptyRung(i));
            }
            if let Some(c) = rung.contacts.iter().find(|c| c.channels.is_empty()) {
                return Err(PlanError::NoChannel(c.contact.clone()));
            }
            if !(TimeDelta::seconds(5)..=TimeDelta::hours(1)).contains(&rung.wait) {
                return Err(PlanError::OutOfRange("rung wait (5 s to 1 h)"));
            }
        }
        let ranges = [
            ("round_pause (10 s to 1 h)", self.round_pause, TimeDelta::seconds(10), TimeDelta::hours(1)),
            ("round_pause_max (round_pause to 6 h)", self.round_pause_max, self.round_pause, TimeDelta::hours(6)),
            ("report_within (1 min to 24 h)", self.report_within, TimeDelta::minutes(1), TimeDelta::hours(24)),
            ("close_within (1 min to 7 d)", self.close_within, TimeDelta::minutes(1), TimeDelta::days(7)),
        ];
        for (name, value, least, most) in ranges {
            if value < least || value > most {
                return Err(PlanError::OutOfRange(name));
            }
        }
        if let Some(check) = &self.check_call {
            if check.channels.is_empty() || check.channels.len() > RUNGS_MAX {
                return Err(PlanError::OutOfRange("check_call.channels (1 to 16)"));
            }
            if !(TimeDelta::minutes(1)..=TimeDelta::hours(2)).contains(&check.within) || !(TimeDelta::minutes(1)..=check.within).contains(&check.again) {
                return Err(PlanError::OutOfRange("check_call (within 1 min to 2 h, again 1 min to within)"));
            }
        }
        if self.call_up.len() > RUNGS_MAX {
            return Err(PlanError::OutOfRange("call_up (at most 16 channels)"));
        }
        let sound = self.hours.values().all(|h| !h.is_empty() && h.len() <= SHIFTS_MAX && h.iter().all(Hours::is_sound));
        if !sound || self.hours.len() > RUNGS_MAX * RUNGS_MAX {
            return Err(PlanError::OutOfRange("hours (minutes 0 to 1440, days 1 to 7)"));
        }
        if self.zone.parse::<Tz>().is_err() {
            return Err(PlanError::OutOfRange("zone (like Asia/Shanghai)"));
        }
        Ok(())
    }

    /// Who of a rung may be called at `now`. If that is nobody of the whole ladder, the hours do not count: they are a
    /// courtesy, and never a reason that an alarm rings nowhere (ALM-7).
    pub fn callable<'a>(&'a self, rung: &'a Rung, now: Timestamp) -> Vec<&'a RungContact> {
        let zone: Tz = self.zone.parse().unwrap_or(chrono_tz::Asia::Shanghai);
        let awake = |c: &&RungContact| self.hours.get(&c.contact).is_none_or(|h| h.iter().any(|h| h.hold(now, zone)));
        if self.hours.is_empty() || !self.rungs.iter().flat_map(|r| &r.contacts).any(|c| awake(&c)) {
            return rung.contacts.iter().collect();
        }
        rung.contacts.iter().filter(awake).collect()
    }

    /// The pause before round `round` (from 1).
    pub fn pause_before(&self, round: u32) -> TimeDelta {
        let doubled = self.round_pause * 2i32.saturating_pow(round.saturating_sub(1).min(10));
        doubled.min(self.round_pause_max)
    }
}

/// Serde for spans as whole seconds, the unit in the field's name (`_s`).
pub mod seconds {
    use crate::TimeDelta;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes whole seconds.
    pub fn serialize<S: Serializer>(span: &TimeDelta, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(span.num_seconds())
    }

    /// Reads whole seconds.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<TimeDelta, D::Error> {
        let seconds = i64::deserialize(from)?;
        TimeDelta::try_seconds(seconds).ok_or_else(|| serde::de::Error::custom("seconds out of range"))
    }
}
