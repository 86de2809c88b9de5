//! Scales for one block: the search for the least squared error.
//!
//! Given a scale, the best codes are the nearest levels, so the only unknowns are the scale (and, for affine
//! formats, the offset). Candidates around the block's range are tried as they would be *stored* — after
//! rounding to f16, say — and the best one is refined by least squares until that no longer helps. The range
//! itself, which is what ggml's simple quantizers take, is always among the candidates.
//!
//! Errors are unweighted: for activations of equal variance in each input the squared error of a row is what
//! a linear layer sees. (ggml weighs its K-quants by magnitude; ours come out lower in plain RMS.)

/// The values that a code may stand for, before scaling.
pub(super) trait Levels: Copy {
    /// The level nearest to `v`.
    fn nearest(self, v: f32) -> f32;
    /// Lowest and highest level.
    fn range(self) -> (f32, f32);
}

/// All whole numbers from `low` to `high`, both within ±2^22.
#[derive(Clone, Copy)]
pub(super) struct Integers {
    pub(super) low: f32,
    pub(super) high: f32,
}

impl Levels for Integers {
    fn nearest(self, v: f32) -> f32 {
        // Adding and taking away 1.5 × 2^23 leaves no bits for the fraction: rounds to even, and unlike
        // `f32::round` becomes vector code on every x86-64.
        const ROUND: f32 = 12_582_912.0;
        // Comparisons, not `clamp`: they are single instructions, since NaN need not pass through.
        let v = if v > self.low { v } else { self.low };
        let v = if v < self.high { v } else { self.high };
        (v + ROUND) - ROUND
    }

    fn range(self) -> (f32, f32) {
        (self.low, self.high)
    }
}

