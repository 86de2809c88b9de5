//! A scene: every parameter of one simulated scan, as a record that can be kept and played again.
//!
//! Lengths in millimetres, levels in decibels relative to the echo of muscle (0 dB), `x` as in `probe.rs`.

use serde::{Deserialize, Serialize};

use crate::artefacts::Artefacts;
use crate::diaphragm::Base;
use crate::error::PhantomError;
use crate::limits::{MAX_B_LINES, MAX_BRONCHOGRAMS, MAX_COMET_TAILS, MAX_CONSOLIDATIONS, MAX_FRAMES};
use crate::machine::Machine;
use crate::motion::Motion;
use crate::probe::{Probe, ProbeShape};
use crate::quantities::hold;

pub use crate::b_lines::{BLine, CometTail};
pub use crate::chest_wall::ChestWall;
pub use crate::consolidation::{Bronchogram, Consolidation};
pub use crate::effusion::{Effusion, Flap};
pub use crate::lung::Lung;
pub use crate::pleura::Pleura;
pub use crate::ribs::Ribs;

/// Where on the chest the probe stands: the zones of the eight-zone protocol, by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it: side, and upper/lower anterior or lateral")]
pub enum Zone {
    RightUpperAnterior,
    RightLowerAnterior,
    RightUpperLateral,
    RightLowerLateral,
    LeftUpperAnterior,
    LeftLowerAnterior,
    LeftUpperLateral,
    LeftLowerLateral,
}

impl Zone {
    /// All eight.
    pub const ALL: [Zone; 8] = [
        Zone::RightUpperAnterior,
        Zone::RightLowerAnterior,
        Zone::RightUpperLateral,
        Zone::RightLowerLateral,
        Zone::LeftUpperAnterior,
        Zone::LeftLowerAnterior,
        Zone::LeftUpperLateral,
        Zone::LeftLowerLateral,
    ];

    /// `"right"` or `"left"`.
    pub fn laterality(self) -> &'static str {
        if (self as usize) < 4 { "right" } else { "left" }
    }

    /// True for the lateral zone above the diaphragm, the only one where the base view is taken.
    pub fn shows_diaphragm(self) -> bool {
        matches!(self, Zone::RightLowerLateral | Zone::LeftLowerLateral)
    }
}

/// One simulated scan. The same scene gives the same bytes on every machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// Seed of everything random that is no parameter: speckle, fibres, noise.
    pub seed: u64,
    /// Where the probe stands.
    pub zone: Zone,
    /// The probe.
    pub probe: Probe,
    /// The machine's settings.
    pub machine: Machine,
    /// Skin, fat, muscle.
    pub wall: ChestWall,
    /// Ribs across the image; `None` in a view along an intercostal space.
    pub ribs: Option<Ribs>,
    /// The pleural line.
    pub pleura: Pleura,
    /// What aerated lung shows: reverberations and B-lines.
    pub lung: Lung,
    /// Airless lung under the pleura.
    pub consolidations: Vec<Consolidation>,
    /// Fluid between the pleural leaves.
    pub effusion: Option<Effusion>,
    /// The view of the lung base: diaphragm, organ, spine. `None` for an intercostal view.
    pub base: Option<Base>,
    /// How it moves in a cine.
    pub motion: Motion,
    /// What goes wrong: contact, clutter.
    pub artefacts: Artefacts,
}

/// A part that reports its numbers by their names in the table of quantities.
pub(crate) trait Measured {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64));
}

impl Scene {
    /// Every number of the scene by its name in [`crate::QUANTITIES`], in a fixed order.
    pub fn quantities(&self) -> Vec<(&'static str, f64)> {
        let mut found = Vec::with_capacity(96);
        self.visit(&mut |name, value| found.push((name, value)));
        found
    }

    /// Hold every number against its limits, and the parts against each other.
    /// Errors: `Limit`, `Count`, `Scene`.
    pub fn validate(&self) -> Result<(), PhantomError> {
        let mut first = Ok(());
        self.visit(&mut |name, value| {
            if first.is_ok() {
                first = hold(name, value);
            }
        });
        first?;
        self.count_parts()?;
        if self.base.is_some() && matches!(self.probe.shape, ProbeShape::Linear { .. }) {
            let got = format!("{:?}", self.probe.shape);
            return Err(PhantomError::Scene {
                what: "view of the lung base",
                expected: "a convex or phased probe",
                got,
            });
        }
        if self.pleura.depth_mm > 0.6 * self.probe.depth_mm {
            return Err(PhantomError::Scene {
                what: "depth of the pleura",
                expected: "at most 0.6 of the depth shown",
                got: format!("{} of {} mm", self.pleura.depth_mm, self.probe.depth_mm),
            });
        }
        Ok(())
    }

    /// The same scene without any lesion (B-lines, consolidation, effusion, irregular pleura): all else, speckle
    /// included, stays as it was. A-lines come back where the lesion had put them out.
    pub fn without_lesions(&self) -> Scene {
        let mut healthy = self.clone();
        healthy.lung.b_lines.clear();
        healthy.consolidations.clear();
        healthy.effusion = None;
        healthy.pleura.roughness_mm = healthy.pleura.roughness_mm.min(crate::findings::SMOOTH_PLEURA_MM);
        healthy.pleura.thickness_mm = healthy.pleura.thickness_mm.min(crate::findings::THIN_PLEURA_MM);
        healthy
    }

    fn count_parts(&self) -> Result<(), PhantomError> {
        let bronchograms = self.consolidations.iter().map(|c| c.bronchograms.len()).max().unwrap_or_default();
        for (what, limit, got) in [
            ("B-lines", MAX_B_LINES, self.lung.b_lines.len()),
            ("comet tails", MAX_COMET_TAILS, self.lung.comet_tails.len()),
            ("consolidations", MAX_CONSOLIDATIONS, self.consolidations.len()),
            ("air bronchograms of one consolidation", MAX_BRONCHOGRAMS, bronchograms),
            ("frames", MAX_FRAMES, self.motion.frames as usize),
        ] {
            if got > limit {
                return Err(PhantomError::Count { what, limit, got });
            }
        }
        Ok(())
    }
}

impl Measured for Scene {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64)) {
        self.probe.visit(put);
        self.machine.visit(put);
        self.wall.visit(put);
        if let Some(ribs) = &self.ribs {
            ribs.visit(put);
        }
        self.pleura.visit(put);
        self.lung.visit(put);
        self.consolidations.iter().for_each(|part| part.visit(put));
        if let Some(effusion) = &self.effusion {
            effusion.visit(put);
        }
        if let Some(base) = &self.base {
            base.visit(put);
        }
        self.motion.visit(put);
        self.artefacts.visit(put);
    }
}

impl Measured for Probe {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64)) {
        match self.shape {
            ProbeShape::Linear { aperture_mm } => {
                put("linear.aperture_mm", aperture_mm);
                put("linear.frequency_mhz", self.frequency_mhz);
                put("linear.depth_mm", self.depth_mm);
            }
            ProbeShape::Convex { radius_mm, angle_deg } => {
                put("convex.radius_mm", radius_mm);
                put("convex.angle_deg", angle_deg);
                put("convex.frequency_mhz", self.frequency_mhz);
                put("convex.depth_mm", self.depth_mm);
            }
            ProbeShape::Phased { angle_deg } => {
                put("phased.angle_deg", angle_deg);
                put("phased.frequency_mhz", self.frequency_mhz);
                put("phased.depth_mm", self.depth_mm);
            }
        }
    }
}
