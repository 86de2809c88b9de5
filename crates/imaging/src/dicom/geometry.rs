//! What the file says about place, scale and direction. All of it is optional: what is absent or cannot be meant is
//! `None`. Source: DICOM PS3.3 C.8.5.5 (regions), 10.7.1 (spacing), C.7.6.1.1.1 (orientation), 10.5 (anatomy).

use super::tags;
use super::value::Dataset;
use crate::frame::{
    Anatomy, BodyPart, Laterality, PatientOrientation, PhysicalUnits, PixelBounds, RegionDataType,
    RegionNote, RegionProblem, RegionSpatialFormat, Spacing, SpacingSource, UltrasoundRegion,
};
use crate::limits::MAX_REGIONS;

/// mm between pixels that a picture of a body can have: from acoustic microscopy to a body on few pixels.
const PLAUSIBLE_MM: std::ops::RangeInclusive<f64> = 1e-5..=100.0;

/// Real machines count the last row or column from 1.
const MAX_REACH: i64 = 1;

/// Two spacings are the same within this factor: they were written with few digits.
const SAME_SPACING: f64 = 1e-3;

/// The declared regions, clipped to a picture of that size, and what was wrong with them.
pub(crate) fn regions(
    dataset: &Dataset,
    columns: u32,
    rows: u32,
) -> (Vec<UltrasoundRegion>, Vec<RegionNote>) {
    let (mut regions, mut notes) = (Vec::new(), Vec::new());
    let items = dataset.items(tags::SEQUENCE_OF_ULTRASOUND_REGIONS);
    for (item, dataset) in items.iter().enumerate() {
        let mut note = |problem| notes.push(RegionNote { item, problem });
        if item == MAX_REGIONS {
            note(RegionProblem::TooMany);
            break;
        }
        let Some(declared) = declared_bounds(dataset) else {
            note(RegionProblem::NoBounds);
            continue;
        };
        let Some(bounds) = clip(declared, columns, rows) else {
            note(RegionProblem::Empty { declared });
            continue;
        };
        if [bounds.left, bounds.top, bounds.right, bounds.bottom].map(i64::from) != declared {
            note(RegionProblem::Clipped { declared });
        }
        let mut region = region(dataset, bounds);
        if reach(declared, columns, rows) > MAX_REACH {
            (region.delta_x, region.delta_y) = (None, None);
            note(RegionProblem::ScaleDoubtful);
        } else if region.units_x != PhysicalUnits::Centimetre || region.units_y != PhysicalUnits::Centimetre {
            note(RegionProblem::NotSpatial);
        } else if region.delta_x.is_none() || region.delta_y.is_none() {
            note(RegionProblem::Delta);
        }
        regions.push(region);
    }
    (regions, notes)
}

/// Left, top, right, bottom.
fn declared_bounds(dataset: &Dataset) -> Option<[i64; 4]> {
    Some([
        dataset.integer(tags::REGION_LOCATION_MIN_X0)?,
        dataset.integer(tags::REGION_LOCATION_MIN_Y0)?,
        dataset.integer(tags::REGION_LOCATION_MAX_X1)?,
        dataset.integer(tags::REGION_LOCATION_MAX_Y1)?,
    ])
}

fn clip([left, top, right, bottom]: [i64; 4], columns: u32, rows: u32) -> Option<PixelBounds> {
    let (right, bottom) = (right.min(i64::from(columns) - 1), bottom.min(i64::from(rows) - 1));
    let (left, top) = (left.max(0), top.max(0));
    // They lie within the picture, whose sides fit.
    let side = |n: i64| u32::try_from(n).ok();
    (left <= right && top <= bottom).then_some(())?;
    Some(PixelBounds { left: side(left)?, top: side(top)?, right: side(right)?, bottom: side(bottom)? })
}

/// Pixels by which a region reaches out of the picture, at most.
fn reach([left, top, right, bottom]: [i64; 4], columns: u32, rows: u32) -> i64 {
    let beyond = (right - i64::from(columns) + 1).max(bottom - i64::from(rows) + 1);
    beyond.max(-left).max(-top)
}

