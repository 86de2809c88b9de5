//! From labelled scores to a calibration.
//!
//! Curve, threshold and bounds are fitted on the same scans: the model's scores do not depend on any of them, so a new
//! patient's score is exchangeable with theirs. What must be apart is the model's own training.

use bedside_evaluation::{
    Auroc, ConformalSet, EvaluationError, Platt, Scored, auroc, brier, choose_threshold, class_conditional,
    cluster_bootstrap, percentile_interval, reliability,
};

use crate::PipelineError;
use crate::codes::FindingCode;
use crate::limits::{MAX_CASES, MAX_REPLICATES};
use crate::protocol::{
    Calibration, Cohort, FindingSettings, FittedFinding, LocalisationCheck, Performance, Protocol,
};
use crate::report::Report;

/// Of intervals.
const LEVEL: f64 = 0.95;
/// Bins of the reliability diagram.
const BINS: usize = 10;

/// One scan's score for one finding, with the truth. Scans in which it cannot be told are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationCase {
    /// Number of the patient: all scans of one patient stay together.
    pub patient: u64,
    /// Which finding.
    pub finding: FindingCode,
    /// [`crate::FindingReport::score`].
    pub score: f64,
    /// It is there.
    pub present: bool,
}

/// How a fit is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FitSettings {
    /// Bootstrap replicates; 200 is usual.
    pub replicates: usize,
    /// Of the bootstrap.
    pub seed: u32,
}

impl Default for FitSettings {
    fn default() -> Self {
        Self { replicates: 200, seed: 1 }
    }
}

impl CalibrationCase {
    /// The cases that one report gives: every finding that has a score and a truth. `truth`: `None` where it cannot be
    /// told.
    pub fn of_report(
        report: &Report,
        patient: u64,
        truth: impl Fn(FindingCode) -> Option<bool>,
    ) -> Vec<Self> {
        let case = |finding: &crate::FindingReport| {
            let (score, present) = (finding.score?, truth(finding.code)?);
            Some(Self { patient, finding: finding.code, score, present })
        };
        report.findings.iter().filter_map(case).collect()
    }
}

/// Fit every finding of the protocol. `model_digest`: of the model that gave the scores. `checks`: of the heatmaps, by
/// finding, where they were done.
/// Errors: `ModelDigest` where the protocol names another model; `Fit` where a finding lacks patients with or without
/// it, or a score is not finite; `FallingScores`; `Count`.
pub fn fit(
    protocol: &Protocol,
    model_digest: &str,
    cohort: &Cohort,
    cases: &[CalibrationCase],
    checks: &[(FindingCode, LocalisationCheck)],
    settings: FitSettings,
) -> Result<Calibration, PipelineError> {
    if let Some(model) = protocol.model.as_ref().filter(|model| model.digest != model_digest) {
        let (expected, got) = (model.digest.clone(), crate::error::shortened(model_digest));
        return Err(PipelineError::ModelDigest { what: "protocol", expected, got });
    }
    let count = |what, most: usize, got: usize| match (1..=most).contains(&got) {
        true => Ok(()),
        false => Err(PipelineError::Count { what, expected: format!("1 to {most}"), got: got as u64 }),
    };
    count("cases of a fit", MAX_CASES, cases.len())?;
    count("replicates of a fit", MAX_REPLICATES, settings.replicates)?;
    let mut patients: Vec<u64> = cases.iter().map(|case| case.patient).collect();
    patients.sort_unstable();
    patients.dedup();
    let one = |finding: &FindingSettings| {
        let own: Vec<CalibrationCase> =
            cases.iter().filter(|case| case.finding == finding.code).copied().collect();
        let check = checks.iter().find(|(code, _)| *code == finding.code).map(|(_, check)| *check);
        fit_finding(protocol, finding, &own, check, settings)
    };
    Ok(Calibration {
        domain: cohort.domain.clone(),
        cohort: cohort.note.clone(),
        model: model_digest.to_owned(),
        settings: protocol.fingerprint(),
        seed: settings.seed,
        patients: patients.len() as u64,
        findings: protocol.findings.iter().map(one).collect::<Result<_, _>>()?,
    })
}

