//! The read-only bytes of one file: mapped from disk, or owned.
//!
//! **When the file changes under the map.** A map shows the file as it is now, not as it was at opening.
//! - Every count, length and offset is read once, into memory of our own, and checked against the length
//!   that the file had when it was opened. A later change of the header decides nothing any more, and no
//!   access ever leaves the map.
//! - *Shortened* (truncated): touching a page past the new end ends the process with SIGBUS, because the
//!   kernel has no bytes to show and shows none; no made-up number is computed with. Only the rest of the
//!   page in which the file now ends reads as zeros.
//! - *Overwritten in place*: tensor data read after it may be the new bytes. Every bit pattern of every
//!   format is a valid number to the codecs, so this cannot break memory safety, only the result.
//! - Both are found by [`Source::ensure_unchanged`], which compares device, inode, length and both
//!   timestamps with those at opening. Every operation over a whole file (digest, data check, quantize)
//!   ends with it and gives [`WeightsError::Changed`] instead of a result. What it cannot see: writes whose
//!   timestamps equal the old ones (within one tick of the kernel's clock, or set back by hand), and
//!   writes through somebody else's shared map that the kernel has not accounted for yet.
//! - Files in our own stores are only ever replaced by rename: the old file lives on under its maps, whole.
//!
//! This is the crate's only module with `unsafe` in it.
#![allow(unsafe_code)]

use std::fs::{self, File, FileType, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::WeightsError;

/// What the file system says of a file. Two equal identities of one path mean, as far as the file system
/// can tell, that nothing was written in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    /// Device the file lies on.
    pub device: u64,
    /// Inode on that device.
    pub inode: u64,
    /// Length in bytes.
    pub bytes: u64,
    /// Last change of the content, nanoseconds since 1970.
    pub modified_ns: i128,
    /// Last change of content, name or rights, nanoseconds since 1970.
    pub changed_ns: i128,
}

impl FileIdentity {
    fn of(metadata: &Metadata) -> Self {
        let ns = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Bytes of one file, unchanged as long as [`Source::ensure_unchanged`] says so.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Mapped { map: Mmap, file: File, identity: FileIdentity },
    Owned(Vec<u8>),
}

impl Source {
    /// Map a regular file; symbolic links are followed. Costs the same for 4 KiB and for 4 GiB.
    /// Errors: `NotARegularFile` before it is opened (opening a pipe would wait for ever), `Io`.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let before = fs::metadata(path).map_err(WeightsError::io("read", path))?;
        ensure_regular(before.file_type(), path)?;
        let file = File::open(path).map_err(WeightsError::io("open", path))?;
        let now = file.metadata().map_err(WeightsError::io("read", path))?;
        ensure_regular(now.file_type(), path)?;
        let identity = FileIdentity::of(&now);
        let length = usize::try_from(identity.bytes);
        let length = length.map_err(|_| {
            let (what, limit) = ("bytes of a file on this machine", usize::MAX as u64);
            WeightsError::Limit { what, limit, got: identity.bytes }.in_file(path)
        })?;
        let mut options = memmap2::MmapOptions::new();
        // SAFETY: the map is read-only and only ever seen as `&[u8]`. Another process may write to the file
        // or shorten it; the module text says what then happens. No value read through the map is relied on
        // for memory safety after its check: all lengths and offsets are owned copies, checked against
        // `length`, which is what is mapped.
        let map = unsafe { options.len(length).map(&file) };
        let map = map.map_err(WeightsError::io("map", path))?;
        Ok(Self { path: path.to_owned(), content: Content::Mapped { map, file, identity } })
    }

    /// Bytes that are in memory already. `path`: only for messages.
    pub fn from_bytes(path: impl Into<PathBuf>, bytes: Vec<u8>) -> Self {
        Self { path: path.into(), content: Content::Owned(bytes) }
    }

    /// The path it was opened under.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Mapped { map, .. } => map,
            Content::Owned(bytes) => bytes,
        }
    }

    /// The file's identity at opening; `None` for owned bytes.
    pub fn identity(&self) -> Option<FileIdentity> {
        match &self.content {
            Content::Mapped { identity, .. } => Some(*identity),
            Content::Owned(_) => None,
        }
    }

    /// Ask the file system whether the open file is still what it was at opening.
    /// Errors: `Changed`, `Io`. A file that was replaced by rename is unchanged: the map shows the old one.
    /// Moving or linking the open file itself moves its ctime and counts as a change.
    pub fn ensure_unchanged(&self) -> Result<(), WeightsError> {
        let Content::Mapped { file, identity, .. } = &self.content else { return Ok(()) };
        let now = file.metadata().map_err(WeightsError::io("read", &self.path))?;
        let mut now_identity = FileIdentity::of(&now);
        if now.nlink() == 0 {
            // Unlinked or replaced: that alone moves ctime, and the bytes under the map stay.
            now_identity.changed_ns = identity.changed_ns;
        }
        if now_identity == *identity { Ok(()) } else { Err(WeightsError::Changed.in_file(&self.path)) }
    }
}

fn ensure_regular(kind: FileType, path: &Path) -> Result<(), WeightsError> {
    let kind = match kind {
        t if t.is_file() => return Ok(()),
        t if t.is_dir() => "folder",
        t if t.is_fifo() => "pipe",
        t if t.is_socket() => "socket",
        t if t.is_char_device() || t.is_block_device() => "device",
        _ => "special file",
    };
    Err(WeightsError::NotARegularFile { kind }.in_file(path))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_change_is_found_and_a_replacement_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        fs::write(&path, b"0123456789").unwrap();
        let source = Source::open(&path).unwrap();
        assert_eq!(source.bytes(), b"0123456789");
        source.ensure_unchanged().unwrap();

        let other = folder.path().join("other");
        fs::write(&other, b"another").unwrap();
        fs::rename(&other, &path).unwrap();
        source.ensure_unchanged().unwrap();
        assert_eq!(source.bytes(), b"0123456789");

        let source = Source::open(&path).unwrap();
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"!").unwrap();
        let error = source.ensure_unchanged().unwrap_err();
        assert!(matches!(error.root(), WeightsError::Changed), "{error}");
        assert_eq!(source.bytes(), b"another");
    }

    #[test]
    fn what_is_no_regular_file_is_refused_by_kind() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for (path, kind) in [(folder.path(), "folder"), (&pipe, "pipe"), (Path::new("/dev/null"), "device")] {
            let error = Source::open(path).unwrap_err().to_string();
            assert!(error.contains(kind), "{error}");
        }
        let missing = Source::open(&folder.path().join("none")).unwrap_err();
        assert!(matches!(missing.root(), WeightsError::Io { .. }), "{missing}");
        fs::write(folder.path().join("empty"), b"").unwrap();
        assert_eq!(Source::open(&folder.path().join("empty")).unwrap().bytes(), b"");
    }
}
