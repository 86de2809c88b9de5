//! `bedside calibrate`, as clap shows it.

use std::path::PathBuf;

use clap::Args;

use super::ExamArguments;

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct CalibrateArguments {
    #[command(flatten)]
    pub(crate) exam: ExamArguments,

    /// Simulated patients to fit on, one scan each
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u32).range(40..=100_000))]
    pub(crate) scenes: u32,

    /// Seed of the first of them. The demo model was trained on others
    #[arg(long, value_name = "N", default_value = "5000000")]
    pub(crate) seed: u64,

    /// The protocol to write, with what was fitted below it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,

    /// Replace the file if it exists
    #[arg(long)]
    pub(crate) force: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const HELP: &str = "\
Fits, for every finding: the curve from score to probability with its bootstrap, the threshold of its role, the \
conformal bounds of each class, and how often its heatmap points at the lesion. The fit is bound to the model and to \
the protocol's settings, and holds for simulated scans only.

Example: bedside calibrate --scenes 1000 --out lung.toml";
