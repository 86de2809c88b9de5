//! Files that are there whole or not at all: written beside their place, synced, then renamed into it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
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

/// Ending of files being written. Such a file stays only where the writer was killed.
pub(crate) const PARTIAL: &str = ".partial";

/// A file being written. Dropped without [`AtomicFile::commit`], it leaves nothing under the final name.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    temporary: NamedTempFile,
    path: PathBuf,
    overwrite: Overwrite,
}

impl AtomicFile {
    /// Errors: `Exists`; `NotARegularFile`, also for names that end in a slash; `Io`, also for a folder that
    /// is not there.
    pub(crate) fn create(path: &Path, overwrite: Overwrite) -> Result<Self, WeightsError> {
        let is_whole = |name: &&OsStr| path.as_os_str().as_bytes().ends_with(name.as_bytes());
        let Some(name) = path.file_name().filter(is_whole) else {
            return Err(WeightsError::NotARegularFile { kind: "folder's name" }.in_file(path));
        };
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
        // Opened here, not by tempfile, whose errors name the path once more and hide the system's answer.
        // rw for all, less the umask: what a plain create would give.
        let open =
            |path: &Path| File::options().read(true).write(true).create_new(true).mode(0o666).open(path);
        let mut builder = Builder::new();
        builder.rand_bytes(RANDOM_LETTERS).suffix(PARTIAL);
        let temporary = builder.prefix(&prefix(name)).make_in(folder(path), open);
        let temporary = temporary.map_err(WeightsError::io("create a temporary file in its folder", path))?;
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

/// Straight to the file: the errors of `NamedTempFile` name the temporary path.
impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.as_file_mut().flush()
    }
}

/// Letters that make a temporary name unique.
const RANDOM_LETTERS: usize = 6;

/// What a temporary name begins with: the final one, cut so that the temporary one is no longer than it
/// (or than `SHORT` bytes): file systems differ in the length they allow.
fn prefix(name: &OsStr) -> OsString {
    /// Bytes that every file system allows.
    const SHORT: usize = 100;
    let kept = name.len().max(SHORT) - (1 + RANDOM_LETTERS + PARTIAL.len());
    let is_letter_start = |at: &usize| name.as_bytes().get(*at).is_none_or(|b| b & 0xc0 != 0x80);
    let kept = (0..=kept.min(name.len())).rev().find(is_letter_start).unwrap_or(0);
    let mut prefix = OsStr::from_bytes(&name.as_bytes()[..kept]).to_owned();
    prefix.push(".");
    prefix
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
    fn a_name_as_long_as_the_system_allows_is_written() {
        for letter in ["n", "é", "✓"] {
            let folder = tempfile::tempdir().unwrap();
            let name = format!("{}{}", "n".repeat(255 % letter.len()), letter.repeat(255 / letter.len()));
            let path = folder.path().join(&name);
            let file = AtomicFile::create(&path, Overwrite::Refuse).unwrap();
            let temporary = &names(folder.path())[0]; // is UTF-8
            assert!(temporary.len() <= 255 && temporary.ends_with(PARTIAL), "{temporary}");
            file.commit().unwrap();
            assert_eq!(names(folder.path()), [name]);
            let longer = folder.path().join("n".repeat(256));
            assert!(AtomicFile::create(&longer, Overwrite::Refuse).is_err());
        }
        assert_eq!(prefix(OsStr::new("out.gguf")), "out.gguf.");
    }

    #[test]
    fn names_that_no_file_can_have_are_refused_before_work_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let error = |name: &str| {
            let error = AtomicFile::create(&folder.path().join(name), Overwrite::Replace).unwrap_err();
            error.to_string().replace(folder.path().to_str().unwrap(), "")
        };
        for name in ["out/", "out/.", "a/.."] {
            assert_eq!(error(name), format!("/{name}: is a folder's name, not a regular file"));
        }
        assert_eq!(
            error("none/out"),
            "/none/out: cannot create a temporary file in its folder: No such file or directory (os error 2)"
        );
        assert_eq!(names(folder.path()), Vec::<String>::new());
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
