//! From an accepted socket to a connected client: TLS, CONNECT, admission, session, CONNACK. Everything
//! before the admission is bounded in time and bytes.

use crate::codec::{Connect, Fault, Framer, Raw, Version};
use crate::connection::{ALIASES, Connection, Manner, PARTIAL_FREE, Seat};
use crate::counters::Counters;
use crate::door::Welcome;
use crate::encode::{self, Terms};
use crate::filter::sound_topic;
use crate::hall::{Attached, Entrance, Hall, Will};
use crate::keys::{Grant, Hello, Keys, OpenKeys, Refused, Rights};
use crate::limits::Charge;
use crate::link::Link;
use crate::session::window;
use crate::stream::Stream;
use crate::tls;
use socket2::{SockRef, TcpKeepalive};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;

/// Longest client identifier, bytes.
const CLIENT_ID_BYTES_MAX: usize = 256;

/// After this time without a byte the system asks whether the other end is still there.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(300);

/// Longest name of a credential, bytes: what the event log takes as a source.
const NAME_BYTES_MAX: usize = 128;

/// What the arrivals of one listener have in common.
pub(crate) struct Entry {
    pub(crate) hall: Arc<Hall>,
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) welcome: Welcome,
    pub(crate) tls: Option<RwLock<TlsAcceptor>>,
}

/// A client that was let in.
struct Arrived {
    connection: Connection,
    stream: Stream,
    framer: Framer,
    connack: Vec<u8>,
    packets: VecDeque<Raw>,
}

/// A client that knocked.
struct Knock {
    connect: Connect,
    stream: Stream,
    framer: Framer,
    packets: VecDeque<Raw>,
    certificate_name: Option<String>,
}

/// Serves a socket from its first byte to its end.
pub(crate) async fn serve(entry: Arc<Entry>, socket: TcpStream, peer: IpAddr) {
    // In a box of its own, so that an idle connection does not keep room for its arrival.
    let arrived = Box::pin(async {
        tokio::select! {
            arrived = arrive(&entry, socket, peer) => arrived,
            () = entry.hall.closed() => None,
        }
    });
    let arrived = arrived.await;
    drop(entry);
    if let Some(Arrived { connection, stream, framer, connack, packets }) = arrived {
        connection.run(stream, framer, connack, packets).await;
    }
}

async fn arrive(entry: &Entry, socket: TcpStream, peer: IpAddr) -> Option<Arrived> {
    let hall = &entry.hall;
    let deadline = Instant::now() + hall.limits.connect_within;
    let _best_effort = socket.set_nodelay(true);
    // A client of MQTT 3.1.1 may ask for no keep-alive at all: then the system finds out that it is gone.
    let keep_alive = TcpKeepalive::new().with_time(TCP_KEEP_ALIVE).with_interval(TCP_KEEP_ALIVE / 10);
    let _best_effort = SockRef::from(&socket).set_tcp_keepalive(&keep_alive);
    let mut knock = timeout_at(deadline, knock(entry, socket)).await.ok()??;
    let (version, connect) = (knock.connect.version, &knock.connect);
    let admission = Instant::now() + hall.limits.admit_within;
    let admitted = match timeout_at(admission, admit(entry, connect, knock.certificate_name.take(), peer)).await {
        Ok(admitted) => admitted,
        Err(_late) => Err(Fault::BUSY),
    };
    let outcome = admitted.and_then(|grant| enter(entry, knock.connect, grant, peer));
    match outcome {
        Ok((connection, connack, packet_bytes_max)) => {
            knock.framer.limit(packet_bytes_max);
            let (stream, framer, packets) = (knock.stream, knock.framer, knock.packets);
            Some(Arrived { connection, stream, framer, connack, packets })
        }
        Err(fault) => {
            turn_away(hall, knock.stream, version, fault).await;
            None
        }
    }
}

/// TLS and the CONNECT.
async fn knock(entry: &Entry, socket: TcpStream) -> Option<Knock> {
    let hall = &entry.hall;
    let mut certificate_name = None;
    let mut stream = match &entry.tls {
        None => Stream::Plain(socket),
        Some(acceptor) => {
            let acceptor = acceptor.read().unwrap_or_else(PoisonError::into_inner).clone();
            let stream = acceptor.accept(socket).await.ok()?;
            let (_, session) = stream.get_ref();
            certificate_name = session.peer_certificates().and_then(<[_]>::first).and_then(|c| tls::common_name(c));
            Stream::Tls(Box::new(stream))
        }
    };
    let mut framer = Framer::new(hall.limits.connect_bytes_max);
    let mut charge = Charge::none(&hall.partial);
    let mut packets = VecDeque::new();
    loop {
        let turn = stream.turn(&mut Vec::new(), true, &mut framer, &mut packets).await;
        if let Some(first) = packets.pop_front() {
            let connect = match first.connect() {
                Ok(connect) => connect,
                Err((Some(version), fault)) => {
                    turn_away(hall, stream, version, fault).await;
                    return None;
                }
                Err((None, _)) => return None,
            };
            if turn.fault.is_some() {
                turn_away(hall, stream, connect.version, Fault::TOO_LARGE).await;
                return None;
            }
            return Some(Knock { connect, stream, framer, packets, certificate_name });
        }
        let paid = charge.set(framer.partial_bytes().saturating_sub(PARTIAL_FREE));
        if turn.over || turn.fault.is_some() || !paid {
            return None;
        }
    }
}

