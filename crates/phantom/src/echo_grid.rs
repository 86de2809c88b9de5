//! The polar grid on which anatomy is painted: what each sample of each beam scatters, reflects and lets through.

use crate::attenuation::{PRESET_DB_CM_MHZ, pass_per_step};
use crate::portable::amplitude;
use crate::probe::Beam;
use crate::truth::Structure;

/// What the anatomy is, sample by sample. Every field: `(samples, beams)`, row-major, so a row is one range.
pub(crate) struct EchoGrid {
    pub(crate) beams: usize,
    pub(crate) samples: usize,
    /// Range between samples.
    pub(crate) step_mm: f64,
    pub(crate) frequency_mhz: f64,
    /// Amplitude of diffuse scattering; 1 is muscle.
    pub(crate) diffuse: Vec<f32>,
    /// Amplitude of smooth reflectors, all in phase.
    pub(crate) specular: Vec<f32>,
    /// Factor on the two-way amplitude for passing this sample.
    pub(crate) pass: Vec<f32>,
    /// Whether the scatterers here move with the lung (1) or with the wall (0).
    pub(crate) with_lung: Vec<bool>,
    /// Bits of [`Structure`].
    pub(crate) truth: Vec<u16>,
}

/// One beam and what it meets, filled from the skin inward.
#[derive(Debug, Clone)]
pub(crate) struct Sightline {
    pub(crate) beam: Beam,
    /// Range of the parietal pleura, and its place.
    pub(crate) pleura_mm: f64,
    pub(crate) x_mm: f64,
    /// Angle between the beam and the pleura's normal.
    pub(crate) incidence_rad: f64,
    /// Amplitude that ribs let through, two-way.
    pub(crate) open: f64,
    /// Range of the lung's surface: the pleura, or the far side of an effusion.
    pub(crate) lung_mm: f64,
    /// Range at which air begins; `None` where the beam meets none.
    pub(crate) air_mm: Option<f64>,
    /// How much a B-line replaces what else aerated lung shows: 0…1.
    pub(crate) b_line: f64,
    /// How bright the shredded border of a consolidation is here: 0 where there is none.
    pub(crate) shred: f64,
}

impl EchoGrid {
    /// An empty grid: nothing scatters, everything attenuates like soft tissue.
    pub(crate) fn new(beams: usize, samples: usize, depth_mm: f64, frequency_mhz: f64) -> Self {
        let cells = beams * samples;
        let step_mm = depth_mm / samples as f64;
        let pass = pass_per_step(PRESET_DB_CM_MHZ, frequency_mhz, step_mm);
        Self {
            beams,
            samples,
            step_mm,
            frequency_mhz,
            diffuse: vec![0.0; cells],
            specular: vec![0.0; cells],
            pass: vec![pass; cells],
            with_lung: vec![false; cells],
            truth: vec![0; cells],
        }
    }

    /// First sample at or beyond a range; at most the number of samples.
    pub(crate) fn sample(&self, range_mm: f64) -> usize {
        let s = (range_mm / self.step_mm).ceil();
        if s >= self.samples as f64 { self.samples } else { s.max(0.0) as usize }
    }

    /// Paint `from_mm..to_mm` of a beam: diffuse amplitude by range, attenuation, structure.
    pub(crate) fn tissue(
        &mut self,
        beam: usize,
        span_mm: (f64, f64),
        attenuation_db_cm_mhz: f64,
        structure: Option<Structure>,
        mut level: impl FnMut(f64) -> f64,
    ) {
        let pass = pass_per_step(attenuation_db_cm_mhz, self.frequency_mhz, self.step_mm);
        let bit = structure.map_or(0, Structure::bit);
        for s in self.sample(span_mm.0)..self.sample(span_mm.1) {
            let at = s * self.beams + beam;
            self.diffuse[at] = level(s as f64 * self.step_mm) as f32;
            self.specular[at] = 0.0;
            self.pass[at] = pass;
            self.truth[at] |= bit;
        }
    }

    /// Let the scatterers of `from_mm..` move with the lung.
    pub(crate) fn moves_with_lung(&mut self, beam: usize, from_mm: f64) {
        for s in self.sample(from_mm)..self.samples {
            self.with_lung[s * self.beams + beam] = true;
        }
    }

    /// A smooth reflector at a range, shared between the two samples nearest to it.
    pub(crate) fn reflect(&mut self, beam: usize, range_mm: f64, strength: f64) {
        let place = range_mm / self.step_mm;
        if place < 0.0 || place >= (self.samples - 1) as f64 || beam >= self.beams {
            return;
        }
        let s = place as usize;
        let part = place - s as f64;
        let at = s * self.beams + beam;
        self.specular[at] += (strength * (1.0 - part)) as f32;
        self.specular[at + self.beams] += (strength * part) as f32;
    }

    /// Weaken everything beyond a range by `loss_db`.
    pub(crate) fn block(&mut self, beam: usize, range_mm: f64, loss_db: f64) {
        let s = self.sample(range_mm);
        if s < self.samples {
            self.pass[s * self.beams + beam] *= amplitude(-loss_db) as f32;
        }
    }

    /// Mark `from_mm..to_mm` of a beam as a structure.
    pub(crate) fn mark(&mut self, beam: usize, span_mm: (f64, f64), structure: Structure) {
        for s in self.sample(span_mm.0)..self.sample(span_mm.1) {
            self.truth[s * self.beams + beam] |= structure.bit();
        }
    }

    /// Remove from `from_mm..` of a beam every mark but that of the rib and its shadow: nothing is seen there.
    pub(crate) fn hide(&mut self, beam: usize, from_mm: f64) {
        let keep = Structure::Rib.bit() | Structure::RibShadow.bit();
        for s in self.sample(from_mm)..self.samples {
            self.truth[s * self.beams + beam] &= keep;
        }
    }
}
