//! Opening, sealing and rebuilding the database file.
//!
//! A database that was closed in order carries a seal beside it (`sealed_file.rs`). While the seal fits, the file is
//! opened read-only, without a write, until something must be written. When it does not (a power cut, or a change), redb
//! checks every checksum and repairs; what it cannot repair is set aside with its files and a new database begins. redb
//! says that a file changed behind its back may make it panic, so every call into it is caught: a panic counts as damage.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Builder, Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::SCHEMA;
use super::blobs::{BLOBS_NAME, Blobs};
use super::entry::EntryKey;
use super::sealed_file::{Backend, SEAL_MAX_BYTES, Seal, SealedFile};
use super::tables::{ALL, META, META_KEY_ID, META_SCHEMA, META_TOTALS, Totals};
use crate::VaultError;
use crate::cipher::Cipher;
use crate::digest::to_hex;
use crate::disk::{Access, Disk, folder_of, make_folder, read_whole, with_suffix, write_whole};
use crate::key::Subkeys;
use crate::limits::DATABASE_CACHE_BYTES;
use crate::set_aside::set_aside;

/// Name of the database in the vault's folder.
pub(crate) const DATABASE_NAME: &str = "results.redb";
/// Name of its seal.
const SEAL_NAME: &str = "results.seal";

/// What happened to the store while it was opened or used; the vault writes it into the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreEvent {
    /// A damaged database was set aside under this number and a new one begun.
    Rebuilt { number: u64 },
}

/// The store in one folder.
pub(crate) struct Store {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
    pub(super) cipher: Cipher,
    keys: Arc<Subkeys>,
    handle: Handle,
    /// The file of the open database, and of the one closed last.
    file: Option<Arc<SealedFile>>,
    /// Files that nothing refers to may lie about: there was a power cut or a failure.
    pub(super) sweep_due: bool,
    /// Entries used since their tick was written.
    pub(super) touched: BTreeSet<EntryKey>,
    events: Vec<StoreEvent>,
}

/// The database as it is open now.
enum Handle {
    Closed,
    Reading(ReadOnlyDatabase),
    Writing(Database),
}

/// What a transaction ends with: an error of the database, or one of ours.
pub(super) enum Fault {
    Redb(redb::Error),
    Vault(VaultError),
}

macro_rules! fault_from {
    ($($error:ty),*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::Redb(error.into())
            }
        }
    )*};
}
fault_from!(
    redb::Error,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::DatabaseError
);

impl From<VaultError> for Fault {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

impl Store {
    /// Opens the store, or makes an empty one. A damaged one is set aside.
    pub(crate) fn open(disk: Arc<dyn Disk>, folder: &Path, keys: Arc<Subkeys>) -> Result<Self, VaultError> {
        let mut store = Self {
            disk,
            folder: folder.to_path_buf(),
            cipher: Cipher::new(&keys.values),
            keys,
            handle: Handle::Closed,
            file: None,
            sweep_due: false,
            touched: BTreeSet::new(),
            events: Vec::new(),
        };
        store.ensure_open()?;
        Ok(store)
    }

    /// What happened since the last call.
    pub(crate) fn take_events(&mut self) -> Vec<StoreEvent> {
        std::mem::take(&mut self.events)
    }

    /// Closes the database and seals it. The store opens again when it is used.
    pub(crate) fn close(&mut self) -> Result<(), VaultError> {
        self.flush_touched()?;
        let path = self.path();
        if let Handle::Writing(database) = std::mem::replace(&mut self.handle, Handle::Closed) {
            caught("close the database", &path, || Ok(database.close()?))?;
            if let Some(file) = self.file.take() {
                self.write_seal(&file, &path)?;
            }
        }
        Ok(())
    }

    /// Whether the database is open for writing.
    pub(crate) fn is_writing(&self) -> bool {
        matches!(self.handle, Handle::Writing(_))
    }

    pub(super) fn blobs(&self) -> Blobs<'_> {
        Blobs { disk: &*self.disk, folder: self.folder.join(BLOBS_NAME), cipher: &self.cipher }
    }

