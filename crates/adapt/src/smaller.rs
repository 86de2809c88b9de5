//! The model that is committed: matrices in blocks of 8 bits.

use std::path::Path;

use bedside_tensor::DType;
use bedside_weights::{Model, Overwrite, Progress, Recipe, choose, quantize};

use crate::AdaptError;

/// Write the model at `whole` (f32) to `small` with its matrices as Q8_0, and say how many bytes of tensors it has.
/// Patches, positions, norms and biases stay f32: they are small, and each costs more accuracy than space.
/// Errors: those of the quantizer.
pub fn quantize_demo(whole: &Path, small: &Path) -> Result<u64, AdaptError> {
    let model = Model::open(whole)?;
    let recipe = Recipe { to: DType::Q8_0, rules: Vec::new() };
    let choices = choose(&model, &recipe)?;
    let done = quantize(&model, small, Overwrite::Replace, DType::Q8_0, choices, Progress::silent())?;
    Ok(done.bytes)
}
