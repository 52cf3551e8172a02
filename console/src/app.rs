//! What every handler can reach: the parts that the binary handed in, and the console's own memory.

use crate::caller::Caller;
use crate::directory::Directory;
use crate::limits::{ENDED_KEPT, Failures, PLACES_KEPT};
use crate::live::Live;
use crate::pages::queue::Queues;
use crate::password::{Checker, PasswordError};
use crate::places::Places;
use crate::office::Office;
use crate::ports::{Doing, Feeds, Homes, Metrics, Warnings, Switchboard};
use crate::problem::Problem;
use crate::people::factor::SecondFactor;
use crate::people::provider::{Provider, Way};
use crate::people::reads::Reads;
use crate::watch::Watch;
use care::{HomeId, PersonId, TimeDelta, Timestamp};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use store::{Clock, Ledger, Register};

/// How the people's door talks.
#[derive(Clone)]
pub enum Transport {
    /// Plain HTTP: on loopback, behind a proxy of the same machine, or by written waiver.
    Plain,
    /// TLS.
    Tls(Arc<rustls::ServerConfig>),
}

/// The settings of the people's door.
#[derive(Clone)]
pub struct ConsoleSettings {
    /// Where to listen. Port 0 lets the system choose.
    pub addr: SocketAddr,
    /// The zone of local times.
    pub zone: chrono_tz::Tz,
    /// Plain or TLS. With TLS the session's cookie is for TLS only.
    pub transport: Transport,
    /// A session ends this long after its sign-in, whatever happens.
    pub session_lifetime: TimeDelta,
    /// A session ends if nothing was asked for this long.
    pub session_idle: TimeDelta,
    /// Who has to show a second factor at the sign-in.
    pub second_factor: SecondFactor,
    /// Origins from which the console is reached beside its own address, as browsers send them:
    /// `https://console.example.org`. Needed behind a proxy that changes the Host header.
    pub origins: Vec<String>,
    /// Codes of outcomes that the city uses beside [`care::alarm::OUTCOMES`].
    pub outcomes: Vec<String>,
    /// The home of the presses that the platform gives itself: not shown on the desk.
    pub canary_home: Option<HomeId>,
    /// Numbers of authorities (110, 119, 120) that have agreed to be called by a machine.
    pub consents: Vec<String>,
    /// Opens the one-time links of messages; `None` = there are none.
    pub links: Option<store::link::Links>,
    /// The secret that dispatch centres sign with; `None` = they are not listened to. Never logged.
    pub dispatch_secret: Option<String>,
    /// The city's identity provider; `None` = people sign in by password alone.
    pub provider: Option<Provider>,
    /// Shows the demo's sign-in on the sign-in page.
    pub demo: bool,
}

impl ConsoleSettings {
    /// Settings for an address: Asia/Shanghai, plain, sessions of 16 h that end after 12 h without a request.
    pub fn new(addr: SocketAddr) -> Self {
        Self {
            addr,
            zone: chrono_tz::Asia::Shanghai,
            transport: Transport::Plain,
            session_lifetime: TimeDelta::hours(16),
            session_idle: TimeDelta::hours(12),
            second_factor: SecondFactor::default(),
            origins: Vec::new(),
            outcomes: Vec::new(),
            canary_home: None,
            consents: Vec::new(),
            links: None,
            dispatch_secret: None,
            provider: None,
            demo: false,
        }
    }
}

/// The parts of the house that the console stands on.
#[derive(Clone)]
pub struct Parts {
    /// Alarms.
    pub ledger: Arc<dyn Ledger>,
    /// People, homes, devices.
    pub register: Arc<dyn Register>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The state of the homes.
    pub homes: Arc<dyn Homes>,
    /// The health of the platform.
    pub feeds: Arc<dyn Feeds>,
    /// Figures for Prometheus.
    pub metrics: Arc<dyn Metrics>,
    /// What the channels are doing now.
    pub doing: Arc<dyn Doing>,
    /// The operators' own line.
    pub switchboard: Arc<dyn Switchboard>,
    /// The office's desk.
    pub office: Arc<Office>,
    /// Reads warnings in the language of the weather service.
    pub warnings: Arc<dyn Warnings>,
}

