//! A SIP trunk: any carrier's or PBX's line, over UDP, TCP or TLS. Signalling by a library behind this file; what is
//! said and understood is ours.

mod call;
mod probe;
mod trace;

use super::leg::{LegOutcome, LegReport, LegRequest, Wire, WireFacts};
use super::media::Ports;
use super::number::{DialPlan, Number, NumberForm};
use super::runtime::VoiceRuntime;
use super::talk::Talk;
use super::{Health, VoiceRoute};
use async_trait::async_trait;
use care::Level;
use probe::Standing;
use rsipstack::EndpointBuilder;
use rsipstack::dialog::authenticate::Credential;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::platform::CancellationToken;
use rsipstack::sip::{Method, StatusCode, Transport as SipTransport, Uri};
use rsipstack::transaction::endpoint::{EndpointInnerRef, EndpointOption, TargetLocator};
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{SipAddr, TcpListenerConnection, TlsConfig, TransportLayer};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

/// How the trunk's signalling travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// A stream.
    Tcp,
    /// A stream, encrypted; the trunk's certificate is checked.
    Tls,
}

impl Transport {
    fn sip(self) -> SipTransport {
        match self {
            Self::Udp => SipTransport::Udp,
            Self::Tcp => SipTransport::Tcp,
            Self::Tls => SipTransport::Tls,
        }
    }
}

/// A trunk as it is configured.
#[derive(Clone)]
pub struct TrunkSettings {
    /// Its name in alarms and figures.
    pub name: String,
    /// The other end: a name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How signalling travels.
    pub transport: Transport,
    /// The address that is bound; unspecified = the one towards the trunk.
    pub bind: SocketAddr,
    /// The address under which the other end sees this one, if that differs.
    pub public: Option<IpAddr>,
    /// The domain in addresses; empty = `host`.
    pub domain: String,
    /// The number that calls come from.
    pub caller: String,
    /// The name shown with it.
    pub caller_name: String,
    /// User name at the trunk; empty = it knows us by our address.
    pub user: String,
    /// The digest's user name, if it differs.
    pub auth_user: Option<String>,
    /// Password. Never logged.
    pub password: String,
    /// Registers, and keeps registered.
    pub register: Option<Duration>,
    /// Calls at once that the trunk carries.
    pub channels: usize,
    /// Authorities for TLS, PEM.
    pub authorities: Option<Vec<u8>>,
    /// The name in the trunk's certificate; empty = `host`.
    pub tls_name: String,
    /// How the trunk wants numbers.
    pub form: NumberForm,
    /// Dialled before every number.
    pub prefix: String,
    /// How often the trunk is probed with OPTIONS; zero = never.
    pub probe_every: Duration,
    /// How long it may take to answer a probe.
    pub probe_within: Duration,
    /// Ports for the sound; `0..=0` = any.
    pub rtp_ports: RangeInclusive<u16>,
    /// Further addresses that requests are taken from.
    pub allowed: Vec<IpAddr>,
    /// Headers that are added to each INVITE, as the carrier wants them.
    pub headers: Vec<(String, String)>,
}

impl TrunkSettings {
    /// A trunk over UDP at an address that knows us by ours.
    pub fn new(name: &str, host: &str, port: u16) -> Self {
        Self {
            name: name.into(),
            host: host.into(),
            port,
            transport: Transport::Udp,
            bind: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
            public: None,
            domain: String::new(),
            caller: "hearthline".into(),
            caller_name: String::new(),
            user: String::new(),
            auth_user: None,
            password: String::new(),
            register: None,
            channels: 30,
            authorities: None,
            tls_name: String::new(),
            form: NumberForm::E164,
            prefix: String::new(),
            probe_every: Duration::from_secs(30),
            probe_within: Duration::from_secs(8),
            rtp_ports: 0..=0,
            allowed: Vec::new(),
            headers: Vec::new(),
        }
    }

    fn domain(&self) -> &str {
        if self.domain.is_empty() { &self.host } else { &self.domain }
    }

    fn tls_name(&self) -> &str {
        if self.tls_name.is_empty() { &self.host } else { &self.tls_name }
    }

    fn credential(&self) -> Option<Credential> {
        (!self.user.is_empty() && !self.password.is_empty()).then(|| Credential {
            username: self.user.clone(),
            password: self.password.clone(),
            realm: None,
            auth_username: self.auth_user.clone(),
        })
    }
}

