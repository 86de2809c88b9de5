//! `bedside image convert`: frames of a scan as PNG files.

use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use bedside_imaging::{CAVEAT, DeidentificationKey, Frame, Lineage, PhiLineage, PhiMask, Scan, encode_png};
use serde::Serialize;

use super::describe::text_within;
use super::{chosen, mask, open, shown};
use crate::cli::ImageConvertArguments;
use crate::exit::{Code, Failure};
use crate::folder::Folder;
use crate::scan::keep;
use crate::{clock, interrupt, output, progress};

/// The JSON document `bedside.image-convert/1`.
#[derive(Serialize)]
struct Document {
    out: String,
    /// `None`: everything was written, as asked.
    mask: Option<PhiLineage>,
    frames: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    /// From 1.
    frame: u32,
    file: String,
    lineage: Lineage,
}

/// Name of the DICOM file without identifiers.
const DEIDENTIFIED: &str = "deidentified.dcm";

pub(super) fn run(arguments: &ImageConvertArguments, store: Option<&Path>) -> Result<Code, Failure> {
    let at = |failure: Failure| failure.at(&shown(&arguments.file));
    let scan = open(&arguments.file)?;
    let indices = chosen(&scan, &arguments.frames).map_err(at)?;
    let mask = if arguments.unmasked { None } else { Some(mask(&scan).map_err(at)?) };
    let folder = Folder::create(&arguments.out, arguments.force)?;
    let dicom = arguments.dicom.then(|| DEIDENTIFIED.to_owned());
    folder.ensure_free(indices.iter().map(|index| name(*index)).chain(dicom))?;
    let _working = interrupt::Cancellable::begin();
    let bar = progress::counted("frames", indices.len() as u64);
    let mut frames = Vec::new();
    for index in indices {
        if interrupt::asked() {
            let message = format!("stopped after {} frames, all of them whole", frames.len());
            return Err(Failure::new(Code::Interrupted, anyhow!(message)));
        }
        let mut frame = scan.frame(index).map_err(|error| at(error.into()))?;
        if let Some(mask) = &mask {
            frame = Arc::new(mask.apply_to_frame(&frame).map_err(|error| at(error.into()))?);
        }
        folder.write(&name(index), &encode_png(&frame.pixels)?)?;
        let Frame { lineage, .. } = &*frame;
        frames.push(Line { frame: index + 1, file: name(index), lineage: lineage.clone() });
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(mask) = mask.as_ref().filter(|_| arguments.dicom) {
        export(&scan, mask, &folder, store).map_err(at)?;
    }
    let lineage = mask.map(|mask| mask.lineage().clone());
    if arguments.json {
        let out = arguments.out.display().to_string();
        output::document("image-convert", &Document { out, mask: lineage, frames })?;
    } else {
        output::print(&report(arguments, lineage.as_ref(), frames.len()))?;
    }
    Ok(Code::Done)
}

/// The whole scan without identifiers, frame by frame. Errors: no DICOM (code 3); the store's key, or a file that
/// cannot be written (code 6).
fn export(scan: &Scan, mask: &PhiMask, folder: &Folder, store: Option<&Path>) -> Result<(), Failure> {
    let vault = keep::open(store)?;
    let key = DeidentificationKey(vault.uid_key());
    vault.close(clock::read()).map_err(|error| Failure::new(Code::Store, error))?;
    let mut file = folder.temporary()?;
    scan.export_deidentified(mask, &key, &mut file)?;
    folder.keep(file, DEIDENTIFIED)
}

/// Nothing of the file's own name: it may be a patient's.
fn name(index: u32) -> String {
    format!("frame-{:05}.png", u64::from(index) + 1)
}

fn report(arguments: &ImageConvertArguments, mask: Option<&PhiLineage>, frames: usize) -> String {
    let plural = if frames == 1 { "" } else { "s" };
    let out = shown(&arguments.out);
    let how = match mask {
        Some(mask) => {
            let kept = mask.kept_share * 100.0;
            let text = text_within(mask);
            format!("masked: {kept:.0} % of the picture is kept; text within: {text}\n{CAVEAT}")
        }
        None => "unmasked: whatever names the patient is in these files".to_owned(),
    };
    format!("{frames} frame{plural} written to {out}\n{how}\n")
}
