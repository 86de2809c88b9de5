//! The command line, as clap shows it in `--help`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use log::LevelFilter;

/// Runs compressed vision-language models on point-of-care devices, with no network.
///
/// For demonstration and engineering only: nothing it prints is a diagnosis.
#[derive(Debug, Parser)]
#[command(name = "bedside", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Where digests, tuning results and scans are kept [default: $BEDSIDE_STORE, else the platform's data
    /// folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,

    /// Say more on standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 some inputs failed, 2 usage, 3 input refused, \
4 model refused, 5 device, 6 store or output, 130 interrupted.";

impl Arguments {
    pub(crate) fn verbosity(&self) -> LevelFilter {
        match self.verbose {
            0 => LevelFilter::Warn,
            1 => LevelFilter::Info,
            _ => LevelFilter::Trace,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look at, check, compare and quantize model files
    #[command(subcommand)]
    Model(ModelCommand),
    /// Measure this machine
    #[command(subcommand)]
    Bench(BenchCommand),
}

impl Command {
    /// Standard output is to carry one JSON document, errors included.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Model(command) => command.json(),
            Self::Bench(BenchCommand::Ops(arguments)) => arguments.json,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Time every operation in every format at the shapes of real networks
    Ops(BenchOpsArguments),
}

#[derive(Debug, Args)]
pub(crate) struct BenchOpsArguments {
    /// Only this operation (linear, attention, conv2d, …). May be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) op: Vec<String>,

    /// Threads of the executor
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) threads: std::num::NonZeroUsize,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

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
}

impl ModelCommand {
    fn json(&self) -> bool {
        match self {
            Self::Inspect(arguments) => arguments.json,
            Self::Verify(arguments) => arguments.json,
            Self::Compare(arguments) => arguments.json,
            Self::Quantize(arguments) => arguments.json,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
