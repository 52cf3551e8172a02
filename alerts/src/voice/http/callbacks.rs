//! The small server that a provider's callbacks come to: limits, times, and nothing else.

use hyper::body::{Body as _, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Largest callback that is read, bytes (LIM-1).
const BODY_MAX: usize = 64 * 1024;
/// Callbacks at a time (LIM-1).
const CALLBACKS_MAX: usize = 256;

/// Answers callbacks until the task is ended.
pub(super) async fn serve<A, F>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<String>> + Send + 'static,
{
    let seats = Arc::new(Semaphore::new(CALLBACKS_MAX));
    let answer = Arc::new(answer);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(seat) = seats.clone().try_acquire_owned() else { continue };
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let answered = answer(request);
                async move { Ok::<_, std::convert::Infallible>(answered.await) }
            });
            let serving = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(10))
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            if tokio::time::timeout(Duration::from_secs(30), serving).await.is_err() {
                tracing::debug!("a callback took too long");
            }
            drop(seat);
        });
    }
}

/// A status and no words.
pub(super) fn plain(status: StatusCode) -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = status;
    response
}

/// The body of a callback; `None` if it is too large, too slow or broken.
pub(super) async fn body(incoming: Incoming) -> Option<Vec<u8>> {
    tokio::time::timeout(Duration::from_secs(10), read(incoming)).await.ok().flatten()
}

async fn read(mut incoming: Incoming) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await {
        if let Ok(data) = frame.ok()?.into_data() {
            out.extend_from_slice(&data);
            if out.len() > BODY_MAX {
                return None;
            }
        }
    }
    Some(out)
}
