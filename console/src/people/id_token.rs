//! What an identity provider says about somebody: an ID token (OpenID Connect Core 1.0, 3.1.3.7), believed only if one of
//! the provider's own keys has signed it, for us, for this one sign-in, and not long ago.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use care::{TimeDelta, Timestamp};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Longest token that is looked at, bytes.
const BYTES_MAX: usize = 16 * 1024;
/// How far the provider's clock may be from ours.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// Why a token is not believed. Said in the log; whoever signs in only hears that it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unbelieved {
    /// No three parts, no JSON, too long.
    #[error("the ID token is not well formed")]
    Form,
    /// `none`, a shared secret, or something else that is not asked for.
    #[error("the ID token is signed by an algorithm that is not taken")]
    Algorithm,
    /// No key of the provider's fits.
    #[error("the ID token is not signed by a key of the provider")]
    Key,
    /// Somebody else made it.
    #[error("the ID token names another issuer")]
    Issuer,
    /// It was made for another program.
    #[error("the ID token is for another client")]
    Audience,
    /// It is too old, or from the future.
    #[error("the ID token is not valid at this time")]
    Time,
    /// It belongs to another sign-in.
    #[error("the ID token is for another sign-in")]
    Nonce,
}

/// What a token has to say of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client: &'a str,
    pub(crate) nonce: &'a str,
}

/// The provider's keys, as it publishes them.
#[derive(Debug, Deserialize)]
pub(crate) struct Keys {
    keys: Vec<Key>,
}

#[derive(Debug, Deserialize)]
struct Key {
    #[serde(default)]
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

/// The algorithms that are taken. A shared secret is none: whoever knows it could sign for the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Rs256,
    Ps256,
    Es256,
}

impl Algorithm {
    fn of(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, Unbelieved> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Unbelieved::Form)
}

impl Key {
    fn fits(&self, head: &Head, algorithm: Algorithm) -> bool {
        let kind = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => self.kty == "RSA",
            Algorithm::Es256 => self.kty == "EC" && self.crv == "P-256",
        };
        let named = head.kid.is_none() || self.kid == head.kid;
        let signs = self.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
        kind && named && signs && self.alg.as_ref().is_none_or(|alg| *alg == head.alg)
    }

    fn signed(&self, algorithm: Algorithm, what: &[u8], signature: &[u8]) -> Result<bool, Unbelieved> {
        let number = |text: &str| bytes(text).map(|bytes| bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<u8>>());
        let rsa = |how| Ok(RsaPublicKeyComponents { n: number(&self.n)?, e: number(&self.e)? }.verify(how, what, signature).is_ok());
        match algorithm {
            Algorithm::Rs256 => rsa(&RSA_PKCS1_2048_8192_SHA256),
            Algorithm::Ps256 => rsa(&RSA_PSS_2048_8192_SHA256),
            Algorithm::Es256 => {
                let point = [vec![4], bytes(&self.x)?, bytes(&self.y)?].concat();
                Ok(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(what, signature).is_ok())
            }
        }
    }
}

/// What a token says, if it is believed.
pub(crate) fn believed(token: &str, keys: &Keys, expected: Expected<'_>, now: Timestamp) -> Result<Map<String, Value>, Unbelieved> {
    if token.len() > BYTES_MAX {
        return Err(Unbelieved::Form);
    }
    let (what, signature) = token.rsplit_once('.').ok_or(Unbelieved::Form)?;
    let (head, body) = what.split_once('.').ok_or(Unbelieved::Form)?;
    let head: Head = serde_json::from_slice(&bytes(head)?).map_err(|_| Unbelieved::Form)?;
    let algorithm = Algorithm::of(&head.alg).filter(|_| head.crit.is_none()).ok_or(Unbelieved::Algorithm)?;
    let signature = bytes(signature)?;
    let mut signed = false;
    for key in keys.keys.iter().filter(|key| key.fits(&head, algorithm)) {
        // A key that cannot be read is none; the next one may be.
        signed |= key.signed(algorithm, what.as_bytes(), &signature).unwrap_or(false);
    }
    if !signed {
        return Err(Unbelieved::Key);
    }
    let said: Map<String, Value> = serde_json::from_slice(&bytes(body)?).map_err(|_| Unbelieved::Form)?;
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(Unbelieved::Issuer);
    }
    let (for_us, for_others) = match said.get("aud") {
        Some(Value::String(one)) => (one == expected.client, false),
        Some(Value::Array(many)) => (many.iter().any(|one| one == expected.client), many.len() > 1),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => (false, false),
    };
    let party = text("azp");
    if !for_us || (for_others && party.is_none()) || party.is_some_and(|party| party != expected.client) {
        return Err(Unbelieved::Audience);
    }
    // Seconds since 1970; some providers write fractions.
    let at = |name: &str| said.get(name).and_then(Value::as_f64);
    let (now, skew) = (now.timestamp() as f64, SKEW.num_seconds() as f64);
    let (Some(ends), Some(made)) = (at("exp"), at("iat")) else { return Err(Unbelieved::Time) };
    if now >= ends + skew || made > now + skew || at("nbf").is_some_and(|begins| begins > now + skew) {
        return Err(Unbelieved::Time);
    }
    if text("nonce") != Some(expected.nonce) {
        return Err(Unbelieved::Nonce);
    }
    Ok(said)
}
