//! Colour: YBR_FULL to RGB, palettes to RGB, more than 8 bits to 8.

use super::image_pixel::unsupported;
use super::lookup::Lookup;
use super::tags;
use super::value::Dataset;
use crate::error::ImagingError;

/// Codes of three samples of `bits` bits (8 to 16) to bytes: of more than 8 the highest 8 are shown.
pub(crate) fn to_bytes(codes: &[u16], bits: u32) -> Vec<u8> {
    codes.iter().map(|code| (code >> (bits - 8)) as u8).collect()
}

/// Y, CB, CR of 8 bits each to RGB, in place. Source: DICOM PS3.3 C.7.6.3.1.2 (YBR_FULL), solved for RGB.
pub(crate) fn ybr_full_to_rgb(bytes: &mut [u8]) {
    for [y, cb, cr] in bytes.as_chunks_mut::<3>().0 {
        let (luma, blue, red) = (f64::from(*y), f64::from(*cb) - 128.0, f64::from(*cr) - 128.0);
        let byte = |value: f64| (value + 0.5).floor().clamp(0.0, 255.0) as u8;
        *y = byte(luma + 1.402 * red);
        *cb = byte(luma - 0.114 * 1.772 / 0.587 * blue - 0.299 * 1.402 / 0.587 * red);
        *cr = byte(luma + 1.772 * blue);
    }
}

/// The three tables of a palette.
#[derive(Debug)]
pub(crate) struct Palette([Lookup; 3]);

impl Palette {
    /// Errors: `DicomMissing`, `DicomElement`, `Unsupported` where the entries have neither 8 nor 16 bits.
    /// Source: DICOM PS3.3 C.7.6.3.1.5 and C.7.6.3.1.6.
    pub(crate) fn of(dataset: &Dataset) -> Result<Self, ImagingError> {
        let table = |descriptor, data, segmented| {
            let table = Lookup::of_palette(dataset, descriptor, data, segmented)?;
            if !matches!(table.bits, 8 | 16) {
                let why = "the standard knows 8 and 16";
                return Err(unsupported(&format!("a palette of {} bits", table.bits), why));
            }
            Ok(table)
        };
        Ok(Self([
            table(tags::RED_DESCRIPTOR, tags::RED_DATA, tags::SEGMENTED_RED_DATA)?,
            table(tags::GREEN_DESCRIPTOR, tags::GREEN_DATA, tags::SEGMENTED_GREEN_DATA)?,
            table(tags::BLUE_DESCRIPTOR, tags::BLUE_DATA, tags::SEGMENTED_BLUE_DATA)?,
        ]))
    }

    /// RGB bytes for indices: of entries of 16 bits the high byte.
    pub(crate) fn apply(&self, codes: &[u16]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(codes.len() * 3);
        for code in codes {
            for table in &self.0 {
                bytes.push((table.at((*code).into()) >> (table.bits - 8)) as u8);
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours_come_out() {
        // Black, white, and the primaries of BT.601 at full range.
        let mut bytes = [0, 128, 128, 255, 128, 128, 76, 85, 255, 150, 44, 21, 29, 255, 107];
        ybr_full_to_rgb(&mut bytes);
        assert_eq!(bytes, [0, 0, 0, 255, 255, 255, 254, 0, 0, 0, 255, 1, 0, 0, 254]);
    }

    #[test]
    fn the_highest_bits_are_shown() {
        assert_eq!(to_bytes(&[0, 0x0FFF, 0x0800], 12), [0, 255, 128]);
        assert_eq!(to_bytes(&[7, 255], 8), [7, 255]);
    }
}
