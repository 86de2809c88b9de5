//! Ultrasound Image Storage and Ultrasound Multi-frame Image Storage. Source: DICOM PS3.3 A.6, A.7, C.8.5.

use dicom_dictionary_std::{tags, uids};

use super::element::{Body, Elements, code};
use super::series::Series;
use super::{file, pixels};
use crate::error::ImagingError;
use crate::frame::{
    BodyPart, Laterality, PatientDirection, PatientOrientation, PhysicalUnits, RegionDataType,
    RegionSpatialFormat, UltrasoundRegion,
};
use crate::limits::{MAX_FRAMES, MAX_REGIONS};
use crate::pixels::Pixels;

/// An item of `SequenceOfUltrasoundRegions`, to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionCalibration {
    /// Where it lies, what it shows, its scale.
    pub region: UltrasoundRegion,
    /// `ReferencePixelPhysicalValueX`, `…Y` (0018,6028), (0018,602A): at the reference pixel, in the region's units.
    pub reference_value: Option<(f64, f64)>,
    /// `TransducerFrequency` (0018,6030), in kHz.
    pub transducer_frequency_khz: Option<u32>,
}

/// An ultrasound picture or cine beside its pixels. What is `None` or empty is unknown and not made up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UltrasoundObject {
    /// Patient, study, series, equipment.
    pub series: Series,
    /// `BodyPartExamined` (0018,0015).
    pub body_part: Option<BodyPart>,
    /// `ImageLaterality` (0020,0062). `None`: `Laterality` is written empty.
    pub laterality: Option<Laterality>,
    /// `PatientOrientation` (0020,0020); written empty where it is unknown.
    pub patient_orientation: Option<PatientOrientation>,
    /// Calibrated regions, inside the picture.
    pub regions: Vec<RegionCalibration>,
    /// `FrameTime` (0018,1063) in ms, above 0: makes it a multi-frame object, also of one frame.
    pub frame_time_ms: Option<f64>,
    /// `BurnedInAnnotation` (0028,0301). `None`: not written, so nothing is claimed.
    pub burned_in_annotation: Option<bool>,
}

/// A DICOM file of one or more frames: 8 bits, grey (MONOCHROME2) or RGB, uncompressed explicit VR little endian.
/// One frame without `frame_time_ms` is an Ultrasound Image, everything else an Ultrasound Multi-frame Image.
/// The same input gives the same bytes; UIDs are made from the content.
/// Errors: `DicomMissing` without a frame, or for several without a frame time; `DicomElement` for texts, regions,
/// times or frames that do not fit; `Limit` for more than the format holds.
pub fn encode_ultrasound(frames: &[&Pixels], object: &UltrasoundObject) -> Result<Vec<u8>, ImagingError> {
    let size = pixels::size(frames)?;
    ImagingError::hold("frames of a scan", frames.len() as u64, MAX_FRAMES)?;
    let mut elements = pixels::module(size);
    object.series.describe(&mut elements)?;
    object.describe(&mut elements, (size.0, size.1))?;
    let cine = object.cine(&mut elements, frames.len())?;
    if size.2 == 3 {
        elements.number(tags::ULTRASOUND_COLOR_DATA_PRESENT, 1);
    }
    let class =
        if cine { uids::ULTRASOUND_MULTI_FRAME_IMAGE_STORAGE } else { uids::ULTRASOUND_IMAGE_STORAGE };
    elements.text(tags::SOP_CLASS_UID, class)?;
    let instance = object.series.identify(&mut elements, frames.iter().map(|frame| frame.bytes()))?;
    let bytes: u64 = frames.iter().map(|frame| frame.bytes().len() as u64).sum();
    let mut out = file::begin(class, &instance, &elements, bytes)?;
    out.reserve_exact(bytes as usize + 1);
    frames.iter().for_each(|frame| out.extend_from_slice(frame.bytes()));
    if bytes % 2 == 1 {
        out.push(0);
    }
    Ok(out)
}

