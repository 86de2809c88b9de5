//! Checking the whole log: the chain, the signatures, the head, and the place the database remembers.

use std::path::Path;

use ed25519_dalek::{Signature, VerifyingKey};
use serde::Serialize;

use super::head::Head;
use super::log::{for_each_line, length, read_head};
use super::record::{AuditEvent, Line, checkpoint_message};
use super::{HEAD_NAME, LOG_NAME};
use crate::digest::from_hex;
use crate::disk::{Access, Disk, RealDisk};
use crate::limits::AUDIT_PROBLEMS_MAX;
use crate::set_aside::names_of;
use crate::{Digest, VaultError};

/// A place in the chain that someone else remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(crate) sequence: u64,
    pub(crate) hash: [u8; 32],
}

/// What is wrong at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum Trouble {
    /// The line is no record.
    Unreadable,
    /// The record does not have the hash that the records before it give it: it, or one before it, was changed.
    Edited,
    /// Records are missing before this one.
    Removed {
        /// The sequence that had to come.
        expected: u64,
    },
    /// The record stands where another belongs.
    Reordered {
        /// The sequence that had to come.
        expected: u64,
    },
    /// The number of the run goes down.
    BootWentBack,
    /// The signature of a checkpoint is not ours.
    BadSignature,
    /// The log ends before a record that a signed checkpoint or the database vouches for.
    Truncated {
        /// The sequence that must be there.
        expected: u64,
    },
    /// The log has another record where a signed checkpoint or the database vouches for one.
    Replaced,
    /// The file that repeats the last checkpoint is gone.
    HeadMissing,
    /// The file that repeats the last checkpoint does not carry our signature.
    HeadDamaged,
}

/// One problem and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditProblem {
    /// Line of the log, from 1; `None` for what concerns no line.
    pub line: Option<u64>,
    /// Sequence as the record gives it.
    pub sequence: Option<u64>,
    /// What is wrong.
    #[serde(flatten)]
    pub trouble: Trouble,
}

/// The result of a verification.
#[derive(Debug, Clone, Serialize)]
pub struct AuditVerification {
    /// Whether everything fits.
    pub ok: bool,
    /// Records read.
    pub records: u64,
    /// Signed checkpoints that fit.
    pub checkpoints: u64,
    /// Sequence of the first record.
    pub first_sequence: Option<u64>,
    /// Sequence of the last record.
    pub last_sequence: Option<u64>,
    /// Sequence of the last checkpoint: what lies behind it is chained but not signed.
    pub last_checkpoint: Option<u64>,
    /// Number of the last run.
    pub last_boot: Option<u64>,
    /// Records whose time could not be verified.
    pub unverified_times: u64,
    /// Hash of the last record. Kept elsewhere, it shows later that nothing up to here was taken back.
    pub head_hash: Option<Digest>,
    /// The public key that the signatures were held against.
    pub public_key: Option<Digest>,
    /// True when that key came out of the log itself: then the log is consistent, not authentic.
    pub public_key_from_log: bool,
    /// The first problems, at most 64.
    pub problems: Vec<AuditProblem>,
    /// Number of all problems.
    pub problem_count: u64,
    /// Logs and ends of logs that were set aside earlier.
    pub set_aside: Vec<String>,
}

/// Verifies the log in a vault's folder without the vault's key and without its lock; a running vault may append
/// meanwhile, which is no problem.
/// `public_key`: as printed by an earlier verification; `None` takes the one in the log's first record, which
/// whoever could replace the whole log could replace too.
/// Errors: only what the disk says; a log with problems is a result, not an error.
pub fn verify_audit_log(folder: &Path, public_key: Option<Digest>) -> Result<AuditVerification, VaultError> {
    verify(&RealDisk, folder, public_key, None)
}

pub(crate) fn verify(
    disk: &dyn Disk,
    folder: &Path,
    public_key: Option<Digest>,
    anchor: Option<Anchor>,
) -> Result<AuditVerification, VaultError> {
    let path = folder.join(LOG_NAME);
    let mut walk = Walk::new(public_key);
    // The length first: what is appended during the walk belongs to the next one.
    let len = length(disk, &path)?.unwrap_or(0);
    let head_path = folder.join(HEAD_NAME);
    let head_exists = disk.exists(&head_path).map_err(|e| VaultError::disk("find", &head_path, e))?;
    let key = match public_key.or(first_key(disk, &path, len)?) {
        Some(key) => VerifyingKey::from_bytes(&key.0).ok().map(|verifying| (key, verifying)),
        None => None,
    };
    walk.key = key.map(|(_, verifying)| verifying);
    walk.result.public_key = key.map(|(key, _)| key);
    let head = match &walk.key {
        Some(key) => read_head(disk, folder, key)?,
        None => None,
    };
    walk.vouched.extend(head.map(|head: Head| Anchor { sequence: head.sequence, hash: head.hash.0 }));
    walk.vouched.extend(anchor);
    if len > 0 {
        let fail = |source| VaultError::disk("read", &path, source);
        let file = disk.open(&path, Access::Read).map_err(fail)?;
        for_each_line(&*file, 0, len, &mut |line, _| walk.line(line)).map_err(fail)?;
    }
    walk.result.set_aside = names_of(disk, &path)?;
    Ok(walk.finish(head_exists, head.is_some()))
}

