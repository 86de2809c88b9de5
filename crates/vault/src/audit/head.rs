//! The head: a small signed file that repeats the last checkpoint, so that a log cut before it is seen, and so that
//! opening the log need not read it from the beginning.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::digest::{from_hex, to_hex};

/// Where the last checkpoint lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// Sequence of the checkpoint.
    pub(super) sequence: u64,
    /// Boot of the checkpoint.
    pub(super) boot: u64,
    /// Length of the log up to and with the checkpoint's line.
    pub(super) bytes: u64,
    /// Hash of the checkpoint's line.
    pub(super) hash: Digest,
    /// Latest verified time in the log.
    pub(super) latest_unix_ms: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    head: Head,
    signature: String,
}

impl Head {
    pub(super) fn encode(&self, key: &SigningKey) -> Vec<u8> {
        let signature = to_hex(&key.sign(&self.message()).to_bytes());
        serde_json::to_vec(&Signed { head: *self, signature }).expect("numbers and digits are always JSON")
    }

    /// `None` when the bytes are not a head signed by `key`.
    pub(super) fn decode(bytes: &[u8], key: &VerifyingKey) -> Option<Self> {
        let signed: Signed = serde_json::from_slice(bytes).ok()?;
        let signature = Signature::from_bytes(&from_hex::<64>(&signed.signature)?);
        key.verify_strict(&signed.head.message(), &signature).ok()?;
        Some(signed.head)
    }

    fn message(&self) -> Vec<u8> {
        let mut message = b"bedside vault 2026-11 audit head\0".to_vec();
        for number in [self.sequence, self.boot, self.bytes] {
            message.extend_from_slice(&number.to_le_bytes());
        }
        message.extend_from_slice(&self.hash.0);
        message.push(u8::from(self.latest_unix_ms.is_some()));
        message.extend_from_slice(&self.latest_unix_ms.unwrap_or(0).to_le_bytes());
        message
    }
}
