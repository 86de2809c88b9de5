//! The disk as the vault sees it: few operations, so that a test can cut the power at every one of them.

#[cfg(test)]
pub(crate) mod fake;
mod real;

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub(crate) use real::RealDisk;

use crate::VaultError;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Existing, for reading.
    Read,
    /// Existing, for reading and writing.
    Write,
    /// Not existing yet; readable and writable by the owner only.
    CreateNew,
}

/// A lock that goes when it is dropped.
pub(crate) trait Lock: Debug + Send {}

/// A file read and written at offsets.
pub(crate) trait DiskFile: Debug + Send + Sync {
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Fills `out` from `offset`; an error when the file is shorter.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file or lengthens it with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Returns when everything written survives a power cut.
    fn sync(&self) -> io::Result<()>;
}

/// A file system.
pub(crate) trait Disk: Debug + Send + Sync {
    /// Opens or creates a file.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>>;
    /// Renames a file or folder; an existing file under the new name is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder and what is in it.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder and those above it, for the owner only; an existing one is fine.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Returns when names made, changed and removed in `folder` survive a power cut.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Names in a folder, sorted, at most [`crate::limits::LISTED_FILES_MAX`]; none when it does not exist.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Whether a file or folder has this name.
    fn exists(&self, path: &Path) -> io::Result<bool>;
    /// Permission bits, where the system has them.
    fn permissions(&self, path: &Path) -> io::Result<Option<u32>>;
    /// Takes the lock of the vault, or says who has it (`None`: not known).
    fn try_lock(&self, path: &Path) -> io::Result<Result<Box<dyn Lock>, Option<u32>>>;
}

/// All of a file of at most `max` bytes; `None` when it does not exist.
pub(crate) fn read_whole(
    disk: &dyn Disk,
    path: &Path,
    what: &'static str,
    max: u64,
) -> Result<Option<Vec<u8>>, VaultError> {
    let fail = |source| VaultError::disk("read", path, source);
    let file = match disk.open(path, Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    let len = file.len().map_err(fail)?;
    if len > max {
        return Err(VaultError::TooLarge { what, got: len, max });
    }
    let mut bytes = vec![0; usize::try_from(len).map_err(|_| VaultError::TooLarge { what, got: len, max })?];
    file.read_at(0, &mut bytes).map_err(fail)?;
    Ok(Some(bytes))
}

/// Writes a file whole or not at all: temporary name, sync, rename, sync of the folder. When it returns, the
/// file survives a power cut; before, the old one does.
pub(crate) fn write_whole(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let temporary = with_suffix(path, ".new");
    let result = (|| {
        if disk.exists(&temporary)? {
            disk.remove(&temporary)?;
        }
        let file = disk.open(&temporary, Access::CreateNew)?;
        file.write_at(0, bytes)?;
        file.sync()?;
        drop(file);
        disk.rename(&temporary, path)?;
        disk.sync_folder(folder_of(path))
    })();
    result.map_err(|source| {
        // What is left of it is removed at the next attempt too; the first error is the one that counts.
        let _ = disk.remove(&temporary);
        VaultError::disk("write", path, source)
    })
}

/// Makes a folder, if it is not there, so that it survives a power cut. Those above it are made too.
pub(crate) fn make_folder(disk: &dyn Disk, folder: &Path) -> Result<(), VaultError> {
    let make = || {
        if disk.exists(folder)? {
            return Ok(());
        }
        let mut holders = Vec::new();
        for path in folder.ancestors() {
            if disk.exists(path)? {
                break;
            }
            // A relative path ends in an empty one: the current folder.
            holders.extend(path.parent().map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p }));
        }
        disk.create_folder(folder)?;
        holders.into_iter().try_for_each(|holder| disk.sync_folder(holder))
    };
    make().map_err(|source| VaultError::disk("make", folder, source))
}

/// `path` with `suffix` behind its name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The folder of a file of the vault.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().expect("every path of the vault is the vault's folder joined with a name")
}
