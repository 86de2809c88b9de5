//! Scales for a super-block of 256: each sub-block has a small whole number, shared f16 factors scale them.
//!
//! Sub-blocks are fitted one by one ([`fit`](super::fit)), then shared factors are tried around the one that
//! lets the largest sub-scale take the largest whole number; for each, every sub-block picks the best among
//! the neighbouring whole numbers by its own squared error, and the factors are refined by least squares.

use super::bits::f16_round;
use super::fit::{Affine, Integers, Levels, error_at, fit_affine, fit_scale, inverse};

/// Elements in a super-block (ggml's `QK_K`).
pub(super) const SUPER: usize = 256;

/// Smallest positive f16. A factor below it would be stored as 0 and lose the whole super-block.
const SMALLEST: f32 = 5.960_464_5e-8;

/// How far from the obvious factor to look. 1 must stay in the list.
const FACTORS: [f32; 5] = [1.0, 0.96, 0.98, 1.02, 1.05];

/// Rounds of picking whole numbers and least squares per factor.
const ROUNDS: usize = 2;

/// A fitted super-block of `x ≈ factor × scale × level`; unused entries of `scales` are 0.
#[derive(Clone, Copy)]
pub(super) struct Symmetric {
    /// Stored (f16) factor.
    pub(super) factor: f32,
    /// Whole scales, one per sub-block.
    pub(super) scales: [i8; 16],
}

/// Fit `x` (256 elements) with sub-blocks of `sub` elements and whole scales from `low` to `high`.
pub(super) fn fit_symmetric(levels: impl Levels, x: &[f32], sub: usize, low: i8, high: i8) -> Symmetric {
    let wanted: Vec<f32> = x.chunks(sub).map(|part| fit_scale(levels, part, |s| s)).collect();
    let peak = wanted.iter().fold(0.0f32, |peak, &s| if s.abs() > peak.abs() { s } else { peak });
    let mut best = Symmetric { factor: 0.0, scales: [0; 16] };
    if peak == 0.0 {
        return best;
    }
    let mut least = f32::MAX;
    for part in FACTORS {
        for extreme in [low, high] {
            let mut factor = storable(peak / f32::from(extreme), part);
            for _ in 0..ROUNDS {
                let (scales, error) = pick_scales(levels, x, sub, &wanted, factor, (low, high));
                if error < least {
                    (least, best) = (error, Symmetric { factor, scales });
                }
                factor = storable(optimal_factor(levels, x, sub, &scales, factor), 1.0);
            }
        }
    }
    best
}

/// `factor × part` as f16, but never 0, and for parts above 1 at least the next f16 above `factor`: among the
/// subnormal ones that is a large step, and staying below it would clip the largest values.
fn storable(factor: f32, part: f32) -> f32 {
    let nearest = f16_round(factor * part);
    if part > 1.0 && nearest.abs() <= factor.abs() {
        return f16_round(nearest + SMALLEST.copysign(factor));
    }
    if nearest == 0.0 { SMALLEST.copysign(factor) } else { nearest }
}

/// For each sub-block the whole scale with the least error near the one that `wanted` asks for.
fn pick_scales(
    levels: impl Levels,
    x: &[f32],
    sub: usize,
    wanted: &[f32],
    factor: f32,
    (low, high): (i8, i8),
) -> ([i8; 16], f32) {
    let (mut scales, mut total) = ([0; 16], 0.0);
    for (i, part) in x.chunks(sub).enumerate() {
        let near = (wanted[i] / factor).round().clamp(f32::from(low), f32::from(high)) as i8;
        let mut least = f32::MAX;
        for scale in near.saturating_sub(1).max(low)..=near.saturating_add(1).min(high) {
            let error = error_at(levels, part, factor * f32::from(scale), 0.0);
            if error < least {
                (least, scales[i]) = (error, scale);
            }
        }
        total += least;
    }
    (scales, total)
}

/// Least squares for the factor, codes and scales kept.
fn optimal_factor(levels: impl Levels, x: &[f32], sub: usize, scales: &[i8; 16], factor: f32) -> f32 {
    let (mut dot, mut norm) = (0.0f64, 0.0f64);
    for (part, &scale) in x.chunks(sub).zip(scales) {
        let step = factor * f32::from(scale);
        let inverse = inverse(step);
        for &v in part {
            let level = f64::from(levels.nearest(v * inverse)) * f64::from(scale);
            dot += f64::from(v) * level;
            norm += level * level;
        }
    }
    if norm > 0.0 { (dot / norm) as f32 } else { factor }
}

/// A fitted super-block of `x ≈ factor × scale × code − min_factor × min`; unused entries are 0.
#[derive(Clone, Copy)]
pub(super) struct Shifted {
    /// Stored (f16) factor of the scales.
    pub(super) factor: f32,
    /// Stored (f16) factor of the minima.
    pub(super) min_factor: f32,
    /// Whole scale and minimum of each sub-block.
    pub(super) pairs: [(u8, u8); 16],
}

impl Shifted {
    /// What sub-block `i` maps codes to, in the order of ggml's arithmetic.
    pub(super) fn map(&self, i: usize) -> Affine {
        let (scale, min) = self.pairs[i];
        Affine { scale: self.factor * f32::from(scale), offset: -(self.min_factor * f32::from(min)) }
    }
}

