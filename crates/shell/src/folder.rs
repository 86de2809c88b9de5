//! Files that a command writes: whole or not at all, and never over another unless asked.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use tempfile::NamedTempFile;

use crate::exit::{Code, Failure};
use crate::text;

/// How the names of unfinished files begin.
const PREFIX: &str = ".bedside.";

/// A folder to write to.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    replace: bool,
}

impl Folder {
    /// Created where there is none. Errors (code 6): it cannot be.
    pub(crate) fn create(path: &Path, replace: bool) -> Result<Self, Failure> {
        let made = fs::create_dir_all(path).with_context(|| format!("{}: cannot create it", shown(path)));
        made.map_err(|error| Failure::new(Code::Store, error))?;
        Ok(Self { path: path.to_owned(), replace })
    }

    /// Before the work begins: nothing is in its way. Errors (code 2): the first name that is taken, unless
    /// files are to be replaced.
    pub(crate) fn ensure_free(&self, mut names: impl Iterator<Item = String>) -> Result<(), Failure> {
        match names.find(|name| !self.replace && self.path.join(name).symlink_metadata().is_ok()) {
            Some(name) => Err(exists(&self.path.join(name))),
            None => Ok(()),
        }
    }

    /// Write a file. Errors: those of [`write()`].
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        write(&self.path.join(name), bytes, self.replace)
    }

    /// As [`Folder::write`], for what names a patient: only the user may read it.
    pub(crate) fn write_private(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path.join(name);
        let mut file = self.temporary()?;
        file.write_all(bytes).map_err(|error| unwritten(&path, error))?;
        named(file, &path, self.replace)
    }

    /// A temporary file for something that grows. Errors (code 6): it cannot be made.
    pub(crate) fn temporary(&self) -> Result<NamedTempFile, Failure> {
        let file = tempfile::Builder::new().prefix(PREFIX).tempfile_in(&self.path);
        file.map_err(|error| unwritten(&self.path, error))
    }

    /// Give such a file its name. Errors: those of [`write()`].
    pub(crate) fn keep(&self, file: NamedTempFile, name: &str) -> Result<(), Failure> {
        keep(file, &self.path.join(name), self.replace)
    }
}

/// Write a file by way of a temporary one beside it.
/// Errors: code 2 if it exists and is not to be replaced, code 6 if it cannot be written.
pub(crate) fn write(path: &Path, bytes: &[u8], replace: bool) -> Result<(), Failure> {
    let beside = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::Builder::new().prefix(PREFIX).tempfile_in(beside);
    let mut file = file.map_err(|error| unwritten(path, error))?;
    file.write_all(bytes).map_err(|error| unwritten(path, error))?;
    keep(file, path, replace)
}

/// Give a temporary file its name, once it is on the disk. Errors: as [`write()`]'s.
pub(crate) fn keep(file: NamedTempFile, path: &Path, replace: bool) -> Result<(), Failure> {
    readable(file.as_file()).map_err(|error| unwritten(path, error))?;
    named(file, path, replace)
}

fn named(file: NamedTempFile, path: &Path, replace: bool) -> Result<(), Failure> {
    file.as_file().sync_all().map_err(|error| unwritten(path, error))?;
    if replace {
        return file.persist(path).map(drop).map_err(|error| unwritten(path, error.error));
    }
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Err(exists(path)),
        Err(error) => Err(unwritten(path, error.error)),
    }
}

fn unwritten(path: &Path, error: io::Error) -> Failure {
    Failure::new(Code::Store, anyhow::Error::new(error).context(format!("{}: cannot write it", shown(path))))
}

/// A temporary file is its owner's alone; what was asked for is as other files are.
#[cfg(unix)]
fn readable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &fs::File) -> io::Result<()> {
    Ok(())
}

fn exists(path: &Path) -> Failure {
    Failure::new(Code::Usage, anyhow!("{}: exists; give --force to replace it", shown(path)))
}

fn shown(path: &Path) -> String {
    text::name(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_whole_and_not_replaced_unasked() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a").join("b");
        let folder = Folder::create(&path, false).unwrap();
        folder.ensure_free(["x".to_owned()].into_iter()).unwrap();
        folder.write("x", b"one").unwrap();
        assert_eq!(
            folder.ensure_free(["y".to_owned(), "x".to_owned()].into_iter()).unwrap_err().code,
            Code::Usage
        );
        assert_eq!(folder.write("x", b"two").unwrap_err().code, Code::Usage);
        assert_eq!(fs::read(path.join("x")).unwrap(), b"one");
        Folder::create(&path, true).unwrap().write("x", b"two").unwrap();
        assert_eq!(fs::read(path.join("x")).unwrap(), b"two");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "no temporary file is left");
        let missing = write(&path.join("none").join("x"), b"", false).unwrap_err();
        assert_eq!(missing.code, Code::Store);
        assert!(Folder::create(&path.join("x"), false).is_err());
    }
}
