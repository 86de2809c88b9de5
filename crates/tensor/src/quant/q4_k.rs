//! Q4_K: 256 elements in 144 bytes: `d` f16, `dmin` f16, 12 bytes with eight six-bit scales and minima,
//! 128 bytes of nibbles. Sub-blocks of 32. `x = d × scale × code − dmin × min`.
//!
//! Sub-blocks 2·p and 2·p + 1 share 32 code bytes: low and high nibbles.

use super::BlockCodec;
use super::bits::{f16_at, put_f16, put_six_bit_pairs, six_bit_pairs};
use super::superblock::{SUPER, ShiftedLayout, fit_shifted};

/// The Q4_K codec.
pub(crate) struct Q4_K;

const SUB: usize = 32;
const LAYOUT: ShiftedLayout = ShiftedLayout { top: 15.0, whole: 63, sub: SUB };

impl BlockCodec for Q4_K {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (block, out) in blocks.as_chunks::<144>().0.iter().zip(out.as_chunks_mut::<SUPER>().0) {
            let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
            let pairs = six_bit_pairs(&block[4..16]);
            for (i, out) in out.as_chunks_mut::<SUB>().0.iter_mut().enumerate() {
                let (scale, min) = (d * f32::from(pairs[i].0), dmin * f32::from(pairs[i].1));
                for (value, byte) in out.iter_mut().zip(&block[16 + i / 2 * SUB..]) {
                    *value = scale * f32::from(byte >> (i % 2 * 4) & 15) - min;
                }
            }
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (block, x) in blocks.as_chunks_mut::<144>().0.iter_mut().zip(x.as_chunks::<SUPER>().0) {
            let fit = fit_shifted(LAYOUT, x);
            block.fill(0);
            put_f16(block, 0, fit.factor);
            put_f16(block, 2, fit.min_factor);
            put_six_bit_pairs(&mut block[4..16], &std::array::from_fn(|i| fit.pairs[i]));
            for (i, x) in x.as_chunks::<SUB>().0.iter().enumerate() {
                for (byte, v) in block[16 + i / 2 * SUB..].iter_mut().zip(x) {
                    *byte |= (fit.map(i).code(*v, LAYOUT.top) as u8) << (i % 2 * 4);
                }
            }
        }
    }
}
