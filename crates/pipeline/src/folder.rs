//! A folder is an exam: scans by patient and study, and a table by zone.

use serde::{Deserialize, Serialize};

use crate::PipelineError;
use crate::codes::{FindingCode, State, Summary, Warning, Zone};
use crate::limits::{MAX_NOTE, MAX_SCANS};
use crate::protocol::Protocol;
use crate::report::Report;

/// Of the documents that this build writes and reads.
pub const EXAM_SCHEMA: &str = "bedside.exam/1";

/// A report with what the caller knows of the scan. The keys are opaque: hashes, never names.
#[derive(Debug, Clone, Copy)]
pub struct FolderScan<'a> {
    /// Key of the patient. `None`: the file names nobody.
    pub patient: Option<&'a str>,
    /// Key of the study. `None`: the file names none.
    pub study: Option<&'a str>,
    /// What the caller calls the scan.
    pub scan: &'a str,
    /// Its report.
    pub report: &'a Report,
}

/// All exams of a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// [`EXAM_SCHEMA`].
    pub schema: String,
    /// About the folder.
    pub warnings: Vec<Warning>,
    /// One per patient and study, by their keys; those without last.
    pub exams: Vec<ExamTable>,
}

/// One patient's exam.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExamTable {
    /// Key of the patient.
    pub patient: Option<String>,
    /// Key of the study.
    pub study: Option<String>,
    /// About this exam.
    pub warnings: Vec<Warning>,
    /// In the protocol's order, those with scans.
    pub zones: Vec<ZoneRow>,
    /// Zones of the protocol without a scan.
    pub missing: Vec<Zone>,
    /// Scans of which nobody said the zone, or whose zone the protocol has not.
    pub without_zone: Vec<ScanRow>,
    /// All zones together.
    pub summary: Summary,
    /// Per finding over all scans.
    pub findings: Vec<FindingState>,
}

/// One zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneRow {
    /// Which.
    pub zone: Zone,
    /// Its scans, in the caller's order.
    pub scans: Vec<ScanRow>,
    /// Per finding over its scans.
    pub findings: Vec<FindingState>,
}

/// One scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanRow {
    /// What the caller calls it.
    pub scan: String,
    /// What it says.
    pub summary: Summary,
    /// The frame to show.
    pub key_frame: Option<u32>,
    /// Per finding.
    pub findings: Vec<FindingState>,
}

/// What is said about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingState {
    /// Which.
    pub code: FindingCode,
    /// What is said.
    pub state: State,
}

/// Take a folder's scans apart by patient and study. Scans of nobody in particular are put to nobody's.
/// Errors: `Count` for more scans than can be worked with, or a key that is too long.
pub fn folder(protocol: &Protocol, scans: &[FolderScan<'_>]) -> Result<Folder, PipelineError> {
    let count = |what, most: usize, got: usize| match got <= most {
        true => Ok(()),
        false => Err(PipelineError::Count { what, expected: format!("at most {most}"), got: got as u64 }),
    };
    count("scans of a folder", MAX_SCANS, scans.len())?;
    for scan in scans {
        for key in [Some(scan.scan), scan.patient, scan.study].into_iter().flatten() {
            count("characters of a key", MAX_NOTE, key.len())?;
        }
    }
    // Those that name a patient first; the order within a group stays the caller's.
    let key = |scan: &FolderScan<'_>| {
        let owned = |key: Option<&str>| (key.is_none(), key.map(str::to_owned));
        (owned(scan.patient), owned(scan.study))
    };
    let mut order: Vec<usize> = (0..scans.len()).collect();
    order.sort_by_key(|place| (key(&scans[*place]), *place));
    let groups = order.chunk_by(|a, b| key(&scans[*a]) == key(&scans[*b]));
    let exams: Vec<ExamTable> = groups
        .map(|group| {
            let own: Vec<FolderScan<'_>> = group.iter().map(|place| scans[*place]).collect();
            table(protocol, &own)
        })
        .collect();
    let mut patients: Vec<&Option<String>> = exams.iter().map(|exam| &exam.patient).collect();
    let studies = patients.len();
    patients.dedup();
    let mut warnings = Vec::new();
    let known = patients.iter().filter(|patient| patient.is_some()).count();
    if known > 1 {
        warnings.push(Warning::SeveralPatients);
    }
    if patients.iter().any(|patient| patient.is_none()) {
        warnings.push(Warning::PatientUnknown);
    }
    if studies > patients.len() {
        warnings.push(Warning::SeveralStudies);
    }
    Ok(Folder { schema: EXAM_SCHEMA.to_owned(), warnings, exams })
}

