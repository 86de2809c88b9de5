//! AVX-512: up to 12 rows of activations × 32 weight rows in 24 registers of sums.

#![allow(unsafe_code, reason = "vector loads, and calls for instructions that were found at run time")]

use std::arch::x86_64::*;

use super::super::codes_avx512::{group, load as load_lanes, widen};
use super::super::format::BLOCK;
use super::super::halves::{self, HalfColumn};
use super::super::panel::{GROUPS, LANES, Panel, lines_per_block};
use super::super::scales::Decoded;
use super::{Rows, Wide};

/// Rows up to which a tile is read ahead as it is used, and by how many f32 (4 KiB).
const FEW: usize = 2;
const AHEAD: usize = 1024;

/// Most rows of activations at a time.
const ROWS: usize = 12;

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

/// Columns of F16 or BF16 as f32.
pub(super) fn widen_halves(is_brain: bool, from: &[HalfColumn], tile: &mut [Wide]) {
    // SAFETY: called for a tier that exists only where AVX-512 F and BW were detected.
    unsafe { widen_vectors(is_brain, from, tile) }
}

/// The plain source; the compiler makes vector code of it.
#[target_feature(enable = "avx512f,avx512bw")]
fn widen_vectors(is_brain: bool, from: &[HalfColumn], tile: &mut [Wide]) {
    if is_brain {
        halves::widen::<true>(from, tile);
    } else {
        halves::widen::<false>(from, tile);
    }
}

/// See [`multiply`](super::multiply), which has checked the lengths and the tier.
pub(super) fn multiply(x: Rows<'_>, tile: &[Wide], sums: &mut [Wide], next: &[Wide]) {
    // SAFETY: called for `Tier::Avx512Vnni` only, which exists only where AVX-512 F was detected.
    unsafe { by_rows(x, tile, sums, next) }
}

/// Rows in pieces as even as can be, so that none has too few sums to keep both multipliers busy.
#[target_feature(enable = "avx512f")]
fn by_rows(x: Rows<'_>, tile: &[Wide], sums: &mut [Wide], next: &[Wide]) {
    let (mut row, mut rest) = (0, sums);
    let mut next = next.chunks(next.len().div_ceil(rest.len().div_ceil(ROWS).max(1)).max(1));
    for pieces in (1..=rest.len().div_ceil(ROWS)).rev() {
        prefetch(next.next().unwrap_or_default());
        let (piece, after) = rest.split_at_mut(rest.len().div_ceil(pieces));
        match (piece.len(), x.turned) {
            (1..=4, false) => up_to_four::<false>(x, row, tile, piece),
            (1..=4, true) => up_to_four::<true>(x, row, tile, piece),
            (_, false) => from_five::<false>(x, row, tile, piece),
            (_, true) => from_five::<true>(x, row, tile, piece),
        }
        row += piece.len();
        rest = after;
    }
}

#[target_feature(enable = "avx512f")]
fn up_to_four<const TURNED: bool>(x: Rows<'_>, row: usize, tile: &[Wide], sums: &mut [Wide]) {
    match sums.len() {
        1 => rows::<1, TURNED>(x, row, tile, sums),
        2 => rows::<2, TURNED>(x, row, tile, sums),
        3 => rows::<3, TURNED>(x, row, tile, sums),
        _ => rows::<4, TURNED>(x, row, tile, sums),
    }
}

#[target_feature(enable = "avx512f")]
fn from_five<const TURNED: bool>(x: Rows<'_>, row: usize, tile: &[Wide], sums: &mut [Wide]) {
    match sums.len() {
        5 => rows::<5, TURNED>(x, row, tile, sums),
        6 => rows::<6, TURNED>(x, row, tile, sums),
        7 => rows::<7, TURNED>(x, row, tile, sums),
        8 => rows::<8, TURNED>(x, row, tile, sums),
        9 => rows::<9, TURNED>(x, row, tile, sums),
        10 => rows::<10, TURNED>(x, row, tile, sums),
        11 => rows::<11, TURNED>(x, row, tile, sums),
        _ => rows::<12, TURNED>(x, row, tile, sums),
    }
}

#[target_feature(enable = "avx512f")]
fn rows<const COUNT: usize, const TURNED: bool>(x: Rows<'_>, row: usize, tile: &[Wide], sums: &mut [Wide]) {
    let sums = sums.first_chunk_mut::<COUNT>().expect("as many sums as rows");
    let (to_row, to_column) = if TURNED { (1, x.stride) } else { (x.stride, 1) };
    let numbers = &x.numbers[row * to_row..];
    let last = (COUNT - 1) * to_row + tile.len().saturating_sub(1) * to_column;
    assert!(tile.is_empty() || numbers.len() > last, "activations of these rows");
    let mut own = [[_mm512_setzero_ps(); 2]; COUNT];
    for (own, sums) in own.iter_mut().zip(sums.iter()) {
        *own = load(sums);
    }
    let mut column = numbers.as_ptr();
    for w in tile {
        ahead::<COUNT>(w);
        let [low, high] = load(w);
        for (r, own) in own.iter_mut().enumerate() {
            // SAFETY: row r < COUNT of a column of the tile: within what was asserted above.
            let x = _mm512_set1_ps(unsafe { column.wrapping_add(r * to_row).read() });
            own[0] = _mm512_fmadd_ps(x, low, own[0]);
            own[1] = _mm512_fmadd_ps(x, high, own[1]);
        }
        column = column.wrapping_add(to_column);
    }
    for (sums, own) in sums.iter_mut().zip(own) {
        for (sums, own) in sums.as_chunks_mut::<16>().0.iter_mut().zip(own) {
            // SAFETY: the array has room for sixteen f32.
            unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), own) };
        }
    }
}

/// With few rows, reading the tile is the work, and the processor's own guesses end at each page.
#[inline]
#[target_feature(enable = "sse")]
fn ahead<const COUNT: usize>(column: &Wide) {
    if COUNT <= FEW {
        for line in [0, 16] {
            _mm_prefetch::<_MM_HINT_T0>(column.as_ptr().wrapping_add(AHEAD + line).cast());
        }
    }
}

/// Asks for numbers that are needed soon to be in the second cache by then.
#[inline]
#[target_feature(enable = "sse")]
fn prefetch(soon: &[Wide]) {
    for line in soon.as_flattened().chunks(16) {
        _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast());
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
