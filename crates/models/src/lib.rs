//! Architectures: a model's files become networks, with the tokenizer and the preprocessing they ask for.
//!
//! One file per architecture reads the configurations and says how the file calls its tensors; the networks
//! themselves, which architectures share, lie in `towers/`. Weights are asked for under the names of the
//! GGUF layout, whatever the file calls them, and in whatever format they have.
//!
//! What it deliberately does not do: open files (`weights` does), touch pixels (`imaging` does), multiply
//! (`compute` does), or say what a score means for a patient.
//!
//! ```no_run
//! use bedside_imaging::decode;
//! use bedside_models::{DualEncoder, LoadSettings};
//! use bedside_weights::Model;
//!
//! let model = Model::open("model-folder".as_ref())?;
//! let mut encoder = DualEncoder::open(&model, &LoadSettings::default())?;
//! let image = encoder.prepare(&decode(&std::fs::read("frame.png")?)?.pixels)?;
//! let images = encoder.embed_images(&[image])?;
//! let texts = encoder.embed_texts(&["lung ultrasound with B-lines", "lung ultrasound with A-lines"])?;
//! let image = images.embeds().next().expect("one image went in");
//! for text in texts.embeds() {
//!     println!("{}", encoder.scores().logit(bedside_models::cosine(image, text)));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chat;
mod classify;
mod clip;
mod config;
mod convert;
mod decoder_names;
mod description;
mod dual_encoder;
mod error;
mod gemma3;
mod generate;
mod gguf_config;
mod gguf_dual;
mod gguf_keys;
mod hf_decoder;
mod hugging_face;
mod language;
mod llama;
mod load;
mod naflex;
mod name_table;
mod named_weights;
mod networks;
mod open_clip;
mod patches;
mod qwen2;
mod registry;
mod siglip;
mod tokenizer;
mod tokenizer_files;
mod towers;

pub use chat::{ChatContent, ChatMessage, Date};
pub use classify::{LabelScore, cosine, label_embeddings, label_scores};
pub use convert::{Converted, convert};
pub use description::{ScoreActivation, Scores};
pub use dual_encoder::{DualEncoder, Embeddings};
pub use error::ModelsError;
pub use generate::{
    EmbeddingBlock, Event, Finish, GeneratePlan, GenerateSettings, Generated, Generator, LogProbability,
    Part, Prompt, Sampling, generate_plan, is_text_model,
};
pub use load::{LoadPlan, LoadSettings, Towers, examine, plan, seconds, tune};
pub use networks::{Networks, networks};
pub use patches::{Attribution, PatchEmbeddings};
pub use registry::preprocessing;

#[cfg(test)]
mod tests;
