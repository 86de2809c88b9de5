//! Where in a picture the scan is: the sector that the probe's echoes fill.
//!
//! Two straight sides and an upper and a lower end, flat or round: that covers linear (rectangle, trapezoid),
//! curvilinear and phased probes, also where the picture cuts them off. It is looked for in the echoes'
//! extent alone; it does not read text and proves nothing about what else lies within.

mod content;
mod fit;
mod outline;

use serde::Serialize;

use crate::phi::components::{BoxSums, dilate, erode};
use crate::phi::mask::Mask;
use crate::pixels::Pixels;
use content::{Content, NoContent, content};
use fit::fit;

pub use outline::{Outline, SectorEnd, SectorSide};

/// Columns and rows a picture must have for a sector to be looked for.
const LEAST_SIDE: u32 = 32;
/// Frames of a cine that are looked at together, at most; more are sampled evenly.
const MOST_FRAMES: usize = 8;
/// Share of the picture that a sector covers at least. Small sectors of real screens have 0.1.
pub(crate) const LEAST_SHARE: f64 = 0.04;
/// Confidence from which a sector counts as found.
const LEAST_CONFIDENCE: f64 = 0.5;
/// Share of the picture's cells that echoes fill when there is no border to be seen.
const FILLS_PICTURE: f64 = 0.985;

/// An outline that covers this share of the picture, filled to [`NO_BORDER_FILLED`] but not borne out, is a
/// picture without a border whose dark parts look like one.
const NO_BORDER_SHARE: f64 = 0.9;
/// See [`NO_BORDER_SHARE`].
const NO_BORDER_FILLED: f64 = 0.6;

/// What kind of probe drew a sector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SectorShape {
    /// Sides that part, and an arc at the top: a curved array.
    Curvilinear,
    /// Sides that part from a point or a narrow end: a phased array.
    Phased,
    /// Upright sides: a linear array.
    Linear,
    /// Flat ends and sides that part: a linear array, steered.
    Trapezoid,
    /// Echoes fill the picture: no border is seen. It was cut out before, or it is no scan.
    WholePicture,
}

/// A sector that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Sector {
    /// Its pixels.
    pub mask: Mask,
    /// Its geometry, in pixels. For [`SectorShape::WholePicture`] the picture's own border.
    pub outline: Outline,
    /// Its kind.
    pub shape: SectorShape,
    /// 0 to 1: how well the echoes bear the outline out. Not a probability.
    pub confidence: f64,
    /// How the confidence came about.
    pub evidence: SectorEvidence,
}

/// What a sector's confidence rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SectorEvidence {
    /// Share of the outline that echoes fill, gaps closed, 0 to 1.
    pub filled: f64,
    /// Share of the echoes that lie outside the outline, 0 to 1.
    pub outside: f64,
    /// Share of the echoes' border that lies on the outline, 0 to 1. `None`: all of it is the picture's border.
    pub support: Option<f64>,
    /// Whether the movement over several frames told the scan from what is drawn.
    pub by_movement: bool,
    /// Share of the picture that the sector covers, 0 to 1.
    pub share: f64,
}

/// Why no sector was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoSector {
    /// No frame was given, or frames of different sizes.
    Frames,
    /// The picture has less than 32 columns or rows.
    TooSmall,
    /// The background is bright, as of a document or a photo.
    BrightBackground,
    /// Nothing stands out from the background but what is drawn on it.
    NoEchoes,
    /// What stands out covers too little: its share of the picture.
    Share(f64),
    /// No outline fits what stands out well enough: the best one's confidence.
    Outline(f64),
}

impl NoSector {
    /// In words, for a person.
    pub fn reason(&self) -> String {
        match self {
            Self::Frames => "no frames, or frames of different sizes".to_owned(),
            Self::TooSmall => format!("the picture has less than {LEAST_SIDE} columns or rows"),
            Self::BrightBackground => "the background is bright: no ultrasound screen has that".to_owned(),
            Self::NoEchoes => "nothing but background, text and lines".to_owned(),
            Self::Share(share) => format!("echoes cover only {:.1} % of the picture", share * 100.0),
            Self::Outline(best) => {
                format!(
                    "no fan, rectangle or trapezoid fits the echoes: {best:.2} of {LEAST_CONFIDENCE} needed"
                )
            }
        }
    }
}

