//! The receiver for SCAIP: small XML documents in SIP MESSAGEs, over UDP and TCP. SIP is a library's; what is said is `wire`'s.
//!
//! ```text
//!  MESSAGE ─▶ document ─▶ account ─▶ event log ─▶ stored         ─▶ 0 handled
//!                │                           ├▶ takes its time   ─▶ 4 hold: the sender repeats the same request
//!                │                           └▶ refused          ─▶ 5 not treated: the sender goes on to its next receiver
//!                └▶ not readable ─▶ the status that says why
//! ```
//! Two styles of answer are in use: inside the 200 OK, and as a MESSAGE of its own after a 202. The dialect of the request
//! tells which, unless the configuration does. Answers go where the request came from, never where its text points to.

use care::{HomeId, Lane};
use rsipstack::EndpointBuilder;
use rsipstack::platform::CancellationToken;
use rsipstack::sip::{HasHeaders, Header, HeadersExt, Method, SipMessage, StatusCode, ToTypedHeader, Uri, typed};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::{Endpoint, Transaction, make_tag};
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{TcpListenerConnection, TransportLayer};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::log::append;
use store::{Clock, EventLog, Record};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use wire::scaip::{CONTENT_TYPE, Dialect, Purpose, Reply, Request, Status, parse};

/// Requests that wait for the log at once; one more is answered with busy, so that its sender goes on to its next receiver.
const WAITING_MAX: usize = 4_096;
/// Of these, the last ones are for what calls for help (ALM-7).
const WAITING_FOR_RED: usize = 1_024;
/// The log has this long before the sender is told to hold, unless set otherwise: a SIP transaction ends after 32 s.
const HOLD_AFTER: Duration = Duration::from_secs(4);

/// Controllers connected at once over TCP; one more is closed at once (LIM-1).
const CONNECTIONS_MAX: usize = 10_000;
/// A connection that says nothing for so long is closed.
const IDLE_MAX: Duration = Duration::from_secs(15 * 60);
/// How long, and how often, it is looked whether the library has opened its port.
const OPEN_PAUSE: Duration = Duration::from_millis(20);
const OPEN_TRIES: u32 = 250;

/// How an answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// In the 200 OK to the request.
    Inside,
    /// As a MESSAGE to the sender, after a 202.
    Message,
}

/// What the receiver is told.
#[derive(Debug, Clone)]
pub struct ScaipSettings {
    /// Where datagrams arrive.
    pub udp: Option<SocketAddr>,
    /// Where controllers connect.
    pub tcp: Option<SocketAddr>,
    /// The home of each account (`cid`).
    pub accounts: BTreeMap<String, HomeId>,
    /// How answers travel; `None` = as the dialect of the request has it.
    pub style: Option<Style>,
    /// The interval of heartbeats, minutes, told to controllers that let it be set; `None` = theirs.
    pub heartbeat_minutes: Option<u16>,
    /// How long the log has before the sender is told to hold.
    pub hold_after: Duration,
}

impl Default for ScaipSettings {
    fn default() -> Self {
        Self { udp: None, tcp: None, accounts: BTreeMap::new(), style: None, heartbeat_minutes: None, hold_after: HOLD_AFTER }
    }
}

counters!(ScaipCounters {
    /// Requests stored.
    stored,
    /// Requests of accounts that nobody registered.
    unknown_accounts,
    /// Documents that could not be read.
    faults,
    /// Requests whose sender was told to hold.
    held,
    /// Requests that were passed on to the sender's next receiver.
    passed_on,
    /// Answers that did not reach the sender.
    unanswered,
});

struct Desk {
    settings: ScaipSettings,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    counters: Arc<ScaipCounters>,
    /// Places for all, and for what calls for help.
    places: Arc<Semaphore>,
    red_places: Arc<Semaphore>,
}

