//! The regions of an ultrasound picture, as data. Source: DICOM PS3.3 C.8.5.5 (US Region Calibration).

use serde::Serialize;

/// A rectangle of pixels; all four sides belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PixelBounds {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// Last column.
    pub right: u32,
    /// Last row.
    pub bottom: u32,
}

impl PixelBounds {
    /// Columns.
    pub fn width(&self) -> u32 {
        self.right - self.left + 1
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.bottom - self.top + 1
    }

    /// Whether the pixel lies inside.
    pub fn contains(&self, x: u32, y: u32) -> bool {
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }
}

/// `RegionSpatialFormat` (0018,6012).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RegionSpatialFormat {
    /// 0: none or not applicable.
    NotApplicable,
    /// 1: 2D: tissue or flow.
    TwoD,
    /// 2: M-mode.
    MMode,
    /// 3: spectral: continuous or pulsed Doppler.
    Spectral,
    /// 4: wave form: physiological traces, Doppler traces.
    WaveForm,
    /// 5: graphics.
    Graphics,
    /// A number the standard does not know, or none.
    Unknown,
}

/// `RegionDataType` (0018,6014).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RegionDataType {
    /// 1: tissue.
    Tissue,
    /// 2: colour flow.
    ColorFlow,
    /// Another number that the standard knows (0 and 3 to 18).
    Other(u16),
    /// A number the standard does not know, or none.
    Unknown,
}

/// `PhysicalUnitsXDirection`, `PhysicalUnitsYDirection` (0018,6024), (0018,6026).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum PhysicalUnits {
    /// 0: none.
    NotApplicable,
    /// 1.
    Percent,
    /// 2.
    Decibel,
    /// 3.
    Centimetre,
    /// 4.
    Second,
    /// 5.
    Hertz,
    /// 6.
    DecibelPerSecond,
    /// 7.
    CentimetrePerSecond,
    /// 8.
    SquareCentimetre,
    /// 9.
    SquareCentimetrePerSecond,
    /// 10.
    CubicCentimetre,
    /// 11.
    CubicCentimetrePerSecond,
    /// 12.
    Degree,
    /// A number the standard does not know, or none.
    Unknown,
}

/// One item of `SequenceOfUltrasoundRegions` (0018,6011), clipped to the picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UltrasoundRegion {
    /// Where it lies: inside the picture.
    pub bounds: PixelBounds,
    /// What the axes are.
    pub spatial_format: RegionSpatialFormat,
    /// What is shown.
    pub data_type: RegionDataType,
    /// `RegionFlags` (0018,6016). Bit 0: region priority; bit 1: scaling is protected; bit 2: Doppler scale.
    pub flags: Option<u32>,
    /// Unit to the right.
    pub units_x: PhysicalUnits,
    /// Unit downwards.
    pub units_y: PhysicalUnits,
    /// `PhysicalDeltaX` (0018,602C): units per column, as stated: the sign says the direction. Never 0.
    pub delta_x: Option<f64>,
    /// `PhysicalDeltaY` (0018,602E): units per row, as stated. Never 0.
    pub delta_y: Option<f64>,
    /// `ReferencePixelX0`, `ReferencePixelY0` (0018,6020), (0018,6022): pixel at the reference values,
    /// relative to the region's own corner. It may lie outside.
    pub reference_pixel: Option<(i32, i32)>,
}

impl UltrasoundRegion {
    /// mm between rows and between columns, where both axes are in cm.
    pub fn spacing_mm(&self) -> Option<(f64, f64)> {
        let centimetres = (PhysicalUnits::Centimetre, PhysicalUnits::Centimetre);
        if (self.units_x, self.units_y) != centimetres {
            return None;
        }
        Some((self.delta_y?.abs() * 10.0, self.delta_x?.abs() * 10.0))
    }
}

/// What was wrong with one declared region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegionNote {
    /// Place in the sequence, from 0.
    pub item: usize,
    /// The problem.
    pub problem: RegionProblem,
}

/// What can be wrong with a declared region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum RegionProblem {
    /// It reaches out of the picture: clipped. The numbers are those declared: left, top, right, bottom.
    Clipped {
        /// As declared.
        declared: [i64; 4],
    },
    /// It reaches out by more than a pixel: its scale may be that of a picture of another size, and is not used.
    ScaleDoubtful,
    /// It lies outside the picture or has no pixels: left out. The numbers are those declared.
    Empty {
        /// As declared.
        declared: [i64; 4],
    },
    /// `RegionLocationMinX0` … `RegionLocationMaxY1` are not all there: left out.
    NoBounds,
    /// `PhysicalDeltaX` or `PhysicalDeltaY` is 0, not finite, or not plausible for its unit: not used.
    Delta,
    /// An axis is not in cm: no spacing and no depth is taken from it.
    NotSpatial,
    /// More items than are read: the rest is left out.
    TooMany,
}
