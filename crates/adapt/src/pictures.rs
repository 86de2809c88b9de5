//! Frames on their way into a batch: small changes of place and of grey, and where the findings lie in the patches.

use bedside_compute::HostTensor;
use bedside_imaging::Normalize;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::AdaptError;
use crate::draw::{Draw, Purpose};
use crate::frames::{Frames, STRUCTURES};

/// How much frames are changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// How often the picture is moved, and how often its grey values are.
    pub rate: f64,
    /// Smallest and largest magnification.
    pub zoom: (f64, f64),
    /// Largest shift, as a share of the side.
    pub shift: f64,
    /// Largest change of the logarithm of the exponent that grey values are raised to.
    pub gamma: f64,
    /// Largest change of gain, as a share.
    pub gain: f64,
    /// Largest standard deviation of the noise that multiplies grey values.
    pub noise: f64,
}

impl Changes {
    /// Those of training. Sides do not matter to the findings, so half of the frames are turned over too.
    pub fn training() -> Self {
        Self { rate: 0.7, zoom: (0.8, 1.06), shift: 0.04, gamma: 0.25, gain: 0.2, noise: 0.12 }
    }

    /// None: what the device does.
    pub fn none() -> Self {
        Self { rate: 0.0, zoom: (1.0, 1.0), shift: 0.0, gamma: 0.0, gain: 0.0, noise: 0.0 }
    }
}

/// Pictures of a batch.
pub(crate) struct Pictures {
    /// (images, 3, side, side).
    pub(crate) pixels: HostTensor,
    /// Of each image and each of [`STRUCTURES`], the share of every patch that shows it, (patches,).
    pub(crate) coverage: Vec<Vec<Vec<f32>>>,
}

/// What becomes of one frame.
struct Change {
    flip: bool,
    zoom: f64,
    shift: (f64, f64),
    gamma: f64,
    gain: f64,
    noise: f64,
}

impl Change {
    fn draw(changes: &Changes, draw: &mut Draw) -> Self {
        let moved = draw.chance(changes.rate);
        let toned = draw.chance(changes.rate);
        let by = |draw: &mut Draw, on: bool, most: f64| if on { draw.between(-most, most) } else { 0.0 };
        let flip = changes.rate > 0.0 && draw.chance(0.5);
        let zoom = if moved { draw.between(changes.zoom.0, changes.zoom.1) } else { 1.0 };
        let shift = (by(draw, moved, changes.shift), by(draw, moved, changes.shift));
        let (gamma, gain) = (by(draw, toned, changes.gamma).exp(), 1.0 + by(draw, toned, changes.gain));
        let noise = if toned { draw.between(0.0, changes.noise) } else { 0.0 };
        Self { flip, zoom, shift, gamma, gain, noise }
    }

    /// Where a pixel comes from, in pixels; columns and rows.
    fn source(&self, x: usize, y: usize, side: f64) -> (f64, f64) {
        let back =
            |at: usize, shift: f64| (at as f64 + 0.5 - side * (0.5 + shift)) / self.zoom + side / 2.0 - 0.5;
        let column = back(x, self.shift.0);
        (if self.flip { side - 1.0 - column } else { column }, back(y, self.shift.1))
    }

    fn is_still(&self) -> bool {
        // Exactly what `draw` gives where nothing is moved.
        self.zoom.to_bits() == 1.0_f64.to_bits() && self.shift.0.abs() + self.shift.1.abs() <= 0.0
    }
}

/// Frames as the model takes them. `order`: which, in order; `step`: of the run, so that each step changes them anew.
/// Errors: those of the tensor.
pub(crate) fn pictures(
    frames: &Frames,
    order: &[u32],
    patch: usize,
    normalize: Normalize,
    changes: &Changes,
    (seed, step): (u64, u64),
) -> Result<Pictures, AdaptError> {
    let side = frames.side;
    let made: Vec<(Vec<f32>, Vec<Vec<f32>>)> = order
        .par_iter()
        .enumerate()
        .map(|(n, frame)| {
            let mut draw = Draw::new(seed, Purpose::Changes, step * 4096 + n as u64);
            let change = Change::draw(changes, &mut draw);
            let (grey, truth) = changed(frames, *frame as usize, &change, &mut draw);
            (planes(&grey, normalize), coverage(&truth, side, patch))
        })
        .collect();
    let mut pixels = Vec::with_capacity(order.len() * 3 * side * side);
    let mut all = Vec::with_capacity(order.len());
    for (planes, coverage) in made {
        pixels.extend(planes);
        all.push(coverage);
    }
    let pixels = HostTensor::f32(&[order.len(), 3, side, side], pixels)?;
    Ok(Pictures { pixels, coverage: all })
}

/// Grey values 0 to 255 and structures after the change, (side, side).
fn changed(frames: &Frames, frame: usize, change: &Change, draw: &mut Draw) -> (Vec<f32>, Vec<u8>) {
    let side = frames.side;
    let (grey, truth) = (frames.grey(frame), frames.truth(frame));
    let tone: Vec<f32> = (0..256)
        .map(|x| ((f64::from(x) / 255.0).powf(change.gamma) * change.gain * 255.0).min(255.0) as f32)
        .collect();
    let (mut out, mut bits) = (Vec::with_capacity(side * side), Vec::with_capacity(side * side));
    for y in 0..side {
        for x in 0..side {
            if change.is_still() {
                let from = y * side + if change.flip { side - 1 - x } else { x };
                out.push(tone[usize::from(grey[from])]);
                bits.push(truth[from]);
                continue;
            }
            let (u, v) = change.source(x, y, side as f64);
            out.push(between(grey, &tone, side, (u, v)));
            let (u, v) = (u.round(), v.round());
            let inside = u >= 0.0 && v >= 0.0 && u < side as f64 && v < side as f64;
            bits.push(if inside { truth[v as usize * side + u as usize] } else { 0 });
        }
    }
    if change.noise > 0.0 {
        // One number for a few pixels would be coarser speckle; one for each is the finest the model can see.
        for value in &mut out {
            let noise = 1.0 + change.noise * 1.73 * draw.between(-1.0, 1.0);
            *value = (*value * noise as f32).clamp(0.0, 255.0);
        }
    }
    (out, bits)
}

