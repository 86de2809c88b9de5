//! What a report says, and what it refuses to say.

use bedside_evaluation::ConformalSet;
use bedside_imaging::{Anatomy, BodyPart, Frame, Modality, Pixels, Scan};
use bedside_phantom::Finding;

use super::*;
use crate::codes::{Localisation, Notice, QualityCode, SpreadKind, State, Summary, Why};
use crate::protocol::LocalisationCheck;
use crate::{Language, PipelineError, captions, report_text};

fn with(calibration: &Calibration) -> Exam {
    exam(&Protocol::with_calibration(PROTOCOL, calibration).unwrap())
}

#[test]
fn without_a_calibration_there_are_raw_scores_only() {
    let frames = phantom_frames(Finding::ALines, 3, 1);
    let report = report_of(&exam(PROTOCOL), &frames, Domain::Phantom);
    assert_eq!((report.summary, report.why), (Summary::RawScores, Some(Why::NotCalibrated)));
    assert!(report.watermarked() && !report.calibration.holds);
    for finding in &report.findings {
        assert_eq!((finding.state, finding.why), (State::Uncalibrated, Some(Why::NotCalibrated)));
        assert!(finding.score.is_some() && finding.probability.is_none() && finding.heat.is_none());
        let spread = finding.spread.unwrap();
        assert_eq!((spread.over, spread.count), (SpreadKind::Changes, 4));
        let score = finding.score.unwrap();
        assert!(spread.low <= score && score <= spread.high && spread.low < spread.high);
    }
    let [bright, dark] = [0, 1].map(|place| report.findings[place].score.unwrap());
    assert!((bright + dark).abs() < 1e-9, "the two findings are each other's opposite");
}

#[test]
fn a_calibration_speaks_of_its_own_domain_only() {
    let frames = phantom_frames(Finding::ALines, 3, 1);
    let exam = with(&calibration(&cases(60, 3.0), Domain::Phantom));
    let own = report_of(&exam, &frames, Domain::Phantom);
    assert!(own.calibration.holds && own.why.is_none());
    assert!(own.findings.iter().all(|finding| finding.probability.is_some() && finding.set.is_some()));
    assert!(own.notices.contains(&Notice::NotCalibratedOnRealScans), "even then: {:?}", own.notices);
    for other in [Domain::Unknown, Domain::Named("ward".to_owned())] {
        let report = report_of(&exam, &frames, other);
        assert_eq!((report.summary, report.why), (Summary::RawScores, Some(Why::OtherDomain)));
        for (finding, own) in report.findings.iter().zip(&own.findings) {
            assert_eq!((finding.state, finding.score), (State::Uncalibrated, own.score));
            assert!(finding.probability.is_none() && finding.set.is_none() && finding.heat.is_none());
        }
        let text = report_text(&report, Language::English);
        assert!(text.notices.iter().any(|line| line.contains("not calibrated on real scans")), "{text:?}");
        assert!(text.findings.iter().all(|finding| finding.probability.is_none()));
    }
}

#[test]
fn present_and_absent_need_the_set_and_the_threshold() {
    let frames = phantom_frames(Finding::ALines, 3, 1);
    let raw = report_of(&exam(PROTOCOL), &frames, Domain::Phantom);
    let score = |place: usize| raw.findings[place].score.unwrap();
    // A phantom is dark: the score of the first finding lies below 0, of the second above.
    assert!(score(0) < -2.0 && score(1) > 2.0, "{} {}", score(0), score(1));
    let told = report_of(&with(&calibration(&cases(60, 2.0), Domain::Phantom)), &frames, Domain::Phantom);
    assert_eq!((told.findings[0].state, told.findings[0].set), (State::Absent, Some(ConformalSet::Absent)));
    assert_eq!((told.findings[1].state, told.findings[1].set), (State::Present, Some(ConformalSet::Present)));
    assert_eq!(told.summary, Summary::SomeSeen);
    assert!(told.findings[0].probability.unwrap().value < 0.1);
    let likely = told.findings[1].probability.unwrap();
    let interval = likely.interval.unwrap();
    assert!(
        interval.low <= likely.value && likely.value <= interval.high && likely.value > 0.9,
        "{likely:?}"
    );
    // Too few patients: no bound holds, and nothing can be told.
    let few = report_of(&with(&calibration(&cases(8, 2.0), Domain::Phantom)), &frames, Domain::Phantom);
    for finding in &few.findings {
        assert_eq!((finding.state, finding.why), (State::Indeterminate, Some(Why::LikeBoth)));
    }
    assert_eq!(few.summary, Summary::Indeterminate);
    // Between two classes that lie far apart: unlike both.
    let far = report_of(&with(&calibration(&cases(60, 300.0), Domain::Phantom)), &frames, Domain::Phantom);
    assert!(far.findings.iter().all(|finding| finding.why == Some(Why::LikeNeither)));
}

