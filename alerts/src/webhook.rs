//! A signed HTTP request (Standard Webhooks 1.0). The `webhook-id` is the effect's key, so that a receiver can tell a
//! repetition. A 2xx means delivered and nothing more: a receipt never acknowledges an alarm (ALM-3).

use crate::channel::Job;
use crate::poster::{Form, Patience, Post, Poster, PosterError, To};
use care::Timestamp;
use care::plan::ChannelName;
use reqwest::Url;
use std::sync::Arc;
use std::time::Duration;
use store::Clock;

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
    #[error(transparent)]
    Client(#[from] PosterError),
}

/// The channel `webhook`: addresses are URLs.
pub struct Webhook {
    signer: standardwebhooks::Webhook,
    details: Details,
}

impl Webhook {
    /// Sets the channel up.
    ///
    /// # Errors
    /// If the secret is not base64 or the client cannot be built.
    pub fn open(settings: &WebhookSettings, clock: Arc<dyn Clock>) -> Result<Poster<Self>, WebhookError> {
        let signer = standardwebhooks::Webhook::new(&settings.secret).map_err(|_| WebhookError::Secret)?;
        let patience = Patience { connect_within: settings.connect_within, answer_within: settings.answer_within };
        Ok(Poster::new(Self { signer, details: settings.details }, patience, clock)?)
    }

    fn body(&self, job: &Job, to: &To<'_>, now: Timestamp) -> String {
        let mut data = serde_json::json!({
            "alarm": job.key.alarm,
            "attempt": job.key.no,
            "home": job.home,
            "contact": to.contact,
            "cause": job.cause,
            "level": job.level,
            "test": job.test,
            "raised_at": job.raised_at,
            "presses": job.presses,
            "reason": { "code": job.reason.code, "params": job.reason.params, "text": to.words.reason },
            "text": to.words.brief,
            "language": to.language,
        });
        if let (Details::Full, Some(map)) = (self.details, data.as_object_mut()) {
            map.insert("details".to_owned(), to.words.full.as_str().into());
        }
        serde_json::json!({ "type": "alarm.calling", "timestamp": now, "data": data }).to_string()
    }
}

impl Form for Webhook {
    fn name(&self) -> &str {
        ChannelName::WEBHOOK
    }

    fn write(&self, job: &Job, to: &To<'_>, now: Timestamp) -> Option<Post> {
        let url = Url::parse(to.address).ok()?;
        let (id, at, body) = (job.key.to_string(), now.timestamp(), self.body(job, to, now));
        let signature = self.signer.sign(&id, at, body.as_bytes()).ok()?;
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            (standardwebhooks::HEADER_WEBHOOK_ID, id),
            (standardwebhooks::HEADER_WEBHOOK_TIMESTAMP, at.to_string()),
            (standardwebhooks::HEADER_WEBHOOK_SIGNATURE, signature),
        ];
        Some(Post { url, headers, body: body.into_bytes() })
    }
}

#[cfg(test)]
mod tests;