/// Shape of a shifted format: codes 0 to `top`, whole scales and minima 0 to `whole`, `sub` elements each.
#[derive(Clone, Copy)]
pub(super) struct ShiftedLayout {
    pub(super) top: f32,
    pub(super) whole: u8,
    pub(super) sub: usize,
}

/// Fit `x` (256 elements).
pub(super) fn fit_shifted(layout: ShiftedLayout, x: &[f32]) -> Shifted {
    let wanted: Vec<Affine> =
        x.chunks(layout.sub).map(|part| fit_affine(part, layout.top, true, |s, _| s)).collect();
    let scale = wanted.iter().fold(0.0f32, |peak, map| peak.max(map.scale));
    let min = wanted.iter().fold(0.0f32, |peak, map| peak.max(-map.offset));
    let whole = f32::from(layout.whole);
    let mut best = Shifted { factor: 0.0, min_factor: 0.0, pairs: [(0, 0); 16] };
    let mut least: f32 = x.iter().map(|&v| v * v).sum();
    for part in FACTORS {
        let positive = |factor: f32, part: f32| if factor > 0.0 { storable(factor, part) } else { 0.0 };
        let (factor, min_factor) = (positive(scale / whole, part), positive(min / whole, part));
        let mut now = Shifted { factor, min_factor, ..best };
        for _ in 0..ROUNDS {
            let error = pick_pairs(layout, x, &wanted, &mut now);
            if error < least {
                (least, best) = (error, now);
            }
            let (factor, min_factor) = optimal_factors(layout, x, &now);
            (now.factor, now.min_factor) = (positive(factor, 1.0), positive(min_factor, 1.0));
        }
    }
    best
}

fn whole_near(wanted: f32, factor: f32, whole: u8) -> std::ops::RangeInclusive<u8> {
    if factor == 0.0 {
        return 0..=0;
    }
    let near = (wanted / factor).round().clamp(0.0, f32::from(whole)) as u8;
    near.saturating_sub(2)..=(near + 2).min(whole)
}

/// Sets each sub-block's pair to the best of the neighbours of what `wanted` asks for; returns the error.
fn pick_pairs(layout: ShiftedLayout, x: &[f32], wanted: &[Affine], now: &mut Shifted) -> f32 {
    let levels = Integers { low: 0.0, high: layout.top };
    let mut total = 0.0;
    for (i, part) in x.chunks(layout.sub).enumerate() {
        let mut least = (f32::MAX, (0, 0));
        for min in whole_near(-wanted[i].offset, now.min_factor, layout.whole) {
            let offset = now.min_factor * f32::from(min);
            for scale in whole_near(wanted[i].scale, now.factor, layout.whole) {
                let error = error_at(levels, part, now.factor * f32::from(scale), offset);
                if error < least.0 {
                    least = (error, (scale, min));
                }
            }
        }
        now.pairs[i] = least.1;
        total += least.0;
    }
    total
}

/// Least squares for both factors, codes and pairs kept; a factor that would turn negative becomes 0.
fn optimal_factors(layout: ShiftedLayout, x: &[f32], now: &Shifted) -> (f32, f32) {
    // x ≈ factor·a − min_factor·b with a = scale × code, b = min.
    let (mut aa, mut ab, mut bb, mut xa, mut xb) = (0.0f64, 0.0f64, 0.0f64, 0.0f64, 0.0f64);
    for (i, part) in x.chunks(layout.sub).enumerate() {
        let (map, (scale, min)) = (now.map(i), now.pairs[i]);
        for &v in part {
            let a = f64::from(map.code(v, layout.top)) * f64::from(scale);
            let (b, v) = (f64::from(min), f64::from(v));
            aa += a * a;
            ab += a * b;
            bb += b * b;
            xa += v * a;
            xb += v * b;
        }
    }
    let determinant = aa * bb - ab * ab;
    if determinant > 1e-9 * aa * bb {
        let factor = (xa * bb - xb * ab) / determinant;
        let min_factor = (xa * ab - xb * aa) / determinant;
        if factor > 0.0 && min_factor >= 0.0 {
            return (factor as f32, min_factor as f32);
        }
    }
    let factor = if aa > 0.0 { ((xa + f64::from(now.min_factor) * ab) / aa).max(0.0) as f32 } else { 0.0 };
    (factor, now.min_factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zeros, and values so small that the obvious factor would be stored as 0.
    #[test]
    fn tiny_super_blocks_are_not_lost() {
        let x: Vec<f32> = (0..SUPER).map(|i| (i as f32 - 128.0) * 1e-8).collect();
        let levels = Integers { low: -32.0, high: 31.0 };
        let fit = fit_symmetric(levels, &x, 16, -128, 127);
        assert!(fit.factor != 0.0 && fit.scales.iter().any(|&s| s != 0));
        let layout = ShiftedLayout { top: 15.0, whole: 63, sub: 32 };
        assert!(fit_shifted(layout, &x).factor > 0.0);
        assert_eq!(fit_symmetric(levels, &[0.0; SUPER], 16, -128, 127).factor, 0.0);
        let zeros = fit_shifted(layout, &[0.0; SUPER]);
        assert_eq!((zeros.factor, zeros.min_factor), (0.0, 0.0));
    }
}
