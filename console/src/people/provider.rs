//! Signing in by the city's own identity provider (OpenID Connect: authorization code with PKCE). The provider says who
//! somebody is and asks for a second factor if it wants one; role and area stay what the register says.
//!
//! ```text
//! begin: a secret in a cookie ──▶ state, nonce and verifier are made of it ──▶ the provider's page
//! done:  the state is the cookie's ──▶ code ──▶ ID token, checked against the provider's keys ──▶ the account of that name
//! ```

use super::id_token::{Expected, Keys, Unbelieved, believed};
use crate::app::App;
use crate::caller::{cookie, hash_of};
use crate::pages::office::encode;
use crate::ports::{Fetch, Question};
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use care::{PersonId, TimeDelta, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use store::register::PersonRecord;

/// How long somebody may take at the provider's page.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// How long the provider's description is taken as it was read.
const DESCRIPTION_FRESH: TimeDelta = TimeDelta::minutes(10);
/// Longest path that is remembered over the way to the provider, bytes.
const NEXT_BYTES_MAX: usize = 512;
/// Sign-ins that are remembered to be over; a code that comes back a second time is refused by the provider as well.
const SPENT_KEPT: usize = 1_000;
/// Longest value that comes back from the provider's page, bytes.
const BACK_BYTES_MAX: usize = 4 * 1024;

/// The city's identity provider.
#[derive(Clone)]
pub struct Provider {
    /// Its name on the sign-in page.
    pub name: String,
    /// Its issuer: `https://id.example.org`.
    pub issuer: String,
    /// What it knows us as.
    pub client: String,
    /// The secret that it gave us; empty: none, PKCE alone. Never logged.
    pub secret: String,
    /// Our own address as browsers reach it: `https://console.example.org`.
    pub own: String,
    /// The claim that is the sign-in name here.
    pub claim: String,
    /// What is asked of it beside `openid`.
    pub scopes: Vec<String>,
    /// How it is asked.
    pub fetch: Arc<dyn Fetch>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.issuer).field("client", &self.client).finish_non_exhaustive()
    }
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// The answer belongs to no sign-in that this browser has begun, or to one that is over.
    #[error("the answer belongs to no sign-in that was begun here")]
    Stray,
    /// The provider has refused.
    #[error("the provider refused: {0}")]
    Denied(String),
    /// The provider cannot be asked, or does not answer as it should.
    #[error("the provider does not answer: {0}")]
    Unreachable(String),
    /// What it says is not believed.
    #[error(transparent)]
    Unbelieved(#[from] Unbelieved),
    /// It has not said who it is.
    #[error("the ID token does not have the claim {0}")]
    Unnamed(String),
    /// Nobody is known by that name here.
    #[error("the provider named somebody who has no account here")]
    Stranger,
    /// Our own register did not answer.
    #[error("the register failed: {0}")]
    Register(#[from] store::LedgerError),
}

/// What the provider says about itself (OpenID Connect Discovery 1.0).
#[derive(Debug, Clone, Deserialize)]
struct Description {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    end_session_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// What is remembered about the way to the provider: its description for a while, and the sign-ins that are over.
#[derive(Default)]
pub(crate) struct Way {
    described: Mutex<Option<(Timestamp, Arc<Description>)>>,
    spent: Mutex<VecDeque<String>>,
}

impl Way {
    /// Ends a sign-in; false if it was over already.
    fn spend(&self, secret: &str) -> bool {
        let secret = hash_of(secret);
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.contains(&secret) {
            return false;
        }
        if spent.len() >= SPENT_KEPT {
            spent.pop_front();
        }
        spent.push_back(secret);
        true
    }
}

/// What comes back with the browser.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    error: String,
    /// RFC 9207.
    #[serde(default)]
    iss: Option<String>,
}

/// The three values that are made of one secret: nothing is kept here, and a browser can only end what it began.
struct Made {
    state: String,
    nonce: String,
    verifier: String,
}

impl Made {
    fn of(secret: &str) -> Self {
        let of = |what: &str| hash_of(&format!("{what}.{secret}"));
        Self { state: of("state"), nonce: of("nonce"), verifier: of("verifier") }
    }
}

/// The name of its cookie.
pub(crate) fn cookie_name(app: &App) -> &'static str {
    if app.secure() { "__Host-hearthline-provider" } else { "hearthline-provider" }
}

/// True if an address may be asked: by TLS, or on this machine.
pub fn may_be_asked(address: &str) -> bool {
    let near = ["http://127.0.0.1", "http://[::1]", "http://localhost"];
    let named = !address.contains('@'); // whose name would stand before the host's
    named && (address.starts_with("https://") || near.iter().any(|near| address.strip_prefix(near).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))))
}

fn query(pairs: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        out.push_str(&encode(value));
    }
    out
}

fn with_query(address: &str, pairs: &[(&str, &str)]) -> String {
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{}", query(pairs))
}

impl Provider {
    fn returns_to(&self) -> String {
        format!("{}/sign-in/provider/done", self.own.trim_end_matches('/'))
    }

    async fn json<T: serde::de::DeserializeOwned>(&self, what: &str, asked: Question<'_>) -> Result<T, Failed> {
        let (status, body) = self.fetch.ask(asked).await.map_err(|why| Failed::Unreachable(format!("{what}: {why}")))?;
        if status == 200 {
            serde_json::from_slice(&body).map_err(|_| Failed::Unreachable(format!("{what}: an answer that cannot be read")))
        } else {
            Err(Failed::Unreachable(format!("{what}: status {status}")))
        }
    }

