//! Measurements to a server that takes InfluxDB 2's write calls (InfluxDB 2, VictoriaMetrics). Batches of line protocol,
//! a bounded queue, retries with growing pauses, a count of what was dropped. Plain HTTP only: the client has no TLS
//! that could be trusted today; put the server on the same host or behind a tunnel.

use super::{Point, TelemetrySink};
use influxdb2::{Client, RequestError};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Where measurements go and how much of them may wait.
#[derive(Debug, Clone)]
pub struct InfluxSettings {
    /// `http://host:port`; a path is not kept by the client and is refused.
    pub url: String,
    /// Organisation.
    pub org: String,
    /// Bucket.
    pub bucket: String,
    /// Token; empty = none.
    pub token: String,
    /// Most points that wait; the oldest are dropped first.
    pub queue_max: usize,
    /// Most points in one call.
    pub batch_max: usize,
    /// How long points gather before a call.
    pub gather: Duration,
    /// How long a call may take.
    pub timeout: Duration,
    /// The first pause after a failed call; doubles up to `pause_max`.
    pub pause_min: Duration,
    /// The longest pause.
    pub pause_max: Duration,
}

impl InfluxSettings {
    /// The usual limits for a server.
    pub fn new(url: &str, org: &str, bucket: &str, token: &str) -> Self {
        Self {
            url: url.to_owned(),
            org: org.to_owned(),
            bucket: bucket.to_owned(),
            token: token.to_owned(),
            queue_max: 50_000,
            batch_max: 5_000,
            gather: Duration::from_secs(1),
            timeout: Duration::from_secs(10),
            pause_min: Duration::from_secs(1),
            pause_max: Duration::from_secs(30),
        }
    }
}

/// Why the settings are unusable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InfluxError {
    /// The address.
    #[error("the telemetry address must be http://HOST:PORT without a path")]
    Address,
    /// The limits.
    #[error("the telemetry queue must hold at least one batch, and a batch at least one point")]
    Limits,
    /// The client.
    #[error("the telemetry client could not be made: {0}")]
    Client(String),
}

/// The sink. [`InfluxSink::run`] must be running for anything to be sent.
pub struct InfluxSink {
    settings: InfluxSettings,
    client: Client,
    queue: Mutex<VecDeque<Point>>,
    wake: Notify,
    dropped: AtomicU64,
    written: AtomicU64,
    failures: AtomicU64,
}

/// What became of a call.
enum Outcome {
    Written,
    /// The server will never take these points.
    Refused,
    /// It may take them later.
    Later,
}

impl InfluxSink {
    /// Checks the settings and makes the sink.
    ///
    /// # Errors
    /// [`InfluxError`] says which setting is unusable.
    pub fn new(settings: InfluxSettings) -> Result<Self, InfluxError> {
        let url = url::Url::parse(&settings.url).map_err(|_| InfluxError::Address)?;
        if url.scheme() != "http" || url.host().is_none() || url.path() != "/" || url.query().is_some() {
            return Err(InfluxError::Address);
        }
        if settings.batch_max == 0 || settings.queue_max < settings.batch_max {
            return Err(InfluxError::Limits);
        }
        let client = influxdb2::ClientBuilder::new(&settings.url, &settings.org, &settings.token);
        let client = client.build().map_err(|e| InfluxError::Client(e.to_string()))?;
        let (dropped, written, failures) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { settings, client, queue: Mutex::default(), wake: Notify::new(), dropped, written, failures })
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Point>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many points the server has taken.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// How many calls failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Sends what is offered until it is cancelled.
    pub async fn run(&self) {
        loop {
            if self.queue().len() < self.settings.batch_max {
                self.wake.notified().await;
                // A full batch goes at once, the rest when it has gathered for a while.
                let full = async {
                    while self.queue().len() < self.settings.batch_max {
                        self.wake.notified().await;
                    }
                };
                let _gathered = tokio::time::timeout(self.settings.gather, full).await;
            }
            let batch: Vec<_> = {
                let mut queue = self.queue();
                let n = queue.len().min(self.settings.batch_max);
                queue.drain(..n).collect()
            };
            self.send(&batch).await;
        }
    }

