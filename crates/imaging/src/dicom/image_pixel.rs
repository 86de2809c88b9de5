//! The Image Pixel module: how samples are laid out. Source: DICOM PS3.3 C.7.6.3, PS3.5 section 8.

use super::tags::{self, Tag};
use super::value::Dataset;
use crate::error::ImagingError;
use crate::frame::PhotometricInterpretation;
use crate::limits::MAX_FRAMES;
use crate::pixels::check_size;

/// What the module says, held against what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ImagePixel {
    pub(crate) columns: u32,
    pub(crate) rows: u32,
    /// 1 or 3.
    pub(crate) samples: usize,
    pub(crate) photometric: PhotometricInterpretation,
    /// `PlanarConfiguration` is 1.
    pub(crate) planar: bool,
    /// 8 or 16.
    pub(crate) bits_allocated: u32,
    /// 1 to `bits_allocated`; 8 or more where there are 3 samples.
    pub(crate) bits_stored: u32,
    pub(crate) high_bit: u32,
    pub(crate) signed: bool,
    /// At least 1.
    pub(crate) frames: u32,
}

impl ImagePixel {
    /// Errors: `DicomMissing`, `DicomElement`, `Limit`, `ZeroSize`, `Unsupported`.
    pub(crate) fn of(dataset: &Dataset) -> Result<Self, ImagingError> {
        let (columns, rows) = (required(dataset, tags::COLUMNS)?, required(dataset, tags::ROWS)?);
        check_size("DICOM", columns.into(), rows.into())?;
        let samples = required(dataset, tags::SAMPLES_PER_PIXEL)?;
        let photometric = photometric(dataset, samples)?;
        let planar = match dataset.integer(tags::PLANAR_CONFIGURATION) {
            Some(0) => false,
            Some(1) => samples == 3,
            None if samples == 1 => false,
            None => {
                return Err(missing(tags::PLANAR_CONFIGURATION, "how colours lie is not known without it"));
            }
            Some(other) => return Err(wrong(tags::PLANAR_CONFIGURATION, "0 or 1", other.to_string())),
        };
        let bits_allocated = required(dataset, tags::BITS_ALLOCATED)?;
        match bits_allocated {
            8 | 16 => {}
            1 => {
                return Err(unsupported(
                    "BitsAllocated 1",
                    "single-bit pixels are overlays or segmentations",
                ));
            }
            32 | 64 => {
                let why = "only 8 and 16 bits per sample are";
                return Err(unsupported(&format!("BitsAllocated {bits_allocated}"), why));
            }
            other => return Err(wrong(tags::BITS_ALLOCATED, "1, 8, 16, 32 or 64", other.to_string())),
        }
        let bits_stored = required(dataset, tags::BITS_STORED)?;
        let least = if samples == 3 { 8 } else { 1 };
        if !(least..=bits_allocated).contains(&bits_stored) {
            return Err(wrong(tags::BITS_STORED, "no more than are allocated", bits_stored.to_string()));
        }
        let high_bit = optional(dataset, tags::HIGH_BIT)?.unwrap_or(bits_stored - 1);
        if high_bit >= bits_allocated || high_bit + 1 < bits_stored {
            return Err(wrong(
                tags::HIGH_BIT,
                "a bit that leaves room for those stored",
                high_bit.to_string(),
            ));
        }
        let signed = match required(dataset, tags::PIXEL_REPRESENTATION)? {
            0 => false,
            1 if samples == 1 && photometric != PhotometricInterpretation::PaletteColor => true,
            other => return Err(wrong(tags::PIXEL_REPRESENTATION, "0, or 1 for grey", other.to_string())),
        };
        let frames = number_of_frames(dataset)?;
        let samples = samples as usize;
        Ok(Self {
            columns,
            rows,
            samples,
            photometric,
            planar,
            bits_allocated,
            bits_stored,
            high_bit,
            signed,
            frames,
        })
    }

