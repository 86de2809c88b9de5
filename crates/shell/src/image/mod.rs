//! `bedside image …`: scans and their frames.

mod convert;
mod describe;
mod inspect;
mod preprocess;

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use bedside_imaging::{Frame, PhiMask, Sampling, Scan};

use crate::cli::{FrameChoice, ImageCommand};
use crate::exit::{Code, Failure};
use crate::text;

/// `store`: from `--store`.
pub(crate) fn run(command: &ImageCommand, store: Option<&Path>) -> Result<Code, Failure> {
    match command {
        ImageCommand::Inspect(arguments) => inspect::run(arguments),
        ImageCommand::Convert(arguments) => convert::run(arguments, store),
        ImageCommand::Preprocess(arguments) => preprocess::run(arguments),
    }
}

/// Open a scan. Errors (code 3): what the reader refuses, with the name the user gave.
fn open(path: &Path) -> Result<Scan, Failure> {
    Scan::open(path).map_err(|error| Failure::from(error).at(&shown(path)))
}

fn shown(path: &Path) -> String {
    text::name(&path.display().to_string())
}

/// Indices of the frames asked for, ascending, each once.
/// Errors (code 3): a number beyond the last frame; a frame that cannot be read, for policies that look.
fn chosen(scan: &Scan, choice: &FrameChoice) -> Result<Vec<u32>, Failure> {
    match choice {
        FrameChoice::Policy(sampling) => Ok(scan.sample(*sampling)?),
        FrameChoice::Numbers(ranges) => {
            let frames = scan.frames();
            if let Some((_, last)) = ranges.iter().find(|(_, last)| *last > frames) {
                let has = if frames == 1 { "one frame".into() } else { format!("{frames} frames") };
                return Err(Failure::new(Code::Input, anyhow!("frame {last} was asked for; there is {has}")));
            }
            let mut all: Vec<u32> = ranges.iter().flat_map(|(first, last)| first - 1..*last).collect();
            all.sort_unstable();
            all.dedup();
            Ok(all)
        }
    }
}

/// Frames that a mask looks at, at most: text that stands in one of them is masked in all.
const MASK_FRAMES: NonZeroU32 = NonZeroU32::new(16).expect("sixteen is not nought");

/// One mask for all frames of a scan, made of some of them spread evenly.
/// Errors: those of the frames; `PixelsWithheld`.
fn mask(scan: &Scan) -> Result<PhiMask, Failure> {
    let indices = scan.sample(Sampling::Evenly(MASK_FRAMES))?;
    let frames: Vec<Arc<Frame>> = indices.iter().map(|index| scan.frame(*index)).collect::<Result<_, _>>()?;
    let frames: Vec<&Frame> = frames.iter().map(AsRef::as_ref).collect();
    Ok(PhiMask::of_frames(&frames)?)
}
