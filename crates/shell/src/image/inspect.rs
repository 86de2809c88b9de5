//! `bedside image inspect`: what a scan's file says, what would be masked, how good its frames are.

use bedside_imaging::{PhiLineage, PhiMask, Quality, Verdict};
use serde::Serialize;

use super::describe::{FrameFacts, ScanFacts, mask_lines};
use super::{chosen, mask, open, shown};
use crate::cli::ImageInspectArguments;
use crate::exit::{Code, Failure};
use crate::{output, text};

/// The JSON document `bedside.image-inspect/1`.
#[derive(Serialize)]
struct Document {
    scan: ScanFacts,
    mask: MaskFacts,
    frames: Vec<FrameFacts>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum MaskFacts {
    /// Part of the picture may be shown.
    Kept(Box<PhiLineage>),
    /// Nothing may be: why.
    Withheld(String),
}

pub(super) fn run(arguments: &ImageInspectArguments) -> Result<Code, Failure> {
    let at = |failure: Failure| failure.at(&shown(&arguments.file));
    let scan = open(&arguments.file)?;
    let indices = chosen(&scan, &arguments.frames).map_err(at)?;
    // That nothing may be shown is what was asked about, not a failure.
    let mask = match mask(&scan) {
        Ok(mask) => Ok(mask),
        Err(Failure { code: Code::Input, error }) => Err(format!("{error:#}")),
        Err(failure) => return Err(at(failure)),
    };
    let mut frames = Vec::new();
    for index in indices {
        let frame = scan.frame(index).map_err(|error| at(error.into()))?;
        let quality = mask.as_ref().ok().map(|mask| quality(&frame, mask)).transpose().map_err(at)?;
        frames.push(FrameFacts::of(&frame, quality));
    }
    let mask = match mask {
        Ok(mask) => MaskFacts::Kept(Box::new(mask.lineage().clone())),
        Err(why) => MaskFacts::Withheld(why),
    };
    let document = Document { scan: ScanFacts::of(&scan), mask, frames };
    if arguments.json {
        output::document("image-inspect", &document)?;
    } else {
        output::print(&report(&document))?;
    }
    Ok(Code::Done)
}

fn quality(frame: &bedside_imaging::Frame, mask: &PhiMask) -> Result<Quality, Failure> {
    Ok(Quality::of_frame(frame, mask)?)
}

fn report(document: &Document) -> String {
    let mut rows = document.scan.lines();
    match &document.mask {
        MaskFacts::Kept(mask) => rows.extend(mask_lines(mask)),
        MaskFacts::Withheld(why) => rows.push(["kept by the mask".into(), format!("nothing: {why}")]),
    }
    if let Some(first) = document.frames.first() {
        rows.extend(first.lines());
    }
    let mut out = table(rows);
    for facts in &document.frames {
        let Some(quality) = &facts.quality else { continue };
        let verdict = match quality.verdict {
            Verdict::Good => "good",
            Verdict::Doubtful => "doubtful",
            Verdict::Refused => "refused",
        };
        out.push_str(&format!("\nframe {}: {verdict}\n", facts.frame));
        for measure in quality.shortcomings() {
            let hint = measure.hint.map_or_else(String::new, |hint| format!(" — {hint}"));
            out.push_str(&format!("  {}{hint}\n", text::name(&measure.reason)));
        }
    }
    format!("{out}\n{}\n", output::DEMONSTRATION)
}

fn table(rows: Vec<[String; 2]>) -> String {
    let width = rows.iter().map(|[name, _]| name.chars().count()).max().unwrap_or(0);
    rows.iter().map(|[name, value]| format!("{name:width$}  {value}\n")).collect()
}
