//! JPEG, by the `image` crate's decoder, after our own walk of the markers.
//!
//! It is not bit-exact with libjpeg-turbo, which Pillow uses: the inverse transform and the interpolation of
//! colour round differently. Measured on a machine with AVX2 (the decoder has other code for others) against
//! Pillow 13.0.0, 313 files of noise, hard colour edges, gradients, ultrasound and odd sizes, qualities 50 to
//! 100, baseline, progressive and with restarts; largest difference of a byte, and largest mean of a file:
//!
//! | sampling | largest | mean |
//! |---|---|---|
//! | grey, RGB | 1 | 0.03 |
//! | 4:4:4 | 3 | 0.05 |
//! | 4:2:2, 4:4:0 | 4 | 0.21 |
//! | 4:2:0 | 4 | 0.41 |
//! | last column of 4:2:2 and 4:2:0 | 14 | |
//!
//! The last row of the table holds for widths that fill no whole block: there the decoder interpolates with
//! the block's padding, libjpeg repeats the last sample. The colour edges themselves stay within 4.
//!
//! A file that is cut off is refused, but compressed data that are damaged in between may decode to a damaged
//! picture, as they do in Pillow: the `image` crate does not offer its decoder's strict mode.

use image::ImageDecoder;
use image::codecs::jpeg::JpegDecoder;

use super::{Decoded, Format, Orientation, decoder_limits, jpeg_markers, reader, refused};
use crate::error::ImagingError;
use crate::pixels::Pixels;

const FORMAT: &str = "JPEG";

/// The start marker, and the first byte of the next.
pub(crate) const SIGNATURE: &[u8] = &[0xFF, 0xD8, 0xFF];

/// `bytes` begin with [`SIGNATURE`].
pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded, ImagingError> {
    let markers = jpeg_markers::walk(bytes)?;
    let mut decoder = JpegDecoder::new(reader(bytes)).map_err(refused(FORMAT))?;
    decoder.set_limits(decoder_limits()).map_err(refused(FORMAT))?;
    let channels = decoder.color_type().channel_count();
    let expected = if markers.grey { 1 } else { 3 };
    if decoder.dimensions() != (markers.width, markers.height) || channels != expected {
        let got = format!("{:?} of {channels} channels", decoder.dimensions());
        let expected = "the same size and channels in the frame header and from the decoder";
        return Err(ImagingError::Structure { format: FORMAT, part: "frame", expected, got });
    }
    let exif = decoder.exif_metadata().map_err(refused(FORMAT))?;
    let orientation = exif.and_then(|exif| Orientation::of(&exif));
    let length = markers.width as usize * markers.height as usize * usize::from(channels);
    let mut pixels = vec![0; length];
    decoder.read_image(&mut pixels).map_err(refused(FORMAT))?;
    let pixels = Pixels::new(markers.width, markers.height, channels, pixels)?;
    let pixels = orientation.unwrap_or(Orientation::Upright).apply(pixels);
    Ok(Decoded { pixels, format: Format::Jpeg, orientation })
}