/// Why a trunk cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TrunkError {
    /// The port is taken, or the address is not this machine's.
    #[error("trunk {0}: the address cannot be bound: {1}")]
    Bind(String, String),
    /// TLS without authorities would trust nobody.
    #[error("trunk {0}: TLS needs the authorities that the trunk's certificate is checked by (a PEM file)")]
    NoAuthorities(String),
    /// The runtime ended.
    #[error("trunk {0}: the voice runtime has ended")]
    NoRuntime(String),
}

/// What every call of a trunk shares.
pub(super) struct Inside {
    settings: TrunkSettings,
    endpoint: EndpointInnerRef,
    dialogs: Arc<DialogLayer>,
    local: SocketAddr,
    ports: Ports,
    known: RwLock<BTreeSet<IpAddr>>,
    peer: Arc<Mutex<Option<SocketAddr>>>,
    standing: Mutex<Standing>,
    /// Rung when a call found the trunk down: look now.
    look: Notify,
    ringing_in: Mutex<Option<mpsc::UnboundedSender<Incoming>>>,
}

/// A call that comes in from the trunk: a contact who rings back.
pub struct Incoming {
    /// The number that calls, as the trunk has it. Never logged.
    pub from: String,
    /// The call; not answered yet.
    pub wire: Wire,
    answer: Option<tokio::sync::oneshot::Sender<bool>>,
}

impl Incoming {
    /// Answers the call.
    pub fn answer(&mut self) {
        if let Some(answer) = self.answer.take() && answer.send(true).is_err() {
            tracing::debug!("who rang back has hung up");
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inside {
    /// Where the trunk is now. Names are looked up each time; the last good answer serves while there is none.
    async fn peer(&self) -> Option<SocketAddr> {
        let (host, port) = (self.settings.host.trim_matches(['[', ']']).to_owned(), self.settings.port);
        let found = match host.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, port)],
            Err(_) => match tokio::time::timeout(Duration::from_secs(3), tokio::net::lookup_host((host, port))).await {
                Ok(Ok(found)) => found.collect(),
                Ok(Err(_)) | Err(_) => Vec::new(),
            },
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(found.iter().map(SocketAddr::ip));
        drop(known);
        // An IPv4 socket cannot reach an IPv6 address, and the other way round.
        let fits = found.into_iter().find(|a| a.is_ipv4() == self.local.is_ipv4());
        let mut last = locked(&self.peer);
        if fits.is_some() {
            *last = fits;
        }
        *last
    }

    fn target(&self, peer: SocketAddr) -> SipAddr {
        SipAddr::new(self.settings.transport.sip(), peer.into())
    }

    /// The address towards the trunk.
    fn near(&self, peer: SocketAddr) -> IpAddr {
        if !self.local.ip().is_unspecified() {
            return self.local.ip();
        }
        let any = SocketAddr::new(if peer.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED) }, 0);
        std::net::UdpSocket::bind(any).and_then(|s| s.connect(peer).and_then(|()| s.local_addr())).map_or(self.local.ip(), |a| a.ip())
    }

    /// A call did not get through for the trunk's fault.
    fn doubt(&self) {
        self.look.notify_one();
    }
}

/// A SIP trunk.
pub struct SipTrunk {
    inside: Arc<Inside>,
    plan: DialPlan,
    slots: Arc<Semaphore>,
    /// The slots that others than red alarms may take.
    plain: Arc<Semaphore>,
    trace: trace::Trace,
    stop: CancellationToken,
    runtime: Arc<VoiceRuntime>,
}

impl Drop for SipTrunk {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl SipTrunk {
    /// Opens the trunk's port, and begins to probe and to register if that is configured.
    ///
    /// # Errors
    /// If the port cannot be had, or TLS has nobody to trust.
    pub async fn open(settings: TrunkSettings, plan: DialPlan, runtime: Arc<VoiceRuntime>) -> Result<Self, TrunkError> {
        if settings.transport == Transport::Tls && settings.authorities.is_none() {
            return Err(TrunkError::NoAuthorities(settings.name));
        }
        crate::tls::provide();
        let (slots, name) = (settings.channels.max(1), settings.name.clone());
        let stop = CancellationToken::new();
        let trace = trace::Trace::default();
        let building = runtime.handle().spawn(build(settings, stop.clone(), trace.clone()));
        let inside = building.await.map_err(|_| TrunkError::NoRuntime(name.clone()))?.map_err(|e| TrunkError::Bind(name, e))?;
        Ok(Self {
            inside,
            plan,
            slots: Arc::new(Semaphore::new(slots)),
            plain: Arc::new(Semaphore::new((slots - slots / 4).max(1))),
            trace,
            stop,
            runtime,
        })
    }

