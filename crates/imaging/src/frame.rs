//! One frame of a scan: its pixels, what the file says about them, and what was done to them.
//!
//! No field can hold a patient's name or number: texts out of a file are only kept as values of the tables in
//! this folder. What the file does not say, or says in a way that is not understood, is `None`.

mod lineage;
mod region;
mod terms;

use serde::Serialize;

use crate::pixels::Pixels;

pub use lineage::{Lineage, LineageStep, MaskBasis, SourceFormat, VoiLutFunction};
pub use region::{
    PhysicalUnits, PixelBounds, RegionDataType, RegionNote, RegionProblem, RegionSpatialFormat,
    UltrasoundRegion,
};
pub use terms::{
    Anatomy, BodyPart, Laterality, Modality, PatientDirection, PatientOrientation, PhotometricInterpretation,
};

/// Distance between the centres of neighbouring pixels in the plane of the picture, in mm, above 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spacing {
    /// Between neighbouring rows: downwards.
    pub row_mm: f64,
    /// Between neighbouring columns: to the right.
    pub column_mm: f64,
    /// Where it was read.
    pub source: SpacingSource,
}

/// Where a [`Spacing`] was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum SpacingSource {
    /// `PhysicalDeltaX` and `PhysicalDeltaY` of the one spatial region, or of all of them alike.
    UltrasoundRegion,
    /// `PixelSpacing` (0028,0030): in the patient.
    PixelSpacing,
    /// `ImagerPixelSpacing` (0018,1164): at the detector, not in the patient.
    ImagerPixelSpacing,
}

/// Side of the picture on which the sign of the probe's marker is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum MarkerSide {
    /// Left of the picture.
    Left,
    /// Right of the picture.
    Right,
}

/// One frame. `pixels` are ready for display: 8 bits, white is bright, grey or RGB.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The picture.
    pub pixels: Pixels,
    /// Place in the scan, from 0.
    pub index: u32,
    /// Time since the first frame, in ms.
    pub time_ms: Option<f64>,
    /// Regions of the picture that the file declares, held against its size. Empty: it declares none.
    pub regions: Vec<UltrasoundRegion>,
    /// What was wrong with the declared regions.
    pub region_notes: Vec<RegionNote>,
    /// Distance between pixels.
    pub spacing: Option<Spacing>,
    /// Depth shown, in mm: height of the largest tissue region with a spatial scale.
    pub depth_mm: Option<f64>,
    /// Side of the body.
    pub laterality: Option<Laterality>,
    /// Part of the body.
    pub anatomy: Option<Anatomy>,
    /// Directions in the patient of the picture's rows and columns.
    pub patient_orientation: Option<PatientOrientation>,
    /// Direction cosines of the rows and of the columns (`ImageOrientationPatient`).
    pub image_orientation: Option<[f64; 6]>,
    /// Side of the probe's marker. No attribute of DICOM states it: `None` until someone looked or said.
    pub marker_side: Option<MarkerSide>,
    /// Kind of machine.
    pub modality: Option<Modality>,
    /// How the file stored colour.
    pub photometric_interpretation: Option<PhotometricInterpretation>,
    /// How `pixels` came about.
    pub lineage: Lineage,
}

impl Frame {
    /// A frame of which nothing is known but its pixels.
    pub fn new(pixels: Pixels, index: u32) -> Self {
        Self {
            pixels,
            index,
            time_ms: None,
            regions: Vec::new(),
            region_notes: Vec::new(),
            spacing: None,
            depth_mm: None,
            laterality: None,
            anatomy: None,
            patient_orientation: None,
            image_orientation: None,
            marker_side: None,
            modality: None,
            photometric_interpretation: None,
            lineage: Lineage::default(),
        }
    }

    /// The same frame with other pixels of the same size, and `step` added to its lineage: for masks and
    /// changes of value. What turns or resizes the picture has to move the geometry too, and cannot use this.
    /// `None`: the size differs.
    pub fn with_pixels(&self, pixels: Pixels, step: LineageStep) -> Option<Self> {
        if (pixels.width(), pixels.height()) != (self.pixels.width(), self.pixels.height()) {
            return None;
        }
        let mut lineage = self.lineage.clone();
        lineage.push(step);
        Some(Self { pixels, lineage, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_pixels_keep_the_description_and_add_a_step() {
        let frame = Frame::new(Pixels::new(2, 1, 1, vec![1, 2]).unwrap(), 7);
        let black = Pixels::new(2, 1, 3, vec![0; 6]).unwrap();
        let masked = frame.with_pixels(black.clone(), LineageStep::Inverted).unwrap();
        assert_eq!((masked.index, masked.pixels), (7, black));
        assert_eq!(masked.lineage.steps(), [LineageStep::Inverted]);
        assert_eq!(frame.with_pixels(Pixels::new(1, 2, 1, vec![0; 2]).unwrap(), LineageStep::Inverted), None);
    }
}
