//! Attenuation along a beam, and the time gain compensation (TGC) that undoes that of soft tissue.

use crate::echo_grid::EchoGrid;
use crate::machine::TGC_SLIDERS;
use crate::portable::amplitude;

/// Attenuation that the machine's preset undoes, in dB per centimetre and megahertz, one way: soft tissue is
/// taken as 0.5 to 0.7 in textbooks (for example Szabo, Diagnostic Ultrasound Imaging, appendix B).
pub(crate) const PRESET_DB_CM_MHZ: f64 = 0.6;
/// Water and thin effusions: 0.0022 dB/cm/MHz² in tables; at these frequencies about 0.01.
pub(crate) const FLUID_DB_CM_MHZ: f64 = 0.01;

/// Factor on the two-way amplitude of one step.
pub(crate) fn pass_per_step(attenuation_db_cm_mhz: f64, frequency_mhz: f64, step_mm: f64) -> f32 {
    amplitude(-2.0 * attenuation_db_cm_mhz * frequency_mhz * step_mm / 10.0) as f32
}

/// TGC at a range: amplitude factor by which the preset lifts an echo.
pub(crate) fn preset_gain(frequency_mhz: f64, range_mm: f64) -> f64 {
    amplitude(2.0 * PRESET_DB_CM_MHZ * frequency_mhz * range_mm / 10.0)
}

/// Sliders in dB, straight lines between them, at `fraction` of the depth.
pub(crate) fn slider_db(sliders: &[f64; TGC_SLIDERS], fraction: f64) -> f64 {
    let place = fraction.clamp(0.0, 1.0) * (TGC_SLIDERS - 1) as f64;
    let left = (place as usize).min(TGC_SLIDERS - 2);
    sliders[left] + (sliders[left + 1] - sliders[left]) * (place - left as f64)
}

/// What is left of the pulse at each sample: `(samples, beams)`, beginning with `start` (`(beams,)`).
pub(crate) fn transmission(grid: &EchoGrid, start: &[f32]) -> Vec<f32> {
    let mut left = start.to_vec();
    let mut all = Vec::with_capacity(grid.pass.len());
    for row in grid.pass.chunks_exact(grid.beams) {
        all.extend_from_slice(&left);
        left.iter_mut().zip(row).for_each(|(left, pass)| *left *= pass);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_tissue() {
        let mut grid = EchoGrid::new(2, 500, 100.0, 3.5);
        grid.tissue(1, (0.0, 200.0), 0.9, None, |_| 1.0);
        let left = transmission(&grid, &[1.0, 1.0]);
        let db = |s: usize, b: usize| 20.0 * f64::from(left[s * 2 + b]).log10();
        // Two ways, 3.5 MHz, from 20 to 60 mm = 4 cm.
        assert!((db(300, 0) - db(100, 0) + 2.0 * 0.6 * 3.5 * 4.0).abs() < 1e-3);
        assert!((db(300, 1) - db(100, 1) + 2.0 * 0.9 * 3.5 * 4.0).abs() < 1e-3);
        let lifted = f64::from(left[300 * 2]) * preset_gain(3.5, 60.0);
        assert!((lifted - 1.0).abs() < 1e-4, "the preset undoes soft tissue: {lifted}");
    }

    #[test]
    fn sliders_are_joined_by_straight_lines() {
        let sliders = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 14.0];
        assert!((slider_db(&sliders, 0.5) - 3.5).abs() < 1e-12);
        assert!((slider_db(&sliders, 1.0) - 14.0).abs() < 1e-12);
        assert!((slider_db(&sliders, -1.0)).abs() < 1e-12);
    }
}
