//! Pleural effusion: fluid between the pleural leaves. In an intercostal view it lifts the lung's surface off the
//! chest wall (quad sign, sinusoid sign with the breath); over the diaphragm it fills the recess, with a flap of
//! airless lung swimming in it.

use serde::{Deserialize, Serialize};

use crate::attenuation::FLUID_DB_CM_MHZ;
use crate::echo_grid::{EchoGrid, Sightline};
use crate::motion::Moment;
use crate::pleura::Pleura;
use crate::portable::{amplitude, exp};
use crate::scene::Measured;
use crate::texture::Texture;
use crate::truth::Structure;

/// Pleural fluid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effusion {
    /// Its middle, along the pleura.
    pub x_mm: f64,
    /// Width along the pleura. In the base view the fluid reaches from its left end to the diaphragm.
    pub width_mm: f64,
    /// Distance between the pleural leaves at its middle, at rest (intercostal view).
    pub depth_mm: f64,
    /// Echo of the fluid: far below 0 is anechoic, higher is turbid.
    pub echo_db: f64,
    /// Share by which inspiration thins it.
    pub sinusoid: f64,
    /// Airless lung swimming in it (base view).
    pub flap: Option<Flap>,
}

/// A tongue of airless lung in the fluid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flap {
    /// Length of the tongue.
    pub length_mm: f64,
    /// Its thickness.
    pub thickness_mm: f64,
    /// Echo of its tissue.
    pub echo_db: f64,
}

impl Effusion {
    /// Distance between the leaves at `x_mm`, at a moment of the breath.
    pub(crate) fn thickness(&self, x_mm: f64, moment: Moment) -> f64 {
        let u = (x_mm - self.x_mm) / (0.5 * self.width_mm);
        if u.abs() >= 1.0 {
            return 0.0;
        }
        // Flat in the middle, closing smoothly at its ends.
        let shape = (1.0 - u * u * u * u).sqrt();
        self.depth_mm * shape * (1.0 - self.sinusoid * 0.5 * (1.0 + moment.breath))
    }

    /// Displayed level at a place: turbid fluid swirls.
    pub(crate) fn level(&self, swirl: Texture, x_mm: f64, z_mm: f64, moment: Moment) -> f64 {
        let drift = 6.0 * moment.breath;
        amplitude(self.echo_db + 5.0 * swirl.field((x_mm + drift) / 9.0, z_mm / 7.0))
    }

    /// Fluid of an intercostal view, on every beam; moves the lung's surface and its air below it.
    pub(crate) fn paint(
        &self,
        grid: &mut EchoGrid,
        sight: &mut [Sightline],
        pleura: &Pleura,
        moment: Moment,
        seed: u64,
    ) {
        let swirl = Texture::new(seed, 31);
        for (b, line) in sight.iter_mut().enumerate() {
            let thickness = self.thickness(line.x_mm, moment);
            if thickness < 0.8 {
                continue;
            }
            let beam = line.beam;
            let span = (line.pleura_mm + pleura.thickness_mm, line.pleura_mm + thickness);
            grid.tissue(b, span, FLUID_DB_CM_MHZ, Some(Structure::Effusion), |range| {
                let (x, z) = beam.at(range);
                // Reverberations of the wall veil the fluid's first millimetres.
                self.level(swirl, x, z, moment) + amplitude(-13.0 - 2.5 * (range - span.0))
            });
            // The lung's surface: the visceral leaf.
            let angle = line.incidence_rad / 0.4;
            let strength = amplitude(pleura.echo_db - 2.0) * exp(-angle * angle) * line.open.sqrt();
            for (below_mm, share) in [(0.0, 1.0), (0.4, 0.8), (0.8, 0.5)] {
                grid.reflect(b, span.1 + below_mm, share * strength);
            }
            line.lung_mm = span.1;
            line.air_mm = Some(span.1);
        }
    }
}

impl Measured for Effusion {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64)) {
        put("effusion.x_mm", self.x_mm);
        put("effusion.width_mm", self.width_mm);
        put("effusion.depth_mm", self.depth_mm);
        put("effusion.echo_db", self.echo_db);
        put("effusion.sinusoid", self.sinusoid);
        if let Some(flap) = &self.flap {
            put("flap.length_mm", flap.length_mm);
            put("flap.thickness_mm", flap.thickness_mm);
            put("flap.echo_db", flap.echo_db);
        }
    }
}
