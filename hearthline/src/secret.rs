//! Secrets that the platform makes itself: long and random, so that a plain keyed hash keeps them.

use rand::RngExt;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A new secret of 26 letters and digits (130 bits), easy to read aloud.
pub fn make() -> String {
    let mut random = rand::rng();
    (0..26).filter_map(|_| ALPHABET.get(random.random_range(0..ALPHABET.len())).map(|b| char::from(*b))).collect()
}

/// A new signing secret in the form of Standard Webhooks: `whsec_` and 32 random bytes in base64.
pub fn webhook() -> String {
    use base64::Engine;
    let mut bytes = [0u8; 32];
    rand::rng().fill(&mut bytes);
    format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// Writes a file that only its owner may read.
///
/// # Errors
/// Those of the file system.
pub fn write_file(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The hash that is stored of a secret made by [`make`]: `sha256$` and 64 hex digits. Only for secrets of 130 random bits,
/// which nobody can guess; passwords that people choose are hashed by argon2id.
pub fn hash(secret: &str) -> String {
    let digest = Sha256::digest(secret.as_bytes());
    digest.iter().fold("sha256$".to_owned(), |mut text, byte| {
        let _never_fails = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_door_takes_a_secret_that_was_made_here_and_no_other() {
        let secret = make();
        assert_eq!(secret.len(), 26);
        let stored = hash(&secret);
        let passwords = gateway::Passwords::default();
        assert!(passwords.check(&stored, secret.as_bytes()).await.is_ok());
        assert!(passwords.check(&stored, make().as_bytes()).await.is_err());
        assert!(!stored.contains(&secret));
    }
}
