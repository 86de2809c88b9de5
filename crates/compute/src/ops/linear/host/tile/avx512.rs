//! AVX-512: 8 rows of activations × 32 weight rows in sixteen registers of sums.

#![allow(unsafe_code, reason = "vector loads, and calls for instructions that were found at run time")]

use std::arch::x86_64::*;

use super::super::codes_avx512::{group, load as load_lanes, widen};
use super::super::format::BLOCK;
use super::super::panel::{GROUPS, LANES, Panel, lines_per_block};
use super::super::scales::Decoded;
use super::{Rows, Wide};

/// See [`fill`](super::fill::fill), which calls this for `Tier::Avx512Vnni` only.
pub(super) fn dequantize<const BITS: usize, const AFFINE: bool>(
    panel: &Panel<'_>,
    first: usize,
    lane: usize,
    tile: &mut [Wide],
) {
    // SAFETY: the tier exists only where AVX-512 F and BW were detected.
    unsafe { blocks::<BITS, AFFINE>(panel, first, lane, tile) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn blocks<const BITS: usize, const AFFINE: bool>(
    panel: &Panel<'_>,
    first: usize,
    lane: usize,
    tile: &mut [Wide],
) {
    let mut decoded = Decoded::new();
    decoded.read::<BITS, AFFINE>(panel, first, tile.len() / BLOCK, |record| widen(record));
    let zero = _mm512_set1_epi32(if AFFINE { 0 } else { 1 << (BITS - 1) });
    let byte = _mm512_set1_epi32(255);
    for (j, columns) in tile.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
        let lines = &panel.lines[(first + j) * lines_per_block(BITS)..][..lines_per_block(BITS)];
        let offset = load_lanes(&decoded.offset[j]);
        for g in 0..GROUPS {
            let scale = load_lanes(&decoded.scale[if BITS == 6 { 2 * j + g / 4 } else { j }]);
            let words = group::<BITS>(lines, g);
            let codes = [
                _mm512_and_si512(words, byte),
                _mm512_and_si512(_mm512_srli_epi32::<8>(words), byte),
                _mm512_and_si512(_mm512_srli_epi32::<16>(words), byte),
                _mm512_srli_epi32::<24>(words),
            ];
            for (i, codes) in codes.into_iter().enumerate() {
                let mut values = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(codes, zero)), scale);
                if AFFINE {
                    values = _mm512_add_ps(values, offset);
                }
                // SAFETY: the slice has room for sixteen f32.
                unsafe { _mm512_storeu_ps(columns[4 * g + i][lane..][..LANES].as_mut_ptr(), values) };
            }
        }
    }
}

/// See [`multiply`](super::multiply), which has checked the lengths and the tier.
pub(super) fn multiply(x: Rows<'_>, tile: &[Wide], sums: &mut [Wide]) {
    // SAFETY: called for `Tier::Avx512Vnni` only, which exists only where AVX-512 F was detected.
    unsafe { by_rows(x, tile, sums) }
}

#[target_feature(enable = "avx512f")]
fn by_rows(x: Rows<'_>, tile: &[Wide], sums: &mut [Wide]) {
    let (eights, rest) = sums.as_chunks_mut::<8>();
    let (fours, ones) = rest.as_chunks_mut::<4>();
    let mut row = 0;
    for sums in eights {
        rows::<8>(x, row, tile, sums);
        row += 8;
    }
    for sums in fours {
        rows::<4>(x, row, tile, sums);
        row += 4;
    }
    for sums in ones {
        rows::<1>(x, row, tile, std::array::from_mut(sums));
        row += 1;
    }
}

#[target_feature(enable = "avx512f")]
fn rows<const ROWS: usize>(x: Rows<'_>, row: usize, tile: &[Wide], sums: &mut [Wide; ROWS]) {
    let (numbers, stride) = (&x.numbers[row * x.stride..], x.stride);
    assert!(numbers.len() >= (ROWS - 1) * stride + tile.len(), "activations of these rows");
    let mut own = [[_mm512_setzero_ps(); 2]; ROWS];
    for (own, sums) in own.iter_mut().zip(sums.iter()) {
        *own = load(sums);
    }
    for (k, w) in tile.iter().enumerate() {
        let [low, high] = load(w);
        for (r, own) in own.iter_mut().enumerate() {
            // SAFETY: r < ROWS and k < tile.len(): within what was asserted above.
            let x = _mm512_set1_ps(*unsafe { numbers.get_unchecked(r * stride + k) });
            own[0] = _mm512_fmadd_ps(x, low, own[0]);
            own[1] = _mm512_fmadd_ps(x, high, own[1]);
        }
    }
    for (sums, own) in sums.iter_mut().zip(own) {
        for (sums, own) in sums.as_chunks_mut::<16>().0.iter_mut().zip(own) {
            // SAFETY: the array has room for sixteen f32.
            unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), own) };
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(wide: &Wide) -> [__m512; 2] {
    let (halves, _) = wide.as_chunks::<16>();
    // SAFETY: the first half of 32 is sixteen f32.
    let low = unsafe { _mm512_loadu_ps(halves[0].as_ptr()) };
    // SAFETY: so is the second.
    let high = unsafe { _mm512_loadu_ps(halves[1].as_ptr()) };
    [low, high]
}
