//! The home hub: the platform's door in the elder's home. It hears devices of any language, keeps what they say on its
//! disk before it acknowledges, translates it into the native language, and forwards it on the best of two paths.
//! It decides nothing about people: that is the platform's.
//!
//! ```text
//!  devices ──▶ gateway::Door ──┐                                        ┌─▶ wired ─▶
//!  broker  ──▶ gateway::Bridge ┴▶ intake ▶ writer ▶ spool ▶ uplink ▶ paths          the platform's door
//!                              (translate)  (fsync)   │      │          └─▶ 4G ────▶
//!                                              PUBACK ◀┘      └▶ local: "nobody can hear you now"
//! ```
//!
//! Pure, with time as an argument: `frame`, `time`, `spool` (on any [`disk::Disk`]), `intake`, `forward`, `paths`, `heard`, `remote`.
//! Shells: `writer`, `uplink`, `local`, `run`.

pub mod disk;
pub mod forward;
pub mod frame;
pub mod heard;
pub mod intake;
mod line;
mod local;
pub mod paths;
pub mod remote;
mod run;
pub mod settings;
pub mod spool;
pub mod testing;
pub mod time;
pub mod tls;
mod uplink;
mod writer;

pub use run::{Hub, HubError};
pub use settings::Settings;
pub use uplink::State;
