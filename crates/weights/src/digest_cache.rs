//! File digests that are kept, so that a start need not read gigabytes.
//!
//! One small JSON file for each (device, inode, size, mtime, ctime), in a folder of the caller's. It saves
//! time and proves nothing: whoever may write to the folder may put digests in it. What must be sure of a
//! file's bytes (`model verify`) uses [`DigestCache::none`].

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::WeightsError;
use crate::atomic::{AtomicFile, Overwrite};
use crate::digest::{Digest, file_digest};
use crate::limits::{MAX_DIGEST_ENTRIES, MAX_DIGEST_ENTRY_BYTES};
use crate::progress::Progress;
use crate::source::{FileIdentity, Source};

/// A file this young may be written to again within one tick of its timestamps (FAT's is the coarsest).
const RACY: Duration = Duration::from_secs(2);

const SCHEMA: &str = "bedside.digest/1";

/// Remembered digests.
#[derive(Debug, Clone)]
pub struct DigestCache {
    folder: Option<PathBuf>,
}

#[derive(Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Entry {
    schema: String,
    device: u64,
    inode: u64,
    bytes: u64,
    /// As text: JSON numbers do not hold 128 bits.
    modified_ns: String,
    changed_ns: String,
    digest: String,
}

impl Entry {
    fn new(identity: &FileIdentity, digest: Digest) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            device: identity.device,
            inode: identity.inode,
            bytes: identity.bytes,
            modified_ns: identity.modified_ns.to_string(),
            changed_ns: identity.changed_ns.to_string(),
            digest: digest.to_string(),
        }
    }
}

impl DigestCache {
    /// Keeps entries in `folder`, which is created when the first is stored.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()) }
    }

    /// Keeps nothing: every digest is computed from the bytes.
    pub fn none() -> Self {
        Self { folder: None }
    }

    /// The file's digest if it is remembered; computes nothing. Errors: `Changed`.
    pub fn remembered(&self, source: &Source) -> Result<Option<Digest>, WeightsError> {
        let Some((folder, identity)) = self.folder.as_deref().zip(source.identity()) else { return Ok(None) };
        let digest = load(&entry_path(folder, &identity), &identity);
        source.ensure_unchanged()?;
        Ok(digest)
    }

    /// The file's digest, remembered or computed and then stored. A damaged entry and a folder that cannot
    /// be written to cost time and a warning, no more. Errors: those of computing it.
    pub fn digest(&self, source: &Source, progress: Progress<'_>) -> Result<Digest, WeightsError> {
        let Some((folder, identity)) = self.folder.as_deref().zip(source.identity()) else {
            return file_digest(source, progress);
        };
        let path = entry_path(folder, &identity);
        if let Some(digest) = load(&path, &identity) {
            source.ensure_unchanged()?;
            progress.advance(identity.bytes)?;
            return Ok(digest);
        }
        let digest = file_digest(source, progress)?;
        if is_settled(&identity, SystemTime::now())
            && let Err(error) = store(folder, &path, &Entry::new(&identity, digest))
        {
            log::warn!("digest not kept: {error}");
        }
        Ok(digest)
    }
}

/// Both timestamps lie far enough back that a later write must move them.
fn is_settled(identity: &FileIdentity, now: SystemTime) -> bool {
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i128);
    let latest = identity.modified_ns.max(identity.changed_ns);
    latest + (RACY.as_nanos() as i128) < now
}

fn entry_path(folder: &Path, identity: &FileIdentity) -> PathBuf {
    let mut hasher = blake3::Hasher::new();
    let FileIdentity { device, inode, bytes, modified_ns, changed_ns } = identity;
    for number in [device, inode, bytes] {
        hasher.update(&number.to_le_bytes());
    }
    for time in [modified_ns, changed_ns] {
        hasher.update(&time.to_le_bytes());
    }
    folder.join(format!("{}.json", hasher.finalize().to_hex()))
}

