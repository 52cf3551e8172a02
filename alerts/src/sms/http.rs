//! SMS by a provider's HTTP interface: one request a message, as a form (Twilio and those like it) or as JSON, with the
//! field names of the provider.

use crate::channel::{Delivery, Job};
use crate::poster::{Form, Post, To};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use care::Timestamp;
use care::alarm::AttemptOutcome;
use reqwest::Url;

/// How a provider wants the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/json`.
    Json,
}

/// How the account shows that it is itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Account {
    /// HTTP Basic: user and password. Never logged.
    Basic(String, String),
    /// A bearer token. Never logged.
    Bearer(String),
}

/// A provider.
#[derive(Clone)]
pub struct Provider {
    /// Where messages are posted.
    pub url: Url,
    /// The account.
    pub account: Account,
    /// Form or JSON.
    pub encoding: Encoding,
    /// Names of the fields: recipient, sender, text.
    pub fields: [String; 3],
    /// The sender: a number, or a signature that the provider has approved.
    pub sender: String,
    /// A field of the JSON answer that must have this value, for providers that refuse with a 200: `("code", "0")`.
    pub success: Option<(String, String)>,
}

impl Provider {
    /// A provider that speaks as Twilio does.
    pub fn twilio(url: Url, account: &str, secret: &str, sender: &str) -> Self {
        Self {
            url,
            account: Account::Basic(account.to_owned(), secret.to_owned()),
            encoding: Encoding::Form,
            fields: ["To", "From", "Body"].map(str::to_owned),
            sender: sender.to_owned(),
            success: None,
        }
    }
}

impl Form for Provider {
    fn name(&self) -> &str {
        "sms_http"
    }

    fn write(&self, job: &Job, to: &To<'_>, _now: Timestamp) -> Option<Post> {
        let (digits, international) = super::digits(to.address)?;
        let number = if international { format!("+{digits}") } else { digits };
        let [recipient, sender, text] = &self.fields;
        let pairs = [(recipient, number.as_str()), (sender, self.sender.as_str()), (text, to.words.message.as_str())];
        let (kind, body) = match self.encoding {
            Encoding::Form => {
                let mut form = url_form();
                form.extend_pairs(pairs);
                ("application/x-www-form-urlencoded", form.finish().into_bytes())
            }
            Encoding::Json => {
                let map: serde_json::Map<_, _> = pairs.into_iter().map(|(k, v)| (k.clone(), v.into())).collect();
                ("application/json", serde_json::Value::Object(map).to_string().into_bytes())
            }
        };
        let account = match &self.account {
            Account::Basic(user, password) => format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))),
            Account::Bearer(token) => format!("Bearer {token}"),
        };
        let headers = vec![("content-type", kind.to_owned()), ("authorization", account), ("idempotency-key", job.key.to_string())];
        Some(Post { url: self.url.clone(), headers, body })
    }

    fn read(&self, body: &[u8]) -> Delivery {
        let Some((field, wanted)) = &self.success else { return Delivery::Ended(AttemptOutcome::Delivered) };
        let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let said = answer.get(field).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
        Delivery::Ended(if said.as_ref() == Some(wanted) { AttemptOutcome::Delivered } else { AttemptOutcome::Declined })
    }

    fn url(&self, _address: &str) -> Option<Url> {
        Some(self.url.clone())
    }
}

fn url_form() -> url::form_urlencoded::Serializer<'static, String> {
    url::form_urlencoded::Serializer::new(String::new())
}
