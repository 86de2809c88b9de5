//! AVX2: the sixteen rows of a panel in two halves of eight lanes.
//!
//! `maddubs` adds two products u8 × i8 in 16 bits and saturates. Codes of up to 6 bits cannot get there, and
//! as many groups are added in 16 bits as cannot either ([`groups_in_16_bits`]). Codes of 8 bits are taken
//! as signed: |code| ≤ 128 times the activation with the code's sign, at most 2 × 128 × 127.

#![allow(unsafe_code, reason = "calls for instructions that were found at run time")]

use std::arch::x86_64::*;

use super::super::activations::{ActivationBlock, block_of_rows};
use super::super::codes_avx2::{group, load, store, widen};
use super::super::panel::{GROUPS, LANES, Line, Panel, lines_per_block};
use super::super::scales::{CHUNK, Decoded, Lanes};
use super::{subs, zero};

/// Groups whose sums fit in 16 bits together: 2 × 127 × largest code each, at most 32767.
const fn groups_in_16_bits(bits: usize) -> usize {
    match bits {
        4 => 8, // 30480
        5 => 4, // 31496
        6 => 2, // 32004
        _ => 1, // 32512
    }
}

/// See [`Kernel`](super::Kernel). Called only where the instructions were found.
pub(super) fn panel<const BITS: usize, const AFFINE: bool>(
    panel: &Panel<'_>,
    x: &[ActivationBlock],
    out: &mut [Lanes],
) {
    // SAFETY: `kernel` hands this function out for `Tier::Avx2` only, which exists only where AVX2 and F16C
    // were detected.
    unsafe { rows::<BITS, AFFINE>(panel, x, out) }
}

#[target_feature(enable = "avx2,f16c")]
fn rows<const BITS: usize, const AFFINE: bool>(panel: &Panel<'_>, x: &[ActivationBlock], out: &mut [Lanes]) {
    let (fours, ones) = out.as_chunks_mut::<4>();
    let mut row = 0;
    for out in fours {
        tile::<BITS, AFFINE, 4>(panel, &x[row * panel.blocks..], out);
        row += 4;
    }
    for out in ones {
        tile::<BITS, AFFINE, 1>(panel, &x[row * panel.blocks..], std::array::from_mut(out));
        row += 1;
    }
}

#[target_feature(enable = "avx2,f16c")]
fn tile<const BITS: usize, const AFFINE: bool, const ROWS: usize>(
    panel: &Panel<'_>,
    x: &[ActivationBlock],
    out: &mut [Lanes; ROWS],
) {
    out.fill([0.0; LANES]);
    let mut decoded = Decoded::new();
    for first in (0..panel.blocks).step_by(CHUNK) {
        let count = CHUNK.min(panel.blocks - first);
        decoded.read::<BITS, AFFINE>(panel, first, count, |record| widen(record));
        for half in 0..2 {
            chunk::<BITS, AFFINE, ROWS>(panel, x, &decoded, (first, count, half), out);
        }
    }
}

/// `count` blocks from `first` on for the eight lanes of `half`.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn chunk<const BITS: usize, const AFFINE: bool, const ROWS: usize>(
    panel: &Panel<'_>,
    x: &[ActivationBlock],
    decoded: &Decoded,
    (first, count, half): (usize, usize, usize),
    out: &mut [Lanes; ROWS],
) {
    let mut sums = [_mm256_setzero_ps(); ROWS];
    for (sum, out) in sums.iter_mut().zip(out.iter()) {
        *sum = load(out, half);
    }
    for j in 0..count {
        let (b, per_block) = (first + j, lines_per_block(BITS));
        let x = block_of_rows::<ROWS>(x, panel.blocks, b);
        let lines = &panel.lines[b * per_block..][..per_block];
        for sub in 0..subs(BITS) {
            let dots = dots::<BITS, AFFINE, ROWS>(lines, &x, sub, half);
            let scale = load(&decoded.scale[j * subs(BITS) + sub], half);
            for (r, sum) in sums.iter_mut().enumerate() {
                let factor = _mm256_mul_ps(scale, _mm256_set1_ps(x[r].scale));
                *sum = _mm256_add_ps(*sum, _mm256_mul_ps(_mm256_cvtepi32_ps(dots[r]), factor));
            }
        }
        if AFFINE {
            let offset = load(&decoded.offset[j], half);
            for (r, sum) in sums.iter_mut().enumerate() {
                let x_sum = _mm256_set1_ps(x[r].scale * x[r].sum() as f32);
                *sum = _mm256_add_ps(*sum, _mm256_mul_ps(offset, x_sum));
            }
        }
    }
    for (out, sum) in out.iter_mut().zip(sums) {
        store(out, half, sum);
    }
}

/// Integer sums over the groups that share a scale.
#[inline]
#[target_feature(enable = "avx2")]
fn dots<const BITS: usize, const AFFINE: bool, const ROWS: usize>(
    lines: &[Line],
    x: &[&ActivationBlock; ROWS],
    sub: usize,
    half: usize,
) -> [__m256i; ROWS] {
    let mut dots = [_mm256_setzero_si256(); ROWS];
    // Codes of 8 bits are taken as signed: they have no zero to take off.
    if BITS != 8 && !AFFINE {
        for (dot, x) in dots.iter_mut().zip(x) {
            let correction = zero(BITS, AFFINE).wrapping_mul(x.sum_of::<BITS>(sub));
            *dot = _mm256_set1_epi32(correction.wrapping_neg());
        }
    }
    let together = groups_in_16_bits(BITS);
    for start in (sub * GROUPS / subs(BITS)..(sub + 1) * GROUPS / subs(BITS)).step_by(together) {
        let mut narrow = [_mm256_setzero_si256(); ROWS];
        for g in start..start + together {
            let codes = group::<BITS>(lines, g, half);
            for (narrow, x) in narrow.iter_mut().zip(x) {
                let products = products::<BITS>(codes, _mm256_set1_epi32(x.quad(g)));
                *narrow = _mm256_add_epi16(*narrow, products);
            }
        }
        for (dot, narrow) in dots.iter_mut().zip(narrow) {
            *dot = _mm256_add_epi32(*dot, _mm256_madd_epi16(narrow, _mm256_set1_epi16(1)));
        }
    }
    dots
}

/// Sums of two products each, in 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn products<const BITS: usize>(codes: __m256i, quad: __m256i) -> __m256i {
    if BITS < 8 {
        return _mm256_maddubs_epi16(codes, quad);
    }
    let signed = _mm256_xor_si256(codes, _mm256_set1_epi8(i8::MIN));
    _mm256_maddubs_epi16(_mm256_abs_epi8(signed), _mm256_sign_epi8(quad, signed))
}
