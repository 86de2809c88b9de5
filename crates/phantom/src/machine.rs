//! The machine's settings: what the person at the knobs and the maker's presets decide.

use serde::{Deserialize, Serialize};

use crate::scene::Measured;

/// Number of TGC sliders, spread evenly from the face to the full depth.
pub const TGC_SLIDERS: usize = 8;

/// Settings of the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Columns of the frame.
    pub width_px: u32,
    /// Rows of the frame.
    pub height_px: u32,
    /// Beams of one sweep.
    pub beams: u32,
    /// Samples along a beam.
    pub samples: u32,
    /// Speckle patterns averaged (spatial or frequency compounding): 1 is none.
    pub looks: u32,
    /// Speckle reduction after compression: 0 none, 1 a full three-by-three binomial.
    pub smoothing: f64,
    /// From black to white.
    pub dynamic_range_db: f64,
    /// Overall gain.
    pub gain_db: f64,
    /// Exponent of the grey map: above 1 darkens the middle greys.
    pub grey_gamma: f64,
    /// Electronic noise as the TGC preset shows it at the full depth, relative to muscle.
    pub noise_db: f64,
    /// TGC sliders, relative to the preset that undoes the attenuation of soft tissue.
    pub tgc_db: [f64; TGC_SLIDERS],
    /// Depth of the transmit focus, as a fraction of the depth shown.
    pub focus_fraction: f64,
    /// Focal depth over active aperture.
    pub f_number: f64,
    /// Cycles in the transmitted pulse.
    pub pulse_cycles: f64,
}

impl Measured for Machine {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64)) {
        put("machine.width_px", f64::from(self.width_px));
        put("machine.height_px", f64::from(self.height_px));
        put("machine.beams", f64::from(self.beams));
        put("machine.samples", f64::from(self.samples));
        put("machine.looks", f64::from(self.looks));
        put("machine.smoothing", self.smoothing);
        put("machine.dynamic_range_db", self.dynamic_range_db);
        put("machine.gain_db", self.gain_db);
        put("machine.grey_gamma", self.grey_gamma);
        put("machine.noise_db", self.noise_db);
        self.tgc_db.iter().for_each(|db| put("machine.tgc_db", *db));
        put("machine.focus_fraction", self.focus_fraction);
        put("machine.f_number", self.f_number);
        put("machine.pulse_cycles", self.pulse_cycles);
    }
}
