//! Grey: modality and VOI transformations as one table from stored codes to 8 bits.
//!
//! A lookup table goes before a window where a file has both, and the first window is taken where it has more.
//! Without either, the whole range that the stored bits can hold is shown.

use super::image_pixel::{ImagePixel, missing, wrong};
use super::lookup::Lookup;
use super::tags::{self, Tag};
use super::value::Dataset;
use crate::error::ImagingError;
use crate::frame::{LineageStep, PhotometricInterpretation, VoiLutFunction};

/// Where a frame's transformations are described: the data set itself, or its functional groups.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GreyAttributes<'a> {
    /// Has `RescaleSlope` or `ModalityLUTSequence`.
    pub(crate) modality: &'a Dataset,
    /// Has `WindowCenter` or `VOILUTSequence`.
    pub(crate) voi: &'a Dataset,
    /// Has `PixelPaddingValue`.
    pub(crate) padding: &'a Dataset,
}

/// What every stored code is shown as.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GreyTable {
    shown: Vec<u8>,
    padding: Vec<bool>,
    steps: Vec<LineageStep>,
}

/// Stored values to the units of the modality.
enum Modality {
    Identity,
    Rescale { slope: f64, intercept: f64 },
    Table(Lookup),
}

/// Units of the modality to 0 … 1.
enum Voi {
    Table(Lookup),
    Window { function: VoiLutFunction, center: f64, width: f64 },
    Range { low: f64, high: f64 },
}

impl GreyTable {
    /// Errors: `WindowWidth`, `DicomElement`, `DicomMissing`.
    /// Source: DICOM PS3.3 C.11.1 and C.11.2, PS3.4 N.2.
    pub(crate) fn of(image: &ImagePixel, attributes: GreyAttributes<'_>) -> Result<Self, ImagingError> {
        let modality = Modality::of(attributes.modality, image.signed)?;
        let voi = Voi::of(attributes.voi, image, &modality)?;
        let invert = image.photometric == PhotometricInterpretation::Monochrome1;
        let codes = 0..1_u32 << image.bits_stored;
        let show = |code: u32| {
            let value = modality.apply(image.value(code as u16));
            let shown = (voi.apply(value) * 255.0 + 0.5).floor().clamp(0.0, 255.0) as u8;
            if invert { 255 - shown } else { shown }
        };
        let shown: Vec<u8> = codes.clone().map(show).collect();
        let steps = modality.step().into_iter().chain(voi.step(&shown, image, &modality));
        let steps = steps.chain(invert.then_some(LineageStep::Inverted)).collect();
        let padding = padding_range(attributes.padding, image)?;
        let is_padding = |code| {
            let value = image.value(code as u16);
            padding.is_some_and(|(low, high)| (low..=high).contains(&value))
        };
        let padding = codes.map(is_padding).collect();
        Ok(Self { shown, padding, steps })
    }

    /// Bytes for the codes of one frame, which have no more bits than are stored, and what was done.
    pub(crate) fn apply(&self, codes: &[u16]) -> (Vec<u8>, Vec<LineageStep>) {
        let mut padded = 0;
        let show = |code: &u16| {
            let code = usize::from(*code);
            padded += u64::from(self.padding[code]);
            if self.padding[code] { 0 } else { self.shown[code] }
        };
        let bytes = codes.iter().map(show).collect();
        let mut steps = self.steps.clone();
        if padded > 0 {
            steps.push(LineageStep::PaddingBlackened { pixels: padded });
        }
        (bytes, steps)
    }
}

impl Modality {
    fn of(dataset: &Dataset, signed: bool) -> Result<Self, ImagingError> {
        if let Some(item) = dataset.items(tags::MODALITY_LUT_SEQUENCE).first() {
            return Lookup::of(item, tags::LUT_DESCRIPTOR, tags::LUT_DATA, signed).map(Self::Table);
        }
        let slope = stated(dataset, tags::RESCALE_SLOPE)?;
        let intercept = stated(dataset, tags::RESCALE_INTERCEPT)?;
        match (slope, intercept) {
            (None, None) => Ok(Self::Identity),
            (Some(0.0), _) => Err(wrong(tags::RESCALE_SLOPE, "a factor other than 0", "0".into())),
            (Some(slope), Some(intercept)) if (slope - 1.0).abs() + intercept.abs() > 0.0 => {
                Ok(Self::Rescale { slope, intercept })
            }
            (Some(_), Some(_)) => Ok(Self::Identity),
            (None, _) => Err(missing(tags::RESCALE_SLOPE, "there is an intercept")),
            (_, None) => Err(missing(tags::RESCALE_INTERCEPT, "there is a slope")),
        }
    }

    fn apply(&self, value: i32) -> f64 {
        match self {
            Self::Identity => value.into(),
            Self::Rescale { slope, intercept } => f64::from(value) * slope + intercept,
            Self::Table(table) => table.at(value).into(),
        }
    }

    fn step(&self) -> Option<LineageStep> {
        match self {
            Self::Identity => None,
            Self::Rescale { slope, intercept } => {
                Some(LineageStep::Rescaled { slope: *slope, intercept: *intercept })
            }
            Self::Table(_) => Some(LineageStep::ModalityLut),
        }
    }
}

