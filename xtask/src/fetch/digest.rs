//! SHA-256 of a file, and the stamp that spares the next run from reading it again.

use std::fmt::Write as _;
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// Lowercase hex of a file's SHA-256. `progress` is told the bytes of each chunk and may end it early.
pub(crate) fn of_file(path: &Path, mut progress: impl FnMut(u64) -> Result<()>) -> Result<String> {
    let problem = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(problem)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = file.read(&mut chunk).with_context(problem)?;
        if count == 0 {
            return Ok(hex(hash));
        }
        hash.update(&chunk[..count]);
        progress(count as u64)?;
    }
}

/// Lowercase hex of a finished hash.
pub(crate) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

/// Where a file's stamp lies: beside it, hidden.
fn stamp_path(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.stamp"))
}

/// Digest, size and time of change. Another size or time makes the stamp worthless.
fn stamp_text(metadata: &Metadata, sha256: &str) -> Result<String> {
    let changed = metadata.modified().context("this file system keeps no time of change")?;
    let nanoseconds = changed.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    Ok(format!("{sha256} {} {nanoseconds}\n", metadata.len()))
}

/// The file was found to have this digest and was not touched since.
pub(crate) fn is_stamped(file: &Path, sha256: &str) -> bool {
    let expected = fs::metadata(file).ok().and_then(|metadata| stamp_text(&metadata, sha256).ok());
    expected.is_some() && fs::read_to_string(stamp_path(file)).ok() == expected
}

/// Remember that the file has this digest.
pub(crate) fn stamp(file: &Path, sha256: &str) -> Result<()> {
    let metadata = fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
    let path = stamp_path(file);
    fs::write(&path, stamp_text(&metadata, sha256)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha256_and_the_stamp_holds_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.bin");
        fs::write(&file, "abc").unwrap();
        // FIPS 180-4's example.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_file(&file, |_| Ok(())).unwrap(), abc);
        assert!(!is_stamped(&file, abc));
        stamp(&file, abc).unwrap();
        assert!(is_stamped(&file, abc) && !is_stamped(&file, "00"));
        fs::write(&file, "abcd").unwrap();
        assert!(!is_stamped(&file, abc));
    }
}