/// Sixteen ascending levels.
#[derive(Clone, Copy)]
pub(super) struct Codebook(pub(super) &'static [i8; 16]);

impl Codebook {
    /// Index of the level nearest to `v`; the lower one of two as near.
    pub(super) fn index(self, v: f32) -> u8 {
        let above = |pair: &[i8]| v > (f32::from(pair[0]) + f32::from(pair[1])) / 2.0;
        self.0.windows(2).map(|pair| u8::from(above(pair))).sum()
    }
}

/// Values that the searches look at together: sums are kept per lane, which lets them become vector code and
/// fixes the order of additions. Every block and sub-block is a multiple of it.
const LANES: usize = 16;

/// Sum of `f(value)` over `x`, all `N` sums at once. f32 is enough: the searches compare candidates whose
/// errors differ by far more than the 1e-6 that rounding adds.
fn sums<const N: usize>(x: &[f32], f: impl Fn(f32) -> [f32; N]) -> [f32; N] {
    let mut lanes = [[0.0f32; LANES]; N];
    for chunk in x.as_chunks::<LANES>().0 {
        for (lane, &v) in chunk.iter().enumerate() {
            let terms = f(v);
            for (sum, term) in lanes.iter_mut().zip(terms) {
                sum[lane] += term;
            }
        }
    }
    lanes.map(|lanes| lanes.iter().sum())
}

/// Squared error of `x ≈ scale × level − minus`.
pub(super) fn error_at(levels: impl Levels, x: &[f32], scale: f32, minus: f32) -> f32 {
    let inverse = inverse(scale);
    let [error] = sums(x, |v| {
        let off = v - (scale * levels.nearest((v + minus) * inverse) - minus);
        [off * off]
    });
    error
}

/// 1 / `scale`, or 0 for a block of zeros.
pub(super) fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

impl Levels for Codebook {
    /// A sum of steps instead of a look-up, which would not become vector code. All whole numbers: exact.
    fn nearest(self, v: f32) -> f32 {
        let mut level = f32::from(self.0[0]);
        for pair in self.0.windows(2) {
            let (below, above) = (f32::from(pair[0]), f32::from(pair[1]));
            level += if v > (below + above) / 2.0 { above - below } else { 0.0 };
        }
        level
    }

    fn range(self) -> (f32, f32) {
        (f32::from(self.0[0]), f32::from(self.0[15]))
    }
}

/// Parts of a block's range that are worth trying as the range of the levels: below 1 clips the greatest
/// values, above 1 leaves the outermost level unused. 1 itself must stay in the list.
const PARTS: [f32; 17] =
    [0.64, 0.70, 0.75, 0.79, 0.82, 0.85, 0.88, 0.91, 0.94, 0.96, 0.98, 1.0, 1.02, 1.05, 1.08, 1.11, 1.14];

/// A scale that no candidate part takes beyond the largest f16.
pub(super) const LARGEST_SCALE: f32 = 65504.0 / 1.14;

/// Rounds of least squares after the search; it rarely takes more than two.
const REFINEMENTS: usize = 4;

/// Squared error of a scale, and the scale that would be optimal for the codes it leads to.
struct ScaleTrial {
    error: f32,
    optimal: f32,
}

fn try_scale(levels: impl Levels, x: &[f32], scale: f32) -> ScaleTrial {
    let inverse = inverse(scale);
    let [error, dot, norm] = sums(x, |v| {
        let level = levels.nearest(v * inverse);
        let off = v - level * scale;
        [off * off, v * level, level * level]
    });
    ScaleTrial { error, optimal: if norm > 0.0 { dot / norm } else { 0.0 } }
}

/// The scale with the least squared error of `x ≈ scale × level`. `store`: what a scale becomes when it is
/// written. The result is a stored scale; it may be negative; 0 for a block of zeros.
pub(super) fn fit_scale(levels: impl Levels, x: &[f32], store: impl Fn(f32) -> f32) -> f32 {
    let peak = x.iter().fold(0.0f32, |peak, &v| if v.abs() > peak.abs() { v } else { peak });
    let mut best = (0.0, try_scale(levels, x, 0.0));
    if peak == 0.0 {
        return 0.0;
    }
    let (low, high) = levels.range();
    for part in PARTS {
        for extreme in [low, high] {
            let scale = store(peak / extreme * part);
            let trial = try_scale(levels, x, scale);
            if trial.error < best.1.error {
                best = (scale, trial);
            }
        }
    }
    for _ in 0..REFINEMENTS {
        let scale = store(best.1.optimal);
        let trial = try_scale(levels, x, scale);
        if trial.error >= best.1.error {
            break;
        }
        best = (scale, trial);
    }
    best.0
}

/// Scale and offset of `x ≈ scale × code + offset`, codes 0 to `top`.
#[derive(Clone, Copy, Default)]
pub(super) struct Affine {
    pub(super) scale: f32,
    pub(super) offset: f32,
}

impl Affine {
    /// The nearest code.
    pub(super) fn code(self, v: f32, top: f32) -> f32 {
        Integers { low: 0.0, high: top }.nearest((v - self.offset) * inverse(self.scale))
    }
}

/// Squared error, and the affine map that would be optimal for the codes chosen.
struct AffineTrial {
    error: f32,
    optimal: Affine,
}

fn try_affine(x: &[f32], top: f32, map: Affine, offset_at_most_0: bool) -> AffineTrial {
    let levels = Integers { low: 0.0, high: top };
    let inverse = inverse(map.scale);
    // Measured from the offset, so that a large one costs the sums no precision.
    let [error, codes, squares, values, dot] = sums(x, |v| {
        let v = v - map.offset;
        let code = levels.nearest(v * inverse);
        let off = v - map.scale * code;
        [off * off, code, code * code, v, v * code]
    });
    let count = x.len() as f32;
    let determinant = count * squares - codes * codes;
    let mut optimal = Affine { scale: 0.0, offset: map.offset + values / count };
    if determinant > 0.0 {
        optimal.scale = (count * dot - codes * values) / determinant;
        optimal.offset = map.offset + (squares * values - codes * dot) / determinant;
    }
    if offset_at_most_0 && optimal.offset > 0.0 {
        optimal.offset = 0.0;
        let whole_dot = dot + map.offset * codes;
        optimal.scale = if squares > 0.0 { whole_dot / squares } else { 0.0 };
    }
    AffineTrial { error, optimal }
}

/// The best affine map seen so far.
struct AffineSearch<'a, S> {
    x: &'a [f32],
    top: f32,
    offset_at_most_0: bool,
    store: S,
    best: Option<(Affine, AffineTrial)>,
}