/// One group: `scans` has at least one.
fn table(protocol: &Protocol, scans: &[FolderScan<'_>]) -> ExamTable {
    let of_zone = |zone: Zone| scans.iter().filter(move |scan| scan.report.scan.zone == Some(zone));
    let zones: Vec<ZoneRow> = protocol
        .zones
        .iter()
        .filter(|zone| of_zone(**zone).next().is_some())
        .map(|zone| {
            let scans: Vec<ScanRow> = of_zone(*zone).map(row).collect();
            let findings = merged(protocol, scans.iter());
            ZoneRow { zone: *zone, scans, findings }
        })
        .collect();
    let placed =
        |scan: &&FolderScan<'_>| scan.report.scan.zone.is_some_and(|zone| protocol.zones.contains(&zone));
    let without_zone: Vec<ScanRow> = scans.iter().filter(|scan| !placed(scan)).map(row).collect();
    let missing: Vec<Zone> =
        protocol.zones.iter().copied().filter(|zone| of_zone(*zone).next().is_none()).collect();
    let mut warnings = Vec::new();
    if !missing.is_empty() {
        warnings.push(Warning::ZonesMissing);
    }
    if !without_zone.is_empty() {
        warnings.push(Warning::ZoneUnknown);
    }
    let all = zones.iter().flat_map(|zone| &zone.scans).chain(&without_zone);
    let findings = merged(protocol, all.clone());
    let summary = summary(&findings, all);
    let key = |of: Option<&str>| of.map(str::to_owned);
    let (patient, study) = (key(scans[0].patient), key(scans[0].study));
    ExamTable { patient, study, warnings, zones, missing, without_zone, summary, findings }
}

fn row(scan: &FolderScan<'_>) -> ScanRow {
    let report = scan.report;
    let findings = report.findings.iter().map(|f| FindingState { code: f.code, state: f.state }).collect();
    let (scan, key_frame) = (scan.scan.to_owned(), report.scan.key_frame);
    ScanRow { scan, summary: report.summary, key_frame, findings }
}

/// One scan that shows a finding is enough; that it is absent needs every scan.
fn merged<'a>(protocol: &Protocol, scans: impl Iterator<Item = &'a ScanRow> + Clone) -> Vec<FindingState> {
    const FIRST: [State; 5] =
        [State::Present, State::Indeterminate, State::NotAssessable, State::Uncalibrated, State::Absent];
    let one = |code: FindingCode| {
        let states = scans.clone().flat_map(|scan| &scan.findings).filter(move |f| f.code == code);
        let state = FIRST.into_iter().find(|state| states.clone().any(|finding| finding.state == *state));
        FindingState { code, state: state.unwrap_or(State::NotAssessable) }
    };
    protocol.findings.iter().map(|finding| one(finding.code)).collect()
}

fn summary<'a>(findings: &[FindingState], scans: impl Iterator<Item = &'a ScanRow> + Clone) -> Summary {
    let any = |state| findings.iter().any(|finding| finding.state == state);
    let scan = |summary| scans.clone().any(|scan| scan.summary == summary);
    if any(State::Present) {
        Summary::SomeSeen
    } else if any(State::Indeterminate) {
        Summary::Indeterminate
    } else if findings.iter().all(|finding| finding.state == State::Absent) {
        Summary::NoneSeen
    } else if scan(Summary::RawScores) {
        Summary::RawScores
    } else if scan(Summary::NoneSeen) {
        // Some scans show nothing, others were not judged: it cannot be told.
        Summary::Indeterminate
    } else {
        Summary::NotAssessable
    }
}
