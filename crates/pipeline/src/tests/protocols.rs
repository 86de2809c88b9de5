//! Protocols that are read, refused, fitted and written.

use bedside_evaluation::{EvaluationError, Role};

use super::*;
use crate::PipelineError;
use crate::codes::FindingCode;
use crate::protocol::{Aggregation, FITTED_BELOW, LocalisationCheck};

const LUNG: &str = include_str!("../../../../calibration/protocols/lung.toml");

#[test]
fn the_lung_protocol_of_the_repository_is_read() {
    let lung = Protocol::parse(LUNG).unwrap();
    let codes: Vec<&str> = lung.findings.iter().map(|finding| finding.code.as_str()).collect();
    let expected = ["a_lines", "b_lines_several", "b_lines_confluent", "consolidation", "pleural_effusion"];
    assert_eq!(codes, expected);
    assert_eq!(lung.implied_by(FindingCode::BLinesConfluent).len(), 2);
    // The findings are those that the phantom labels, under the same names.
    for code in FindingCode::ALL {
        assert!(Finding::ALL.iter().any(|finding| finding.code() == code.as_str()), "{code:?}");
    }
    assert_eq!(lung.cine.aggregation, Aggregation::TopMean { frames: 3 });
    let finding = lung.finding(FindingCode::ALines).unwrap();
    assert_eq!(finding.role, Role::Confirmation { least_specificity: 0.9 });
    assert!(lung.not_assessed.contains(&crate::codes::NotAssessed::Pneumothorax));
}

/// What is changed in the protocol, to what, and what the refusal says.
const REFUSED: &[(&str, &str, &str)] = &[
    ("bedside.protocol/1", "bedside.protocol/2", "schema: expected bedside.protocol/1"),
    ("name = \"test\"", "name = \"Test 1\"", "name: expected small letters"),
    ("name = \"test\"", "", "missing field `name`"),
    ("name = \"test\"", "name = \"test\"\ntitle = 1", "unknown field `title`"),
    ("kind = \"max\"", "kind = \"mean\"", "unknown variant `mean`"),
    ("kind = \"max\"", "kind = \"top_mean\", frames = 9", "cine.aggregation.frames: expected 1 to 8, got 9"),
    ("kind = \"max\"", "kind = \"quantile\", at = 1.5", "cine.aggregation.at: expected a number from 0 to 1"),
    ("kind = \"max\"", "kind = \"quantile\", at = nan", "got NaN"),
    ("most_frames = 8", "most_frames = 0", "cine.most_frames: expected 1 to 256, got 0"),
    ("most_frames = 8", "most_frames = -1", "line"),
    ("[80, 125]", "[80, 80]", "still.brightness_percent: expected each value once"),
    ("[80, 125]", "[9]", "still.brightness_percent: expected 25 to 400, got 9"),
    ("border_percent = [5]", "border_percent = [51]", "still.border_percent"),
    ("least_usable_frames = 1", "least_usable_frames = 9", "quality.least_usable_frames"),
    ("least_usable_share = 0.5", "least_usable_share = 1.1", "quality.least_usable_share"),
    ("error_rate = 0.1", "error_rate = 0.0", "conformal.error_rate"),
    ("error_rate = 0.1", "error_rate = 0.6", "conformal.error_rate"),
    ("least_pointing = 0.8", "least_pointing = 0.1", "localisation.least_pointing"),
    ("least_lesions = 10", "least_lesions = 0", "localisation.least_lesions"),
    ("\"LUNG\"", "\"LUNGS\"", "body_parts: expected a term of DICOM's BodyPartExamined, got LUNGS"),
    ("\"pneumothorax\"", "", "not_assessed: expected 1 to 5, got 0"),
    ("\"left_upper_anterior\"", "\"right_upper_anterior\"", "zones: expected each value once"),
    ("\"left_upper_anterior\"", "\"abdomen\"", "unknown variant `abdomen`"),
    ("code = \"a_lines\"", "code = \"consolidation\"", "finding.code: expected each value once"),
    ("code = \"a_lines\"", "code = \"pneumonia\"", "unknown variant `pneumonia`"),
    ("least_sensitivity = 0.9", "least_sensitivity = 0.2", "finding.consolidation.role"),
    ("least_sensitivity = 0.9", "least_specificity = 0.9", "line"),
    ("positive = [\"bright\"]", "positive = []", "finding.consolidation.positive: expected 1 to 64, got 0"),
    ("positive = [\"bright\"]", "positive = [\"dark\"]", "no text that is also for the finding, got dark"),
    ("positive = [\"bright\"]", "positive = [\"a\\nb\"]", "1 to 256 characters on one line, got a\\nb"),
    (
        "code = \"a_lines\"",
        "code = \"a_lines\"\nimplies = [\"b_lines\"]",
        "implies: expected a finding of the",
    ),
    ("code = \"a_lines\"", "code = \"a_lines\"\nimplies = [\"a_lines\"]", "no finding that implies this one"),
    ("[preprocessing]", "[model]\ndigest = \"abc\"\n[preprocessing]", "model.digest: expected 64"),
    ("[preprocessing]", "[preprocessing", "line"),
];

