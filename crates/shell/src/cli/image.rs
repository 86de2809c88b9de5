//! `bedside image …`, as clap shows it.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use bedside_imaging::Sampling;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Show what a scan's file says, what would be masked and how good its frames are; never who it is of
    Inspect(ImageInspectArguments),
    /// Write the frames of a scan as pictures, masked
    Convert(ImageConvertArguments),
    /// Write the tensor that a model would get of a scan's frame
    Preprocess(ImagePreprocessArguments),
}

impl ImageCommand {
    pub(super) fn json(&self) -> bool {
        match self {
            Self::Inspect(arguments) => arguments.json,
            Self::Convert(arguments) => arguments.json,
            Self::Preprocess(arguments) => arguments.json,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ImageInspectArguments {
    /// A DICOM, PNG or JPEG file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Which frames are looked at: all, every:N, evenly:N, sharpest:N, or numbers and ranges from 1 as in 1,5-8
    #[arg(long, value_name = "WHICH", default_value = "evenly:5")]
    pub(crate) frames: FrameChoice,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = CONVERT_HELP)]
pub(crate) struct ImageConvertArguments {
    /// A DICOM, PNG or JPEG file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The folder to write to; it is created. Files are called frame-00001.png and so on
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Which frames: all, every:N, evenly:N, sharpest:N, or numbers and ranges from 1 as in 1,5-8
    #[arg(long, value_name = "WHICH", default_value = "all")]
    pub(crate) frames: FrameChoice,

    /// Write everything that the picture shows, names of patients included
    #[arg(long)]
    pub(crate) unmasked: bool,

    /// Also write deidentified.dcm: the whole scan, masked, its header without identifiers (DICOM PS3.15, Basic
    /// Profile). UIDs are replaced with the store's key
    #[arg(long, conflicts_with = "unmasked")]
    pub(crate) dicom: bool,

    /// Replace files that exist
    #[arg(long)]
    pub(crate) force: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const CONVERT_HELP: &str = "\
What lies outside the scan sector and the declared ultrasound regions is made black, and so is what looks like \
text within. That is no proof that nothing identifying is left: look before you share. A file with neither a \
region nor a sector is refused.

Example: bedside image convert scan.dcm --out frames --frames evenly:5";

#[derive(Debug, Args)]
#[command(after_help = PREPROCESS_HELP)]
pub(crate) struct ImagePreprocessArguments {
    /// A DICOM, PNG or JPEG file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The model whose preprocessing is applied; its weights are not read
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) like: PathBuf,

    /// The NumPy file of f32 to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,

    /// Which frame, from 1
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) frame: NonZeroU32,

    /// Prepare everything that the picture shows, not only the scan
    #[arg(long)]
    pub(crate) unmasked: bool,

    /// Replace the file if it exists
    #[arg(long)]
    pub(crate) force: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const PREPROCESS_HELP: &str = "\
The numbers are those of the library that the model was trained with, for pictures as it reads them: give \
--unmasked to compare with it.

Example: bedside image preprocess frame.png --like clip.gguf --out frame.npy --unmasked";

/// Frames by a policy or by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FrameChoice {
    Policy(Sampling),
    /// Ranges of numbers from 1, both ends included.
    Numbers(Vec<(u32, u32)>),
}

/// Ranges of one list, at most.
const MOST_RANGES: usize = 1000;

impl FromStr for FrameChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || "all, every:N, evenly:N, sharpest:N, or a list as in 1,5-8 is expected".to_owned();
        if text == "all" {
            return Ok(Self::Policy(Sampling::All));
        }
        if let Some((name, number)) = text.split_once(':') {
            let number: NonZeroU32 = number.parse().map_err(|_| refused())?;
            return Ok(Self::Policy(match name {
                "every" => Sampling::EveryNth(number),
                "evenly" => Sampling::Evenly(number),
                "sharpest" => Sampling::Sharpest(number),
                _ => return Err(refused()),
            }));
        }
        let ranges = text.split(',').take(MOST_RANGES + 1).map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
            number(first).zip(number(last)).filter(|(first, last)| first <= last)
        });
        let ranges: Vec<_> = ranges.collect::<Option<_>>().ok_or_else(refused)?;
        if ranges.len() > MOST_RANGES { Err(refused()) } else { Ok(Self::Numbers(ranges)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_chosen_by_policy_or_number() {
        let n = |n| NonZeroU32::new(n).unwrap();
        for (text, choice) in [
            ("all", FrameChoice::Policy(Sampling::All)),
            ("every:3", FrameChoice::Policy(Sampling::EveryNth(n(3)))),
            ("evenly:1", FrameChoice::Policy(Sampling::Evenly(n(1)))),
            ("sharpest:2", FrameChoice::Policy(Sampling::Sharpest(n(2)))),
            ("7", FrameChoice::Numbers(vec![(7, 7)])),
            ("1,5-8", FrameChoice::Numbers(vec![(1, 1), (5, 8)])),
        ] {
            assert_eq!(text.parse(), Ok(choice), "{text}");
        }
        for text in ["", "none", "0", "3-1", "1-", "every:0", "every", "often:2", "1,,2", "-1"] {
            assert!(text.parse::<FrameChoice>().is_err(), "{text}");
        }
        assert!("1,".repeat(1001).trim_end_matches(',').parse::<FrameChoice>().is_err());
    }
}
