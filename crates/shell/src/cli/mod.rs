//! The command line, as clap shows it in `--help`.

mod bench;
mod cache;
mod calibrate;
mod doctor;
mod encode;
mod generate;
mod image;
mod load;
mod model;
mod phantom;
mod scan;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use log::LevelFilter;

pub(crate) use bench::{BenchArguments, BenchCommand, BenchOpsArguments};
pub(crate) use cache::{
    AuditCommand, CacheCommand, CacheExportArguments, CacheListArguments, CachePruneArguments,
    CacheShowArguments,
};
pub(crate) use calibrate::CalibrateArguments;
pub(crate) use doctor::DoctorArguments;
pub(crate) use encode::{ClassifyArguments, EmbedArguments};
pub(crate) use generate::{GenerateArguments, KvArguments, SamplingArguments};
pub(crate) use image::{
    FrameChoice, ImageCommand, ImageConvertArguments, ImageInspectArguments, ImagePreprocessArguments,
};
pub(crate) use load::{CostArguments, DeviceArguments, DeviceChoice, LoadArguments};
pub(crate) use model::{
    CompareArguments, ConvertArguments, InspectArguments, ModelCommand, PlanArguments, QuantizeArguments,
    VerifyArguments,
};
pub(crate) use phantom::{PhantomArguments, RangesChoice};
pub(crate) use scan::{
    DemoArguments, ExamArguments, ExamChoice, ProveArguments, ScanArguments, WatchArguments,
};

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
    #[arg(long, global = true, value_name = "DIR", display_order = LAST)]
    pub(crate) store: Option<PathBuf>,

    /// Say more on standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, display_order = LAST)]
    verbose: u8,
}

/// Options that every command has stand behind its own.
const LAST: usize = 900;

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
    /// Judge scans: findings with their limits, kept and shown
    Scan(ScanArguments),
    /// Judge scans as they arrive in a folder, the newest on a page
    Watch(WatchArguments),
    /// Simulate an exam and scan it
    Demo(DemoArguments),
    /// Compute a report again and compare every byte
    Prove(ProveArguments),
    /// Look at what the store keeps
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Check the log of what happened
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Fit what a protocol needs to speak of probabilities
    Calibrate(CalibrateArguments),
    /// Turn images or texts into embeddings
    Embed(EmbedArguments),
    /// Score images against labels; the probabilities are uncalibrated
    Classify(ClassifyArguments),
    /// Look at scans, write their frames, prepare them as a model would
    #[command(subcommand)]
    Image(ImageCommand),
    /// Simulate labelled ultrasound
    Phantom(PhantomArguments),
    /// Continue a prompt with a text model, word after word
    Generate(GenerateArguments),
    /// Look at, check, compare, convert and quantize model files, and plan their memory
    #[command(subcommand)]
    Model(ModelCommand),
    /// Measure this machine: a model on an image, or single operations
    Bench(BenchArguments),
    /// Find out whether the GPUs of this machine compute rightly
    Doctor(DoctorArguments),
}

impl Command {
    /// Standard output is to carry one JSON document, errors included.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Scan(arguments) => arguments.json,
            Self::Watch(_) | Self::Demo(_) => false,
            Self::Prove(arguments) => arguments.json,
            Self::Cache(command) => command.json(),
            Self::Audit(command) => command.json(),
            Self::Calibrate(arguments) => arguments.json,
            Self::Embed(arguments) => arguments.json,
            Self::Classify(arguments) => arguments.json,
            Self::Image(command) => command.json(),
            Self::Phantom(arguments) => arguments.json,
            Self::Generate(arguments) => arguments.json,
            Self::Model(command) => command.json(),
            Self::Bench(arguments) => arguments.wants_json(),
            Self::Doctor(arguments) => arguments.json,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
