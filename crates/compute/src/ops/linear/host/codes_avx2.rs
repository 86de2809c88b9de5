//! A panel's codes and scales in AVX2 registers: one 32-bit lane per row, eight rows (a half) at a time.

#![allow(unsafe_code, reason = "vector loads and stores")]

use std::arch::x86_64::*;

use super::panel::{LANES, Line, Record};
use super::scales::Lanes;

/// The codes of group `g` for the lanes of `half`.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn group<const BITS: usize>(lines: &[Line], g: usize, half: usize) -> __m256i {
    if BITS == 8 {
        return line(&lines[g], half);
    }
    let both = line(&lines[g % 4], half);
    let low = if g < 4 { both } else { _mm256_srli_epi16::<4>(both) };
    let low = _mm256_and_si256(low, _mm256_set1_epi8(15));
    // The wanted bits, moved to bit 4 upwards of each byte; what else is there is masked off.
    let (upper, mask) = match (BITS, g) {
        (5, 0) => (_mm256_slli_epi16::<4>(line(&lines[4], half)), 0x10),
        (5, 1) => (_mm256_slli_epi16::<3>(line(&lines[4], half)), 0x10),
        (5, 2) => (_mm256_slli_epi16::<2>(line(&lines[4], half)), 0x10),
        (5, 3) => (_mm256_slli_epi16::<1>(line(&lines[4], half)), 0x10),
        (5, 4) => (line(&lines[4], half), 0x10),
        (5, 5) => (_mm256_srli_epi16::<1>(line(&lines[4], half)), 0x10),
        (5, 6) => (_mm256_srli_epi16::<2>(line(&lines[4], half)), 0x10),
        (5, _) => (_mm256_srli_epi16::<3>(line(&lines[4], half)), 0x10),
        (6, 0 | 4) => (_mm256_slli_epi16::<4>(line(&lines[4 + g / 4], half)), 0x30),
        (6, 1 | 5) => (_mm256_slli_epi16::<2>(line(&lines[4 + g / 4], half)), 0x30),
        (6, 2 | 6) => (line(&lines[4 + g / 4], half), 0x30),
        (6, _) => (_mm256_srli_epi16::<2>(line(&lines[4 + g / 4], half)), 0x30),
        _ => return low,
    };
    _mm256_or_si256(low, _mm256_and_si256(upper, _mm256_set1_epi8(mask)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn line(line: &Line, half: usize) -> __m256i {
    // SAFETY: the slice is eight words of four bytes: 32 bytes.
    unsafe { _mm256_loadu_si256(line.0[8 * half..][..8].as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(lanes: &Lanes, half: usize) -> __m256 {
    // SAFETY: the slice is eight f32.
    unsafe { _mm256_loadu_ps(lanes[8 * half..][..8].as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(lanes: &mut Lanes, half: usize, values: __m256) {
    // SAFETY: the slice has room for eight f32.
    unsafe { _mm256_storeu_ps(lanes[8 * half..][..8].as_mut_ptr(), values) };
}

/// Sixteen f16 as f32.
#[inline]
#[target_feature(enable = "avx2,f16c")]
pub(super) fn widen(record: &Record) -> Lanes {
    let mut lanes = [0.0; LANES];
    for half in 0..2 {
        // SAFETY: the slice is eight f16: 16 bytes.
        let halves = unsafe { _mm_loadu_si128(record.0[16 * half..][..16].as_ptr().cast()) };
        store(&mut lanes, half, _mm256_cvtph_ps(halves));
    }
    lanes
}
