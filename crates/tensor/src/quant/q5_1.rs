//! Q5_1: 32 elements in 24 bytes: `d` f16, `m` f16, 32 fifth bits (u32), 16 bytes of nibbles.
//! `x = d × code + m`.

use super::BlockCodec;
use super::bits::{f16_at, f16_scale_or_offset, put_f16, put_fifth_bits, put_nibbles};
use super::fit::fit_affine;

/// The Q5_1 codec.
pub(crate) struct Q5_1;

const TOP: f32 = 31.0;

impl BlockCodec for Q5_1 {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (block, out) in blocks.as_chunks::<24>().0.iter().zip(out.as_chunks_mut::<32>().0) {
            let (d, m) = (f16_at(block, 0), f16_at(block, 2));
            let fifth = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
            for (i, byte) in block[8..].iter().enumerate() {
                let low = byte & 15 | ((fifth >> i & 1) << 4) as u8;
                let high = byte >> 4 | ((fifth >> (i + 16) & 1) << 4) as u8;
                out[i] = f32::from(low) * d + m;
                out[i + 16] = f32::from(high) * d + m;
            }
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (block, x) in blocks.as_chunks_mut::<24>().0.iter_mut().zip(x.as_chunks::<32>().0) {
            let map = fit_affine(x, TOP, false, f16_scale_or_offset);
            let codes = x.map(|v| map.code(v, TOP) as u8);
            put_f16(block, 0, map.scale);
            put_f16(block, 2, map.offset);
            put_fifth_bits(&mut block[4..8], &codes);
            put_nibbles(&mut block[8..], &codes.map(|code| code & 15));
        }
    }
}
