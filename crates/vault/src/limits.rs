//! Every limit of the vault, named once.

/// Longest passphrase, in bytes.
pub const PASSPHRASE_MAX_BYTES: usize = 1024;
/// Argon2id memory that a key file may ask for, in KiB: 1 GiB. More would let a changed file exhaust a device.
pub const ARGON2_MAX_MEMORY_KIB: u32 = 1 << 20;
/// Argon2id passes that a key file may ask for.
pub const ARGON2_MAX_PASSES: u32 = 64;
/// Argon2id lanes that a key file may ask for.
pub const ARGON2_MAX_LANES: u32 = 16;
/// Longest key as a platform seals it, in bytes.
pub const SEALED_KEY_MAX_BYTES: usize = 16 << 10;
/// Longest name of a platform's key store, in bytes.
pub const SEALER_NAME_MAX_BYTES: usize = 64;
/// Longest key file.
pub const KEY_FILE_MAX_BYTES: u64 = 32 << 10;

/// Sealed values up to this stay in the database; longer ones become files. It keeps the database small, so
/// that checking it after a power cut stays within milliseconds.
pub const INLINE_MAX_BYTES: usize = 4 << 10;
/// Longest report, attachment or embedding.
pub const VALUE_MAX_BYTES: u64 = 256 << 20;
/// Attachments of one report.
pub const ATTACHMENTS_MAX: usize = 64;
/// Longest name of an attachment, in bytes.
pub const ATTACHMENT_NAME_MAX_BYTES: usize = 64;
/// Longest header of an entry.
pub(crate) const HEADER_MAX_BYTES: u64 = 64 << 10;
/// Source files that one report remembers; more of them are still right, only not found by their bytes.
pub(crate) const SOURCES_MAX: usize = 16;
/// Longest text field of a key (patient id, UIDs, zone, …), in bytes. DICOM's longest of these has 64 characters.
pub const KEY_TEXT_MAX_BYTES: usize = 1024;
/// Digests that one entry may depend on.
pub(crate) const DEPENDENCIES_MAX: usize = 16;
/// Patients named in one warning about identical pixels.
pub(crate) const SAME_PIXELS_MAX: usize = 64;
/// What an entry costs beside its values (rows, index, a file's last block), in bytes: counted against the limit.
pub(crate) const ENTRY_OVERHEAD_BYTES: u64 = 1024;
/// Default limit of the store, in bytes.
pub const DEFAULT_MAX_BYTES: u64 = 2 << 30;
/// Share of the limit, in percent, that reports not yet exported may take before a warning.
pub const PINNED_WARNING_PERCENT: u64 = 80;
/// Bytes of reports kept for the session only.
pub const SESSION_MAX_BYTES: u64 = 64 << 20;
/// Damaged databases, logs and entries kept aside; beyond it the oldest goes.
pub(crate) const SET_ASIDE_MAX: usize = 16;
/// Files looked at in one folder of the vault.
pub(crate) const LISTED_FILES_MAX: usize = 1 << 20;
/// Memory the database may use for pages, in bytes.
pub(crate) const DATABASE_CACHE_BYTES: usize = 8 << 20;

/// Longest line of the audit log.
pub(crate) const AUDIT_LINE_MAX_BYTES: usize = 1024;
/// Longest file that names the last checkpoint.
pub(crate) const AUDIT_HEAD_MAX_BYTES: u64 = 2048;
/// Records between two signed checkpoints at most.
pub const AUDIT_CHECKPOINT_EVERY: u64 = 16;
/// Problems that one verification lists; further ones are only counted.
pub(crate) const AUDIT_PROBLEMS_MAX: usize = 64;

/// A clock may step back by this without being called unverified: a clock that is being disciplined does.
pub const CLOCK_BACK_TOLERANCE_MS: i64 = 2000;
/// Default wait for another process that has the vault open.
pub const DEFAULT_LOCK_WAIT_MS: u64 = 3000;
/// Pause between two attempts for the lock.
pub(crate) const LOCK_POLL_MS: u64 = 20;
