//! The encrypted store: a database of sealed values, files for the long ones, and room bounded by bytes.

mod blobs;
mod capacity;
mod check;
mod database;
mod entry;
mod rows;
mod sealed_file;
mod tables;
mod values;

pub(crate) use capacity::{NewEntry, PutOutcome};
pub(crate) use database::{DATABASE_NAME, Store, StoreEvent};
pub(crate) use entry::{EntryKey, Header, Level};

pub(crate) use values::{DAMAGED_ENTRY_NAME, Found};

use crate::audit::Anchor;
use crate::{Dependency, DependencyKind, Digest, Stamp};

/// Version of the database's tables.
pub(crate) const SCHEMA: u32 = 1;

/// One value of an entry to be stored: the part's number and its bytes.
pub(crate) struct Part<'a> {
    pub(crate) number: u8,
    pub(crate) bytes: &'a [u8],
}

/// One revoked digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Revocation {
    pub(crate) dependency: Dependency,
    pub(crate) at: Stamp,
}

impl Revocation {
    fn encode(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[0] = self.dependency.kind.code();
        bytes[1] = u8::from(self.at.verified);
        bytes[2..].copy_from_slice(&self.at.unix_ms.to_le_bytes());
        bytes
    }

    fn decode(digest: Digest, bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 10] = bytes.try_into().ok()?;
        let (head, time) = bytes.split_first_chunk::<2>()?;
        let verified = match head[1] {
            0 => false,
            1 => true,
            _ => return None,
        };
        let unix_ms = i64::from_le_bytes(time.try_into().ok()?);
        let kind = DependencyKind::from_code(head[0])?;
        Some(Self { dependency: Dependency { kind, digest }, at: Stamp { unix_ms, verified } })
    }
}

/// What the database remembers of the audit log, as bytes.
fn encode_anchor(anchor: &Anchor) -> [u8; 40] {
    let mut bytes = [0; 40];
    bytes[..8].copy_from_slice(&anchor.sequence.to_le_bytes());
    bytes[8..].copy_from_slice(&anchor.hash);
    bytes
}

fn decode_anchor(bytes: &[u8]) -> Option<Anchor> {
    let (sequence, hash) = bytes.split_first_chunk::<8>()?;
    Some(Anchor { sequence: u64::from_le_bytes(*sequence), hash: hash.try_into().ok()? })
}
