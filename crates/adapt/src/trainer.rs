//! The run: batches, losses, steps, checkpoints.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use bedside_compute::HostTensor;
use bedside_imaging::Normalize;
use bedside_models::{DualEncoder, LoadSettings};
use bedside_weights::Model;
use serde::{Deserialize, Serialize};

use crate::AdaptError;
use crate::adamw::{AdamW, Schedule, clipping};
use crate::blank::{EPSILON, write_blank};
use crate::contrastive::contrastive_loss;
use crate::draw::{Draw, Purpose};
use crate::frames::{FrameFacts, Frames};
use crate::localisation::{Place, localisation_loss};
use crate::networks::Networks;
use crate::parameters::{BIAS, LOG_SCALE, Parameters};
use crate::pictures::{Changes, Pictures, pictures, shares};
use crate::sizes::Sizes;
use crate::statements::PHRASES;
use crate::words::{Words, structure_of, words};

/// Everything that decides what a run gives, beside the frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainSettings {
    /// Of the model.
    pub sizes: Sizes,
    /// Of everything random.
    pub seed: u64,
    /// Frames of a step; at most 4096.
    pub batch: usize,
    /// Learning rates.
    pub schedule: Schedule,
    /// The optimiser.
    pub optimiser: AdamW,
    /// Longest gradient of a step.
    pub longest_gradient: f64,
    /// What is done to the frames.
    pub changes: Changes,
    /// Weight of the localisation loss beside the contrastive one.
    pub localisation: f64,
    /// Weight of the contrastive loss of patches: of which of them a statement is true.
    pub patches: f64,
    /// Factor on products of patches and texts.
    pub sharpness: f64,
}

impl TrainSettings {
    /// The demo model's.
    pub fn demo(seed: u64, steps: u64) -> Self {
        Self {
            sizes: Sizes::demo(),
            seed,
            batch: 32,
            schedule: Schedule { peak: 1.5e-3, warm_up: 100.min(steps / 10), steps },
            optimiser: AdamW::default(),
            longest_gradient: 1.0,
            changes: Changes::training(),
            localisation: 0.2,
            patches: 0.5,
            sharpness: 8.0,
        }
    }

    /// A test's: a tiny model, some steps.
    pub fn tiny(seed: u64, steps: u64) -> Self {
        Self { sizes: Sizes::tiny(), batch: 4, ..Self::demo(seed, steps) }
    }
}

/// What a step gave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Steps done.
    pub step: u64,
    /// Contrastive loss; ln 2 is chance.
    pub contrastive: f64,
    /// Localisation loss.
    pub localisation: f64,
    /// Contrastive loss of the patches.
    pub patches: f64,
    /// Learning rate.
    pub rate: f64,
    /// Length of the gradient before it was cut.
    pub gradient: f64,
    /// Factor on the cosine.
    pub scale: f64,
}

/// A run that is under way.
pub struct Trainer {
    settings: TrainSettings,
    networks: Networks,
    parameters: Parameters,
    description: bedside_weights::gguf::Metadata,
    tokenizer: DualEncoder,
    normalize: Normalize,
    step: u64,
}

impl Trainer {
    /// Begin. `blank`: where the untrained model is written. `threads`: of the executor; they change no number.
    /// Errors: sizes no model has, those of the writer, `Setting`.
    pub fn new(settings: TrainSettings, blank: &Path, threads: NonZeroUsize) -> Result<Self, AdaptError> {
        if !(1..=4096).contains(&settings.batch) {
            let got = settings.batch.to_string();
            return Err(AdaptError::Setting { what: "frames of a step", expected: "1 to 4096", got });
        }
        write_blank(blank, &settings.sizes, settings.seed)?;
        let model = Model::open(blank)?;
        let tokenizer = DualEncoder::open(&model, &LoadSettings::default())?;
        let normalize = tokenizer.preprocessing().and_then(|preprocessing| preprocessing.normalize);
        let normalize = normalize.ok_or_else(|| AdaptError::Setting {
            what: "preprocessing",
            expected: "mean and standard deviation",
            got: "none".to_owned(),
        })?;
        let parameters = Parameters::of(&model)?;
        let networks = Networks::new(&model, &settings.sizes, EPSILON, &parameters.source()?, threads)?;
        let description = model.metadata().clone();
        Ok(Self { settings, networks, parameters, description, tokenizer, normalize, step: 0 })
    }