impl<S: Fn(f32, bool) -> f32> AffineSearch<'_, S> {
    /// Try a map as it would be stored. Returns whether it is the best yet, and what would be optimal for
    /// the codes it leads to.
    fn consider(&mut self, map: Affine) -> (bool, Affine) {
        let offset = if self.offset_at_most_0 { map.offset.min(0.0) } else { map.offset };
        let stored = Affine { scale: (self.store)(map.scale, true), offset: (self.store)(offset, false) };
        let trial = try_affine(self.x, self.top, stored, self.offset_at_most_0);
        let better = self.best.as_ref().is_none_or(|(_, best)| trial.error < best.error);
        let optimal = trial.optimal;
        if better {
            self.best = Some((stored, trial));
        }
        (better, optimal)
    }
}

/// The affine map with the least squared error. `store`: what a number becomes when it is written, and
/// whether it is the scale. `offset_at_most_0`: the format keeps −offset without a sign.
pub(super) fn fit_affine(
    x: &[f32],
    top: f32,
    offset_at_most_0: bool,
    store: impl Fn(f32, bool) -> f32,
) -> Affine {
    let (mut low, mut high) = x.iter().fold((f32::MAX, f32::MIN), |(a, b), &v| (a.min(v), b.max(v)));
    if offset_at_most_0 {
        low = low.min(0.0);
        high = high.max(low);
    }
    let mut search = AffineSearch { x, top, offset_at_most_0, store, best: None };
    for part in PARTS.iter().filter(|part| **part <= 1.0).rev() {
        let clipped = (high - low) * (1.0 - part);
        for offset in [low, low + clipped / 2.0, low + clipped] {
            let (_, optimal) = search.consider(Affine { scale: (high - low) * part / top, offset });
            search.consider(optimal);
        }
    }
    for _ in 0..REFINEMENTS {
        let Some((_, best)) = &search.best else { break };
        if !search.consider(best.optimal).0 {
            break;
        }
    }
    search.best.map_or_else(Affine::default, |(map, _)| map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_round_and_clamp() {
        let levels = Integers { low: -8.0, high: 7.0 };
        for (v, level) in [(0.4, 0.0), (-0.6, -1.0), (99.0, 7.0), (-99.0, -8.0), (2.5, 2.0), (3.5, 4.0)] {
            assert_eq!(levels.nearest(v), level, "{v}");
        }
    }

    #[test]
    fn values_on_the_grid_are_found_again() {
        let levels = Integers { low: -8.0, high: 7.0 };
        let x: Vec<f32> = (-8..8).map(|code| code as f32 * 0.25).collect();
        assert_eq!(fit_scale(levels, &x, |s| s).abs(), 0.25);
        let x: Vec<f32> = (0..16).map(|code| code as f32 * 0.5 - 3.0).collect();
        let map = fit_affine(&x, 15.0, false, |s, _| s);
        assert_eq!((map.scale, map.offset), (0.5, -3.0));
        let map = fit_affine(&[2.0; 16], 15.0, true, |s, _| s);
        assert_eq!((map.offset, map.scale * 15.0), (0.0, 2.0));
    }

    #[test]
    fn zeros_need_no_scale() {
        assert_eq!(fit_scale(Integers { low: -8.0, high: 7.0 }, &[0.0; 32], |s| s), 0.0);
        assert_eq!(fit_affine(&[0.0; 32], 15.0, true, |s, _| s).scale, 0.0);
    }
}
