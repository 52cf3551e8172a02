//! A home: what it said, who is in, how long it may be silent.

use crate::cause::Raise;
use crate::reason::Row;
use crate::{HomeId, Signal, Timestamp};

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
}

/// What a home asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// An alarm is to be raised (or an open one of its cause to be told of it).
    Raise(Raise),
}

/// Reasons that this module gives.
pub const REASONS: &[Row] = &[];

/// The state of one home, at most 2 KB encoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Home {
    /// Which.
    pub id: HomeId,
}
