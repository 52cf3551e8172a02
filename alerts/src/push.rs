//! Web Push: RFC 8030 (delivery), RFC 8291 (encryption, `aes128gcm` of RFC 8188), RFC 8292 (VAPID). An address is the
//! browser's subscription as JSON: `{"endpoint":…,"keys":{"p256dh":…,"auth":…}}`. The push service sees nothing but its
//! length.

use crate::channel::Job;
use crate::poster::{Form, Post, To};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use care::plan::ChannelName;
use care::{Level, Timestamp};
use reqwest::Url;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde::Deserialize;

/// Record size of the content encoding: one record holds everything.
const RECORD: u32 = 4_096;
/// Longest plain text: record minus tag, padding delimiter and the header (RFC 8291, section 4).
const PLAIN_MAX: usize = 3_993;
/// How long the push service keeps a message for a browser that is away, seconds.
const TTL_S: u32 = 3_600;
/// How long a VAPID token holds, seconds; RFC 8292 allows 24 hours.
const TOKEN_S: i64 = 12 * 3_600;

/// A browser's subscription.
#[derive(Debug, Deserialize)]
struct Subscription {
    endpoint: String,
    keys: SubscriptionKeys,
}

#[derive(Debug, Deserialize)]
struct SubscriptionKeys {
    p256dh: String,
    auth: String,
}

/// Why the key of the application server cannot be used.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the VAPID key is not PKCS#8 of a P-256 key")]
pub struct VapidError;

/// The channel `push`.
pub struct Push {
    key: EcdsaKeyPair,
    public: String,
    subject: String,
    random: SystemRandom,
}

