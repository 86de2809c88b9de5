//! What can go wrong in the vault, and what of it means that a finding was not saved.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::key::SealerError;

/// Every failure of this crate. Messages name the operation, what was expected and what was got; none holds a
/// key, a passphrase or a patient identifier.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The operating system refused.
    #[error("cannot {operation} {}: {source}", path.display())]
    Disk {
        /// What was being done, as it follows "cannot".
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// No space is left on the disk, or a quota is used up.
    #[error("cannot {operation} {}: the disk is full", path.display())]
    DiskFull {
        /// What was being done, as it follows "cannot".
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
    },
    /// The store's folder cannot be written.
    #[error("cannot {operation} {}: it is read-only or not ours to write", path.display())]
    ReadOnly {
        /// What was being done, as it follows "cannot".
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
    },
    /// Another process has the vault open.
    #[error("the store at {} is in use by {}; waited {waited_ms} ms", path.display(), owner_text(*owner))]
    Busy {
        /// The vault's folder.
        path: PathBuf,
        /// Process id of the owner, where it could be read.
        owner: Option<u32>,
        /// How long this process waited for it.
        waited_ms: u64,
    },
    /// Stored results exist but the key that opens them does not.
    #[error("the key {} is missing but results encrypted with it exist; put the key back, or move the folder aside", path.display())]
    KeyMissing {
        /// Where the key belongs.
        path: PathBuf,
    },
    /// Others may read the key file.
    #[error("the key {} has permissions {mode:03o}; others can read it; expected 600", path.display())]
    KeyPermissions {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file has a length that no version writes.
    #[error("the key {} is {got} bytes long; expected {expected}", path.display())]
    KeyLength {
        /// The key file.
        path: PathBuf,
        /// Bytes it must have, or at least.
        expected: u64,
        /// Bytes it has.
        got: u64,
    },
    /// The key file is not one of ours or was changed.
    #[error("the key {} is damaged: {what}", path.display())]
    KeyDamaged {
        /// The key file.
        path: PathBuf,
        /// What does not fit.
        what: &'static str,
    },
    /// The key is protected in another way than the caller opens it.
    #[error("the key {} is protected by {stored}; it was opened with {given}", path.display())]
    KeyKind {
        /// The key file.
        path: PathBuf,
        /// How the key is protected.
        stored: String,
        /// What the caller gave.
        given: String,
    },
    /// The passphrase does not open the key.
    #[error("the passphrase does not open the key")]
    WrongPassphrase,
    /// A passphrase is empty or longer than [`crate::limits::PASSPHRASE_MAX_BYTES`].
    #[error("a passphrase has 1 to {max} bytes; got {got}")]
    PassphraseLength {
        /// Longest allowed.
        max: usize,
        /// Given.
        got: usize,
    },
    /// A parameter of Argon2id is out of bounds.
    #[error("Argon2id {parameter} is {got}; expected {min} to {max}")]
    PassphraseCost {
        /// Name of the parameter.
        parameter: &'static str,
        /// Smallest allowed.
        min: u32,
        /// Largest allowed.
        max: u32,
        /// Given or stored.
        got: u32,
    },
    /// Argon2id could not run (memory).
    #[error("cannot derive a key from the passphrase: {0}")]
    Argon2(argon2::Error),
    /// The platform did not seal or unseal the key.
    #[error("the platform's key store {name} failed: {source}")]
    Sealer {
        /// The sealer's name.
        name: String,
        /// Its reason.
        source: SealerError,
    },
    /// The key is a good key, but not the one of this store.
    #[error("the store {} was written with key {expected}; the key here is {got}", path.display())]
    WrongKey {
        /// The store.
        path: PathBuf,
        /// Public id of the key that wrote it.
        expected: String,
        /// Public id of the key at hand.
        got: String,
    },
    /// The system gives no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
    /// A newer program wrote this.
    #[error("{what} has version {found}; this program knows up to {supported}")]
    NewerSchema {
        /// What carries the version.
        what: &'static str,
        /// Its version.
        found: u32,
        /// The newest known here.
        supported: u32,
    },
    /// Everything that fills the store is not exported yet, and such reports are never evicted.
    #[error(
        "the store is full: {needed_bytes} bytes more do not fit into {max_bytes}, \
         {pinned_bytes} of which are reports not exported yet"
    )]
    Full {
        /// Bytes the new entry takes.
        needed_bytes: u64,
        /// The store's limit.
        max_bytes: u64,
        /// Bytes that must not be evicted.
        pinned_bytes: u64,
    },
    /// A value is longer than allowed.
    #[error("{what} has {got} bytes; the limit is {max}")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its bytes.
        got: u64,
        /// The limit.
        max: u64,
    },
    /// A list is longer than allowed.
    #[error("{got} {what}; the limit is {max}")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// The database failed without being damaged.
    #[error("cannot {operation}: {source}")]
    Database {
        /// What was being done, as it follows "cannot".
        operation: &'static str,
        /// The database's reason.
        source: Box<redb::Error>,
    },
    /// The database is damaged; it was or will be set aside and rebuilt.
    #[error("cannot {operation}: the database is damaged ({what})")]
    DatabaseDamaged {
        /// What was being done, as it follows "cannot".
        operation: &'static str,
        /// What the database said.
        what: String,
    },
    /// No entry has this id.
    #[error("no report {id} is in the store")]
    NotFound {
        /// The id asked for.
        id: String,
    },
    /// A stored value does not authenticate or decode. It was taken out of the store.
    #[error("entry {id} is damaged: {what}; it was set aside")]
    EntryDamaged {
        /// The entry's id.
        id: String,
        /// What does not fit.
        what: &'static str,
    },
    /// A text is not a digest.
    #[error("a digest is 64 lower-case hexadecimal digits")]
    NotADigest,
}