fn region(dataset: &Dataset, bounds: PixelBounds) -> UltrasoundRegion {
    let units_x = units(dataset.integer(tags::PHYSICAL_UNITS_X_DIRECTION));
    let units_y = units(dataset.integer(tags::PHYSICAL_UNITS_Y_DIRECTION));
    let pixel = |tag| dataset.integer(tag).and_then(|place| i32::try_from(place).ok());
    UltrasoundRegion {
        bounds,
        spatial_format: spatial_format(dataset.integer(tags::REGION_SPATIAL_FORMAT)),
        data_type: data_type(dataset.integer(tags::REGION_DATA_TYPE)),
        flags: dataset.integer(tags::REGION_FLAGS).and_then(|flags| u32::try_from(flags).ok()),
        units_x,
        units_y,
        delta_x: delta(dataset.number(tags::PHYSICAL_DELTA_X), units_x),
        delta_y: delta(dataset.number(tags::PHYSICAL_DELTA_Y), units_y),
        reference_pixel: pixel(tags::REFERENCE_PIXEL_X0).zip(pixel(tags::REFERENCE_PIXEL_Y0)),
    }
}

/// Finite and not 0; lengths have to be plausible too.
fn delta(stated: Option<f64>, units: PhysicalUnits) -> Option<f64> {
    let plausible = |delta: f64| match units {
        PhysicalUnits::Centimetre => PLAUSIBLE_MM.contains(&(delta.abs() * 10.0)),
        _ => delta.is_finite() && delta.abs() > 0.0,
    };
    stated.filter(|delta| plausible(*delta))
}

fn spatial_format(code: Option<i64>) -> RegionSpatialFormat {
    match code {
        Some(0) => RegionSpatialFormat::NotApplicable,
        Some(1) => RegionSpatialFormat::TwoD,
        Some(2) => RegionSpatialFormat::MMode,
        Some(3) => RegionSpatialFormat::Spectral,
        Some(4) => RegionSpatialFormat::WaveForm,
        Some(5) => RegionSpatialFormat::Graphics,
        _ => RegionSpatialFormat::Unknown,
    }
}

fn data_type(code: Option<i64>) -> RegionDataType {
    match code {
        Some(1) => RegionDataType::Tissue,
        Some(2) => RegionDataType::ColorFlow,
        Some(code @ (0 | 3..=18)) => RegionDataType::Other(code as u16),
        _ => RegionDataType::Unknown,
    }
}

fn units(code: Option<i64>) -> PhysicalUnits {
    match code {
        Some(0) => PhysicalUnits::NotApplicable,
        Some(1) => PhysicalUnits::Percent,
        Some(2) => PhysicalUnits::Decibel,
        Some(3) => PhysicalUnits::Centimetre,
        Some(4) => PhysicalUnits::Second,
        Some(5) => PhysicalUnits::Hertz,
        Some(6) => PhysicalUnits::DecibelPerSecond,
        Some(7) => PhysicalUnits::CentimetrePerSecond,
        Some(8) => PhysicalUnits::SquareCentimetre,
        Some(9) => PhysicalUnits::SquareCentimetrePerSecond,
        Some(10) => PhysicalUnits::CubicCentimetre,
        Some(11) => PhysicalUnits::CubicCentimetrePerSecond,
        Some(12) => PhysicalUnits::Degree,
        _ => PhysicalUnits::Unknown,
    }
}

