//! AES in CBC mode with a zero start, as the frames use it.

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use std::fmt;

const BLOCK: usize = 16;

/// A key of 128, 192 or 256 bits. It shows itself in no log.
#[derive(Clone)]
pub enum Key {
    /// 128 bits.
    Aes128(Box<aes::Aes128>),
    /// 192 bits.
    Aes192(Box<aes::Aes192>),
    /// 256 bits.
    Aes256(Box<aes::Aes256>),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// A key from 32, 48 or 64 hexadecimal digits.
    pub fn from_hex(digits: &str) -> Option<Self> {
        Self::from_bytes(&unhex(digits.trim().as_bytes())?)
    }

    /// A key from 16, 24 or 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.len() {
            16 => aes::Aes128::new_from_slice(bytes).ok().map(|key| Self::Aes128(Box::new(key))),
            24 => aes::Aes192::new_from_slice(bytes).ok().map(|key| Self::Aes192(Box::new(key))),
            32 => aes::Aes256::new_from_slice(bytes).ok().map(|key| Self::Aes256(Box::new(key))),
            _ => None,
        }
    }

    fn encrypt_block(&self, block: &mut [u8; BLOCK]) {
        let mut array = Array::from(*block);
        match self {
            Self::Aes128(key) => key.encrypt_block(&mut array),
            Self::Aes192(key) => key.encrypt_block(&mut array),
            Self::Aes256(key) => key.encrypt_block(&mut array),
        }
        *block = array.0;
    }

    fn decrypt_block(&self, block: &mut [u8; BLOCK]) {
        let mut array = Array::from(*block);
        match self {
            Self::Aes128(key) => key.decrypt_block(&mut array),
            Self::Aes192(key) => key.decrypt_block(&mut array),
            Self::Aes256(key) => key.decrypt_block(&mut array),
        }
        *block = array.0;
    }

    /// Encrypts whole blocks; what is left over at the end is not encrypted and not returned.
    pub(super) fn encrypt(&self, plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(plain.len());
        let mut before = [0u8; BLOCK];
        for chunk in plain.as_chunks::<BLOCK>().0 {
            let mut block = *chunk;
            block.iter_mut().zip(before).for_each(|(byte, last)| *byte ^= last);
            self.encrypt_block(&mut block);
            before = block;
            out.extend_from_slice(&block);
        }
        out
    }

    /// Decrypts whole blocks; `None` if it is not whole blocks.
    pub(super) fn decrypt(&self, secret: &[u8]) -> Option<Vec<u8>> {
        let (chunks, rest) = secret.as_chunks::<BLOCK>();
        if !rest.is_empty() || chunks.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(secret.len());
        let mut before = [0u8; BLOCK];
        for chunk in chunks {
            let mut block = *chunk;
            self.decrypt_block(&mut block);
            block.iter_mut().zip(before).for_each(|(byte, last)| *byte ^= last);
            before = *chunk;
            out.extend_from_slice(&block);
        }
        Some(out)
    }
}

/// Bytes from hexadecimal digits of either case.
pub(super) fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
