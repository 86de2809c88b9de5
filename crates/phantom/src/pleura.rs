//! The pleural line: its course, and its echo.

use serde::{Deserialize, Serialize};

use crate::echo_grid::{EchoGrid, Sightline};
use crate::findings::{SMOOTH_PLEURA_MM, THIN_PLEURA_MM};
use crate::motion::Moment;
use crate::portable::{amplitude, atan, cos, exp, radians, sin};
use crate::probe::Beam;
use crate::scene::Measured;
use crate::texture::Texture;
use crate::truth::Structure;

/// Angle at which the pleura's echo has fallen to 1/e: rough on the scale of the wave, so much wider than a mirror.
const ECHO_ANGLE_RAD: f64 = 0.55;

/// The pleural line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pleura {
    /// Depth under the middle of the probe.
    pub depth_mm: f64,
    /// Slope; positive goes deeper to the right.
    pub tilt_deg: f64,
    /// Curvature, per metre; positive: the sides are deeper.
    pub bow_per_m: f64,
    /// Echo hit at a right angle.
    pub echo_db: f64,
    /// Thickness of the line.
    pub thickness_mm: f64,
    /// Height of its bumps and depth of its gaps: near 0 is smooth.
    pub roughness_mm: f64,
}

impl Pleura {
    /// Depth at `x`, without roughness.
    pub(crate) fn smooth_z(&self, x_mm: f64) -> f64 {
        let tilt = radians(self.tilt_deg);
        self.depth_mm + x_mm * sin(tilt) / cos(tilt) + 0.5 * self.bow_per_m / 1000.0 * x_mm * x_mm
    }

    /// Where a beam meets the parietal pleura: the sightline, still without anything behind it.
    pub(crate) fn meet(&self, beam: Beam, moment: Moment) -> Sightline {
        let mut range = self.depth_mm / beam.dz.max(0.3);
        // The course is nearly straight: a few steps of the secant rule settle it far below a sample.
        for _ in 0..12 {
            let (x, z) = beam.at(range);
            range = (range + (self.smooth_z(x) + moment.rise_mm - z) / beam.dz.max(0.3)).clamp(2.0, 500.0);
        }
        let x_mm = beam.at(range).0;
        let slope = (self.smooth_z(x_mm + 0.5) - self.smooth_z(x_mm - 0.5)).clamp(-5.0, 5.0);
        let incidence_rad = (atan(beam.dx / beam.dz.max(0.05)) + atan(slope)).abs();
        Sightline {
            beam,
            pleura_mm: range,
            x_mm,
            incidence_rad,
            open: 1.0,
            lung_mm: range,
            air_mm: Some(range),
            b_line: 0.0,
            shred: 0.0,
        }
    }

    /// True when the line counts as irregular or thickened.
    pub(crate) fn is_irregular(&self) -> bool {
        self.roughness_mm > SMOOTH_PLEURA_MM || self.thickness_mm > THIN_PLEURA_MM
    }

    /// The line of every beam. `weight` is 1 over aerated lung and less over fluid or airless lung: `(beams,)`.
    pub(crate) fn paint(
        &self,
        grid: &mut EchoGrid,
        sight: &[Sightline],
        weight: &[f64],
        moment: Moment,
        seed: u64,
    ) {
        let bumps = Texture::new(seed, 21);
        let gaps = Texture::new(seed, 22);
        let shine = Texture::new(seed, 23);
        for (b, line) in sight.iter().enumerate() {
            let visceral = line.x_mm - moment.slide_mm;
            let angle = line.incidence_rad / ECHO_ANGLE_RAD;
            let shine = 0.8 + 0.2 * shine.curve(visceral / 7.0);
            // Roughness breaks the line: a millimetre makes gaps of about half its echo.
            let broken = 1.0
                - 0.95
                    * self.roughness_mm.min(1.0)
                    * (0.5 + 0.6 * gaps.rough(visceral / 3.5)).clamp(0.0, 1.0);
            let strength = amplitude(self.echo_db) * exp(-angle * angle) * shine * broken * weight[b];
            let bump = 0.7 * self.roughness_mm * bumps.rough(visceral / 2.2);
            let thick = (self.thickness_mm + bump.abs()).max(grid.step_mm);
            let start = line.pleura_mm + bump;
            let layers = (thick / grid.step_mm).ceil().max(1.0);
            for layer in 0..layers as usize {
                let fade = 1.0 - 0.85 * layer as f64 / layers;
                grid.reflect(b, start + layer as f64 * grid.step_mm, strength * fade / layers.sqrt());
            }
            let seen = (start - 0.3, start + thick + 0.3);
            grid.mark(b, seen, Structure::PleuralLine);
            if self.is_irregular() {
                grid.mark(b, seen, Structure::IrregularPleura);
            }
        }
    }
}

impl Measured for Pleura {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64)) {
        put("pleura.depth_mm", self.depth_mm);
        put("pleura.tilt_deg", self.tilt_deg);
        put("pleura.bow_per_m", self.bow_per_m);
        put("pleura.echo_db", self.echo_db);
        put("pleura.thickness_mm", self.thickness_mm);
        put("pleura.roughness_mm", self.roughness_mm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Probe, ProbeShape};

    #[test]
    fn beams_meet_the_line_on_its_course() {
        let pleura = Pleura {
            depth_mm: 30.0,
            tilt_deg: 8.0,
            bow_per_m: 6.0,
            echo_db: 25.0,
            thickness_mm: 1.0,
            roughness_mm: 0.0,
        };
        let shape = ProbeShape::Convex { radius_mm: 60.0, angle_deg: 60.0 };
        let probe = Probe { shape, frequency_mhz: 3.5, depth_mm: 120.0 };
        let still = Moment { slide_mm: 0.0, rise_mm: 0.0, breath: 0.0 };
        for step in 0..=10 {
            let line = pleura.meet(probe.beam(f64::from(step) / 10.0), still);
            let (x, z) = line.beam.at(line.pleura_mm);
            assert!((z - pleura.smooth_z(x)).abs() < 1e-3, "{x} {z} {}", pleura.smooth_z(x));
        }
        let middle = pleura.meet(probe.beam(0.5), still);
        assert!((middle.pleura_mm - 30.0).abs() < 1e-6 && (middle.incidence_rad - radians(8.0)).abs() < 0.01);
    }
}
