//! `bedside embed` and `bedside classify`, as clap shows them.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::{DeviceArguments, LoadArguments};

#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("inputs").required(true).args(["image", "text"]),
    group = ArgGroup::new("form").args(["json", "npy"]),
    after_help = EMBED_HELP,
)]
pub(crate) struct EmbedArguments {
    /// The model, as for `model inspect`
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) model: PathBuf,

    /// PNG or JPEG files. May be repeated
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) image: Vec<PathBuf>,

    /// Texts. May be repeated
    #[arg(long, value_name = "TEXT", num_args = 1..)]
    pub(crate) text: Vec<String>,

    #[command(flatten)]
    pub(crate) load: LoadArguments,

    #[command(flatten)]
    pub(crate) on: DeviceArguments,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,

    /// With --json: also the vectors before they were brought to length 1
    // clap waives what an argument requires where that conflicts with another.
    #[arg(long, requires = "json", conflicts_with = "npy")]
    pub(crate) features: bool,

    /// Write one NumPy array of f32, a row for each input that was not refused, to standard output or --out
    #[arg(long)]
    pub(crate) npy: bool,

    /// With --npy: the file to write
    #[arg(long, value_name = "FILE", requires = "npy", conflicts_with = "json")]
    pub(crate) out: Option<PathBuf>,

    /// Replace the file to write if it exists
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
}

const EMBED_HELP: &str = "\
An embedding has length 1; the product of an image's and a text's is their cosine. Texts longer than the model \
reads are cut, as the model was trained. Inputs that are refused are named; the others are embedded all the same.

For demonstration and engineering only.

Example: bedside embed --model clip.gguf --image frame-1.png frame-2.png --npy --out frames.npy";

#[derive(Debug, Args)]
#[command(after_help = CLASSIFY_HELP)]
pub(crate) struct ClassifyArguments {
    /// The model, as for `model inspect`
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) model: PathBuf,

    /// PNG or JPEG files. May be repeated
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) image: Vec<PathBuf>,

    /// What an image may show. May be repeated
    #[arg(long, value_name = "TEXT", num_args = 1.., required = true, value_parser = label)]
    pub(crate) label: Vec<String>,

    /// A wording with {} for the label; of several, the mean is taken. May be repeated [default: the label
    /// alone]
    #[arg(long, value_name = "TEXT", num_args = 1.., value_parser = template)]
    pub(crate) template: Vec<String>,

    #[command(flatten)]
    pub(crate) load: LoadArguments,

    #[command(flatten)]
    pub(crate) on: DeviceArguments,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const CLASSIFY_HELP: &str = "\
The scores are uncalibrated: a model's own probabilities, for demonstration only. They change with the wording, \
and one of the labels comes out first whatever the image shows.

Example: bedside classify --model clip.gguf --image frame.png --label 'A-lines' 'B-lines' \
--template 'a lung ultrasound with {}'";

fn label(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("a label with letters is expected") } else { Ok(text.to_owned()) }
}

fn template(text: &str) -> Result<String, &'static str> {
    if text.contains("{}") { Ok(text.to_owned()) } else { Err("a text with {} for the label is expected") }
}