/// Linear in both directions; black beside the picture.
fn between(grey: &[u8], tone: &[f32], side: usize, (u, v): (f64, f64)) -> f32 {
    let (left, top) = (u.floor(), v.floor());
    let (across, down) = ((u - left) as f32, (v - top) as f32);
    let at = |x: f64, y: f64| {
        let inside = x >= 0.0 && y >= 0.0 && x < side as f64 && y < side as f64;
        if inside { tone[usize::from(grey[y as usize * side + x as usize])] } else { 0.0 }
    };
    let upper = at(left, top) * (1.0 - across) + at(left + 1.0, top) * across;
    let lower = at(left, top + 1.0) * (1.0 - across) + at(left + 1.0, top + 1.0) * across;
    upper * (1.0 - down) + lower * down
}

/// Three equal planes but for the normalisation.
fn planes(grey: &[f32], normalize: Normalize) -> Vec<f32> {
    let channels = normalize.mean.iter().zip(&normalize.std);
    channels
        .flat_map(|(mean, std)| grey.iter().map(move |x| (x / 255.0 - *mean as f32) / *std as f32))
        .collect()
}

/// Of each structure, the share of every patch that shows it.
pub(crate) fn coverage(truth: &[u8], side: usize, patch: usize) -> Vec<Vec<f32>> {
    let grid = side / patch;
    let mut counts = vec![vec![0.0_f32; grid * grid]; STRUCTURES.len()];
    for (i, bits) in truth.iter().enumerate().filter(|(_, bits)| **bits != 0) {
        let at = (i / side / patch).min(grid - 1) * grid + (i % side / patch).min(grid - 1);
        for (bit, counts) in counts.iter_mut().enumerate() {
            counts[at] += f32::from(bits >> bit & 1);
        }
    }
    let area = (patch * patch) as f32;
    counts.iter_mut().flatten().for_each(|count| *count /= area);
    counts
}

/// Shares that add up to 1, of the patches that show a good part of the most that any shows; `None`: none shows it.
pub(crate) fn shares(coverage: &[f32]) -> Option<Vec<f32>> {
    /// Less than this share of the fullest patch is the edge of something.
    const GOOD_PART: f32 = 0.3;
    let most = coverage.iter().copied().fold(0.0, f32::max);
    let kept: Vec<f32> = coverage.iter().map(|c| if *c >= GOOD_PART * most { *c } else { 0.0 }).collect();
    let sum: f32 = kept.iter().sum();
    (sum > 0.0).then(|| kept.iter().map(|c| c / sum).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Frames {
        let grey: Vec<u8> = (0..64).map(|i| i * 3).collect();
        let truth: Vec<u8> = (0..64).map(|i| u8::from(i % 8 == 1)).collect();
        Frames { side: 8, facts: Vec::new(), grey, truth }
    }

    #[test]
    fn unchanged_frames_are_what_the_device_sees() {
        let normalize = Normalize { mean: [0.25; 3], std: [0.5; 3] };
        let made = pictures(&frames(), &[0], 4, normalize, &Changes::none(), (1, 2)).unwrap();
        let expected: Vec<f32> = (0..64_u8).map(|i| (f32::from(i * 3) / 255.0 - 0.25) / 0.5).collect();
        let got = made.pixels.as_f32().unwrap();
        for plane in got.chunks(64) {
            // The tone goes through f64 and back.
            assert!(plane.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6));
        }
        assert_eq!(made.coverage[0][0], [0.25, 0.0, 0.25, 0.0]);
    }

    #[test]
    fn the_same_step_changes_frames_the_same_way() {
        let normalize = Normalize { mean: [0.25; 3], std: [0.5; 3] };
        let at = |step| {
            pictures(&frames(), &[0, 0], 4, normalize, &Changes::training(), (1, step)).unwrap().pixels
        };
        assert_eq!(at(3), at(3));
        assert_ne!(at(3), at(4));
    }

    #[test]
    fn truth_moves_with_the_picture() {
        let change = Change { flip: true, zoom: 1.0, shift: (0.0, 0.0), gamma: 1.0, gain: 1.0, noise: 0.0 };
        let mut draw = Draw::new(1, Purpose::Changes, 0);
        let (_, truth) = changed(&frames(), 0, &change, &mut draw);
        assert!((0..64).all(|i| truth[i] == u8::from(i % 8 == 6)));
        let shifted = Change { flip: false, shift: (0.25, 0.0), ..change };
        let (grey, truth) = changed(&frames(), 0, &shifted, &mut draw);
        assert!((0..64).all(|i| truth[i] == u8::from(i % 8 == 3)), "{truth:?}");
        assert!(
            grey[0].abs() < 1e-6 && (grey[2] - 0.0).abs() < 1e-6 && (grey[3] - 3.0).abs() < 1e-4,
            "{grey:?}"
        );
    }

    #[test]
    fn shares_leave_out_the_edge() {
        assert_eq!(shares(&[0.0, 1.0, 0.2, 1.0]), Some(vec![0.0, 0.5, 0.0, 0.5]));
        assert_eq!(shares(&[0.0, 0.0]), None);
    }
}
