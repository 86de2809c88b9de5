//! Lesions pasted into real frames: B-lines, consolidation, effusion; each leaves its mask.

use super::Work;
use super::levels::GREY_PER_DB;
use crate::findings::Finding;
use crate::portable::{exp, smooth_step};
use crate::random::{Part, Stream};
use crate::texture::Texture;

/// Grey of the middle of the scan's tissue, which decibels of a pasted lesion refer to.
const TISSUE_GREY: f32 = 120.0;

impl Work {
    /// A B-line from `from` to the bottom, speckled, `db` above tissue.
    pub(super) fn b_line(&mut self, (across, width): (f64, f64), from: f64, db: f64, (seed, n): (u64, u32)) {
        let grain = Texture::new(seed, 2000 + n);
        let mut mask = vec![0.0; self.grey.len()];
        let level = TISSUE_GREY + GREY_PER_DB * db as f32;
        for ((grey, mask), (a, down)) in self.grey.iter_mut().zip(&mut mask).zip(self.rays.places()) {
            let inside = (0.0..=1.0).contains(a) && (from..=1.0).contains(down);
            let u = (a - across) / (0.6 * width);
            let profile = exp(-(u * u)) as f32;
            if !inside || profile < 0.05 {
                continue;
            }
            let speckle = GREY_PER_DB * 5.0 * grain.field(a * 90.0, down * 160.0) as f32;
            *grey =
                (*grey * (1.0 - profile) + (level + speckle) * profile).clamp(1.0, 255.0).max(*grey * 0.6);
            *mask = if profile > 0.5 { 1.0 } else { 0.0 };
        }
        self.pasted.push((Finding::BLines, mask));
    }

    /// Consolidation or effusion: a patch below `from`, `depth` deep at its middle, `db` against tissue.
    pub(super) fn patch(
        &mut self,
        finding: Finding,
        (across, width): (f64, f64),
        (from, depth): (f64, f64),
        db: f64,
        (seed, n): (u64, u32),
    ) {
        let (grain, border) = (Texture::new(seed, 3000 + n), Texture::new(seed, 4000 + n));
        let jitter = Stream::new(seed, Part::Augmentation, n).between(0.85, 1.15);
        let solid = finding == Finding::Consolidation;
        let mut mask = vec![0.0; self.grey.len()];
        let level = TISSUE_GREY + GREY_PER_DB * db as f32;
        for ((grey, mask), (a, down)) in self.grey.iter_mut().zip(&mut mask).zip(self.rays.places()) {
            let u = (a - across) / (0.5 * width);
            if u.abs() >= 1.0 || *down < from || !(0.0..=1.0).contains(a) || *down > 1.0 {
                continue;
            }
            let ragged = if solid { 0.25 * depth * border.rough(a * 40.0) } else { 0.0 };
            let shape = if solid { (1.0 - u * u).sqrt() } else { (1.0 - u * u * u * u).sqrt() };
            let end = from + (depth * jitter * shape + ragged * shape).max(0.0);
            let inside = 1.0 - smooth_step(end - 0.006, end + 0.006, *down) as f32;
            let edge = exp(-((down - end) / 0.008) * ((down - end) / 0.008)) as f32;
            let speckle = GREY_PER_DB * 5.0 * grain.field(a * 80.0, down * 170.0) as f32;
            let bright = edge * (TISSUE_GREY + 70.0 * (0.5 + border.curve(a * 70.0 + 9.0)) as f32);
            *grey =
                (*grey * (1.0 - inside) + (level + speckle).max(1.0) * inside).max(bright).clamp(0.0, 255.0);
            *mask = if inside > 0.5 { 1.0 } else { 0.0 };
        }
        self.pasted.push((finding, mask));
    }
}
