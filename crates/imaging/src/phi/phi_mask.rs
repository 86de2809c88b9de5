//! What of a scan may be shown, and the record of how that was decided.

use serde::Serialize;

use super::burned_in::{BurnedInText, find_burned_in_text};
use super::mask::Mask;
use super::sector::{LEAST_SHARE, NoSector, Sector, SectorShape, detect_sector};
use crate::error::ImagingError;
use crate::frame::{Frame, LineageStep, MaskBasis, PixelBounds, RegionSpatialFormat};
use crate::pixels::Pixels;
use crate::quality::Statistics;

/// Said with every mask: what it is not.
pub const CAVEAT: &str = "not a proof that nothing identifying is left: text is found by its look, not read";

/// Pixels that a removed line of text is grown by on every side: blended edges.
const TEXT_MARGIN: u32 = 2;

/// The pixels of a scan that may be shown: what lies both in the regions that the file declares and in the
/// sector found in the picture, or in the one of them that there is. It never claims to be complete: see
/// [`CAVEAT`].
#[derive(Debug, Clone, PartialEq)]
pub struct PhiMask {
    mask: Mask,
    lineage: PhiLineage,
    sector: Option<Sector>,
    burned_in: Vec<BurnedInText>,
}

/// How a [`PhiMask`] came about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhiLineage {
    /// What was kept.
    pub basis: MaskBasis,
    /// Pixels of the picture.
    pub picture_pixels: u64,
    /// Regions of two dimensions that the file declares.
    pub declared_regions: usize,
    /// Pixels of these. `None`: there are none.
    pub declared_pixels: Option<u64>,
    /// Pixels of the sector found. `None`: none was found.
    pub detected_pixels: Option<u64>,
    /// Kind of the sector found.
    pub detected_shape: Option<SectorShape>,
    /// How well the picture bears the sector out, 0 to 1.
    pub detected_confidence: Option<f64>,
    /// Why no sector was found, in words.
    pub not_detected: Option<String>,
    /// Frames that were looked at together.
    pub frames: usize,
    /// Pixels kept.
    pub kept_pixels: u64,
    /// Pixels kept, as a share of the picture, 0 to 1.
    pub kept_share: f64,
    /// Lines that look like text within what is kept, in any of the frames.
    pub burned_in_lines: usize,
    /// Whether those lines were taken out.
    pub burned_in_removed: bool,
    /// What the mask is not.
    pub caveat: &'static str,
}

impl PhiMask {
    /// Decide what of some frames of one scan may be shown. `frames`: at least one, all of one size (pass
    /// several of a cine: what moves is in the scan). `declared`: the regions of two dimensions that the file
    /// declares, inside the picture; none is no offence.
    /// Errors: `PixelsWithheld` if there is neither a region nor a sector, if the two have nothing to do
    /// with each other, or if echoes seem to fill the whole picture but look like no ultrasound or hold text.
    pub fn new(frames: &[&Pixels], declared: &[PixelBounds]) -> Result<Self, ImagingError> {
        let Some(first) = frames.first() else {
            return Err(withheld(declared.len(), NoSector::Frames.reason()));
        };
        let (width, height) = (first.width(), first.height());
        let inside = |x, y| declared.iter().any(|bounds| bounds.contains(x, y));
        let regions = Some(Mask::by(width, height, inside)).filter(|mask| mask.area() > 0);
        let found = detect_sector(frames);
        if found == Err(NoSector::Frames) {
            return Err(withheld(declared.len(), NoSector::Frames.reason()));
        }
        let (mask, basis) =
            combined(regions.as_ref(), &found).map_err(|why| withheld(declared.len(), why))?;
        let burned_in = text_of(frames, &mask);
        if let (Ok(sector), None) = (&found, &regions)
            && sector.shape == SectorShape::WholePicture
        {
            uncut(first, &mask, &burned_in).map_err(|why| withheld(0, why))?;
        }
        let picture_pixels = u64::from(width) * u64::from(height);
        let detected = found.as_ref().ok();
        let lineage = PhiLineage {
            basis,
            picture_pixels,
            declared_regions: declared.len(),
            declared_pixels: regions.as_ref().map(Mask::area),
            detected_pixels: detected.map(|sector| sector.mask.area()),
            detected_shape: detected.map(|sector| sector.shape),
            detected_confidence: detected.map(|sector| sector.confidence),
            not_detected: found.as_ref().err().map(NoSector::reason),
            frames: frames.len(),
            kept_pixels: mask.area(),
            kept_share: mask.area() as f64 / picture_pixels as f64,
            burned_in_lines: burned_in.len(),
            burned_in_removed: false,
            caveat: CAVEAT,
        };
        Ok(Self { mask, lineage, sector: found.ok(), burned_in })
    }

