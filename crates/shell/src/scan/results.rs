//! What `scan` gives out: the terminal's text or the JSON document, and the files of `--out`.

use std::path::Path;

use bedside_imaging::IdentityField;
use bedside_pipeline::{Folder as Exams, FolderScan, Language, Report, exam_lines, folder as exams};
use serde::Serialize;
use serde_json::Value;

use super::engine::{Engine, of_pipeline};
use super::keep::Kept;
use super::page::{self, Page};
use super::{Scanned, render, report_lines};
use crate::cli::ScanArguments;
use crate::exit::Failure;
use crate::folder::Folder;
use crate::identity::ExecutorIdentity;
use crate::inputs::{Refused, Worked};
use crate::{clock, output};

/// The JSON document `bedside.scan/1`.
#[derive(Serialize)]
struct Document<'a> {
    note: &'static str,
    model: &'a str,
    executor: &'a ExecutorIdentity,
    scans: &'a [Line],
    exam: Option<&'a Exams>,
    failed: &'a [Refused],
}

#[derive(Serialize)]
struct Line {
    input: String,
    /// Id in the store. `None`: it is not there.
    id: Option<String>,
    /// Why it is not kept. `None`: it is, or names no patient.
    not_saved: Option<String>,
    cached: bool,
    computed_at: String,
    warnings: Vec<String>,
    files: Vec<String>,
    report: Value,
}

/// Collects one scan after the other.
pub(super) struct Results<'a> {
    arguments: &'a ScanArguments,
    out: Option<Folder>,
    lines: Vec<Line>,
    reports: Vec<(Owner, Report)>,
    /// Patients and studies in the order they were met; what stands in reports are their places.
    patients: Vec<(Option<String>, String)>,
    studies: Vec<String>,
    unsaved: bool,
}

/// Whose a scan is, by number, and what the user calls it.
struct Owner {
    patient: Option<String>,
    study: Option<String>,
    name: String,
}

impl<'a> Results<'a> {
    pub(super) fn new(arguments: &'a ScanArguments) -> Result<Self, Failure> {
        let out = arguments.out.as_deref().map(|path| Folder::create(path, arguments.force)).transpose()?;
        let (patients, studies) = (Vec::new(), Vec::new());
        Ok(Self { arguments, out, lines: Vec::new(), reports: Vec::new(), patients, studies, unsaved: false })
    }

    fn language(&self) -> Language {
        self.arguments.language
    }

    pub(super) fn all_saved(&self) -> bool {
        !self.unsaved
    }

    /// Show a scan, and write its files.
    pub(super) fn add(&mut self, path: &Path, scanned: &Scanned) -> Result<(), Failure> {
        let number = self.lines.len() + 1;
        let files = match &self.out {
            Some(out) => write(out, number, scanned, self.language())?,
            None => Vec::new(),
        };
        let name = path.display().to_string();
        if !self.arguments.json {
            output::print(&report_lines::lines(&name, scanned, self.language()))?;
        }
        let (id, not_saved) = match &scanned.kept {
            Kept::Saved(id) => (Some(id.to_string()), None),
            Kept::Session => (None, None),
            Kept::Not(why) => (None, Some(why.clone())),
        };
        self.unsaved |= not_saved.is_some();
        let report: Result<Value, _> = serde_json::from_str(&scanned.document);
        self.lines.push(Line {
            input: name.clone(),
            id,
            not_saved,
            cached: scanned.cached.is_some(),
            computed_at: clock::shown(scanned.computed_at),
            warnings: scanned.warnings.clone(),
            files,
            report: report.map_err(|error| Failure::new(crate::exit::Code::Store, error))?,
        });
        let text = |field| scanned.identification.as_ref().and_then(|known| known.text(field));
        // The same number given by two issuers is two patients.
        let issuer = text(IdentityField::IssuerOfPatientId).map(str::to_owned);
        let patient = text(IdentityField::PatientId).map(|id| (issuer, id.to_owned()));
        let patient = patient.map(|key| numbered(&mut self.patients, key, "patient"));
        let study = text(IdentityField::StudyInstanceUid).map(str::to_owned);
        let study = study.map(|uid| numbered(&mut self.studies, uid, "study"));
        self.reports.push((Owner { patient, study, name }, scanned.judged.report.clone()));
        Ok(())
    }

