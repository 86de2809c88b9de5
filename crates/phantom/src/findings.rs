//! Findings as codes, and the labels of a frame: what is present, absent or cannot be told, where and how much.
//! Labels follow what the frame shows, not what the scene meant: a lesion outside the sector is not present.

use serde::{Deserialize, Serialize};

use crate::scene::{Scene, Zone};
use crate::truth::{PixelBox, Structure, TruthMap};

/// A pleural line rougher than this is irregular.
pub const SMOOTH_PLEURA_MM: f64 = 0.3;
/// A pleural line thicker than this is thickened: 2 mm is the usual limit in lung ultrasound.
pub const THIN_PLEURA_MM: f64 = 2.0;
/// Fewer pixels than this (and more than none) are neither present nor absent.
pub const LEAST_PIXELS: u32 = 16;
/// B-lines in one intercostal space from which on they are "several": three (consensus of Volpicelli et al.,
/// Intensive Care Medicine 2012).
pub const SEVERAL_B_LINES: u32 = 3;
/// Share of the assessable pleura from which on B-lines are confluent: half.
pub const CONFLUENT_SHARE: f64 = 0.5;
/// Shares between this and [`CONFLUENT_SHARE`] are too close to tell.
pub const NOT_CONFLUENT_SHARE: f64 = 0.4;

/// A finding of the lung exam.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// A-lines.
    ALines,
    /// At least one B-line.
    BLines,
    /// Three B-lines or more, or confluent ones.
    BLinesSeveral,
    /// B-lines that run together over half of the pleura or more.
    BLinesConfluent,
    /// Consolidation.
    Consolidation,
    /// Air bronchograms.
    AirBronchograms,
    /// Pleural effusion.
    PleuralEffusion,
    /// Irregular or thickened pleural line.
    IrregularPleura,
    /// The lung does not slide. Only a cine shows it.
    AbsentSliding,
    /// The lung jerks with the heart where it does not slide. Only a cine shows it.
    LungPulse,
}

impl Finding {
    /// All findings.
    pub const ALL: [Finding; 10] = [
        Finding::ALines,
        Finding::BLines,
        Finding::BLinesSeveral,
        Finding::BLinesConfluent,
        Finding::Consolidation,
        Finding::AirBronchograms,
        Finding::PleuralEffusion,
        Finding::IrregularPleura,
        Finding::AbsentSliding,
        Finding::LungPulse,
    ];

    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Finding::ALines => "a_lines",
            Finding::BLines => "b_lines",
            Finding::BLinesSeveral => "b_lines_several",
            Finding::BLinesConfluent => "b_lines_confluent",
            Finding::Consolidation => "consolidation",
            Finding::AirBronchograms => "air_bronchograms",
            Finding::PleuralEffusion => "pleural_effusion",
            Finding::IrregularPleura => "irregular_pleura",
            Finding::AbsentSliding => "absent_sliding",
            Finding::LungPulse => "lung_pulse",
        }
    }

    /// Where its mask is; `None` for findings of motion.
    pub fn structure(self) -> Option<Structure> {
        match self {
            Finding::ALines => Some(Structure::ALine),
            Finding::BLines | Finding::BLinesSeveral | Finding::BLinesConfluent => Some(Structure::BLine),
            Finding::Consolidation => Some(Structure::Consolidation),
            Finding::AirBronchograms => Some(Structure::AirBronchogram),
            Finding::PleuralEffusion => Some(Structure::Effusion),
            Finding::IrregularPleura => Some(Structure::IrregularPleura),
            Finding::AbsentSliding | Finding::LungPulse => None,
        }
    }
}

/// Whether a finding is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It is seen.
    Present,
    /// It is not there.
    Absent,
    /// This frame cannot show it, or it is too near the border between the two.
    NotAssessable,
}

/// One finding of a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingLabel {
    /// Which.
    pub finding: Finding,
    /// Whether it is there.
    pub presence: Presence,
    /// How much, 0…1: share of the pleura (B-lines), of the sector (consolidation, effusion), of the roughest
    /// drawn (pleura). `None` where it is not present or has no measure.
    pub severity: Option<f64>,
    /// Box round its mask; `None` where nothing is marked.
    pub region: Option<PixelBox>,
    /// Pixels of its mask.
    pub pixels: u32,
}

