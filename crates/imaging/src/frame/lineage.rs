//! What was done to a frame's pixels since they lay in the file, in order.

use serde::Serialize;

use super::PhotometricInterpretation;
use crate::codec::Orientation;

/// The steps, first to last.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Lineage(Vec<LineageStep>);

impl Lineage {
    /// Add what was done last.
    pub fn push(&mut self, step: LineageStep) {
        self.0.push(step);
    }

    /// First to last.
    pub fn steps(&self) -> &[LineageStep] {
        &self.0
    }
}

/// Container of the scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum SourceFormat {
    /// DICOM.
    Dicom,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
}

/// `VOILUTFunction` (0028,1056).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum VoiLutFunction {
    /// LINEAR, also where the attribute is absent.
    Linear,
    /// LINEAR_EXACT.
    LinearExact,
    /// SIGMOID.
    Sigmoid,
}

/// What a mask was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum MaskBasis {
    /// Regions that the file declares.
    DeclaredRegions,
    /// The scan sector found in the picture.
    DetectedSector,
    /// What lies in both.
    Intersection,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum LineageStep {
    /// Read out of a file.
    Decoded {
        /// The container.
        format: SourceFormat,
        /// Name of the SOP class, of our table. `None`: not DICOM, or not in the table.
        sop_class: Option<&'static str>,
        /// Name of the transfer syntax, of our table. `None`: not DICOM.
        transfer_syntax: Option<&'static str>,
    },
    /// Colour components or indices made RGB.
    ColourConverted {
        /// What they were.
        from: PhotometricInterpretation,
    },
    /// Values multiplied and shifted: `RescaleSlope`, `RescaleIntercept`.
    Rescaled {
        /// Factor.
        slope: f64,
        /// Added after.
        intercept: f64,
    },
    /// Values looked up in the `ModalityLUTSequence`.
    ModalityLut,
    /// Values brought to 8 bits by `WindowCenter` and `WindowWidth`, in the units before the step.
    Window {
        /// The function.
        function: VoiLutFunction,
        /// `WindowCenter`.
        center: f64,
        /// `WindowWidth`.
        width: f64,
    },
    /// Values brought to 8 bits by the `VOILUTSequence`.
    VoiLut,
    /// The file states no window: `low` became 0, `high` became 255, in the units before the step.
    FullRange {
        /// Shown black.
        low: f64,
        /// Shown white.
        high: f64,
    },
    /// Padding (`PixelPaddingValue`) shown black.
    PaddingBlackened {
        /// Number of pixels.
        pixels: u64,
    },
    /// Black and white exchanged: MONOCHROME1.
    Inverted,
    /// Turned or mirrored.
    Turned {
        /// As the EXIF tag names it: what was applied to the stored picture.
        by: Orientation,
    },
    /// What lies outside was made black. It is never claimed that nothing identifying is left.
    Masked {
        /// What was kept.
        basis: MaskBasis,
        /// Pixels kept.
        kept_pixels: u64,
    },
}
