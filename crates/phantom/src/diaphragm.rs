//! The view of the lung base: organ (liver or spleen), diaphragm, spine, and the thorax above them. Left is toward
//! the head. Air hides what lies behind it; fluid opens the view, so that the spine is seen above the diaphragm
//! (spine sign). Behind a diaphragm that borders on air the organ appears once more (mirror artefact).

use serde::{Deserialize, Serialize};

use crate::attenuation::FLUID_DB_CM_MHZ;
use crate::echo_grid::{EchoGrid, Sightline};
use crate::effusion::Effusion;
use crate::motion::Moment;
use crate::portable::{amplitude, smooth_step};
use crate::scene::Measured;
use crate::texture::Texture;
use crate::truth::Structure;

/// Spacing of the vertebrae's surfaces.
const VERTEBRA_MM: f64 = 26.0;

/// Organ, diaphragm and spine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Base {
    /// Where the diaphragm meets the chest wall; the organ lies to the right.
    pub dome_x_mm: f64,
    /// Radius of the dome.
    pub dome_radius_mm: f64,
    /// Depth of the dome's middle below the wall, as a share of its radius: small domes let beams out again, and
    /// the mirror image is seen.
    pub dome_down: f64,
    /// Echo of the organ.
    pub organ_db: f64,
    /// Echo of the diaphragm hit at a right angle.
    pub diaphragm_db: f64,
    /// Depth of the vertebrae's surface.
    pub spine_depth_mm: f64,
    /// Level of the organ's mirror image behind the diaphragm.
    pub mirror_db: f64,
}

/// What a place in the base view is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Organ,
    Fluid,
    Flap,
    Air,
    Spine,
}

/// Everything the walk along a beam asks for.
struct Walk<'a> {
    base: &'a Base,
    effusion: Option<&'a Effusion>,
    moment: Moment,
    middle: (f64, f64),
    wall_z: f64,
}

impl Walk<'_> {
    /// What is at `(x, z)` on a beam that met the pleura at `entry_x`.
    fn place(&self, x: f64, z: f64, entry_x: f64) -> Place {
        if z > self.spine_z(x) {
            return Place::Spine;
        }
        let (dx, dz) = (x - self.middle.0, z - self.middle.1);
        let radius = self.base.dome_radius_mm;
        if dx * dx + dz * dz < radius * radius || (x > self.middle.0 && dz > 0.0) {
            return Place::Organ;
        }
        let Some(effusion) = self.effusion else { return Place::Air };
        // Aerated lung hangs in from the left like a curtain.
        let curtain = effusion.x_mm - 0.5 * effusion.width_mm + 5.0 * self.moment.breath;
        if entry_x < curtain {
            return Place::Air;
        }
        match &effusion.flap {
            Some(flap) if self.in_flap(flap.length_mm, flap.thickness_mm, curtain, x, z) => Place::Flap,
            _ => Place::Fluid,
        }
    }

    /// A tongue from the curtain toward the diaphragm, waving with the breath.
    fn in_flap(&self, length: f64, thickness: f64, curtain: f64, x: f64, z: f64) -> bool {
        let along = (x - curtain) / (length * (1.0 + 0.08 * self.moment.breath));
        if !(-2.0..1.0).contains(&along) {
            return false;
        }
        let along = along.max(0.0);
        let bend = 0.35 * length * along * along + 4.0 * self.moment.breath * along;
        let axis = self.wall_z + 0.55 * thickness + 14.0 + bend;
        let half = 0.5 * thickness * (1.0 - along * along).max(0.0).sqrt();
        (z - axis).abs() < half
    }

    /// Depth of the vertebrae's surface: a row of shallow arches.
    fn spine_z(&self, x: f64) -> f64 {
        let along = x / VERTEBRA_MM;
        let u = 2.0 * (along - along.floor()) - 1.0;
        self.base.spine_depth_mm + 3.5 * u * u + 0.06 * x.abs()
    }
}

impl Base {
    /// Paint everything behind the pleura of every beam, and set where its air begins.
    pub(crate) fn paint(
        &self,
        grid: &mut EchoGrid,
        sight: &mut [Sightline],
        effusion: Option<&Effusion>,
        (wall_z, moment): (f64, Moment),
        (seed, attenuation_db_cm_mhz): (u64, f64),
    ) {
        let down = self.dome_down * self.dome_radius_mm;
        // The dome's circle meets the wall at `dome_x_mm`.
        let right = (self.dome_radius_mm * self.dome_radius_mm - down * down).max(0.0).sqrt();
        let middle = (self.dome_x_mm + right + 4.0 * moment.breath, wall_z + down + 3.0 * moment.breath);
        let walk = Walk { base: self, effusion, moment, middle, wall_z };
        let textures = [Texture::new(seed, 51), Texture::new(seed, 52)];
        for (b, line) in sight.iter_mut().enumerate() {
            line.air_mm = None;
            self.walk_beam(grid, b, line, &walk, attenuation_db_cm_mhz, textures);
        }
    }