    /// Runs a transaction that reads; twice when the first meets bytes that the seal does not vouch for. Damage sets the
    /// database aside before the error is returned.
    pub(super) fn read<T>(
        &mut self,
        operation: &'static str,
        work: impl Fn(&ReadTransaction, &Cipher) -> Result<T, Fault>,
    ) -> Result<T, VaultError> {
        self.ensure_open()?;
        let mut result = self.read_once(operation, &work);
        if self.must_check(&result) {
            self.reopen_checked()?;
            result = self.read_once(operation, &work);
        }
        self.settle(result)
    }

    fn read_once<T>(
        &self,
        operation: &'static str,
        work: &impl Fn(&ReadTransaction, &Cipher) -> Result<T, Fault>,
    ) -> Result<T, VaultError> {
        caught(operation, &self.path(), || match &self.handle {
            Handle::Reading(database) => work(&database.begin_read()?, &self.cipher),
            Handle::Writing(database) => work(&database.begin_read()?, &self.cipher),
            Handle::Closed => Err(redb::Error::DatabaseClosed.into()),
        })
    }

    /// Runs a transaction that writes, as `read` does; when it returns, what it wrote survives a power cut.
    pub(super) fn write<T>(
        &mut self,
        operation: &'static str,
        work: impl Fn(&WriteTransaction, &Cipher) -> Result<T, Fault>,
    ) -> Result<T, VaultError> {
        self.ensure_writable()?;
        let mut result = self.write_once(operation, &work);
        if self.must_check(&result) {
            self.reopen_checked()?;
            result = self.write_once(operation, &work);
        }
        self.settle(result)
    }

    fn write_once<T>(
        &self,
        operation: &'static str,
        work: &impl Fn(&WriteTransaction, &Cipher) -> Result<T, Fault>,
    ) -> Result<T, VaultError> {
        caught(operation, &self.path(), || {
            let Handle::Writing(database) = &self.handle else {
                return Err(redb::Error::DatabaseClosed.into());
            };
            let transaction = database.begin_write()?;
            match work(&transaction, &self.cipher) {
                Ok(value) => {
                    transaction.commit()?;
                    Ok(value)
                }
                Err(fault) => {
                    // Dropping would do the same and hide a failure of it; the first error is the one that counts.
                    let _ = transaction.abort();
                    Err(fault)
                }
            }
        })
    }

    /// Whether an operation failed on bytes that the seal does not vouch for, which redb may still find in order.
    fn must_check<T>(&self, result: &Result<T, VaultError>) -> bool {
        result.is_err() && self.file.as_ref().is_some_and(|file| file.is_broken())
    }

    /// Lets redb check every page. Damage sets the database aside.
    fn reopen_checked(&mut self) -> Result<(), VaultError> {
        log::warn!("the database does not fit its seal; checking all of it");
        self.drop_handle();
        let opened = self.open_writing(None, true).and_then(|()| self.check_meta());
        self.sweep_due = true;
        match opened {
            Err(error) if error.is_damage() => {
                log::warn!("{error}; the database is set aside");
                self.rebuild()
            }
            other => other,
        }
    }

    /// After an error of the database it is closed, so that the next use opens and repairs it; damage sets it aside.
    fn settle<T>(&mut self, result: Result<T, VaultError>) -> Result<T, VaultError> {
        let Err(error) = &result else { return result };
        let ours = matches!(
            error,
            VaultError::Full { .. } | VaultError::NotFound { .. } | VaultError::TooMany { .. }
        );
        if !ours {
            self.drop_handle();
            self.sweep_due = true;
        }
        if error.is_damage() {
            log::warn!("{error}; the database is set aside");
            self.rebuild()?;
        }
        result
    }

    fn ensure_open(&mut self) -> Result<(), VaultError> {
        if !matches!(self.handle, Handle::Closed) {
            return Ok(());
        }
        match self.open_existing_or_create() {
            Err(error) if error.is_damage() => {
                log::warn!("{error}; the database is set aside");
                self.drop_handle();
                self.rebuild()
            }
            other => other,
        }
    }

