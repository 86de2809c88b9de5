//! Opening the vault: lock, key, audit log, store, in this order.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::Vault;
use super::session::Session;
use crate::audit::{AuditEvent, AuditLog, HEAD_NAME, LOG_NAME};
use crate::disk::{Disk, Lock, RealDisk, make_folder};
use crate::key::{self, KEY_FILE_NAME, MasterKey, Subkeys, Unlock};
use crate::limits::{DEFAULT_LOCK_WAIT_MS, DEFAULT_MAX_BYTES, LOCK_POLL_MS};
use crate::store::{DATABASE_NAME, Store};
use crate::{ClockReading, VaultError};

/// Name of the lock file in the vault's folder.
const LOCK_NAME: &str = "lock";

/// Limits of one vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Bytes that stored entries may take.
    pub max_bytes: u64,
    /// How long to wait for another process, in milliseconds.
    pub lock_wait_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_bytes: DEFAULT_MAX_BYTES, lock_wait_ms: DEFAULT_LOCK_WAIT_MS }
    }
}

/// What opening found and did; what happens to the store later in the run is added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Opening {
    /// Number of this run.
    pub boot: u64,
    /// A key was made: first start. Show [`crate::KEY_FILE_PROTECTION`] if it is a key file.
    pub key_made: bool,
    /// Public name of the key.
    pub key_id: String,
    /// Databases that were damaged, set aside and begun anew.
    pub stores_set_aside: u64,
    /// Whether the audit log did not fit its signed head and was set aside.
    pub log_set_aside: bool,
    /// Bytes of an unfinished record cut off the log's end: a power cut within an append.
    pub log_tail_bytes: u64,
    /// The clock is earlier than what the log has seen: times are unverified.
    pub clock_went_back: bool,
}

impl Vault {
    /// Opens the vault in `folder`, or makes it, with a key as `unlock` says.
    /// Errors: `Busy` when another process has it for longer than the limit; those of the key; `KeyMissing` when
    /// results exist and the key does not; `NewerSchema`; `ReadOnly`, `DiskFull` and `Disk`. A damaged store or log
    /// is no error: it is set aside and said in [`Vault::opening`].
    pub fn open(
        folder: &Path,
        unlock: Unlock<'_>,
        options: Options,
        clock: ClockReading,
    ) -> Result<Self, VaultError> {
        Self::open_on(Arc::new(RealDisk), folder, unlock, options, clock)
    }

    pub(crate) fn open_on(
        disk: Arc<dyn Disk>,
        folder: &Path,
        unlock: Unlock<'_>,
        options: Options,
        clock: ClockReading,
    ) -> Result<Self, VaultError> {
        make_folder(&*disk, folder)?;
        let lock = wait_for_lock(&*disk, folder, options.lock_wait_ms)?;
        let (master, key_made) = open_or_make_key(&*disk, folder, unlock)?;
        let keys = Arc::new(Subkeys::new(&master));
        drop(master);
        let opened = AuditLog::open(Arc::clone(&disk), folder, &keys.audit_seed)?;
        let store = Store::open(Arc::clone(&disk), folder, Arc::clone(&keys))?;
        let mut log = opened.log;
        let opening = Opening { boot: log.boot(), key_made, key_id: keys.id_text(), ..Opening::default() };
        // Judged again by `now` below; here only so that the vault has a time to close with.
        let last_stamp = log.stamp(ClockReading { trusted: false, ..clock }).0;
        let mut vault = Self {
            folder: folder.to_path_buf(),
            disk,
            keys,
            store,
            log,
            session: Session::default(),
            options,
            opening,
            pending: Vec::new(),
            clock_reported: false,
            last_stamp,
            closed: false,
            _lock: lock,
        };
        vault.note_opening(&opened.events, clock)?;
        Ok(vault)
    }

    fn note_opening(
        &mut self,
        log_events: &[(AuditEvent, u64)],
        clock: ClockReading,
    ) -> Result<(), VaultError> {
        let at = self.now(clock);
        let mut records = Vec::new();
        for (event, number) in log_events {
            match event {
                AuditEvent::LogTailCut => self.opening.log_tail_bytes = *number,
                _ => self.opening.log_set_aside = true,
            }
            records.push((*event, None, Some(*number)));
        }
        if self.opening.key_made {
            records.push((AuditEvent::KeyMade, None, None));
        }
        self.note(at, records)?;
        self.settle(at, Ok(()))?;
        let restored = self.store.is_restored();
        if self.settle(at, restored)? { Ok(()) } else { self.restore_revocations() }
    }
}

fn wait_for_lock(disk: &dyn Disk, folder: &Path, wait_ms: u64) -> Result<Box<dyn Lock>, VaultError> {
    let path = folder.join(LOCK_NAME);
    let mut waited_ms = 0;
    loop {
        match disk.try_lock(&path).map_err(|source| VaultError::disk("lock", &path, source))? {
            Ok(lock) => return Ok(lock),
            Err(owner) if waited_ms >= wait_ms => {
                return Err(VaultError::Busy { path: folder.to_path_buf(), owner, waited_ms });
            }
            Err(_) => {
                let pause = LOCK_POLL_MS.min(wait_ms - waited_ms);
                std::thread::sleep(Duration::from_millis(pause));
                waited_ms += pause;
            }
        }
    }
}

/// The master key, and whether it was made now. A key is made only where nothing was ever encrypted: making one
/// beside results would bury them.
fn open_or_make_key(
    disk: &dyn Disk,
    folder: &Path,
    unlock: Unlock<'_>,
) -> Result<(MasterKey, bool), VaultError> {
    let path = folder.join(KEY_FILE_NAME);
    if let Some(key) = key::open(disk, &path, unlock)? {
        return Ok((key, false));
    }
    for name in [DATABASE_NAME, LOG_NAME, HEAD_NAME] {
        let other = folder.join(name);
        if disk.exists(&other).map_err(|source| VaultError::disk("find", &other, source))? {
            return Err(VaultError::KeyMissing { path });
        }
    }
    Ok((key::make(disk, &path, unlock)?, true))
}
