//! The folder in which the program keeps what it must remember: `version`, `digests/`, `models/`, `vault/`, and
//! of GPUs `doctor/`, `tune/` and `pipelines/`.

use std::env;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use bedside_weights::DigestCache;
use directories::ProjectDirs;

use crate::exit::{Code, Failure};

/// Layout of the folder that this build reads and writes.
const VERSION: u32 = 1;

/// The content of `version` is a number and a line end.
const VERSION_BYTES: u64 = 16;

/// Largest thing that is kept beside the digests: a driver's pipelines.
const MAX_KEPT_BYTES: u64 = 80 << 20;

/// A store that exists and has a version this build knows.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    /// `asked`: from `--store`. Creates the folder with its `version` where there is none.
    /// Errors (code 6): no place to put it, not creatable, a newer or damaged version.
    pub(crate) fn open(asked: Option<&Path>) -> Result<Self, Failure> {
        Self::open_in(asked).map_err(|error| Failure::new(Code::Store, error))
    }

    /// As [`Store::open`], but `None` where there is no store yet: looking something up makes none.
    pub(crate) fn open_existing(asked: Option<&Path>) -> Result<Option<Self>, Failure> {
        match place(asked).map(|folder| folder.try_exists().unwrap_or(true)) {
            Ok(false) => Ok(None),
            Ok(true) => Self::open(asked).map(Some),
            Err(error) => Err(Failure::new(Code::Store, error)),
        }
    }

    fn open_in(asked: Option<&Path>) -> anyhow::Result<Self> {
        let folder = place(asked)?;
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create the store {}", folder.display()))?;
        let store = Self { folder };
        store.check_version().with_context(|| format!("store {}", store.folder.display()))?;
        Ok(store)
    }

    /// Errors: no regular file of that name, a damaged one, another version.
    fn check_version(&self) -> anyhow::Result<()> {
        let path = self.folder.join("version");
        match fs::symlink_metadata(&path) {
            Ok(found) if !found.is_file() || found.len() > VERSION_BYTES => {
                bail!("the file `version` is damaged")
            }
            Ok(_) => Self::check_text(&path),
            Err(error) if error.kind() == ErrorKind::NotFound => self.write_version(),
            Err(error) => Err(error).context("cannot read the file `version`"),
        }
    }

    fn check_text(path: &Path) -> anyhow::Result<()> {
        let mut text = String::new();
        let file = fs::File::open(path).context("cannot read the file `version`")?;
        let read = file.take(VERSION_BYTES).read_to_string(&mut text);
        read.map_err(|_| anyhow!("the file `version` is damaged"))?;
        match text.trim_end().parse::<u32>() {
            Ok(VERSION) => Ok(()),
            Ok(other) => bail!("has version {other}; this program knows version {VERSION}"),
            Err(_) => bail!("the file `version` is damaged"),
        }
    }

    /// Whole or not at all, also when two programs start at once.
    fn write_version(&self) -> anyhow::Result<()> {
        let path = self.folder.join("version");
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).context("cannot write to it")?;
        file.write_all(format!("{VERSION}\n").as_bytes()).context("cannot write to it")?;
        file.as_file().sync_all().context("cannot write to it")?;
        match file.persist_noclobber(&path) {
            Ok(_) => {}
            // Another program was faster.
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Self::check_text(&path),
            Err(error) => return Err(error.error).context("cannot write to it"),
        }
        // The name must survive a power cut too.
        let folder = fs::File::open(&self.folder).and_then(|folder| folder.sync_all());
        folder.context("cannot write to it")
    }

    /// What was kept under this name in one of the folders; `None`: nothing that can be read.
    pub(crate) fn kept(&self, folder: &str, name: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = fs::File::open(self.folder.join(folder).join(name)).ok()?;
        let read = file.take(MAX_KEPT_BYTES + 1).read_to_end(&mut bytes).ok()?;
        (read as u64 <= MAX_KEPT_BYTES).then_some(bytes)
    }

    /// Keep this, whole or not at all. What cannot be kept is worked out again: it costs a warning only.
    pub(crate) fn keep(&self, folder: &str, name: &str, bytes: &[u8]) {
        let write = || -> std::io::Result<()> {
            let folder = self.folder.join(folder);
            fs::create_dir_all(&folder)?;
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(folder.join(name))?;
            Ok(())
        };
        if let Err(error) = write() {
            log::warn!("cannot keep {folder}/{name}: {error}");
        }
    }

    /// Remembered digests of model files.
    pub(crate) fn digests(&self) -> DigestCache {
        DigestCache::at(self.folder.join("digests"))
    }

    /// The folder of the vault, which the vault makes.
    pub(crate) fn vault(&self) -> PathBuf {
        self.folder.join("vault")
    }

    /// The folder of models that are built in. Errors: it cannot be made.
    pub(crate) fn models(&self) -> std::io::Result<PathBuf> {
        let folder = self.folder.join("models");
        fs::create_dir_all(&folder).map(|()| folder)
    }
}

/// Where the store is: as asked, else `$BEDSIDE_STORE`, else the platform's data folder.
fn place(asked: Option<&Path>) -> anyhow::Result<PathBuf> {
    match (asked, env::var_os("BEDSIDE_STORE")) {
        (Some(folder), _) => Ok(folder.to_owned()),
        (None, Some(folder)) if !folder.is_empty() => Ok(PathBuf::from(folder)),
        _ => ProjectDirs::from("", "", "bedside")
            .map(|dirs| dirs.data_dir().to_owned())
            .ok_or_else(|| anyhow!("no home folder: name a store with --store or $BEDSIDE_STORE")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_made_once_and_other_versions_are_refused() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a").join("store");
        for _ in 0..2 {
            Store::open(Some(&folder)).unwrap();
            assert_eq!(fs::read_to_string(folder.join("version")).unwrap(), "1\n");
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        }
        for (text, message) in
            [("2\n", "has version 2"), ("one", "damaged"), ("", "damaged"), (&"1".repeat(17), "damaged")]
        {
            fs::write(folder.join("version"), text).unwrap();
            let failure = Store::open(Some(&folder)).unwrap_err();
            assert_eq!(failure.code, Code::Store);
            assert!(format!("{:#}", failure.error).contains(message), "{text}: {:#}", failure.error);
        }
        #[cfg(unix)]
        for target in ["/nonexistent", "."] {
            fs::remove_file(folder.join("version")).unwrap();
            std::os::unix::fs::symlink(target, folder.join("version")).unwrap();
            assert_eq!(Store::open(Some(&folder)).unwrap_err().code, Code::Store, "a link to {target}");
        }
        assert!(Store::open_existing(Some(&parent.path().join("none"))).unwrap().is_none());
        assert!(!parent.path().join("none").exists());
        fs::write(parent.path().join("file"), "").unwrap();
        assert_eq!(Store::open(Some(&parent.path().join("file"))).unwrap_err().code, Code::Store);
    }
}
