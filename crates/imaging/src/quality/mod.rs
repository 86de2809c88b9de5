//! Whether a scan is good enough to be looked at, and what would make it better.
//!
//! Every measure is a number with its threshold, a reason and, where it falls short, a hint for the person
//! who holds the probe. The gate is deterministic and judges the picture, not the patient. It tells ultrasound from
//! other pictures by colour, brightness, grain and by what the beam does to the texture; it does not know every kind
//! of picture. It does not recognise anatomy: only what the file says of it is held against the lung.

mod measures;
mod statistics;
mod thresholds;

use serde::Serialize;

use crate::error::ImagingError;
use crate::frame::{Anatomy, Frame, Modality};
use crate::phi::{Mask, PhiMask, Sector};
use crate::pixels::Pixels;

pub use statistics::Statistics;

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The kind of machine that the file names.
    Modality,
    /// Whether the scan was told from the screen.
    Sector,
    /// One tone.
    Blank,
    /// Gain or contact too low.
    TooDark,
    /// Gain too high: white without detail.
    Clipped,
    /// Motion or focus.
    Blurred,
    /// Too few pixels.
    TooSmall,
    /// Colour, brightness and grain unlike ultrasound.
    Look,
    /// The depth shown.
    Depth,
    /// Sides of the scan cut off.
    TooZoomed,
    /// Contact lost at a side.
    DarkThird,
    /// No contact: the probe sees itself.
    Contact,
    /// The part of the body that the file names.
    Anatomy,
}

/// How a measure came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Good.
    Passed,
    /// Usable; the hint helps.
    Warned,
    /// Not usable.
    Refused,
    /// It could not be told.
    NotMeasured,
}

/// One measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// What was measured.
    pub kind: Kind,
    /// The number. `None`: none was taken.
    pub value: Option<f64>,
    /// What it was held against: the limit that it broke, or the one it passed.
    pub threshold: Option<f64>,
    /// How it came out.
    pub outcome: Outcome,
    /// Why, in words with the numbers.
    pub reason: String,
    /// What to do. `None`: nothing is to be done.
    pub hint: Option<&'static str>,
}

/// What the measures say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every measure passed or was not taken.
    Good,
    /// At least one warned.
    Doubtful,
    /// At least one refused.
    Refused,
}

/// The gate's answer about one frame.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// Each measure once, always in the same order.
    pub measures: Vec<Measure>,
    /// What they say together.
    pub verdict: Verdict,
}

/// What is known about a frame beside its pixels. Unknown is `None`.
#[derive(Debug, Clone, Copy, Default)]
pub struct QualityContext<'a> {
    /// The sector found in the picture.
    pub sector: Option<&'a Sector>,
    /// Whether the file declares regions, which then stand for a sector that was not found.
    pub declared_regions: bool,
    /// Depth shown, in mm.
    pub depth_mm: Option<f64>,
    /// Kind of machine.
    pub modality: Option<Modality>,
    /// Part of the body.
    pub anatomy: Option<Anatomy>,
}

impl Quality {
    /// Judge the pixels of `mask` (the scan). A mask without pixels is refused as a verdict.
    /// Errors: `MaskSize` if the mask is of another size than the picture.
    pub fn of(pixels: &Pixels, mask: &Mask, context: &QualityContext) -> Result<Self, ImagingError> {
        let (got, expected) = ((pixels.width(), pixels.height()), (mask.width(), mask.height()));
        if got != expected {
            return Err(ImagingError::MaskSize { expected, got });
        }
        let mut all = vec![
            measures::declared(context.modality),
            measures::anatomy(context.anatomy),
            measures::sector(context),
        ];
        if let Some(statistics) = Statistics::of(pixels, mask, context.sector) {
            all.extend(measures::of_pixels(&statistics));
            all.push(measures::look(&statistics));
            all.push(measures::depth(context.depth_mm));
            all.push(measures::zoom(mask, context.sector));
            all.push(measures::thirds(pixels, mask));
            all.push(measures::contact(pixels, mask));
        } else {
            all.push(Measure {
                kind: Kind::Blank,
                value: Some(0.0),
                threshold: None,
                outcome: Outcome::Refused,
                reason: "no pixel of the picture belongs to a scan".to_owned(),
                hint: Some("store the scan again"),
            });
        }
        Ok(Self::from(all))
    }

    /// [`Quality::of`] a frame within the mask that was made for it.
    /// Errors: as there.
    pub fn of_frame(frame: &Frame, mask: &PhiMask) -> Result<Self, ImagingError> {
        let context = QualityContext {
            sector: mask.sector(),
            declared_regions: mask.lineage().declared_regions > 0,
            depth_mm: frame.depth_mm,
            modality: frame.modality,
            anatomy: frame.anatomy,
        };
        Self::of(&frame.pixels, mask.mask(), &context)
    }

    /// The measures that warned or refused, refusals first.
    pub fn shortcomings(&self) -> impl Iterator<Item = &Measure> {
        let with = |outcome| self.measures.iter().filter(move |measure| measure.outcome == outcome);
        with(Outcome::Refused).chain(with(Outcome::Warned))
    }
}

impl From<Vec<Measure>> for Quality {
    fn from(measures: Vec<Measure>) -> Self {
        let any = |outcome| measures.iter().any(|measure: &Measure| measure.outcome == outcome);
        let verdict = match (any(Outcome::Refused), any(Outcome::Warned)) {
            (true, _) => Verdict::Refused,
            (_, true) => Verdict::Doubtful,
            _ => Verdict::Good,
        };
        Self { measures, verdict }
    }
}

impl Statistics {
    /// Why this does not look like ultrasound. `None`: nothing speaks against it.
    pub(crate) fn unlike_ultrasound(&self) -> Option<String> {
        let measure = measures::look(self);
        (measure.outcome == Outcome::Refused).then_some(measure.reason)
    }
}

#[cfg(test)]
mod tests;