/// Look for the scan in one picture or in several frames of one cine (their union; what moves is preferred).
/// Time: about 13 ms for 1024 x 768 on one core. Memory: about 4 bytes per pixel and 1 per pixel and frame.
/// Errors: why none was found.
pub fn detect_sector(frames: &[&Pixels]) -> Result<Sector, NoSector> {
    let first = *frames.first().ok_or(NoSector::Frames)?;
    let size = (first.width(), first.height());
    if frames.iter().any(|frame| (frame.width(), frame.height()) != size) {
        return Err(NoSector::Frames);
    }
    if size.0.min(size.1) < LEAST_SIDE {
        return Err(NoSector::TooSmall);
    }
    let sampled: Vec<&Pixels> = frames.iter().copied().step_by(frames.len().div_ceil(MOST_FRAMES)).collect();
    let content = content(&sampled).map_err(|why| match why {
        NoContent::BrightBackground => NoSector::BrightBackground,
        NoContent::Nothing => NoSector::NoEchoes,
    })?;
    let fitted = fit(&content).ok_or(NoSector::NoEchoes)?;
    let outline = fitted.outline.scaled(content.cell as f64);
    let mask = Mask::polygon(size.0, size.1, &outline.polygon());
    let share = mask.area() as f64 / (f64::from(size.0) * f64::from(size.1));
    if share < LEAST_SHARE {
        return Err(NoSector::Share(share));
    }
    let (filled, outside, echoes) = agreement(&content, &fitted.outline);
    let evidence =
        SectorEvidence { filled, outside, support: fitted.support, by_movement: content.moving, share };
    let confidence = confidence(&evidence, fitted.cut);
    let unbounded = confidence < LEAST_CONFIDENCE && share >= NO_BORDER_SHARE && filled >= NO_BORDER_FILLED;
    if echoes >= FILLS_PICTURE || unbounded {
        return Ok(whole_picture(size, evidence));
    }
    if confidence < LEAST_CONFIDENCE {
        return Err(NoSector::Outline(confidence));
    }
    Ok(Sector { mask, outline, shape: shape(&outline), confidence, evidence })
}

fn whole_picture((width, height): (u32, u32), evidence: SectorEvidence) -> Sector {
    let upright = |at: f64| SectorSide { at, slope: 0.0 };
    let outline = Outline {
        left: upright(0.0),
        right: upright(f64::from(width)),
        top: SectorEnd::Flat(0.0),
        bottom: SectorEnd::Flat(f64::from(height)),
    };
    let evidence = SectorEvidence { share: 1.0, outside: 0.0, support: None, ..evidence };
    // Nothing bears out a border that is not there: it counts as found, and no more.
    let confidence = LEAST_CONFIDENCE;
    Sector { mask: Mask::all(width, height), outline, shape: SectorShape::WholePicture, confidence, evidence }
}

/// Share of the outline that echoes fill, share of the echoes outside it, share of the picture they fill.
fn agreement(content: &Content, outline: &Outline) -> (f64, f64, f64) {
    let (width, height) = (content.width, content.height);
    let gap = (width.max(height) / 32).max(1);
    let closed = erode(width, &dilate(width, &content.cells, gap), gap);
    let echoes: Vec<bool> =
        closed.iter().zip(&content.cells).map(|(closed, cell)| *closed || *cell).collect();
    let inside: Vec<bool> = (0..width * height)
        .map(|at| outline.holds(((at % width) as f64 + 0.5, (at / width) as f64 + 0.5)))
        .collect();
    let count = |rule: &dyn Fn(usize) -> bool| (0..echoes.len()).filter(|&at| rule(at)).count() as f64;
    let within = count(&|at| inside[at] && echoes[at]);
    let area = count(&|at| inside[at]).max(1.0);
    let cells = count(&|at| content.cells[at]).max(1.0);
    let beyond = count(&|at| content.cells[at] && !inside[at]);
    let all = BoxSums::new(width, height, |at| f64::from(u8::from(echoes[at])));
    (within / area, beyond / cells, all.sum(0, 0, width, height) / (width * height) as f64)
}

/// 0 to 1. Echoes outside weigh most: an outline that leaves much out is not the scan's. A dark scan (a third
/// filled) passes when its border is well borne out.
fn confidence(evidence: &SectorEvidence, cut: usize) -> f64 {
    let kept = (1.0 - 4.0 * evidence.outside).max(0.0);
    let filled = (0.2 + evidence.filled).min(1.0);
    // Where the picture cuts most of the scan's border off, little of it can be borne out.
    let support = evidence.support.unwrap_or(0.5).max(if cut >= 3 { 0.5 } else { 0.0 });
    kept * filled * (2.0 * support).min(1.0)
}

fn shape(outline: &Outline) -> SectorShape {
    let opening = outline.right.slope - outline.left.slope;
    if opening.abs() < 0.08 {
        return SectorShape::Linear;
    }
    let top = outline.polygon();
    let bottom_row = top.iter().map(|corner| corner.1).fold(0.0, f64::max);
    let breadth = |row: f64| outline.right.x(row) - outline.left.x(row);
    let top_row = top.iter().map(|corner| corner.1).fold(f64::INFINITY, f64::min);
    let narrow = breadth(top_row.max(0.0)) < 0.16 * breadth(bottom_row);
    match (outline.top, outline.bottom) {
        _ if narrow => SectorShape::Phased,
        (SectorEnd::Flat(_), SectorEnd::Flat(_)) => SectorShape::Trapezoid,
        _ => SectorShape::Curvilinear,
    }
}

#[cfg(test)]
mod tests;
