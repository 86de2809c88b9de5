//! Motion in a cine: breathing, the sliding of the lung under the chest wall, and the heart beat.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use crate::portable::{exp, sin};
use crate::scene::Measured;

/// How a scene moves. A still frame is the moment 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Motion {
    /// Frames of the cine; 1 is a still.
    pub frames: u32,
    /// Time between frames.
    pub frame_time_ms: f64,
    /// One breath.
    pub breath_ms: f64,
    /// Amplitude of the lung surface's travel along the chest wall; 0 is absent sliding.
    pub sliding_mm: f64,
    /// Amplitude of the pleura's rise and fall with the breath.
    pub rise_mm: f64,
    /// Time between heart beats.
    pub beat_ms: f64,
    /// Lateral jerk of the lung surface with each beat (the lung pulse where it does not slide).
    pub pulse_mm: f64,
}

/// Where everything is at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    /// Displacement of the lung surface along the chest wall, right is positive.
    pub(crate) slide_mm: f64,
    /// Displacement of the pleura downward.
    pub(crate) rise_mm: f64,
    /// Phase of the breath: -1 at the end of expiration, 1 at the end of inspiration.
    pub(crate) breath: f64,
}

impl Motion {
    /// Where everything is at `time_ms`.
    pub(crate) fn at(&self, time_ms: f64) -> Moment {
        let breath = sin(TAU * time_ms / self.breath_ms);
        let beat = time_ms / self.beat_ms;
        let since_beat = beat - beat.floor();
        // A short twitch: up within a tenth of the cycle, and back.
        let twitch = if time_ms == 0.0 { 0.0 } else { exp(-since_beat * 9.0) * sin(TAU * since_beat * 1.6) };
        Moment {
            slide_mm: self.sliding_mm * breath + self.pulse_mm * twitch,
            rise_mm: self.rise_mm * breath,
            breath,
        }
    }

    /// Time of frame `index`.
    pub fn time_ms(&self, index: u32) -> f64 {
        f64::from(index) * self.frame_time_ms
    }
}

impl Measured for Motion {
    fn visit(&self, put: &mut dyn FnMut(&'static str, f64)) {
        put("motion.frames", f64::from(self.frames));
        put("motion.frame_time_ms", self.frame_time_ms);
        put("motion.breath_ms", self.breath_ms);
        put("motion.sliding_mm", self.sliding_mm);
        put("motion.rise_mm", self.rise_mm);
        put("motion.beat_ms", self.beat_ms);
        put("motion.pulse_mm", self.pulse_mm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lung_that_does_not_slide_stays_unless_the_heart_beats() {
        let mut motion = Motion {
            frames: 30,
            frame_time_ms: 40.0,
            breath_ms: 4000.0,
            sliding_mm: 0.0,
            rise_mm: 0.3,
            beat_ms: 800.0,
            pulse_mm: 0.0,
        };
        assert_eq!(motion.at(1000.0).slide_mm, 0.0);
        assert!((motion.at(1000.0).rise_mm - 0.3).abs() < 1e-9);
        motion.pulse_mm = 0.5;
        assert!(motion.at(880.0).slide_mm.abs() > 0.1);
        motion.sliding_mm = 3.0;
        assert!(motion.at(1000.0).slide_mm > 2.5 && motion.at(3000.0).slide_mm < -2.5);
        assert_eq!(motion.at(0.0).slide_mm, 0.0);
    }
}
