//! Consolidation: airless lung that scatters like an organ, with an irregular deep border where the air begins
//! (shred sign), and bright branching air in its bronchi (air bronchograms).

use serde::{Deserialize, Serialize};

use crate::echo_grid::{EchoGrid, Sightline};
use crate::motion::Moment;
use crate::portable::{amplitude, cos, radians, sin};
use crate::probe::Probe;
use crate::scene::Measured;
use crate::texture::Texture;
use crate::truth::Structure;

/// Length of the tail behind a bubble of air in a bronchus.
const TAIL_MM: f64 = 2.5;

/// Airless lung under the pleura.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Consolidation {
    /// Its middle, along the pleura.
    pub x_mm: f64,
    /// Width along the pleura.
    pub width_mm: f64,
    /// Depth at its middle.
    pub depth_mm: f64,
    /// Echo of its tissue.
    pub echo_db: f64,
    /// Height of the shreds of its deep border.
    pub shred_mm: f64,
    /// Air in its bronchi.
    pub bronchograms: Vec<Bronchogram>,
}

/// One bright streak of air.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bronchogram {
    /// Place across the consolidation: -1 left edge, 1 right edge.
    pub across: f64,
    /// Place down: 0 pleura, 1 deep border.
    pub down: f64,
    /// Length of the streak.
    pub length_mm: f64,
    /// Direction: 0 lies along the pleura, 90 points away from it.
    pub angle_deg: f64,
    /// Its echo.
    pub echo_db: f64,
}

impl Consolidation {
    /// Thickness at `x_mm` on the lung's surface; 0 outside.
    fn thickness(&self, x_mm: f64, border: Texture) -> f64 {
        let u = (x_mm - self.x_mm) / (0.5 * self.width_mm);
        if u.abs() >= 1.0 {
            return 0.0;
        }
        let shred = self.shred_mm * (border.rough(x_mm / 3.2) + 0.6 * border.rough(x_mm / 1.1 + 90.0));
        (self.depth_mm * (1.0 - u * u).sqrt() + shred * (1.0 - u * u)).max(0.0)
    }

    /// Paint it on every beam that crosses it, and move the beam's air below it.
    /// `attenuation_db_cm_mhz` is that of soft tissue.
    pub(crate) fn paint(
        &self,
        grid: &mut EchoGrid,
        sight: &mut [Sightline],
        moment: Moment,
        (seed, number): (u64, u32),
        attenuation_db_cm_mhz: f64,
    ) {
        let border = Texture::new(seed, 300 + number);
        let mottle = Texture::new(seed, 340 + number);
        let clumps = Texture::new(seed, 380 + number);
        for (b, line) in sight.iter_mut().enumerate() {
            let x = line.x_mm - moment.slide_mm;
            let thickness = self.thickness(x, border);
            // A beam over deep airless lung may already meet no air.
            if thickness < 0.4 || line.air_mm.is_none() {
                continue;
            }
            let span = (line.lung_mm, line.lung_mm + thickness);
            grid.tissue(b, span, attenuation_db_cm_mhz, Some(Structure::Consolidation), |range| {
                amplitude(self.echo_db + 4.0 * mottle.field(x / 4.0, range / 3.0))
            });
            // The border to the air: bright, in clumps of a few millimetres.
            let clump = (0.45 + 0.75 * clumps.rough(x / 2.2)).max(0.08);
            for (below_mm, share) in [(0.0, 1.0), (0.5, 0.8), (1.0, 0.5), (1.6, 0.25)] {
                grid.reflect(b, span.1 + below_mm, share * clump * amplitude(21.0));
            }
            line.shred = line.shred.max(clump);
            line.air_mm = Some(line.air_mm.map_or(span.1, |air| air.max(span.1)));
        }
    }

    /// Draw the air of its bronchi; after [`Consolidation::paint`], which marked where it is.
    pub(crate) fn paint_bronchograms(
        &self,
        grid: &mut EchoGrid,
        sight: &[Sightline],
        probe: &Probe,
        moment: Moment,
    ) {
        let Some(middle) = nearest(sight, self.x_mm + moment.slide_mm) else { return };
        let (_, top) = middle.beam.at(middle.lung_mm);
        for streak in &self.bronchograms {
            let angle = radians(streak.angle_deg);
            let x = self.x_mm + moment.slide_mm + 0.5 * streak.across * self.width_mm;
            let room = self.depth_mm * (1.0 - streak.across * streak.across).max(0.0).sqrt();
            let z = top + streak.down * room;
            let steps = (streak.length_mm / 0.2).ceil().max(1.0) as u32;
            let bend = 0.06 * streak.across.signum();
            for step in 0..=steps {
                let along = streak.length_mm * (f64::from(step) / f64::from(steps) - 0.5);
                let place = (x + along * cos(angle), z + along * sin(angle) + bend * along * along);
                // Beads of air: bright and faint by turns.
                let bead = 0.65 + 0.35 * sin(2.4 * along + 40.0 * streak.across);
                self.dot(grid, probe, place, amplitude(streak.echo_db) * bead);
            }
        }
    }

    /// One point of air, with a short tail below it. Only inside the consolidation.
    fn dot(&self, grid: &mut EchoGrid, probe: &Probe, (x, z): (f64, f64), strength: f64) {
        let (fraction, range) = probe.locate(x, z);
        let beam = fraction * (grid.beams - 1) as f64;
        if !(0.0..grid.beams as f64 - 0.5).contains(&beam) || range < 0.0 {
            return;
        }
        let (b, s) = (beam.round() as usize, grid.sample(range));
        if s + 1 >= grid.samples || grid.truth[s * grid.beams + b] & Structure::Consolidation.bit() == 0 {
            return;
        }
        // Points lie closer than samples: the strongest counts, not the sum.
        let at = s * grid.beams + b;
        grid.specular[at] = grid.specular[at].max(strength as f32);
        for below in 1..=(TAIL_MM / grid.step_mm) as usize {
            let at = (s + below) * grid.beams + b;
            if s + below >= grid.samples {
                break;
            }
            let tail = 0.08 * strength * (1.0 - below as f64 * grid.step_mm / TAIL_MM).max(0.0);
            grid.diffuse[at] = grid.diffuse[at].max(tail as f32);
        }
        grid.mark(b, (range - 0.6, range + 1.0), Structure::AirBronchogram);
    }
}

/// The beam whose pleura lies nearest to `x_mm`.
fn nearest(sight: &[Sightline], x_mm: f64) -> Option<&Sightline> {
    sight.iter().min_by(|a, b| (a.x_mm - x_mm).abs().total_cmp(&(b.x_mm - x_mm).abs()))
}

impl Measured for Consolidation {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64)) {
        put("consolidation.x_mm", self.x_mm);
        put("consolidation.width_mm", self.width_mm);
        put("consolidation.depth_mm", self.depth_mm);
        put("consolidation.echo_db", self.echo_db);
        put("consolidation.shred_mm", self.shred_mm);
        for streak in &self.bronchograms {
            put("bronchogram.across", streak.across);
            put("bronchogram.down", streak.down);
            put("bronchogram.length_mm", streak.length_mm);
            put("bronchogram.angle_deg", streak.angle_deg);
            put("bronchogram.echo_db", streak.echo_db);
        }
    }
}
