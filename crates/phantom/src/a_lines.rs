//! A-lines: the pulse goes to and fro between pleura and probe, and each round trip draws the wall and its pleura
//! once more, one pleural range deeper and weaker.

use crate::attenuation::preset_gain;
use crate::echo_grid::{EchoGrid, Sightline};
use crate::lung::Lung;
use crate::pleura::Pleura;
use crate::portable::{amplitude, exp};
use crate::truth::Structure;

/// Angle at which a reverberation has fallen to 1/e: the pleura must face the probe for the echo to come back twice.
const REVERBERATION_ANGLE_RAD: f64 = 0.2;
/// Half height of the band that is marked round an A-line.
const BAND_MM: f64 = 1.0;
/// An A-line counts as seen while it stands this far above the haze.
const SEEN_ABOVE_HAZE_DB: f64 = 3.0;

/// Reverberation of one beam.
pub(crate) struct Echoes {
    /// Samples from the face to the pleura; 0: this beam does not reverberate.
    period: usize,
    /// Samples over which the pleural line counts as the line, not the wall.
    line: usize,
    /// Factor from an A-line to the next, TGC of one period taken off.
    a_line: f32,
    /// Factor from the wall to its copy, TGC taken off.
    wall: f32,
}

impl Echoes {
    /// A beam that does not reverberate.
    pub(crate) const NONE: Echoes = Echoes { period: 0, line: 0, a_line: 0.0, wall: 0.0 };
}

/// Find what each beam reverberates: `(beams,)`, and mark the A-lines that are seen.
pub(crate) fn echoes(grid: &mut EchoGrid, sight: &[Sightline], lung: &Lung, pleura: &Pleura) -> Vec<Echoes> {
    let line = (pleura.thickness_mm / grid.step_mm).ceil() as usize + 3;
    let mut all = Vec::with_capacity(sight.len());
    for (b, beam) in sight.iter().enumerate() {
        let aerated = beam.air_mm.is_some_and(|air| air <= beam.pleura_mm + 0.5);
        let period = (beam.pleura_mm / grid.step_mm).round() as usize;
        if !aerated || period < 2 {
            all.push(Echoes::NONE);
            continue;
        }
        let angle = beam.incidence_rad / REVERBERATION_ANGLE_RAD;
        let unhidden = (1.0 - beam.b_line) * (1.0 - beam.b_line);
        let left = exp(-angle * angle) * unhidden * beam.open;
        let fall = 1.0 / preset_gain(grid.frequency_mhz, period as f64 * grid.step_mm);
        let a_line = lung.a_line_db.map_or(0.0, |db| amplitude(db) * left);
        let copied = amplitude(lung.wall_copy_db) * beam.open * (1.0 - 0.7 * beam.b_line);
        mark(grid, b, beam, a_line, lung, pleura);
        all.push(Echoes { period, line, a_line: (a_line * fall) as f32, wall: (copied * fall) as f32 });
    }
    all
}

/// Mark the A-lines of a beam, from the second multiple of the pleura's range on, while they stand out.
fn mark(grid: &mut EchoGrid, b: usize, beam: &Sightline, a_line: f64, lung: &Lung, pleura: &Pleura) {
    if a_line <= 0.0 {
        return;
    }
    let mut strength = amplitude(pleura.echo_db);
    for n in 2..64 {
        strength *= a_line;
        let range = f64::from(n) * beam.pleura_mm;
        let below_cm = (range - beam.pleura_mm) / 10.0;
        let haze = amplitude(lung.haze_db - lung.haze_decay_db_cm * below_cm + SEEN_ABOVE_HAZE_DB);
        if range > grid.samples as f64 * grid.step_mm || strength < haze {
            return;
        }
        grid.mark(b, (range - BAND_MM, range + BAND_MM + pleura.thickness_mm), Structure::ALine);
    }
}

/// Add the reverberations to the received signal, row by row from the top, so that copies are copied again.
/// `re`, `im`: `(samples, beams)`.
pub(crate) fn reverberate(re: &mut [f32], im: &mut [f32], echoes: &[Echoes]) {
    let beams = echoes.len();
    let rows = re.len() / beams.max(1);
    for s in 0..rows {
        for (b, echo) in echoes.iter().enumerate() {
            if echo.period == 0 || s < echo.period + echo.line {
                continue;
            }
            // How far past the nearest multiple of the pleura's range this sample lies.
            let past = (s - echo.period) % echo.period;
            let on_line = s >= 2 * echo.period - 1 && (past < echo.line || past + 1 >= echo.period);
            let factor = if on_line { echo.a_line } else { echo.wall };
            let (to, from) = (s * beams + b, (s - echo.period) * beams + b);
            re[to] += factor * re[from];
            im[to] += factor * im[from];
        }
    }
}
