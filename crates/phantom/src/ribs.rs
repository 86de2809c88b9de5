//! Ribs across the image: a bright curved surface and the shadow behind it. With the pleural line between and
//! below two of them they make the bat sign.

use serde::{Deserialize, Serialize};

use crate::echo_grid::{EchoGrid, Sightline};
use crate::pleura::Pleura;
use crate::portable::{amplitude, smooth_step};
use crate::scene::Measured;
use crate::truth::Structure;

/// A row of ribs, cut across.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ribs {
    /// Place of one of them; the others follow at `spacing_mm` on both sides.
    pub first_x_mm: f64,
    /// From middle to middle.
    pub spacing_mm: f64,
    /// Width of the cross-section.
    pub width_mm: f64,
    /// Height of the cross-section.
    pub height_mm: f64,
    /// From the lower surface of the rib down to the pleura.
    pub standoff_mm: f64,
    /// Echo of the surface hit at a right angle.
    pub echo_db: f64,
    /// How much darker it is behind.
    pub shadow_db: f64,
}

impl Ribs {
    /// Paint ribs and shadows, and note how much each beam has left (`Sightline::open`).
    pub(crate) fn paint(&self, grid: &mut EchoGrid, sight: &mut [Sightline], pleura: &Pleura) {
        let (half_width, half_height) = (self.width_mm / 2.0, self.height_mm / 2.0);
        for (b, line) in sight.iter_mut().enumerate() {
            let nearest = ((line.x_mm - self.first_x_mm) / self.spacing_mm).round();
            for n in [nearest - 1.0, nearest, nearest + 1.0] {
                let x = self.first_x_mm + n * self.spacing_mm;
                // A wall too thin for the rib gives it less room: never above the skin.
                let z = (pleura.smooth_z(x) - self.standoff_mm - half_height).max(half_height + 1.0);
                let Some((near, far, steepness)) = cut(line, (x, z), (half_width, half_height)) else {
                    continue;
                };
                self.paint_one(grid, b, line, near, far, steepness);
                break;
            }
        }
    }

    fn paint_one(
        &self,
        grid: &mut EchoGrid,
        b: usize,
        line: &mut Sightline,
        near: f64,
        far: f64,
        steepness: f64,
    ) {
        // A grazed edge shadows only in part.
        let share = smooth_step(0.0, 0.6, (far - near) / self.height_mm);
        let shadow_db = self.shadow_db * share;
        // The cortical surface scatters and reflects; bone behind it hardly sends anything back.
        grid.tissue(b, (near, far), 0.6, Some(Structure::Rib), |range| {
            amplitude(self.echo_db - 14.0 - 14.0 * (range - near))
        });
        let surface = amplitude(self.echo_db) * (0.15 + 0.85 * steepness * steepness);
        for (below_mm, share) in [(0.0, 1.0), (0.4, 0.9), (0.8, 0.6), (1.2, 0.3)] {
            grid.reflect(b, near + below_mm, share * surface);
        }
        grid.block(b, near + 1.4, shadow_db);
        line.open *= amplitude(-shadow_db);
        if share > 0.3 {
            grid.mark(b, (far, f64::MAX), Structure::RibShadow);
        }
    }
}

/// Ranges at which a beam enters and leaves an ellipse, and the cosine of the angle at which it enters.
fn cut(
    line: &Sightline,
    (x, z): (f64, f64),
    (half_width, half_height): (f64, f64),
) -> Option<(f64, f64, f64)> {
    let beam = line.beam;
    // Scaled so that the ellipse is the unit circle.
    let (px, pz) = ((beam.x - x) / half_width, (beam.z - z) / half_height);
    let (ux, uz) = (beam.dx / half_width, beam.dz / half_height);
    let a = ux * ux + uz * uz;
    let half_b = px * ux + pz * uz;
    let c = px * px + pz * pz - 1.0;
    let discriminant = half_b * half_b - a * c;
    if discriminant <= 0.0 {
        return None;
    }
    let root = discriminant.sqrt();
    let (near, far) = ((-half_b - root) / a, (-half_b + root) / a);
    if near <= 0.0 {
        return None;
    }
    let (nx, nz) = ((px + ux * near) / half_width, (pz + uz * near) / half_height);
    let steepness = -(nx * beam.dx + nz * beam.dz) / (nx * nx + nz * nz).sqrt();
    Some((near, far, steepness.clamp(0.0, 1.0)))
}

impl Measured for Ribs {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64)) {
        put("ribs.first_x_mm", self.first_x_mm);
        put("ribs.spacing_mm", self.spacing_mm);
        put("ribs.width_mm", self.width_mm);
        put("ribs.height_mm", self.height_mm);
        put("ribs.standoff_mm", self.standoff_mm);
        put("ribs.echo_db", self.echo_db);
        put("ribs.shadow_db", self.shadow_db);
    }
}
