//! Aerated lung: no tissue is seen behind it, only artefacts. A haze, B-lines and comet tails are painted here;
//! the reverberations between probe and pleura (A-lines) are in `a_lines.rs`.

use serde::{Deserialize, Serialize};

use crate::attenuation::PRESET_DB_CM_MHZ;
use crate::b_lines::{BLine, CometTail};
use crate::echo_grid::{EchoGrid, Sightline};
use crate::motion::Moment;
use crate::portable::amplitude;
use crate::scene::Measured;
use crate::texture::Texture;
use crate::truth::Structure;

/// What aerated lung shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lung {
    /// Level of the even haze just below the pleura, as displayed.
    pub haze_db: f64,
    /// How the haze fades.
    pub haze_decay_db_cm: f64,
    /// Level of each A-line relative to the one above (the pleura is the first); `None`: no A-lines.
    pub a_line_db: Option<f64>,
    /// Level at which the wall's own layers are repeated between the A-lines.
    pub wall_copy_db: f64,
    /// B-lines.
    pub b_lines: Vec<BLine>,
    /// Short comet tails.
    pub comet_tails: Vec<CometTail>,
}

impl Lung {
    /// Paint everything behind the air, note how much B-lines replace (`Sightline::b_line`), and return for each
    /// beam the B-line it shows: `(beams,)`.
    pub(crate) fn paint(
        &self,
        grid: &mut EchoGrid,
        sight: &mut [Sightline],
        moment: Moment,
        seed: u64,
    ) -> Vec<Option<usize>> {
        let mut covered = vec![None; sight.len()];
        let ragged = Texture::new(seed, 61);
        for (b, line) in sight.iter_mut().enumerate() {
            let Some(air) = line.air_mm else { continue };
            let (x, line_shred) = (line.x_mm - moment.slide_mm, line.shred);
            let profiles: Vec<f64> = self.b_lines.iter().map(|b_line| b_line.profile(x)).collect();
            line.b_line = profiles.iter().copied().fold(0.0, f64::max);
            // Artefacts keep their displayed level: the pulse "passes" exactly as the preset's TGC expects.
            grid.tissue(b, (air, f64::MAX), PRESET_DB_CM_MHZ, Some(Structure::AeratedLung), |range| {
                // Shreds of air ring down behind a consolidation; all brightness wanders a little.
                let dirty =
                    if line_shred > 0.0 { 2.2 * line_shred * amplitude(-(range - air) / 4.0) } else { 0.0 };
                let wander = 1.0 + 0.3 * ragged.field(x / 1.7, range / 14.0);
                self.level(x, range - air, &profiles) * wander * (1.0 + dirty)
            });
            let best = profiles.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            if let Some((n, profile)) = best
                && *profile > 0.5
            {
                grid.mark(b, (air, f64::MAX), Structure::BLine);
                covered[b] = (line.open > 0.5).then_some(n);
            }
        }
        covered
    }

    /// Displayed amplitude at `below_mm` under the surface at `x_mm`; `profiles` of the B-lines there.
    fn level(&self, x_mm: f64, below_mm: f64, profiles: &[f64]) -> f64 {
        let haze = amplitude(self.haze_db - self.haze_decay_db_cm * below_mm / 10.0);
        let mut power = haze * haze;
        for (b_line, profile) in self.b_lines.iter().zip(profiles).filter(|(_, profile)| **profile > 1e-3) {
            let level = b_line.level(below_mm) * profile;
            power += level * level;
        }
        for tail in &self.comet_tails {
            let level = tail.level(x_mm, below_mm);
            power += level * level;
        }
        power.sqrt()
    }
}

impl Measured for Lung {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64)) {
        put("lung.haze_db", self.haze_db);
        put("lung.haze_decay_db_cm", self.haze_decay_db_cm);
        if let Some(db) = self.a_line_db {
            put("lung.a_line_db", db);
        }
        put("lung.wall_copy_db", self.wall_copy_db);
        self.b_lines.iter().for_each(|part| part.visit(put));
        self.comet_tails.iter().for_each(|part| part.visit(put));
    }
}
