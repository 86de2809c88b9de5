//! The horizontal pass: each row on its own.
//!
//! Plain sums of integer products: splitting the weights for 16-bit vector multiplication, or summing in f32
//! or f64 vectors, was measured slower without instructions beyond the x86-64 baseline.

use std::ops::Range;

use super::coefficients::{Coefficients, HALF, to_byte};
use crate::pixels::Pixels;

/// Rows `needed` of `pixels`, to as many columns as `columns` has windows. The second value is the first of
/// those rows: the vertical pass counts from it.
/// Source: Pillow `Resample.c`, `ImagingResampleHorizontal_8bpc`.
pub(crate) fn pass(pixels: &Pixels, columns: &Coefficients, needed: Range<usize>) -> (Pixels, usize) {
    let (_, _, channels) = pixels.dims();
    let (out_width, out_height) = (columns.windows().len(), needed.len());
    let mut bytes = vec![0; out_width * out_height * channels];
    for (y, out) in needed.clone().zip(bytes.chunks_exact_mut(out_width * channels)) {
        if channels == 1 {
            row::<1>(pixels.row(y), columns, out);
        } else {
            row::<3>(pixels.row(y), columns, out);
        }
    }
    (Pixels::made(out_width, out_height, channels, bytes), needed.start)
}

/// One row of pixels of `CHANNELS` bytes.
fn row<const CHANNELS: usize>(row: &[u8], columns: &Coefficients, out: &mut [u8]) {
    let (row, _) = row.as_chunks::<CHANNELS>();
    let (out, _) = out.as_chunks_mut::<CHANNELS>();
    for ((from, weights), out) in columns.windows().zip(out) {
        let mut sums = [HALF; CHANNELS];
        for (pixel, &weight) in row[from..from + weights.len()].iter().zip(weights) {
            for (sum, &byte) in sums.iter_mut().zip(pixel) {
                // The whole fits 32 bits (see the test of the coefficients).
                *sum = sum.wrapping_add(i32::from(byte).wrapping_mul(weight));
            }
        }
        *out = sums.map(to_byte);
    }
}
