//! What a simulation gives: frames with their truth, cines, and the numbers a DICOM file wants.

use bedside_imaging::Pixels;
use serde::{Deserialize, Serialize};

use crate::findings::Labels;
use crate::probe::Probe;
use crate::scan_conversion::FrameGeometry;
use crate::scene::Scene;
use crate::truth::TruthMap;

/// One frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Grey, `(height, width)`.
    pub pixels: Pixels,
    /// What is there.
    pub labels: Labels,
    /// Where it is, pixel by pixel.
    pub truth: TruthMap,
    /// Where the pixels lie.
    pub geometry: FrameGeometry,
    /// Time since the first frame.
    pub time_ms: f64,
}

/// Frames at a fixed rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Cine {
    /// The frames, in order.
    pub frames: Vec<Frame>,
    /// DICOM `FrameTime` (0018,1063).
    pub frame_time_ms: f64,
}

/// One item of `SequenceOfUltrasoundRegions` (0018,6011), by DICOM's names (PS3.3 C.8.5.5).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CalibratedRegion {
    /// (0018,6012): 1 is 2D.
    pub region_spatial_format: u16,
    /// (0018,6014): 1 is tissue.
    pub region_data_type: u16,
    /// (0018,6016): no flags: the region is opaque and to be scaled.
    pub region_flags: u32,
    /// (0018,6018): first column.
    pub region_location_min_x0: u32,
    /// (0018,601A): first row.
    pub region_location_min_y0: u32,
    /// (0018,601C): last column.
    pub region_location_max_x1: u32,
    /// (0018,601E): last row.
    pub region_location_max_y1: u32,
    /// (0018,6020): column of the middle of the probe's face, counted from the region's first.
    pub reference_pixel_x0: i32,
    /// (0018,6022): row of the same, counted from the region's first.
    pub reference_pixel_y0: i32,
    /// (0018,6024): 3 is centimetres.
    pub physical_units_x_direction: u16,
    /// (0018,6026): 3 is centimetres.
    pub physical_units_y_direction: u16,
    /// (0018,6028): physical value at the reference pixel.
    pub reference_pixel_physical_value_x: f64,
    /// (0018,602A): physical value at the reference pixel.
    pub reference_pixel_physical_value_y: f64,
    /// (0018,602C): centimetres per column.
    pub physical_delta_x: f64,
    /// (0018,602E): centimetres per row.
    pub physical_delta_y: f64,
    /// (0018,6030): in kilohertz.
    pub transducer_frequency_khz: u32,
}

impl FrameGeometry {
    /// The calibrated region of a frame whose upper left pixel lies at `(column, row)` of a larger picture;
    /// `(0, 0)` for the frame itself.
    pub fn region(&self, probe: &Probe, (column, row): (u32, u32)) -> CalibratedRegion {
        let [left, top, right, bottom] = self.sector;
        let (x, y) = self.pixel_of(0.0, 0.0);
        let (x, y) = (x.round(), y.round());
        let (at_x, at_z) = self.place_of(x, y);
        CalibratedRegion {
            region_spatial_format: 1,
            region_data_type: 1,
            region_flags: 0,
            region_location_min_x0: column + left,
            region_location_min_y0: row + top,
            region_location_max_x1: column + right,
            region_location_max_y1: row + bottom,
            reference_pixel_x0: x as i32 - left as i32,
            reference_pixel_y0: y as i32 - top as i32,
            physical_units_x_direction: 3,
            physical_units_y_direction: 3,
            reference_pixel_physical_value_x: at_x / 10.0,
            reference_pixel_physical_value_y: at_z / 10.0,
            physical_delta_x: self.mm_per_pixel / 10.0,
            physical_delta_y: self.mm_per_pixel / 10.0,
            transducer_frequency_khz: (probe.frequency_mhz * 1000.0).round() as u32,
        }
    }
}

/// One line of the JSON Lines file beside the frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameRecord {
    /// `bedside.phantom/1`.
    pub schema: String,
    /// Name of the frame's file.
    pub file: String,
    /// Number of the frame in its cine.
    pub frame: u32,
    /// Time since the first frame.
    pub time_ms: f64,
    /// What is there.
    pub labels: Labels,
    /// The same in words.
    pub captions: Vec<String>,
    /// Where the pixels lie.
    pub geometry: FrameGeometry,
    /// The calibrated region of the frame.
    pub region: CalibratedRegion,
    /// Every parameter.
    pub scene: Scene,
}

/// Schema of [`FrameRecord`].
pub const RECORD_SCHEMA: &str = "bedside.phantom/1";

impl FrameRecord {
    /// The record of a frame, with `captions` wordings.
    /// Errors: `Count` for too many captions.
    pub fn new(
        scene: &Scene,
        frame: &Frame,
        number: u32,
        file: &str,
        captions: usize,
    ) -> Result<Self, crate::PhantomError> {
        Ok(Self {
            schema: RECORD_SCHEMA.into(),
            file: file.into(),
            frame: number,
            time_ms: frame.time_ms,
            labels: frame.labels.clone(),
            captions: crate::captions(&frame.labels, scene.seed.wrapping_add(u64::from(number)), captions)?,
            geometry: frame.geometry,
            region: frame.geometry.region(&scene.probe, (0, 0)),
            scene: scene.clone(),
        })
    }
}
