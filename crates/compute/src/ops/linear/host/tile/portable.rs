//! Plain Rust: a product, then a sum, each rounded.

use super::super::format::BLOCK;
use super::super::panel::{LANES, Panel, group, lines_per_block};
use super::super::scales::{Decoded, widen};
use super::{Rows, Wide};

/// See [`multiply`](super::multiply).
pub(super) fn multiply(x: Rows<'_>, tile: &[Wide], sums: &mut [Wide]) {
    for (r, sums) in sums.iter_mut().enumerate() {
        let mut own = *sums;
        let (first, step) = if x.turned { (r, x.stride) } else { (r * x.stride, 1) };
        for (w, &x) in tile.iter().zip(x.numbers[first..].iter().step_by(step)) {
            for (sum, w) in own.iter_mut().zip(w) {
                *sum += x * w;
            }
        }
        *sums = own;
    }
}

/// See [`fill`](super::fill::fill).
pub(super) fn dequantize<const BITS: usize, const AFFINE: bool>(
    panel: &Panel<'_>,
    first: usize,
    lane: usize,
    tile: &mut [Wide],
) {
    let mut decoded = Decoded::new();
    decoded.read::<BITS, AFFINE>(panel, first, tile.len() / BLOCK, widen);
    let zero = if AFFINE { 0 } else { 1 << (BITS - 1) };
    for (j, columns) in tile.chunks_exact_mut(BLOCK).enumerate() {
        let lines = &panel.lines[(first + j) * lines_per_block(BITS)..][..lines_per_block(BITS)];
        for (g, columns) in columns.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let words = group::<BITS>(lines, g);
            let scale = &decoded.scale[if BITS == 6 { 2 * j + g / 4 } else { j }];
            for (i, column) in columns.iter_mut().enumerate() {
                for (l, value) in column[lane..][..LANES].iter_mut().enumerate() {
                    let code = ((words[l] >> (8 * i) & 255) as i32).wrapping_sub(zero);
                    let product = code as f32 * scale[l];
                    *value = if AFFINE { product + decoded.offset[j][l] } else { product };
                }
            }
        }
    }
}
