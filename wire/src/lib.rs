//! Device languages: what devices put on the wire, as bytes, on one side; [`care::Signal`] on the
//! other. Pure: no sockets, no clock; time is handed in with each message.
//!
//! ```text
//!  topic, payload ──▶ lane()    red or routine, before the commit          (LANE-1)
//!                 ──▶ decode()  signals | a lesson | nothing | quarantine  (a call on a bad payload is a call)
//! ```
//!
//! One file per language. A language that describes its devices (zigbee2mqtt, Home Assistant
//! discovery) teaches a [`Learned`] per home first; nothing here knows any model by name.

pub mod cap;
mod chirpstack;
pub mod dc09;
mod decode;
mod fault;
mod homeassistant;
mod json;
pub mod language;
mod learned;
mod meaning;
mod message;
pub mod native;
mod pack;
pub mod scaip;
pub mod sheet;
mod shelly;
mod speaker;
mod tasmota;
pub mod workbook;
mod zigbee2mqtt;

pub use decode::{decode, lane, teaches, told};
pub use fault::Fault;
pub use language::Language;
pub use learned::{Described, Learned, Role};
pub use care::Lane;
pub use message::{Decoded, Lesson, Message, Retained, Source};
pub use native::home_of;
pub use pack::pack;

/// Largest payload that is read as a message, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// Largest payload that is read as a description of devices, in bytes: `bridge/devices` names
/// every device of a home with all that it can say.
pub const LESSON_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Longest identity that a message may give itself, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
