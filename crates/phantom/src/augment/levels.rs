//! Effects on brightness: gain, TGC, dynamic range, speckle, noise, shadow, reverberation.

use super::Work;
use crate::attenuation::slider_db;
use crate::machine::TGC_SLIDERS;
use crate::portable::exp;
use crate::random::{Part, Stream};
use crate::texture::Texture;

/// Grey levels for one decibel: real files do not say their dynamic range; 60 dB is usual.
pub(super) const GREY_PER_DB: f32 = 255.0 / 60.0;

impl Work {
    /// Add decibels to every pixel of the scan by `(across, down)`; black stays black.
    fn lift(&mut self, db: impl Fn(f64, f64) -> f64) {
        for (grey, (across, down)) in self.grey.iter_mut().zip(self.rays.places()) {
            if *grey > 0.0 && (0.0..=1.0).contains(across) {
                *grey = (*grey + GREY_PER_DB * db(*across, *down) as f32).clamp(0.0, 255.0);
            }
        }
    }

    pub(super) fn gain(&mut self, db: f64) {
        self.lift(|_, _| db);
    }

    pub(super) fn tgc(&mut self, db: &[f64; TGC_SLIDERS]) {
        self.lift(|_, down| slider_db(db, down));
    }

    pub(super) fn dynamic_range(&mut self, from_db: f64, to_db: f64) {
        let contrast = (from_db / to_db) as f32;
        for grey in self.grey.iter_mut().filter(|grey| **grey > 0.0) {
            *grey = (255.0 - (255.0 - *grey) * contrast).clamp(0.0, 255.0);
        }
    }

    pub(super) fn speckle(&mut self, db: f64, grain_px: f64, (seed, n): (u64, u32)) {
        let texture = Texture::new(seed, 1000 + n);
        let (height, width) = (self.height as f64, self.width as f64);
        self.lift(|across, down| {
            db * texture.field(across * width / grain_px, down * height / grain_px * 2.0)
        });
    }

    pub(super) fn noise(&mut self, level: f64, (seed, n): (u64, u32)) {
        let mut random = Stream::new(seed, Part::Augmentation, n);
        for (grey, (across, down)) in self.grey.iter_mut().zip(self.rays.places()) {
            // Drawn for every pixel, so that what one pixel gets does not depend on the others.
            let drawn = random.unit();
            if (0.0..=1.0).contains(across) && (0.0..=1.0).contains(down) {
                *grey = (*grey + (255.0 * level * drawn * down) as f32).min(255.0);
            }
        }
    }

    pub(super) fn shadow(&mut self, across: f64, width: f64, from: f64, db: f64) {
        self.lift(|a, down| {
            let u = (a - across) / (0.5 * width);
            if down < from { 0.0 } else { -db.abs() * exp(-(u * u) * (u * u)) }
        });
    }

    /// Rows above, repeated `period` deeper and `db` weaker.
    pub(super) fn reverberation(&mut self, period: f64, db: f64) {
        let before = self.grey.clone();
        let echoes: Vec<f32> = self
            .rays
            .places()
            .iter()
            .map(|(across, down)| self.rays.sample(&before, *across, down - period))
            .collect();
        for ((grey, echo), (across, down)) in self.grey.iter_mut().zip(echoes).zip(self.rays.places()) {
            let inside = (0.0..=1.0).contains(across) && *down >= period && *down <= 1.0;
            if inside {
                *grey = grey.max(echo + GREY_PER_DB * db as f32);
            }
        }
    }
}