async fn turn_away(hall: &Hall, stream: Stream, version: Version, fault: Fault) {
    match fault {
        Fault::BAD_LOGIN | Fault::NOT_AUTHORIZED => Counters::add(&hall.counters.logins_refused),
        _ => Counters::add(&hall.counters.connects_refused),
    }
    let mut out = Vec::new();
    encode::refuse(&mut out, version, fault);
    stream.part(&out).await;
}

async fn admit(entry: &Entry, connect: &Connect, certificate: Option<String>, peer: IpAddr) -> Result<Grant, Fault> {
    if connect.authentication_method {
        return Err(Fault::BAD_METHOD);
    }
    if connect.client_id.len() > CLIENT_ID_BYTES_MAX || connect.client_id.contains('\0') {
        return Err(Fault::CLIENT_ID);
    }
    if connect.version == Version::V3 && connect.client_id.is_empty() && !connect.clean_start {
        return Err(Fault::CLIENT_ID);
    }
    let hello = Hello {
        client_id: connect.client_id.clone(),
        user: connect.user.clone(),
        password: connect.password.clone(),
        certificate_name: certificate,
        peer,
    };
    let admitted = match entry.welcome {
        Welcome::Open => OpenKeys.admit(hello).await,
        Welcome::Keys => entry.keys.admit(hello).await,
    };
    let grant = admitted.map_err(|refused| match refused {
        Refused::BadLogin => Fault::BAD_LOGIN,
        Refused::Blocked => Fault::NOT_AUTHORIZED,
        Refused::Busy => Fault::BUSY,
    })?;
    // Only the open listener may open everything.
    let wrong_door = matches!(grant.rights, Rights::Open) && entry.welcome != Welcome::Open;
    if wrong_door || grant.name.is_empty() || grant.name.len() > NAME_BYTES_MAX || grant.name.contains('\0') {
        return Err(Fault::NOT_AUTHORIZED);
    }
    Ok(grant)
}

/// Gives the admitted client its session and its CONNACK.
fn enter(entry: &Entry, connect: Connect, grant: Grant, peer: IpAddr) -> Result<(Connection, Vec<u8>, u32), Fault> {
    let hall = &entry.hall;
    let Connect { version, client_id, clean_start, .. } = connect;
    if hall.is_closing() {
        return Err(Fault::BUSY);
    }
    let share = hall.share(&grant.rights).clone();
    let name: Arc<str> = grant.name.as_str().into();
    let will = match connect.will {
        None => None,
        Some(testament) => {
            if !sound_topic(&testament.topic) || testament.topic.contains(['+', '#', '\0']) {
                return Err(Fault::TOPIC_NAME);
            }
            let place = grant.rights.publish(&testament.topic).map_err(|_denied| Fault::NOT_AUTHORIZED)?;
            Some(Box::new(Will::new(*testament, place, Arc::clone(&name))))
        }
    };
    let assigned = client_id.is_empty().then(|| format!("auto-{:x}", hall.serial()));
    let id = assigned.as_deref().unwrap_or(&client_id);
    let longest = hall.limits.session_expiry_max;
    let expiry = Duration::from_secs(u64::from(connect.session_expiry_s)).min(longest);
    let capped = version == Version::V5 && connect.session_expiry_s > 0 && longest == expiry;
    let keep_alive_s = match (version, connect.keep_alive_s) {
        (Version::V3, asked) => asked,
        (Version::V5, 0) => share.keep_alive_s_max,
        (Version::V5, asked) => asked.min(share.keep_alive_s_max),
    };
    let link = Link::new(hall.serial(), name);
    let entrance = Entrance {
        client_id: id,
        grant: &grant,
        link: &link,
        clean_start,
        window: window(version, connect.receive_maximum, hall.limits.outflight),
        expiry,
        will,
        peer,
    };
    let Attached { session, epoch, present, fought_for } = hall.attach(entrance)?;
    if fought_for && entry.welcome == Welcome::Keys {
        entry.keys.shared(&grant);
    }
    hall.enroll(&link);
    let seat = Seat { hall: Arc::clone(hall), link, session, epoch, left: false };
    let mut connack = Vec::new();
    match version {
        Version::V3 => encode::connack_v3(&mut connack, present, 0),
        Version::V5 => {
            let response = connect.wants_response_information.then(|| response_information(&grant.rights, id));
            encode::connack_v5(
                &mut connack,
                &Terms {
                    session_present: present,
                    session_expiry_s: capped.then(|| u32::try_from(longest.as_secs()).unwrap_or(u32::MAX)),
                    receive_maximum: hall.limits.inflight,
                    packet_bytes_max: share.packet_bytes_max,
                    alias_maximum: ALIASES,
                    assigned_client_id: assigned.as_deref(),
                    keep_alive_s: (keep_alive_s != connect.keep_alive_s).then_some(keep_alive_s),
                    response_information: response.as_deref(),
                },
            );
        }
    }
    let manner = Manner {
        version,
        keep_alive_s,
        packet_bytes_max: connect.packet_bytes_max,
        alias_maximum: connect.alias_maximum,
        session_expiry_s: connect.session_expiry_s,
    };
    Ok((Connection::new(seat, grant, manner), connack, share.packet_bytes_max))
}

/// Where a client may expect answers: below topics that it may listen to.
fn response_information(rights: &Rights, client_id: &str) -> String {
    match rights {
        Rights::Device { home, device } => format!("care/v1/{home}/{device}/"),
        Rights::Hub { home } => format!("care/v1/{home}/"),
        Rights::Bridge { .. } => "care/v1/".to_owned(),
        Rights::Open => format!("response/{client_id}/"),
    }
}
