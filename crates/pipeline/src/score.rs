//! Scores of frames and of the whole scan.

use bedside_imaging::{Frame, PhiMask, Pixels};
use bedside_models::Attribution;

use crate::PipelineError;
use crate::encoder::{Encoder, Looked};
use crate::framing::{brightened, frame};
use crate::heat::Heat;
use crate::limits::MAX_PLACES;
use crate::prompts::Direction;
use crate::protocol::{Aggregation, Protocol};

/// What one frame gave: per finding, in the protocol's order, a score and the values of its places.
#[derive(Debug, Clone)]
pub(crate) struct FrameScores {
    /// Number of the frame in the scan.
    pub(crate) index: u32,
    pub(crate) scores: Vec<f64>,
    /// (rows · columns) per finding.
    pub(crate) places: Vec<Vec<f64>>,
    pub(crate) grid: [usize; 2],
    /// In pixels of the frame.
    pub(crate) area: [f64; 4],
    pub(crate) attribution: Attribution,
}

/// What is the same for every frame of a scan.
pub(crate) struct Looking<'a> {
    pub(crate) protocol: &'a Protocol,
    pub(crate) directions: &'a [Direction],
    pub(crate) mask: &'a PhiMask,
}

impl Looking<'_> {
    /// Score one frame. Errors: those of the model; `NotFinite`, `Sizes`, `Count`.
    pub(crate) fn at(
        &self,
        encoder: &mut dyn Encoder,
        scan_frame: &Frame,
    ) -> Result<FrameScores, PipelineError> {
        let masked = self.mask.apply(&scan_frame.pixels)?;
        let crop = self.protocol.preprocessing.crop;
        let framed = frame(&masked, self.mask.mask(), crop, 0)?;
        let seen = encoder.look(&framed.pixels)?;
        check(&seen)?;
        let scores = self.scores(&seen)?;
        let places = self.directions.iter().map(|direction| along(direction, &seen)).collect();
        let [x, y] = framed.origin.map(|at| at as f64);
        let [left, top, right, bottom] = seen.area;
        let area = [left + x, top + y, right + x, bottom + y];
        let (grid, attribution) = (seen.grid, seen.attribution);
        Ok(FrameScores { index: scan_frame.index, scores, places, grid, area, attribution })
    }

    /// Scores of the same still, changed in ways that should not matter: per change, per finding.
    /// Errors: as there.
    pub(crate) fn changed(
        &self,
        encoder: &mut dyn Encoder,
        still: &Frame,
    ) -> Result<Vec<Vec<f64>>, PipelineError> {
        let masked = self.mask.apply(&still.pixels)?;
        let (crop, mask) = (self.protocol.preprocessing.crop, self.mask.mask());
        let settings = &self.protocol.still;
        let mut pictures: Vec<Pixels> = Vec::new();
        for percent in &settings.brightness_percent {
            pictures.push(brightened(&frame(&masked, mask, crop, 0)?.pixels, *percent)?);
        }
        for percent in &settings.border_percent {
            pictures.push(frame(&masked, mask, crop, *percent)?.pixels);
        }
        pictures.iter().map(|picture| self.scores(&encoder.look(picture)?)).collect()
    }

    fn scores(&self, seen: &Looked) -> Result<Vec<f64>, PipelineError> {
        let score = |direction: &Direction| {
            if direction.along.len() != seen.embedding.len() {
                let (expected, got) = ([1, direction.along.len() as u64], [1, seen.embedding.len() as u64]);
                return Err(PipelineError::Sizes {
                    what: "vectors of a picture and of texts",
                    expected,
                    got,
                });
            }
            let score = direction.of(&seen.embedding);
            let finding = direction.code;
            if score.is_finite() { Ok(score) } else { Err(PipelineError::NotFinite { finding }) }
        };
        self.directions.iter().map(score).collect()
    }
}

/// The places that a model gives are as many as it says, and not too many. Errors: `Count`.
fn check(seen: &Looked) -> Result<(), PipelineError> {
    let [rows, columns] = seen.grid;
    let places = rows.saturating_mul(columns);
    let fits = (1..=MAX_PLACES).contains(&places);
    if fits && seen.places.len() == places * seen.embedding.len() && !seen.embedding.is_empty() {
        return Ok(());
    }
    let expected = format!("1 to {MAX_PLACES} places with a vector each");
    Err(PipelineError::Count { what: "places of a picture", expected, got: places as u64 })
}

fn along(direction: &Direction, seen: &Looked) -> Vec<f64> {
    seen.places.chunks_exact(seen.embedding.len()).map(|place| direction.of(place)).collect()
}

impl FrameScores {
    /// The heatmap of a finding, by its place in the protocol, on the scan only.
    pub(crate) fn heat(&self, finding: usize, mask: &PhiMask, full_scale: f64) -> Heat {
        let values = Heat::on_the_scan(&self.places[finding], self.grid, self.area, mask.mask());
        Heat {
            frame: self.index,
            grid: self.grid,
            area: self.area,
            values,
            full_scale,
            attribution: self.attribution,
        }
    }
}

impl Aggregation {
    /// One number of many. `None`: there are none.
    pub(crate) fn of(self, scores: &[f64]) -> Option<f64> {
        let mut sorted = scores.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let highest = *sorted.first()?;
        Some(match self {
            Self::Max => highest,
            Self::TopMean { frames } => {
                let top = &sorted[..sorted.len().min(frames as usize)];
                top.iter().sum::<f64>() / top.len() as f64
            }
            Self::Quantile { at } => {
                let place = (1.0 - at) * (sorted.len() - 1) as f64;
                let (above, below) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
                above + (below - above) * place.fract()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_are_summed_up_as_the_protocol_says() {
        let scores = [1.0, 4.0, 2.0, 3.0];
        let cases = [
            (Aggregation::Max, 4.0),
            (Aggregation::TopMean { frames: 2 }, 3.5),
            (Aggregation::TopMean { frames: 9 }, 2.5),
            (Aggregation::Quantile { at: 1.0 }, 4.0),
            (Aggregation::Quantile { at: 0.5 }, 2.5),
            (Aggregation::Quantile { at: 0.0 }, 1.0),
        ];
        for (aggregation, expected) in cases {
            assert_eq!(aggregation.of(&scores), Some(expected), "{aggregation:?}");
            assert_eq!(aggregation.of(&[7.0]), Some(7.0), "{aggregation:?}");
            assert_eq!(aggregation.of(&[]), None, "{aggregation:?}");
        }
    }
}
