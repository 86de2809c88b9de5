//! Skin, fat with its septa, muscle with its fibres and fasciae: everything above the pleura.

use serde::{Deserialize, Serialize};

use crate::echo_grid::{EchoGrid, Sightline};
use crate::portable::{amplitude, smooth_step};
use crate::random::{Part, Stream};
use crate::scene::Measured;
use crate::texture::Texture;

/// The layers over the pleura.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChestWall {
    /// Thickness of the skin.
    pub skin_mm: f64,
    /// Share of fat in the wall below the skin.
    pub fat_fraction: f64,
    /// Echo of fat.
    pub fat_db: f64,
    /// Range of levels between the bright and dark fibres of muscle.
    pub fibre_db: f64,
    /// Thickness of a fibre bundle.
    pub fibre_mm: f64,
    /// Fasciae and septa across the wall.
    pub fasciae: u32,
    /// Echo of a fascia hit at a right angle.
    pub fascia_db: f64,
    /// Waves of the layers, up and down.
    pub waviness_mm: f64,
    /// Attenuation of the wall, one way.
    pub attenuation_db_cm_mhz: f64,
}

/// One bright line through the wall.
struct Fascia {
    /// Place between skin (0) and pleura (1).
    fraction: f64,
    tilt: f64,
    strength: f64,
    wave: Texture,
}

impl ChestWall {
    /// Paint the wall of every beam.
    pub(crate) fn paint(&self, grid: &mut EchoGrid, sight: &[Sightline], seed: u64) {
        let lobules = Texture::new(seed, 11);
        let fibres = [Texture::new(seed, 12), Texture::new(seed, 13)];
        let wave = Texture::new(seed, 14);
        let fasciae = self.fasciae(seed);
        let mut random = Stream::new(seed, Part::WallTexture, 1);
        let slants = [random.between(-0.12, 0.12), random.between(-0.25, 0.25)];
        let split = random.between(0.45, 0.7);
        for (b, line) in sight.iter().enumerate() {
            let fat_end = self.skin_mm
                + (line.pleura_mm - self.skin_mm) * self.fat_fraction
                + self.waviness_mm * wave.curve(line.x_mm / 14.0);
            let muscle = (line.pleura_mm - fat_end).max(1.0);
            let beam = line.beam;
            grid.tissue(b, (0.0, line.pleura_mm), self.attenuation_db_cm_mhz, None, |range| {
                let x = beam.x + beam.dx * range;
                if range < self.skin_mm {
                    return amplitude(6.0);
                }
                if range < fat_end {
                    return amplitude(self.fat_db + 4.0 * lobules.field(x / 5.0, range / 1.8));
                }
                let deep = (range - fat_end) / muscle;
                let layer = usize::from(deep > split);
                let across = (range - slants[layer] * x) / self.fibre_mm;
                let streak = fibres[layer].field(x / 9.0, across);
                // Fibres fade out toward the pleura, where the innermost muscle is even and darker.
                let even = smooth_step(0.75, 1.0, deep);
                amplitude(0.5 * self.fibre_db * streak * (1.0 - 0.6 * even) - 5.0 * even)
            });
            grid.reflect(b, 0.3, amplitude(14.0));
            grid.reflect(b, self.skin_mm, amplitude(12.0));
            self.paint_fasciae(grid, b, line, &fasciae);
        }
    }

    fn fasciae(&self, seed: u64) -> Vec<Fascia> {
        let mut random = Stream::new(seed, Part::WallTexture, 0);
        (0..self.fasciae)
            .map(|n| Fascia {
                fraction: (f64::from(n) + random.between(0.2, 0.8)) / f64::from(self.fasciae),
                tilt: random.between(-0.06, 0.06),
                strength: amplitude(self.fascia_db + random.between(-8.0, 2.0)),
                wave: Texture::new(seed, 100 + n),
            })
            .collect()
    }

    /// Fasciae are brightest where the beam meets them at a right angle, and broken in places.
    fn paint_fasciae(&self, grid: &mut EchoGrid, b: usize, line: &Sightline, fasciae: &[Fascia]) {
        let thickness = line.pleura_mm - self.skin_mm;
        for fascia in fasciae {
            let x = line.x_mm;
            let range = self.skin_mm
                + thickness * (fascia.fraction * 0.94 + fascia.tilt * x / 30.0)
                + self.waviness_mm * fascia.wave.curve(x / 19.0);
            if range < self.skin_mm || range > line.pleura_mm - 0.8 {
                continue;
            }
            let whole = smooth_step(-0.7, 0.6, fascia.wave.curve(x / 8.0 + 50.0));
            let slope = 1.0 / (1.0 + 4.0 * line.incidence_rad * line.incidence_rad);
            let strength = fascia.strength * whole * slope;
            for (below_mm, share) in [(0.0, 0.7), (0.35, 1.0), (0.7, 0.6)] {
                grid.reflect(b, range + below_mm, share * strength);
            }
        }
    }
}

impl Measured for ChestWall {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64)) {
        put("wall.skin_mm", self.skin_mm);
        put("wall.fat_fraction", self.fat_fraction);
        put("wall.fat_db", self.fat_db);
        put("wall.fibre_db", self.fibre_db);
        put("wall.fibre_mm", self.fibre_mm);
        put("wall.fasciae", f64::from(self.fasciae));
        put("wall.fascia_db", self.fascia_db);
        put("wall.waviness_mm", self.waviness_mm);
        put("wall.attenuation_db_cm_mhz", self.attenuation_db_cm_mhz);
    }
}