    /// Shows every SIP message from now on.
    pub fn show_trace(&self, to: mpsc::UnboundedSender<String>) {
        self.trace.show_to(to);
    }

    /// Calls that come in go there from now on; until then they are refused.
    pub fn take_incoming(&self, to: mpsc::UnboundedSender<Incoming>) {
        *locked(&self.inside.ringing_in) = Some(to);
    }

    /// The port that signalling is received on.
    pub fn local_addr(&self) -> SocketAddr {
        self.inside.local
    }

    /// Dialogs that are kept: none when nobody talks.
    pub fn dialogs(&self) -> usize {
        self.inside.dialogs.len()
    }

    /// Dials. `None` if every channel is taken.
    pub fn dial(&self, number: &Number, level: Level) -> Option<Wire> {
        let plain = match level {
            Level::Red => None,
            Level::Urgent | Level::Attention | Level::Technical => Some(self.plain.clone().try_acquire_owned().ok()?),
        };
        let slot = self.slots.clone().try_acquire_owned().ok()?;
        let to = self.plan.dialled(number, self.inside.settings.form, &self.inside.settings.prefix);
        Some(self.begin(to, Slot { _slot: slot, _plain: plain }))
    }

    fn begin(&self, to: String, slot: Slot) -> Wire {
        let (orders, taken) = mpsc::unbounded_channel();
        let (tell, told) = mpsc::unbounded_channel();
        let facts = Arc::new(Mutex::new(WireFacts::default()));
        self.runtime.handle().spawn(call::place(self.inside.clone(), to, slot, taken, tell, facts.clone()));
        Wire { orders, told, facts }
    }
}

/// A channel of the trunk, for as long as it is held.
pub(super) struct Slot {
    _slot: OwnedSemaphorePermit,
    _plain: Option<OwnedSemaphorePermit>,
}

#[async_trait]
impl VoiceRoute for SipTrunk {
    fn name(&self) -> &str {
        &self.inside.settings.name
    }

    fn channels(&self) -> usize {
        self.inside.settings.channels
    }

    async fn place(&self, leg: &LegRequest, talk: Talk<'_>) -> LegReport {
        let Some(wire) = self.dial(&leg.number, leg.level) else {
            return LegReport::none(LegOutcome::RouteFull);
        };
        let report = talk.hold(wire).await;
        match report.outcome {
            LegOutcome::RouteDown(_) | LegOutcome::AuthFailed(_) => self.inside.doubt(),
            LegOutcome::RouteFull
            | LegOutcome::Acknowledged(_)
            | LegOutcome::TooLate
            | LegOutcome::PassedOn
            | LegOutcome::WrongKey
            | LegOutcome::NoKey
            | LegOutcome::HungUp
            | LegOutcome::Busy
            | LegOutcome::Declined
            | LegOutcome::NoAnswer
            | LegOutcome::Unreachable(_)
            | LegOutcome::Released => {}
        }
        report
    }

    fn health(&self) -> Health {
        locked(&self.inside.standing).health()
    }

