//! Activations as `fast` sees them: int8 codes in blocks of 32.
//!
//! `x ≈ scale × code`, scale = amax / 127, code = x × (127 / amax) to the nearest whole number, ties to even.
//! A block with a number that is not finite gets the scale NaN, which reaches every output of its row. A
//! block whose numbers are all below [`SMALLEST`] becomes zeros: the reciprocal would overflow.

#![allow(unsafe_code, reason = "calls the instantiation for instructions that were found at run time")]

use super::format::BLOCK;
use super::tier::Tier;

/// Codes of four columns: what one integer dot product instruction takes per lane.
pub(super) type Quad = [i8; 4];

/// 32 activations in 40 bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub(super) struct ActivationBlock {
    pub(super) codes: [Quad; BLOCK / 4],
    pub(super) scale: f32,
    /// Sums of the first and last sixteen codes; at most 16 × 127.
    pub(super) sums: [i16; 2],
}

impl ActivationBlock {
    const ZERO: Self = Self { codes: [[0; 4]; BLOCK / 4], scale: 0.0, sums: [0; 2] };

    /// Four codes as the word that every lane is multiplied with.
    #[inline(always)]
    pub(super) fn quad(&self, g: usize) -> i32 {
        i32::from_le_bytes(self.codes[g].map(|code| code as u8))
    }

    /// Sum of the codes that share a scale of the weight: all, or the sixteen of half `sub`.
    #[inline(always)]
    pub(super) fn sum_of<const BITS: usize>(&self, sub: usize) -> i32 {
        if BITS == 6 { i32::from(self.sums[sub]) } else { self.sum() }
    }

    /// Sum of all codes.
    #[inline(always)]
    pub(super) fn sum(&self) -> i32 {
        i32::from(self.sums[0]) + i32::from(self.sums[1])
    }
}

/// Block `b` of the first `ROWS` rows of `x`, which has `blocks` in a row.
#[inline(always)]
pub(super) fn block_of_rows<const ROWS: usize>(
    x: &[ActivationBlock],
    blocks: usize,
    b: usize,
) -> [&ActivationBlock; ROWS] {
    std::array::from_fn(|r| &x[r * blocks + b])
}

/// Least amax that is not taken for zero: 2^-100, whose reciprocal times 127 is far from overflow.
const SMALLEST: f32 = 7.888_609e-31;

/// Adding it leaves a number of magnitude up to 2^22 rounded to a whole one, ties to even, in the low bits.
const ROUND: f32 = 12_582_912.0;

/// Whole blocks of `x`, block by block.
pub(super) fn quantize(tier: Tier, x: &[f32], blocks: &mut [ActivationBlock]) {
    match tier {
        Tier::Portable => quantize_plain(x, blocks),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: these tiers exist only where AVX2 was detected.
        Tier::Avx2 | Tier::Avx512Vnni => unsafe { quantize_avx2(x, blocks) },
    }
}

/// Makes it `count` blocks, to be filled.
pub(super) fn make_room(blocks: &mut Vec<ActivationBlock>, count: usize) {
    blocks.resize(count, ActivationBlock::ZERO);
}

/// The same source; the compiler makes vector code of it.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn quantize_avx2(x: &[f32], blocks: &mut [ActivationBlock]) {
    quantize_plain(x, blocks);
}

#[inline(always)]
fn quantize_plain(x: &[f32], blocks: &mut [ActivationBlock]) {
    for (block, x) in blocks.iter_mut().zip(x.as_chunks::<BLOCK>().0) {
        *block = quantize_block(x);
    }
}

#[inline(always)]
fn quantize_block(x: &[f32; BLOCK]) -> ActivationBlock {
    // As bits, so that NaN is larger than all numbers instead of unordered.
    let top = x.iter().fold(0, |top: i32, v| top.max((v.to_bits() & 0x7fff_ffff) as i32));
    let amax = f32::from_bits(top as u32);
    if !amax.is_finite() {
        return ActivationBlock { scale: f32::NAN, ..ActivationBlock::ZERO };
    }
    if amax < SMALLEST {
        return ActivationBlock::ZERO;
    }
    let inverse = 127.0 / amax;
    let mut codes = [0i8; BLOCK];
    for (code, v) in codes.iter_mut().zip(x) {
        *code = ((v * inverse + ROUND).to_bits() as u8) as i8;
    }
    let sum = |part: &[i8]| part.iter().fold(0i16, |sum, &code| sum.wrapping_add(i16::from(code)));
    let sums = [sum(&codes[..16]), sum(&codes[16..])];
    let quads = std::array::from_fn(|g| std::array::from_fn(|i| codes[4 * g + i]));
    ActivationBlock { codes: quads, scale: amax / 127.0, sums }
}
