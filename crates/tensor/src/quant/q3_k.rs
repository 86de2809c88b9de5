//! Q3_K: 256 elements in 110 bytes: 32 bytes of high bits, 64 bytes of low two bits, 12 bytes with sixteen
//! six-bit scales, `d` f16. Sub-blocks of 16. `x = d × (scale − 32) × (code − 4)`.
//!
//! The low bits lie as in Q2_K; the high bit of element 32·s + l (over all 256) is bit s of byte l.

use super::BlockCodec;
use super::bits::{f16_at, put_f16};
use super::fit::{Integers, Levels, inverse};
use super::superblock::{SUPER, fit_symmetric};

/// The Q3_K codec.
pub(crate) struct Q3_K;

const SUB: usize = 16;
const LEVELS: Integers = Integers { low: -4.0, high: 3.0 };

/// Scale of sub-block `i`, −32 to 31. `packed`: low four bits in bytes 0 to 7, high two in bytes 8 to 11.
fn scale(packed: &[u8], i: usize) -> i8 {
    let low = packed[i % 8] >> (4 * (i / 8)) & 15;
    let high = packed[8 + i % 4] >> (2 * (i / 4)) & 3;
    (low | high << 4) as i8 - 32
}

/// First low-bits byte of sub-block `i` and the shift of its bits; first high-bit byte and its bit.
fn place(i: usize) -> (usize, usize, usize, usize) {
    let half = SUB * (i % 2);
    (32 + 32 * (i / 8) + half, i / 2 % 4 * 2, half, i / 2)
}

impl BlockCodec for Q3_K {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (block, out) in blocks.as_chunks::<110>().0.iter().zip(out.as_chunks_mut::<SUPER>().0) {
            let d = f16_at(block, 108);
            for (i, out) in out.as_chunks_mut::<SUB>().0.iter_mut().enumerate() {
                let dl = d * f32::from(scale(&block[96..108], i));
                let (at, shift, high_at, bit) = place(i);
                for (j, value) in out.iter_mut().enumerate() {
                    let low = block[at + j] >> shift & 3;
                    let high = block[high_at + j] >> bit & 1;
                    *value = dl * f32::from((low | high << 2) as i8 - 4);
                }
            }
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (block, x) in blocks.as_chunks_mut::<110>().0.iter_mut().zip(x.as_chunks::<SUPER>().0) {
            let fit = fit_symmetric(LEVELS, x, SUB, -32, 31);
            block.fill(0);
            put_f16(block, 108, fit.factor);
            for (i, x) in x.as_chunks::<SUB>().0.iter().enumerate() {
                let stored = (fit.scales[i] + 32) as u8;
                block[96 + i % 8] |= (stored & 15) << (4 * (i / 8));
                block[104 + i % 4] |= stored >> 4 << (2 * (i / 4));
                let step = fit.factor * f32::from(fit.scales[i]);
                let inverse = inverse(step);
                let (at, shift, high_at, bit) = place(i);
                for (j, v) in x.iter().enumerate() {
                    let code = (LEVELS.nearest(v * inverse) + 4.0) as u8;
                    block[at + j] |= (code & 3) << shift;
                    block[high_at + j] |= code >> 2 << bit;
                }
            }
        }
    }
}
