//! A signed HTTP request (Standard Webhooks 1.0). The `webhook-id` is the effect's key, so that a receiver can tell a
//! repetition. A 2xx means delivered and nothing more: a receipt never acknowledges an alarm (ALM-3).

use crate::channel::{Channel, Delivery, EffectKey, Errand, Health, Job, Reconciled, Take};
use async_trait::async_trait;
use care::alarm::AttemptOutcome;
use crate::words::Words;
use care::ContactId;
use care::plan::ChannelName;
use care::reason::Language;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use reqwest::{StatusCode, Url};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use store::Clock;

/// Longest `retry-after` that is heeded.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// How webhooks are sent.
#[derive(Clone)]
pub struct WebhookSettings {
    /// The signing secret, `whsec_` and base64. Never logged.
    pub secret: String,
    /// How long a receiver may take for its answer.
    pub answer_within: Duration,
    /// How long the connection may take.
    pub connect_within: Duration,
    /// Whether the details of a home (names, address) go along. Without them a receiver asks the API.
    pub details: Details,
}

/// What a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Details {
    /// Identifiers, cause, reason.
    Brief,
    /// What a person would hear after the key, too.
    Full,
}

impl WebhookSettings {
    /// The defaults, with this secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self {
            secret: secret.into(),
            answer_within: Duration::from_secs(5),
            connect_within: Duration::from_secs(2),
            details: Details::Brief,
        }
    }
}

/// Why the channel cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The secret is not base64.
    #[error("the webhook secret is not `whsec_` and base64")]
    Secret,
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built: {0}")]
    Client(#[source] reqwest::Error),
}

/// The channel `webhook`: addresses are URLs.
pub struct Webhook {
    client: reqwest::Client,
    signer: standardwebhooks::Webhook,
    clock: Arc<dyn Clock>,
    settings: WebhookSettings,
    failures: AtomicU32,
}

impl Webhook {
    /// Sets the channel up. Installs ring as the process's TLS provider if there is none yet.
    ///
    /// # Errors
    /// If the secret is not base64 or the client cannot be built.
    pub fn new(settings: WebhookSettings, clock: Arc<dyn Clock>) -> Result<Self, WebhookError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() && rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("another TLS provider was installed first");
        }
        let signer = standardwebhooks::Webhook::new(&settings.secret).map_err(|_| WebhookError::Secret)?;
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(settings.connect_within)
            .timeout(settings.answer_within)
            .no_proxy()
            .pool_max_idle_per_host(16)
            .build()
            .map_err(WebhookError::Client)?;
        Ok(Self { client, signer, clock, settings, failures: AtomicU32::new(0) })
    }

    fn body(&self, job: &Job, contact: &ContactId, words: &Words, language: Language) -> String {
        let mut data = serde_json::json!({
            "alarm": job.key.alarm,
            "attempt": job.key.no,
            "home": job.home,
            "contact": contact,
            "cause": job.cause,
            "level": job.level,
            "test": job.test,
            "raised_at": job.raised_at,
            "presses": job.presses,
            "reason": { "code": job.reason.code, "params": job.reason.params, "text": words.reason },
            "text": words.brief,
            "language": language,
        });
        if let (Details::Full, Some(map)) = (self.settings.details, data.as_object_mut()) {
            map.insert("details".to_owned(), words.full.as_str().into());
        }
        serde_json::json!({ "type": "alarm.calling", "timestamp": self.clock.now(), "data": data }).to_string()
    }

    fn failed(&self, delivery: Delivery) -> Delivery {
        self.failures.fetch_add(1, Ordering::Relaxed);
        delivery
    }

    fn judge(&self, status: StatusCode, headers: &HeaderMap) -> Delivery {
        let code = status.as_u16();
        match code {
            200..=299 => Delivery::Ended(AttemptOutcome::Delivered),
            408 | 425 | 429 | 500..=599 => {
                let after = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok()).map(Duration::from_secs);
                self.failed(Delivery::Again(after.map(|a| a.min(RETRY_AFTER_MAX))))
            }
            300..=399 | 404 | 410 => Delivery::Ended(AttemptOutcome::Unreachable),
            _ => Delivery::Ended(AttemptOutcome::Declined),
        }
    }
}

#[async_trait]
impl Channel for Webhook {
    fn name(&self) -> &str {
        ChannelName::WEBHOOK
    }

    fn is_simulated(&self) -> bool {
        false
    }

    async fn deliver(&self, job: &Job, take: &dyn Take) -> Delivery {
        let Errand::Notify { contact, address, words, language, .. } = &job.errand else {
            return Delivery::Ended(AttemptOutcome::Unreachable);
        };
        let Ok(url) = Url::parse(address) else { return Delivery::Ended(AttemptOutcome::Unreachable) };
        if !matches!(url.scheme(), "https" | "http") {
            return Delivery::Ended(AttemptOutcome::Unreachable);
        }
        let body = self.body(job, contact, words, *language);
        let (id, at) = (job.key.to_string(), self.clock.now().timestamp());
        let Ok(signature) = self.signer.sign(&id, at, body.as_bytes()) else { return Delivery::Down };
        let sent = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("hearthline/", env!("CARGO_PKG_VERSION")))
            .header(standardwebhooks::HEADER_WEBHOOK_ID, id)
            .header(standardwebhooks::HEADER_WEBHOOK_TIMESTAMP, at.to_string())
            .header(standardwebhooks::HEADER_WEBHOOK_SIGNATURE, signature)
            .body(body)
            .send()
            .await;
        match sent {
            Ok(answer) => {
                let delivery = self.judge(answer.status(), answer.headers());
                if let Delivery::Ended(_) = delivery {
                    self.failures.store(0, Ordering::Relaxed);
                    take.reached();
                }
                delivery
            }
            // It may have arrived: the next channel is tried rather than waiting for the same silence again.
            Err(error) if error.is_timeout() => self.failed(Delivery::Down),
            Err(error) if error.is_builder() => Delivery::Ended(AttemptOutcome::Unreachable),
            Err(_) => self.failed(Delivery::Again(None)),
        }
    }

    async fn release(&self, _key: &EffectKey) {}

    async fn reconcile(&self, _key: &EffectKey) -> Reconciled {
        Reconciled::NotKnown
    }

    fn health(&self) -> Health {
        match self.failures.load(Ordering::Relaxed) {
            0 => Health::Up,
            n => Health::Down(format!("{n} requests in a row have failed")),
        }
    }

    fn route(&self, address: &str) -> String {
        Url::parse(address).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }

    fn deliver_within(&self) -> Duration {
        self.settings.answer_within + self.settings.connect_within + Duration::from_secs(1)
    }
}

#[cfg(test)]
mod tests;
