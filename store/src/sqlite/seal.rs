//! Sealing of what nobody may read from a stolen disk or backup (PRV-1): XChaCha20-Poly1305 under a key file that lies
//! outside the database. A sealed value names its key, so that keys can be changed, and is bound to its table, column
//! and row, so that it cannot be moved to another.

use super::dir::{OpenError, sync_dir};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const HEADER: &str = "# Sealing keys of this ledger. Without them names, numbers and notes cannot be read.\n\
# Keep a copy in a safe place, apart from the backups of the ledger.\n";
const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 24;

/// The keys of a ledger.
pub struct Keys {
    current: u32,
    ciphers: BTreeMap<u32, XChaCha20Poly1305>,
    lookup: [u8; KEY_BYTES],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys {{ current: {} }}", self.current)
    }
}

/// Where a sealed value stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// `table.column`.
    pub(crate) column: &'static str,
    /// The key of its row.
    pub(crate) row: &'a str,
}

impl Place<'_> {
    fn bytes(&self) -> Vec<u8> {
        [self.column.as_bytes(), b"\0", self.row.as_bytes()].concat()
    }
}

/// A sealed value could not be opened: another key, or somebody changed it.
#[derive(Debug, thiserror::Error)]
#[error("a sealed value of {0} cannot be opened with the keys at hand")]
pub(crate) struct SealError(&'static str);

impl Keys {
    /// Makes a key file that only its owner may read.
    ///
    /// # Errors
    /// If there is one already, or it cannot be written.
    pub fn create(path: &Path) -> Result<(), OpenError> {
        let failed = |e| OpenError::Io(format!("make the key file {}", path.display()), e);
        let dir = path.parent().unwrap_or(Path::new("."));
        if !dir.is_dir() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        }
        let text = format!("{HEADER}seal 1 {}\nlookup {}\n", hex(&rand::random::<[u8; KEY_BYTES]>()), hex(&rand::random::<[u8; KEY_BYTES]>()));
        // Under its name only when it is whole.
        let unfinished = path.with_extension("new");
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::hard_link(&unfinished, path)?;
            std::fs::remove_file(&unfinished)?;
            sync_dir(dir)
        };
        write().map_err(failed)
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// If it cannot be read, is not well formed, or may be read by others.
    pub fn read(path: &Path) -> Result<Self, OpenError> {
        let failed = |e| OpenError::Io(format!("read the key file {}", path.display()), e);
        let bad = |what| OpenError::Key(PathBuf::from(path), what);
        let mode = std::fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(bad("may be read by others: make it readable for its owner alone (chmod 600)"));
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Self::parse(&text).ok_or_else(|| bad("is not well formed: bring back its copy"))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut ciphers = BTreeMap::new();
        let mut lookup = None;
        for line in text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()) {
            let words: Vec<_> = line.split_whitespace().collect();
            match words.as_slice() {
                ["seal", id, key] => {
                    ciphers.insert(id.parse().ok()?, XChaCha20Poly1305::new(&unhex(key)?.into()));
                }
                ["lookup", key] => lookup = Some(unhex(key)?),
                _ => return None,
            }
        }
        Some(Self { current: *ciphers.last_key_value()?.0, ciphers, lookup: lookup? })
    }

    /// Seals a value. An empty one stays empty.
    pub(crate) fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        if plain.is_empty() {
            return Ok(Vec::new());
        }
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let cipher = self.ciphers.get(&self.current).ok_or(SealError(place.column))?;
        let aad = place.bytes();
        let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad }).map_err(|_| SealError(place.column))?;
        Ok([&self.current.to_be_bytes()[..], &nonce, &sealed].concat())
    }

    /// Opens a sealed value.
    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        if sealed.is_empty() {
            return Ok(Vec::new());
        }
        let open = || {
            let (id, rest) = sealed.split_first_chunk::<ID_BYTES>()?;
            let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
            let cipher = self.ciphers.get(&u32::from_be_bytes(*id))?;
            cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: &place.bytes() }).ok()
        };
        open().ok_or(SealError(place.column))
    }

    /// A keyed hash, to look a sealed value up by.
    pub(crate) fn lookup(&self, column: &'static str, plain: &str) -> Vec<u8> {
        let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&self.lookup) else {
            return Vec::new();
        };
        mac.update(column.as_bytes());
        mac.update(b"\0");
        mac.update(plain.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; KEY_BYTES]> {
    let mut out = [0; KEY_BYTES];
    if text.len() != KEY_BYTES * 2 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(i * 2..i * 2 + 2)?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: Place<'_> = Place { column: "elder.phone", row: "e1" };

    fn keys() -> Keys {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("keys/seal.key");
        Keys::create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Keys::create(&path).is_err(), "a key file is never written over");
        Keys::read(&path).unwrap()
    }

    #[test]
    fn a_sealed_value_opens_in_its_own_place_only() {
        let keys = keys();
        let sealed = keys.seal(PHONE, b"+86 139").unwrap();
        assert!(!sealed.windows(3).any(|w| w == b"139"));
        assert_eq!(keys.open(PHONE, &sealed).unwrap(), b"+86 139");
        assert!(keys.open(Place { row: "e2", ..PHONE }, &sealed).is_err());
        assert!(keys.open(Place { column: "elder.name", ..PHONE }, &sealed).is_err());
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(keys.open(PHONE, &changed).is_err());
        assert!(keys.open(PHONE, &sealed[..20]).is_err());
        assert_ne!(keys.seal(PHONE, b"+86 139").unwrap(), sealed, "the same twice looks different");
    }

    #[test]
    fn a_newer_key_seals_and_the_older_one_still_opens() {
        let one = Keys::parse(&format!("seal 1 {}\nlookup {}\n", "11".repeat(32), "22".repeat(32))).unwrap();
        let two = Keys::parse(&format!("seal 1 {}\nseal 2 {}\nlookup {}\n", "11".repeat(32), "33".repeat(32), "22".repeat(32))).unwrap();
        let old = one.seal(PHONE, b"x").unwrap();
        assert_eq!(two.open(PHONE, &old).unwrap(), b"x");
        assert!(one.open(PHONE, &two.seal(PHONE, b"x").unwrap()).is_err());
        assert_eq!(one.lookup("elder.id_number", "35"), two.lookup("elder.id_number", "35"));
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("seal.key");
        Keys::create(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Keys::read(&path), Err(OpenError::Key(..))));
    }
}
