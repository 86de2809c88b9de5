//! The vertical pass: whole rows are weighted and added.

use super::coefficients::{Coefficients, HALF, to_byte};
use crate::pixels::Pixels;

/// Columns that are summed at a time: the sums stay in the first-level cache.
const SPAN: usize = 2048;

/// To as many rows as `rows` has windows. `first_row`: the row of the original picture that `pixels` begins
/// with.
/// Source: Pillow `Resample.c`, `ImagingResampleVertical_8bpc`.
pub(crate) fn pass(pixels: &Pixels, rows: &Coefficients, first_row: usize) -> Pixels {
    let (width, _, channels) = pixels.dims();
    let stride = width * channels;
    let out_height = rows.windows().len();
    let mut bytes = vec![0; stride * out_height];
    let mut sums = [0_i32; SPAN];
    for ((from, weights), out) in rows.windows().zip(bytes.chunks_exact_mut(stride)) {
        let window = &pixels.bytes()[(from - first_row) * stride..][..weights.len() * stride];
        for (span, out) in out.chunks_mut(SPAN).enumerate() {
            let sums = &mut sums[..out.len()];
            sums.fill(HALF);
            for (row, &weight) in window.chunks_exact(stride).zip(weights) {
                add(sums, &row[span * SPAN..][..out.len()], weight);
            }
            out.iter_mut().zip(sums).for_each(|(out, sum)| *out = to_byte(*sum));
        }
    }
    Pixels::made(width, out_height, channels, bytes)
}

fn add(sums: &mut [i32], row: &[u8], weight: i32) {
    for (sum, &byte) in sums.iter_mut().zip(row) {
        // The whole fits 32 bits (see the test of the coefficients).
        *sum = sum.wrapping_add(i32::from(byte).wrapping_mul(weight));
    }
}
