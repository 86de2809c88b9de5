//! Folders: patients apart, zones in a table.

use super::*;
use crate::codes::{State, Summary, Warning, Zone};
use crate::{FolderScan, Language, exam_lines, folder};

fn report(zone: Option<Zone>, states: [State; 2], summary: Summary) -> Report {
    let frames = phantom_frames(Finding::ALines, 3, 1);
    let mut report = report_of(&exam(PROTOCOL), &frames, Domain::Phantom);
    report.scan.zone = zone;
    report.summary = summary;
    report.findings.iter_mut().zip(states).for_each(|(finding, state)| finding.state = state);
    report
}

#[test]
fn scans_are_taken_apart_by_patient_and_study_and_put_into_zones() {
    let protocol = Protocol::parse(PROTOCOL).unwrap();
    let absent = report(Some(Zone::RightUpperAnterior), [State::Absent; 2], Summary::NoneSeen);
    let present = report(Some(Zone::RightUpperAnterior), [State::Present, State::Absent], Summary::SomeSeen);
    let nowhere = report(None, [State::Absent, State::Indeterminate], Summary::Indeterminate);
    let elsewhere = report(Some(Zone::RightLowerPosterior), [State::Absent; 2], Summary::NoneSeen);
    let scan = |patient, study, scan, report| FolderScan { patient, study, scan, report };
    let scans = [
        scan(Some("b"), Some("1"), "b1", &absent),
        scan(None, None, "stray", &absent),
        scan(Some("a"), Some("1"), "a2", &present),
        scan(Some("a"), Some("1"), "a1", &absent),
        scan(Some("a"), Some("1"), "a3", &nowhere),
        scan(Some("a"), Some("2"), "a4", &elsewhere),
    ];
    let got = folder(&protocol, &scans).unwrap();
    assert_eq!(got.warnings, [Warning::SeveralPatients, Warning::PatientUnknown, Warning::SeveralStudies]);
    let keys: Vec<_> = got.exams.iter().map(|e| (e.patient.as_deref(), e.study.as_deref())).collect();
    assert_eq!(keys, [(Some("a"), Some("1")), (Some("a"), Some("2")), (Some("b"), Some("1")), (None, None)]);
    let first = &got.exams[0];
    assert_eq!(first.zones.len(), 1);
    let scans: Vec<&str> = first.zones[0].scans.iter().map(|row| row.scan.as_str()).collect();
    assert_eq!(scans, ["a2", "a1"], "in the caller's order");
    let states: Vec<State> = first.zones[0].findings.iter().map(|finding| finding.state).collect();
    assert_eq!(states, [State::Present, State::Absent]);
    assert_eq!(first.missing, [Zone::LeftUpperAnterior, Zone::LeftLowerLateral]);
    assert_eq!(first.without_zone.len(), 1);
    assert_eq!(first.warnings, [Warning::ZonesMissing, Warning::ZoneUnknown]);
    assert_eq!(first.summary, Summary::SomeSeen);
    assert_eq!(got.exams[1].without_zone.len(), 1, "a zone that the protocol has not");
    assert_eq!(got.exams[2].summary, Summary::NoneSeen);
    let lines = exam_lines(first, Language::English);
    assert_eq!(
        lines[0],
        "right upper anterior | consolidation: present, A-lines: not seen | a2 (frame 0), a1 (frame 0)"
    );
    assert!(
        lines.iter().any(|line| line == "Zones without a scan: left upper anterior, left lower lateral.")
    );
    assert!(exam_lines(first, Language::Japanese)[0].starts_with("右上前胸部 | "));
    let alike = [scan(Some("a"), None, "x", &absent); 2];
    let one = folder(&protocol, &alike).unwrap();
    assert_eq!((one.exams.len(), one.warnings.len()), (1, 0));
}

#[test]
fn absence_needs_every_scan() {
    let protocol = Protocol::parse(PROTOCOL).unwrap();
    let zone = Some(Zone::LeftUpperAnterior);
    let absent = report(zone, [State::Absent; 2], Summary::NoneSeen);
    let refused = report(zone, [State::NotAssessable; 2], Summary::NotAssessable);
    let raw = report(zone, [State::Uncalibrated; 2], Summary::RawScores);
    let of = |reports: &[&Report]| {
        let scans: Vec<FolderScan<'_>> = reports
            .iter()
            .map(|report| FolderScan { patient: Some("a"), study: None, scan: "s", report })
            .collect();
        let exam = folder(&protocol, &scans).unwrap().exams.remove(0);
        (exam.findings[0].state, exam.summary)
    };
    assert_eq!(of(&[&absent, &absent]), (State::Absent, Summary::NoneSeen));
    assert_eq!(of(&[&absent, &refused]), (State::NotAssessable, Summary::Indeterminate));
    assert_eq!(of(&[&refused]), (State::NotAssessable, Summary::NotAssessable));
    assert_eq!(of(&[&raw, &refused]), (State::NotAssessable, Summary::RawScores));
    assert!(folder(&protocol, &[]).unwrap().exams.is_empty());
    let long = "x".repeat(600);
    let scan = FolderScan { patient: Some(&long), study: None, scan: "s", report: &absent };
    assert!(folder(&protocol, &[scan]).is_err());
}
