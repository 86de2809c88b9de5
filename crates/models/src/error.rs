//! What can be wrong with a model as an architecture sees it.

use bedside_compute::ComputeError;
use bedside_imaging::ImagingError;
use bedside_weights::WeightsError;
use thiserror::Error;

/// Everything this crate refuses. Names out of files are escaped and shortened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// The model's files.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The network: a weight that is missing or of another shape, a plan over the budget, a run.
    #[error(transparent)]
    Compute(#[from] ComputeError),
    /// An image, or what a configuration asks to be done to it.
    #[error(transparent)]
    Imaging(#[from] ImagingError),
    /// A model that is no dual encoder this build knows.
    #[error("is no dual encoder this build knows: {found}; known are {known}")]
    Architecture {
        /// What the model says it is.
        found: String,
        /// Names of the architectures there are.
        known: String,
    },
    /// A text model this build does not know.
    #[error("has no text model this build knows: {found}; known are {known}")]
    TextArchitecture {
        /// What the model says it is.
        found: String,
        /// Names of the architectures there are.
        known: String,
    },
    /// A file that the architecture needs is not in the folder.
    #[error("{file} is missing: {why}")]
    FileMissing {
        /// Name of the file.
        file: &'static str,
        /// What it is needed for.
        why: &'static str,
    },
    /// A configuration with a value this architecture cannot have.
    #[error("{file}: {key}: expected {expected}, got {got}")]
    Config {
        /// File, or `metadata` for GGUF keys.
        file: &'static str,
        /// The key, with the keys above it.
        key: String,
        /// What the architecture asks for.
        expected: String,
        /// What was found.
        got: String,
    },
    /// A configuration file that does not read as what it should be.
    #[error("{file}: {reason}")]
    ConfigFile {
        /// Name of the file.
        file: &'static str,
        /// What the reader says.
        reason: String,
    },
    /// The name the architecture gives a tensor has no place in this file's layout.
    #[error("weight {name} has no name in the layout {layout}")]
    NameUnknown {
        /// The architecture's name.
        name: String,
        /// The layout.
        layout: &'static str,
    },
    /// A tensor that is not what its layout says: a fused matrix of other height, a number that is no scalar.
    #[error("tensor {name}: expected {expected}, got {got}")]
    Tensor {
        /// Its name in the file.
        name: String,
        /// What the layout says.
        expected: String,
        /// What was found.
        got: String,
    },
    /// Weights that are NaN or infinite: every result would be.
    #[error("tensor {name}: {count} values are NaN or infinite, the first in row {row}")]
    NotFinite {
        /// Its name.
        name: String,
        /// How many.
        count: u64,
        /// First row that holds one.
        row: u64,
    },
    /// An embedding with values that are NaN or infinite: nothing can be said from it.
    #[error("the {tower} tower gave values that are NaN or infinite")]
    ResultNotFinite {
        /// `image` or `text`; of a text model, its logits.
        tower: &'static str,
    },
    /// A tokenizer that cannot be read or used.
    #[error("tokenizer: {operation}: {reason}")]
    Tokenizer {
        /// What was tried.
        operation: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A tokenizer that makes ids the token table does not have.
    #[error(
        "the tokenizer has {tokenizer} ids, the model's token table {table} rows: they do not belong together"
    )]
    Vocabulary {
        /// Largest id of the tokenizer and one.
        tokenizer: u64,
        /// Rows of the table.
        table: u64,
    },
    /// The model has no tower for what is asked.
    #[error("the model has no {tower} tower")]
    NoTower {
        /// `image` or `text`.
        tower: &'static str,
    },
    /// A prompt with the answer asked for is longer than the context: nothing was run.
    #[error(
        "the prompt has {prompt} tokens, with {answer} for the answer more than the context of {context}"
    )]
    Context {
        /// Tokens of the prompt.
        prompt: u64,
        /// Most tokens of the answer.
        answer: u64,
        /// Tokens that the caches hold.
        context: u64,
    },
    /// A chat template that cannot be used.
    #[error("chat template: {reason}")]
    ChatTemplate {
        /// What is wrong.
        reason: String,
    },
    /// A JSON schema that answers cannot be held to.
    #[error("JSON schema: {reason}")]
    Schema {
        /// What is wrong.
        reason: String,
    },
    /// A list that must not be empty, or a template without its place.
    #[error("{what}: expected {expected}, got {got}")]
    Request {
        /// What was asked wrongly.
        what: &'static str,
        /// What it takes.
        expected: String,
        /// What it got.
        got: String,
    },
}