fn unbase(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

impl Push {
    /// With the application server's key (PKCS#8, DER) and its contact, `mailto:…` or `https:…`.
    ///
    /// # Errors
    /// If the key is none.
    pub fn new(pkcs8: &[u8], subject: &str) -> Result<Self, VapidError> {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random).map_err(|_| VapidError)?;
        let public = URL_SAFE_NO_PAD.encode(key.public_key().as_ref());
        Ok(Self { key, public, subject: subject.to_owned(), random })
    }

    /// A new key, PKCS#8.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn new_key() -> Result<Vec<u8>, VapidError> {
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).map_err(|_| VapidError)?;
        Ok(pair.as_ref().to_vec())
    }

    /// What a page passes to `pushManager.subscribe` as `applicationServerKey`.
    pub fn public_key(&self) -> &str {
        &self.public
    }

    /// The Authorization header of RFC 8292, section 3.
    pub fn authorization(&self, endpoint: &Url, now: Timestamp) -> Option<String> {
        let head = URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"ES256"}"#);
        let claims = serde_json::json!({ "aud": endpoint.origin().ascii_serialization(), "exp": now.timestamp() + TOKEN_S, "sub": self.subject });
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.key.sign(&self.random, signed.as_bytes()).ok()?;
        Some(format!("vapid t={signed}.{}, k={}", URL_SAFE_NO_PAD.encode(signature.as_ref()), self.public))
    }

    fn encrypt(&self, plain: &[u8], theirs: &[u8], auth: &[u8]) -> Option<Vec<u8>> {
        let mut salt = [0u8; 16];
        self.random.fill(&mut salt).ok()?;
        let own = EphemeralPrivateKey::generate(&ECDH_P256, &self.random).ok()?;
        let ours = own.compute_public_key().ok()?;
        agree_ephemeral(own, &UnparsedPublicKey::new(&ECDH_P256, theirs), |shared| seal(plain, shared, theirs, ours.as_ref(), auth, &salt)).ok()?
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(salt: &[u8], secret: &[u8], info: &[&[u8]], length: usize) -> Option<Vec<u8>> {
    let mut out = vec![0u8; length];
    Salt::new(HKDF_SHA256, salt).extract(secret).expand(info, Length(length)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

/// The body of RFC 8291: header and one encrypted record. All secrets are handed in, so that it can be held against the
/// published vector.
fn seal(plain: &[u8], shared: &[u8], theirs: &[u8], ours: &[u8], auth: &[u8], salt: &[u8]) -> Option<Vec<u8>> {
    let ikm = expand(auth, shared, &[b"WebPush: info\0", theirs, ours], 32)?;
    let key = expand(salt, &ikm, &[b"Content-Encoding: aes128gcm\0"], 16)?;
    let nonce: [u8; 12] = expand(salt, &ikm, &[b"Content-Encoding: nonce\0"], 12)?.try_into().ok()?;
    let mut record = plain.get(..plain.len().min(PLAIN_MAX))?.to_vec();
    record.push(2); // the last record
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?);
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record).ok()?;
    let mut out = salt.to_vec();
    out.extend(RECORD.to_be_bytes());
    out.push(u8::try_from(ours.len()).ok()?);
    out.extend(ours);
    out.extend(record);
    Some(out)
}

impl Form for Push {
    fn name(&self) -> &str {
        ChannelName::PUSH
    }

    fn write(&self, job: &Job, to: &To<'_>, now: Timestamp) -> Option<Post> {
        let subscription: Subscription = serde_json::from_str(to.address).ok()?;
        let url = Url::parse(&subscription.endpoint).ok()?;
        let (theirs, auth) = (unbase(&subscription.keys.p256dh)?, unbase(&subscription.keys.auth)?);
        let plain = serde_json::json!({ "text": to.words.message, "link": to.words.link, "level": job.level, "alarm": job.key.alarm });
        let body = self.encrypt(plain.to_string().as_bytes(), &theirs, &auth)?;
        let urgency = match job.level {
            Level::Red | Level::Urgent => "high",
            Level::Attention => "normal",
            Level::Technical => "low",
        };
        let headers = vec![
            ("content-encoding", "aes128gcm".to_owned()),
            ("content-type", "application/octet-stream".to_owned()),
            ("ttl", TTL_S.to_string()),
            ("urgency", urgency.to_owned()),
            ("authorization", self.authorization(&url, now)?),
        ];
        Some(Post { url, headers, body })
    }

    fn url(&self, address: &str) -> Option<Url> {
        Url::parse(&serde_json::from_str::<Subscription>(address).ok()?.endpoint).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey as Signed};

    /// RFC 8291, Appendix A.
    #[test]
    fn the_body_is_that_of_rfc_8291_appendix_a() {
        let get = |text: &str| unbase(text).unwrap();
        let theirs = get("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4");
        let ours = get("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8");
        let body = seal(
            b"When I grow up, I want to be a watermelon",
            &get("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs"),
            &theirs,
            &ours,
            &get("BTBZMqHH6r4Tts7J_aSIgg"),
            &get("DGv6ra1nlYgDCS1FRnbzlw"),
        );
        let wanted = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(body.unwrap()), wanted);
    }

    /// RFC 8292, section 2: the parts of the token, and a signature that the key in `k` verifies.
    #[test]
    fn the_authorization_is_that_of_rfc_8292() {
        let push = Push::new(&Push::new_key().unwrap(), "mailto:duty@city.example").unwrap();
        let url = Url::parse("https://push.example.net/p/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV").unwrap();
        let header = push.authorization(&url, "2026-11-23T00:00:00Z".parse().unwrap()).unwrap();
        let (token, key) = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(unbase(key).unwrap().len(), 65);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        Signed::new(&ECDSA_P256_SHA256_FIXED, unbase(key).unwrap()).verify(signed.as_bytes(), &unbase(signature).unwrap()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&unbase(signed.split_once('.').unwrap().1).unwrap()).unwrap();
        assert_eq!(claims["aud"], "https://push.example.net");
        assert!(claims["exp"].as_i64().unwrap() - "2026-11-23T00:00:00Z".parse::<Timestamp>().unwrap().timestamp() <= 24 * 3600);
        assert!(Push::new(b"no key", "mailto:x@y").is_err());
    }
}
