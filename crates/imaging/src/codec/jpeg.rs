//! JPEG: our own walk of the markers, then our own decoder (`jpeg_lossy/`), whose bytes are those of libjpeg-turbo.
//!
//! Compared with Pillow 13.0.0 (libjpeg-turbo) over 1,312 files of noise, hard colour edges, gradients, ultrasound and odd
//! sizes from 1 x 1 on, qualities 5 to 100, grey, RGB, 4:4:4, 4:2:2, 4:4:0 and 4:2:0, baseline, progressive and with
//! restarts, and with the JPEG frames of pydicom's and deid-data's samples: no byte differs.
//!
//! A file that is cut off or whose compressed data break the code is refused; Pillow shows some of these, damaged.

use super::{Decoded, Format, Orientation, jpeg_lossy, jpeg_markers};
use crate::error::ImagingError;
use crate::pixels::Pixels;

/// The start marker, and the first byte of the next.
pub(crate) const SIGNATURE: &[u8] = &[0xFF, 0xD8, 0xFF];

/// `bytes` begin with [`SIGNATURE`].
pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded, ImagingError> {
    let markers = jpeg_markers::walk(bytes)?;
    let orientation = markers.exif.and_then(|exif| Orientation::of(&bytes[exif]));
    let channels = if markers.grey { 1 } else { 3 };
    let pixels = Pixels::new(markers.width, markers.height, channels, jpeg_lossy::decode(bytes)?)?;
    let pixels = orientation.unwrap_or(Orientation::Upright).apply(pixels);
    Ok(Decoded { pixels, format: Format::Jpeg, orientation })
}
