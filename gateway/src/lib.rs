//! The devices' door: an MQTT 3.1.1 and 5 endpoint of our own that acknowledges only what is durable (ACK-1).
//!
//! ```text
//!  listener ─▶ arrival (TLS, CONNECT, keys) ─▶ connection ─▶ event log ─▶ ack
//!                                                  │  ▲
//!                                                  ▼  │
//!                                        routes ─▶ sessions ─▶ other connections
//! ```
//! What a restart forgets: sessions, subscriptions, queued and retained messages, half-done QoS 2 hand-overs.
//! What it never forgets: anything that was acknowledged. Clients find out by `session present = 0` and
//! subscribe again; words to devices are kept and repeated by whoever sent them.

mod arrival;
mod bridge;
mod codec;
mod connection;
mod counters;
mod door;
mod encode;
mod filter;
mod hall;
mod keys;
mod limits;
mod link;
mod message;
mod passwords;
pub mod probe;
pub mod receiver;
mod routes;
mod session;
mod stream;
mod tls;

pub use bridge::{BridgeCount, BridgeError, BridgeHandle, BridgeSettings, BrokerVersion, Lodger};
pub use counters::Count;
pub use door::{Door, DoorError, DoorHandle, DoorSettings, Lanes, Listener, PlainLanes, Protection, Retain, Welcome};
pub use keys::{Grant, Hello, Homes, Keys, OpenKeys, Refused, Rights};
pub use limits::{Limits, Rate, Share};
pub use passwords::{Credential, HashError, ListedKeys, Passwords, hash_password};
pub use tls::{Tls, TlsError};