impl UltrasoundObject {
    fn describe(&self, elements: &mut Elements, picture: (u32, u32)) -> Result<(), ImagingError> {
        elements.term(tags::MODALITY, "US");
        elements.term(tags::IMAGE_TYPE, "ORIGINAL\\PRIMARY");
        if let Some(part) = self.body_part {
            elements.term(tags::BODY_PART_EXAMINED, part.as_str());
        }
        match self.laterality {
            Some(side) => elements.term(tags::IMAGE_LATERALITY, side.as_str()),
            // Asked for where the body part may be a paired one.
            None => elements.term(tags::LATERALITY, ""),
        }
        let directions =
            |all: &[PatientDirection]| -> String { all.iter().map(|one| one.as_str()).collect() };
        let orientation = self.patient_orientation.as_ref();
        let orientation = orientation
            .map(|of| format!("{}\\{}", directions(&of.row), directions(&of.column)))
            .unwrap_or_default();
        elements.put(code(tags::PATIENT_ORIENTATION), *b"CS", Body::Bytes(orientation.into_bytes()));
        if let Some(burned_in) = self.burned_in_annotation {
            elements.term(tags::BURNED_IN_ANNOTATION, if burned_in { "YES" } else { "NO" });
        }
        elements.term(tags::LOSSY_IMAGE_COMPRESSION, "00");
        if !self.regions.is_empty() {
            ImagingError::hold("ultrasound regions", self.regions.len() as u64, MAX_REGIONS as u64)?;
            let items: Result<_, _> = self.regions.iter().map(|region| region.item(picture)).collect();
            elements.items(tags::SEQUENCE_OF_ULTRASOUND_REGIONS, items?);
        }
        Ok(())
    }

    /// Whether it is a cine, with the attributes of one.
    fn cine(&self, elements: &mut Elements, frames: usize) -> Result<bool, ImagingError> {
        let Some(time) = self.frame_time_ms else {
            let why = "the frames of a cine need a time between them";
            let missing = ImagingError::DicomMissing { tag: "FrameTime (0018,1063)".into(), why };
            return if frames == 1 { Ok(false) } else { Err(missing) };
        };
        if !(1e-3..=1e7).contains(&time) {
            let (expected, got) = ("0.001 to 10,000,000 ms", time.to_string());
            return Err(ImagingError::DicomElement { tag: "FrameTime (0018,1063)".into(), expected, got });
        }
        elements.number(tags::FRAME_TIME, time);
        let rate = (1000.0 / time).round();
        if rate >= 1.0 {
            elements.number(tags::CINE_RATE, rate);
        }
        elements.number(tags::NUMBER_OF_FRAMES, frames as f64);
        let pointer = code(tags::FRAME_TIME);
        let pointer = [(pointer >> 16) as u16, pointer as u16].map(u16::to_le_bytes).concat();
        elements.put(code(tags::FRAME_INCREMENT_POINTER), *b"AT", Body::Bytes(pointer));
        Ok(true)
    }
}

