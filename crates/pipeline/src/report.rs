//! What an exam says about one scan. It holds codes and numbers, no sentence, no identity and no time: the same input
//! gives the same bytes.

use bedside_evaluation::{ConformalSet, Interval, Role};
use serde::{Deserialize, Serialize};

use crate::PipelineError;
use crate::codes::{
    FindingCode, IntendedUse, IntervalKind, Localisation, NotAssessed, Notice, QualityCode, SpreadKind,
    State, Summary, Why, Zone,
};
use crate::domain::Domain;
use crate::error::shortened;
use crate::heat::Heat;
use crate::limits::MAX_PROTOCOL_BYTES;

/// Of the reports that this build writes and reads.
pub const REPORT_SCHEMA: &str = "bedside.report/1";

/// One scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`REPORT_SCHEMA`].
    pub schema: String,
    /// The protocol's name.
    pub protocol: String,
    /// Fingerprint of the protocol's settings.
    pub settings: String,
    /// What the exam is for.
    pub intended_use: IntendedUse,
    /// Identity of the model.
    pub model: String,
    /// Where and how it was computed, as the caller says.
    pub executor: String,
    /// Where the scan comes from.
    pub domain: Domain,
    /// What the probabilities were fitted on.
    pub calibration: CalibrationStatus,
    /// What was looked at.
    pub scan: ScanFacts,
    /// All findings together.
    pub summary: Summary,
    /// Why the scan was not judged, or not calibrated. `None`: it was.
    pub why: Option<Why>,
    /// What has to be said beside.
    pub notices: Vec<Notice>,
    /// In the protocol's order. Also where the scan was not judged: what was not assessed is said.
    pub findings: Vec<FindingReport>,
    /// What is not looked for.
    pub not_assessed: Vec<NotAssessed>,
}

/// What the probabilities were fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationStatus {
    /// It holds for this scan.
    pub holds: bool,
    /// Scans that it holds for. `None`: there is no calibration.
    pub domain: Option<Domain>,
    /// On whom it was fitted.
    pub cohort: Option<String>,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanFacts {
    /// Columns and rows.
    pub size: [u32; 2],
    /// Frames of the scan.
    pub frames: u32,
    /// Frames looked at.
    pub looked_at: Vec<u32>,
    /// Of these the usable ones.
    pub usable: Vec<u32>,
    /// The frame to show. `None`: nothing was judged.
    pub key_frame: Option<u32>,
    /// Zone of the chest, as the caller says.
    pub zone: Option<Zone>,
    /// Depth shown, in mm.
    pub depth_mm: Option<f64>,
    /// How the part that was looked at was found. `None`: none was.
    pub mask: Option<MaskFacts>,
    /// What fell short of the gate, refusals first.
    pub quality: Vec<QualityNote>,
}

/// How the part that was looked at was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskFacts {
    /// `declared_regions`, `detected_sector` or `intersection`.
    pub basis: MaskOrigin,
    /// Kept share of the picture, 0 to 1.
    pub kept_share: f64,
    /// How well the picture bears the sector out, 0 to 1. `None`: none was found.
    pub confidence: Option<f64>,
    /// Lines that look like text within what was kept.
    pub text_lines: u64,
    /// Those of them that were taken out.
    pub text_taken_out: u64,
}

/// What a mask was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskOrigin {
    /// Regions that the file declares.
    DeclaredRegions,
    /// The sector found in the picture.
    DetectedSector,
    /// What lies in both.
    Intersection,
}

/// One shortcoming, on the frame where it is worst.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityNote {
    /// What was measured.
    pub code: QualityCode,
    /// The frame cannot be used for it; otherwise a warning.
    pub refused: bool,
    /// Frames that it concerns.
    pub frames: u32,
    /// The number. `None`: none was taken.
    pub value: Option<f64>,
    /// What it was held against.
    pub threshold: Option<f64>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingReport {
    /// Which.
    pub code: FindingCode,
    /// What is said about it.
    pub state: State,
    /// Why it cannot be told. `None`: it can.
    pub why: Option<Why>,
    /// Difference of the logits for and against it, over the scan. `None`: the scan was not judged.
    pub score: Option<f64>,
    /// How much the score varies where it should not.
    pub spread: Option<Spread>,
    /// `None` without a calibration that holds.
    pub probability: Option<Probability>,
    /// The threshold's role, from the protocol.
    pub role: Role,
    /// What the score is like. `None` without a calibration that holds.
    pub set: Option<ConformalSet>,
    /// The frame on which it is seen best.
    pub key_frame: Option<u32>,
    /// Whether a heatmap is shown, or why not.
    pub localisation: Localisation,
    /// The heatmap.
    pub heat: Option<Heat>,
}

/// How much a score varies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Over what.
    pub over: SpreadKind,
    /// Scores, that of the picture as it is among them.
    pub count: u32,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
}

/// A calibrated probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probability {
    /// Of the finding in scans of the calibration's cohort that score alike, 0 to 1.
    pub value: f64,
    /// The same at the threshold of the finding's role.
    pub threshold: f64,
    /// `None`: too few replicates.
    pub interval: Option<Interval>,
    /// What the interval is.
    pub interval_kind: IntervalKind,
}

impl Report {
    /// The document: JSON, two spaces per level, a line end behind it. The same report gives the same bytes.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("a report has text keys and finite numbers");
        text + "\n"
    }

    /// Read a document. Errors: `ReportText` for what is no JSON of these fields, or of another schema.
    pub fn from_json(text: &str) -> Result<Self, PipelineError> {
        let wrong = |reason: String| PipelineError::ReportText { reason: shortened(&reason) };
        if text.len() > MAX_PROTOCOL_BYTES {
            return Err(wrong(format!("{} bytes, at most {MAX_PROTOCOL_BYTES}", text.len())));
        }
        let report: Self = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if report.schema != REPORT_SCHEMA {
            return Err(wrong(format!("schema: expected {REPORT_SCHEMA}, got {}", report.schema)));
        }
        Ok(report)
    }

    /// The report of a finding.
    pub fn finding(&self, code: FindingCode) -> Option<&FindingReport> {
        self.findings.iter().find(|finding| finding.code == code)
    }

    /// Whether every picture of it has to carry the watermark [`bedside_imaging::DEMONSTRATION`].
    pub fn watermarked(&self) -> bool {
        let said = |notice| self.notices.contains(&notice);
        said(Notice::Demonstration) || said(Notice::NotCalibratedOnRealScans) || !self.calibration.holds
    }
}

/// Six decimals: more than anybody reads, and fewer than two builds of a maths library agree on.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
