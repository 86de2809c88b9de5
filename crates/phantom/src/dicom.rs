//! Frames and cines as DICOM ultrasound, through `imaging`'s writer: calibrated regions, times, side of the body.

use bedside_imaging::{
    BodyPart, Equipment, Identification, IdentityField, Laterality, PhysicalUnits, PixelBounds, Pixels,
    RegionCalibration, RegionDataType, RegionSpatialFormat, Series, UltrasoundObject, UltrasoundRegion,
    content_uid, encode_ultrasound,
};

use crate::error::PhantomError;
use crate::frame::{CalibratedRegion, Cine, Frame};
use crate::scene::Scene;
use crate::screen::ScreenShot;

/// `ManufacturerModelName` (0008,1090) of these files: by it a scan is known to be simulated.
pub const MODEL_NAME: &str = "BEDSIDE PHANTOM";

/// The series that a scene's files belong to: `SIMULATED^NOBODY`, a number made of the seed, a study of its own for each
/// seed. It can be changed before it is used, for example to put many scenes into one study.
/// Errors: `Imaging`, which these texts make impossible.
pub fn dicom_series(scene: &Scene) -> Result<Series, PhantomError> {
    let study = content_uid("phantom study", &scene.seed.to_le_bytes());
    let identification = Identification::default()
        .with(IdentityField::PatientName, "SIMULATED^NOBODY")?
        .with(IdentityField::PatientId, &format!("SIMULATED-{}", scene.seed))?
        .with(IdentityField::StudyInstanceUid, &study)?;
    Ok(Series {
        identification,
        description: "Simulated lung ultrasound, no patient".into(),
        number: Some(1),
        instance_number: Some(1),
        equipment: Equipment {
            manufacturer: "Bedside".into(),
            model_name: MODEL_NAME.into(),
            software_versions: env!("CARGO_PKG_VERSION").into(),
        },
        ..Series::default()
    })
}

/// A DICOM file of one frame, as it is: Ultrasound Image Storage, `BurnedInAnnotation` NO.
/// Errors: `Imaging`.
pub fn dicom_frame(scene: &Scene, frame: &Frame, series: Series) -> Result<Vec<u8>, PhantomError> {
    let region = frame.geometry.region(&scene.probe, (0, 0));
    encoded(scene, &[&frame.pixels], &region, None, Some(false), series)
}

/// A DICOM file of a cine: Ultrasound Multi-frame Image Storage with `FrameTime`, `BurnedInAnnotation` NO.
/// Errors: `Imaging`, also for a cine without frames.
pub fn dicom_cine(scene: &Scene, cine: &Cine, series: Series) -> Result<Vec<u8>, PhantomError> {
    let frames: Vec<&Pixels> = cine.frames.iter().map(|frame| &frame.pixels).collect();
    let region = cine.frames.first().map(|frame| frame.geometry.region(&scene.probe, (0, 0)));
    encoded(scene, &frames, &region.unwrap_or(EMPTY), Some(cine.frame_time_ms), Some(false), series)
}

/// A DICOM file of frames with the screen round them, as a machine stores it. `frame_time_ms`: makes it a cine.
/// `BurnedInAnnotation` is YES where the screen shows text.
/// Errors: `Imaging`, also for several frames without a time; `Scene` where the region moves from frame to frame.
pub fn dicom_screens(
    scene: &Scene,
    shots: &[ScreenShot],
    frame_time_ms: Option<f64>,
    series: Series,
) -> Result<Vec<u8>, PhantomError> {
    let frames: Vec<&Pixels> = shots.iter().map(|shot| &shot.pixels).collect();
    let region = shots.first().map_or(EMPTY, |shot| shot.region);
    if let Some(other) = shots.iter().find(|shot| shot.region != region) {
        let got = format!("{:?}", other.region);
        return Err(PhantomError::Scene {
            what: "screens of a cine",
            expected: "one region in all of them",
            got,
        });
    }
    let text = shots.iter().any(|shot| !shot.text.is_empty());
    encoded(scene, &frames, &region, frame_time_ms, Some(text), series)
}

/// Takes the place of a region where there is no frame to have one: the writer refuses to write no frame.
const EMPTY: CalibratedRegion = CalibratedRegion {
    region_spatial_format: 1,
    region_data_type: 1,
    region_flags: 0,
    region_location_min_x0: 0,
    region_location_min_y0: 0,
    region_location_max_x1: 0,
    region_location_max_y1: 0,
    reference_pixel_x0: 0,
    reference_pixel_y0: 0,
    physical_units_x_direction: 3,
    physical_units_y_direction: 3,
    reference_pixel_physical_value_x: 0.0,
    reference_pixel_physical_value_y: 0.0,
    physical_delta_x: 1.0,
    physical_delta_y: 1.0,
    transducer_frequency_khz: 0,
};

