//! B-lines: vertical artefacts that arise from the pleura, reach the bottom of the image without fading, wipe out
//! A-lines and move with the lung. Comet tails are their harmless short cousins: they fade within centimetres.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use crate::portable::{amplitude, exp, sin};
use crate::scene::Measured;

/// One B-line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BLine {
    /// Where it arises on the pleura.
    pub x_mm: f64,
    /// Width at the pleura.
    pub width_mm: f64,
    /// Its echo as displayed, at every depth.
    pub level_db: f64,
    /// Distance of the fine bright bands of its ring-down.
    pub band_mm: f64,
    /// Depth of the bands: 0 none, 1 down to black.
    pub band_contrast: f64,
}

/// A short vertical artefact that fades.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CometTail {
    /// Where it arises on the pleura.
    pub x_mm: f64,
    /// Width.
    pub width_mm: f64,
    /// Echo at its origin, as displayed.
    pub level_db: f64,
    /// Length over which it loses 20 dB.
    pub length_mm: f64,
}

impl BLine {
    /// How much of it a beam carries whose place on the lung's surface is `x_mm`: 0…1, soft sides; one half at
    /// half its width.
    pub(crate) fn profile(&self, x_mm: f64) -> f64 {
        let u = (x_mm - self.x_mm) / (0.6 * self.width_mm);
        exp(-(u * u))
    }

    /// Amplitude `below_mm` under the surface, on its axis.
    pub(crate) fn level(&self, below_mm: f64) -> f64 {
        let band = 1.0 + self.band_contrast * sin(TAU * below_mm / self.band_mm);
        amplitude(self.level_db) * band
    }
}

impl CometTail {
    /// Amplitude for a place `x_mm` on the surface and `below_mm` under it.
    pub(crate) fn level(&self, x_mm: f64, below_mm: f64) -> f64 {
        let u = (x_mm - self.x_mm) / (0.6 * self.width_mm);
        amplitude(self.level_db - 20.0 * below_mm / self.length_mm) * exp(-(u * u))
    }
}

/// B-lines that can be told apart in a view, and the share they take of the `assessable` beams: those that meet
/// air and no rib. `covered`: for each beam, the B-line it shows.
pub(crate) fn count_visible(covered: &[Option<usize>], assessable: usize) -> (u32, f64) {
    let mut seen: Vec<usize> = covered.iter().flatten().copied().collect();
    let share = seen.len() as f64 / assessable.max(1) as f64;
    seen.sort_unstable();
    seen.dedup();
    (seen.len() as u32, share)
}

impl Measured for BLine {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64)) {
        put("b_line.x_mm", self.x_mm);
        put("b_line.width_mm", self.width_mm);
        put("b_line.level_db", self.level_db);
        put("b_line.band_mm", self.band_mm);
        put("b_line.band_contrast", self.band_contrast);
    }
}

impl Measured for CometTail {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64)) {
        put("comet_tail.x_mm", self.x_mm);
        put("comet_tail.width_mm", self.width_mm);
        put("comet_tail.level_db", self.level_db);
        put("comet_tail.length_mm", self.length_mm);
    }
}
