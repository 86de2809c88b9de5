//! AVX2 and FMA: 4 rows of activations × 16 weight rows in eight registers of sums, the 32 in two goes.

#![allow(unsafe_code, reason = "vector loads, and calls for instructions that were found at run time")]

use std::arch::x86_64::*;

use super::super::codes_avx2::{group, load as load_lanes, widen};
use super::super::format::BLOCK;
use super::super::panel::{GROUPS, Panel, lines_per_block};
use super::super::scales::Decoded;
use super::{Rows, Wide};

/// See [`fill`](super::fill::fill), which calls this for `Tier::Avx2` only.
pub(super) fn dequantize<const BITS: usize, const AFFINE: bool>(
    panel: &Panel<'_>,
    first: usize,
    lane: usize,
    tile: &mut [Wide],
) {
    // SAFETY: the tier exists only where AVX2 and F16C were detected.
    unsafe { blocks::<BITS, AFFINE>(panel, first, lane, tile) }
}

#[target_feature(enable = "avx2,f16c")]
fn blocks<const BITS: usize, const AFFINE: bool>(
    panel: &Panel<'_>,
    first: usize,
    lane: usize,
    tile: &mut [Wide],
) {
    let mut decoded = Decoded::new();
    decoded.read::<BITS, AFFINE>(panel, first, tile.len() / BLOCK, |record| widen(record));
    let zero = _mm256_set1_epi32(if AFFINE { 0 } else { 1 << (BITS - 1) });
    let byte = _mm256_set1_epi32(255);
    for (j, columns) in tile.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
        let lines = &panel.lines[(first + j) * lines_per_block(BITS)..][..lines_per_block(BITS)];
        for (g, half) in (0..GROUPS).flat_map(|g| [(g, 0), (g, 1)]) {
            let scale = load_lanes(&decoded.scale[if BITS == 6 { 2 * j + g / 4 } else { j }], half);
            let words = group::<BITS>(lines, g, half);
            let codes = [
                _mm256_and_si256(words, byte),
                _mm256_and_si256(_mm256_srli_epi32::<8>(words), byte),
                _mm256_and_si256(_mm256_srli_epi32::<16>(words), byte),
                _mm256_srli_epi32::<24>(words),
            ];
            for (i, codes) in codes.into_iter().enumerate() {
                let mut values = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(codes, zero)), scale);
                if AFFINE {
                    values = _mm256_add_ps(values, load_lanes(&decoded.offset[j], half));
                }
                let lanes = &mut columns[4 * g + i][lane + 8 * half..][..8];
                // SAFETY: the slice has room for eight f32.
                unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), values) };
            }
        }
    }
}

/// See [`multiply`](super::multiply), which has checked the lengths and the tier.
pub(super) fn multiply(x: Rows<'_>, tile: &[Wide], sums: &mut [Wide]) {
    // SAFETY: called for `Tier::Avx2` only, which exists only where AVX2 and FMA were detected.
    unsafe { by_rows(x, tile, sums) }
}

#[target_feature(enable = "avx2,fma")]
fn by_rows(x: Rows<'_>, tile: &[Wide], sums: &mut [Wide]) {
    let (fours, ones) = sums.as_chunks_mut::<4>();
    let mut row = 0;
    for sums in fours {
        rows::<4>(x, row, tile, sums);
        row += 4;
    }
    for sums in ones {
        rows::<1>(x, row, tile, std::array::from_mut(sums));
        row += 1;
    }
}

#[target_feature(enable = "avx2,fma")]
fn rows<const ROWS: usize>(x: Rows<'_>, row: usize, tile: &[Wide], sums: &mut [Wide; ROWS]) {
    let (numbers, stride) = (&x.numbers[row * x.stride..], x.stride);
    assert!(numbers.len() >= (ROWS - 1) * stride + tile.len(), "activations of these rows");
    for half in 0..2 {
        let mut own = [[_mm256_setzero_ps(); 2]; ROWS];
        for (own, sums) in own.iter_mut().zip(sums.iter()) {
            *own = load(sums, half);
        }
        for (k, w) in tile.iter().enumerate() {
            let [low, high] = load(w, half);
            for (r, own) in own.iter_mut().enumerate() {
                // SAFETY: r < ROWS and k < tile.len(): within what was asserted above.
                let x = _mm256_set1_ps(*unsafe { numbers.get_unchecked(r * stride + k) });
                own[0] = _mm256_fmadd_ps(x, low, own[0]);
                own[1] = _mm256_fmadd_ps(x, high, own[1]);
            }
        }
        for (sums, own) in sums.iter_mut().zip(own) {
            let sums = &mut sums[16 * half..][..16];
            for (sums, own) in sums.as_chunks_mut::<8>().0.iter_mut().zip(own) {
                // SAFETY: the array has room for eight f32.
                unsafe { _mm256_storeu_ps(sums.as_mut_ptr(), own) };
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(wide: &Wide, half: usize) -> [__m256; 2] {
    let (quarters, _) = wide.as_chunks::<8>();
    // SAFETY: a quarter of 32 is eight f32.
    let low = unsafe { _mm256_loadu_ps(quarters[2 * half].as_ptr()) };
    // SAFETY: so is the next.
    let high = unsafe { _mm256_loadu_ps(quarters[2 * half + 1].as_ptr()) };
    [low, high]
}
