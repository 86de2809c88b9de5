//! The Image Pixel module of pictures ready for display. Source: DICOM PS3.3 C.7.6.3.

use dicom_dictionary_std::tags;

use super::element::Elements;
use crate::error::ImagingError;
use crate::pixels::Pixels;

/// Size of the frames: columns, rows, channels. They are at least one, and all alike.
/// Errors: `DicomMissing` for none, `DicomElement` where they differ, `Limit` for a side of more than 16 bits.
pub(super) fn size(frames: &[&Pixels]) -> Result<(u32, u32, u8), ImagingError> {
    let size = |pixels: &Pixels| (pixels.width(), pixels.height(), pixels.channels());
    let Some(first) = frames.first().map(|frame| size(frame)) else {
        return Err(ImagingError::DicomMissing { tag: tag("PixelData"), why: "there is no frame to write" });
    };
    if let Some(other) = frames.iter().map(|frame| size(frame)).find(|other| *other != first) {
        let got = format!("{first:?} and {other:?}");
        let expected = "frames of one size and number of channels";
        return Err(ImagingError::DicomElement { tag: tag("PixelData"), expected, got });
    }
    ImagingError::hold("DICOM columns", first.0.into(), u16::MAX.into())?;
    ImagingError::hold("DICOM rows", first.1.into(), u16::MAX.into())?;
    Ok(first)
}

fn tag(keyword: &str) -> String {
    format!("{keyword} (7FE0,0010)")
}

/// The attributes of 8-bit grey or RGB. `size`: columns, rows, channels, which fit into 16 bits.
pub(crate) fn module((columns, rows, channels): (u32, u32, u8)) -> Elements {
    let mut module = Elements::default();
    module.number(tags::SAMPLES_PER_PIXEL, channels);
    module.term(tags::PHOTOMETRIC_INTERPRETATION, if channels == 1 { "MONOCHROME2" } else { "RGB" });
    if channels == 3 {
        module.number(tags::PLANAR_CONFIGURATION, 0);
    }
    module.number(tags::ROWS, rows);
    module.number(tags::COLUMNS, columns);
    module.number(tags::BITS_ALLOCATED, 8);
    module.number(tags::BITS_STORED, 8);
    module.number(tags::HIGH_BIT, 7);
    module.number(tags::PIXEL_REPRESENTATION, 0);
    module
}