/// The regions' spacing, where there is one and all spatial regions agree on it; else `PixelSpacing`, else
/// `ImagerPixelSpacing`. `measures`: the data set that has `PixelSpacing`.
pub(crate) fn spacing(
    regions: &[UltrasoundRegion],
    measures: &Dataset,
    dataset: &Dataset,
) -> Option<Spacing> {
    let mut spacings = regions.iter().filter_map(UltrasoundRegion::spacing_mm);
    if let Some((row_mm, column_mm)) = spacings.next() {
        let same = |a: f64, b: f64| (a - b).abs() <= SAME_SPACING * a;
        let agree = spacings.all(|(row, column)| same(row_mm, row) && same(column_mm, column));
        return agree.then_some(Spacing { row_mm, column_mm, source: SpacingSource::UltrasoundRegion });
    }
    let stated = |dataset: &Dataset, tag, source| {
        let numbers = dataset.numbers(tag)?;
        let [row_mm, column_mm] = numbers[..] else { return None };
        let plausible = PLAUSIBLE_MM.contains(&row_mm) && PLAUSIBLE_MM.contains(&column_mm);
        plausible.then_some(Spacing { row_mm, column_mm, source })
    };
    stated(measures, tags::PIXEL_SPACING, SpacingSource::PixelSpacing)
        .or_else(|| stated(dataset, tags::IMAGER_PIXEL_SPACING, SpacingSource::ImagerPixelSpacing))
}

/// Height in mm of the largest tissue or flow region that has a spatial scale.
pub(crate) fn depth_mm(regions: &[UltrasoundRegion]) -> Option<f64> {
    let shows_depth = |region: &&UltrasoundRegion| {
        region.spatial_format == RegionSpatialFormat::TwoD
            && matches!(region.data_type, RegionDataType::Tissue | RegionDataType::ColorFlow)
    };
    let area =
        |region: &UltrasoundRegion| u64::from(region.bounds.width()) * u64::from(region.bounds.height());
    let spatial =
        regions.iter().filter(shows_depth).filter_map(|region| Some((region, region.spacing_mm()?)));
    let (region, (row_mm, _)) = spatial.max_by_key(|(region, _)| area(region))?;
    Some(f64::from(region.bounds.height()) * row_mm)
}

/// `ImageLaterality` says more than `Laterality`, which is that of a series. `frame`: the item of a
/// `FrameAnatomySequence`, if there is one.
pub(crate) fn laterality(frame: Option<&Dataset>, dataset: &Dataset) -> Option<Laterality> {
    let of = |dataset: &Dataset, tag| dataset.text(tag).and_then(Laterality::of);
    frame
        .and_then(|frame| of(frame, tags::FRAME_LATERALITY))
        .or_else(|| of(dataset, tags::IMAGE_LATERALITY))
        .or_else(|| of(dataset, tags::LATERALITY))
}

/// A SNOMED CT code says more than a body part.
pub(crate) fn anatomy(frame: Option<&Dataset>, dataset: &Dataset) -> Option<Anatomy> {
    let code = |dataset: &Dataset| {
        let item = dataset.items(tags::ANATOMIC_REGION_SEQUENCE).first()?;
        (item.text(tags::CODING_SCHEME_DESIGNATOR)? == "SCT").then_some(())?;
        item.text(tags::CODE_VALUE)?.parse().ok().map(Anatomy::Snomed)
    };
    let part = || dataset.text(tags::BODY_PART_EXAMINED).and_then(BodyPart::of).map(Anatomy::BodyPart);
    frame.and_then(code).or_else(|| code(dataset)).or_else(part)
}

pub(crate) fn patient_orientation(dataset: &Dataset) -> Option<PatientOrientation> {
    let texts = dataset.texts(tags::PATIENT_ORIENTATION);
    let [row, column] = texts[..] else { return None };
    PatientOrientation::of(row, column)
}

/// Two unit vectors at right angles, within what rounding does to them.
pub(crate) fn image_orientation(dataset: &Dataset) -> Option<[f64; 6]> {
    let cosines: [f64; 6] = dataset.numbers(tags::IMAGE_ORIENTATION_PATIENT)?.try_into().ok()?;
    let (row, column) = cosines.split_at(3);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let unit = |v| (dot(v, v) - 1.0).abs() < 1e-2;
    (unit(row) && unit(column) && dot(row, column).abs() < 1e-2).then_some(cosines)
}

#[cfg(test)]
mod tests;
