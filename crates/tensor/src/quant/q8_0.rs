//! Q8_0: 32 elements in 34 bytes: `d` f16, 32 signed bytes. `x = d × code`.

use super::BlockCodec;
use super::bits::{f16_at, f16_scale, put_f16};
use super::fit::{Integers, LARGEST_SCALE, Levels, fit_scale, inverse};

/// The Q8_0 codec.
pub(crate) struct Q8_0;

const LEVELS: Integers = Integers { low: -128.0, high: 127.0 };

impl BlockCodec for Q8_0 {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (block, out) in blocks.as_chunks::<34>().0.iter().zip(out.as_chunks_mut::<32>().0) {
            let d = f16_at(block, 0);
            for (value, code) in out.iter_mut().zip(&block[2..]) {
                *value = f32::from(*code as i8) * d;
            }
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (block, x) in blocks.as_chunks_mut::<34>().0.iter_mut().zip(x.as_chunks::<32>().0) {
            let d = fit_scale(LEVELS, x, f16_scale);
            let inverse = inverse(d);
            put_f16(block, 0, d);
            for (code, v) in block[2..].iter_mut().zip(x) {
                *code = (LEVELS.nearest(v * inverse) as i8) as u8;
            }
        }
    }

    fn largest(&self) -> f32 {
        LARGEST_SCALE * 127.0
    }
}
