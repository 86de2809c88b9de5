//! Fetched packages as they came: every file in a zip or tar.gz archive.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::GzDecoder;

/// Most bytes of one file: above the largest in any package that is fetched.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Names (with folders) and contents of all files of an archive, sorted by name: a wheel (zip) or a `.tar.gz`.
/// Errors: an archive that does not read, a file of more than 256 MiB.
pub fn archive_files(path: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let tar = path.to_string_lossy().ends_with(".tar.gz");
    let mut files = if tar { tar_files(path)? } else { zip_files(path)? };
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(files)
}

fn tar_files(path: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path)?));
    let mut files = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let name = entry.path()?.to_string_lossy().into_owned();
            files.push((name, bounded(&mut entry)?));
        }
    }
    Ok(files)
}

fn zip_files(path: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut archive = zip::ZipArchive::new(File::open(path)?).map_err(io::Error::other)?;
    let mut files = Vec::new();
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).map_err(io::Error::other)?;
        if entry.is_file() {
            let name = entry.name().map_err(io::Error::other)?.into_owned();
            files.push((name, bounded(&mut entry)?));
        }
    }
    Ok(files)
}

fn bounded(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if from.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)? as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other("a file of the archive is larger than 256 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both forms, from the packages that `cargo xtask fetch` brings.
    #[test]
    fn fetched_archives_read() {
        for (name, file) in [
            ("pydicom-3.0.2-py3-none-any.whl", "pydicom/data/test_files/CT_small.dcm"),
            ("deid-data-0.0.20.tar.gz", "deid-data-0.0.20/deid_data/__init__.py"),
        ] {
            let Some(path) = crate::fetched(name) else { return };
            let files = archive_files(&path).unwrap();
            assert!(files.is_sorted() && files.iter().any(|(name, _)| name == file), "{name}");
        }
    }
}
