//! Bytes of the key file.
//!
//! Magic (8), kind (1), body, and a check value (16) of everything before it, so that a changed bit is told from
//! a wrong key. Body by kind: 0 key (32); 1 memory KiB, passes, lanes (u32 each), salt (16), nonce (24), wrapped
//! key (48); 2 name length (u8), name, check of the key (16), sealed length (u32), sealed. Little-endian.

use std::path::Path;

use zeroize::Zeroizing;

use super::passphrase::{PassphraseCost, SALT_BYTES, WRAPPED_BYTES, Wrapped};
use super::{MASTER_KEY_BYTES, MasterKey};
use crate::VaultError;
use crate::cipher::NONCE_BYTES;
use crate::limits::{SEALED_KEY_MAX_BYTES, SEALER_NAME_MAX_BYTES};

const MAGIC: &[u8; 8] = b"BEDKEY01";
const CHECK_BYTES: usize = 16;
/// Separates this use of BLAKE3 from every other.
const CHECK_CONTEXT: &str = "bedside vault 2026-11 key file check";

/// A key file, decoded.
pub(super) enum KeyFile {
    /// The key itself.
    Plain(MasterKey),
    /// The key wrapped with a passphrase.
    Passphrase(Wrapped),
    /// The key wrapped by a platform.
    Platform {
        /// The sealer's name.
        name: String,
        /// What the sealer returned.
        sealed: Vec<u8>,
        /// Check value of the key.
        check: [u8; 16],
    },
}

impl KeyFile {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Plain(_) => "no passphrase (a key file)".to_owned(),
            Self::Passphrase(_) => "a passphrase".to_owned(),
            Self::Platform { name, .. } => format!("the platform's {}", name.escape_default()),
        }
    }

    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        // Enough for every kind, so that no reallocation leaves a copy of the key behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(SEALED_KEY_MAX_BYTES + 256));
        bytes.extend_from_slice(MAGIC);
        match self {
            Self::Plain(key) => {
                bytes.push(0);
                bytes.extend_from_slice(key.as_ref());
            }
            Self::Passphrase(wrapped) => {
                bytes.push(1);
                for parameter in [wrapped.cost.memory_kib, wrapped.cost.passes, wrapped.cost.lanes] {
                    bytes.extend_from_slice(&parameter.to_le_bytes());
                }
                bytes.extend_from_slice(&wrapped.salt);
                bytes.extend_from_slice(&wrapped.sealed);
            }
            Self::Platform { name, sealed, check } => {
                bytes.push(2);
                bytes.push(u8::try_from(name.len()).expect("the name was held against its limit of 64"));
                bytes.extend_from_slice(name.as_bytes());
                bytes.extend_from_slice(check);
                let len =
                    u32::try_from(sealed.len()).expect("the length was held against its limit of 16 KiB");
                bytes.extend_from_slice(&len.to_le_bytes());
                bytes.extend_from_slice(sealed);
            }
        }
        let check = check_of(&bytes);
        bytes.extend_from_slice(&check);
        bytes
    }

    pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Self, VaultError> {
        let damaged = |what| VaultError::KeyDamaged { path: path.to_path_buf(), what };
        let length = |expected: usize| VaultError::KeyLength {
            path: path.to_path_buf(),
            expected: expected as u64,
            got: bytes.len() as u64,
        };
        let head = MAGIC.len() + 1;
        if bytes.len() < head + CHECK_BYTES {
            return Err(length(head + MASTER_KEY_BYTES + CHECK_BYTES));
        }
        if &bytes[..MAGIC.len()] != MAGIC {
            return Err(damaged("it does not begin as a key file"));
        }
        let kind = bytes[MAGIC.len()];
        let (covered, check) = bytes.split_at(bytes.len() - CHECK_BYTES);
        let body = &covered[head..];
        let fixed = match kind {
            0 => Some(MASTER_KEY_BYTES),
            1 => Some(12 + SALT_BYTES + WRAPPED_BYTES),
            _ => None,
        };
        if let Some(expected) = fixed.filter(|expected| body.len() != *expected) {
            return Err(length(head + expected + CHECK_BYTES));
        }
        if check != check_of(covered) {
            return Err(damaged("its check value does not fit"));
        }
        match kind {
            0 => {
                let mut key = MasterKey::default();
                key.copy_from_slice(body);
                Ok(Self::Plain(key))
            }
            1 => decode_wrapped(body).map(Self::Passphrase),
            2 => decode_platform(body).ok_or_else(|| damaged("the platform's part does not fit")),
            _ => Err(damaged("its kind is unknown")),
        }
    }
}

/// `body`: of the length that kind 1 has. Parameters are held against their limits before they are used.
fn decode_wrapped(body: &[u8]) -> Result<Wrapped, VaultError> {
    let word = |at: usize| {
        u32::from_le_bytes(body[at..at + 4].try_into().expect("a slice of four bytes is four bytes"))
    };
    let cost = PassphraseCost::checked(word(0), word(4), word(8))?;
    let (salt, sealed) = body[12..].split_at(SALT_BYTES);
    Ok(Wrapped {
        cost,
        salt: salt.try_into().expect("split at the length of a salt"),
        sealed: sealed.try_into().expect("the length of the body was checked"),
    })
}

fn decode_platform(body: &[u8]) -> Option<KeyFile> {
    let (name_len, rest) = body.split_first()?;
    let name_len = usize::from(*name_len);
    if name_len == 0 || name_len > SEALER_NAME_MAX_BYTES {
        return None;
    }
    let (name, rest) = rest.split_at_checked(name_len)?;
    let (check, rest) = rest.split_at_checked(CHECK_BYTES)?;
    let (len, sealed) = rest.split_at_checked(4)?;
    let len = usize::try_from(u32::from_le_bytes(len.try_into().ok()?)).ok()?;
    if sealed.len() != len || len > SEALED_KEY_MAX_BYTES {
        return None;
    }
    Some(KeyFile::Platform {
        name: String::from_utf8(name.to_vec()).ok()?,
        sealed: sealed.to_vec(),
        check: check.try_into().ok()?,
    })
}

/// 16 bytes are enough to see accidents; a wrapped key is authenticated by its cipher besides.
fn check_of(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut check = [0; CHECK_BYTES];
    let digest = Zeroizing::new(blake3::derive_key(CHECK_CONTEXT, bytes));
    check.copy_from_slice(&digest[..CHECK_BYTES]);
    check
}

const _: () = assert!(WRAPPED_BYTES == NONCE_BYTES + MASTER_KEY_BYTES + 16);