    async fn described(&self, app: &App) -> Result<Arc<Description>, Failed> {
        let now = app.now();
        {
            let kept = app.way.described.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, description)) = kept.as_ref().filter(|(at, _)| now - *at < DESCRIPTION_FRESH) {
                return Ok(Arc::clone(description));
            }
        }
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let description: Description = self.json("its description", Question::Get(&address)).await?;
        if description.issuer != self.issuer {
            return Err(Unbelieved::Issuer.into());
        }
        let asked = [&description.authorization_endpoint, &description.token_endpoint, &description.jwks_uri];
        if asked.into_iter().chain(&description.end_session_endpoint).any(|address| !may_be_asked(address)) {
            return Err(Failed::Unreachable("its description: an address without TLS".to_owned()));
        }
        let description = Arc::new(description);
        *app.way.described.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&description)));
        Ok(description)
    }

    /// Begins a sign-in that leads on to a path of ours: where to send the browser, and its cookie.
    pub(crate) async fn begin(&self, app: &App, next: &str) -> Result<(String, String), Failed> {
        let description = self.described(app).await?;
        let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let made = Made::of(&secret);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(made.verifier.as_bytes()));
        let scope = std::iter::once("openid").chain(self.scopes.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
        let address = with_query(
            &description.authorization_endpoint,
            &[
                ("response_type", "code"),
                ("client_id", &self.client),
                ("redirect_uri", &self.returns_to()),
                ("scope", &scope),
                ("state", &made.state),
                ("nonce", &made.nonce),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ],
        );
        let next = if next.len() > NEXT_BYTES_MAX { "/" } else { next };
        Ok((address, format!("{secret}.{}", URL_SAFE_NO_PAD.encode(next))))
    }

    /// Ends a sign-in: whose it is, and where it leads on to.
    pub(crate) async fn done(&self, app: &App, headers: &HeaderMap, back: &Back) -> Result<(PersonRecord, String), Failed> {
        let kept = cookie(headers, cookie_name(app)).filter(|kept| kept.len() <= NEXT_BYTES_MAX * 2).ok_or(Failed::Stray)?;
        let (secret, next) = kept.split_once('.').ok_or(Failed::Stray)?;
        let next = URL_SAFE_NO_PAD.decode(next).ok().and_then(|next| String::from_utf8(next).ok()).ok_or(Failed::Stray)?;
        let made = Made::of(secret);
        if secret.is_empty() || back.state != made.state || !app.way.spend(secret) {
            return Err(Failed::Stray);
        }
        if back.iss.as_ref().is_some_and(|issuer| *issuer != self.issuer) {
            return Err(Unbelieved::Issuer.into());
        }
        if back.code.is_empty() || back.code.len() > BACK_BYTES_MAX {
            let why: String = back.error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect();
            return Err(Failed::Denied(why));
        }
        let said = self.said(app, &back.code, &made).await?;
        let name = said.get(&self.claim).and_then(Value::as_str).ok_or_else(|| Failed::Unnamed(self.claim.clone()))?;
        let person = if care::id::well_formed(name) { app.parts.register.person(&PersonId::new(name)).await? } else { None };
        let person = person.filter(|person| person.active).ok_or(Failed::Stranger)?;
        Ok((person, next))
    }

    async fn said(&self, app: &App, code: &str, made: &Made) -> Result<Map<String, Value>, Failed> {
        #[derive(Deserialize)]
        struct Answer {
            id_token: String,
        }
        let description = self.described(app).await?;
        let returns_to = self.returns_to();
        let mut form = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", returns_to.as_str()), ("code_verifier", made.verifier.as_str())];
        let methods = &description.token_endpoint_auth_methods_supported;
        let by_head = methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic");
        let login = (!self.secret.is_empty() && by_head).then(|| format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(&self.client), encode(&self.secret)))));
        if login.is_none() {
            form.push(("client_id", &self.client));
            if !self.secret.is_empty() {
                form.push(("client_secret", &self.secret));
            }
        }
        let asked = Question::Form { address: &description.token_endpoint, body: query(&form), login };
        let answer: Answer = self.json("its token", asked).await?;
        // Asked for anew with each sign-in: a key that was withdrawn is none from then on.
        let keys: Keys = self.json("its keys", Question::Get(&description.jwks_uri)).await?;
        let expected = Expected { issuer: &self.issuer, client: &self.client, nonce: &made.nonce };
        Ok(believed(&answer.id_token, &keys, expected, app.now())?)
    }

    /// Where a browser ends its sign-in at the provider as well, if the provider has such a page.
    pub(crate) async fn end_address(&self, app: &App) -> Option<String> {
        let description = self.described(app).await.ok()?;
        let back = format!("{}/sign-in", self.own.trim_end_matches('/'));
        let end = description.end_session_endpoint.as_ref()?;
        Some(with_query(end, &[("client_id", &self.client), ("post_logout_redirect_uri", &back)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_this_machine_are_asked() {
        for good in ["https://id.example.org", "http://127.0.0.1:9400/x", "http://localhost:1", "http://[::1]:1"] {
            assert!(may_be_asked(good), "{good}");
        }
        for bad in ["http://id.example.org", "http://127.0.0.1.example.org", "http://localhost.example.org", "ftp://x", "javascript:alert(1)", "http://127.0.0.1@example.org", "http://localhost:1@example.org"] {
            assert!(!may_be_asked(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_sent_is_encoded() {
        assert_eq!(with_query("https://a/b?c=d", &[("e", "f g&h")]), "https://a/b?c=d&e=f%20g%26h");
    }
}