/// Shared by all handlers.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: ConsoleSettings,
    pub(crate) parts: Parts,
    pub(crate) live: Live,
    pub(crate) places: Places,
    pub(crate) watch: Watch,
    pub(crate) passwords: Checker,
    pub(crate) failures_here: Failures<(String, IpAddr)>,
    pub(crate) failures_address: Failures<IpAddr>,
    pub(crate) failures_name: Failures<String>,
    /// Wrong codes of devices, by address.
    pub(crate) failures_code: Failures<IpAddr>,
    /// Codes of the second factor, by whose they should have been.
    pub(crate) failures_factor: Failures<String>,
    pub(crate) reads: Reads,
    /// Tokens that this process has ended: a use that is being noted at the same moment must not bring one back.
    pub(crate) ended: Mutex<VecDeque<String>>,
    pub(crate) imports: crate::imports::Imports,
    /// What a search for a home looks at.
    pub(crate) directory: Directory,
    /// The queues that were drawn last.
    pub(crate) queues: Queues,
    /// The way to the identity provider.
    pub(crate) way: Way,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    pub(crate) fn new(settings: ConsoleSettings, parts: Parts) -> Result<Self, PasswordError> {
        Ok(Self(Arc::new(Inner {
            live: Live::new(),
            places: Places::new(Arc::clone(&parts.register), Arc::clone(&parts.clock), PLACES_KEPT),
            watch: Watch::default(),
            passwords: Checker::new()?,
            failures_here: Failures::new(5, TimeDelta::minutes(5), 10_000),
            failures_address: Failures::new(50, TimeDelta::minutes(5), 10_000),
            failures_name: Failures::new(50, TimeDelta::minutes(15), 10_000),
            failures_code: Failures::new(10, TimeDelta::minutes(5), 10_000),
            failures_factor: Failures::new(5, TimeDelta::minutes(15), 10_000),
            reads: Reads::default(),
            ended: Mutex::default(),
            imports: crate::imports::Imports::default(),
            directory: Directory::default(),
            queues: Queues::default(),
            way: Way::default(),
            settings,
            parts,
        })))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// Notes that a token has ended, at most [`ENDED_KEPT`] of them.
    pub(crate) fn end(&self, hash: &str) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.len() >= ENDED_KEPT {
            ended.pop_front();
        }
        ended.push_back(hash.to_owned());
    }

    /// True if this process has ended a token.
    pub(crate) fn has_ended(&self, hash: &str) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|h| h == hash)
    }

    /// Forgets whatever keeps somebody from trying to sign in.
    pub(crate) fn unlock(&self, person: &PersonId) {
        let name = person.as_str().to_owned();
        self.failures_here.forget_those(|(who, _)| *who == name);
        self.failures_name.forget(&name);
        self.failures_factor.forget(&name);
    }

    pub(crate) fn secure(&self) -> bool {
        match self.settings.transport {
            Transport::Plain => false,
            Transport::Tls(_) => true,
        }
    }

    /// True for the presses that the platform gives itself: they stand on no list.
    pub(crate) fn is_canary(&self, home: &HomeId) -> bool {
        self.settings.canary_home.as_ref() == Some(home)
    }

    /// True if this caller may see what concerns this home. What concerns no registered home (the platform itself,
    /// a home nobody has entered yet) is everybody's who takes alarms.
    pub(crate) async fn sees(&self, caller: &Caller, home: &HomeId) -> Result<bool, Problem> {
        if caller.sees_everything() {
            return Ok(true);
        }
        let place = self.places.of(home).await?;
        Ok(match &place.record {
            Some(record) => caller.sees_area(&record.area),
            None => caller.acts(),
        })
    }
}