    /// What the model does to pictures first.
    pub fn encoder(&self) -> &DualEncoder {
        &self.tokenizer
    }

    /// Steps done.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// Whether all steps are done.
    pub fn is_done(&self) -> bool {
        self.step >= self.settings.schedule.steps
    }

    /// One step on frames of the training set. Errors: `Diverged`; after it nothing of the step was kept.
    pub fn step(&mut self, frames: &Frames) -> Result<StepRecord, AdaptError> {
        let settings = &self.settings;
        let order = self.order(frames.len())?;
        let patch = settings.sizes.image.patch as usize;
        let at = (settings.seed, self.step);
        let pictures = pictures(frames, &order, patch, self.normalize, &settings.changes, at)?;
        let facts: Vec<&FrameFacts> = order.iter().map(|frame| &frames.facts[*frame as usize]).collect();
        let words = words(&self.tokenizer, &facts, at)?;
        if self.step == 0 {
            self.centre(&pictures.pixels, &words)?;
        }
        let settings = &self.settings;
        let texts = self.networks.read(words.ids, words.mask)?;
        let coverage = pictures.coverage;
        let seen = self.networks.see(pictures.pixels)?;
        let (embeds, text) = (seen.embeds()?, texts.output("embeds")?);
        let width = settings.sizes.embed as usize;
        let scores = (self.parameters.number(LOG_SCALE), self.parameters.number(BIAS));
        let contrastive = contrastive_loss((numbers(embeds), numbers(text)), width, &words.truth, scores)?;
        let where_ = self.localise(&facts, &coverage, numbers(seen.patches()?), numbers(text))?;
        let mut d_text = contrastive.texts;
        d_text.iter_mut().zip(&where_.texts).for_each(|(a, b)| *a += b);
        let d_images = HostTensor::f32(embeds.dims(), contrastive.images)?;
        let d_patches = HostTensor::f32(seen.patches()?.dims(), where_.d_patches)?;
        let d_text = texts.backward(&[("embeds", HostTensor::f32(text.dims(), d_text)?)])?;
        let mut gradients: BTreeMap<String, Vec<f32>> = BTreeMap::new();
        for (name, gradient) in seen.backward(d_images, d_patches)?.into_iter().chain(d_text) {
            add(gradients.entry(name).or_default(), numbers(&gradient));
        }
        gradients.insert(LOG_SCALE.to_owned(), vec![contrastive.log_scale as f32]);
        gradients.insert(BIAS.to_owned(), vec![contrastive.bias as f32]);
        self.apply(&gradients, contrastive.value, (where_.localisation, where_.patches))
    }

    /// Before the first step the vectors of all pictures point nearly the same way, and so do those of all texts: what
    /// they have in common is taken out by the biases of the last norms, so that training begins with what differs.
    fn centre(&mut self, pixels: &HostTensor, words: &Words) -> Result<(), AdaptError> {
        let (image, text) = (self.settings.sizes.image, self.settings.sizes.text);
        let seen = self.networks.see(pixels.clone())?;
        let of_patches = mean_of_normed(seen.tokens()?, image.width as usize);
        let block = format!("t.blk.{}", text.layers - 1);
        let read = self.networks.read(words.ids.clone(), words.mask.clone())?;
        let of_tokens = mean_of(numbers(read.output(&block)?), text.width as usize, words.mask.as_u32());
        self.parameters.subtract("v.post_ln.bias", &of_patches);
        self.parameters.subtract(&format!("{block}.ln2.bias"), &of_tokens);
        self.load();
        Ok(())
    }

    /// Take the step that the gradients ask for.
    fn apply(
        &mut self,
        gradients: &BTreeMap<String, Vec<f32>>,
        contrastive: f64,
        (localisation, patches): (f64, f64),
    ) -> Result<StepRecord, AdaptError> {
        let gradient = Parameters::length(gradients);
        let finite = |what, got: f64| {
            if got.is_finite() { Ok(()) } else { Err(AdaptError::Diverged { step: self.step, what, got }) }
        };
        finite("loss", contrastive + localisation + patches)?;
        finite("gradient", gradient)?;
        let rate = self.settings.schedule.rate(self.step);
        let factor = clipping(gradient, self.settings.longest_gradient);
        self.parameters.step(&self.settings.optimiser, (self.step + 1, rate, factor), gradients);
        self.load();
        self.step += 1;
        let scale = self.parameters.number(LOG_SCALE).exp();
        Ok(StepRecord { step: self.step, contrastive, localisation, patches, rate, gradient, scale })
    }

