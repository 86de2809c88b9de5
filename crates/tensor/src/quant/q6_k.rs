//! Q6_K: 256 elements in 210 bytes: 128 bytes of low nibbles, 64 bytes of high two bits, sixteen signed
//! scales, `d` f16. Sub-blocks of 16. `x = d × scale × (code − 32)`.
//!
//! Each half of 128 elements takes 64 low and 32 high bytes. Of a half, elements 32·s + l have their low bits
//! in byte 32·(s mod 2) + l (low nibble for s < 2, else high) and their high bits at 2·s of high byte l.

use super::BlockCodec;
use super::bits::{f16_at, put_f16};
use super::fit::{Integers, Levels, inverse};
use super::superblock::{SUPER, fit_symmetric};

/// The Q6_K codec.
pub(crate) struct Q6_K;

const SUB: usize = 16;
const LEVELS: Integers = Integers { low: -32.0, high: 31.0 };
const HIGH: usize = 128;
const SCALES: usize = 192;
const D: usize = 208;

/// Where the codes of sub-block `i` lie: first low byte and shift, first high byte and shift.
fn place(i: usize) -> (usize, usize, usize, usize) {
    let (half, s, at) = (i / 8, i / 2 % 4, SUB * (i % 2));
    (64 * half + 32 * (s % 2) + at, s / 2 * 4, HIGH + 32 * half + at, 2 * s)
}

impl BlockCodec for Q6_K {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (block, out) in blocks.as_chunks::<210>().0.iter().zip(out.as_chunks_mut::<SUPER>().0) {
            let d = f16_at(block, D);
            for (i, out) in out.as_chunks_mut::<SUB>().0.iter_mut().enumerate() {
                let scale = d * f32::from(block[SCALES + i] as i8);
                let (low_at, low_shift, high_at, high_shift) = place(i);
                let (low, high) = (&block[low_at..][..SUB], &block[high_at..][..SUB]);
                for (l, value) in out.iter_mut().enumerate() {
                    let code = low[l] >> low_shift & 15 | (high[l] >> high_shift & 3) << 4;
                    *value = scale * f32::from(code as i8 - 32);
                }
            }
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (block, x) in blocks.as_chunks_mut::<210>().0.iter_mut().zip(x.as_chunks::<SUPER>().0) {
            let fit = fit_symmetric(LEVELS, x, SUB, -128, 127);
            block.fill(0);
            put_f16(block, D, fit.factor);
            for (i, x) in x.as_chunks::<SUB>().0.iter().enumerate() {
                block[SCALES + i] = fit.scales[i] as u8;
                let step = fit.factor * f32::from(fit.scales[i]);
                let inverse = inverse(step);
                let (low_at, low_shift, high_at, high_shift) = place(i);
                for (l, v) in x.iter().enumerate() {
                    let code = (LEVELS.nearest(v * inverse) + 32.0) as u8;
                    block[low_at + l] |= (code & 15) << low_shift;
                    block[high_at + l] |= code >> 4 << high_shift;
                }
            }
        }
    }
}