fn fit_finding(
    protocol: &Protocol,
    finding: &FindingSettings,
    cases: &[CalibrationCase],
    localisation: Option<LocalisationCheck>,
    settings: FitSettings,
) -> Result<FittedFinding, PipelineError> {
    let code = finding.code;
    let failed = |source| PipelineError::Fit { finding: code, source };
    let scored: Vec<Scored> =
        cases.iter().map(|case| Scored { score: case.score, positive: case.present }).collect();
    let curve = Platt::fit(&scored).map_err(failed)?;
    if curve.slope <= 0.0 {
        return Err(PipelineError::FallingScores { finding: code, slope: curve.slope });
    }
    let operating_point = choose_threshold(&scored, finding.role).map_err(failed)?;
    let patients = least_conforming(cases);
    let bounds = class_conditional(&patients, protocol.conformal.error_rate).map_err(failed)?;
    let (replicates, areas) = drawn_again(cases, &scored, settings).map_err(failed)?;
    let with = patients.iter().filter(|patient| patient.positive).count() as u64;
    let mut fitted = FittedFinding {
        code,
        patients_with: with,
        patients_without: patients.len() as u64 - with,
        replicates,
        curve,
        operating_point,
        bounds,
        performance: Performance {
            auroc: auroc(&scored, LEVEL).map_err(failed)?.area,
            auroc_interval: percentile_interval(&areas, LEVEL).map_err(failed)?,
            brier: 0.0,
            expected_calibration_error: 0.0,
            indeterminate: 0.0,
        },
        localisation,
    };
    let probabilities: Vec<Scored> =
        scored.iter().map(|case| Scored { score: curve.probability(case.score), ..*case }).collect();
    fitted.performance.brier = brier(&probabilities).map_err(failed)?;
    let diagram = reliability(&probabilities, BINS).map_err(failed)?;
    fitted.performance.expected_calibration_error = diagram.expected_calibration_error;
    let untold = scored.iter().filter(|case| {
        let called = case.score >= operating_point.threshold;
        let told = if called { ConformalSet::Present } else { ConformalSet::Absent };
        bounds.set(case.score) != told
    });
    fitted.performance.indeterminate = untold.count() as f64 / scored.len() as f64;
    Ok(fitted)
}

/// One score per patient and class: the one that speaks most against the class. Bounds are then met by a patient's
/// worst scan, and so by every scan.
fn least_conforming(cases: &[CalibrationCase]) -> Vec<Scored> {
    let mut sorted: Vec<&CalibrationCase> = cases.iter().collect();
    let against = |case: &CalibrationCase| if case.present { case.score } else { -case.score };
    let key = |case: &&CalibrationCase| (case.patient, case.present);
    sorted.sort_by(|a, b| key(a).cmp(&key(b)).then(against(a).total_cmp(&against(b))));
    sorted.dedup_by(|later, first| key(later) == key(first));
    sorted.iter().map(|case| Scored { score: case.score, positive: case.present }).collect()
}

/// Curves and areas over patients drawn again; draws with one class only are left out.
fn drawn_again(
    cases: &[CalibrationCase],
    scored: &[Scored],
    settings: FitSettings,
) -> Result<(Vec<[f64; 2]>, Vec<f64>), EvaluationError> {
    let patients: Vec<u64> = cases.iter().map(|case| case.patient).collect();
    let one = |drawn: &[usize]| -> Option<([f64; 2], f64)> {
        let drawn: Vec<Scored> = drawn.iter().map(|case| scored[*case]).collect();
        let Auroc { area, .. } = auroc(&drawn, LEVEL).ok()?;
        let Platt { slope, offset } = Platt::fit(&drawn).ok()?;
        Some(([slope, offset], area))
    };
    let all = cluster_bootstrap(&patients, settings.replicates, settings.seed.into(), one)?;
    Ok(all.values.into_iter().unzip())
}
