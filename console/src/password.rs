//! Passwords: argon2id with the parameters that OWASP recommends (19 MiB, 2 passes), away from the async threads and
//! only a few at a time.

use crate::limits::{PASSWORD_BYTES_MAX, PASSWORD_CHECKS_MAX, PASSWORD_QUEUE_MAX};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Why a password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Longer than [`PASSWORD_BYTES_MAX`].
    #[error("the password is longer than {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    /// Too many checks are waiting already.
    #[error("too many passwords are being checked")]
    Busy,
    /// The hash function failed.
    #[error("hashing a password failed: {0}")]
    Failed(String),
}

/// Hashes a password for [`store::register::PersonRecord::password_hash`]. Takes some tens of milliseconds of CPU.
///
/// # Errors
/// [`PasswordError::TooLong`], or [`PasswordError::Failed`] if there is no randomness.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordError::TooLong);
    }
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|e| PasswordError::Failed(e.to_string()))?;
    Ok(hash.to_string())
}

/// Checks passwords, a few at a time.
#[derive(Debug)]
pub(crate) struct Checker {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Checked when there is no such person, so that the answer takes as long as for one who exists.
    nobody: String,
}

struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Checker {
    pub(crate) fn new() -> Result<Self, PasswordError> {
        Ok(Self { turns: Arc::new(Semaphore::new(PASSWORD_CHECKS_MAX)), waiting: AtomicUsize::new(0), nobody: hash("nobody")? })
    }

    /// True if the password belongs to the hash. Without a hash the answer is no, after the same work.
    pub(crate) async fn check(&self, password: String, hash: Option<String>) -> Result<bool, PasswordError> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Err(PasswordError::TooLong);
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= PASSWORD_QUEUE_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(PasswordError::Busy);
        }
        let _place = Place(&self.waiting);
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|e| PasswordError::Failed(e.to_string()))?;
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let task = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            PasswordHash::new(&hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        });
        let right = task.await.map_err(|e| PasswordError::Failed(e.to_string()))?;
        Ok(right && known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_passes_and_nobody_has_none() {
        let checker = Checker::new().unwrap();
        let hash = hash("桂山 302").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(checker.check("桂山 302".into(), Some(hash.clone())).await.unwrap());
        assert!(!checker.check("桂山 303".into(), Some(hash)).await.unwrap());
        assert!(!checker.check("nobody".into(), None).await.unwrap());
        assert!(!checker.check("x".into(), Some("not a hash".into())).await.unwrap());
        assert!(checker.check("x".repeat(1_000), None).await.is_err());
    }
}
