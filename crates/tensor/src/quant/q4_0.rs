//! Q4_0: 32 elements in 18 bytes: `d` f16, 16 bytes of nibbles. `x = d × (code − 8)`.

use super::BlockCodec;
use super::bits::{f16_at, f16_scale, put_f16, put_nibbles};
use super::fit::{Integers, LARGEST_SCALE, Levels, fit_scale, inverse};

/// The Q4_0 codec.
pub(crate) struct Q4_0;

const LEVELS: Integers = Integers { low: -8.0, high: 7.0 };

impl BlockCodec for Q4_0 {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (block, out) in blocks.as_chunks::<18>().0.iter().zip(out.as_chunks_mut::<32>().0) {
            let d = f16_at(block, 0);
            for (i, byte) in block[2..].iter().enumerate() {
                out[i] = f32::from((byte & 15) as i8 - 8) * d;
                out[i + 16] = f32::from((byte >> 4) as i8 - 8) * d;
            }
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (block, x) in blocks.as_chunks_mut::<18>().0.iter_mut().zip(x.as_chunks::<32>().0) {
            let d = fit_scale(LEVELS, x, f16_scale);
            let inverse = inverse(d);
            put_f16(block, 0, d);
            put_nibbles(&mut block[2..], &x.map(|v| (LEVELS.nearest(v * inverse) + 8.0) as u8));
        }
    }

    fn largest(&self) -> f32 {
        LARGEST_SCALE * 7.0
    }
}
