//! How well vectors of images and texts tell findings apart, and whether patches point at them: of a model that is being
//! trained, and of a model file as the device opens it.

use bedside_evaluation::{Auroc, Scored, auroc};
use bedside_models::{DualEncoder, ModelsError};
use bedside_phantom::{Finding, Presence};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::AdaptError;
use crate::frames::{FrameSource, Frames};
use crate::pictures::coverage;
use crate::statements::{Held, PHRASES, Phrases};
use crate::words::structure_of;

/// Findings that the demo model is judged by.
pub const JUDGED: [Finding; 6] = [
    Finding::ALines,
    Finding::BLines,
    Finding::BLinesSeveral,
    Finding::BLinesConfluent,
    Finding::Consolidation,
    Finding::PleuralEffusion,
];

/// One finding on one set of frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingMeasure {
    /// Which.
    pub finding: Finding,
    /// `None`: one of the classes is not there.
    pub auroc: Option<Auroc>,
    /// Frames that show it whose strongest patch lies on it, and all of them.
    pub pointed: (usize, usize),
}

/// The direction that scores a finding: mean of the wordings that say it is there, less the mean of those that say it
/// is not. `embed`: vectors of texts, each of length 1.
/// Errors: those of `embed`.
pub fn direction<E>(
    phrases: &Phrases,
    held: Held,
    mut embed: impl FnMut(&[&str]) -> Result<Vec<f32>, E>,
) -> Result<Vec<f32>, E> {
    let mut mean = |present: bool| {
        let wordings = phrases.wordings(present, held);
        let vectors = embed(wordings)?;
        let width = vectors.len() / wordings.len().max(1);
        let sum = |j: usize| vectors.iter().skip(j).step_by(width.max(1)).sum::<f32>();
        Ok((0..width).map(|j| sum(j) / wordings.len() as f32).collect::<Vec<f32>>())
    };
    let (there, not) = (mean(true)?, mean(false)?);
    Ok(there.iter().zip(&not).map(|(a, b)| a - b).collect())
}

/// Judge by the vectors of frames (frames, width) and of their patches (frames, patches, width).
pub fn measure(
    frames: &Frames,
    patch: usize,
    (embeds, patches): (&[f32], &[f32]),
    direction_of: impl Fn(usize) -> Vec<f32>,
) -> Vec<FindingMeasure> {
    let mut all = Vec::new();
    for (k, phrases) in PHRASES.iter().enumerate().filter(|(_, phrases)| JUDGED.contains(&phrases.finding)) {
        let direction = direction_of(k);
        let width = direction.len();
        let product =
            |v: &[f32]| v.iter().zip(&direction).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let mut cases = Vec::new();
        let mut pointed = (0, 0);
        for (n, facts) in frames.facts.iter().enumerate() {
            let positive = match facts.presence[k] {
                Presence::Present => true,
                Presence::Absent => false,
                Presence::NotAssessable => continue,
            };
            cases.push(Scored { score: product(&embeds[n * width..][..width]), positive });
            let Some(structure) = structure_of(k).filter(|_| positive) else { continue };
            let count = patches.len() / frames.len() / width;
            let vectors = patches[n * count * width..][..count * width].chunks_exact(width);
            let strongest = vectors.map(product).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
            let lies = &coverage(frames.truth(n), frames.side, patch)[structure];
            pointed.0 += usize::from(strongest.is_some_and(|(at, _)| lies[at] > 0.0));
            pointed.1 += 1;
        }
        all.push(FindingMeasure { finding: phrases.finding, auroc: auroc(&cases, 0.95).ok(), pointed });
    }
    all
}

/// A model file on one set of frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetMeasure {
    /// Name of what the scenes were drawn from.
    pub ranges: String,
    /// Seed of the first scene; the others follow.
    pub first_seed: u64,
    /// Number of frames.
    pub frames: usize,
    /// Asked in the wordings of training.
    pub known: Vec<FindingMeasure>,
    /// Asked in wordings that training did not see.
    pub held_out: Vec<FindingMeasure>,
}

/// Frames simulated at once.
const CHUNK: usize = 64;

/// Judge a model as the device opens it, on frames that are simulated now. `encoder`: opened with patches. `patch`: rows
/// and columns of a patch in pixels of the model. `progress`: called with the number of frames done.
/// Errors: those of the simulator and of the model.
pub fn judge(
    encoder: &mut DualEncoder,
    source: &FrameSource,
    patch: usize,
    count: usize,
    progress: &mut dyn FnMut(usize),
) -> Result<SetMeasure, AdaptError> {
    let mut frames = Frames::none(source.side);
    let (mut embeds, mut patches) = (Vec::new(), Vec::new());
    for first in (0..count).step_by(CHUNK) {
        let numbers = first as u64..(first + CHUNK.min(count - first)) as u64;
        let shown = numbers.into_par_iter().map(|n| {
            let shown = source.show(n)?;
            Ok((source.frame_of(&shown)?, shown))
        });
        for (frame, shown) in shown.collect::<Result<Vec<_>, AdaptError>>()? {
            let seen = encoder.embed_patches(&shown.pixels)?;
            embeds.extend_from_slice(seen.embed());
            patches.extend(seen.patches().flatten().map(|x| *x as f32));
            frames.extend(frame);
        }
        progress(frames.len());
    }
    let mut asked = |held| {
        let mut embed = |texts: &[&str]| -> Result<Vec<f32>, ModelsError> {
            Ok(encoder.embed_texts(texts)?.embeds().flatten().copied().collect())
        };
        let directions = PHRASES.iter().map(|phrases| direction(phrases, held, &mut embed));
        let directions = directions.collect::<Result<Vec<_>, ModelsError>>()?;
        Ok::<_, AdaptError>(measure(&frames, patch, (&embeds, &patches), |k| directions[k].clone()))
    };
    let (known, held_out) = (asked(Held::In)?, asked(Held::Out)?);
    let (ranges, first_seed) = (source.ranges.name.clone(), source.first_seed);
    Ok(SetMeasure { ranges, first_seed, frames: frames.len(), known, held_out })
}