/// A receiver at work.
pub struct ScaipReceiver {
    udp: Option<SocketAddr>,
    tcp: Option<SocketAddr>,
    counters: Arc<ScaipCounters>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

fn other(error: impl std::fmt::Display) -> std::io::Error {
    std::io::Error::other(error.to_string())
}

impl ScaipReceiver {
    /// Opens the ports.
    ///
    /// # Errors
    /// If a port cannot be taken.
    pub async fn open(settings: ScaipSettings, log: Arc<dyn EventLog>, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let (counters, stop) = (Arc::<ScaipCounters>::default(), CancellationToken::new());
        let (at_udp, at_tcp) = (settings.udp, settings.tcp);
        let desk = Arc::new(Desk {
            settings,
            log,
            clock,
            counters: counters.clone(),
            places: Arc::new(Semaphore::new(WAITING_MAX - WAITING_FOR_RED)),
            red_places: Arc::new(Semaphore::new(WAITING_FOR_RED)),
        });
        let mut receiver = Self { udp: None, tcp: None, counters, stop: stop.clone(), tasks: JoinSet::new() };
        // An endpoint each: a flood of connections must not mute a datagram.
        if let Some(at) = at_udp {
            // The library does not say which port it got: 0 is made a number first.
            let at = std::net::UdpSocket::bind(at)?.local_addr()?;
            let layer = TransportLayer::new(stop.clone());
            layer.add_transport(UdpConnection::create_connection(at, None, Some(stop.child_token())).await.map_err(other)?.into());
            receiver.serve(&desk, endpoint(layer, &stop))?;
            receiver.udp = Some(at);
        }
        if let Some(at) = at_tcp {
            let at = std::net::TcpListener::bind(at)?.local_addr()?;
            let layer = TransportLayer::new(stop.clone());
            layer.add_transport(TcpListenerConnection::new(at, None).await.map_err(other)?.into());
            layer.set_stream_idle_timeout(IDLE_MAX);
            let endpoint = endpoint(layer, &stop);
            let counted = Arc::downgrade(&endpoint.inner);
            endpoint.inner.transport_layer.set_whitelist(move |_: IpAddr| {
                let room = counted.upgrade().is_some_and(|inner| inner.transport_layer.connections_count() < CONNECTIONS_MAX);
                async move { room }
            });
            receiver.serve(&desk, endpoint)?;
            listening(at).await?;
            receiver.tcp = Some(at);
        }
        Ok(receiver)
    }

    fn serve(&mut self, desk: &Arc<Desk>, endpoint: Endpoint) -> std::io::Result<()> {
        let mut incoming = endpoint.incoming_transactions().map_err(other)?;
        let (desk, stopped) = (desk.clone(), self.stop.clone());
        self.tasks.spawn(async move { endpoint.serve().await });
        self.tasks.spawn(async move {
            let mut at_work = JoinSet::new();
            loop {
                tokio::select! {
                    biased;
                    () = stopped.cancelled() => break,
                    Some(_) = at_work.join_next(), if !at_work.is_empty() => {}
                    transaction = incoming.recv() => match transaction {
                        Some(transaction) => {
                            at_work.spawn(serve(desk.clone(), transaction));
                        }
                        None => break,
                    },
                }
            }
        });
        Ok(())
    }

    /// Where datagrams arrive.
    pub fn udp(&self) -> Option<SocketAddr> {
        self.udp
    }

