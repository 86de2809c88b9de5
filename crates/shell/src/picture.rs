//! Image files from the command line: bounded, regular, decoded.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow};
use bedside_imaging::limits::MAX_FILE_BYTES;
use bedside_imaging::{ImagingError, Pixels, decode};

use crate::exit::{Code, Failure};

/// The pixels of an image file, upright. Errors (code 3): no regular file, one that cannot be read, one
/// beyond the limit, and what the decoder refuses. The file's name is the caller's to say.
pub(crate) fn pixels(path: &Path) -> Result<Pixels, Failure> {
    let bytes = read(path)?;
    Ok(decode(&bytes)?.pixels)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let limit = |got| ImagingError::Limit { what: "bytes of a picture file", limit: MAX_FILE_BYTES, got };
    let refused = |error| Failure::new(Code::Input, error);
    let found = fs::metadata(path).context("cannot read").map_err(refused)?;
    // Before it is opened: opening a pipe waits for its writer.
    if !found.is_file() {
        return Err(refused(anyhow!("is no regular file")));
    }
    if found.len() > MAX_FILE_BYTES {
        return Err(limit(found.len()).into());
    }
    let file = File::open(path).context("cannot read").map_err(refused)?;
    let mut bytes = Vec::new();
    // It may have grown since: one byte more than allowed shows that.
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).context("cannot read").map_err(refused)?;
    match bytes.len() as u64 {
        got if got > MAX_FILE_BYTES => Err(limit(got).into()),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_readable_file_is_a_refused_input() {
        let folder = tempfile::tempdir().unwrap();
        let large = folder.path().join("large.png");
        File::create(&large).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap(); // a hole: takes no space
        for (path, message) in [
            (folder.path().join("none.png"), "cannot read: No such file"),
            (folder.path().to_owned(), "is no regular file"),
            (large, "bytes of a picture file: at most 134217728 are supported, got 134217729"),
        ] {
            let failure = pixels(&path).unwrap_err();
            assert_eq!(failure.code, Code::Input);
            let error = format!("{:#}", failure.error);
            assert!(error.starts_with(message), "{error}");
        }
    }
}
