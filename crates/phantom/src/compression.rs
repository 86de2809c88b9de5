//! From the received signal to grey: envelope, TGC, log compression, grey map.

use crate::attenuation::{preset_gain, slider_db};
use crate::machine::Machine;
use crate::portable::{amplitude, exp2, log2};
use crate::probe::Probe;

/// Level shown white at gain 0: muscle (0 dB) then lies in the middle greys of a 60 dB range.
const WHITE_DB: f64 = 27.0;
/// Decibels of power per doubling: 10 log10(2).
const DB_PER_OCTAVE: f64 = 3.010_299_957;
/// Entries of the grey map.
pub(crate) const GREY_STEPS: usize = 1024;

/// Power factor of TGC and sliders at each range: `(samples,)`.
pub(crate) fn gains(probe: &Probe, machine: &Machine) -> Vec<f32> {
    let samples = machine.samples as usize;
    let step = probe.depth_mm / samples as f64;
    (0..samples)
        .map(|s| {
            let slider = amplitude(slider_db(&machine.tgc_db, s as f64 / samples as f64));
            let gain = preset_gain(probe.frequency_mhz, s as f64 * step) * slider;
            // Beyond anything a screen could show, and still a finite f32 after squaring the signal.
            (gain * gain).min(1e30) as f32
        })
        .collect()
}

/// Add the power of one look, lifted by TGC: `power` is `(samples, beams)`, `gains` is `(samples,)`.
pub(crate) fn add_power(power: &mut [f32], re: &[f32], im: &[f32], gains: &[f32], beams: usize) {
    let rows = power.chunks_exact_mut(beams).zip(re.chunks_exact(beams)).zip(im.chunks_exact(beams));
    for (((power, re), im), gain) in rows.zip(gains) {
        for ((power, re), im) in power.iter_mut().zip(re).zip(im) {
            *power += (re * re + im * im) * gain;
        }
    }
}

/// Power to display level, in place: 0 black, 1 white, not yet through the grey map.
pub(crate) fn compress(power: &mut [f32], machine: &Machine) {
    let per_octave = (DB_PER_OCTAVE / machine.dynamic_range_db) as f32;
    let looks = exp2(0.0) / f64::from(machine.looks);
    let offset = ((machine.gain_db - WHITE_DB) / machine.dynamic_range_db + 1.0) as f32
        + per_octave * log2(looks as f32);
    for level in power {
        *level = (per_octave * log2(*level + 1e-30) + offset).clamp(0.0, 1.0);
    }
}

/// Speckle reduction: blend with the three-by-three binomial of the neighbours, in place. `(samples, beams)`.
pub(crate) fn smooth(level: &mut [f32], beams: usize, share: f32) {
    let (side, middle) = (0.25 * share, 1.0 - 0.5 * share);
    for row in level.chunks_exact_mut(beams) {
        let mut left = row[0];
        for b in 0..beams - 1 {
            let here = row[b];
            row[b] = middle * here + side * (left + row[b + 1]);
            left = here;
        }
    }
    let mut above = level[..beams].to_vec();
    let mut here = above.clone();
    for s in 0..level.len() / beams - 1 {
        let (row, rest) = level[s * beams..].split_at_mut(beams);
        here.copy_from_slice(row);
        for ((out, above), below) in row.iter_mut().zip(&above).zip(rest.iter()) {
            *out = middle * *out + side * (above + below);
        }
        std::mem::swap(&mut above, &mut here);
    }
}

/// Grey of each step of the display level.
pub(crate) fn grey_map(gamma: f64) -> Vec<u8> {
    (0..GREY_STEPS)
        .map(|n| {
            let level = (n as f32).max(1e-6) / (GREY_STEPS - 1) as f32;
            let grey = if n == 0 { 0.0 } else { exp2(gamma * f64::from(log2(level))) };
            (grey * 255.0 + 0.5) as u8
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grey_map_rises_from_black_to_white() {
        for gamma in [0.5, 1.0, 2.0] {
            let map = grey_map(gamma);
            assert_eq!((map[0], map[GREY_STEPS - 1]), (0, 255));
            assert!(map.windows(2).all(|pair| pair[0] <= pair[1]));
        }
        assert_eq!(grey_map(1.0)[512], 128);
    }
}
