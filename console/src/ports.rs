//! What the console needs to know from the rest of the house beyond ledger and register. The binary hands in
//! adapters; the console never asks another room directly.

use async_trait::async_trait;
use care::home::{RoutineView, Rules, Told, Trial, View};
use care::{AlarmId, ContactId, DeviceId, ElderId, HomeId, Level, PersonId, TimeDelta, Timestamp};
use std::fmt;

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawMessage {
    /// Its topic.
    pub topic: String,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// When it reached us.
    pub heard_at: Timestamp,
}

/// The state of homes as the ingest keeps it.
#[async_trait]
pub trait Homes: Send + Sync {
    /// A home as it is seen now; `None` if it has never been heard.
    async fn view(&self, home: &HomeId) -> Option<View>;

    /// The homes that stand in the worklist after an outage of ours (SIL-2), at most `max`.
    async fn outage_worklist(&self, max: usize) -> Vec<View>;

    /// What was learned of a home; `None` if it has never been heard.
    async fn routine(&self, home: &HomeId) -> Option<RoutineView>;

    /// Tells a home something; when it returns, it is kept. Otherwise why not.
    async fn tell(&self, home: &HomeId, told: Told) -> Result<(), String>;

    /// The last messages of a device as they came, newest first, as far as they are remembered.
    async fn messages(&self, home: &HomeId, device: &DeviceId) -> Vec<RawMessage>;

    /// What rules would have said about the last `days` days of a home. Otherwise why that cannot be known.
    async fn trial(&self, home: &HomeId, rules: Rules, days: u32) -> Result<Vec<Trial>, String>;
}

/// How a part of the platform is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedState {
    /// As it should.
    Working,
    /// Works, but not as it should.
    Degraded,
    /// Does not work.
    Down,
}

/// The parts whose health stands in the header and in `/readyz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedKind {
    /// The event log.
    Log,
    /// The ledger.
    Ledger,
    /// The devices' door.
    Door,
    /// The way from log to facts.
    Ingest,
    /// A channel to people, by its name.
    Channel,
    /// The press that the platform gives itself every minute.
    Canary,
}

/// A figure that belongs to a part's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// How many homes are connected.
    Homes(u64),
    /// How far it is behind.
    Behind(TimeDelta),
    /// How long ago it last succeeded.
    Ago(TimeDelta),
    /// How many wait in it.
    Waiting(u64),
    /// How many of its routes do not work: trunks, addresses.
    RoutesDown(u64),
}

/// The health of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Which part.
    pub kind: FeedKind,
    /// The channel's name; empty for the others.
    pub name: String,
    /// How it is doing.
    pub state: FeedState,
    /// A figure to show beside it.
    pub figure: Option<Figure>,
}

/// What is asked of an identity provider.
#[derive(Debug)]
pub enum Question<'a> {
    /// To read an address.
    Get(&'a str),
    /// To take a form.
    Form {
        /// Where.
        address: &'a str,
        /// The form, encoded.
        body: String,
        /// The Authorization header.
        login: Option<String>,
    },
}

/// Asks an identity provider over HTTP. No redirects are followed; an answer is short and comes within seconds.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// The status and the body, or why there is none.
    async fn ask(&self, asked: Question<'_>) -> Result<(u16, Vec<u8>), String>;
}

/// The health of the platform's parts. Cheap: asked for with every page and probe.
pub trait Feeds: Send + Sync {
    /// The parts, in the order in which they are shown.
    fn feeds(&self) -> Vec<Feed>;
}

/// Figures for Prometheus.
pub trait Metrics: Send + Sync {
    /// The exposition text, complete with `# HELP` and `# TYPE`.
    fn text(&self) -> String;
}

/// How far an attempt to reach somebody has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The line is being set up.
    Dialling,
    /// It rings at the other end.
    Ringing,
    /// Somebody or something has answered; no key was pressed yet.
    Answered,
}

/// Something that a channel is doing for an alarm at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Underway {
    /// Who is being reached for.
    pub contact: ContactId,
    /// By what.
    pub channel: String,
    /// How far it has come.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
}

/// What the channels are doing at this moment.
pub trait Doing: Send + Sync {
    /// What is underway for an alarm.
    fn underway(&self, alarm: &AlarmId) -> Vec<Underway>;
}

/// Reads weather warnings.
pub trait Warnings: Send + Sync {
    /// The warnings in a message: strictly by CAP 1.2, else leniently in the dialect that weather services of China use.
    ///
    /// # Errors
    /// What is wrong with the message, in Chinese and in English.
    fn read(&self, message: &[u8]) -> Result<Vec<care::visit::warning::Warning>, (String, String)>;
}

/// Whom an operator wants to speak to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Party {
    /// An elder.
    Elder(ElderId),
    /// A contact.
    Contact(ContactId),
    /// An authority by its number: 110, 119, 120. Only ever asked for by a person.
    Authority(String),
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elder(id) => write!(f, "elder/{id}"),
            Self::Contact(id) => write!(f, "contact/{id}"),
            Self::Authority(number) => write!(f, "authority/{number}"),
        }
    }
}

/// Two people to be connected.
#[derive(Clone)]
pub struct Connection {
    /// The alarm that it is about.
    pub alarm: AlarmId,
    /// Its home.
    pub home: HomeId,
    /// How grave it is.
    pub level: Level,
    /// Whose own phone rings first.
    pub operator: PersonId,
    /// Their sign-in name.
    pub operator_name: String,
    /// Who is called then.
    pub to: Party,
    /// At which number: never logged.
    pub number: String,
}

/// Why nobody can be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoConnection {
    /// No phone of the operator's is known.
    NoHandset,
    /// There is no line to call by.
    NoTrunk,
}

/// The operators' own line.
pub trait Switchboard: Send + Sync {
    /// Begins to ring the operator's own phone, and returns. How it ended is noted at the alarm.
    ///
    /// # Errors
    /// If it cannot even begin.
    fn connect(&self, ask: Connection) -> Result<(), NoConnection>;
}

/// Where there is no trunk.
pub struct NoSwitchboard;

impl Switchboard for NoSwitchboard {
    fn connect(&self, _ask: Connection) -> Result<(), NoConnection> {
        Err(NoConnection::NoTrunk)
    }
}
