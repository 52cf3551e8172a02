//! What a hub is started with.

use crate::spool::Room;
use care::{DeviceId, HomeId};
use gateway::{BridgeSettings, Credential, Listener};
use rustls::ClientConfig;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A hub.
pub struct Settings {
    /// The home that it speaks for.
    pub home: HomeId,
    /// Its own name among the home's devices.
    pub name: DeviceId,
    /// The folder of the spool.
    pub folder: PathBuf,
    /// How much the spool may take.
    pub room: Room,
    /// The ways to the platform, the preferred one first; at least one.
    pub paths: Vec<Path>,
    /// User name and password at the platform; without them the certificate alone.
    pub login: Option<(String, String)>,
    /// The devices' door in the home.
    pub door: Option<Door>,
    /// The home's broker.
    pub broker: Option<BridgeSettings>,
    /// What devices are, in the register's words: name, kind, at the exit door.
    pub declared: Vec<(String, String, bool)>,
    /// How often it says that it lives.
    pub heartbeat: Duration,
    /// What happens when nobody can hear the home.
    pub unheard: Unheard,
}

/// A way to the platform.
#[derive(Debug, Clone)]
pub struct Path {
    /// `wired`, `4g`.
    pub name: String,
    /// The platform's host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// TLS; without it only on loopback, or by written waiver.
    pub tls: Option<Arc<ClientConfig>>,
    /// The network interface that this way goes through.
    pub interface: Option<String>,
    /// The address of ours that it leaves from.
    pub from: Option<IpAddr>,
}

/// A door of its own.
pub struct Door {
    /// Where it listens.
    pub listener: Listener,
    /// Who may come in.
    pub credentials: Vec<Credential>,
}

/// What happens in the home when nobody can hear it, and when it is heard again.
#[derive(Debug, Clone)]
pub struct Unheard {
    /// After how long a silence of the platform.
    pub after: Duration,
    /// Messages to devices of the home: topic, payload when unheard, payload when heard again.
    pub publish: Vec<(String, String, String)>,
    /// A program that is run with `unheard` or `heard` as its last argument.
    pub command: Vec<String>,
}