impl RegionCalibration {
    /// Errors: `DicomElement` for bounds outside the picture, and for what the standard has no number for.
    fn item(&self, (columns, rows): (u32, u32)) -> Result<Elements, ImagingError> {
        let region = &self.region;
        let bounds = region.bounds;
        let refuse = |expected, got| {
            let tag = "SequenceOfUltrasoundRegions (0018,6011)".to_owned();
            Err(ImagingError::DicomElement { tag, expected, got })
        };
        let ordered = bounds.left <= bounds.right && bounds.top <= bounds.bottom;
        if !ordered || bounds.right >= columns || bounds.bottom >= rows {
            let got = format!("{bounds:?} in {columns} x {rows}");
            return refuse("a region inside the picture", got);
        }
        let mut item = Elements::default();
        let (Some(format), Some(kind), Some(x), Some(y)) = (
            spatial_format(region.spatial_format),
            data_type(region.data_type),
            units(region.units_x),
            units(region.units_y),
        ) else {
            return refuse("formats, kinds and units that the standard knows", format!("{region:?}"));
        };
        let (Some(delta_x), Some(delta_y)) = (finite(region.delta_x), finite(region.delta_y)) else {
            return refuse(
                "a scale other than 0 on both axes",
                format!("{:?}", (region.delta_x, region.delta_y)),
            );
        };
        item.number(tags::REGION_SPATIAL_FORMAT, format);
        item.number(tags::REGION_DATA_TYPE, kind);
        item.number(tags::REGION_FLAGS, region.flags.unwrap_or(0));
        item.number(tags::REGION_LOCATION_MIN_X0, bounds.left);
        item.number(tags::REGION_LOCATION_MIN_Y0, bounds.top);
        item.number(tags::REGION_LOCATION_MAX_X1, bounds.right);
        item.number(tags::REGION_LOCATION_MAX_Y1, bounds.bottom);
        if let Some((x, y)) = region.reference_pixel {
            item.number(tags::REFERENCE_PIXEL_X0, x);
            item.number(tags::REFERENCE_PIXEL_Y0, y);
        }
        item.number(tags::PHYSICAL_UNITS_X_DIRECTION, x);
        item.number(tags::PHYSICAL_UNITS_Y_DIRECTION, y);
        if let Some((x, y)) = self.reference_value {
            let (Some(x), Some(y)) = (Some(x).filter(|x| x.is_finite()), Some(y).filter(|y| y.is_finite()))
            else {
                return refuse("finite values at the reference pixel", format!("{x}, {y}"));
            };
            item.number(tags::REFERENCE_PIXEL_PHYSICAL_VALUE_X, x);
            item.number(tags::REFERENCE_PIXEL_PHYSICAL_VALUE_Y, y);
        }
        item.number(tags::PHYSICAL_DELTA_X, delta_x);
        item.number(tags::PHYSICAL_DELTA_Y, delta_y);
        if let Some(frequency) = self.transducer_frequency_khz {
            item.number(tags::TRANSDUCER_FREQUENCY, frequency);
        }
        Ok(item)
    }
}

fn finite(delta: Option<f64>) -> Option<f64> {
    delta.filter(|delta| delta.is_finite() && delta.abs() > 0.0)
}

/// The number of `RegionSpatialFormat`.
fn spatial_format(format: RegionSpatialFormat) -> Option<u16> {
    Some(match format {
        RegionSpatialFormat::NotApplicable => 0,
        RegionSpatialFormat::TwoD => 1,
        RegionSpatialFormat::MMode => 2,
        RegionSpatialFormat::Spectral => 3,
        RegionSpatialFormat::WaveForm => 4,
        RegionSpatialFormat::Graphics => 5,
        RegionSpatialFormat::Unknown => return None,
    })
}

/// The number of `RegionDataType`.
fn data_type(kind: RegionDataType) -> Option<u16> {
    match kind {
        RegionDataType::Tissue => Some(1),
        RegionDataType::ColorFlow => Some(2),
        RegionDataType::Other(code) => Some(code).filter(|code| matches!(code, 0 | 3..=18)),
        RegionDataType::Unknown => None,
    }
}

/// The number of `PhysicalUnitsXDirection`.
fn units(units: PhysicalUnits) -> Option<u16> {
    Some(match units {
        PhysicalUnits::NotApplicable => 0,
        PhysicalUnits::Percent => 1,
        PhysicalUnits::Decibel => 2,
        PhysicalUnits::Centimetre => 3,
        PhysicalUnits::Second => 4,
        PhysicalUnits::Hertz => 5,
        PhysicalUnits::DecibelPerSecond => 6,
        PhysicalUnits::CentimetrePerSecond => 7,
        PhysicalUnits::SquareCentimetre => 8,
        PhysicalUnits::SquareCentimetrePerSecond => 9,
        PhysicalUnits::CubicCentimetre => 10,
        PhysicalUnits::CubicCentimetrePerSecond => 11,
        PhysicalUnits::Degree => 12,
        PhysicalUnits::Unknown => return None,
    })
}
