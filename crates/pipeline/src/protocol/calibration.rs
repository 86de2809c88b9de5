//! What was fitted, on whom, with which model and settings.

use bedside_evaluation::{ConformalBounds, Interval, OperatingPoint, Platt};
use serde::{Deserialize, Serialize};

use super::Protocol;
use super::check::{finite, is_digest, note, within};
use crate::PipelineError;
use crate::codes::FindingCode;
use crate::domain::Domain;
use crate::limits::{LEAST_FULL_SCALE, MAX_FINDINGS, MAX_MAGNITUDE, MAX_NOTE, MAX_REPLICATES};

/// Fitted values with what they hold for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Scans that it holds for.
    pub domain: Domain,
    /// On whom it was fitted, in words.
    pub cohort: String,
    /// Identity of the model, 64 hexadecimal digits.
    pub model: String,
    /// [`Protocol::fingerprint`] of the settings.
    pub settings: String,
    /// Seed of the bootstrap.
    pub seed: u32,
    /// Patients, all findings together.
    pub patients: u64,
    /// Per finding.
    #[serde(rename = "finding")]
    pub findings: Vec<FittedFinding>,
}

/// Who was fitted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cohort {
    /// Where the scans come from.
    pub domain: Domain,
    /// Who and how, in words.
    pub note: String,
}

/// What was fitted for one finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedFinding {
    /// Which.
    pub code: FindingCode,
    /// Patients with it.
    pub patients_with: u64,
    /// Patients without it.
    pub patients_without: u64,
    /// Slope and offset over patients drawn again.
    pub replicates: Vec<[f64; 2]>,
    /// From score to probability.
    pub curve: Platt,
    /// The threshold of the finding's role, and the counts it gave.
    pub operating_point: OperatingPoint,
    /// Which scores are like those of patients with and without it.
    pub bounds: ConformalBounds,
    /// How it did on the cohort itself.
    pub performance: Performance,
    /// The check of its heatmaps. `None`: not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub localisation: Option<LocalisationCheck>,
}

/// Measured on the scans that were fitted on: how it does elsewhere is another question.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Performance {
    /// Area under the ROC curve.
    pub auroc: f64,
    /// Its 95 % interval over patients drawn again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auroc_interval: Option<Interval>,
    /// Of the probabilities.
    pub brier: f64,
    /// Of the probabilities, in ten bins.
    pub expected_calibration_error: f64,
    /// Share of the scans that would be called indeterminate.
    pub indeterminate: f64,
}

/// How often the hottest place of a heatmap lies on the lesion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalisationCheck {
    /// Lesions hit.
    pub hits: u64,
    /// Lesions shown.
    pub lesions: u64,
    /// Value of a place, in logits, that heatmaps show as full heat: the scale is the same for every scan.
    pub full_scale: f64,
}

impl Calibration {
    /// What was fitted for a finding.
    pub fn finding(&self, code: FindingCode) -> Option<&FittedFinding> {
        self.findings.iter().find(|finding| finding.code == code)
    }

    /// Every number within its limits, and every finding one of the protocol's.
    /// Errors: `Protocol`; `ModelDigest` and `Settings` where it belongs to another model or to other settings.
    pub(super) fn check(&self, protocol: &Protocol) -> Result<(), PipelineError> {
        note("calibration.cohort", &self.cohort, MAX_NOTE)?;
        is_digest("calibration.model", &self.model)?;
        let named = protocol.model.as_ref().map(|model| &model.digest);
        if let Some(digest) = named.filter(|digest| **digest != self.model) {
            let (expected, got) = (self.model.clone(), digest.clone());
            return Err(PipelineError::ModelDigest { what: "calibration", expected, got });
        }
        let got = protocol.fingerprint();
        if self.settings != got {
            return Err(PipelineError::Settings { expected: self.settings.clone(), got });
        }
        within("calibration.finding", self.findings.len(), 1, MAX_FINDINGS)?;
        for (place, fitted) in self.findings.iter().enumerate() {
            if self.findings[..place].iter().any(|before| before.code == fitted.code) {
                let code = fitted.code.as_str();
                return Err(PipelineError::protocol("calibration.finding.code", "each finding once", code));
            }
            fitted.check(protocol)?;
        }
        Ok(())
    }
}

impl FittedFinding {
    fn check(&self, protocol: &Protocol) -> Result<(), PipelineError> {
        let field = |name: &str| format!("calibration.finding.{}.{name}", self.code.as_str());
        if protocol.finding(self.code).is_none() {
            return Err(PipelineError::protocol(
                field("code"),
                "a finding of the protocol",
                self.code.as_str(),
            ));
        }
        within(&field("replicates"), self.replicates.len(), 0, MAX_REPLICATES)?;
        let bounds = [self.bounds.present_from, self.bounds.absent_to];
        let numbers = [self.curve.slope, self.curve.offset, self.operating_point.threshold];
        let replicates = self.replicates.iter().flatten().copied();
        for number in numbers.into_iter().chain(bounds.into_iter().flatten()).chain(replicates) {
            finite(&field("numbers"), number, -MAX_MAGNITUDE, MAX_MAGNITUDE)?;
        }
        if self.curve.slope <= 0.0 {
            let got = self.curve.slope;
            return Err(PipelineError::protocol(
                field("curve.slope"),
                "above 0: scores grow with the evidence",
                got,
            ));
        }
        let rate = protocol.conformal.error_rate;
        if self.bounds.error_rate.to_bits() != rate.to_bits() {
            let expected = format!("the protocol's {rate}");
            return Err(PipelineError::protocol(
                field("bounds.error_rate"),
                expected,
                self.bounds.error_rate,
            ));
        }
        let Performance { auroc, brier, expected_calibration_error, indeterminate, auroc_interval } =
            self.performance;
        let ends = auroc_interval.into_iter().flat_map(|i| [i.low, i.high]);
        for share in [auroc, brier, expected_calibration_error, indeterminate].into_iter().chain(ends) {
            finite(&field("performance"), share, 0.0, 1.0)?;
        }
        if let Some(LocalisationCheck { hits, lesions, full_scale }) = self.localisation {
            if hits > lesions {
                return Err(PipelineError::protocol(field("localisation.hits"), "at most the lesions", hits));
            }
            finite(&field("localisation.full_scale"), full_scale, LEAST_FULL_SCALE, MAX_MAGNITUDE)?;
        }
        Ok(())
    }
}
