//! The point spread function: how far one point is smeared, across and along the beam, at each range.
//!
//! Across it is a Gaussian of the two-way beam's width: limited by diffraction at the focus, wider away from it.
//! Along it is the Gaussian envelope of the pulse. Both are applied in the polar grid, row by row.

use crate::machine::Machine;
use crate::probe::Probe;

/// Speed of sound in soft tissue that machines assume, in millimetres per microsecond.
const SPEED_MM_US: f64 = 1.54;
/// Full width at half maximum over standard deviation of a Gaussian: 2 sqrt(2 ln 2).
const FWHM_PER_SIGMA: f64 = 2.354_820_045;
/// Share of the geometric defocus that dynamic receive focusing leaves.
const DEFOCUS: f64 = 0.15;
/// Longest half of a filter, in samples or beams.
const MAX_RADIUS: usize = 24;

/// The point spread function of a scan.
pub(crate) struct PointSpread {
    /// Across, one filter for each range; sum 1.
    across: Vec<Vec<f32>>,
    /// Along; its middle is 1.
    along: Vec<f32>,
}

impl PointSpread {
    /// For a probe and its settings.
    pub(crate) fn new(probe: &Probe, machine: &Machine) -> Self {
        let wave_mm = SPEED_MM_US / probe.frequency_mhz;
        let samples = machine.samples as usize;
        let step_mm = probe.depth_mm / samples as f64;
        let across = (0..samples)
            .map(|s| {
                let range = (s as f64 + 0.5) * step_mm;
                let sigma = beam_width_mm(probe, machine, wave_mm, range) / FWHM_PER_SIGMA;
                let mut taps = gaussian(sigma / probe.beam_spacing_mm(machine.beams as usize, range));
                let sum: f32 = taps.iter().sum();
                taps.iter_mut().for_each(|tap| *tap /= sum);
                taps
            })
            .collect();
        // The echo of a pulse of n cycles is n half waves long in range.
        let along = gaussian(machine.pulse_cycles * wave_mm / 2.0 / FWHM_PER_SIGMA / step_mm);
        Self { across, along }
    }

    /// Factor for each range that gives diffuse scatterers of unit power unit power again: `(samples,)`.
    pub(crate) fn diffuse_scale(&self) -> Vec<f32> {
        let along = energy(&self.along);
        self.across.iter().map(|taps| 1.0 / (energy(taps) * along).sqrt()).collect()
    }

    /// The same for noise that is added after the beam was formed.
    pub(crate) fn noise_scale(&self) -> f32 {
        1.0 / energy(&self.along).sqrt()
    }

    /// Smear across the beams, in place. `field`: `(samples, beams)`.
    pub(crate) fn blur_across(&self, field: &mut [f32], beams: usize) {
        let mut padded = vec![0.0_f32; beams + 2 * MAX_RADIUS];
        for (row, taps) in field.chunks_exact_mut(beams).zip(&self.across) {
            let radius = taps.len() / 2;
            padded[..MAX_RADIUS].fill(row[0]);
            padded[MAX_RADIUS..MAX_RADIUS + beams].copy_from_slice(row);
            padded[MAX_RADIUS + beams..].fill(row[beams - 1]);
            row.fill(0.0);
            for (k, tap) in taps.iter().enumerate() {
                let from = &padded[MAX_RADIUS + k - radius..][..beams];
                row.iter_mut().zip(from).for_each(|(out, x)| *out += tap * x);
            }
        }
    }

    /// Smear along the beams: `(samples, beams)` in and out.
    pub(crate) fn blur_along(&self, field: &[f32], beams: usize) -> Vec<f32> {
        let samples = field.len() / beams;
        let radius = self.along.len() / 2;
        let mut out = vec![0.0_f32; field.len()];
        for (s, row) in out.chunks_exact_mut(beams).enumerate() {
            for (k, tap) in self.along.iter().enumerate() {
                let Some(from) = (s + k).checked_sub(radius).filter(|from| *from < samples) else { continue };
                let from = &field[from * beams..(from + 1) * beams];
                row.iter_mut().zip(from).for_each(|(out, x)| *out += tap * x);
            }
        }
        out
    }
}

/// Full width at half maximum of the two-way beam.
fn beam_width_mm(probe: &Probe, machine: &Machine, wave_mm: f64, range_mm: f64) -> f64 {
    let focus = machine.focus_fraction * probe.depth_mm;
    let aperture = (focus / machine.f_number).min(probe.aperture_mm());
    let diffraction = wave_mm * (range_mm / aperture).max(machine.f_number);
    let defocus = DEFOCUS * aperture * (range_mm - focus).abs() / focus;
    (diffraction * diffraction + defocus * defocus).sqrt()
}

/// A Gaussian with peak 1, cut at 2.5 standard deviations.
fn gaussian(sigma: f64) -> Vec<f32> {
    let sigma = sigma.max(0.4);
    let radius = ((2.5 * sigma).ceil() as usize).clamp(1, MAX_RADIUS);
    let at = |k: usize| {
        let u = (k as f64 - radius as f64) / sigma;
        crate::portable::exp(-0.5 * u * u) as f32
    };
    (0..=2 * radius).map(at).collect()
}

fn energy(taps: &[f32]) -> f32 {
    taps.iter().map(|tap| tap * tap).sum()
}
