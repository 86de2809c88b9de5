//! A dual encoder as the command line asks for it.

use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

use bedside_compute::host::MAX_THREADS;
use bedside_compute::{Numerics, Target};
use bedside_models::{DualEncoder, Embeddings, LoadSettings, Towers};
use bedside_weights::Model;

use crate::cli::LoadArguments;
use crate::exit::Failure;
use crate::picture;

/// How to load. One image runs at a time, so that memory is small and no image has influence on another's
/// numbers.
pub(crate) fn settings(load: &LoadArguments, towers: Towers) -> LoadSettings {
    LoadSettings {
        threads: threads(load),
        numerics: load.cost.numerics(Numerics::Exact),
        memory_budget: load.cost.memory_budget,
        towers,
        ..LoadSettings::default()
    }
}

/// As many as asked for, else one for each core.
pub(crate) fn threads(load: &LoadArguments) -> NonZeroUsize {
    let asked = load.threads.and_then(|threads| NonZeroUsize::new(threads.into()));
    let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let most = NonZeroUsize::new(MAX_THREADS).unwrap_or(NonZeroUsize::MIN);
    asked.unwrap_or_else(cores).min(most)
}

/// Load the model at `path` for the device of `target`. Errors: what the model is refused for, with its name.
pub(crate) fn load(
    path: &Path,
    model: &Model,
    settings: &LoadSettings,
    target: &Target,
) -> Result<DualEncoder, Failure> {
    DualEncoder::open_on(model, settings, target).map_err(|error| Failure::of_model(path, error))
}

/// The embedding of one image file, and the same before it was brought to length 1.
/// Errors: a refused image; what goes wrong in the run.
pub(crate) fn embed_image(encoder: &mut DualEncoder, path: &Path) -> Result<[Vec<f32>; 2], Failure> {
    let pixels = picture::pixels(path)?;
    let prepared = encoder.prepare(&pixels).map_err(Failure::of_input)?;
    let embeddings = encoder.embed_images(&[prepared]).map_err(Failure::of_input)?;
    Ok(only(&embeddings))
}

/// As [`embed_image`], of a text.
pub(crate) fn embed_text(encoder: &mut DualEncoder, text: &str) -> Result<[Vec<f32>; 2], Failure> {
    let embeddings = encoder.embed_texts(&[text]).map_err(Failure::of_input)?;
    Ok(only(&embeddings))
}

fn only(embeddings: &Embeddings) -> [Vec<f32>; 2] {
    let both = embeddings.embeds().zip(embeddings.features()).next();
    let (embed, features) = both.expect("one input gives one row");
    [embed.to_owned(), features.to_owned()]
}
