//! One call to one person, seen from this side of the wire: what may be ordered, what is told, and how it can end.
//!
//! ```text
//! Dialling ──1xx──▶ Ringing / early media ──200──▶ Talking ──key 1, stored──▶ Details ──▶ over
//!    │ no word in 7 s       │ rings 28 s              │ key 2, wrong keys, no key, hung up
//!    ▼                      ▼ CANCEL (a late 200 is    ▼
//!  next trunk             no answer   ACKed and ended)  next contact
//! ```

use super::audio::Pcm;
use super::keys::Via;
use care::alarm::AttemptOutcome;
use care::{Level, Timestamp};
use serde::Serialize;
use std::time::Duration;
use tokio::sync::mpsc;

/// The times of a leg.
#[derive(Debug, Clone)]
pub struct LegTimers {
    /// Without a word from the trunk for this long, the next trunk is tried.
    pub no_word: Duration,
    /// How long it rings. Shorter than the carrier forwards to its voicemail.
    pub ring: Duration,
    /// How long an answered call may last without a key.
    pub talk: Duration,
    /// Silence before the first word: the phone is on its way to the ear.
    pub lead_in: Duration,
    /// Silence between two times of saying it.
    pub gap: Duration,
    /// How often it is said.
    pub repeats: u32,
    /// How long a key is awaited after the last word.
    pub tail: Duration,
    /// Wrong keys before the call is ended.
    pub wrong_keys: u32,
    /// How long the details may take after the key.
    pub details: Duration,
    /// How long a bridged conversation may last.
    pub bridge: Duration,
}

impl Default for LegTimers {
    fn default() -> Self {
        Self {
            no_word: Duration::from_secs(7),
            ring: Duration::from_secs(28),
            talk: Duration::from_secs(75),
            lead_in: Duration::from_millis(500),
            gap: Duration::from_secs(2),
            repeats: 3,
            tail: Duration::from_secs(5),
            wrong_keys: 3,
            details: Duration::from_secs(90),
            bridge: Duration::from_secs(1_800),
        }
    }
}

/// What the conversation orders of a call. When the sender is gone, the call is hung up.
#[derive(Debug)]
pub enum Order {
    /// Say this from its beginning, in place of what is being said.
    Say {
        /// Told back when it has been said.
        no: u32,
        /// The sound.
        what: Pcm,
    },
    /// Send all that is heard to there.
    Hear(mpsc::Sender<Vec<i16>>),
    /// Say what comes from there; ends what is being said.
    Pass(mpsc::Receiver<Vec<i16>>),
    /// Hang up.
    HangUp,
}

/// What a call tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The trunk has it.
    Trying,
    /// It rings at the other end, or the network speaks.
    Ringing,
    /// Answered, by a person or by a machine.
    Answered,
    /// A key, after the answer.
    Key(char, Via),
    /// What was ordered under this number has been said.
    Said(u32),
    /// The other end has hung up.
    HungUp,
    /// It did not come to an answer.
    Failed(Failure),
}

/// Why a call did not come to an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The other end's final answer.
    Status {
        /// The SIP status code.
        code: u16,
        /// It rang before.
        rang: bool,
        /// A credential was asked for.
        challenged: bool,
    },
    /// Nothing could be sent, or nothing came back.
    Transport(String),
    /// Nothing that both can speak.
    Media,
}

/// Both ends of a call: orders to it, and what it tells.
pub struct Wire {
    /// Orders.
    pub orders: mpsc::UnboundedSender<Order>,
    /// What is told.
    pub told: mpsc::UnboundedReceiver<Told>,
    /// What the wire counts.
    pub facts: std::sync::Arc<std::sync::Mutex<WireFacts>>,
}

impl Wire {
    /// What the wire has counted so far.
    pub fn facts(&self) -> WireFacts {
        self.facts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Orders something; a call that is gone tells so itself.
    pub fn order(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::trace!("the call is gone");
        }
    }
}

/// What a wire counts: for the record and for the trunk's figures, nothing personal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WireFacts {
    /// The call's name in SIP, to be found in the carrier's records.
    pub call_id: String,
    /// The last status code.
    pub status: u16,
    /// RTP packets sent.
    pub sent: u64,
    /// RTP packets received after the answer.
    pub received: u64,
    /// RTP packets that are missing between those received.
    pub lost: u64,
    /// RTP packets in early media.
    pub early: u64,
    /// Something was said at the other end.
    pub heard_audio: bool,
    /// Packets that were sent more than 5 ms late.
    pub late_5ms: u64,
    /// Packets that were sent more than 20 ms late.
    pub late_20ms: u64,
}

/// How a leg ended. Only the first stops the calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LegOutcome {
    /// A key after the answer, and the ledger has it (ALM-3).
    Acknowledged(Via),
    /// The key, but somebody else was faster.
    TooLate,
    /// Key 2.
    PassedOn,
    /// Only wrong keys.
    WrongKey,
    /// Answered, no key: perhaps a voicemail.
    NoKey,
    /// Answered and hung up without a key.
    HungUp,
    /// Engaged.
    Busy,
    /// Refused at the phone.
    Declined,
    /// It rang, nobody answered.
    NoAnswer,
    /// The number does not exist or is switched off.
    Unreachable(u16),
    /// Somebody else has the alarm.
    Released,
    /// The trunk does not work: the next trunk is tried.
    RouteDown(String),
    /// The trunk refuses who we are: the next trunk is tried.
    AuthFailed(u16),
    /// Every channel of the trunk is taken: the next trunk is tried.
    RouteFull,
}