fn load(path: &Path, identity: &FileIdentity) -> Option<Digest> {
    path.symlink_metadata().ok()?;
    let read = || {
        let source = Source::open(path).map_err(|e| e.to_string())?;
        if source.bytes().len() as u64 > MAX_DIGEST_ENTRY_BYTES {
            return Err("too long".to_owned());
        }
        let entry: Entry = serde_json::from_slice(source.bytes()).map_err(|e| e.to_string())?;
        let digest: Digest = entry.digest.parse().map_err(|e: WeightsError| e.to_string())?;
        if entry == Entry::new(identity, digest) { Ok(digest) } else { Err("is another file's".to_owned()) }
    };
    let shown = path.display(); // our folder and 64 hexadecimal digits
    read().map_err(|error| log::warn!("ignoring the damaged digest entry {shown}: {error}")).ok()
}

fn store(folder: &Path, path: &Path, entry: &Entry) -> Result<(), WeightsError> {
    fs::create_dir_all(folder).map_err(WeightsError::io("create", folder))?;
    let json = serde_json::to_vec(entry).expect("strings and integers are always JSON");
    let mut file = AtomicFile::create(path, Overwrite::Replace)?;
    file.write_all(&json).map_err(WeightsError::io("write", path))?;
    file.commit()?;
    prune(folder)
}

/// Keep the youngest entries.
fn prune(folder: &Path) -> Result<(), WeightsError> {
    let entries = fs::read_dir(folder).map_err(WeightsError::io("list", folder))?;
    let entries = entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().ends_with(b".json"));
    let mut entries: Vec<(SystemTime, PathBuf)> =
        entries.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).collect();
    if entries.len() <= MAX_DIGEST_ENTRIES {
        return Ok(());
    }
    entries.sort_unstable();
    let old = entries.len() - MAX_DIGEST_ENTRIES;
    entries[..old]
        .iter()
        .try_for_each(|(_, path)| fs::remove_file(path).map_err(WeightsError::io("remove", path)))
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn young_files_are_not_kept() {
        struct Case {
            modified_s: i128,
            changed_s: i128,
            settled: bool,
        }
        let cases = [
            Case { modified_s: 90, changed_s: 97, settled: true },
            Case { modified_s: 90, changed_s: 98, settled: false },
            Case { modified_s: 99, changed_s: 10, settled: false },
            Case { modified_s: 200, changed_s: 10, settled: false },
        ];
        for case in cases {
            let (modified_ns, changed_ns) = (case.modified_s * 1_000_000_000, case.changed_s * 1_000_000_000);
            let identity = FileIdentity { device: 1, inode: 2, bytes: 3, modified_ns, changed_ns };
            let now = UNIX_EPOCH + Duration::from_secs(100);
            assert_eq!(is_settled(&identity, now), case.settled, "{} {}", case.modified_s, case.changed_s);
        }
    }

    #[test]
    fn entries_are_used_and_damage_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        fs::write(&path, b"weights").unwrap();
        let source = Source::open(&path).unwrap();
        let identity = source.identity().unwrap();
        let cache_folder = folder.path().join("cache");
        let cache = DigestCache::at(&cache_folder);
        let right = Digest(*blake3::hash(b"weights").as_bytes());

        assert_eq!(cache.digest(&source, Progress::silent()).unwrap(), right);
        assert!(!cache_folder.exists(), "a file of this second is racy");

        let forged = Digest([9; 32]);
        let entry = entry_path(&cache_folder, &identity);
        store(&cache_folder, &entry, &Entry::new(&identity, forged)).unwrap();
        assert_eq!(cache.digest(&source, Progress::silent()).unwrap(), forged, "the entry is used");
        assert_eq!(DigestCache::none().digest(&source, Progress::silent()).unwrap(), right);

        for damaged in [&b""[..], b"{}", &[b' '; 5000], b"{\"schema\":\"bedside.digest/2\"}"] {
            fs::write(&entry, damaged).unwrap();
            assert_eq!(cache.digest(&source, Progress::silent()).unwrap(), right);
        }
        let other = FileIdentity { inode: identity.inode + 1, ..identity };
        store(&cache_folder, &entry, &Entry::new(&other, forged)).unwrap();
        assert_eq!(cache.digest(&source, Progress::silent()).unwrap(), right, "another file's entry");
    }
}
