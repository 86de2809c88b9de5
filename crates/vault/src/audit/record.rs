//! One line of the audit log.

use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::clock::Stamp;
use crate::digest::{from_hex, to_hex};
use crate::limits::AUDIT_LINE_MAX_BYTES;

/// Separates the chain's hash from every other use of BLAKE3.
const CHAIN_CONTEXT: &str = "bedside vault 2026-11 audit chain";
/// Hash digits and the space behind them.
const PREFIX_BYTES: usize = 65;

/// What happened. Codes, no text: a log holds no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuditEvent {
    /// The first record of a log; carries the public key. Its sequence goes on from a log that was set aside.
    LogStarted,
    /// A signed checkpoint.
    Checkpoint,
    /// A master key was made.
    KeyMade,
    /// A scan was opened; subject: keyed hash of its bytes.
    ScanOpened,
    /// A computed report was shown; subject: its id.
    ReportShown,
    /// A report was shown that could not be saved; subject: its id where one exists.
    ReportNotSaved,
    /// A report came from the cache; subject: its id.
    ServedFromCache,
    /// A report was exported; subject: its id.
    Exported,
    /// A report was evicted to make room, or pruned; subject: its id.
    Evicted,
    /// A damaged database was set aside and a new one begun; count: its number.
    StoreQuarantined,
    /// A damaged entry was taken out of the store; subject: its id.
    EntryQuarantined,
    /// A damaged log was set aside; count: its number.
    LogQuarantined,
    /// An unfinished end of the log was cut off and kept aside; count: its bytes.
    LogTailCut,
    /// The clock was earlier than what the log had seen; times are unverified until it catches up.
    ClockWentBack,
    /// A user confirmed the clock; earlier readings no longer count.
    ClockConfirmed,
    /// A model was revoked; subject: its digest.
    ModelRevoked,
    /// A protocol was revoked; subject: its digest.
    ProtocolRevoked,
    /// The verdict over a device was revoked; subject: its digest.
    DeviceVerdictRevoked,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditRecord {
    /// Counts up by one over the whole life of the log: the order of things.
    pub(crate) sequence: u64,
    /// How often the vault had been opened: records of one run share it.
    pub(crate) boot: u64,
    /// When, as far as the clock could be believed.
    pub(crate) at: Stamp,
    /// What.
    pub(crate) event: AuditEvent,
    /// Whom or what it concerns: a keyed hash, or a digest that names no patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Digest>,
    /// A number that belongs to the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
    /// The public key, in `LogStarted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) public_key: Option<Digest>,
    /// The Ed25519 signature, in `Checkpoint`, 128 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
}

impl AuditRecord {
    /// The line of this record behind the one with hash `previous`, newline included, and the new hash.
    pub(super) fn line(&self, previous: &[u8; 32]) -> (Vec<u8>, [u8; 32]) {
        let json = serde_json::to_vec(self).expect("numbers, codes and digits are always JSON");
        let hash = chain(previous, &json);
        let mut line = Vec::with_capacity(PREFIX_BYTES + json.len() + 1);
        line.extend_from_slice(to_hex(&hash).as_bytes());
        line.push(b' ');
        line.extend_from_slice(&json);
        line.push(b'\n');
        debug_assert!(line.len() <= AUDIT_LINE_MAX_BYTES, "fields are bounded");
        (line, hash)
    }
}

/// A line, taken apart; nothing of it is believed yet.
pub(super) struct Line {
    /// The hash as written.
    pub(super) claimed: [u8; 32],
    /// The record.
    pub(super) record: AuditRecord,
    /// The hash that the line must have behind the one before it.
    pub(super) computed: [u8; 32],
}

impl Line {
    /// `bytes`: a line without its newline. `None` when it is no record.
    pub(super) fn parse(bytes: &[u8], previous: &[u8; 32]) -> Option<Self> {
        if bytes.len() >= AUDIT_LINE_MAX_BYTES {
            return None;
        }
        let (prefix, json) = bytes.split_at_checked(PREFIX_BYTES)?;
        let digits = std::str::from_utf8(prefix).ok()?.strip_suffix(' ')?;
        Some(Self {
            claimed: from_hex(digits)?,
            record: serde_json::from_slice(json).ok()?,
            computed: chain(previous, json),
        })
    }

    pub(super) fn is_intact(&self) -> bool {
        self.claimed == self.computed
    }
}

fn chain(previous: &[u8; 32], json: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(CHAIN_CONTEXT);
    hasher.update(previous).update(json);
    *hasher.finalize().as_bytes()
}

/// What the signature of a checkpoint covers: the whole chain before it, through `previous`.
pub(super) fn checkpoint_message(sequence: u64, boot: u64, previous: &[u8; 32]) -> Vec<u8> {
    let mut message = b"bedside vault 2026-11 audit checkpoint\0".to_vec();
    message.extend_from_slice(&sequence.to_le_bytes());
    message.extend_from_slice(&boot.to_le_bytes());
    message.extend_from_slice(previous);
    message
}