#[test]
fn what_a_protocol_cannot_say_is_refused() {
    for (from, to, error) in REFUSED {
        assert!(PROTOCOL.contains(from), "{from}");
        let got = Protocol::parse(&PROTOCOL.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(got.contains(error), "{to:?}: {got}");
    }
    let long = format!("{PROTOCOL}#{}", "x".repeat(crate::limits::MAX_PROTOCOL_BYTES));
    assert!(matches!(Protocol::parse(&long), Err(PipelineError::Count { .. })));
    let prompts =
        format!("positive = [{}]", (0..65).map(|n| format!("\"p{n}\"")).collect::<Vec<_>>().join(","));
    assert!(Protocol::parse(&PROTOCOL.replace("positive = [\"bright\"]", &prompts)).is_err());
}

#[test]
fn what_was_fitted_is_written_below_and_read_again() {
    let mut fitted = calibration(&cases(60, 2.0), Domain::Phantom);
    fitted.findings[1].localisation = Some(LocalisationCheck { hits: 9, lesions: 10, full_scale: 3.5 });
    let commented = format!("# A comment of people.\n{PROTOCOL}");
    let text = Protocol::with_calibration(&commented, &fitted).unwrap();
    assert!(text.starts_with(commented.trim_end()) && text.contains(FITTED_BELOW));
    let read = Protocol::parse(&text).unwrap();
    assert_eq!(read.calibration.as_ref(), Some(&fitted));
    assert_eq!(read.uncalibrated(), Protocol::parse(PROTOCOL).unwrap());
    // Fitted again: in place of what was there.
    let again = Protocol::with_calibration(&text, &calibration(&cases(40, 1.0), Domain::Phantom)).unwrap();
    assert_eq!(again.matches(FITTED_BELOW).count(), 1);
    assert_eq!(Protocol::parse(&again).unwrap().calibration.unwrap().patients, 40);
}

#[test]
fn a_fit_measures_itself() {
    let fitted = calibration(&cases(60, 2.0), Domain::Phantom);
    assert_eq!((fitted.patients, fitted.model.as_str(), fitted.findings.len()), (60, MODEL, 2));
    for finding in &fitted.findings {
        assert_eq!(
            (finding.patients_with, finding.patients_without, finding.replicates.len()),
            (30, 30, 200)
        );
        assert!(finding.curve.slope > 0.0);
        // The classes do not overlap: two spreads of one around ±2.
        assert_eq!(finding.performance.auroc, 1.0);
        assert!(finding.performance.brier < 0.05, "{finding:?}");
        let counts = finding.operating_point.confusion;
        assert_eq!((counts.sensitivity(), counts.specificity()), (Some(1.0), Some(1.0)));
    }
    assert_eq!(fitted, calibration(&cases(60, 2.0), Domain::Phantom), "the seed is the only chance there is");
    let mut other = FitSettings::default();
    other.seed += 1;
    let protocol = Protocol::parse(PROTOCOL).unwrap();
    let cases = cases(60, 0.2);
    let [one, two] = [FitSettings::default(), other]
        .map(|settings| fit(&protocol, MODEL, &cohort(Domain::Phantom), &cases, &[], settings).unwrap());
    assert_ne!(one.findings[0].replicates, two.findings[0].replicates);
    assert_eq!(one.findings[0].curve, two.findings[0].curve);
}

#[test]
fn scans_of_one_patient_count_once_in_the_bounds() {
    let one = cases(60, 2.0);
    // Each patient ten times: the same bounds, and curves drawn by patient are no surer than with one scan each.
    let ten: Vec<CalibrationCase> = one.iter().flat_map(|case| [*case; 10]).collect();
    let [one, ten] = [&one, &ten].map(|cases| calibration(cases, Domain::Phantom));
    assert_eq!(one.findings[0].bounds, ten.findings[0].bounds);
    assert_eq!(one.findings[0].patients_with, ten.findings[0].patients_with);
    assert_eq!((one.patients, ten.patients), (60, 60));
}

#[test]
fn a_calibration_of_another_model_or_of_other_settings_is_refused() {
    let fitted = calibration(&cases(60, 2.0), Domain::Phantom);
    let text = Protocol::with_calibration(PROTOCOL, &fitted).unwrap();
    let other = "f".repeat(64);
    let exam =
        |text: &str, model: &str| Exam::new(Protocol::parse(text).unwrap(), &mut StandIn, model).unwrap_err();
    assert!(matches!(exam(&text, &other), PipelineError::ModelDigest { what: "calibration", .. }));
    let named = |digest: &str| {
        PROTOCOL.replace("[preprocessing]", &format!("[model]\ndigest = \"{digest}\"\n[preprocessing]"))
    };
    assert!(matches!(exam(&named(&other), MODEL), PipelineError::ModelDigest { what: "protocol", .. }));
    // Settings changed after the fit, by hand or by a new model's digest.
    let changed = text.replacen("positive = [\"bright\"]", "positive = [\"bright lung\"]", 1);
    assert!(matches!(Protocol::parse(&changed), Err(PipelineError::Settings { .. })));
    let protocol = Protocol::parse(&named(&other)).unwrap();
    let refused =
        fit(&protocol, MODEL, &cohort(Domain::Phantom), &cases(60, 2.0), &[], FitSettings::default());
    assert!(matches!(refused, Err(PipelineError::ModelDigest { what: "protocol", .. })));
    assert!(matches!(
        Protocol::with_calibration(&named(&other), &fitted),
        Err(PipelineError::ModelDigest { .. } | PipelineError::Settings { .. })
    ));
}

#[test]
fn a_calibration_with_impossible_values_is_refused() {
    let fitted = calibration(&cases(60, 2.0), Domain::Phantom);
    type Change = fn(&mut Calibration);
    let changes: [(&str, Change); 9] = [
        ("slope", |c| c.findings[0].curve.slope = -1.0),
        ("numbers", |c| c.findings[0].curve.offset = f64::NAN),
        ("numbers", |c| c.findings[0].replicates[7][1] = 1e9),
        ("each finding once", |c| c.findings[1].code = c.findings[0].code),
        ("a finding of the protocol", |c| c.findings[1].code = FindingCode::BLines),
        ("error_rate", |c| c.findings[0].bounds.error_rate = 0.2),
        ("performance", |c| c.findings[0].performance.brier = 1.5),
        ("hits", |c| {
            c.findings[0].localisation = Some(LocalisationCheck { hits: 2, lesions: 1, full_scale: 1.0 });
        }),
        ("cohort", |c| c.cohort = String::new()),
    ];
    for (what, change) in changes {
        let mut wrong = fitted.clone();
        change(&mut wrong);
        let error = Protocol::with_calibration(PROTOCOL, &wrong).unwrap_err().to_string();
        assert!(error.contains(what), "{what}: {error}");
    }
}

#[test]
fn a_fit_needs_both_classes_and_scores_that_grow() {
    let protocol = Protocol::parse(PROTOCOL).unwrap();
    let run = |cases: &[CalibrationCase]| {
        fit(&protocol, MODEL, &cohort(Domain::Phantom), cases, &[], FitSettings::default())
    };
    let present: Vec<CalibrationCase> = cases(60, 2.0).into_iter().filter(|case| case.present).collect();
    let error = run(&present).unwrap_err();
    assert!(matches!(error, PipelineError::Fit { source: EvaluationError::OneClass { .. }, .. }), "{error}");
    let mut falling = cases(60, 2.0);
    falling.iter_mut().for_each(|case| case.score = -case.score);
    assert!(matches!(run(&falling), Err(PipelineError::FallingScores { .. })));
    assert!(matches!(run(&[]), Err(PipelineError::Count { .. })));
    let mut not_finite = cases(60, 2.0);
    not_finite[3].score = f64::NAN;
    assert!(matches!(run(&not_finite), Err(PipelineError::Fit { .. })));
}

#[test]
fn prompts_that_the_model_cannot_tell_apart_are_refused() {
    let same = PROTOCOL.replacen("negative = [\"dark\"]", "negative = [\"bright too\"]", 1);
    let error = Exam::new(Protocol::parse(&same).unwrap(), &mut StandIn, MODEL).unwrap_err();
    assert!(matches!(error, PipelineError::Prompts { finding: FindingCode::Consolidation }), "{error}");
}
