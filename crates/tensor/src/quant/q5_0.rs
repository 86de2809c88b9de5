//! Q5_0: 32 elements in 22 bytes: `d` f16, 32 fifth bits (u32), 16 bytes of nibbles. `x = d × (code − 16)`.

use super::BlockCodec;
use super::bits::{f16_at, f16_scale, put_f16, put_fifth_bits, put_nibbles};
use super::fit::{Integers, LARGEST_SCALE, Levels, fit_scale, inverse};

/// The Q5_0 codec.
pub(crate) struct Q5_0;

const LEVELS: Integers = Integers { low: -16.0, high: 15.0 };

impl BlockCodec for Q5_0 {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (block, out) in blocks.as_chunks::<22>().0.iter().zip(out.as_chunks_mut::<32>().0) {
            let d = f16_at(block, 0);
            let fifth = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
            for (i, byte) in block[6..].iter().enumerate() {
                let low = byte & 15 | ((fifth >> i & 1) << 4) as u8;
                let high = byte >> 4 | ((fifth >> (i + 16) & 1) << 4) as u8;
                out[i] = f32::from(low as i8 - 16) * d;
                out[i + 16] = f32::from(high as i8 - 16) * d;
            }
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (block, x) in blocks.as_chunks_mut::<22>().0.iter_mut().zip(x.as_chunks::<32>().0) {
            let d = fit_scale(LEVELS, x, f16_scale);
            let inverse = inverse(d);
            let codes = x.map(|v| (LEVELS.nearest(v * inverse) + 16.0) as u8);
            put_f16(block, 0, d);
            put_fifth_bits(&mut block[2..6], &codes);
            put_nibbles(&mut block[6..], &codes.map(|code| code & 15));
        }
    }

    fn largest(&self) -> f32 {
        LARGEST_SCALE * 15.0
    }
}
