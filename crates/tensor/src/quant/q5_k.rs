//! Q5_K: 256 elements in 176 bytes: as Q4_K, with 32 bytes of fifth bits before the nibbles.
//! `x = d × scale × code − dmin × min`. The fifth bit of element l of sub-block i is bit i of byte l.

use super::BlockCodec;
use super::bits::{f16_at, put_f16, put_six_bit_pairs, six_bit_pairs};
use super::superblock::{SUPER, ShiftedLayout, fit_shifted};

/// The Q5_K codec.
pub(crate) struct Q5_K;

const SUB: usize = 32;
const LAYOUT: ShiftedLayout = ShiftedLayout { top: 31.0, whole: 63, sub: SUB };
const FIFTH: usize = 16;
const NIBBLES: usize = 48;

impl BlockCodec for Q5_K {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (block, out) in blocks.as_chunks::<176>().0.iter().zip(out.as_chunks_mut::<SUPER>().0) {
            let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
            let pairs = six_bit_pairs(&block[4..16]);
            for (i, out) in out.as_chunks_mut::<SUB>().0.iter_mut().enumerate() {
                let (scale, min) = (d * f32::from(pairs[i].0), dmin * f32::from(pairs[i].1));
                let (fifth, nibbles) = (&block[FIFTH..NIBBLES], &block[NIBBLES + i / 2 * SUB..][..SUB]);
                for (l, value) in out.iter_mut().enumerate() {
                    let code = nibbles[l] >> (i % 2 * 4) & 15 | (fifth[l] >> i & 1) << 4;
                    *value = scale * f32::from(code) - min;
                }
            }
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (block, x) in blocks.as_chunks_mut::<176>().0.iter_mut().zip(x.as_chunks::<SUPER>().0) {
            let fit = fit_shifted(LAYOUT, x);
            block.fill(0);
            put_f16(block, 0, fit.factor);
            put_f16(block, 2, fit.min_factor);
            put_six_bit_pairs(&mut block[4..16], &std::array::from_fn(|i| fit.pairs[i]));
            for (i, x) in x.as_chunks::<SUB>().0.iter().enumerate() {
                for (l, v) in x.iter().enumerate() {
                    let code = fit.map(i).code(*v, LAYOUT.top) as u8;
                    block[NIBBLES + i / 2 * SUB + l] |= (code & 15) << (i % 2 * 4);
                    block[FIFTH + l] |= code >> 4 << i;
                }
            }
        }
    }
}
