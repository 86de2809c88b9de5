//! Digests of files, and the identity of a model.
//!
//! **File digest**: BLAKE3 of the file's bytes, what `b3sum` prints.
//!
//! **Model identity** (`bedside` contract): BLAKE3 in key-derivation mode with the context
//! `bedside 2026 model identity 1` over
//!
//! | bytes | content |
//! |---|---|
//! | 4 | number of entries, little-endian |
//! | for each entry, sorted by its bytes: 1 | length of the role's name |
//! | | the role's name: `weights`, `config`, `tokenizer`, `projector` |
//! | 32 | the file's digest |
//!
//! File names are no part of it: a renamed model stays the same model. Documents are none either.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::WeightsError;
use crate::digest_cache::DigestCache;
use crate::model::{Model, Role};
use crate::progress::Progress;
use crate::source::Source;

/// The context string of the key derivation. A change of the serialisation changes it.
const IDENTITY_CONTEXT: &str = "bedside 2026 model identity 1";

/// Bytes hashed between two looks at the cancellation flag.
const CHUNK_BYTES: usize = 16 << 20;

/// 32 bytes, shown as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

/// 64 hexadecimal digits. Errors: `Value`.
impl FromStr for Digest {
    type Err = WeightsError;

    fn from_str(hex: &str) -> Result<Self, WeightsError> {
        let hash = blake3::Hash::from_hex(hex.as_bytes());
        let expected = "64 hexadecimal digits";
        hash.map(|h| Self(*h.as_bytes())).map_err(|e| WeightsError::Value { expected, got: e.to_string() })
    }
}

/// Digest of one file on all threads. `progress` counts its bytes.
/// Errors: `Cancelled`; `Changed` when the file was written to meanwhile.
pub fn file_digest(source: &Source, progress: Progress<'_>) -> Result<Digest, WeightsError> {
    let mut hasher = blake3::Hasher::new();
    for chunk in source.bytes().chunks(CHUNK_BYTES) {
        hasher.update_rayon(chunk);
        progress.advance(chunk.len() as u64)?;
    }
    source.ensure_unchanged()?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}

/// A file's part in the identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileDigest {
    /// File name without its folder.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its size.
    pub bytes: u64,
    /// Its digest.
    pub digest: Digest,
}

/// Digests of all files of a model but its documents, in the order of [`Model::files`].
/// `progress` counts bytes of files; a digest out of the cache counts at once. Errors: as [`file_digest`].
pub fn file_digests(
    model: &Model,
    cache: &DigestCache,
    progress: Progress<'_>,
) -> Result<Vec<FileDigest>, WeightsError> {
    let files = model.files().iter().filter(|file| file.role != Role::Document);
    let digests = files.map(|file| {
        let digest = cache.digest(&file.source, progress)?;
        let (name, bytes) = (file.name.clone(), file.source.bytes().len() as u64);
        Ok(FileDigest { name, role: file.role, bytes, digest })
    });
    digests.collect()
}

/// The identity of the model that these files make up; see the module text. Documents do not count.
/// For a GGUF pair: both files, the vision half as [`Role::Projector`].
pub fn model_identity(files: impl IntoIterator<Item = (Role, Digest)>) -> Digest {
    let files = files.into_iter().filter(|(role, _)| *role != Role::Document);
    let mut entries: Vec<Vec<u8>> = files.map(|(role, digest)| entry(role, digest)).collect();
    entries.sort_unstable();
    let mut hasher = blake3::Hasher::new_derive_key(IDENTITY_CONTEXT);
    hasher.update(&(entries.len() as u32).to_le_bytes()); // limits keep the number of files small
    entries.iter().for_each(|entry| {
        hasher.update(entry);
    });
    Digest(*hasher.finalize().as_bytes())
}

fn entry(role: Role, digest: Digest) -> Vec<u8> {
    let name = role.name().as_bytes();
    let mut entry = vec![name.len() as u8]; // at most 9 letters
    entry.extend(name);
    entry.extend(digest.0);
    entry
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;

    #[test]
    fn the_identity_is_pinned() {
        let (a, b) = (Digest([1; 32]), Digest([2; 32]));
        let pinned = "17bcf62a6f9908c5c57f98aa84c1196564b717b3e51ee11304b543bb2ffd7fe8";
        let files = [(Role::Weights, a), (Role::Config, b), (Role::Tokenizer, a), (Role::Projector, b)];
        assert_eq!(model_identity(files).to_string(), pinned);
        let turned = files.into_iter().rev().chain([(Role::Document, a)]);
        assert_eq!(model_identity(turned).to_string(), pinned, "neither order nor documents count");
        assert_ne!(model_identity([(Role::Weights, a)]), model_identity([(Role::Projector, a)]));
        assert_ne!(model_identity([(Role::Weights, a); 2]), model_identity([(Role::Weights, a)]));
        assert_eq!(pinned.parse::<Digest>().unwrap().to_string(), pinned);
    }

    #[test]
    fn a_file_digest_is_blake3_and_can_be_cancelled() {
        let source = Source::from_bytes("x", vec![7; 40 << 20]);
        let done = AtomicU64::new(0);
        let go_on = AtomicBool::new(false);
        let count = |n| {
            done.fetch_add(n, Ordering::Relaxed);
        };
        let digest = file_digest(&source, Progress::new(&go_on, &count)).unwrap();
        assert_eq!(digest.0, *blake3::hash(source.bytes()).as_bytes());
        assert_eq!(done.load(Ordering::Relaxed), 40 << 20);
        let stop = AtomicBool::new(true);
        let error = file_digest(&source, Progress::new(&stop, &|_| {})).unwrap_err();
        assert!(matches!(error, WeightsError::Cancelled));
    }
}