/// Everything known about a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    /// Where the probe stood.
    pub zone: Zone,
    /// True in a view of the lung base.
    pub base_view: bool,
    /// True when ribs cross the image.
    pub ribs: bool,
    /// Number of B-lines that can be seen.
    pub b_line_count: u32,
    /// Depth of the pleura under the middle of the probe.
    pub pleura_depth_mm: f64,
    /// One entry for each of [`Finding::ALL`], in that order.
    pub findings: Vec<FindingLabel>,
}

/// What the painted grid says beyond the masks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) b_lines: u32,
    /// Of the assessable pleura.
    pub(crate) b_line_share: f64,
}

impl Labels {
    /// Whether a finding is there.
    pub fn presence(&self, finding: Finding) -> Presence {
        self.label(finding).map_or(Presence::NotAssessable, |label| label.presence)
    }

    /// The entry of a finding.
    pub fn label(&self, finding: Finding) -> Option<&FindingLabel> {
        self.findings.iter().find(|label| label.finding == finding)
    }

    /// Findings that are present.
    pub fn present(&self) -> impl Iterator<Item = Finding> + '_ {
        let present = |label: &&FindingLabel| label.presence == Presence::Present;
        self.findings.iter().filter(present).map(|label| label.finding)
    }

    pub(crate) fn of(scene: &Scene, truth: &TruthMap, seen: Seen) -> Self {
        let label = |finding: Finding| {
            let pixels = finding.structure().map_or(0, |structure| truth.count(structure));
            let presence = presence(finding, scene, pixels, seen);
            FindingLabel {
                finding,
                presence,
                severity: (presence == Presence::Present)
                    .then(|| severity(finding, scene, truth, pixels, seen))
                    .flatten(),
                region: finding.structure().and_then(|structure| truth.bounds(structure)),
                pixels,
            }
        };
        Self {
            zone: scene.zone,
            base_view: scene.base.is_some(),
            ribs: scene.ribs.is_some(),
            b_line_count: seen.b_lines,
            pleura_depth_mm: scene.pleura.depth_mm,
            findings: Finding::ALL.into_iter().map(label).collect(),
        }
    }
}

fn presence(finding: Finding, scene: &Scene, pixels: u32, seen: Seen) -> Presence {
    let motion = &scene.motion;
    let is = |there: bool| if there { Presence::Present } else { Presence::Absent };
    let drawn = match pixels {
        0 => Presence::Absent,
        1..LEAST_PIXELS => Presence::NotAssessable,
        _ => Presence::Present,
    };
    match finding {
        Finding::AbsentSliding | Finding::LungPulse if motion.frames < 2 || scene.base.is_some() => {
            Presence::NotAssessable
        }
        Finding::AbsentSliding => is(motion.sliding_mm == 0.0),
        Finding::LungPulse => is(motion.sliding_mm == 0.0 && motion.pulse_mm > 0.0),
        // A grazed edge of a B-line marks pixels of beams that a rib darkens: not counted, not denied.
        Finding::BLines if seen.b_lines == 0 && pixels > 0 => Presence::NotAssessable,
        Finding::BLinesSeveral | Finding::BLinesConfluent if drawn != Presence::Present => drawn,
        Finding::BLinesConfluent if seen.b_line_share < NOT_CONFLUENT_SHARE => Presence::Absent,
        Finding::BLinesConfluent if seen.b_line_share < CONFLUENT_SHARE => Presence::NotAssessable,
        Finding::BLinesConfluent => Presence::Present,
        Finding::BLinesSeveral => is(seen.b_lines >= SEVERAL_B_LINES || seen.b_line_share >= CONFLUENT_SHARE),
        _ => drawn,
    }
}

fn severity(finding: Finding, scene: &Scene, truth: &TruthMap, pixels: u32, seen: Seen) -> Option<f64> {
    match finding {
        Finding::BLines | Finding::BLinesSeveral | Finding::BLinesConfluent => Some(seen.b_line_share),
        Finding::Consolidation | Finding::PleuralEffusion => {
            let all = f64::from(truth.width()) * f64::from(truth.height());
            Some(f64::from(pixels) / all)
        }
        Finding::IrregularPleura => Some((scene.pleura.roughness_mm / 1.4).min(1.0)),
        _ => None,
    }
}
