//! The listener: connections with a limit on their number and on the time they may take to say something, plain or TLS.

use crate::app::{App, Transport};
use crate::limits::CONNECTIONS_MAX;
use crate::live;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// Time for a TLS handshake, and for the head of a request to come in.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// Time for requests that are underway at the end.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Why the people's door could not be opened or kept open.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken or not ours.
    #[error("the console cannot listen on {addr}: choose another address with --http, or stop what listens there")]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Passwords cannot be checked.
    #[error("passwords cannot be checked on this machine")]
    Passwords(#[source] crate::password::PasswordError),
}

/// The people's door with its port taken, not yet open.
pub struct Bound {
    app: App,
    router: Router,
    listener: TcpListener,
    addr: SocketAddr,
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bound").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl Bound {
    pub(crate) async fn new(app: App, router: Router) -> Result<Self, ServeError> {
        let addr = app.settings.addr;
        let listen = |source| ServeError::Listen { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        Ok(Self { app, router, listener, addr })
    }

    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `stop` is done; open streams end with it.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let (ending, ended) = watch::channel(false);
        let tls = match &self.app.settings.transport {
            Transport::Plain => None,
            Transport::Tls(config) => Some(TlsAcceptor::from(Arc::clone(config))),
        };
        let accept = async {
            loop {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let (stream, peer) = match self.listener.accept().await {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "a connection to the console could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                };
                let (router, tls, ended) = (self.router.clone(), tls.clone(), ended.clone());
                tokio::spawn(async move {
                    connection(stream, peer, tls, router, ended).await;
                    drop(place);
                });
            }
        };
        tokio::select! {
            () = stop => {}
            () = accept => {}
            () = live::follow(self.app.clone()) => {}
        }
        ending.send_replace(true);
        let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
        if tokio::time::timeout(END_WITHIN, places.acquire_many(all)).await.is_err() {
            tracing::info!("connections to the console were still open at the end");
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>, router: Router, ended: watch::Receiver<bool>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection to the console could not be set to send at once");
    }
    match tls {
        None => talk(stream, peer, router, ended).await,
        Some(tls) => match tokio::time::timeout(HEAD_WITHIN, tls.accept(stream)).await {
            Ok(Ok(stream)) => talk(stream, peer, router, ended).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake with the console failed"),
            Err(_) => tracing::debug!("a TLS handshake with the console took too long"),
        },
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: SocketAddr, router: Router, mut ended: watch::Receiver<bool>) {
    let service = router.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_headers(64);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => {
            if let Err(error) = result {
                tracing::debug!(%error, "a connection to the console ended early");
            }
            return;
        }
        _ = ended.wait_for(|ended| *ended) => {}
    }
    // Streams never end by themselves: what is underway gets a moment, then the connection is dropped.
    connection.as_mut().graceful_shutdown();
    if tokio::time::timeout(END_WITHIN / 5, connection).await.is_err() {
        tracing::debug!("a connection to the console was cut at the end");
    }
}
