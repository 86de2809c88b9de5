//! An exam as data: what is looked for, in which words, on which pictures, and what was fitted.

mod calibration;
mod check;
mod file;

use bedside_evaluation::Role;
use serde::{Deserialize, Serialize};

use crate::codes::{FindingCode, IntendedUse, NotAssessed, Zone};

pub use calibration::{Calibration, Cohort, FittedFinding, LocalisationCheck, Performance};
pub use file::FITTED_BELOW;

/// Of the protocols that this build reads.
pub const PROTOCOL_SCHEMA: &str = "bedside.protocol/1";

/// A protocol, as it lies in a TOML file. Fields that are not known are refused, as is another schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// [`PROTOCOL_SCHEMA`].
    pub schema: String,
    /// Its name, a word: `lung`.
    pub name: String,
    /// What it is for.
    pub intended_use: IntendedUse,
    /// What it does not look for; said in every report.
    pub not_assessed: Vec<NotAssessed>,
    /// Zones that an exam covers, in the order of the table.
    pub zones: Vec<Zone>,
    /// `BodyPartExamined` of files that may be judged; a file that names none may be.
    pub body_parts: Vec<String>,
    /// The model that it is for. `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelSettings>,
    /// What is done to a frame before the model's own preprocessing.
    pub preprocessing: Framing,
    /// From frames to a scan.
    pub cine: CineSettings,
    /// How a still is looked at more than once.
    pub still: StillSettings,
    /// Which pictures are judged.
    pub quality: QualityLimits,
    /// How sure a statement must be.
    pub conformal: ConformalSettings,
    /// When a heatmap is shown.
    pub localisation: LocalisationSettings,
    /// What is looked for.
    #[serde(rename = "finding")]
    pub findings: Vec<FindingSettings>,
    /// What was fitted. `None`: raw scores only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

/// Which model a protocol is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// Its identity, 64 hexadecimal digits.
    pub digest: String,
}

/// What is done to a frame before the model's own preprocessing. What lies outside of the mask is always black.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framing {
    /// What of the frame is kept.
    pub crop: FrameCrop,
}

/// What of a frame is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameCrop {
    /// All of it.
    Whole,
    /// The smallest square round the scan, centred on it; black where the frame ends.
    SectorSquare,
}

/// From frames to a scan.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CineSettings {
    /// Frames looked at, spread evenly over the scan.
    pub most_frames: u32,
    /// One score of the scan from those of its usable frames.
    pub aggregation: Aggregation,
}

/// One number of many.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Aggregation {
    /// The highest.
    Max,
    /// The mean of the highest.
    TopMean {
        /// How many; all where there are fewer.
        frames: u32,
    },
    /// A quantile, linear between two frames.
    Quantile {
        /// 0 (lowest) to 1 (highest).
        at: f64,
    },
}

/// How a still is looked at more than once, to show how much its score depends on what should not matter. The score
/// itself is that of the picture as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StillSettings {
    /// Brightness in percent of the picture's.
    pub brightness_percent: Vec<u32>,
    /// Widths of a black border in percent of the square's side.
    pub border_percent: Vec<u32>,
}

/// Which pictures are judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityLimits {
    /// Usable frames, at least.
    pub least_usable_frames: u32,
    /// Usable frames as a share of those looked at, at least.
    pub least_usable_share: f64,
    /// Frames with a warning are usable.
    pub accept_doubtful: bool,
}

/// How sure a statement must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConformalSettings {
    /// Share of the patients with a finding, and of those without, whom their own bound may leave out.
    pub error_rate: f64,
}

/// When a heatmap is shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalisationSettings {
    /// Share of known lesions whose hottest place lies on the lesion, at least.
    pub least_pointing: f64,
    /// Lesions that this must have been seen on, at least.
    pub least_lesions: u64,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingSettings {
    /// Which.
    pub code: FindingCode,
    /// What its threshold is for.
    pub role: Role,
    /// Findings that are there whenever this one is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub implies: Vec<FindingCode>,
    /// Texts for it.
    pub positive: Vec<String>,
    /// Texts against it.
    pub negative: Vec<String>,
}

impl Protocol {
    /// The settings of a finding.
    pub fn finding(&self, code: FindingCode) -> Option<&FindingSettings> {
        self.findings.iter().find(|finding| finding.code == code)
    }

    /// The same without what was fitted: raw scores only.
    #[must_use]
    pub fn uncalibrated(&self) -> Self {
        Self { calibration: None, ..self.clone() }
    }
}
