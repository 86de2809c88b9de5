//! Plain Rust: what the vector kernels must equal.

use super::super::activations::ActivationBlock;
use super::super::panel::{GROUPS, LANES, Panel, group, lines_per_block};
use super::super::scales::{CHUNK, Decoded, Lanes, widen};
use super::zero;

/// See [`Kernel`](super::Kernel).
pub(super) fn panel<const BITS: usize, const AFFINE: bool>(
    panel: &Panel<'_>,
    x: &[ActivationBlock],
    out: &mut [Lanes],
) {
    out.fill([0.0; LANES]);
    let mut decoded = Decoded::new();
    for first in (0..panel.blocks).step_by(CHUNK) {
        let count = CHUNK.min(panel.blocks - first);
        decoded.read::<BITS, AFFINE>(panel, first, count, widen);
        for j in 0..count {
            let (b, per_block) = (first + j, lines_per_block(BITS));
            let lines = &panel.lines[b * per_block..][..per_block];
            let groups: [[u32; LANES]; GROUPS] = std::array::from_fn(|g| group::<BITS>(lines, g));
            for (r, out) in out.iter_mut().enumerate() {
                let x = &x[r * panel.blocks + b];
                if BITS == 6 {
                    for (sub, groups) in groups.as_chunks::<4>().0.iter().enumerate() {
                        let dots = dots(groups, &x.codes[4 * sub..], 32 * i32::from(x.sums[sub]));
                        add_scaled(out, &dots, &decoded.scale[2 * j + sub], x.scale);
                    }
                    continue;
                }
                let dots = dots(&groups, &x.codes, zero(BITS, AFFINE) * x.sum());
                add_scaled(out, &dots, &decoded.scale[j], x.scale);
                if AFFINE {
                    let sum = x.scale * x.sum() as f32;
                    for (out, offset) in out.iter_mut().zip(&decoded.offset[j]) {
                        *out += offset * sum;
                    }
                }
            }
        }
    }
}

/// One dot product per row of the panel. Sums stay below 32 × 255 × 127, far from wrapping.
#[inline(always)]
fn dots(groups: &[[u32; LANES]], x: &[[i8; 4]], correction: i32) -> [i32; LANES] {
    let mut dots = [-correction; LANES];
    for (words, x) in groups.iter().zip(x) {
        for (dot, word) in dots.iter_mut().zip(words) {
            for (i, &x) in x.iter().enumerate() {
                let code = (word >> (8 * i) & 255) as i32;
                *dot = dot.wrapping_add(code.wrapping_mul(i32::from(x)));
            }
        }
    }
    dots
}

#[inline(always)]
fn add_scaled(out: &mut Lanes, dots: &[i32; LANES], scale: &Lanes, x_scale: f32) {
    for ((out, &dot), scale) in out.iter_mut().zip(dots).zip(scale) {
        *out += dot as f32 * (scale * x_scale);
    }
}
