//! The poster: one small HTTP client for every channel that is one request. What a channel sends and how it reads the
//! answer is its [`Form`]; time limits, repetition and health are here, once. A 2xx is a receipt and nothing more: it
//! never acknowledges an alarm (ALM-3).

use crate::channel::{Channel, Delivery, EffectKey, Errand, Failures, Health, Job, Reconciled, Take};
use crate::words::Words;
use async_trait::async_trait;
use care::alarm::AttemptOutcome;
use care::reason::Language;
use care::{ContactId, Timestamp};
use reqwest::header::{HeaderMap, RETRY_AFTER, USER_AGENT};
use reqwest::{StatusCode, Url};
use std::sync::Arc;
use std::time::Duration;
use store::Clock;

/// Longest `retry-after` that is heeded.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// Largest answer that is read (LIM-1).
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How long the other end may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the connection.
    pub connect_within: Duration,
    /// For the answer.
    pub answer_within: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect_within: Duration::from_secs(3), answer_within: Duration::from_secs(8) }
    }
}

/// Whom a job is for.
pub struct To<'a> {
    /// The contact.
    pub contact: &'a ContactId,
    /// The address on this channel. Never logged.
    pub address: &'a str,
    /// What to say. Never logged.
    pub words: &'a Words,
    /// In which language.
    pub language: Language,
}

/// One request.
pub struct Post {
    /// Where to.
    pub url: Url,
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// What a channel sends and how it reads the answer.
pub trait Form: Send + Sync {
    /// The channel's name.
    fn name(&self) -> &str;

    /// The request, or `None` if the address cannot be one of this channel's.
    fn write(&self, job: &Job, to: &To<'_>, now: Timestamp) -> Option<Post>;

    /// What a 2xx with this body means; most say it by the status alone.
    fn read(&self, _body: &[u8]) -> Delivery {
        Delivery::Ended(AttemptOutcome::Delivered)
    }

    /// Where a message to this address goes.
    fn url(&self, address: &str) -> Option<Url> {
        Url::parse(address).ok()
    }
}

/// The HTTP client cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be built")]
pub struct PosterError(#[source] reqwest::Error);

/// A channel that is one HTTP request.
pub struct Poster<F> {
    form: F,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    patience: Patience,
    failures: Failures,
}

/// What a status means before the body is looked at; `None`: a 2xx.
pub(crate) fn judge(status: StatusCode, headers: &HeaderMap) -> Option<Delivery> {
    match status.as_u16() {
        200..=299 => None,
        408 | 425 | 429 | 500..=599 => {
            let after = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok()).map(Duration::from_secs);
            Some(Delivery::Again(after.map(|a| a.min(RETRY_AFTER_MAX))))
        }
        300..=399 | 404 | 410 => Some(Delivery::Ended(AttemptOutcome::Unreachable)),
        _ => Some(Delivery::Ended(AttemptOutcome::Declined)),
    }
}

/// A client that follows no redirect and no proxy.
pub(crate) fn client(patience: Patience) -> Result<reqwest::Client, reqwest::Error> {
    crate::tls::provide();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(patience.connect_within)
        .timeout(patience.answer_within)
        .no_proxy()
        .pool_max_idle_per_host(16)
        .build()
}

impl<F: Form> Poster<F> {
    /// Sets the channel up.
    ///
    /// # Errors
    /// If the client cannot be built.
    pub fn new(form: F, patience: Patience, clock: Arc<dyn Clock>) -> Result<Self, PosterError> {
        let client = client(patience).map_err(PosterError)?;
        Ok(Self { form, client, clock, patience, failures: Failures::default() })
    }

    async fn post(&self, post: Post) -> Delivery {
        let mut request = self.client.post(post.url).header(USER_AGENT, concat!("hearthline/", env!("CARGO_PKG_VERSION")));
        for (name, value) in post.headers {
            request = request.header(name, value);
        }
        match request.body(post.body).send().await {
            Ok(answer) => match judge(answer.status(), answer.headers()) {
                Some(delivery) => delivery,
                None => self.form.read(&body(answer).await),
            },
            // It may have arrived: the next channel is tried rather than waiting for the same silence again.
            Err(error) if error.is_timeout() => Delivery::Down,
            Err(error) if error.is_builder() => Delivery::Ended(AttemptOutcome::Unreachable),
            Err(_) => Delivery::Again(None),
        }
    }
}

async fn body(mut answer: reqwest::Response) -> Vec<u8> {
    let mut out = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        if out.len() + chunk.len() > ANSWER_BYTES_MAX {
            break;
        }
        out.extend_from_slice(&chunk);
    }
    out
}

#[async_trait]
impl<F: Form> Channel for Poster<F> {
    fn name(&self) -> &str {
        self.form.name()
    }

    fn is_simulated(&self) -> bool {
        false
    }

    async fn deliver(&self, job: &Job, take: &dyn Take) -> Delivery {
        let Errand::Notify { contact, address, words, language, .. } = &job.errand else {
            return Delivery::Ended(AttemptOutcome::Unreachable);
        };
        let to = To { contact, address, words, language: *language };
        let Some(post) = self.form.write(job, &to, self.clock.now()).filter(|p| matches!(p.url.scheme(), "https" | "http")) else {
            return Delivery::Ended(AttemptOutcome::Unreachable);
        };
        let delivery = self.post(post).await;
        self.failures.count(&delivery);
        if let Delivery::Ended(_) = delivery {
            take.reached();
        }
        delivery
    }

    async fn release(&self, _key: &EffectKey) {}

    async fn reconcile(&self, _key: &EffectKey) -> Reconciled {
        Reconciled::NotKnown
    }

    fn health(&self) -> Health {
        self.failures.health(1, "requests")
    }

    fn route(&self, address: &str) -> String {
        self.form.url(address).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }

    fn deliver_within(&self) -> Duration {
        self.patience.answer_within + self.patience.connect_within + Duration::from_secs(1)
    }
}

#[cfg(test)]
mod tests;
