//! `bedside scan`: scans to reports, kept and shown.

pub(crate) mod engine;
pub(crate) mod inputs;
pub(crate) mod keep;
pub(crate) mod page;
pub(crate) mod render;
mod report_lines;
mod results;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow};
use bedside_imaging::{Identification, IdentityField, Scan};
use bedside_pipeline::{Language, Report};
use bedside_vault::{Digest, SourceKey, Stamp};

use crate::cli::ScanArguments;
use crate::exit::{Code, Failure};
use crate::{clock, inputs as runs, text};
use engine::{Engine, Judged};
use inputs::Input;
use keep::{Keeper, Kept};
use results::Results;

/// A scan's own bytes are kept beside its report up to this size: 64 MiB. Larger ones have to be given again to
/// prove a report.
const MOST_COPIED_BYTES: u64 = 64 << 20;

/// One scan and what is said about it.
pub(crate) struct Scanned {
    pub(crate) judged: Judged,
    /// The report's document, byte for byte as it is kept.
    pub(crate) document: String,
    pub(crate) kept: Kept,
    /// It was computed before: when.
    pub(crate) cached: Option<Stamp>,
    pub(crate) computed_at: Stamp,
    pub(crate) warnings: Vec<String>,
    pub(crate) identification: Option<Identification>,
}

pub(crate) fn run(arguments: &ScanArguments, store: Option<&Path>) -> Result<Code, Failure> {
    let found = inputs::expand(&arguments.input, arguments.zone)?;
    let mut session = Session::open(&arguments.exam, arguments.keep, arguments.out.is_some(), store)?;
    let mut results = Results::new(arguments)?;
    let named = found.iter().map(|input| (input.path.display().to_string(), input));
    let worked = runs::each(named, |input| {
        let scanned = session.scan(input)?;
        results.add(&input.path, &scanned)?;
        Ok(())
    })?;
    results.finish(&session.engine, &worked)?;
    let saved = results.all_saved();
    session.keeper.close()?;
    Ok(if saved { worked.code() } else { Code::Store })
}

/// An exam and a vault, for as many scans as come.
pub(crate) struct Session {
    pub(crate) engine: Engine,
    pub(crate) keeper: Keeper,
    keep_without_patient: bool,
    /// Pictures are wanted of cached reports too.
    pictures: bool,
}

impl Session {
    pub(crate) fn open(
        exam: &crate::cli::ExamArguments,
        keep_without_patient: bool,
        pictures: bool,
        store: Option<&Path>,
    ) -> Result<Self, Failure> {
        let engine = Engine::open(exam, store)?;
        Ok(Self { engine, keeper: Keeper::open(store), keep_without_patient, pictures })
    }

    /// One scan: out of the cache, or judged now. Errors: a scan that cannot be read (code 3); the model's.
    pub(crate) fn scan(&mut self, input: &Input) -> Result<Scanned, Failure> {
        let (file, length) = digest(&input.path)?;
        let source = SourceKey { file, settings: self.engine.settings_digest(input.zone) };
        if let Some(hit) = self.keeper.find(&source) {
            let document = String::from_utf8(hit.bytes).ok();
            let report = document.as_deref().and_then(|text| Report::from_json(text).ok());
            if let Some((document, report)) = document.zip(report) {
                let (judged, identification) = self.seen_before(&input.path, report)?;
                let warnings = hit.warnings.iter().map(keep::warning).collect();
                let (kept, at) = (Kept::Saved(hit.id), hit.computed_at);
                return Ok(Scanned {
                    judged,
                    document,
                    kept,
                    cached: Some(at),
                    computed_at: at,
                    warnings,
                    identification,
                });
            }
        }
        self.keeper.opened(&file);
        let scan = Scan::open(&input.path)?;
        let identification = scan.identification()?;
        let judged = self.engine.report(&scan, input.zone)?;
        if digest(&input.path)?.0 != file {
            return Err(Failure::new(Code::Input, anyhow!("changed while it was read")));
        }
        let document = judged.report.to_json();
        let key = keep::report_key(pixels(&judged, &file), &self.engine, identification.as_ref(), input.zone);
        let copy = (length <= MOST_COPIED_BYTES).then(|| std::fs::read(&input.path).ok()).flatten();
        let copy = copy.filter(|bytes| Digest::of(bytes) == file);
        let (kept, warnings) =
            self.keeper.put(document.as_bytes(), &key, &source, copy.as_deref(), self.keep_without_patient);
        let reading = clock::read();
        let computed_at = Stamp { unix_ms: reading.unix_ms, verified: reading.trusted };
        Ok(Scanned { judged, document, kept, cached: None, computed_at, warnings, identification })
    }

    /// What a cached report is shown with. The scan's header is read, its pixels only where pictures are wanted.
    fn seen_before(
        &mut self,
        path: &Path,
        report: Report,
    ) -> Result<(Judged, Option<Identification>), Failure> {
        let scan = Scan::open(path)?;
        let identification = scan.identification()?;
        if !self.pictures {
            return Ok((Judged { report, frames: Vec::new(), mask: None }, identification));
        }
        Ok((self.engine.look(&scan, report)?, identification))
    }
}

/// Digest of what was looked at: the masked frames, or of the file where nothing may be shown.
fn pixels(judged: &Judged, file: &Digest) -> Digest {
    let Some(mask) = &judged.mask else { return Digest::of_fields([&b"withheld"[..], &file.0]) };
    let mut fields: Vec<Vec<u8>> = Vec::new();
    for frame in &judged.frames {
        if let Ok(masked) = mask.apply(&frame.pixels) {
            fields.push(format!("{}x{}x{}", masked.width(), masked.height(), masked.channels()).into_bytes());
            fields.push(Digest::of(masked.bytes()).0.to_vec());
        }
    }
    Digest::of_fields(fields.iter().map(Vec::as_slice))
}

/// Digest and length of a file's bytes, read in pieces. Errors (code 3): no regular file, or one that cannot be read.
pub(crate) fn digest(path: &Path) -> Result<(Digest, u64), Failure> {
    let refused = |error: anyhow::Error| Failure::new(Code::Input, error);
    let found = std::fs::metadata(path).context("cannot read").map_err(refused)?;
    if !found.is_file() {
        return Err(refused(anyhow!("is no regular file")));
    }
    let mut file = File::open(path).context("cannot read").map_err(refused)?;
    let (mut hasher, mut piece, mut length) = (blake3::Hasher::new(), vec![0; 1 << 18], 0);
    loop {
        let read = file.read(&mut piece).context("cannot read").map_err(refused)?;
        if read == 0 {
            return Ok((Digest(*hasher.finalize().as_bytes()), length));
        }
        hasher.update(&piece[..read]);
        length += read as u64;
    }
}

/// Who a scan shows, for the person at the bedside: name and number, as the file has them.
pub(crate) fn patient(identification: Option<&Identification>, language: Language) -> String {
    let text = |field| identification.and_then(|known| known.text(field));
    match (text(IdentityField::PatientName), text(IdentityField::PatientId)) {
        (None, None) => page::words(language).nobody.to_owned(),
        (name, id) => {
            let name = name.map(|name| name.replace('^', " "));
            let parts: Vec<String> = name.into_iter().chain(id.map(str::to_owned)).collect();
            text::name(&parts.join(", "))
        }
    }
}
