//! Passwords of devices and bridges: argon2, off the event loop, a few at a time, and remembered once they were
//! right, so that thousands of clients that come back at once do not cost thousands of argon2 runs.

use crate::keys::{Grant, Hello, Keys, Refused, Rights};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Passwords that are remembered as right; beyond that all are forgotten and learned again.
const REMEMBERED_MAX: usize = 100_000;

/// Checks that may wait; beyond that clients are told to come again.
const WAITING_MAX: usize = 10_000;

/// Prefix of a generated secret's hash: 128 random bits or more need no slow hash.
const GENERATED: &str = "sha256$";

/// A password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("hashing a password: {0}")]
pub struct HashError(String);

/// Hashes a password for a register, with a salt of its own. Slow on purpose: not for an event loop.
pub fn hash_password(password: &[u8]) -> Result<String, HashError> {
    match Argon2::default().hash_password(password) {
        Ok(hash) => Ok(hash.to_string()),
        Err(error) => Err(HashError(error.to_string())),
    }
}

/// Checks passwords against hashes: argon2 in PHC form, or `sha256$` and 64 hex digits for secrets that were
/// generated at random.
pub struct Passwords {
    workers: Arc<Semaphore>,
    waiting: AtomicUsize,
    seed: [u8; 32],
    right: Mutex<HashMap<[u8; 32], ()>>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new(2)
    }
}

impl Passwords {
    /// At most `workers` checks run at the same time.
    pub fn new(workers: usize) -> Self {
        // A seed of this process: what is remembered is worth nothing outside of it.
        let mut seed = Sha256::new();
        for n in 0..4u64 {
            seed.update(RandomState::new().hash_one(n).to_be_bytes());
        }
        Self {
            workers: Arc::new(Semaphore::new(workers.max(1))),
            waiting: AtomicUsize::new(0),
            seed: seed.finalize().into(),
            right: Mutex::default(),
        }
    }

    fn print(&self, hash: &str, password: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.seed);
        digest.update(u64::try_from(hash.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(hash);
        digest.update(password);
        digest.finalize().into()
    }

    fn is_right(&self, print: &[u8; 32]) -> bool {
        self.right.lock().unwrap_or_else(PoisonError::into_inner).contains_key(print)
    }

    /// Does the password belong to the hash?
    pub async fn check(&self, hash: &str, password: &[u8]) -> Result<(), Refused> {
        let print = self.print(hash, password);
        if self.is_right(&print) {
            return Ok(());
        }
        if let Some(wanted) = hash.strip_prefix(GENERATED) {
            let found: String = Sha256::digest(password).iter().map(|byte| format!("{byte:02x}")).collect();
            // Both are hashes of secrets: how much of them agrees tells nothing.
            return if found == wanted { Ok(()) } else { Err(Refused::BadLogin) };
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Refused::Busy);
        }
        let waiting = Waiting(&self.waiting);
        let worker = Arc::clone(&self.workers).acquire_owned().await.map_err(|_closed| Refused::Busy)?;
        drop(waiting);
        // Somebody with the same password may have been checked while we waited.
        if self.is_right(&print) {
            return Ok(());
        }
        let (hash, password) = (hash.to_owned(), password.to_vec());
        let verified = tokio::task::spawn_blocking(move || {
            let _until_done = worker;
            PasswordHash::new(&hash).is_ok_and(|hash| Argon2::default().verify_password(&password, &hash).is_ok())
        });
        if !verified.await.unwrap_or(false) {
            return Err(Refused::BadLogin);
        }
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if right.len() >= REMEMBERED_MAX {
            right.clear();
        }
        right.insert(print, ());
        Ok(())
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A user name, its password's hash, and its rights.
#[derive(Clone)]
pub struct Credential {
    /// The user name.
    pub user: String,
    /// See [`Passwords`].
    pub hash: String,
    /// What it is good for.
    pub rights: Rights,
}

/// A fixed list of credentials: for the demo, for tests, and for installations with a file.
pub struct ListedKeys {
    credentials: HashMap<String, Credential>,
    passwords: Passwords,
}

impl ListedKeys {
    /// Later ones with the same name replace earlier ones.
    pub fn new(credentials: impl IntoIterator<Item = Credential>) -> Self {
        let credentials = credentials.into_iter().map(|one| (one.user.clone(), one)).collect();
        Self { credentials, passwords: Passwords::default() }
    }
}

#[async_trait]
impl Keys for ListedKeys {
    async fn admit(&self, hello: Hello) -> Result<Grant, Refused> {
        let user = hello.user.or(hello.certificate_name.clone()).ok_or(Refused::BadLogin)?;
        let credential = self.credentials.get(&user).ok_or(Refused::BadLogin)?;
        // A verified certificate in the name of the credential stands for the password.
        if hello.certificate_name.as_deref() != Some(credential.user.as_str()) {
            self.passwords.check(&credential.hash, hello.password.as_deref().unwrap_or_default()).await?;
        }
        Ok(Grant { name: credential.user.clone(), rights: credential.rights.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_right_password_is_remembered_and_a_wrong_one_is_not() {
        let hash = hash_password(b"right").unwrap();
        let passwords = Passwords::new(1);
        assert_eq!(passwords.check(&hash, b"wrong").await, Err(Refused::BadLogin));
        assert_eq!(passwords.check(&hash, b"right").await, Ok(()));
        assert_eq!(passwords.check(&hash, b"wrong").await, Err(Refused::BadLogin));
        assert!(passwords.is_right(&passwords.print(&hash, b"right")));
        let other = hash_password(b"right").unwrap();
        assert!(!passwords.is_right(&passwords.print(&other, b"right")), "a changed hash forgets");
    }

    #[tokio::test]
    async fn a_generated_secret_needs_no_slow_hash() {
        let secret = b"0123456789abcdef0123456789abcdef";
        let hash = format!("sha256${}", Sha256::digest(secret).iter().map(|b| format!("{b:02x}")).collect::<String>());
        let passwords = Passwords::default();
        assert_eq!(passwords.check(&hash, secret).await, Ok(()));
        assert_eq!(passwords.check(&hash, b"other").await, Err(Refused::BadLogin));
        assert_eq!(passwords.check("nonsense", b"other").await, Err(Refused::BadLogin));
    }
}
