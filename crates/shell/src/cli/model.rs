//! `bedside model …`, as clap shows it.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CostArguments, KvArguments};

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Show what a model file or folder holds, without reading its tensors
    Inspect(InspectArguments),
    /// Read a model whole: structure, values, digests
    Verify(VerifyArguments),
    /// Measure how far the tensors of two models lie apart, for example before and after quantization
    Compare(CompareArguments),
    /// Write a GGUF model with its matrices in another format
    Quantize(QuantizeArguments),
    /// Write a dual encoder's folder as one GGUF file
    Convert(ConvertArguments),
    /// Show what loading a dual encoder or a text model will cost, without loading it
    Plan(PlanArguments),
}

impl ModelCommand {
    pub(super) fn json(&self) -> bool {
        match self {
            Self::Inspect(arguments) => arguments.json,
            Self::Verify(arguments) => arguments.json,
            Self::Compare(arguments) => arguments.json,
            Self::Quantize(arguments) => arguments.json,
            Self::Convert(arguments) => arguments.json,
            Self::Plan(arguments) => arguments.json,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// A GGUF file (any part of a split one), a safetensors file, or a Hugging Face or OpenCLIP folder
    #[arg(value_name = "FILE|FOLDER")]
    pub(crate) model: PathBuf,

    /// List every tensor
    #[arg(long)]
    pub(crate) tensors: bool,

    /// Compute the model's identity, which reads all of its files; the store remembers it
    #[arg(long)]
    pub(crate) digest: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The model, as for `inspect`
    #[arg(value_name = "FILE|FOLDER")]
    pub(crate) model: PathBuf,

    /// The identity, or the digest of one of its files, that the model must have (64 hexadecimal digits)
    #[arg(long, value_name = "DIGEST")]
    pub(crate) expect: Option<String>,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// The model that counts as true
    #[arg(value_name = "A")]
    pub(crate) a: PathBuf,

    /// The model whose errors are measured
    #[arg(value_name = "B")]
    pub(crate) b: PathBuf,

    /// Show every tensor, not only the ten with the greatest error
    #[arg(long)]
    pub(crate) all: bool,

    /// Print one JSON document, with every tensor
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = QUANTIZE_HELP)]
pub(crate) struct QuantizeArguments {
    /// The GGUF model to read
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,

    /// The GGUF file to write
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,

    /// Format of the matrices: q4_k, q8_0, f16, …
    #[arg(long, value_name = "TYPE")]
    pub(crate) to: String,

    /// Tensors whose name matches get this type instead; `source` leaves them as they are. May be repeated,
    /// the first that matches decides
    #[arg(long, value_name = "REGEX=TYPE")]
    pub(crate) keep: Vec<String>,

    /// Threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,

    /// Replace OUT if it exists
    #[arg(long)]
    pub(crate) force: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const QUANTIZE_HELP: &str = "\
Matrices named ….weight get the format asked for. Vectors, norms, position embeddings and patch embeddings \
keep theirs. Rows that are no multiple of a format's block get a format with smaller blocks, and the report \
says so. The same input gives the same bytes, whatever the number of threads.

Example: bedside model quantize big.gguf small.gguf --to q4_k --keep '^output=q6_k'";

#[derive(Debug, Args)]
#[command(after_help = CONVERT_HELP)]
pub(crate) struct ConvertArguments {
    /// A Hugging Face or OpenCLIP folder with a dual encoder
    #[arg(value_name = "FOLDER")]
    pub(crate) input: PathBuf,

    /// The GGUF file to write
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,

    /// Format of the matrices, as for `quantize` [default: every tensor keeps its own]
    #[arg(long, value_name = "TYPE")]
    pub(crate) to: Option<String>,

    /// With --to: exceptions, as for `quantize`; names are those of the GGUF file. May be repeated
    #[arg(long, value_name = "REGEX=TYPE", requires = "to")]
    pub(crate) keep: Vec<String>,

    /// Threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,

    /// Replace OUT if it exists
    #[arg(long)]
    pub(crate) force: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const CONVERT_HELP: &str = "\
The file holds all that is needed: both towers, preprocessing, tokenizer. The same folder gives the same bytes, \
and without --to the same embeddings. With --to, the converted file lies beside OUT until it is quantized.

Example: bedside model convert clip-folder clip.gguf --to q8_0";

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// The model, as for `inspect`
    #[arg(value_name = "FILE|FOLDER")]
    pub(crate) model: PathBuf,

    #[command(flatten)]
    pub(crate) cost: CostArguments,

    /// Of a dual encoder: images that run at once
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) images: NonZeroU32,

    /// Of a dual encoder: texts that run at once
    #[arg(long, value_name = "N", default_value = "8")]
    pub(crate) texts: NonZeroU32,

    #[command(flatten)]
    pub(crate) kv: KvArguments,

    /// Show every step: its value, where it lies, how long
    #[arg(long)]
    pub(crate) nodes: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}