#[test]
fn a_threshold_on_the_other_side_leaves_it_open() {
    let frames = phantom_frames(Finding::ALines, 3, 1);
    let mut fitted = calibration(&cases(60, 2.0), Domain::Phantom);
    fitted.findings[0].operating_point.threshold = -1000.0;
    let report = report_of(&with(&fitted), &frames, Domain::Phantom);
    let finding = &report.findings[0];
    assert_eq!((finding.state, finding.why), (State::Indeterminate, Some(Why::ThresholdDisagrees)));
}

#[test]
fn findings_that_contradict_each_other_are_not_told() {
    let implies = PROTOCOL.replace("code = \"a_lines\"", "code = \"a_lines\"\nimplies = [\"consolidation\"]");
    let protocol = Protocol::parse(&implies).unwrap();
    let cases = cases(60, 2.0);
    let fitted =
        fit(&protocol, MODEL, &cohort(Domain::Phantom), &cases, &[], FitSettings::default()).unwrap();
    let exam = exam(&Protocol::with_calibration(&implies, &fitted).unwrap());
    let report = report_of(&exam, &phantom_frames(Finding::ALines, 3, 1), Domain::Phantom);
    for finding in &report.findings {
        assert_eq!((finding.state, finding.why), (State::Indeterminate, Some(Why::Contradiction)));
    }
}

#[test]
fn a_summary_names_what_is_not_assessed_and_is_never_normal() {
    let mut fitted = calibration(&cases(60, 2.0), Domain::Phantom);
    // The second finding's scale moved up: both are absent.
    let second = &mut fitted.findings[1];
    second.operating_point.threshold = 50.0;
    (second.bounds.present_from, second.bounds.absent_to) = (Some(49.0), Some(48.0));
    let report = report_of(&with(&fitted), &phantom_frames(Finding::ALines, 3, 1), Domain::Phantom);
    assert_eq!(report.summary, Summary::NoneSeen);
    let text = report_text(&report, Language::English);
    assert_eq!(text.headline, "None of the 2 assessed findings seen; pneumothorax not assessed.");
    assert_eq!(captions(&report)[0], text.headline);
    let japanese = report_text(&report, Language::Japanese).headline;
    assert!(japanese.contains("2所見") && japanese.contains("気胸"), "{japanese}");
}

#[test]
fn scans_that_cannot_be_judged_are_refused_by_name() {
    let phantom = phantom_frames(Finding::ALines, 3, 1).remove(0);
    let size = (phantom.pixels.width(), phantom.pixels.height());
    let count = (size.0 * size.1) as usize;
    let picture = |value: &dyn Fn(usize) -> [u8; 3]| {
        let bytes: Vec<u8> = (0..count).flat_map(value).collect();
        Frame::new(Pixels::new(size.0, size.1, 3, bytes).unwrap(), 0)
    };
    let blank = picture(&|_| [0; 3]);
    let white = picture(&|_| [250; 3]);
    let colours = picture(&|at| [(at % 251) as u8, (at / 256 % 256) as u8, (at % 83 * 3) as u8]);
    let ct = Frame { modality: Some(Modality::ComputedTomography), ..phantom.clone() };
    let breast = Frame { anatomy: Some(Anatomy::BodyPart(BodyPart::Breast)), ..phantom.clone() };
    let lung = Frame { anatomy: Some(Anatomy::BodyPart(BodyPart::Lung)), ..phantom.clone() };
    let exam = with(&calibration(&cases(60, 2.0), Domain::Phantom));
    let refused = |frame: Frame| report_of(&exam, &[frame], Domain::Phantom);
    for (what, frame) in [("blank", blank), ("white", white), ("colours", colours)] {
        let report = refused(frame);
        assert!(matches!(report.why, Some(Why::PixelsWithheld | Why::Quality)), "{what}: {:?}", report.why);
        assert_eq!(report.summary, Summary::NotAssessable, "{what}");
    }
    let report = refused(ct);
    assert_eq!(report.why, Some(Why::Quality));
    assert!(report.scan.quality.iter().any(|note| note.code == QualityCode::Modality && note.refused));
    let report = refused(breast);
    assert_eq!(report.why, Some(Why::Anatomy));
    for finding in &report.findings {
        assert_eq!(
            (finding.state, finding.score, finding.why),
            (State::NotAssessable, None, Some(Why::Anatomy))
        );
    }
    assert!(report_text(&report, Language::English).headline.starts_with("Not assessed: "));
    assert_eq!(refused(lung).why, None);
}