    /// Where controllers connect.
    pub fn tcp(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// What it has counted.
    pub fn counters(&self) -> Arc<ScaipCounters> {
        self.counters.clone()
    }

    /// Closes the ports. What was not answered is sent again by its sender.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

fn endpoint(layer: TransportLayer, stop: &CancellationToken) -> Endpoint {
    EndpointBuilder::new()
        .with_user_agent(concat!("Hearthline/", env!("CARGO_PKG_VERSION")))
        .with_transport_layer(layer)
        .with_cancel_token(stop.clone())
        .with_allows(vec![Method::Message, Method::Options, Method::Register])
        .build()
}

/// Waits until the library has opened the port: it does so behind our back.
async fn listening(at: SocketAddr) -> std::io::Result<()> {
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    for _ in 0..OPEN_TRIES {
        if tokio::net::TcpStream::connect((ip, at.port())).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(OPEN_PAUSE).await;
    }
    Err(std::io::Error::other(format!("the port {at} was not opened")))
}

async fn serve(desk: Arc<Desk>, mut transaction: Transaction) {
    let answered = match transaction.original.method {
        Method::Message => return desk.message(transaction).await,
        Method::Options => transaction.reply(StatusCode::OK).await,
        // Answers go where a request came from: nothing has to be kept of a registration.
        Method::Register => {
            let kept = transaction.original.headers.iter().filter(|header| matches!(header, Header::Contact(_) | Header::Expires(_))).cloned().collect();
            transaction.reply_with(StatusCode::OK, kept, None).await
        }
        Method::Ack
        | Method::Bye
        | Method::Cancel
        | Method::Info
        | Method::Invite
        | Method::Notify
        | Method::PRack
        | Method::Publish
        | Method::Refer
        | Method::Subscribe
        | Method::Update => transaction.reply(StatusCode::MethodNotAllowed).await,
    };
    if let Err(error) = answered {
        tracing::debug!(%error, "a SIP request was not answered");
    }
}

impl Desk {
    async fn message(&self, mut transaction: Transaction) {
        let body = transaction.original.body.clone();
        let reply = match parse(&body) {
            Ok(request) => self.receive(&request, body).await,
            Err(refused) => {
                self.counters.faults.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(%refused, "a document could not be read");
                let reference = refused.reference.unwrap_or_default();
                Reply { dialect: refused.dialect, reference, status: refused.status, media: None, call: None, heartbeat_minutes: None }
            }
        };
        let style = self.settings.style.unwrap_or(match reply.dialect {
            Dialect::Standard => Style::Message,
            Dialect::Inside => Style::Inside,
        });
        let kind = match reply.dialect {
            Dialect::Standard => CONTENT_TYPE,
            Dialect::Inside => "application/xml",
        };
        let document = reply.encode().into_bytes();
        let answered = match style {
            Style::Inside => transaction.reply_with(StatusCode::OK, vec![Header::ContentType(kind.into())], Some(document)).await,
            Style::Message => match transaction.reply(StatusCode::Accepted).await {
                Ok(()) => say(&transaction, kind, document).await,
                Err(error) => Err(error),
            },
        };
        if let Err(error) = answered {
            self.counters.unanswered.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%error, "an answer did not reach its sender: it will ask again");
        }
    }

    /// Stores a request; handled only once it is stored (ACK-1).
    async fn receive(&self, request: &Request, body: Vec<u8>) -> Reply {
        let (home, source) = match self.settings.accounts.get(&request.account) {
            Some(home) => (home.clone(), "scaip"),
            None => {
                self.counters.unknown_accounts.fetch_add(1, Ordering::Relaxed);
                // Shown and called about as any unknown home: never dropped.
                (HomeId::new(format!("scaip-{}", request.account)), "scaip-unknown")
            }
        };
        let topic = format!("scaip/{}", request.account);
        let lane = wire::lane(&topic, &body, None);
        let place = self.places.clone().try_acquire_owned().or_else(|full| match lane {
            Lane::Red => self.red_places.clone().try_acquire_owned(),
            Lane::Routine => Err(full),
        });
        let Ok(place) = place else {
            self.counters.passed_on.fetch_add(1, Ordering::Relaxed);
            return Reply::to(request, Status::Busy);
        };
        let record = Record { lane, home, source: source.into(), topic, payload: body, heard_at: self.clock.now() };
        let log = self.log.clone();
        // The place is held until the log has answered, also if the sender is told to hold meanwhile.
        let storing = tokio::spawn(async move {
            let stored = append(&*log, record).await;
            drop(place);
            stored
        });
        let status = match tokio::time::timeout(self.settings.hold_after, storing).await {
            Ok(Ok(Ok(()))) => {
                self.counters.stored.fetch_add(1, Ordering::Relaxed);
                Status::Handled
            }
            Ok(stored) => {
                if let Ok(Err(error)) = stored {
                    tracing::warn!(%error, "a request could not be stored: its sender goes on to its next receiver");
                }
                self.counters.passed_on.fetch_add(1, Ordering::Relaxed);
                Status::NotTreated
            }
            Err(_) => {
                self.counters.held.fetch_add(1, Ordering::Relaxed);
                Status::Hold
            }
        };
        let settable = request.purpose == Purpose::Heartbeat && request.heartbeat_settable && status == Status::Handled;
        Reply { heartbeat_minutes: self.settings.heartbeat_minutes.filter(|_| settable), ..Reply::to(request, status) }
    }
}

/// Sends a document to where a request came from, and waits until it was taken.
async fn say(to: &Transaction, kind: &'static str, document: Vec<u8>) -> rsipstack::Result<()> {
    let endpoint: EndpointInnerRef = to.endpoint_inner.clone();
    let reliable = to.connection.as_ref().is_some_and(|connection| connection.is_reliable());
    let target = if reliable { None } else { endpoint.get_destination_from_request(&to.original).await };
    let ours = to.connection.as_ref().map(|connection| connection.get_addr().clone());
    let from_header = to.original.from_header()?.typed()?;
    let contact = to.original.headers.iter().find_map(|header| if let Header::Contact(contact) = header { contact.typed().ok() } else { None });
    let uri: Uri = contact.map_or_else(|| from_header.uri.clone(), |contact| contact.uri);
    let us = typed::From { display_name: None, uri: to.original.uri.clone(), params: Vec::new() }.with_tag(make_tag());
    let them = typed::To { display_name: None, uri: from_header.uri, params: Vec::new() };
    let via = endpoint.get_via(ours, None)?;
    let mut request = endpoint.make_request(Method::Message, uri, via, us, them, 1, None);
    request.headers_mut().push(Header::ContentType(kind.into()));
    request.headers_mut().push(Header::ContentLength(u32::try_from(document.len()).unwrap_or_default().into()));
    request.body = document;
    let key = TransactionKey::from_request(&request, TransactionRole::Client)?;
    let connection = to.connection.clone().filter(|_| reliable);
    let mut transaction = Transaction::new_client(key, request, endpoint, connection);
    transaction.destination = target;
    transaction.send().await?;
    while let Some(message) = transaction.receive().await {
        if let SipMessage::Response(response) = message {
            match response.status_code.code() {
                100..=199 => {}
                200..=299 => return Ok(()),
                code => return Err(rsipstack::Error::Error(format!("the answer was answered with {code}"))),
            }
        }
    }
    Err(rsipstack::Error::Error("nobody took the answer".into()))
}