    fn load(&mut self) {
        for network in [&mut self.networks.image, &mut self.networks.head, &mut self.networks.text] {
            self.parameters.load_into(network);
        }
    }

    /// Frames of this step: each epoch in an order of its own. Errors: fewer frames than a batch.
    fn order(&self, frames: usize) -> Result<Vec<u32>, AdaptError> {
        let batch = self.settings.batch;
        let steps = (frames / batch) as u64;
        if steps == 0 {
            let got = frames.to_string();
            return Err(AdaptError::Setting { what: "frames", expected: "at least one batch", got });
        }
        let (epoch, within) = (self.step / steps, (self.step % steps) as usize);
        let order = Draw::new(self.settings.seed, Purpose::Order, epoch).order(frames);
        Ok(order[within * batch..][..batch].to_vec())
    }

    /// What is asked of the patches: which of them stand out, and of which a statement is true; times its weight. Every
    /// other step the directions are the differences of what says that a finding is there and what says that it is
    /// not, as the exam scores them.
    fn localise(
        &self,
        facts: &[&FrameFacts],
        coverage: &[Vec<Vec<f32>>],
        patches: &[f32],
        texts: &[f32],
    ) -> Result<Where, AdaptError> {
        let settings = &self.settings;
        let (width, count) = (settings.sizes.embed as usize, settings.sizes.image.grid().pow(2));
        let difference = if self.step.is_multiple_of(2) { 0.0 } else { 1.0_f32 };
        let row = |k: usize| &texts[k * width..][..width];
        let direction =
            |k: usize| row(2 * k).iter().zip(row(2 * k + 1)).map(move |(a, b)| a - difference * b);
        let directions: Vec<f32> = (0..PHRASES.len()).flat_map(direction).collect();
        let (places, truth) = places(facts, coverage, count);
        let out = localisation_loss((patches, &directions), (count, width), &places, settings.sharpness)?;
        let each = contrastive_loss((patches, &directions), width, &truth, (settings.sharpness.ln(), 0.0))?;
        let (a, b) = (settings.localisation as f32, settings.patches as f32);
        let both = |out: &[f32], each: &[f32]| -> Vec<f32> {
            out.iter().zip(each).map(|(x, y)| a * x + b * y).collect()
        };
        let mut d_texts = vec![0.0; texts.len()];
        for (k, gradient) in both(&out.directions, &each.texts).chunks_exact(width).enumerate() {
            for (j, g) in gradient.iter().enumerate() {
                d_texts[2 * k * width + j] += g;
                d_texts[(2 * k + 1) * width + j] -= difference * g;
            }
        }
        let d_patches = both(&out.patches, &each.images);
        Ok(Where { localisation: out.value, patches: each.value, d_patches, texts: d_texts })
    }

    /// Write everything that the next step depends on. Errors: those of the writer.
    pub fn checkpoint(&self, path: &Path) -> Result<(), AdaptError> {
        self.parameters.write_checkpoint(path, self.step, &self.settings_json()?)
    }

    /// Go on from a checkpoint of the same settings. Errors: `File`, and those of the reader.
    pub fn resume(&mut self, path: &Path) -> Result<(), AdaptError> {
        let settings = self.settings_json()?;
        self.step = self.parameters.read_checkpoint(path, &settings)?;
        self.load();
        Ok(())
    }

    /// Write the model as it is now, in f32. Errors: those of the writer.
    pub fn write_model(&self, path: &Path) -> Result<(), AdaptError> {
        self.parameters.write_model(&self.description, path)
    }

