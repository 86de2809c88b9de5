//! What of a scan may be shown, and the record of how that was decided.

use serde::Serialize;

use super::burned_in::{BurnedInText, still_text_touching, text_touching, united};
use super::luma::luma;
use super::mask::Mask;
use super::sector::{LEAST_SHARE, NoSector, Sector, SectorShape, detect_sector};
use crate::error::ImagingError;
use crate::frame::{Frame, LineageStep, MaskBasis, PixelBounds, RegionSpatialFormat};
use crate::pixels::Pixels;
use crate::quality::Statistics;

/// Said with every mask: what it is not.
pub const CAVEAT: &str = "not a proof that nothing identifying is left: text is found by its look, not read";

/// Frames in which text is looked for, at most; more are sampled evenly.
const FRAMES_READ: usize = 16;
/// Frames from which on what stands still is told from what moves.
const STILL_FRAMES: usize = 3;

/// The pixels of a scan that may be shown: what lies both in the regions that the file declares and in the
/// sector found in the picture, or in the one of them that there is, less the lines of text that were found there.
/// It never claims to be complete: see [`CAVEAT`].
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
    /// Lines that look like text within that, in any of the frames.
    pub burned_in_lines: usize,
    /// Those of them that were taken out. The rest stays and is to be looked at.
    pub burned_in_taken_out: usize,
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
        let burned_in = text_in(frames, &mask);
        if let (Ok(sector), None) = (&found, &regions)
            && sector.shape == SectorShape::WholePicture
        {
            uncut(first, &mask, &burned_in).map_err(|why| withheld(0, why))?;
        }
        let (mask, share) = (without(&mask, &burned_in), mask.area());
        if mask.area() * 2 < share {
            return Err(withheld(declared.len(), "most of the scan is covered by text".to_owned()));
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
            burned_in_taken_out: burned_in.iter().filter(|text| text.taken_out).count(),
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

    /// Lines that look like text within the scan: those that the mask leaves out, and those that stay because they
    /// look like it less.
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

/// Lines of text in any of the frames, and in what stands still over all of them.
fn text_in(frames: &[&Pixels], mask: &Mask) -> Vec<BurnedInText> {
    let width = mask.width() as usize;
    let sampled = frames.iter().step_by(frames.len().div_ceil(FRAMES_READ));
    let tones: Vec<Vec<u8>> = sampled.map(|frame| luma(frame)).collect();
    let mut all: Vec<BurnedInText> =
        tones.iter().flat_map(|tones| text_touching(width, tones, mask)).collect();
    if tones.len() >= STILL_FRAMES {
        all.extend(still_text_touching(&tones, mask));
    }
    united(all, mask)
}

/// The mask without the lines that are taken out of it.
fn without(mask: &Mask, burned_in: &[BurnedInText]) -> Mask {
    let lines: Vec<&BurnedInText> = burned_in.iter().filter(|text| text.taken_out).collect();
    if lines.is_empty() {
        return mask.clone();
    }
    let clear = |x, y| mask.contains(x, y) && !lines.iter().any(|text| text.contains(x, y));
    Mask::by(mask.width(), mask.height(), clear)
}

/// Whether a picture without a visible border may be taken for a scan that was cut out before.
fn uncut(pixels: &Pixels, mask: &Mask, burned_in: &[BurnedInText]) -> Result<(), String> {
    if burned_in.iter().any(|text| text.taken_out) {
        return Err("no border of a scan is seen and the picture holds text".to_owned());
    }
    let unlike = Statistics::of(pixels, mask, None).and_then(|statistics| statistics.unlike_ultrasound());
    unlike.map_or(Ok(()), |why| Err(format!("no border of a scan is seen and {why}")))
}

#[cfg(test)]
mod tests;
