//! Pictures out of bytes: the format is told by the content, never by a name.

mod exif;
mod jpeg;
pub(crate) mod jpeg_dicom;
pub(crate) mod jpeg_lossless;
mod jpeg_lossy;
mod jpeg_markers;
mod png;
pub(crate) mod rle;

use std::io::Cursor;

use image::{ImageError, Limits};

use crate::error::ImagingError;
use crate::excerpt::excerpt;
use crate::limits::{MAX_DECODER_BYTES, MAX_FILE_BYTES, MAX_SIDE};
use crate::pixels::Pixels;

pub use exif::Orientation;

/// The formats of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Portable Network Graphics.
    Png,
    /// JPEG: baseline, extended sequential and progressive, Huffman-coded, 8-bit.
    Jpeg,
}

/// A picture as it came out of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The picture, upright: `orientation` is applied already.
    pub pixels: Pixels,
    /// What the file was.
    pub format: Format,
    /// EXIF orientation that the file states. `None`: it states none, or one out of 1 to 8.
    pub orientation: Option<Orientation>,
}

/// Read a PNG or JPEG file out of `bytes`. Grey stays grey (1 channel), everything else becomes RGB as
/// Pillow's `convert("RGB")` makes it; an EXIF orientation is applied as `ImageOps.exif_transpose` does.
/// Memory: at most about 16 bytes per pixel beside the file, after its size was held against the limits.
/// Errors: `UnknownFormat`, `Limit`, `ZeroSize`, `Truncated`, `Missing`, `Structure`, `Decode`,
/// `Unsupported`, `SixteenBitGrey`.
pub fn decode(bytes: &[u8]) -> Result<Decoded, ImagingError> {
    ImagingError::hold("bytes of a picture file", bytes.len() as u64, MAX_FILE_BYTES)?;
    if bytes.starts_with(png::SIGNATURE) {
        png::decode(bytes)
    } else if bytes.starts_with(jpeg::SIGNATURE) {
        jpeg::decode(bytes)
    } else {
        let first: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let found = if first.is_empty() { "nothing".to_owned() } else { first.join(" ") };
        Err(ImagingError::UnknownFormat { found })
    }
}

/// What the `image` crate is told to hold to, beside our own checks.
fn decoder_limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE as u32);
    limits.max_image_height = Some(MAX_SIDE as u32);
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    limits
}

fn refused(format: &'static str) -> impl Fn(ImageError) -> ImagingError {
    move |error| ImagingError::Decode { format, problem: excerpt(error) }
}

/// The bytes as the decoders read them.
fn reader(bytes: &[u8]) -> Cursor<&[u8]> {
    Cursor::new(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_picture_is_refused_by_its_first_bytes() {
        let cases: [(&[u8], &str); 4] = [
            (b"", "it begins with nothing"),
            (b"\xff\xd8", "it begins with ff d8;"),
            (b"GIF89a....", "it begins with 47 49 46 38 39 61 2e 2e;"),
            (b"\x89PNG\r\n\x1a", "it begins with 89 50 4e 47 0d 0a 1a;"),
        ];
        for (bytes, message) in cases {
            let error = decode(bytes).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn files_beyond_the_limit_are_not_looked_into() {
        let file = vec![0xFF; MAX_FILE_BYTES as usize + 1];
        assert!(matches!(decode(&file), Err(ImagingError::Limit { got: 134217729, .. })));
    }
}
