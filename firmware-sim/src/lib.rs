//! Homes without hardware: firmware models of buttons and sensors, residents with a daily life, the
//! faults of the way in between, and a line over real MQTT.
//!
//! ```text
//! pure:   resident ──▶ home (button, sensors, each with an uplink) ──▶ town ──▶ way (faults)
//! async:  live (a town against a door) · replay (a recording) · press        ──▶ line (MQTT)
//! ```
//!
//! Everything above the line takes the time as an argument and is the same again from the same seed.

pub mod button;
pub mod clock;
pub mod fault;
pub mod home;
pub mod line;
pub mod live;
pub mod press;
pub mod record;
pub mod recording;
pub mod replay;
pub mod resident;
pub mod seed;
pub mod sensor;
pub mod town;
pub mod uplink;

pub use clock::Clock;
pub use fault::Faults;
pub use line::{Access, Address, Line};
pub use live::{Live, Progress};
pub use resident::Resident;
pub use seed::Seed;
pub use town::{Town, TownPlan};
