//! One-time links: the secret in a message that lets a contact take an alarm from a phone's browser. Whoever writes the
//! message mints it, the people's door opens it; both hold the same key. A link names an alarm and an attempt, nothing
//! personal; it ends by itself, and the door lets it be used once.

use care::{AlarmId, TimeDelta, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How long a link holds.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(60);
/// Bytes of the seal that a link carries.
const SEAL_BYTES: usize = 16;

/// Mints and opens links.
#[derive(Clone)]
pub struct Links {
    base: String,
    key: [u8; 32],
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("base", &self.base).finish_non_exhaustive()
    }
}

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The alarm.
    pub alarm: AlarmId,
    /// The attempt that the message belongs to.
    pub attempt: u32,
    /// When it ends.
    pub ends_at: Timestamp,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl Links {
    /// `base` is the console's address as contacts reach it, `https://care.example.org`.
    pub fn new(base: &str, key: [u8; 32]) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), key }
    }

    fn seal(&self, text: &str) -> Option<Vec<u8>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(b"one-time link\0");
        mac.update(text.as_bytes());
        Some(mac.finalize().into_bytes().get(..SEAL_BYTES)?.to_vec())
    }

    /// The address to put into a message.
    pub fn mint(&self, alarm: &AlarmId, attempt: u32, now: Timestamp) -> Option<String> {
        let text = format!("{alarm}.{attempt}.{}", (now + LIFETIME).timestamp());
        Some(format!("{}/l/{text}.{}", self.base, hex(&self.seal(&text)?)))
    }

    /// What the last part of an address is for; `None`: not ours, or over.
    pub fn open(&self, token: &str, now: Timestamp) -> Option<Opened> {
        if token.len() > 200 || !token.is_ascii() {
            return None;
        }
        let (text, sealed) = token.rsplit_once('.')?;
        let wanted = hex(&self.seal(text)?);
        // Compared without telling by the time where they differ.
        let same = wanted.len() == sealed.len() && wanted.bytes().zip(sealed.bytes()).fold(0u8, |sum, (a, b)| sum | (a ^ b)) == 0;
        if !same {
            return None;
        }
        let mut parts = text.rsplitn(3, '.');
        let (ends, attempt, alarm) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
        let ends_at = chrono::DateTime::from_timestamp(ends, 0)?;
        (now < ends_at).then(|| Opened { alarm: AlarmId::new(alarm), attempt, ends_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_until_it_ends_and_nobody_else_can_make_one() {
        let now: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        let links = Links::new("https://care.example.org/", [7; 32]);
        let address = links.mint(&"01alarm".into(), 3, now).unwrap();
        let token = address.strip_prefix("https://care.example.org/l/").unwrap();
        let opened = links.open(token, now).unwrap();
        assert_eq!((opened.alarm.as_str(), opened.attempt), ("01alarm", 3));
        assert!(links.open(token, now + LIFETIME).is_none());
        assert!(Links::new("https://care.example.org", [8; 32]).open(token, now).is_none());
        let last = token.chars().last().unwrap();
        for bad in ["", ".", "...", &token.replace(".3.", ".4."), &token.replace(last, if last == '0' { "1" } else { "0" }), &"x".repeat(300)] {
            assert!(links.open(bad, now).is_none(), "{bad}");
        }
        assert!(!format!("{links:?}").contains('7'), "the key is shown nowhere");
    }
}