    /// Go down one beam from the pleura, stretch by stretch of the same place.
    fn walk_beam(
        &self,
        grid: &mut EchoGrid,
        b: usize,
        line: &mut Sightline,
        walk: &Walk<'_>,
        attenuation: f64,
        [mottle, swirl]: [Texture; 2],
    ) {
        let (beam, entry) = (line.beam, line.x_mm);
        let step = grid.step_mm;
        let end = grid.samples as f64 * step;
        let place_at = |range: f64| {
            let (x, z) = beam.at(range);
            walk.place(x, z, entry)
        };
        let mut from = line.pleura_mm + step;
        let mut before: Option<Place> = None;
        while from < end {
            let place = place_at(from);
            let mut to = from + step;
            while to < end && place_at(to) == place {
                to += step;
            }
            self.border(grid, b, from, (before, place), walk, beam.at(from));
            match place {
                Place::Organ => grid.tissue(b, (from, to), attenuation, Some(Structure::Organ), |range| {
                    let (x, z) = beam.at(range);
                    amplitude(self.organ_db + vessel(mottle, x, z))
                }),
                Place::Fluid => {
                    grid.tissue(b, (from, to), FLUID_DB_CM_MHZ, Some(Structure::Effusion), |range| {
                        let (x, z) = beam.at(range);
                        walk.effusion.map_or(0.0, |fluid| fluid.level(swirl, x, z, walk.moment))
                    });
                }
                Place::Flap => {
                    let level =
                        walk.effusion.and_then(|fluid| fluid.flap.as_ref()).map_or(-8.0, |f| f.echo_db);
                    grid.tissue(b, (from, to), attenuation, Some(Structure::Consolidation), |range| {
                        amplitude(level + 4.0 * mottle.field(entry / 5.0, range / 4.0))
                    });
                }
                Place::Air => {
                    if before == Some(Place::Organ) {
                        self.mirror(grid, b, from, beam, mottle, attenuation);
                    } else {
                        line.air_mm = Some(from);
                    }
                    return;
                }
                Place::Spine => {
                    grid.tissue(b, (from, end), attenuation, None, |range| {
                        amplitude(-2.0 - 6.0 * (range - from))
                    });
                    grid.block(b, from + 1.5, 30.0);
                    return;
                }
            }
            (before, from) = (Some(place), to);
        }
    }

    /// The bright line between two places.
    fn border(
        &self,
        grid: &mut EchoGrid,
        b: usize,
        range: f64,
        (before, place): (Option<Place>, Place),
        walk: &Walk<'_>,
        (x, z): (f64, f64),
    ) {
        let Some(before) = before else { return };
        let diaphragm = (before == Place::Organ) != (place == Place::Organ) && place != Place::Spine;
        if diaphragm {
            let (dx, dz) = (x - walk.middle.0, z - walk.middle.1);
            let beam_angle = (dz.abs() / (dx * dx + dz * dz).sqrt().max(1.0)).clamp(0.0, 1.0);
            let strength = amplitude(self.diaphragm_db) * (0.4 + 0.6 * beam_angle);
            for n in 0..3 {
                grid.reflect(b, range + 0.5 * f64::from(n), strength * (1.0 - 0.25 * f64::from(n)));
            }
            grid.mark(b, (range - 0.5, range + 2.0), Structure::Diaphragm);
        } else if place == Place::Spine {
            let strength = amplitude(15.0);
            grid.reflect(b, range, strength);
            grid.reflect(b, range + 0.6, 0.6 * strength);
            if before == Place::Fluid || before == Place::Flap {
                grid.mark(b, (range - 0.5, range + 2.0), Structure::Spine);
            }
        } else if place == Place::Flap || before == Place::Flap {
            grid.reflect(b, range, amplitude(9.0));
        }
    }

    /// Behind a diaphragm that borders on air, the organ's echoes arrive once more.
    fn mirror(
        &self,
        grid: &mut EchoGrid,
        b: usize,
        from: f64,
        beam: crate::probe::Beam,
        mottle: Texture,
        attenuation: f64,
    ) {
        grid.tissue(b, (from, f64::MAX), attenuation, None, |range| {
            let (x, z) = beam.at(2.0 * from - range);
            let fade = 12.0 * smooth_step(20.0, 70.0, range - from);
            amplitude(self.organ_db + self.mirror_db - fade + vessel(mottle, x, z))
        });
    }
}

/// Even tissue with some dark vessels: decibels to add.
fn vessel(mottle: Texture, x: f64, z: f64) -> f64 {
    // A vessel runs where one smooth field crosses zero, and only where another is high.
    let course = mottle.field(x / 17.0, z / 12.0).abs();
    let there = smooth_step(0.05, 0.3, mottle.field(x / 23.0 + 30.0, z / 23.0));
    let lumen = (1.0 - smooth_step(0.05, 0.13, course)) * there;
    let wall = (1.0 - smooth_step(0.12, 0.2, course)) * there - lumen;
    1.5 * mottle.field(x / 4.0 + 70.0, z / 4.0) - 13.0 * lumen + 4.0 * wall.max(0.0)
}

impl Measured for Base {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64)) {
        put("base.dome_x_mm", self.dome_x_mm);
        put("base.dome_radius_mm", self.dome_radius_mm);
        put("base.dome_down", self.dome_down);
        put("base.organ_db", self.organ_db);
        put("base.diaphragm_db", self.diaphragm_db);
        put("base.spine_depth_mm", self.spine_depth_mm);
        put("base.mirror_db", self.mirror_db);
    }
}
