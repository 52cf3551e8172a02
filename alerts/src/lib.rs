//! Alarms go out: the engine keeps the stored deadlines, delivers the outbox through the channels and brings each
//! result back to its alarm. One file for each channel; [`self_audit`] and [`canary`] watch the whole,
//! [`district`] finds the one cause of many homes' silence; [`patrol`] lets one process of many do both.
//!
//! ```text
//!  ledger ──due──▶ Engine ──EffectTrying + AttemptStarted──▶ Channel::deliver ──▶ a person
//!     ▲               │                                            │
//!     └── outcome + EffectDone ◀───────── Taken, before "confirmed" ┘
//! ```

pub mod breaker;
pub mod canary;
pub mod cap;
pub mod channel;
pub mod dc09;
pub mod directory;
pub mod district;
pub mod email;
pub mod engine;
pub mod exchange;
pub mod ntfy;
pub mod patrol;
pub mod platform;
pub mod poster;
pub mod push;
pub mod robot;
pub mod self_audit;
pub mod sms;
pub mod tls;
pub mod well;
#[cfg(test)]
mod testing;
pub mod voice;
pub mod webhook;
pub mod words;

pub use channel::{Channel, Delivery, EffectKey, Health, Job, Reconciled, Take, Taken};
pub use directory::{Directory, RegisterDirectory};
pub use engine::{Engine, EngineSettings};
