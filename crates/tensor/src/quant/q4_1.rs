//! Q4_1: 32 elements in 20 bytes: `d` f16, `m` f16, 16 bytes of nibbles. `x = d × code + m`.

use super::BlockCodec;
use super::bits::{f16_at, f16_scale_or_offset, put_f16, put_nibbles};
use super::fit::fit_affine;

/// The Q4_1 codec.
pub(crate) struct Q4_1;

const TOP: f32 = 15.0;

impl BlockCodec for Q4_1 {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (block, out) in blocks.as_chunks::<20>().0.iter().zip(out.as_chunks_mut::<32>().0) {
            let (d, m) = (f16_at(block, 0), f16_at(block, 2));
            for (i, byte) in block[4..].iter().enumerate() {
                out[i] = f32::from(byte & 15) * d + m;
                out[i + 16] = f32::from(byte >> 4) * d + m;
            }
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (block, x) in blocks.as_chunks_mut::<20>().0.iter_mut().zip(x.as_chunks::<32>().0) {
            let map = fit_affine(x, TOP, false, f16_scale_or_offset);
            put_f16(block, 0, map.scale);
            put_f16(block, 2, map.offset);
            put_nibbles(&mut block[4..], &x.map(|v| map.code(v, TOP) as u8));
        }
    }
}