fn encoded(
    scene: &Scene,
    frames: &[&Pixels],
    region: &CalibratedRegion,
    frame_time_ms: Option<f64>,
    burned_in_annotation: Option<bool>,
    series: Series,
) -> Result<Vec<u8>, PhantomError> {
    let laterality = match scene.zone.laterality() {
        "right" => Laterality::Right,
        _ => Laterality::Left,
    };
    let object = UltrasoundObject {
        series,
        body_part: Some(BodyPart::Lung),
        laterality: Some(laterality),
        patient_orientation: None,
        regions: vec![region.calibration()],
        frame_time_ms,
        burned_in_annotation,
    };
    Ok(encode_ultrasound(frames, &object)?)
}

impl CalibratedRegion {
    /// The same for the writer: tissue in two dimensions, in centimetres, which is all that a phantom draws.
    fn calibration(&self) -> RegionCalibration {
        let region = UltrasoundRegion {
            bounds: PixelBounds {
                left: self.region_location_min_x0,
                top: self.region_location_min_y0,
                right: self.region_location_max_x1,
                bottom: self.region_location_max_y1,
            },
            spatial_format: RegionSpatialFormat::TwoD,
            data_type: RegionDataType::Tissue,
            flags: Some(self.region_flags),
            units_x: PhysicalUnits::Centimetre,
            units_y: PhysicalUnits::Centimetre,
            delta_x: Some(self.physical_delta_x),
            delta_y: Some(self.physical_delta_y),
            reference_pixel: Some((self.reference_pixel_x0, self.reference_pixel_y0)),
        };
        let reference = (self.reference_pixel_physical_value_x, self.reference_pixel_physical_value_y);
        RegionCalibration {
            region,
            reference_value: Some(reference),
            transducer_frequency_khz: Some(self.transducer_frequency_khz),
        }
    }
}

#[cfg(test)]
mod tests {
    use bedside_imaging::{Anatomy, Scan, ScanKind};

    use super::*;
    use crate::{MarkerSide, Ranges, Screen, Simulator};

    fn scene(frames: f64) -> Scene {
        let mut ranges = Ranges::training();
        ranges.set("machine.width_px", 96.0, 96.0).unwrap();
        ranges.set("machine.height_px", 80.0, 80.0).unwrap();
        ranges.set("motion.frames", frames, frames).unwrap();
        ranges.set("motion.frame_time_ms", 40.0, 40.0).unwrap();
        Scene::draw(&ranges, 3).unwrap()
    }

    #[test]
    fn a_frame_comes_back_calibrated() {
        let scene = scene(1.0);
        let frame = Simulator::new(&scene).unwrap().frame(0).unwrap();
        let bytes = dicom_frame(&scene, &frame, dicom_series(&scene).unwrap()).unwrap();
        assert_eq!(bytes, dicom_frame(&scene, &frame, dicom_series(&scene).unwrap()).unwrap());
        let scan = Scan::from_bytes(bytes).unwrap();
        let read = scan.frame(0).unwrap();
        assert_eq!((scan.kind(), &read.pixels), (ScanKind::UltrasoundImage, &frame.pixels));
        let [left, top, right, bottom] = frame.geometry.sector;
        assert_eq!(read.regions[0].bounds, PixelBounds { left, top, right, bottom });
        assert!((read.spacing.unwrap().row_mm - frame.geometry.mm_per_pixel).abs() < 1e-12);
        assert_eq!(read.anatomy, Some(Anatomy::BodyPart(BodyPart::Lung)));
        assert_eq!((read.laterality.is_some(), scan.burned_in_annotation()), (true, Some(false)));
        assert!(read.region_notes.is_empty());
    }

    #[test]
    fn a_cine_comes_back_with_its_times_and_a_screen_with_its_text() {
        let scene = scene(3.0);
        let cine = Simulator::new(&scene).unwrap().cine().unwrap();
        let series = || dicom_series(&scene).unwrap();
        let scan = Scan::from_bytes(dicom_cine(&scene, &cine, series()).unwrap()).unwrap();
        assert_eq!((scan.kind(), scan.frames()), (ScanKind::UltrasoundMultiFrame, 3));
        for (index, frame) in (0..).zip(&cine.frames) {
            let read = scan.frame(index).unwrap();
            assert_eq!((&read.pixels, read.time_ms), (&frame.pixels, Some(f64::from(index) * 40.0)));
        }
        let screen = Screen {
            width_px: 200,
            height_px: 180,
            header: vec!["NOBODY, JANE".into()],
            marker: MarkerSide::Left,
        };
        let shots: Vec<ScreenShot> =
            cine.frames.iter().map(|frame| screen.draw(&scene, frame).unwrap()).collect();
        let bytes = dicom_screens(&scene, &shots, Some(cine.frame_time_ms), series()).unwrap();
        let scan = Scan::from_bytes(bytes).unwrap();
        assert_eq!((scan.size(), scan.burned_in_annotation()), ((200, 180), Some(true)));
        let read = scan.frame(2).unwrap();
        assert_eq!(read.pixels, shots[2].pixels);
        assert_eq!(read.regions[0].bounds.left, shots[0].region.region_location_min_x0);
        assert!(dicom_screens(&scene, &shots, None, series()).is_err());
        assert!(dicom_screens(&scene, &[], None, series()).is_err());
        assert!(dicom_cine(&scene, &Cine { frames: Vec::new(), ..cine }, series()).is_err());
    }
}