    fn open_existing_or_create(&mut self) -> Result<(), VaultError> {
        let path = self.path();
        if !self.disk.exists(&path).map_err(|e| VaultError::disk("find", &path, e))? {
            self.create()?;
        }
        if let Some(file) = self.sealed_file(&path)? {
            match self.open_reading(file).and_then(|()| self.check_meta()) {
                Err(error) if !error.is_damage() && !matches!(error, VaultError::Database { .. }) => {
                    return Err(error);
                }
                Ok(()) => return Ok(()),
                Err(error) => log::debug!("{error}; the database is opened for writing"),
            }
            self.drop_handle();
        }
        self.open_writing(None, true)?;
        self.sweep_due = true;
        self.check_meta()
    }

    fn ensure_writable(&mut self) -> Result<(), VaultError> {
        self.ensure_open()?;
        if matches!(self.handle, Handle::Writing(_)) {
            return Ok(());
        }
        self.drop_handle();
        // What the seal vouched for when the file was opened it still does: the vault's lock is held since.
        let file = self.file.take();
        let opened = self.open_writing(file, false);
        if self.must_check(&opened) { self.reopen_checked() } else { opened }
    }

    fn open_reading(&mut self, file: Arc<SealedFile>) -> Result<(), VaultError> {
        self.file = Some(Arc::clone(&file));
        let database = caught("open the database", &self.path(), || {
            Ok(builder().open_read_only_with_backend(Backend(file))?)
        })?;
        self.handle = Handle::Reading(database);
        Ok(())
    }

    /// `file`: under its seal; `None` opens it without one.
    fn open_writing(&mut self, file: Option<Arc<SealedFile>>, check: bool) -> Result<(), VaultError> {
        let path = self.path();
        let fail = |source| VaultError::disk("open", &path, source);
        let writable = self.disk.open(&path, Access::Write).map_err(fail)?;
        if writable.len().map_err(fail)? == 0 {
            // redb would take it for a new database; ours is never empty.
            let what = "the file is empty".to_owned();
            return Err(VaultError::DatabaseDamaged { operation: "open the database", what });
        }
        let file = match file {
            Some(file) => file.reopened(writable),
            None => SealedFile::new(writable, &self.keys.file_seal, None).map_err(fail)?,
        };
        let file = Arc::new(file);
        self.file = Some(Arc::clone(&file));
        let database = caught("open the database", &path, || {
            Ok(builder().set_check_integrity_on_open(check).create_with_backend(Backend(file))?)
        })?;
        self.handle = Handle::Writing(database);
        Ok(())
    }

    /// Makes an empty database under a temporary name and renames it: redb does not survive a power cut while it
    /// makes its file.
    fn create(&mut self) -> Result<(), VaultError> {
        let path = self.path();
        let temporary = with_suffix(&path, ".new");
        make_folder(&*self.disk, &self.folder.join(BLOBS_NAME))?;
        let fail = |source| VaultError::disk("make", &temporary, source);
        if self.disk.exists(&temporary).map_err(fail)? {
            self.disk.remove(&temporary).map_err(fail)?;
        }
        let file = self.disk.open(&temporary, Access::CreateNew).map_err(fail)?;
        let id = self.keys.id;
        let sealed = SealedFile::new(Arc::clone(&file), &self.keys.file_seal, None).map_err(fail)?;
        let sealed = Arc::new(sealed);
        caught("make the database", &temporary, || {
            let database = builder().create_with_backend(Backend(Arc::clone(&sealed)))?;
            let transaction = database.begin_write()?;
            for table in ALL {
                transaction.open_table(table)?;
            }
            let mut meta = transaction.open_table(META)?;
            meta.insert(META_SCHEMA, &SCHEMA.to_le_bytes()[..])?;
            meta.insert(META_KEY_ID, &id[..])?;
            meta.insert(META_TOTALS, &Totals::default().encode()[..])?;
            drop(meta);
            transaction.commit()?;
            Ok(database.close()?)
        })?;
        file.sync().map_err(fail)?;
        self.disk.rename(&temporary, &path).map_err(fail)?;
        self.disk.sync_folder(folder_of(&path)).map_err(fail)?;
        self.write_seal(&sealed, &path)
    }

