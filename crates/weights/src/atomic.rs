//! Files that are there whole or not at all: written beside their place, synced, then renamed into it.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::WeightsError;

/// What to do where the final name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// Give [`WeightsError::Exists`].
    Refuse,
    /// Replace a regular file. Readers that have it open keep the old one.
    Replace,
}

/// A file being written. Dropped without [`AtomicFile::commit`], it leaves nothing under the final name.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    temporary: NamedTempFile,
    path: PathBuf,
    overwrite: Overwrite,
}

impl AtomicFile {
    /// Errors: `Exists`, `NotARegularFile`, `Io`.
    pub(crate) fn create(path: &Path, overwrite: Overwrite) -> Result<Self, WeightsError> {
        match fs::symlink_metadata(path) {
            Ok(_) if overwrite == Overwrite::Refuse => return Err(WeightsError::Exists.in_file(path)),
            Ok(found) if found.is_dir() => {
                return Err(WeightsError::NotARegularFile { kind: "folder" }.in_file(path));
            }
            Ok(found) if !found.is_file() && !found.is_symlink() => {
                return Err(WeightsError::NotARegularFile { kind: "special file" }.in_file(path));
            }
            _ => {}
        }
        // rw for all, less the umask: what a plain create would give. tempfile's default is owner only.
        let rights = Permissions::from_mode(0o666);
        let mut prefix = path.file_name().unwrap_or(OsStr::new("file")).to_owned();
        prefix.push(".");
        let temporary =
            Builder::new().prefix(&prefix).suffix(".partial").permissions(rights).tempfile_in(folder(path));
        let temporary = temporary.map_err(WeightsError::io("create a temporary file beside", path))?;
        Ok(Self { temporary, path: path.to_owned(), overwrite })
    }

    /// Sync the file, rename it into place, sync the folder. After this a power cut loses nothing.
    pub(crate) fn commit(self) -> Result<(), WeightsError> {
        let path = self.path;
        self.temporary.as_file().sync_all().map_err(WeightsError::io("sync", &path))?;
        let placed = match self.overwrite {
            Overwrite::Replace => self.temporary.persist(&path),
            Overwrite::Refuse => self.temporary.persist_noclobber(&path),
        };
        placed.map_err(|e| match e.error.kind() {
            io::ErrorKind::AlreadyExists => WeightsError::Exists.in_file(&path),
            _ => WeightsError::io("rename", &path)(e.error),
        })?;
        let synced = File::open(folder(&path)).and_then(|folder| folder.sync_all());
        synced.map_err(WeightsError::io("sync the folder of", &path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.flush()
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn nothing_shows_before_commit_and_nothing_stays_after_drop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut file = AtomicFile::create(&path, Overwrite::Refuse).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(file);
        assert_eq!(names(folder.path()), Vec::<String>::new());

        let mut file = AtomicFile::create(&path, Overwrite::Refuse).unwrap();
        file.write_all(b"whole").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn what_exists_is_replaced_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let late = AtomicFile::create(&path, Overwrite::Refuse).unwrap();
        fs::write(&path, b"old").unwrap();
        for error in [late.commit(), AtomicFile::create(&path, Overwrite::Refuse).map(|_| ())] {
            assert!(matches!(error.unwrap_err().root(), WeightsError::Exists));
        }
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let mut file = AtomicFile::create(&path, Overwrite::Replace).unwrap();
        file.write_all(b"new").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let error = AtomicFile::create(folder.path(), Overwrite::Replace).unwrap_err();
        assert!(matches!(error.root(), WeightsError::NotARegularFile { .. }));
    }
}