    async fn send(&self, batch: &[Point]) {
        let (body, lines) = lines(batch);
        let unfit = (batch.len() as u64).saturating_sub(lines);
        self.dropped.fetch_add(unfit, Ordering::Relaxed);
        if lines == 0 {
            return;
        }
        let mut pause = self.settings.pause_min;
        loop {
            match self.call(body.clone()).await {
                Outcome::Written => {
                    self.written.fetch_add(lines, Ordering::Relaxed);
                    return;
                }
                Outcome::Refused => {
                    self.dropped.fetch_add(lines, Ordering::Relaxed);
                    return;
                }
                Outcome::Later => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(self.settings.pause_max);
                }
            }
        }
    }

    async fn call(&self, body: String) -> Outcome {
        let call = self.client.write_line_protocol(&self.settings.org, &self.settings.bucket, body);
        let result = match tokio::time::timeout(self.settings.timeout, call).await {
            Ok(Ok(())) => return Outcome::Written,
            Ok(Err(error)) => error,
            Err(_late) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                tracing::debug!("the telemetry server did not answer in time");
                return Outcome::Later;
            }
        };
        self.failures.fetch_add(1, Ordering::Relaxed);
        match result {
            // Wrong data will be wrong for ever; a wrong token or bucket may be put right.
            RequestError::Http { status, .. } if matches!(status.as_u16(), 400 | 413 | 422) => {
                tracing::warn!(status = status.as_u16(), "the telemetry server refuses a batch");
                Outcome::Refused
            }
            RequestError::Http { status, .. } => {
                tracing::debug!(status = status.as_u16(), "the telemetry server does not take measurements now");
                Outcome::Later
            }
            RequestError::ReqwestProcessing { .. } | RequestError::Serializing { .. } | RequestError::Deserializing { .. } => {
                tracing::debug!("the telemetry server cannot be reached");
                Outcome::Later
            }
        }
    }
}

