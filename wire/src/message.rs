//! What comes in and what goes out of a decoder: the seam between the doors, the log's readers and
//! the languages.

use crate::{Described, Fault, Language};
use care::{HomeId, Signal, Timestamp};

/// What the credential says about who speaks: native topics name their home themselves, foreign
/// languages have no home in their topics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// The home of a hub's or device's credential.
    pub home: Option<HomeId>,
    /// The language that the credential was given for, where it was given for one.
    pub language: Option<Language>,
}

/// One message as it was published.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The home of the credential it came with. A native topic names its home itself and wins: the
    /// door has already checked that the credential may speak for it.
    pub home: Option<&'a HomeId>,
    /// The topic, as published.
    pub topic: &'a str,
    /// The payload, as published.
    pub payload: &'a [u8],
    /// When it reached us.
    pub heard_at: Timestamp,
    /// Whether this is a broker's stored copy.
    pub retained: Retained,
}

/// Whether a message is fresh or a stored copy that a broker hands to every new subscriber. The
/// retain flag on what a *device* publishes to our own door is a wish to store: that is [`Retained::No`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Retained {
    /// Fresh.
    #[default]
    No,
    /// A stored copy: it says how things stand, it is no sign of life.
    Yes,
}

/// What a message means.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// Signals, at least one.
    Signals(Vec<Signal>),
    /// A description of devices was taken into the home's [`crate::Learned`].
    Learned(Lesson),
    /// Understood, and nothing to say: commands, logs, stored copies of old movement.
    Nothing,
    /// Not (wholly) understood: to be kept and shown with its reason. What could be understood, and
    /// every call that may be in it, is in `signals` and counts.
    Quarantine {
        /// Why.
        fault: Fault,
        /// What counts nevertheless.
        signals: Vec<Signal>,
    },
}

impl Decoded {
    /// The signals that count, quarantined or not.
    pub fn signals(&self) -> &[Signal] {
        match self {
            Self::Signals(signals) | Self::Quarantine { signals, .. } => signals,
            Self::Learned(_) | Self::Nothing => &[],
        }
    }

    /// From what was found and the first fault on the way.
    pub(crate) fn from_parts(signals: Vec<Signal>, fault: Option<Fault>) -> Self {
        match fault {
            Some(fault) => Self::Quarantine { fault, signals },
            None if signals.is_empty() => Self::Nothing,
            None => Self::Signals(signals),
        }
    }
}

/// What a describing message taught.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    /// The language that it came in.
    pub language: Language,
    /// The devices that are known (better) now.
    pub devices: Vec<Described>,
    /// How many devices were left out because a limit was reached.
    pub left_out: usize,
}