    /// Pixels of one frame.
    pub(crate) fn pixels(&self) -> usize {
        self.columns as usize * self.rows as usize
    }

    /// Bytes of one uncompressed frame. They were held against the limits of a picture.
    pub(crate) fn frame_bytes(&self) -> u64 {
        let bits = match self.photometric {
            PhotometricInterpretation::YbrFull422 => 16,
            _ => self.bits_allocated * self.samples as u32,
        };
        self.pixels() as u64 * u64::from(bits / 8)
    }

    /// The number that a stored code means: two's complement where the representation is signed.
    pub(crate) fn value(&self, code: u16) -> i32 {
        let (code, range) = (i32::from(code), 1_i32 << self.bits_stored);
        if self.signed && code >= range / 2 { code - range } else { code }
    }
}

fn number_of_frames(dataset: &Dataset) -> Result<u32, ImagingError> {
    let tag = tags::NUMBER_OF_FRAMES;
    if dataset.get(tag).is_none_or(|value| value.text().is_none()) {
        return Ok(1);
    }
    let frames = dataset.integer(tag);
    let frames = frames.ok_or_else(|| wrong(tag, "a whole number", "something else".into()))?;
    let count = u64::try_from(frames).ok().filter(|count| *count > 0);
    let count = count.ok_or_else(|| wrong(tag, "at least 1", frames.to_string()))?;
    ImagingError::hold("frames of a scan", count, MAX_FRAMES)?;
    Ok(count as u32)
}

/// Which of them go with how many samples. Source: DICOM PS3.3 C.7.6.3.1.2.
fn photometric(dataset: &Dataset, samples: u32) -> Result<PhotometricInterpretation, ImagingError> {
    use PhotometricInterpretation as P;
    let tag = tags::PHOTOMETRIC_INTERPRETATION;
    let text =
        dataset.text(tag).ok_or_else(|| missing(tag, "what the values mean is not known without it"))?;
    let known = P::of(text).ok_or_else(|| wrong(tag, "a term of the standard", "another text".into()))?;
    let expected = match known {
        P::Monochrome1 | P::Monochrome2 | P::PaletteColor => 1,
        P::Rgb | P::YbrFull | P::YbrFull422 | P::YbrIct | P::YbrRct | P::Xyb => 3,
        P::YbrPartial422 | P::YbrPartial420 | P::Hsv | P::Argb | P::Cmyk => {
            let what = format!("PhotometricInterpretation {}", known.as_str());
            return Err(unsupported(&what, "its colours are not converted by this build"));
        }
    };
    if samples != expected {
        let got = format!("{samples} for {}", known.as_str());
        return Err(wrong(tags::SAMPLES_PER_PIXEL, "1 for grey and palettes, 3 for colour", got));
    }
    Ok(known)
}

fn optional(dataset: &Dataset, tag: Tag) -> Result<Option<u32>, ImagingError> {
    let Some(value) = dataset.get(tag).filter(|value| !value.bytes.is_empty()) else { return Ok(None) };
    let number = dataset.integer(tag).and_then(|number| u32::try_from(number).ok());
    let not = || wrong(tag, "a whole number", format!("{} bytes that are none", value.bytes.len()));
    number.map(Some).ok_or_else(not)
}

fn required(dataset: &Dataset, tag: Tag) -> Result<u32, ImagingError> {
    optional(dataset, tag)?.ok_or_else(|| missing(tag, "pixels cannot be read without it"))
}

pub(crate) fn missing(tag: Tag, why: &'static str) -> ImagingError {
    ImagingError::DicomMissing { tag: tag.to_string(), why }
}

pub(crate) fn wrong(tag: Tag, expected: &'static str, got: String) -> ImagingError {
    ImagingError::DicomElement { tag: tag.to_string(), expected, got }
}

pub(crate) fn unsupported(what: &str, why: &'static str) -> ImagingError {
    ImagingError::Unsupported { format: "DICOM", what: what.to_owned(), why }
}
