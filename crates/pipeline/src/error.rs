//! What this crate refuses. Texts out of a protocol are shortened before they reach a message.

use bedside_evaluation::EvaluationError;
use bedside_imaging::ImagingError;
use bedside_models::ModelsError;
use thiserror::Error;

use crate::codes::FindingCode;

/// A scan that cannot be judged is no error: it gets a report that says why.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The model.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The scan.
    #[error(transparent)]
    Imaging(#[from] ImagingError),
    /// A protocol that is no TOML, or not of these fields.
    #[error("protocol: {reason}")]
    ProtocolText {
        /// What the reader says, with the line.
        reason: String,
    },
    /// A protocol with a value that it cannot have, or two that contradict each other.
    #[error("protocol: {field}: expected {expected}, got {got}")]
    Protocol {
        /// The field, with the tables above it.
        field: String,
        /// What it takes.
        expected: String,
        /// What is there.
        got: String,
    },
    /// A calibration that belongs to another model.
    #[error("{what} belongs to model {expected}, this model is {got}")]
    ModelDigest {
        /// `protocol` or `calibration`.
        what: &'static str,
        /// The digest that it names.
        expected: String,
        /// The model's.
        got: String,
    },
    /// A calibration that was fitted with other settings: prompts, cropping, aggregation.
    #[error(
        "the calibration was fitted with other settings ({expected}) than the protocol has ({got}): fit it again"
    )]
    Settings {
        /// Fingerprint that the calibration names.
        expected: String,
        /// The protocol's.
        got: String,
    },
    /// Statistics of a fit.
    #[error("{}: {source}", finding.as_str())]
    Fit {
        /// Of which finding.
        finding: FindingCode,
        /// What went wrong.
        source: EvaluationError,
    },
    /// A fit that says the opposite of its prompts.
    #[error("{}: scores fall with the evidence (slope {slope}): the prompts do not tell this finding", finding.as_str())]
    FallingScores {
        /// Of which finding.
        finding: FindingCode,
        /// What was fitted.
        slope: f64,
    },
    /// More or fewer than can be worked with.
    #[error("{what}: expected {expected}, got {got}")]
    Count {
        /// What was counted.
        what: &'static str,
        /// What it takes.
        expected: String,
        /// What came.
        got: u64,
    },
    /// Frames of one scan that differ in size, or vectors of a model that differ in width.
    #[error("{what}: expected {}, got {}", pair(expected), pair(got))]
    Sizes {
        /// What differs.
        what: &'static str,
        /// The first.
        expected: [u64; 2],
        /// The other.
        got: [u64; 2],
    },
    /// Prompts whose embeddings cancel out, or that are the same for and against a finding.
    #[error("{}: the prompts for and against it cannot be told apart by this model", finding.as_str())]
    Prompts {
        /// Of which finding.
        finding: FindingCode,
    },
    /// A score that is no number.
    #[error("{}: the model gave a score that is not finite", finding.as_str())]
    NotFinite {
        /// Of which finding.
        finding: FindingCode,
    },
    /// A document that is no report of this schema.
    #[error("report: {reason}")]
    ReportText {
        /// What the reader says.
        reason: String,
    },
}

fn pair(of: &[u64; 2]) -> String {
    format!("{} x {}", of[0], of[1])
}

impl PipelineError {
    pub(crate) fn protocol(
        field: impl Into<String>,
        expected: impl Into<String>,
        got: impl ToString,
    ) -> Self {
        let got = shortened(&got.to_string());
        Self::Protocol { field: field.into(), expected: expected.into(), got }
    }
}

/// Text out of a file as a message may show it: escaped, and not longer than a line.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 80;
    let escaped: String = text.escape_debug().take(MOST + 1).collect();
    if escaped.chars().count() > MOST {
        escaped.chars().take(MOST).collect::<String>() + "..."
    } else {
        escaped
    }
}
