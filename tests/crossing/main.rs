//! What crosses crates: goldens, real models, and whole stores.

mod malformed;
mod model_folders;
mod quant_golden;
mod real_model;