impl TelemetrySink for InfluxSink {
    fn offer(&self, point: Point) {
        {
            let mut queue = self.queue();
            if queue.len() >= self.settings.queue_max {
                queue.pop_front();
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            queue.push_back(point);
        }
        self.wake.notify_one();
    }

    fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The points as line protocol, and how many of them can be told in it.
fn lines(points: &[Point]) -> (String, u64) {
    let mut out = String::with_capacity(points.len() * 96);
    let mut n = 0;
    for point in points {
        let Some(at) = point.at.timestamp_nanos_opt().filter(|_| point.value.is_finite() && !point.series.is_empty()) else { continue };
        escape(&mut out, point.series);
        for (key, value) in point.tags.iter().filter(|(key, value)| !key.is_empty() && !value.is_empty()) {
            out.push(',');
            escape(&mut out, key);
            out.push('=');
            escape(&mut out, value);
        }
        if writeln!(out, " value={} {at}", point.value).is_ok() {
            n += 1;
        }
    }
    (out, n)
}

/// Commas, blanks and equal signs stand behind a backslash; a backslash and line ends have no way to be said.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            ',' | ' ' | '=' => out.extend(['\\', c]),
            '\\' => out.push('/'),
            c if c.is_control() => out.push('_'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    fn point(home: &str, value: f64) -> Point {
        let at = "2026-11-23T12:00:00Z".parse().unwrap();
        Point { series: "reading", tags: vec![("home", home.to_owned()), ("kind", "motion".to_owned())], value, at }
    }

    /// A server that answers with the next status of the list, then 204 for ever; 0 = it never answers. Tells each
    /// request's head and body.
    async fn stub(statuses: &'static [u16]) -> (String, mpsc::UnboundedReceiver<(String, String)>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, told) = mpsc::unbounded_channel();
        let statuses = Arc::new(Mutex::new(statuses.iter().copied()));
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let (tell, statuses) = (tell.clone(), statuses.clone());
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    loop {
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        if let Some((head, body)) = text.split_once("\r\n\r\n") {
                            let length = head.to_lowercase().split_once("content-length: ").unwrap().1.lines().next().unwrap().parse().unwrap();
                            if body.len() >= length {
                                tell.send((head.to_owned(), body.to_owned())).unwrap();
                                bytes.clear();
                                let status = statuses.lock().unwrap().next().unwrap_or(204);
                                if status == 0 {
                                    std::future::pending::<()>().await;
                                }
                                socket.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
                                continue;
                            }
                        }
                        if socket.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
                            return;
                        }
                    }
                });
            }
        });
        (url, told)
    }

    fn sink(url: &str, change: impl FnOnce(&mut InfluxSettings)) -> Arc<InfluxSink> {
        let quick = Duration::from_millis(5);
        let mut settings = InfluxSettings {
            gather: quick,
            timeout: quick * 20,
            pause_min: quick,
            pause_max: quick * 4,
            ..InfluxSettings::new(url, "org", "care", "secret")
        };
        change(&mut settings);
        let sink = Arc::new(InfluxSink::new(settings).unwrap());
        let run = sink.clone();
        tokio::spawn(async move { run.run().await });
        sink
    }

    #[tokio::test]
    async fn a_batch_goes_with_token_organisation_bucket_and_escaped_lines() {
        let (url, mut told) = stub(&[]).await;
        let sink = sink(&url, |_| {});
        sink.offer(point("home 1,a=b\\\n守望", 1.5));
        let (head, body) = told.recv().await.unwrap();
        assert!(head.starts_with("POST /api/v2/write?"), "{head}");
        for part in ["bucket=care", "org=org", "precision=ns"] {
            assert!(head.lines().next().unwrap().contains(part), "{head}");
        }
        assert!(head.to_lowercase().contains("authorization: token secret"), "{head}");
        assert_eq!(body, "reading,home=home\\ 1\\,a\\=b/_守望,kind=motion value=1.5 1795435200000000000\n");
    }

    #[tokio::test]
    async fn what_the_server_cannot_take_now_is_sent_again_and_what_it_refuses_is_dropped() {
        // Overload, a hang, a wrong token, then success; then a batch that is refused for good.
        let (url, mut told) = stub(&[429, 503, 0, 401, 204, 400]).await;
        let sink = sink(&url, |_| {});
        sink.offer(point("a", 1.0));
        let mut bodies = Vec::new();
        for _ in 0..5 {
            bodies.push(told.recv().await.unwrap().1);
        }
        assert!(bodies.iter().all(|b| *b == bodies[0]), "the same batch until it is taken");
        sink.offer(point("b", 2.0));
        assert!(told.recv().await.unwrap().1.contains("home=b"));
        sink.offer(point("c", 3.0));
        assert!(told.recv().await.unwrap().1.contains("home=c"), "a refused batch does not come again");
        assert_eq!((sink.dropped(), sink.failures()), (1, 5));
    }

    #[tokio::test]
    async fn a_queue_that_is_full_drops_the_oldest_and_counts() {
        let (url, mut told) = stub(&[]).await;
        let sink = Arc::new(InfluxSink::new(InfluxSettings { queue_max: 10, batch_max: 10, ..InfluxSettings::new(&url, "o", "b", "") }).unwrap());
        for n in 0..25 {
            sink.offer(point(&format!("h{n}"), 1.0));
        }
        sink.offer(point("nan", f64::NAN));
        assert_eq!(sink.dropped(), 16);
        let run = sink.clone();
        tokio::spawn(async move { run.run().await });
        let body = told.recv().await.unwrap().1;
        assert_eq!(body.lines().count(), 9, "what is no number cannot be said: {body}");
        assert!(body.starts_with("reading,home=h16,"), "{body}");
        assert_eq!(sink.dropped(), 17);
    }

    #[test]
    fn addresses_that_would_not_be_kept_are_refused() {
        for bad in ["", "localhost:8086", "https://host:8086", "http://host/insert/1/influx", "http://host?db=x"] {
            let error = InfluxSink::new(InfluxSettings::new(bad, "o", "b", "t")).err();
            assert_eq!(error, Some(InfluxError::Address), "{bad}");
        }
    }
}
