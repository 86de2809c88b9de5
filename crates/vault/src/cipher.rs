//! Authenticated encryption of one value: XChaCha20-Poly1305 with where the value belongs as associated data.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};

use crate::VaultError;

/// Random per value: 24 bytes, so that chance never repeats one.
pub(crate) const NONCE_BYTES: usize = 24;
/// Poly1305's tag.
pub(crate) const TAG_BYTES: usize = 16;
/// What sealing adds to a value.
pub(crate) const SEAL_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// A cipher with its key; the key is wiped when dropped.
pub(crate) struct Cipher(XChaCha20Poly1305);

impl Cipher {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Nonce, ciphertext and tag of `plain`, bound to `table`, `key` and its length: it opens nowhere else.
    pub(crate) fn seal(&self, table: &str, key: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(VaultError::Random)?;
        let aad = associated_data(table, key, plain.len());
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
            .map_err(|_| VaultError::TooLarge { what: "a value", got: plain.len() as u64, max: MAX_PLAIN })?;
        let mut out = Vec::with_capacity(NONCE_BYTES + sealed.len());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// What `seal` was given; `None` when any byte, the table, the key or the length is another.
    pub(crate) fn open(&self, table: &str, key: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let plain_len = sealed.len().checked_sub(SEAL_BYTES)?;
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let aad = associated_data(table, key, plain_len);
        self.0.decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &aad }).ok()
    }
}

/// ChaCha20's counter of 32 bits and blocks of 64 bytes, one block spent on the Poly1305 key (RFC 8439).
const MAX_PLAIN: u64 = ((1 << 32) - 2) * 64;

fn associated_data(table: &str, key: &[u8], plain_len: usize) -> Vec<u8> {
    let mut aad = Vec::with_capacity(24 + table.len() + key.len());
    for field in [table.as_bytes(), key] {
        aad.extend_from_slice(&(field.len() as u64).to_le_bytes());
        aad.extend_from_slice(field);
    }
    aad.extend_from_slice(&(plain_len as u64).to_le_bytes());
    aad
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_only_where_it_was_put() {
        let cipher = Cipher::new(&[7; 32]);
        for plain in [&b""[..], b"a", &[9; 4097]] {
            let sealed = cipher.seal("parts", b"k1", plain).unwrap();
            assert_eq!(sealed.len(), plain.len() + SEAL_BYTES);
            assert_eq!(cipher.open("parts", b"k1", &sealed).as_deref(), Some(plain));
            assert_eq!(cipher.open("parts", b"k2", &sealed), None);
            assert_eq!(cipher.open("sources", b"k1", &sealed), None);
            assert_eq!(Cipher::new(&[8; 32]).open("parts", b"k1", &sealed), None);
            assert_ne!(cipher.seal("parts", b"k1", plain).unwrap(), sealed, "a nonce is never used twice");
        }
    }

    #[test]
    fn any_changed_bit_or_length_is_seen() {
        let cipher = Cipher::new(&[7; 32]);
        let sealed = cipher.seal("parts", b"key", b"pleural line").unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(cipher.open("parts", b"key", &changed), None, "byte {at} bit {bit}");
            }
            assert_eq!(cipher.open("parts", b"key", &sealed[..at]), None, "cut at {at}");
        }
    }
}