/// The public key that the first record names; nothing of it is checked here.
fn first_key(disk: &dyn Disk, path: &Path, len: u64) -> Result<Option<Digest>, VaultError> {
    if len == 0 {
        return Ok(None);
    }
    let fail = |source| VaultError::disk("read", path, source);
    let file = disk.open(path, Access::Read).map_err(fail)?;
    let mut key = None;
    for_each_line(&*file, 0, len, &mut |line, _| {
        key = Line::parse(line, &[0; 32]).and_then(|line| line.record.public_key);
        false
    })
    .map_err(fail)?;
    Ok(key)
}

/// The state of going through the lines.
struct Walk {
    key: Option<VerifyingKey>,
    /// Places that must be in the chain.
    vouched: Vec<Anchor>,
    previous: [u8; 32],
    next: Option<u64>,
    boot: u64,
    lines: u64,
    result: AuditVerification,
}

impl Walk {
    fn new(public_key: Option<Digest>) -> Self {
        Self {
            key: None,
            vouched: Vec::new(),
            previous: [0; 32],
            next: None,
            boot: 0,
            lines: 0,
            result: AuditVerification {
                ok: false,
                records: 0,
                checkpoints: 0,
                first_sequence: None,
                last_sequence: None,
                last_checkpoint: None,
                last_boot: None,
                unverified_times: 0,
                head_hash: None,
                public_key: None,
                public_key_from_log: public_key.is_none(),
                problems: Vec::new(),
                problem_count: 0,
                set_aside: Vec::new(),
            },
        }
    }

    fn problem(&mut self, line: Option<u64>, sequence: Option<u64>, trouble: Trouble) {
        self.result.problem_count += 1;
        if self.result.problems.len() < AUDIT_PROBLEMS_MAX {
            self.result.problems.push(AuditProblem { line, sequence, trouble });
        }
    }

    fn line(&mut self, bytes: &[u8]) -> bool {
        self.lines += 1;
        let at = Some(self.lines);
        let Some(line) = Line::parse(bytes, &self.previous) else {
            self.problem(at, None, Trouble::Unreadable);
            // The chain goes on behind a line nobody can read as if it had the hash it begins with and the sequence
            // that was due.
            let digits = bytes.get(..64).and_then(|digits| std::str::from_utf8(digits).ok());
            self.previous = digits.and_then(from_hex).unwrap_or(self.previous);
            self.next = self.next.and_then(|next| next.checked_add(1));
            return true;
        };
        let sequence = line.record.sequence;
        let expected = self.next.unwrap_or(sequence);
        let trouble = if sequence > expected {
            Some(Trouble::Removed { expected })
        } else if sequence < expected {
            Some(Trouble::Reordered { expected })
        } else if !line.is_intact() {
            Some(Trouble::Edited)
        } else {
            None
        };
        if let Some(trouble) = trouble {
            self.problem(at, Some(sequence), trouble);
        }
        self.record(at, &line);
        // Behind a break the lines are held against what this one claims, so that further breaks are found too.
        self.previous = line.claimed;
        self.next = sequence.checked_add(1);
        true
    }

    fn record(&mut self, at: Option<u64>, line: &Line) {
        let record = &line.record;
        if record.boot < self.boot {
            self.problem(at, Some(record.sequence), Trouble::BootWentBack);
        }
        self.boot = record.boot;
        if record.event == AuditEvent::Checkpoint {
            let message = checkpoint_message(record.sequence, record.boot, &self.previous);
            let signature = record.signature.as_deref().and_then(from_hex::<64>);
            let good = signature.zip(self.key.as_ref()).is_some_and(|(signature, key)| {
                key.verify_strict(&message, &Signature::from_bytes(&signature)).is_ok()
            });
            if good {
                self.result.checkpoints += 1;
                self.result.last_checkpoint = Some(record.sequence);
            } else {
                self.problem(at, Some(record.sequence), Trouble::BadSignature);
            }
        }
        let vouched: Vec<Anchor> = self.vouched.extract_if(.., |v| v.sequence == record.sequence).collect();
        for anchor in vouched {
            if anchor.hash != line.claimed {
                self.problem(at, Some(record.sequence), Trouble::Replaced);
            }
        }
        self.result.records += 1;
        self.result.first_sequence.get_or_insert(record.sequence);
        self.result.last_sequence = Some(record.sequence);
        self.result.last_boot = Some(record.boot);
        self.result.unverified_times += u64::from(!record.at.verified);
        self.result.head_hash = Some(Digest(line.claimed));
    }

    fn finish(mut self, head_exists: bool, head_is_good: bool) -> AuditVerification {
        for anchor in std::mem::take(&mut self.vouched) {
            self.problem(None, Some(anchor.sequence), Trouble::Truncated { expected: anchor.sequence });
        }
        // A power cut between the first checkpoint and its head leaves a log without one.
        if !head_exists && self.result.checkpoints > 1 {
            self.problem(None, None, Trouble::HeadMissing);
        }
        if head_exists && !head_is_good {
            self.problem(None, None, Trouble::HeadDamaged);
        }
        self.result.ok = self.result.problem_count == 0;
        self.result
    }
}
