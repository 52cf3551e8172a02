//! E-mail by SMTP (lettre): STARTTLS or TLS with the system's or the given authorities. The message holds no name and no
//! address of an elder: mail lies about in many places. What the server takes is a receipt, not an acknowledgement (ALM-3).

use crate::channel::{Channel, Delivery, EffectKey, Errand, Failures, Health, Job, Reconciled, Take};
use async_trait::async_trait;
use care::alarm::AttemptOutcome;
use care::plan::ChannelName;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::time::Duration;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// TLS from the first byte.
    Tls,
    /// STARTTLS, and nothing without it.
    StartTls,
    /// None: a relay on this machine.
    Plain,
}

/// The mail server.
#[derive(Clone)]
pub struct EmailSettings {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub protection: Protection,
    /// User and password, if it wants them. Never logged.
    pub account: Option<(String, String)>,
    /// The sender: `守望 <duty@city.example>`.
    pub from: String,
    /// Authorities beside the well-known ones, PEM.
    pub authorities_pem: Vec<Vec<u8>>,
    /// How long one step may take.
    pub answer_within: Duration,
}

/// Why the channel cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum EmailError {
    /// The sender is no mailbox.
    #[error("the sender is not an e-mail address")]
    From,
    /// TLS cannot be set up.
    #[error("TLS for the mail server cannot be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// The channel `email`: addresses are mailboxes.
pub struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    within: Duration,
    failures: Failures,
}

impl Email {
    /// Sets the channel up. Connects with the first message.
    ///
    /// # Errors
    /// If the sender is no mailbox or TLS cannot be set up.
    pub fn new(settings: &EmailSettings) -> Result<Self, EmailError> {
        crate::tls::provide();
        let from = settings.from.parse().map_err(|_| EmailError::From)?;
        let parameters = || {
            let mut builder = TlsParameters::builder(settings.host.clone());
            for pem in &settings.authorities_pem {
                builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(EmailError::Tls)?);
            }
            builder.build_rustls().map_err(EmailError::Tls)
        };
        let tls = match settings.protection {
            Protection::Tls => Tls::Wrapper(parameters()?),
            Protection::StartTls => Tls::Required(parameters()?),
            Protection::Plain => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(settings.answer_within));
        if let Some((user, password)) = &settings.account {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(Self { transport: builder.build(), from, within: settings.answer_within, failures: Failures::default() })
    }

    fn message(&self, job: &Job, address: &str, text: &str) -> Option<Message> {
        let to: Mailbox = address.parse().ok()?;
        let subject = text.split(['。', '.', '\n']).next().unwrap_or("Hearthline");
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .message_id(Some(format!("<{}@hearthline>", job.key)))
            .header(ContentType::TEXT_PLAIN)
            .body(text.to_owned())
            .ok()
    }
}

#[async_trait]
impl Channel for Email {
    fn name(&self) -> &str {
        ChannelName::EMAIL
    }

    fn is_simulated(&self) -> bool {
        false
    }

    async fn deliver(&self, job: &Job, take: &dyn Take) -> Delivery {
        let Errand::Notify { address, words, .. } = &job.errand else { return Delivery::Ended(AttemptOutcome::Unreachable) };
        let Some(message) = self.message(job, address, &words.message) else { return Delivery::Ended(AttemptOutcome::Unreachable) };
        let sent = tokio::time::timeout(self.within.saturating_mul(2), self.transport.send(message)).await;
        match sent {
            Ok(Ok(_)) => {
                self.failures.worked();
                take.reached();
                Delivery::Ended(AttemptOutcome::Delivered)
            }
            // 550 and its like: no such mailbox. 535: our account is wrong, which is the channel's fault.
            Ok(Err(error)) if error.is_permanent() && error.status().is_some_and(|code| matches!(u16::from(code), 550..=554)) => {
                Delivery::Ended(AttemptOutcome::Unreachable)
            }
            Ok(Err(error)) if error.is_transient() => {
                self.failures.failed();
                Delivery::Again(None)
            }
            Ok(Err(_)) | Err(_) => {
                self.failures.failed();
                tracing::warn!("a mail server did not take a message");
                Delivery::Down
            }
        }
    }

    async fn release(&self, _key: &EffectKey) {}

    async fn reconcile(&self, _key: &EffectKey) -> Reconciled {
        Reconciled::NotKnown
    }

    fn health(&self) -> Health {
        self.failures.health(1, "messages")
    }

    fn deliver_within(&self) -> Duration {
        self.within.saturating_mul(2) + Duration::from_secs(1)
    }
}

#[cfg(test)]
mod tests;
