//! Entries: their keys, their headers, and the envelope of a stored value.

use serde::{Deserialize, Serialize};

use crate::{Dependency, Digest, Stamp};

/// Which cache an entry belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// A report with its attachments.
    Report = 1,
    /// An embedding.
    Embedding = 2,
}

/// Level and keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EntryKey(pub(crate) [u8; 33]);

impl EntryKey {
    pub(crate) fn new(level: Level, hash: &[u8; 32]) -> Self {
        let mut key = [level as u8; 33];
        key[1..].copy_from_slice(hash);
        Self(key)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key = Self(bytes.try_into().ok()?);
        key.level().map(|_| key)
    }

    pub(crate) fn level(&self) -> Option<Level> {
        [Level::Report, Level::Embedding].into_iter().find(|level| *level as u8 == self.0[0])
    }

    /// The keyed hash: the id under which a report is listed.
    pub(crate) fn id(&self) -> Digest {
        let (_, hash) = self.0.split_first_chunk::<1>().expect("33 bytes hold one and 32");
        Digest(hash.try_into().expect("33 bytes less one are 32"))
    }

    pub(super) fn part(&self, number: u8) -> [u8; 34] {
        let mut key = [number; 34];
        key[..33].copy_from_slice(&self.0);
        key
    }
}

/// Part 0 of an entry: what is known about it. Part 1 is the value, further parts are attachments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// When the value was computed.
    pub(crate) computed_at: Stamp,
    /// Whether the report was exported. Embeddings need not be: true.
    pub(crate) exported: bool,
    /// What makes this entry invalid when it is revoked.
    pub(crate) dependencies: Vec<Dependency>,
    /// Keyed hash of the pixels, for the warning about identical pixels.
    pub(crate) pixels: Option<Digest>,
    /// Keyed hash of the patient.
    pub(crate) patient: Option<Digest>,
    /// Keyed hashes of the source files that lead here.
    pub(crate) sources: Vec<Digest>,
    /// Names of the attachments, parts 2 and on.
    pub(crate) attachments: Vec<String>,
}

/// What a sealed row of the parts table holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Envelope {
    /// The value itself.
    Inline(Vec<u8>),
    /// The value lies in a file.
    Blob(BlobReference),
}

/// Which file, and what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlobReference {
    /// Name of the file: random, it says nothing.
    pub(super) name: [u8; 16],
    /// Length of the file in bytes, sealed.
    pub(super) sealed_len: u64,
    /// BLAKE3 of the file's bytes.
    pub(super) digest: [u8; 32],
}

impl Envelope {
    pub(super) fn encode_inline(value: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(value.len() + 1);
        bytes.push(0);
        bytes.extend_from_slice(value);
        bytes
    }

    pub(super) fn encode_blob(reference: &BlobReference) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend_from_slice(&reference.name);
        bytes.extend_from_slice(&reference.sealed_len.to_le_bytes());
        bytes.extend_from_slice(&reference.digest);
        bytes
    }

    pub(super) fn decode(mut bytes: Vec<u8>) -> Option<Self> {
        match bytes.first()? {
            0 => {
                bytes.remove(0);
                Some(Self::Inline(bytes))
            }
            1 => {
                let fields: &[u8; 56] = bytes[1..].try_into().ok()?;
                let (name, rest) = fields.split_first_chunk::<16>()?;
                let (len, digest) = rest.split_first_chunk::<8>()?;
                Some(Self::Blob(BlobReference {
                    name: *name,
                    sealed_len: u64::from_le_bytes(*len),
                    digest: digest.try_into().ok()?,
                }))
            }
            _ => None,
        }
    }
}