    /// Vectors of frames as the device would see them, and of their patches. Errors: those of the executor.
    pub fn embed_frames(&self, frames: &Frames, which: &[u32]) -> Result<(Vec<f32>, Vec<f32>), AdaptError> {
        let (mut embeds, mut patches) = (Vec::new(), Vec::new());
        let patch = self.settings.sizes.image.patch as usize;
        for part in which.chunks(self.settings.batch) {
            let Pictures { pixels, .. } =
                pictures(frames, part, patch, self.normalize, &Changes::none(), (0, 0))?;
            let seen = self.networks.see(pixels)?;
            embeds.extend_from_slice(numbers(seen.embeds()?));
            patches.extend_from_slice(numbers(seen.patches()?));
        }
        Ok((embeds, patches))
    }

    /// Vectors of texts. Errors: those of the tokenizer and of the executor.
    pub fn embed_texts(&self, texts: &[&str]) -> Result<Vec<f32>, AdaptError> {
        let (ids, mask) = crate::words::token_ids(&self.tokenizer, texts)?;
        Ok(numbers(self.networks.read(ids, mask)?.output("embeds")?).to_vec())
    }

    fn settings_json(&self) -> Result<String, AdaptError> {
        let written = serde_json::to_string(&self.settings);
        written.map_err(|error| AdaptError::Setting {
            what: "settings",
            expected: "what JSON can hold",
            got: error.to_string(),
        })
    }
}

/// The losses of the patches with their gradients.
struct Where {
    localisation: f64,
    patches: f64,
    d_patches: Vec<f32>,
    texts: Vec<f32>,
}

/// Where each finding lies that is there; and of which patches each is true, (findings, images · patches): those that
/// show enough of it. Edges, and frames that cannot tell, are left out.
fn places(
    facts: &[&FrameFacts],
    coverage: &[Vec<Vec<f32>>],
    count: usize,
) -> (Vec<Place>, Vec<Option<bool>>) {
    /// Share of a patch that shows the finding, from which on it is true of it.
    const ENOUGH: f32 = 0.2;
    let (mut places, mut truth) = (Vec::new(), Vec::new());
    for k in 0..PHRASES.len() {
        for (image, facts) in facts.iter().enumerate() {
            let present = crate::statements::truth(facts.presence[k], true);
            let lies = structure_of(k).and_then(|structure| coverage[image].get(structure));
            let (Some(present), Some(lies)) = (present, lies) else {
                truth.extend(std::iter::repeat_n(None, count));
                continue;
            };
            truth.extend(lies.iter().map(|share| match present {
                false => Some(false),
                true if *share >= ENOUGH => Some(true),
                true => (*share <= 0.0).then_some(false),
            }));
            let shares = shares(lies).filter(|_| present);
            places.extend(shares.map(|shares| Place { image, direction: k, shares }));
        }
    }
    (places, truth)
}

/// Mean of the rows, of those with a mask that is not 0.
fn mean_of(rows: &[f32], width: usize, mask: Option<&[u32]>) -> Vec<f32> {
    let kept = |n: usize| mask.is_none_or(|mask| mask.get(n).is_some_and(|kept| *kept != 0));
    let mut sums = vec![0.0_f64; width];
    let mut count = 0.0_f64;
    for (_, row) in rows.chunks_exact(width).enumerate().filter(|(n, _)| kept(*n)) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
        count += 1.0;
    }
    sums.iter().map(|sum| (sum / count.max(1.0)) as f32).collect()
}

/// The same of the rows after a layer norm of factor 1 and bias 0.
fn mean_of_normed(rows: &[f32], width: usize) -> Vec<f32> {
    let normed = rows.chunks_exact(width).flat_map(|row| {
        let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / width as f64;
        let variance = row.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / width as f64;
        let factor = 1.0 / (variance + f64::from(EPSILON)).sqrt();
        row.iter().map(move |x| ((f64::from(*x) - mean) * factor) as f32)
    });
    mean_of(&normed.collect::<Vec<f32>>(), width, None)
}

fn numbers(tensor: &HostTensor) -> &[f32] {
    tensor.as_f32().unwrap_or_default()
}

/// `sum` is empty or as long as `more`.
fn add(sum: &mut Vec<f32>, more: &[f32]) {
    if sum.is_empty() {
        sum.extend_from_slice(more);
    } else {
        sum.iter_mut().zip(more).for_each(|(a, b)| *a += b);
    }
}

#[cfg(test)]
mod tests;
