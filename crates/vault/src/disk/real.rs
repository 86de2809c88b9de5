//! The disk of the operating system.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Access, Disk, DiskFile, Lock};
use crate::limits::LISTED_FILES_MAX;

/// Longest process id as text that is read out of a lock file.
const PID_MAX_BYTES: usize = 16;

/// The operating system's files.
#[derive(Debug)]
pub(crate) struct RealDisk;

/// A file behind a mutex: a position is moved and used under it.
#[derive(Debug)]
struct RealFile(Mutex<File>);

/// The lock lives as long as the open file.
#[derive(Debug)]
struct RealLock {
    _file: File,
}

impl Lock for RealLock {}

impl RealFile {
    fn with<T>(&self, work: impl FnOnce(&mut File) -> io::Result<T>) -> io::Result<T> {
        // A panic elsewhere leaves no half-done state in a file handle: every use seeks first.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        self.with(|file| Ok(file.metadata()?.len()))
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.with(|file| {
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(out)
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(|file| {
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(bytes)
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|file| file.set_len(len))
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|file| file.sync_data())
    }
}

/// Options for files that only the owner may read.
fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

impl Disk for RealDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = private_options();
        match access {
            Access::Read => options.read(true),
            Access::Write => options.read(true).write(true),
            Access::CreateNew => options.read(true).write(true).create_new(true),
        };
        Ok(Arc::new(RealFile(Mutex::new(options.open(path)?))))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir_all(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        builder.create(path)
    }

    #[cfg(unix)]
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    /// Folders cannot be opened for it elsewhere; NTFS journals names by itself.
    #[cfg(not(unix))]
    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries.take(LISTED_FILES_MAX) {
            // A name that is not text is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    #[cfg(unix)]
    fn permissions(&self, path: &Path) -> io::Result<Option<u32>> {
        use std::os::unix::fs::PermissionsExt;
        Ok(Some(std::fs::metadata(path)?.permissions().mode() & 0o777))
    }

    /// Elsewhere the folder's access list guards the key.
    #[cfg(not(unix))]
    fn permissions(&self, _path: &Path) -> io::Result<Option<u32>> {
        Ok(None)
    }

    fn try_lock(&self, path: &Path) -> io::Result<Result<Box<dyn Lock>, Option<u32>>> {
        let mut file = private_options().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                // The process id is a courtesy to the one who waits; the lock is what counts, so a full disk
                // does not matter here. Always of one length: cutting the file first would make some file systems
                // write it out at once.
                let _ = file.write_all(format!("{:<PID_MAX_BYTES$}\n", std::process::id()).as_bytes());
                Ok(Ok(Box::new(RealLock { _file: file })))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = file.take(PID_MAX_BYTES as u64).read_to_string(&mut text);
                Ok(Err(read.ok().and_then(|_| text.trim().parse().ok())))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