#[test]
fn a_cine_is_summed_up_and_its_bad_frames_left_out() {
    let mut frames = phantom_frames(Finding::ALines, 3, 3);
    let whole = report_of(&exam(PROTOCOL), &frames, Domain::Phantom);
    assert_eq!(whole.scan.usable, [0, 1, 2]);
    let spread = whole.findings[0].spread.unwrap();
    assert_eq!((spread.over, spread.count), (SpreadKind::Frames, 3));
    // The protocol takes the highest, and the key frame is where it was.
    assert_eq!(whole.findings[0].score, Some(spread.high));
    assert_eq!(whole.findings[1].score, Some(whole.findings[1].spread.unwrap().high));
    frames[1].modality = Some(Modality::ComputedTomography);
    let two = report_of(&exam(PROTOCOL), &frames, Domain::Phantom);
    assert_eq!((two.scan.usable.as_slice(), two.scan.looked_at.len()), ([0, 2].as_slice(), 3));
    assert!(two.notices.contains(&Notice::FramesLeftOut));
    frames[2].modality = Some(Modality::ComputedTomography);
    let one = report_of(&exam(PROTOCOL), &frames, Domain::Phantom);
    assert_eq!(one.why, Some(Why::Quality), "one of three is less than the protocol's half");
}

#[test]
fn heatmaps_wait_for_their_check() {
    let frames = phantom_frames(Finding::ALines, 3, 1);
    let check = |hits, lesions| Some(LocalisationCheck { hits, lesions, full_scale: 5.0 });
    let cases = [
        (None, Localisation::NotChecked),
        (check(9, 10), Localisation::Shown),
        (check(8, 10), Localisation::Shown),
        (check(7, 10), Localisation::NotPassed),
        (check(9, 9), Localisation::NotPassed),
    ];
    for (check, expected) in cases {
        let mut fitted = calibration(&super::cases(60, 2.0), Domain::Phantom);
        fitted.findings.iter_mut().for_each(|finding| finding.localisation = check);
        let report = report_of(&with(&fitted), &frames, Domain::Phantom);
        let [absent, present] = [&report.findings[0], &report.findings[1]];
        assert_eq!((absent.localisation, &absent.heat), (Localisation::NotNeeded, &None));
        assert_eq!(present.localisation, expected);
        assert_eq!(present.heat.is_some(), expected == Localisation::Shown);
        if let Some(heat) = &present.heat {
            assert_eq!((heat.grid, heat.frame), ([2, 2], 0));
            let mean = heat.values.iter().map(|value| value.unwrap()).sum::<f64>() / 4.0;
            // Every value is rounded to six decimals.
            assert!((mean - present.score.unwrap()).abs() < 2e-6, "the parts of the score add up to it");
            heat.overlay().unwrap();
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_and_reads_back() {
    let frames = phantom_frames(Finding::BLinesConfluent, 5, 2);
    let exam = with(&calibration(&cases(60, 2.0), Domain::Phantom));
    let report = report_of(&exam, &frames, Domain::Phantom);
    let text = report.to_json();
    assert_eq!(text, report_of(&exam, &frames, Domain::Phantom).to_json());
    assert_eq!(Report::from_json(&text).unwrap(), report);
    assert_eq!(Report::from_json(&text).unwrap().to_json(), text);
    for wrong in [
        "",
        "{}",
        "null",
        &text.replace("bedside.report/1", "bedside.report/2"),
        &text.replace("\"why\"", "\"wy\""),
    ] {
        assert!(matches!(Report::from_json(wrong), Err(PipelineError::ReportText { .. })), "{wrong:.40}");
    }
}

#[test]
fn a_phantom_file_is_known_by_its_machine() {
    let scene = Scene::draw(&Ranges::training().only(Finding::ALines), 3).unwrap();
    let frame = Simulator::new(&scene).unwrap().frame(0).unwrap();
    let series = bedside_phantom::dicom_series(&scene).unwrap();
    let bytes = bedside_phantom::dicom_frame(&scene, &frame, series).unwrap();
    assert_eq!(Domain::of_scan(&Scan::from_bytes(bytes).unwrap()), Domain::Phantom);
    let png = bedside_imaging::encode_png(&frame.pixels).unwrap();
    assert_eq!(Domain::of_scan(&Scan::from_bytes(png).unwrap()), Domain::Unknown);
}

#[test]
fn inputs_that_are_no_scan_are_errors() {
    let exam = exam(PROTOCOL);
    let given = given(Domain::Phantom);
    let run = |frames: &[&Frame]| {
        exam.report(&mut StandIn, &ScanInput { frames, frames_in_scan: 1, given: &given }).unwrap_err()
    };
    assert!(matches!(run(&[]), PipelineError::Count { got: 0, .. }));
    let frame = phantom_frames(Finding::ALines, 3, 1).remove(0);
    let small = Frame::new(Pixels::new(8, 8, 1, vec![0; 64]).unwrap(), 1);
    assert!(matches!(run(&[&frame, &small]), PipelineError::Sizes { got: [8, 8], .. }));
    assert!(matches!(run(&vec![&frame; 257]), PipelineError::Count { got: 257, .. }));
}
