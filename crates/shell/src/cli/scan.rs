//! `bedside scan`, `watch`, `demo` and `prove`, as clap shows them.

use std::path::PathBuf;

use bedside_pipeline::Language;
use bedside_pipeline::codes::Zone;
use clap::{Args, ValueEnum};

use super::LoadArguments;

/// What an exam is made of: the same for every command that judges scans.
#[derive(Debug, Args)]
pub(crate) struct ExamArguments {
    /// The exam that is built in
    #[arg(long, value_enum, value_name = "EXAM", default_value = "lung")]
    pub(crate) exam: ExamChoice,

    /// A protocol of one's own instead, as calibration/protocols/lung.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) protocol: Option<PathBuf>,

    /// A model of one's own instead of the demo model, as for `model inspect`
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) model: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) load: LoadArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExamChoice {
    /// Lung ultrasound
    Lung,
}

#[derive(Debug, Args)]
#[command(after_help = SCAN_HELP)]
pub(crate) struct ScanArguments {
    /// DICOM, PNG or JPEG files, or folders of them
    #[arg(value_name = "FILE|FOLDER", required = true, num_args = 1..)]
    pub(crate) input: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) exam: ExamArguments,

    /// Zone of the chest, for all inputs, such as right_upper_anterior [default: a file or folder called as a
    /// zone is of that zone]
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub(crate) zone: Option<Zone>,

    /// Language of what is shown
    #[arg(long, value_name = "en|ja", default_value = "en", value_parser = language)]
    pub(crate) language: Language,

    /// Also write each report (JSON), its pictures (PNG), a page (HTML) and a DICOM Secondary Capture there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Replace files in --out that exist
    #[arg(long, requires = "out")]
    pub(crate) force: bool,

    /// Keep reports of scans that name no patient too
    #[arg(long)]
    pub(crate) keep: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const SCAN_HELP: &str = "\
Frames are masked, checked, encoded and scored without a network. A finding is present, absent or indeterminate only \
where a calibration holds for scans of this kind; else raw scores are shown. Reports are kept encrypted in the store, \
and the same file is answered from there. A report that could not be kept is headed NOT SAVED, and the exit code is 6.

The built-in model is a demonstration, trained on simulated scans: nothing here is a diagnosis.

Example: bedside scan exam/ --out results";

#[derive(Debug, Args)]
#[command(after_help = WATCH_HELP)]
pub(crate) struct WatchArguments {
    /// The folder into which scans arrive
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,

    #[command(flatten)]
    pub(crate) exam: ExamArguments,

    /// The folder for latest.html
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Language of what is shown
    #[arg(long, value_name = "en|ja", default_value = "en", value_parser = language)]
    pub(crate) language: Language,

    /// Keep reports of scans that name no patient too
    #[arg(long)]
    pub(crate) keep: bool,

    /// Stop after that many scans [default: at Ctrl-C]
    #[arg(long, value_name = "N")]
    pub(crate) scans: Option<u32>,
}

const WATCH_HELP: &str = "\
A file is read once its size and time have not changed for a second. latest.html shows the newest result with the \
patient, the zone and its age, and turns grey after two minutes.

Example: bedside watch incoming --out screen";

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// The folder to write to; it is created
    #[arg(long, value_name = "DIR", default_value = "bedside-demo")]
    pub(crate) out: PathBuf,

    /// Seed of the simulated patient
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) seed: u64,

    /// Language of what is shown
    #[arg(long, value_name = "en|ja", default_value = "en", value_parser = language)]
    pub(crate) language: Language,

    /// Replace files that exist
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = PROVE_HELP)]
pub(crate) struct ProveArguments {
    /// A report: its JSON file, or its id as `cache list` shows it
    #[arg(value_name = "REPORT")]
    pub(crate) report: String,

    #[command(flatten)]
    pub(crate) exam: ExamArguments,

    /// The scan it was made of [default: the copy in the store]
    #[arg(long, value_name = "FILE")]
    pub(crate) scan: Option<PathBuf>,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const PROVE_HELP: &str = "\
Runs the report's exam again on the same scan and compares every byte. Exit code 1: they differ.";

fn zone(text: &str) -> Result<Zone, String> {
    let names = || Zone::ALL.iter().map(|zone| zone.as_str()).collect::<Vec<_>>().join(", ");
    Zone::of(text).ok_or_else(|| format!("one of {} is expected", names()))
}

fn language(text: &str) -> Result<Language, &'static str> {
    Language::of(text).ok_or("en or ja is expected")
}
