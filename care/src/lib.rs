//! The rules of Hearthline: what a signal means, when silence is an alarm, whom to call next, which
//! visit is owed. Pure: no clock, no I/O, no threads, no random order. Time is an argument, effects
//! are data, and every decision carries its [`Reason`].

pub mod alarm;
pub mod area;
pub mod calendar;
pub mod cause;
pub mod district;
pub mod home;
pub mod id;
pub mod office;
pub mod person;
pub mod plan;
pub mod policy;
pub mod reason;
pub mod shared;
pub mod signal;
pub mod visit;

pub use alarm::Alarm;
pub use cause::{Cause, Level};
pub use id::{AlarmId, ContactId, DeviceId, ElderId, EventId, HomeId, PersonId};
pub use reason::{Language, Reason};
pub use shared::Shared;
pub use signal::{Lane, Signal, SignalKind, Value};

/// An instant, always UTC. Local days exist only in the calendar module.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// A length of time, never a bare integer.
pub use chrono::TimeDelta;