    /// Holds version and key against ours.
    fn check_meta(&mut self) -> Result<(), VaultError> {
        let path = self.path();
        let handle = &self.handle;
        let (schema, id) = caught("read the database", &path, || {
            let transaction = match handle {
                Handle::Reading(database) => database.begin_read()?,
                Handle::Writing(database) => database.begin_read()?,
                Handle::Closed => return Err(redb::Error::DatabaseClosed.into()),
            };
            for table in ALL {
                transaction.open_table(table)?;
            }
            let meta = transaction.open_table(META)?;
            let value = |key| Ok::<_, Fault>(meta.get(key)?.map(|value| value.value().to_vec()));
            Ok((value(META_SCHEMA)?, value(META_KEY_ID)?))
        })?;
        let damaged = |what: &str| VaultError::DatabaseDamaged {
            operation: "open the database",
            what: what.to_owned(),
        };
        let schema: [u8; 4] =
            schema.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| damaged("it has no version"))?;
        match u32::from_le_bytes(schema) {
            SCHEMA => {}
            found if found > SCHEMA => {
                self.drop_handle();
                return Err(VaultError::NewerSchema { what: "the store", found, supported: SCHEMA });
            }
            // A cache: an older one is set aside and built anew.
            _ => return Err(damaged("its version is older than any still read")),
        }
        let id: [u8; 8] =
            id.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| damaged("it names no key"))?;
        if id != self.keys.id {
            self.drop_handle();
            return Err(VaultError::WrongKey { path, expected: to_hex(&id), got: self.keys.id_text() });
        }
        Ok(())
    }

    /// Sets the database and its files aside and begins a new one.
    fn rebuild(&mut self) -> Result<(), VaultError> {
        self.drop_handle();
        let number = set_aside(&*self.disk, &self.path())?;
        set_aside(&*self.disk, &self.folder.join(BLOBS_NAME))?;
        self.events.extend(number.map(|number| StoreEvent::Rebuilt { number }));
        self.create()?;
        self.open_writing(None, false)
    }

    /// Lets go of the database; an error or a panic while it closes says nothing new.
    fn drop_handle(&mut self) {
        let handle = std::mem::replace(&mut self.handle, Handle::Closed);
        let _ = catch_unwind(AssertUnwindSafe(|| drop(handle)));
    }

    fn path(&self) -> PathBuf {
        self.folder.join(DATABASE_NAME)
    }

    /// The file under its seal; `None` when the seal is missing, changed, or that of another length.
    fn sealed_file(&self, path: &Path) -> Result<Option<Arc<SealedFile>>, VaultError> {
        let seal_path = self.folder.join(SEAL_NAME);
        let bytes = match read_whole(&*self.disk, &seal_path, "the database's seal", SEAL_MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(VaultError::TooLarge { .. }) => None,
            Err(error) => return Err(error),
        };
        let Some(seal) = bytes.and_then(|bytes| Seal::decode(&bytes, &self.keys.file_seal)) else {
            return Ok(None);
        };
        let fail = |source| VaultError::disk("open", path, source);
        let file = self.disk.open(path, Access::Read).map_err(fail)?;
        if file.len().map_err(fail)? != seal.file_len() {
            return Ok(None);
        }
        SealedFile::new(file, &self.keys.file_seal, Some(seal)).map(|file| Some(Arc::new(file))).map_err(fail)
    }

    fn write_seal(&self, file: &SealedFile, path: &Path) -> Result<(), VaultError> {
        let seal = file.seal().map_err(|source| VaultError::disk("read", path, source))?;
        write_whole(&*self.disk, &self.folder.join(SEAL_NAME), &seal.encode(&self.keys.file_seal))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Whoever needs to know of a failure calls `close`; without a seal the next open checks and repairs.
        if let Err(error) = self.close() {
            log::warn!("the database was not sealed: {error}");
        }
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(DATABASE_CACHE_BYTES);
    builder
}

/// Runs `work` and makes a panic out of redb a damaged database.
fn caught<T>(
    operation: &'static str,
    path: &Path,
    work: impl FnOnce() -> Result<T, Fault>,
) -> Result<T, VaultError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(Fault::Redb(error))) => Err(VaultError::database(operation, path, error)),
        Ok(Err(Fault::Vault(error))) => Err(error),
        Err(_) => {
            Err(VaultError::DatabaseDamaged { operation, what: "redb panicked on what it read".to_owned() })
        }
    }
}
