//! Q2_K: 256 elements in 84 bytes: 16 bytes of scale and min nibbles, 64 bytes of two-bit codes, `d` f16,
//! `dmin` f16. Sub-blocks of 16. `x = d × scale × code − dmin × min`.
//!
//! Each half of 128 elements takes 32 code bytes; elements 32·s to 32·s + 31 of it are bits 2·s of those.

use super::BlockCodec;
use super::bits::{f16_at, put_f16};
use super::superblock::{SUPER, ShiftedLayout, fit_shifted};

/// The Q2_K codec.
pub(crate) struct Q2_K;

const SUB: usize = 16;
const LAYOUT: ShiftedLayout = ShiftedLayout { top: 3.0, whole: 15, sub: SUB };

impl BlockCodec for Q2_K {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (block, out) in blocks.as_chunks::<84>().0.iter().zip(out.as_chunks_mut::<SUPER>().0) {
            let (d, dmin) = (f16_at(block, 80), f16_at(block, 82));
            for (i, out) in out.as_chunks_mut::<SUB>().0.iter_mut().enumerate() {
                let scale = d * f32::from(block[i] & 15);
                let min = dmin * f32::from(block[i] >> 4);
                let (at, shift) = place(i);
                for (value, byte) in out.iter_mut().zip(&block[at..at + SUB]) {
                    *value = scale * f32::from(byte >> shift & 3) - min;
                }
            }
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (block, x) in blocks.as_chunks_mut::<84>().0.iter_mut().zip(x.as_chunks::<SUPER>().0) {
            let fit = fit_shifted(LAYOUT, x);
            block.fill(0);
            put_f16(block, 80, fit.factor);
            put_f16(block, 82, fit.min_factor);
            for (i, x) in x.as_chunks::<SUB>().0.iter().enumerate() {
                let (scale, min) = fit.pairs[i];
                block[i] = scale | min << 4;
                let (at, shift) = place(i);
                for (byte, v) in block[at..at + SUB].iter_mut().zip(x) {
                    *byte |= (fit.map(i).code(*v, LAYOUT.top) as u8) << shift;
                }
            }
        }
    }
}

/// First code byte of sub-block `i`, and the shift of its bits.
fn place(i: usize) -> (usize, usize) {
    (16 + 32 * (i / 8) + SUB * (i % 2), i / 2 % 4 * 2)
}
