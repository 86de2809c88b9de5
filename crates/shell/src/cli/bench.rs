//! `bedside bench …`, as clap shows it.

use std::num::{NonZeroU16, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{DeviceArguments, LoadArguments};

/// A model on an image, where no subcommand is named.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = BENCH_HELP)]
pub(crate) struct BenchArguments {
    #[command(subcommand)]
    pub(crate) command: Option<BenchCommand>,

    /// The model, as for `model inspect`. Only its image tower is loaded
    #[arg(long, value_name = "FILE|FOLDER", required_unless_present = "scan")]
    pub(crate) model: Option<PathBuf>,

    /// The PNG or JPEG file to encode
    #[arg(long, value_name = "FILE", required_unless_present = "scan")]
    pub(crate) image: Option<PathBuf>,

    /// Instead: a scan, judged as `scan` does, with the built-in model or with --model
    #[arg(long, value_name = "FILE", conflicts_with = "image")]
    pub(crate) scan: Option<PathBuf>,

    /// Runs of what is done for each image. Loading is repeated three times at most
    #[arg(long, value_name = "N", default_value = "20")]
    pub(crate) runs: NonZeroU16,

    #[command(flatten)]
    pub(crate) load: LoadArguments,

    #[command(flatten)]
    pub(crate) on: DeviceArguments,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const BENCH_HELP: &str = "\
`first result` is open, load, decode, preprocess and encode in one go, as a user waits for it; `load` plans too. \
The operating system may hold the files in memory already. With --scan: `judge` is mask, quality, encoding and scores of \
all frames; `cached` the same file answered from a store.

Example: bedside bench --model clip.gguf --image frame.png";

impl BenchArguments {
    pub(super) fn wants_json(&self) -> bool {
        match &self.command {
            Some(BenchCommand::Ops(arguments)) => arguments.json,
            None => self.json,
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
    pub(crate) threads: NonZeroUsize,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}
