//! `bedside phantom`, as clap shows it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = PHANTOM_HELP)]
pub(crate) struct PhantomArguments {
    /// What is scanned
    #[arg(long, value_enum, value_name = "WHAT", default_value = "lung")]
    pub(crate) scene: SceneChoice,

    /// Scenes, each with a seed of its own from --seed on
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) count: u32,

    /// Seed of the first scene: the same seed gives the same bytes
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) seed: u64,

    /// The folder to write to; it is created
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Where parameters are drawn from
    #[arg(long, value_enum, value_name = "WHICH", default_value = "training")]
    pub(crate) ranges: RangesChoice,

    /// Only scenes with this finding, by its code, such as b_lines_several
    #[arg(long, value_name = "CODE", value_parser = finding)]
    pub(crate) finding: Option<bedside_phantom::Finding>,

    /// Frames of each scene; more than one make a cine
    #[arg(long, value_name = "N", default_value = "1",
        value_parser = clap::value_parser!(u32).range(1..=bedside_phantom::limits::MAX_FRAMES as i64))]
    pub(crate) frames: u32,

    /// Draw the machine's screen round the scan: text, depth scale, marker. Names on it are invented
    #[arg(long)]
    pub(crate) screen: bool,

    /// Also write each scene without its lesions, from the same seed
    #[arg(long)]
    pub(crate) without_lesion: bool,

    /// Write DICOM ultrasound too, one file for each scene
    #[arg(long)]
    pub(crate) dicom: bool,

    /// Captions of each frame
    #[arg(long, value_name = "N", default_value = "3",
        value_parser = clap::value_parser!(u8).range(0..=bedside_phantom::limits::MAX_CAPTIONS as i64))]
    pub(crate) captions: u8,

    /// Replace files that exist
    #[arg(long)]
    pub(crate) force: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const PHANTOM_HELP: &str = "\
Writes a PNG for each frame, frames.jsonl with labels, captions, geometry and every parameter (a line for each \
frame), and contact-sheet.png of the first scenes. These are drawings made by rules, validated by nobody on \
patients: for tests, training and demonstration.

Findings: a_lines, b_lines, b_lines_several, b_lines_confluent, consolidation, air_bronchograms, \
pleural_effusion, irregular_pleura, absent_sliding, lung_pulse (the last two show in cines only).

Example: bedside phantom --scene lung --count 100 --seed 1 --out phantom --dicom";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SceneChoice {
    /// Lung ultrasound
    Lung,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RangesChoice {
    /// What the demo model is trained on
    Training,
    /// Beyond that
    Outside,
}

fn finding(text: &str) -> Result<bedside_phantom::Finding, String> {
    let all = bedside_phantom::Finding::ALL;
    all.into_iter().find(|finding| finding.code() == text).ok_or_else(|| {
        let codes: Vec<&str> = all.iter().map(|finding| finding.code()).collect();
        format!("one of {} is expected", codes.join(", "))
    })
}
