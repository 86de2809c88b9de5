//! A panel's codes and scales in AVX-512 registers: one 32-bit lane per row.

#![allow(unsafe_code, reason = "vector loads and stores")]

use std::arch::x86_64::*;

use super::panel::{LANES, Line, Record};
use super::scales::Lanes;

/// The codes of group `g`, one word per lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn group<const BITS: usize>(lines: &[Line], g: usize) -> __m512i {
    if BITS == 8 {
        return line(&lines[g]);
    }
    let both = line(&lines[g % 4]);
    let low = if g < 4 { both } else { _mm512_srli_epi16::<4>(both) };
    let low = _mm512_and_si512(low, _mm512_set1_epi8(15));
    // The wanted bits, moved to bit 4 upwards of each byte; what else is there is masked off.
    let (upper, mask) = match (BITS, g) {
        (5, 0) => (_mm512_slli_epi16::<4>(line(&lines[4])), 0x10),
        (5, 1) => (_mm512_slli_epi16::<3>(line(&lines[4])), 0x10),
        (5, 2) => (_mm512_slli_epi16::<2>(line(&lines[4])), 0x10),
        (5, 3) => (_mm512_slli_epi16::<1>(line(&lines[4])), 0x10),
        (5, 4) => (line(&lines[4]), 0x10),
        (5, 5) => (_mm512_srli_epi16::<1>(line(&lines[4])), 0x10),
        (5, 6) => (_mm512_srli_epi16::<2>(line(&lines[4])), 0x10),
        (5, _) => (_mm512_srli_epi16::<3>(line(&lines[4])), 0x10),
        (6, 0 | 4) => (_mm512_slli_epi16::<4>(line(&lines[4 + g / 4])), 0x30),
        (6, 1 | 5) => (_mm512_slli_epi16::<2>(line(&lines[4 + g / 4])), 0x30),
        (6, 2 | 6) => (line(&lines[4 + g / 4]), 0x30),
        (6, _) => (_mm512_srli_epi16::<2>(line(&lines[4 + g / 4])), 0x30),
        _ => return low,
    };
    _mm512_or_si512(low, _mm512_and_si512(upper, _mm512_set1_epi8(mask)))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn line(line: &Line) -> __m512i {
    // SAFETY: a line is 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(std::ptr::from_ref(line).cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load(lanes: &Lanes) -> __m512 {
    // SAFETY: the array has sixteen f32.
    unsafe { _mm512_loadu_ps(lanes.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store(lanes: &mut Lanes, values: __m512) {
    // SAFETY: the array has room for sixteen f32.
    unsafe { _mm512_storeu_ps(lanes.as_mut_ptr(), values) };
}

/// Sixteen f16 as f32.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn widen(record: &Record) -> Lanes {
    // SAFETY: a record is 32 bytes, aligned to 32.
    let halves = unsafe { _mm256_load_si256(std::ptr::from_ref(record).cast()) };
    let mut lanes = [0.0; LANES];
    store(&mut lanes, _mm512_cvtph_ps(halves));
    lanes
}