    fn connect(&self, number: &Number, level: Level) -> Option<Wire> {
        self.dial(number, level)
    }
}

/// Where requests go: what is addressed to the trunk's domain goes to the trunk, as an outbound proxy would have it; the
/// library would look the domain up and find something else (a CANCEL, too, must go the way of its INVITE).
struct Place {
    domain: String,
    transport: Transport,
    peer: Arc<Mutex<Option<SocketAddr>>>,
}

#[async_trait]
impl TargetLocator for Place {
    async fn locate(&self, uri: &Uri) -> rsipstack::Result<SipAddr> {
        if uri.host_with_port.to_string().eq_ignore_ascii_case(&self.domain)
            && let Some(peer) = *locked(&self.peer)
        {
            return Ok(SipAddr::new(self.transport.sip(), peer.into()));
        }
        SipAddr::try_from(uri)
    }
}

/// Binds the port and starts the library on the voice runtime.
async fn build(settings: TrunkSettings, stop: CancellationToken, trace: trace::Trace) -> Result<Arc<Inside>, String> {
    let public = |port| settings.public.map(|ip| SocketAddr::new(ip, port));
    let layer = TransportLayer::new(stop.clone());
    let socket = std::net::UdpSocket::bind(settings.bind).map_err(|e| e.to_string())?;
    let local = socket.local_addr().map_err(|e| e.to_string())?;
    drop(socket);
    let udp = UdpConnection::create_connection(local, public(local.port()), Some(stop.child_token())).await.map_err(|e| e.to_string())?;
    layer.add_transport(udp.into());
    match settings.transport {
        Transport::Udp => {}
        Transport::Tcp => {
            let listener = TcpListenerConnection::new(local, public(local.port())).await.map_err(|e| e.to_string())?;
            layer.add_transport(listener.into());
        }
        Transport::Tls => layer.set_tls_config(TlsConfig {
            ca_certs: settings.authorities.clone(),
            sni_hostname: Some(settings.tls_name().to_owned()),
            ..TlsConfig::default()
        }),
    }
    let peer = Arc::new(Mutex::new(None));
    let place = Place { domain: settings.domain().to_owned(), transport: settings.transport, peer: peer.clone() };
    let option = EndpointOption { callid_suffix: Some("hearthline".into()), ..EndpointOption::default() };
    let endpoint = EndpointBuilder::new()
        .with_user_agent(concat!("Hearthline/", env!("CARGO_PKG_VERSION")))
        .with_transport_layer(layer)
        .with_cancel_token(stop.clone())
        .with_option(option)
        .with_inspector(Box::new(trace))
        .with_target_locator(Box::new(place))
        .with_allows(vec![Method::Invite, Method::Ack, Method::Cancel, Method::Bye, Method::Info, Method::Options, Method::Update])
        .build();
    let mut incoming = endpoint.incoming_transactions().map_err(|e| e.to_string())?;
    let inside = Arc::new(Inside {
        dialogs: Arc::new(DialogLayer::new(endpoint.inner.clone())),
        endpoint: endpoint.inner.clone(),
        local,
        ports: Ports::new(settings.rtp_ports.clone()),
        known: RwLock::new(settings.allowed.iter().copied().collect()),
        peer,
        standing: Mutex::new(Standing::new(&settings)),
        look: Notify::new(),
        ringing_in: Mutex::new(None),
        settings,
    });
    let _first_look = inside.peer().await;
    let guard = Arc::downgrade(&inside);
    endpoint.inner.transport_layer.set_whitelist(move |ip: IpAddr| {
        // Requests of strangers never reach a state machine.
        let known = guard.upgrade().is_some_and(|i| i.known.read().unwrap_or_else(PoisonError::into_inner).contains(&ip));
        async move { known }
    });
    tokio::spawn(async move { endpoint.serve().await });
    tokio::spawn({
        let inside = inside.clone();
        async move {
            while let Some(mut transaction) = incoming.recv().await {
                match inside.dialogs.match_dialog(&transaction) {
                    Some(mut dialog) => {
                        tokio::spawn(async move {
                            if let Err(error) = dialog.handle(&mut transaction).await {
                                tracing::debug!(%error, "a request within a call was not handled");
                            }
                        });
                    }
                    None if transaction.original.method == Method::Invite => {
                        tokio::spawn(call::receive(inside.clone(), transaction));
                    }
                    None => {
                        tokio::spawn(async move {
                            let status = if transaction.original.method == Method::Options { StatusCode::OK } else { StatusCode::CallTransactionDoesNotExist };
                            if transaction.original.method == Method::Ack {
                                return;
                            }
                            if let Err(error) = transaction.reply(status).await {
                                tracing::debug!(%error, "a request of the trunk was not answered");
                            }
                        });
                    }
                }
            }
        }
    });
    tokio::spawn(probe::watch(inside.clone(), stop.clone()));
    tokio::spawn(probe::keep_registered(inside.clone(), stop));
    Ok(inside)
}
