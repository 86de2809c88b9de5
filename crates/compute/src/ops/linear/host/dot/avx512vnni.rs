//! AVX-512 VNNI: sixteen rows of the panel in the sixteen lanes of a register.

#![allow(unsafe_code, reason = "calls for instructions that were found at run time")]

use std::arch::x86_64::*;

use super::super::activations::{ActivationBlock, block_of_rows};
use super::super::codes_avx512::{group, load, store, widen};
use super::super::panel::{GROUPS, Line, Panel, lines_per_block};
use super::super::scales::{CHUNK, Decoded, Lanes};
use super::{subs, zero};

/// See [`Kernel`](super::Kernel). Called only where the instructions were found.
pub(super) fn panel<const BITS: usize, const AFFINE: bool>(
    panel: &Panel<'_>,
    x: &[ActivationBlock],
    out: &mut [Lanes],
) {
    // SAFETY: `kernel` hands this function out for `Tier::Avx512Vnni` only, which exists only where
    // AVX-512 F, BW and VNNI were detected.
    unsafe { rows::<BITS, AFFINE>(panel, x, out) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn rows<const BITS: usize, const AFFINE: bool>(panel: &Panel<'_>, x: &[ActivationBlock], out: &mut [Lanes]) {
    let (eights, rest) = out.as_chunks_mut::<8>();
    let (fours, ones) = rest.as_chunks_mut::<4>();
    let mut row = 0;
    for out in eights {
        tile::<BITS, AFFINE, 8>(panel, &x[row * panel.blocks..], out);
        row += 8;
    }
    for out in fours {
        tile::<BITS, AFFINE, 4>(panel, &x[row * panel.blocks..], out);
        row += 4;
    }
    for out in ones {
        tile::<BITS, AFFINE, 1>(panel, &x[row * panel.blocks..], std::array::from_mut(out));
        row += 1;
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn tile<const BITS: usize, const AFFINE: bool, const ROWS: usize>(
    panel: &Panel<'_>,
    x: &[ActivationBlock],
    out: &mut [Lanes; ROWS],
) {
    let mut sums = [_mm512_setzero_ps(); ROWS];
    let mut decoded = Decoded::new();
    for first in (0..panel.blocks).step_by(CHUNK) {
        let count = CHUNK.min(panel.blocks - first);
        decoded.read::<BITS, AFFINE>(panel, first, count, |record| widen(record));
        for j in 0..count {
            let (b, per_block) = (first + j, lines_per_block(BITS));
            let x = block_of_rows::<ROWS>(x, panel.blocks, b);
            let lines = &panel.lines[b * per_block..][..per_block];
            for sub in 0..subs(BITS) {
                let dots = dots::<BITS, AFFINE, ROWS>(lines, &x, sub);
                let scale = load(&decoded.scale[j * subs(BITS) + sub]);
                for (r, sum) in sums.iter_mut().enumerate() {
                    let factor = _mm512_mul_ps(scale, _mm512_set1_ps(x[r].scale));
                    *sum = _mm512_add_ps(*sum, _mm512_mul_ps(_mm512_cvtepi32_ps(dots[r]), factor));
                }
            }
            if AFFINE {
                let offset = load(&decoded.offset[j]);
                for (r, sum) in sums.iter_mut().enumerate() {
                    let x_sum = _mm512_set1_ps(x[r].scale * x[r].sum() as f32);
                    *sum = _mm512_add_ps(*sum, _mm512_mul_ps(offset, x_sum));
                }
            }
        }
    }
    for (out, sum) in out.iter_mut().zip(sums) {
        store(out, sum);
    }
}

/// Integer sums over the groups that share a scale.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn dots<const BITS: usize, const AFFINE: bool, const ROWS: usize>(
    lines: &[Line],
    x: &[&ActivationBlock; ROWS],
    sub: usize,
) -> [__m512i; ROWS] {
    let mut dots = [_mm512_setzero_si512(); ROWS];
    for (dot, x) in dots.iter_mut().zip(x) {
        let correction = zero(BITS, AFFINE).wrapping_mul(x.sum_of::<BITS>(sub));
        *dot = _mm512_set1_epi32(correction.wrapping_neg());
    }
    for g in sub * GROUPS / subs(BITS)..(sub + 1) * GROUPS / subs(BITS) {
        let codes = group::<BITS>(lines, g);
        for (dot, x) in dots.iter_mut().zip(x) {
            *dot = _mm512_dpbusd_epi32(*dot, codes, _mm512_set1_epi32(x.quad(g)));
        }
    }
    dots
}
