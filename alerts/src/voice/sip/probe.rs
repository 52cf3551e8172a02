//! Is the trunk there? OPTIONS every half minute; over TLS a handshake of our own before it, because a certificate that
//! is refused looks like a time-out from further up. What is found out of a trunk stands in its [`Standing`].

use super::super::Health;
use super::{Inside, Transport, TrunkSettings, locked};
use rsipstack::dialog::registration::{RefreshOutcome, Registration};
use rsipstack::platform::CancellationToken;
use rsipstack::sip::{Method, SipMessage, Uri, typed};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::{Transaction, make_tag};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Pause before a probe that failed is tried once more: one lost datagram is no outage.
const ONCE_MORE: Duration = Duration::from_secs(2);

/// What is known of a trunk.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Why the last probe failed; `None` = it did not, or there was none yet.
    probe: Option<String>,
    /// Why it is not registered; `None` = it is, or needs not be.
    register: Option<String>,
}

impl Standing {
    pub(super) fn new(settings: &TrunkSettings) -> Self {
        let register = settings.register.map(|_| "not registered yet".to_owned());
        Self { probe: None, register }
    }

    pub(super) fn health(&self) -> Health {
        match self.probe.as_ref().or(self.register.as_ref()) {
            None => Health::Up,
            Some(why) => Health::Down(why.clone()),
        }
    }
}

/// Probes until the trunk ends.
pub(super) async fn watch(inside: Arc<Inside>, stop: CancellationToken) {
    let every = inside.settings.probe_every;
    if every.is_zero() {
        return;
    }
    loop {
        let mut found = probe(&inside).await;
        if found.is_err() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ONCE_MORE) => {}
            }
            found = probe(&inside).await;
        }
        let why = found.err();
        let changed = {
            let mut standing = locked(&inside.standing);
            let changed = standing.probe.is_some() != why.is_some();
            standing.probe = why.clone();
            changed
        };
        match (changed, why) {
            (true, Some(why)) => tracing::warn!(trunk = inside.settings.name, why, "the trunk is down"),
            (true, None) => tracing::info!(trunk = inside.settings.name, "the trunk is back"),
            (false, _) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = inside.look.notified() => {}
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// One look.
async fn probe(inside: &Inside) -> Result<(), String> {
    let peer = inside.peer().await.ok_or("the name cannot be resolved")?;
    let within = inside.settings.probe_within;
    if inside.settings.transport == Transport::Tls {
        timeout(within, handshake(&inside.settings, peer)).await.map_err(|_| "no answer to the TLS handshake".to_owned())??;
    }
    timeout(within, options(inside, peer)).await.map_err(|_| "no answer to OPTIONS".to_owned())?
}

/// Connects as the trunk's calls do, and says what the certificate lacks.
async fn handshake(settings: &TrunkSettings, peer: SocketAddr) -> Result<(), String> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(settings.authorities.as_deref().unwrap_or_default()) {
        let certificate = certificate.map_err(|e| format!("the authorities cannot be read: {e}"))?;
        roots.add(certificate).map_err(|e| format!("the authorities cannot be used: {e}"))?;
    }
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(settings.tls_name().to_owned()).map_err(|_| "the certificate's name is not a name".to_owned())?;
    let stream = tokio::net::TcpStream::connect(peer).await.map_err(|e| format!("no connection: {e}"))?;
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|e| format!("TLS was refused: {e}"))?;
    Ok(())
}

/// Any final answer below 500 shows that somebody is there.
async fn options(inside: &Inside, peer: SocketAddr) -> Result<(), String> {
    let settings = &inside.settings;
    let failed = |what: &str| what.to_owned();
    let target = inside.target(peer);
    let uri = Uri::try_from(format!("sip:{}", settings.domain())).map_err(|_| failed("the domain cannot be written as an address"))?;
    let from = Uri::try_from(format!("sip:{}@{}", settings.caller, settings.domain())).map_err(|_| failed("the caller cannot be written as an address"))?;
    let endpoint = inside.endpoint.clone();
    let over = match settings.transport {
        Transport::Udp => None,
        Transport::Tcp | Transport::Tls => {
            let (connection, _) = endpoint.transport_layer.lookup(&target, None).await.map_err(|_| failed("no connection"))?;
            Some(connection.get_addr().clone())
        }
    };
    let via = endpoint.get_via(over, None).map_err(|_| failed("no address of our own"))?;
    let from = typed::From { display_name: None, uri: from, params: Vec::new() }.with_tag(make_tag());
    let to = typed::To { display_name: None, uri: uri.clone(), params: Vec::new() };
    let request = endpoint.make_request(Method::Options, uri, via, from, to, 1, None);
    let key = TransactionKey::from_request(&request, TransactionRole::Client).map_err(|_| failed("OPTIONS cannot be made"))?;
    let mut transaction = Transaction::new_client(key, request, endpoint, None);
    transaction.destination = Some(target);
    transaction.send().await.map_err(|_| failed("OPTIONS could not be sent"))?;
    while let Some(message) = transaction.receive().await {
        if let SipMessage::Response(response) = message {
            let code = response.status_code.code();
            match code {
                100..=199 => {}
                // The library answers itself with 408 when nobody did.
                408 => return Err(failed("no answer to OPTIONS")),
                // "Not implemented" is an answer, too.
                500 | 502..=599 => return Err(format!("OPTIONS was answered with {code}")),
                _ => return Ok(()),
            }
        }
    }
    Err(failed("no answer to OPTIONS"))
}

/// Registers, and stays registered.
pub(super) async fn keep_registered(inside: Arc<Inside>, stop: CancellationToken) {
    let Some(every) = inside.settings.register else { return };
    let Some(peer) = inside.peer().await else {
        locked(&inside.standing).register = Some("the name cannot be resolved".into());
        return;
    };
    let transport = match inside.settings.transport {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
        Transport::Tls => ";transport=tls",
    };
    let Ok(server) = Uri::try_from(format!("sip:{}{transport}", inside.settings.domain())) else { return };
    let mut registration = Registration::new(inside.endpoint.clone(), inside.settings.credential());
    registration.outbound_proxy = Some(peer);
    let expires = u32::try_from(every.as_secs()).unwrap_or(u32::MAX).max(60);
    let name = inside.settings.name.clone();
    registration
        .keep_alive(server, expires, stop, |outcome| {
            let why = match outcome {
                RefreshOutcome::Registered(_) => None,
                RefreshOutcome::Rejected(response) => Some(format!("REGISTER was answered with {}", response.status_code.code())),
                RefreshOutcome::Failed(_) => Some("no answer to REGISTER".to_owned()),
            };
            if let Some(why) = &why {
                tracing::warn!(trunk = name, why, "the trunk is not registered");
            }
            locked(&inside.standing).register = why;
        })
        .await;
}