/// Why a result could not be saved: what the shell heads findings with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotSaved {
    /// The store's byte limit is used up by reports that are not exported.
    StoreFull,
    /// The disk is full.
    DiskFull,
    /// The folder is read-only.
    ReadOnly,
    /// Another process has the store.
    Busy,
    /// The key is missing, exposed, damaged or another one.
    Key,
    /// A newer program wrote the store.
    NewerStore,
    /// The result is beyond a limit of the store.
    TooLarge,
    /// The disk or the database failed.
    Failed,
}

impl VaultError {
    /// The reason that stands beside NOT SAVED when an operation of the vault ends with this error.
    pub fn not_saved(&self) -> NotSaved {
        match self {
            Self::Full { .. } => NotSaved::StoreFull,
            Self::DiskFull { .. } => NotSaved::DiskFull,
            Self::ReadOnly { .. } => NotSaved::ReadOnly,
            Self::Busy { .. } => NotSaved::Busy,
            Self::KeyMissing { .. }
            | Self::KeyPermissions { .. }
            | Self::KeyLength { .. }
            | Self::KeyDamaged { .. }
            | Self::KeyKind { .. }
            | Self::WrongPassphrase
            | Self::PassphraseLength { .. }
            | Self::PassphraseCost { .. }
            | Self::Argon2(_)
            | Self::Sealer { .. }
            | Self::WrongKey { .. } => NotSaved::Key,
            Self::NewerSchema { .. } => NotSaved::NewerStore,
            Self::TooLarge { .. } | Self::TooMany { .. } => NotSaved::TooLarge,
            Self::Disk { .. }
            | Self::Random(_)
            | Self::Database { .. }
            | Self::DatabaseDamaged { .. }
            | Self::NotFound { .. }
            | Self::EntryDamaged { .. }
            | Self::NotADigest => NotSaved::Failed,
        }
    }

    /// An error of the disk, sorted into full, read-only and the rest.
    pub(crate) fn disk(operation: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { operation, path },
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::ReadOnly { operation, path }
            }
            _ => Self::Disk { operation, path, source },
        }
    }

    /// An error of the database at `path`, sorted into damage, full, read-only and the rest.
    pub(crate) fn database(operation: &'static str, path: &Path, source: redb::Error) -> Self {
        match source {
            redb::Error::Io(source)
                if matches!(source.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
            {
                Self::DatabaseDamaged { operation, what: source.to_string() }
            }
            redb::Error::Io(source) => Self::disk(operation, path, source),
            redb::Error::Corrupted(what) => Self::DatabaseDamaged { operation, what },
            redb::Error::UpgradeRequired(_)
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TypeDefinitionChanged { .. }
            | redb::Error::TableDoesNotExist(_) => {
                Self::DatabaseDamaged { operation, what: source.to_string() }
            }
            source => Self::Database { operation, source: Box::new(source) },
        }
    }

    /// Whether the database must be set aside and rebuilt.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::DatabaseDamaged { .. })
    }
}

fn owner_text(owner: Option<u32>) -> String {
    owner.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
