//! The only crate with keys: encrypted result cache, hash-chained audit log.
//!
//! A [`Vault`] lives in one folder and belongs to one process at a time. It keeps reports and embeddings
//! ([`Vault::put_report`], [`Vault::put_embedding`]), finds them again by the file ([`Vault::report_by_source`]), by
//! what the pixels are ([`Vault::embedding`]) or by whom they show ([`Vault::report`]), and writes down what happened
//! in a log that cannot be changed unseen ([`Vault::audit_verify`]).
//!
//! What is acknowledged survives a power cut. What was changed is a miss, never a wrong value. What is damaged is set
//! aside with a number, and work goes on.
//!
//! It does not: read a clock (the caller passes [`ClockReading`]s), write a patient identifier (only keyed hashes),
//! open a socket, or protect against someone who has both the folder and the key: see [`KEY_FILE_PROTECTION`].
//!
//! ```
//! use bedside_vault::*;
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path();
//! let clock = ClockReading { unix_ms: 1_763_942_400_000, trusted: true };
//! let mut vault = Vault::open(folder, Unlock::KeyFile, Options::default(), clock)?;
//! let source = SourceKey { file: Digest::of(b"the file"), settings: Digest::of(b"the settings") };
//! let key = ReportKey {
//!     embedding: EmbeddingKey {
//!         pixels: Digest::of(b"the masked pixels"),
//!         model: Digest::of(b"the model"),
//!         preprocessing: Digest::of(b"the preprocessing"),
//!         executor: Digest::of(b"the executor"),
//!     },
//!     patient: Some(Patient { issuer: None, id: "P-1".into() }),
//!     study_instance_uid: None,
//!     sop_instance_uid: None,
//!     laterality: None,
//!     zone: None,
//!     language: "en".into(),
//!     protocol: Digest::of(b"the protocol"),
//!     calibration: None,
//! };
//! assert!(vault.report_by_source(&source, clock)?.hit().is_none());
//! let saved = vault.put_report(
//!     &NewReport {
//!         key: &key,
//!         source: Some(&source),
//!         bytes: b"{}",
//!         attachments: &[],
//!         device_verdict: None,
//!         keep_without_patient: false,
//!     },
//!     clock,
//! )?;
//! vault.record_report_shown(&saved.id, clock)?;
//! assert_eq!(vault.report_by_source(&source, clock)?.hit().unwrap().bytes, b"{}");
//! assert!(vault.audit_verify(clock)?.ok);
//! vault.close(clock)?;
//! # Ok::<(), VaultError>(())
//! ```

mod audit;
mod cache_key;
mod cipher;
mod clock;
mod digest;
mod disk;
mod error;
mod key;
pub mod limits;
#[cfg(test)]
mod power_cut;
mod set_aside;
mod store;
#[cfg(test)]
mod tampering;
mod vault;

pub use audit::{AuditProblem, AuditVerification, Trouble, verify_audit_log};
pub use cache_key::{Dependency, DependencyKind, EmbeddingKey, Patient, ReportKey, SourceKey};
pub use clock::{ClockReading, Stamp};
pub use digest::Digest;
pub use error::{NotSaved, VaultError};
pub use key::{
    KEY_FILE_PROTECTION, MASTER_KEY_BYTES, MasterKey, PassphraseCost, Sealer, SealerError, Unlock, rewrap,
};
pub use vault::{
    Attachment, CacheEntry, CacheList, CacheVerification, CachedReport, DamagedEntry, ExportedReport, Lookup,
    Miss, NewReport, Opening, Options, Place, Prune, PruneResult, Revoked, Saved, Vault, Warning,
};
