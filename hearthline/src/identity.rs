//! The city's identity provider (`[console.provider]`): its settings, and how it is asked.

use anyhow::Context;
use async_trait::async_trait;
use console::{Fetch, Provider, Question};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Somebody waits at the sign-in page.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Longest answer, bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// `[console.provider]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// What people call it: it stands on the sign-in page.
    pub name: String,
    /// Its issuer, exactly as it writes it: `https://id.city.example`.
    pub issuer: String,
    /// What it knows the console as.
    pub client_id: String,
    /// A file that holds the secret that it gave for that; left out: PKCE alone.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// The console's address as browsers reach it: `https://console.city.example`.
    pub base: String,
    /// The claim that holds the sign-in name: `preferred_username`, `sub` or one of the city's own. Never one that people
    /// can change themselves.
    #[serde(default = "claim")]
    pub claim: String,
    /// What is asked for beside `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
}

fn claim() -> String {
    "preferred_username".to_owned()
}

fn scopes() -> Vec<String> {
    vec!["profile".to_owned()]
}

impl ProviderConfig {
    /// What is wrong with it, in sentences with their remedies.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (name, value) in [("issuer", &self.issuer), ("base", &self.base)] {
            if !console::may_be_asked(value) {
                out.push(format!("console.provider.{name} = \"{value}\": write an https:// address"));
            }
        }
        for (name, value) in [("name", &self.name), ("client_id", &self.client_id), ("claim", &self.claim)] {
            if value.trim().is_empty() {
                out.push(format!("console.provider.{name} is empty"));
            }
        }
        if let Some(file) = self.client_secret_file.as_ref().filter(|file| !file.is_file()) {
            out.push(format!("console.provider.client_secret_file = \"{}\": there is no such file", file.display()));
        }
        out
    }

    /// The provider as the console asks it.
    pub(crate) fn provider(&self) -> anyhow::Result<Provider> {
        let read = |file: &PathBuf| std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()));
        let secret = self.client_secret_file.as_ref().map(read).transpose()?.unwrap_or_default();
        Ok(Provider {
            name: self.name.clone(),
            issuer: self.issuer.clone(),
            client: self.client_id.clone(),
            secret: secret.trim().to_owned(),
            own: self.base.clone(),
            claim: self.claim.clone(),
            scopes: self.scopes.clone(),
            fetch: Arc::new(Http(crate::asking::client(ANSWER_WITHIN)?)),
        })
    }
}

struct Http(reqwest::Client);

#[async_trait]
impl Fetch for Http {
    async fn ask(&self, question: Question<'_>) -> Result<(u16, Vec<u8>), String> {
        let request = match question {
            Question::Get(address) => self.0.get(address),
            Question::Form { address, body, login } => {
                let request = self.0.post(address).header("content-type", "application/x-www-form-urlencoded").body(body);
                match login {
                    Some(login) => request.header("authorization", login),
                    None => request,
                }
            }
        };
        // The address stays out of what is said: it is in the configuration, and a secret could be in its query.
        let said = |error: reqwest::Error| error.without_url().to_string();
        let mut answer = request.header("accept", "application/json").send().await.map_err(said)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(said)? {
            if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err("its answer is too long".to_owned());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((answer.status().as_u16(), bytes))
    }
}
