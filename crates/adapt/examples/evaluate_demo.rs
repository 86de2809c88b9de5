//! Judges the demo model as the device opens it, on simulated frames with seeds of their own: inside the training ranges
//! and outside of them. Prints one JSON document.
//!
//! `cargo run --release -p bedside-adapt --example evaluate_demo -- MODEL.gguf [FRAMES]`

use bedside_adapt::{AdaptError, FrameSource, ImageSizes, Sizes, judge};
use bedside_models::{DualEncoder, LoadSettings};
use bedside_phantom::Ranges;
use bedside_weights::{DigestCache, Model, Progress, file_digests, model_identity};
use serde_json::json;

/// Seeds of the scenes, far from those of training (below 2^40) and of each other.
const INSIDE: u64 = 1 << 41;
const OUTSIDE: u64 = 1 << 42;
/// Of both sets, if not given.
const FRAMES: usize = 2000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("the model's path is missing")?;
    let frames = arguments.next().map(|n| n.parse()).transpose()?.unwrap_or(FRAMES);
    let model = Model::open(path.as_ref())?;
    let digests = file_digests(&model, &DigestCache::none(), Progress::silent())?;
    let identity = model_identity(digests.iter().map(|file| (file.role, file.digest)));
    let mut encoder = DualEncoder::open_with_patches(&model, &LoadSettings::default())?;
    let preprocessing = encoder.preprocessing().cloned().ok_or("the model has no image tower")?;
    let ImageSizes { side, patch, .. } = Sizes::demo().image;
    let mut sets = Vec::new();
    for (ranges, first_seed) in [(Ranges::training(), INSIDE), (Ranges::outside(), OUTSIDE)] {
        let preprocessing = preprocessing.clone();
        let source = FrameSource { ranges, first_seed, seed: first_seed, preprocessing, side: side as usize };
        let mut progress = |done: usize| eprint!("\r{}: {done} of {frames} frames ", source.ranges.name);
        let set = judge(&mut encoder, &source, patch as usize, frames, &mut progress)?;
        eprintln!();
        sets.push(set);
    }
    let report =
        json!({ "schema": "bedside.demo-evaluation/1", "model": identity.to_string(), "sets": sets });
    println!(
        "{}",
        serde_json::to_string_pretty(&report).map_err(|error| AdaptError::Setting {
            what: "report",
            expected: "what JSON can hold",
            got: error.to_string(),
        })?
    );
    Ok(())
}
