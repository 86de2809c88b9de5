//! The weights of one direction: which input pixels make an output pixel, and how much of each.

use std::ops::Range;

use super::filter::Kernel;

/// Bits behind the point of a weight: 32, less 8 of the pixel and 2 for sums above 1.
pub(crate) const PRECISION_BITS: u32 = 22;
/// Half of the last place, so that the shift rounds to nearest.
pub(crate) const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// Weights from `in_size` to `out_size` pixels, computed once per direction.
pub(crate) struct Coefficients {
    windows: Vec<Window>,
    weights: Vec<i32>,
}

/// The input pixels `from..from + length` make one output pixel; their weights begin at `weights`.
struct Window {
    from: usize,
    length: usize,
    weights: usize,
}

impl Coefficients {
    /// Computed in f64, normalised to a sum of 1, rounded to fixed point away from zero at ties.
    /// Memory: about `2 * support * max(in_size, out_size)` weights.
    /// Source: Pillow `Resample.c`, `precompute_coeffs` and `normalize_coeffs_8bpc`.
    pub(crate) fn new(in_size: usize, out_size: usize, kernel: Kernel) -> Self {
        let scale = in_size as f64 / out_size as f64;
        let filter_scale = scale.max(1.0);
        let support = kernel.support * filter_scale;
        let inverse = 1.0 / filter_scale;
        let mut made = Self { windows: Vec::with_capacity(out_size), weights: Vec::new() };
        let mut exact: Vec<f64> = Vec::new();
        for out in 0..out_size {
            let center = (out as f64 + 0.5) * scale;
            // Casts truncate towards zero and saturate: a negative begin becomes 0, as in the source.
            let from = (center - support + 0.5) as usize;
            let to = ((center + support + 0.5) as usize).min(in_size);
            exact.clear();
            exact.extend((from..to).map(|x| (kernel.weight)((x as f64 - center + 0.5) * inverse)));
            let sum: f64 = exact.iter().sum();
            made.windows.push(Window { from, length: exact.len(), weights: made.weights.len() });
            made.weights.extend(exact.iter().map(|weight| {
                let weight = if sum == 0.0 { *weight } else { weight / sum };
                let half = if weight < 0.0 { -0.5 } else { 0.5 };
                (half + weight * f64::from(1 << PRECISION_BITS)) as i32
            }));
        }
        made
    }

    /// Per output pixel: the first input pixel, and the weights from there on.
    pub(crate) fn windows(&self) -> impl ExactSizeIterator<Item = (usize, &[i32])> {
        self.windows.iter().map(|window| {
            let weights = &self.weights[window.weights..window.weights + window.length];
            (window.from, weights)
        })
    }

    /// The input pixels that are used at all.
    pub(crate) fn needed(&self) -> Range<usize> {
        let first = self.windows.first().map_or(0, |window| window.from);
        let last = self.windows.last().map_or(0, |window| window.from + window.length);
        first..last
    }
}

/// A weighted sum back to 8 bits: the sum began at [`HALF`].
pub(crate) fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resize::Filter;

    #[test]
    fn no_sum_of_weighted_bytes_leaves_32_bits() {
        let sizes = [1, 2, 3, 7, 64, 97, 224, 511, 1000, 16384];
        for kernel in Filter::ALL.into_iter().filter_map(Filter::kernel) {
            for (in_size, out_size) in sizes.iter().flat_map(|a| sizes.iter().map(move |b| (*a, *b))) {
                let coefficients = Coefficients::new(in_size, out_size, kernel);
                assert_eq!(coefficients.windows().len(), out_size);
                for (from, weights) in coefficients.windows() {
                    assert!(!weights.is_empty() && from + weights.len() <= in_size);
                    let positive: i64 = weights.iter().filter(|w| **w > 0).map(|w| i64::from(*w)).sum();
                    let negative: i64 = weights.iter().filter(|w| **w < 0).map(|w| i64::from(*w)).sum();
                    assert!(255 * positive + i64::from(HALF) <= i64::from(i32::MAX));
                    assert!(255 * negative >= i64::from(i32::MIN));
                    // Rounding moves each weight by half a place at most.
                    assert!((positive + negative - (1 << PRECISION_BITS)).abs() <= weights.len() as i64);
                }
                assert!(coefficients.needed().end <= in_size);
            }
        }
    }

    #[test]
    fn bytes_round_to_nearest_and_saturate() {
        let one = 1 << PRECISION_BITS;
        let cases =
            [(-one, 0), (HALF - 1, 0), (one, 1), (254 * one + HALF - 1 + HALF, 254), (300 * one, 255)];
        for (sum, byte) in cases {
            assert_eq!(to_byte(sum), byte, "{sum}");
        }
    }
}
