//! The audit log: what happened on this device, in order, so that nothing of it can be changed unseen.
//!
//! Lines of text, one record each: the record's hash (64 digits), a space, the record as JSON. The hash covers the
//! hash before it and the JSON's bytes, so every line vouches for all lines before it. Every so often a record is
//! a checkpoint: it carries an Ed25519 signature, and a second file, the head, repeats where it lies. Whoever
//! changes the log without the key must leave the chain, a signature or the head wrong; [`verify`] says where.
//! What lies behind the last checkpoint is chained but not yet signed. Putting a whole older folder back cannot be
//! seen from within the folder: compare `head_hash` with a note kept elsewhere.

mod head;
mod log;
mod record;
#[cfg(test)]
mod tests;
mod verify;

pub(crate) use log::AuditLog;
pub(crate) use record::AuditEvent;
pub(crate) use verify::{Anchor, verify};
pub use verify::{AuditProblem, AuditVerification, Trouble, verify_audit_log};

/// Name of the log in the vault's folder.
pub(crate) const LOG_NAME: &str = "audit.log";
/// Name of the head in the vault's folder.
pub(crate) const HEAD_NAME: &str = "audit.head";