    /// [`PhiMask::new`] for frames of one scan: of each frame's declared regions those of two dimensions
    /// count, and of these what all the frames declare.
    /// Errors: as there.
    pub fn of_frames(frames: &[&Frame]) -> Result<Self, ImagingError> {
        let regions = |frame: &Frame| -> Vec<PixelBounds> {
            let flat =
                frame.regions.iter().filter(|region| region.spatial_format == RegionSpatialFormat::TwoD);
            flat.map(|region| region.bounds).collect()
        };
        let pixels: Vec<&Pixels> = frames.iter().map(|frame| &frame.pixels).collect();
        let declared = frames.first().map(|frame| regions(frame)).unwrap_or_default();
        let common: Vec<PixelBounds> = declared
            .iter()
            .copied()
            .filter(|bounds| frames.iter().all(|frame| regions(frame).contains(bounds)))
            .collect();
        if common.is_empty() && !declared.is_empty() {
            return Err(withheld(declared.len(), "the frames declare different regions".to_owned()));
        }
        Self::new(&pixels, &common)
    }

    /// The same mask without the lines of text that were found, each grown by two pixels. It only gets
    /// smaller.
    pub fn without_text(&self) -> Self {
        let near = |text: &BurnedInText, x: u32, y: u32| {
            let columns = text.left.saturating_sub(TEXT_MARGIN)..text.right.saturating_add(TEXT_MARGIN);
            columns.contains(&x)
                && (text.top.saturating_sub(TEXT_MARGIN)..text.bottom.saturating_add(TEXT_MARGIN))
                    .contains(&y)
        };
        let kept = |x, y| self.mask.contains(x, y) && !self.burned_in.iter().any(|text| near(text, x, y));
        let mask = Mask::by(self.mask.width(), self.mask.height(), kept);
        let kept_pixels = mask.area();
        let kept_share = kept_pixels as f64 / self.lineage.picture_pixels as f64;
        let lineage = PhiLineage { kept_pixels, kept_share, burned_in_removed: true, ..self.lineage.clone() };
        Self { mask, lineage, ..self.clone() }
    }

    /// The pixels that may be shown.
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// How it was decided.
    pub fn lineage(&self) -> &PhiLineage {
        &self.lineage
    }

    /// The sector found. `None`: none was, and the declared regions are all there is.
    pub fn sector(&self) -> Option<&Sector> {
        self.sector.as_ref()
    }

    /// Lines that look like text within what was kept.
    pub fn burned_in(&self) -> &[BurnedInText] {
        &self.burned_in
    }

    /// A picture with everything else made black.
    /// Errors: `MaskSize` if it has another size.
    pub fn apply(&self, pixels: &Pixels) -> Result<Pixels, ImagingError> {
        self.mask.blacken(pixels).ok_or(ImagingError::MaskSize {
            expected: (self.mask.width(), self.mask.height()),
            got: (pixels.width(), pixels.height()),
        })
    }

    /// A frame with everything else made black, and the step in its lineage.
    /// Errors: `MaskSize` if it has another size.
    pub fn apply_to_frame(&self, frame: &Frame) -> Result<Frame, ImagingError> {
        let pixels = self.apply(&frame.pixels)?;
        let step = LineageStep::Masked { basis: self.lineage.basis, kept_pixels: self.lineage.kept_pixels };
        Ok(frame.with_pixels(pixels, step).expect("the masked picture has the frame's size"))
    }
}

fn withheld(declared_regions: usize, why: String) -> ImagingError {
    ImagingError::PixelsWithheld { declared_regions, why }
}

/// What to keep, and what it rests on; or why nothing.
fn combined(regions: Option<&Mask>, found: &Result<Sector, NoSector>) -> Result<(Mask, MaskBasis), String> {
    match (regions, found) {
        (Some(regions), Ok(sector)) => {
            let both = regions.intersection(&sector.mask).ok_or("declared regions of another size")?;
            let share = both.area() as f64 / regions.flags().len() as f64;
            if share < LEAST_SHARE {
                let share = share * 100.0;
                return Err(format!(
                    "declared regions and the scan found share only {share:.1} % of the picture"
                ));
            }
            Ok((both, MaskBasis::Intersection))
        }
        (Some(regions), Err(_)) => Ok((regions.clone(), MaskBasis::DeclaredRegions)),
        (None, Ok(sector)) => Ok((sector.mask.clone(), MaskBasis::DetectedSector)),
        (None, Err(why)) => Err(why.reason()),
    }
}

/// Lines of text in any of the frames, those at the same place once.
fn text_of(frames: &[&Pixels], mask: &Mask) -> Vec<BurnedInText> {
    let step = frames.len().div_ceil(FRAMES_READ).max(1);
    let mut all: Vec<BurnedInText> = Vec::new();
    for text in frames.iter().step_by(step).filter_map(|frame| find_burned_in_text(frame, mask)).flatten() {
        let same =
            |known: &BurnedInText| known.left.abs_diff(text.left) < 8 && known.top.abs_diff(text.top) < 8;
        if !all.iter().any(same) {
            all.push(text);
        }
    }
    all
}

/// Frames in which text is looked for: what is burned in stays.
const FRAMES_READ: usize = 3;

/// Whether a picture without a visible border may be taken for a scan that was cut out before.
fn uncut(pixels: &Pixels, mask: &Mask, burned_in: &[BurnedInText]) -> Result<(), String> {
    if !burned_in.is_empty() {
        return Err("no border of a scan is seen and the picture holds text".to_owned());
    }
    let unlike = Statistics::of(pixels, mask).and_then(|statistics| statistics.unlike_ultrasound());
    unlike.map_or(Ok(()), |why| Err(format!("no border of a scan is seen and {why}")))
}

#[cfg(test)]
mod tests;