impl Voi {
    fn of(dataset: &Dataset, image: &ImagePixel, modality: &Modality) -> Result<Self, ImagingError> {
        if let Some(item) = dataset.items(tags::VOI_LUT_SEQUENCE).first() {
            return Lookup::of(item, tags::LUT_DESCRIPTOR, tags::LUT_DATA, image.signed).map(Self::Table);
        }
        let center = stated(dataset, tags::WINDOW_CENTER)?;
        let width = stated(dataset, tags::WINDOW_WIDTH)?;
        match (center, width) {
            (Some(center), Some(width)) => Self::window(dataset, center, width),
            (Some(_), None) => Err(missing(tags::WINDOW_WIDTH, "there is a center")),
            (None, Some(_)) => Err(missing(tags::WINDOW_CENTER, "there is a width")),
            (None, None) => {
                let (low, high) = full_range(image, modality);
                Ok(Self::Range { low, high })
            }
        }
    }

    fn window(dataset: &Dataset, center: f64, width: f64) -> Result<Self, ImagingError> {
        let (function, name) = match dataset.text(tags::VOI_LUT_FUNCTION) {
            None | Some("LINEAR") => (VoiLutFunction::Linear, "LINEAR"),
            Some("LINEAR_EXACT") => (VoiLutFunction::LinearExact, "LINEAR_EXACT"),
            Some("SIGMOID") => (VoiLutFunction::Sigmoid, "SIGMOID"),
            Some(_) => {
                let expected = "LINEAR, LINEAR_EXACT or SIGMOID";
                return Err(wrong(tags::VOI_LUT_FUNCTION, expected, "another text".into()));
            }
        };
        let linear = function == VoiLutFunction::Linear;
        if (linear && width < 1.0) || width <= 0.0 {
            let expected = if linear { "at least 1" } else { "above 0" };
            return Err(ImagingError::WindowWidth { function: name, expected, got: width });
        }
        Ok(Self::Window { function, center, width })
    }

    /// 0 is black, 1 is white. Source: DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3.
    fn apply(&self, x: f64) -> f64 {
        match self {
            Self::Table(table) => f64::from(table.at(x.round() as i32)) / table.top(),
            Self::Window { function: VoiLutFunction::Linear, center, width } => {
                let (center, width) = (center - 0.5, width - 1.0);
                if x <= center - width / 2.0 {
                    0.0
                } else if x > center + width / 2.0 {
                    1.0
                } else {
                    (x - center) / width + 0.5
                }
            }
            Self::Window { function: VoiLutFunction::LinearExact, center, width } => {
                ((x - center) / width + 0.5).clamp(0.0, 1.0)
            }
            Self::Window { function: VoiLutFunction::Sigmoid, center, width } => {
                1.0 / (1.0 + (-4.0 * (x - center) / width).exp())
            }
            Self::Range { low, high } => (x - low) / (high - low),
        }
    }

    /// `None`: 8-bit values are shown as they are.
    fn step(&self, shown: &[u8], image: &ImagePixel, modality: &Modality) -> Option<LineageStep> {
        match self {
            Self::Table(_) => Some(LineageStep::VoiLut),
            Self::Window { function, center, width } => {
                Some(LineageStep::Window { function: *function, center: *center, width: *width })
            }
            Self::Range { .. }
                if shown.len() == 256 && !image.signed && matches!(modality, Modality::Identity) =>
            {
                None
            }
            Self::Range { low, high } => Some(LineageStep::FullRange { low: *low, high: *high }),
        }
    }
}

/// The range that the stored bits can hold, in the units of the modality.
fn full_range(image: &ImagePixel, modality: &Modality) -> (f64, f64) {
    if let Modality::Table(table) = modality {
        return (0.0, table.top());
    }
    let half = 1_i32 << (image.bits_stored - 1);
    let (low, high) = if image.signed { (-half, half - 1) } else { (0, 2 * half - 1) };
    let (low, high) = (modality.apply(low), modality.apply(high));
    (low.min(high), low.max(high))
}

/// The stored values that are padding. Source: DICOM PS3.3 C.7.5.1.1.2.
fn padding_range(dataset: &Dataset, image: &ImagePixel) -> Result<Option<(i32, i32)>, ImagingError> {
    let stated = |tag| stated(dataset, tag).map(|value| value.map(|value| meant(value, image)));
    let Some(value) = stated(tags::PIXEL_PADDING_VALUE)? else { return Ok(None) };
    let limit = stated(tags::PIXEL_PADDING_RANGE_LIMIT)?.unwrap_or(value);
    Ok(Some((value.min(limit), value.max(limit))))
}

/// A padding value may be written as unsigned where pixels are signed, and the other way round.
fn meant(value: f64, image: &ImagePixel) -> i32 {
    let word = value as i64 as u16;
    if image.signed { i32::from(word as i16) } else { i32::from(word) }
}

/// The first number of an attribute. `None`: absent or empty.
/// Errors: `DicomElement` where something is there that is no number.
fn stated(dataset: &Dataset, tag: Tag) -> Result<Option<f64>, ImagingError> {
    let empty = |bytes: &[u8]| bytes.iter().all(|byte| matches!(byte, b' ' | 0));
    let Some(value) = dataset.get(tag) else { return Ok(None) };
    match dataset.number(tag) {
        Some(number) => Ok(Some(number)),
        None if value.bytes.is_empty() || (value.text().is_none() && empty(&value.bytes)) => Ok(None),
        None => Err(wrong(tag, "a number", format!("{} bytes that are none", value.bytes.len()))),
    }
}

#[cfg(test)]
mod tests;