    /// The table over all of them, and the document.
    pub(super) fn finish(&self, engine: &Engine, worked: &Worked<()>) -> Result<(), Failure> {
        let rows: Vec<FolderScan<'_>> = self
            .reports
            .iter()
            .map(|(owner, report)| FolderScan {
                patient: owner.patient.as_deref(),
                study: owner.study.as_deref(),
                scan: last(&owner.name),
                report,
            })
            .collect();
        let exam = match rows.len() {
            0 | 1 => None,
            _ => Some(exams(&engine.protocol, &rows).map_err(of_pipeline)?),
        };
        if self.arguments.json {
            let document = Document {
                note: output::DEMONSTRATION,
                model: &engine.model,
                executor: &engine.executor,
                scans: &self.lines,
                exam: exam.as_ref(),
                failed: &worked.refused,
            };
            return output::document("scan", &document);
        }
        let mut text = String::new();
        for exam in exam.iter().flat_map(|all| &all.exams) {
            let whose = exam.patient.as_deref().unwrap_or(page::words(self.language()).nobody);
            text.push_str(&format!("\n{}: {whose}\n", page::words(self.language()).exam));
            exam_lines(exam, self.language()).iter().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
        for warning in exam.iter().flat_map(|all| &all.warnings) {
            text.push_str(&format!("{}\n", self.language().word(*warning)));
        }
        if let Some(out) = &self.arguments.out {
            text.push_str(&format!("\n{}\n", crate::text::name(&out.display().to_string())));
        }
        output::print(&format!("{text}\n{}\n", output::DEMONSTRATION))
    }
}

/// `patient 2`: its place among those met so far.
fn numbered<K: PartialEq>(met: &mut Vec<K>, key: K, what: &str) -> String {
    let place = met.iter().position(|known| *known == key).unwrap_or_else(|| {
        met.push(key);
        met.len() - 1
    });
    format!("{what} {}", place + 1)
}

/// The end of a long path is what tells scans apart.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Files of one scan; their names hold a number only.
fn write(out: &Folder, number: usize, scanned: &Scanned, language: Language) -> Result<Vec<String>, Failure> {
    let stem = format!("scan-{number:05}");
    let report = format!("{stem}.report.json");
    let mut files = vec![(report, scanned.document.clone().into_bytes())];
    let mut pictures = Vec::new();
    for (at, picture) in render::pictures(&scanned.judged)?.iter().enumerate() {
        let png = render::png(picture)?;
        let instance = at as u32 + 1;
        let (report, known) = (&scanned.judged.report, scanned.identification.as_ref());
        let capture = render::secondary_capture(picture, report, known, instance)?;
        files.push((format!("{stem}.{}.png", picture.name), png.clone()));
        files.push((format!("{stem}.{}.dcm", picture.name), capture));
        pictures.push(png);
    }
    let page = Page { scanned, pictures: &pictures, language, live: false };
    files.push((format!("{stem}.html"), page.html().into_bytes()));
    out.ensure_free(files.iter().map(|(name, _)| name.clone()))?;
    for (name, bytes) in &files {
        out.write(name, bytes)?;
    }
    Ok(files.into_iter().map(|(name, _)| name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_two_issuers_is_two_patients() {
        let mut met = Vec::new();
        let key = |issuer: Option<&str>| (issuer.map(str::to_owned), "7".to_owned());
        let issuers = [Some("A"), Some("B"), None, Some("A")];
        let numbers = issuers.map(|issuer| numbered(&mut met, key(issuer), "patient"));
        assert_eq!(numbers, ["patient 1", "patient 2", "patient 3", "patient 1"]);
    }
}
