//! A master key wrapped with a passphrase: Argon2id, then XChaCha20-Poly1305.

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::{MASTER_KEY_BYTES, MasterKey};
use crate::VaultError;
use crate::cipher::{Cipher, NONCE_BYTES, TAG_BYTES};
use crate::limits::{ARGON2_MAX_LANES, ARGON2_MAX_MEMORY_KIB, ARGON2_MAX_PASSES, PASSPHRASE_MAX_BYTES};

pub(super) const SALT_BYTES: usize = 16;
pub(super) const WRAPPED_BYTES: usize = NONCE_BYTES + MASTER_KEY_BYTES + TAG_BYTES;

/// What trying one passphrase costs. Stored in the key file; bounded when read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassphraseCost {
    /// Memory in KiB; at least 8 per lane, at most [`crate::limits::ARGON2_MAX_MEMORY_KIB`].
    pub memory_kib: u32,
    /// Passes over the memory; 1 to [`crate::limits::ARGON2_MAX_PASSES`].
    pub passes: u32,
    /// Lanes; 1 to [`crate::limits::ARGON2_MAX_LANES`].
    pub lanes: u32,
}

impl Default for PassphraseCost {
    /// 64 MiB, 3 passes, 4 lanes: the recommendation of RFC 9106 for machines with little memory (section 4,
    /// second choice).
    fn default() -> Self {
        Self { memory_kib: 64 << 10, passes: 3, lanes: 4 }
    }
}

impl PassphraseCost {
    /// The same values, if they are within the limits.
    pub(super) fn checked(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, VaultError> {
        let within = |parameter, got, min, max| {
            if (min..=max).contains(&got) {
                Ok(())
            } else {
                Err(VaultError::PassphraseCost { parameter, min, max, got })
            }
        };
        within("lanes", lanes, 1, ARGON2_MAX_LANES)?;
        within("passes", passes, 1, ARGON2_MAX_PASSES)?;
        within("memory (KiB)", memory_kib, 8 * lanes, ARGON2_MAX_MEMORY_KIB)?;
        Ok(Self { memory_kib, passes, lanes })
    }
}

/// A wrapped key and what is needed to try a passphrase on it.
pub(super) struct Wrapped {
    pub(super) cost: PassphraseCost,
    pub(super) salt: [u8; SALT_BYTES],
    /// Nonce, ciphertext, tag.
    pub(super) sealed: [u8; WRAPPED_BYTES],
}

impl Wrapped {
    pub(super) fn make(key: &MasterKey, passphrase: &[u8], cost: PassphraseCost) -> Result<Self, VaultError> {
        let cost = PassphraseCost::checked(cost.memory_kib, cost.passes, cost.lanes)?;
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(VaultError::Random)?;
        let cipher = Cipher::new(&*derive(passphrase, cost, &salt)?);
        let sealed = cipher.seal("key", &salt, key.as_ref())?;
        let sealed = sealed.try_into().expect("a sealed key of 32 bytes has 32 + 40 bytes");
        Ok(Self { cost, salt, sealed })
    }

    pub(super) fn open(&self, passphrase: &[u8]) -> Result<MasterKey, VaultError> {
        let cipher = Cipher::new(&*derive(passphrase, self.cost, &self.salt)?);
        let plain = cipher.open("key", &self.salt, &self.sealed).ok_or(VaultError::WrongPassphrase)?;
        let mut key = MasterKey::default();
        key.copy_from_slice(&plain);
        Ok(key)
    }
}

/// The key-encryption key of a passphrase. Source: RFC 9106, version 0x13, Argon2id.
fn derive(
    passphrase: &[u8],
    cost: PassphraseCost,
    salt: &[u8; SALT_BYTES],
) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    if passphrase.is_empty() || passphrase.len() > PASSPHRASE_MAX_BYTES {
        return Err(VaultError::PassphraseLength { max: PASSPHRASE_MAX_BYTES, got: passphrase.len() });
    }
    let params =
        Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(VaultError::Argon2)?;
    let mut derived = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, salt, derived.as_mut())
        .map_err(VaultError::Argon2)?;
    Ok(derived)
}