impl LegOutcome {
    /// What a failure means.
    pub fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Transport(why) => Self::RouteDown(why.clone()),
            Failure::Media => Self::RouteDown("no common codec".into()),
            Failure::Status { code, rang, challenged } => match code {
                401 | 407 => Self::AuthFailed(*code),
                403 if *challenged => Self::AuthFailed(403),
                486 | 600 => Self::Busy,
                603 | 403 => Self::Declined,
                480 | 487 | 408 if *rang => Self::NoAnswer,
                408 => Self::RouteDown("time-out".into()),
                488 | 606 | 415 | 500..=599 | 420 => Self::RouteDown(format!("status {code}")),
                _ => Self::Unreachable(*code),
            },
        }
    }

    /// True if the fault is the trunk's, so that the same person is called by the next one.
    pub fn is_the_routes_fault(&self) -> bool {
        match self {
            Self::RouteDown(_) | Self::AuthFailed(_) | Self::RouteFull => true,
            Self::Acknowledged(_)
            | Self::TooLate
            | Self::PassedOn
            | Self::WrongKey
            | Self::NoKey
            | Self::HungUp
            | Self::Busy
            | Self::Declined
            | Self::NoAnswer
            | Self::Unreachable(_)
            | Self::Released => false,
        }
    }

    /// What the alarm is told of it.
    pub fn attempt(&self) -> AttemptOutcome {
        match self {
            Self::Acknowledged(_) => AttemptOutcome::Accepted,
            Self::TooLate => AttemptOutcome::TooLate,
            Self::PassedOn => AttemptOutcome::PassedOn,
            Self::WrongKey => AttemptOutcome::WrongKey,
            Self::NoKey | Self::HungUp => AttemptOutcome::NoKey,
            Self::Busy => AttemptOutcome::Busy,
            Self::Declined => AttemptOutcome::Declined,
            Self::NoAnswer => AttemptOutcome::NoAnswer,
            Self::Unreachable(_) => AttemptOutcome::Unreachable,
            Self::Released => AttemptOutcome::Released,
            Self::RouteDown(_) | Self::AuthFailed(_) | Self::RouteFull => AttemptOutcome::ChannelDown,
        }
    }

    /// A word for the record.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Acknowledged(_) => "acknowledged",
            Self::TooLate => "too_late",
            Self::PassedOn => "passed_on",
            Self::WrongKey => "wrong_key",
            Self::NoKey => "no_key",
            Self::HungUp => "hung_up",
            Self::Busy => "busy",
            Self::Declined => "declined",
            Self::NoAnswer => "no_answer",
            Self::Unreachable(_) => "unreachable",
            Self::Released => "released",
            Self::RouteDown(_) => "route_down",
            Self::AuthFailed(_) => "auth_failed",
            Self::RouteFull => "route_full",
        }
    }
}

/// How far a leg has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegPhase {
    /// The line is being set up.
    Dialling,
    /// It rings.
    Ringing,
    /// Answered, no key yet.
    Talking,
    /// The key is stored; the details are said.
    Details,
}

/// What is to be done on a leg.
#[derive(Debug, Clone)]
pub struct LegRequest {
    /// Whom to call.
    pub number: super::number::Number,
    /// How grave the alarm is: red ones draw on the trunk's reserve.
    pub level: Level,
    /// The times.
    pub timers: LegTimers,
}

/// What came of a leg.
#[derive(Debug, Clone, PartialEq)]
pub struct LegReport {
    /// How it ended.
    pub outcome: LegOutcome,
    /// When it began to ring, was answered, and the key was stored.
    pub rang_at: Option<Timestamp>,
    /// See above.
    pub answered_at: Option<Timestamp>,
    /// See above.
    pub key_at: Option<Timestamp>,
    /// The keys that were pressed after the answer.
    pub keys: String,
    /// What was said, as text.
    pub said: Vec<String>,
    /// What the wire counted.
    pub wire: WireFacts,
}

impl LegReport {
    /// A leg that never was.
    pub fn none(outcome: LegOutcome) -> Self {
        Self { outcome, rang_at: None, answered_at: None, key_at: None, keys: String::new(), said: Vec::new(), wire: WireFacts::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_final_answer_has_a_meaning_and_only_faults_of_the_trunk_go_to_the_next_one() {
        let of = |code, rang, challenged| LegOutcome::of(&Failure::Status { code, rang, challenged });
        use LegOutcome::{AuthFailed, Busy, Declined, NoAnswer, RouteDown, Unreachable};
        assert_eq!([of(486, true, false), of(600, false, false)], [Busy, Busy]);
        assert_eq!([of(603, true, false), of(403, false, false)], [Declined, Declined]);
        assert_eq!([of(403, false, true), of(401, false, true), of(407, false, false)], [AuthFailed(403), AuthFailed(401), AuthFailed(407)]);
        assert_eq!([of(480, true, false), of(487, true, false), of(408, true, false)], [NoAnswer, NoAnswer, NoAnswer]);
        assert_eq!([of(480, false, false), of(404, false, false), of(484, false, false), of(302, false, false)], [Unreachable(480), Unreachable(404), Unreachable(484), Unreachable(302)]);
        for code in [408, 488, 500, 503, 504] {
            assert!(matches!(of(code, false, false), RouteDown(_)), "{code}");
            assert!(of(code, false, false).is_the_routes_fault());
        }
        assert!(!of(404, false, false).is_the_routes_fault());
    }
}
