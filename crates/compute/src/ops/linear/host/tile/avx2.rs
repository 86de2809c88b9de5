//! AVX2 and FMA: up to 6 rows of activations × 16 weight rows in twelve registers of sums, the 32 in two
//! goes.

#![allow(unsafe_code, reason = "vector loads, and calls for instructions that were found at run time")]

use std::arch::x86_64::*;

use super::super::codes_avx2::{group, load as load_lanes, widen};
use super::super::format::BLOCK;
use super::super::halves::{self, HalfColumn};
use super::super::panel::{GROUPS, Panel, lines_per_block};
use super::super::scales::Decoded;
use super::fill::EIGHT;
use super::{DEPTH, Rows, Wide};

/// Rows up to which a tile is read ahead as it is used, and by how many f32 (4 KiB).
const FEW: usize = 2;
const AHEAD: usize = 1024;

/// Most rows of activations at a time.
const ROWS: usize = 6;

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

/// See [`fill::turn`](super::fill::turn): squares of 8 × 8 in registers.
pub(super) fn turn(lanes: &[[f32; DEPTH]; EIGHT], first: usize, tile: &mut [Wide]) {
    // SAFETY: called for tiers that exist only where AVX2 was detected.
    unsafe { squares(lanes, first, tile) }
}

#[target_feature(enable = "avx2")]
fn squares(lanes: &[[f32; DEPTH]; EIGHT], first: usize, tile: &mut [Wide]) {
    let (whole, rest) = tile.as_chunks_mut::<EIGHT>();
    let whole_columns = whole.len() * EIGHT;
    for (s, columns) in whole.iter_mut().enumerate() {
        let rows = lanes.each_ref().map(|lane| eight(&lane[s * EIGHT..]));
        let pairs: [__m256; 8] = std::array::from_fn(|i| {
            let (a, b) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
            if i % 2 == 0 { _mm256_unpacklo_ps(a, b) } else { _mm256_unpackhi_ps(a, b) }
        });
        // Fours of rows: columns 0 and 4, 1 and 5, 2 and 6, 3 and 7 of the first and of the last four.
        let fours: [__m256; 8] = std::array::from_fn(|i| {
            let (a, b) = (pairs[i / 4 * 4 + i % 4 / 2], pairs[i / 4 * 4 + i % 4 / 2 + 2]);
            if i % 2 == 0 { _mm256_shuffle_ps::<0x44>(a, b) } else { _mm256_shuffle_ps::<0xee>(a, b) }
        });
        for (k, column) in columns.iter_mut().enumerate() {
            let (a, b) = (fours[k % 4], fours[k % 4 + 4]);
            let lanes = if k < 4 {
                _mm256_permute2f128_ps::<0x20>(a, b)
            } else {
                _mm256_permute2f128_ps::<0x31>(a, b)
            };
            // SAFETY: the slice has room for eight f32.
            unsafe { _mm256_storeu_ps(column[first..][..EIGHT].as_mut_ptr(), lanes) };
        }
    }
    for (k, column) in rest.iter_mut().enumerate() {
        for (value, lane) in column[first..].iter_mut().zip(lanes) {
            *value = lane[whole_columns + k];
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn eight(numbers: &[f32]) -> __m256 {
    // SAFETY: the slice has eight f32.
    unsafe { _mm256_loadu_ps(numbers[..EIGHT].as_ptr()) }
}

/// Columns of F16 or BF16 as f32.
pub(super) fn widen_halves(is_brain: bool, from: &[HalfColumn], tile: &mut [Wide]) {
    // SAFETY: called for a tier that exists only where AVX2 was detected.
    unsafe { widen_vectors(is_brain, from, tile) }
}

/// The plain source; the compiler makes vector code of it.
#[target_feature(enable = "avx2")]
fn widen_vectors(is_brain: bool, from: &[HalfColumn], tile: &mut [Wide]) {
    if is_brain {
        halves::widen::<true>(from, tile);
    } else {
        halves::widen::<false>(from, tile);
    }
}

/// See [`multiply`](super::multiply), which has checked the lengths and the tier.
pub(super) fn multiply(x: Rows<'_>, tile: &[Wide], sums: &mut [Wide], next: &[Wide]) {
    // SAFETY: called for `Tier::Avx2` only, which exists only where AVX2 and FMA were detected.
    unsafe { by_rows(x, tile, sums, next) }
}

/// Rows in pieces as even as can be, so that none has too few sums to keep both multipliers busy.
#[target_feature(enable = "avx2,fma")]
fn by_rows(x: Rows<'_>, tile: &[Wide], sums: &mut [Wide], next: &[Wide]) {
    let (mut row, mut rest) = (0, sums);
    let mut next = next.chunks(next.len().div_ceil(rest.len().div_ceil(ROWS).max(1)).max(1));
    for pieces in (1..=rest.len().div_ceil(ROWS)).rev() {
        prefetch(next.next().unwrap_or_default());
        let (piece, after) = rest.split_at_mut(rest.len().div_ceil(pieces));
        if x.turned {
            by_count::<true>(x, row, tile, piece);
        } else {
            by_count::<false>(x, row, tile, piece);
        }
        row += piece.len();
        rest = after;
    }
}

#[target_feature(enable = "avx2,fma")]
fn by_count<const TURNED: bool>(x: Rows<'_>, row: usize, tile: &[Wide], sums: &mut [Wide]) {
    match sums.len() {
        1 => rows::<1, TURNED>(x, row, tile, sums),
        2 => rows::<2, TURNED>(x, row, tile, sums),
        3 => rows::<3, TURNED>(x, row, tile, sums),
        4 => rows::<4, TURNED>(x, row, tile, sums),
        5 => rows::<5, TURNED>(x, row, tile, sums),
        _ => rows::<6, TURNED>(x, row, tile, sums),
    }
}

#[target_feature(enable = "avx2,fma")]
fn rows<const COUNT: usize, const TURNED: bool>(x: Rows<'_>, row: usize, tile: &[Wide], sums: &mut [Wide]) {
    let sums = sums.first_chunk_mut::<COUNT>().expect("as many sums as rows");
    let (to_row, to_column) = if TURNED { (1, x.stride) } else { (x.stride, 1) };
    let numbers = &x.numbers[row * to_row..];
    let last = (COUNT - 1) * to_row + tile.len().saturating_sub(1) * to_column;
    assert!(tile.is_empty() || numbers.len() > last, "activations of these rows");
    for half in 0..2 {
        let mut own = [[_mm256_setzero_ps(); 2]; COUNT];
        for (own, sums) in own.iter_mut().zip(sums.iter()) {
            *own = load(sums, half);
        }
        let mut column = numbers.as_ptr();
        for w in tile {
            ahead::<COUNT>(w);
            let [low, high] = load(w, half);
            for (r, own) in own.iter_mut().enumerate() {
                // SAFETY: row r < COUNT of a column of the tile: within what was asserted above.
                let x = _mm256_set1_ps(unsafe { column.wrapping_add(r * to_row).read() });
                own[0] = _mm256_fmadd_ps(x, low, own[0]);
                own[1] = _mm256_fmadd_ps(x, high, own[1]);
            }
            column = column.wrapping_add(to_column);
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
#[target_feature(enable = "avx2")]
fn load(wide: &Wide, half: usize) -> [__m256; 2] {
    let (quarters, _) = wide.as_chunks::<8>();
    // SAFETY: a quarter of 32 is eight f32.
    let low = unsafe { _mm256_loadu_ps(quarters[2 * half].as_ptr()) };
    // SAFETY: so is the next.
    let high = unsafe { _mm256_loadu_ps(quarters[2 * half + 1].as_ptr()) };
    [low, high]
}
