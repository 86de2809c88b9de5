//! IQ4_NL: 32 elements in 18 bytes: `d` f16, 16 bytes of nibbles that index a fixed table of 16 levels,
//! closer together near 0. `x = d × level`.

use super::BlockCodec;
use super::bits::{f16_at, f16_scale, put_f16, put_nibbles};
use super::fit::{Codebook, LARGEST_SCALE, fit_scale, inverse};

/// The IQ4_NL codec.
pub(crate) struct IQ4_NL;

/// Levels of IQ4_NL and IQ4_XS. Source: ggml's `kvalues_iq4nl`.
pub(super) const LEVELS: Codebook =
    Codebook(&[-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]);

impl BlockCodec for IQ4_NL {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (block, out) in blocks.as_chunks::<18>().0.iter().zip(out.as_chunks_mut::<32>().0) {
            let d = f16_at(block, 0);
            for (i, byte) in block[2..].iter().enumerate() {
                out[i] = d * f32::from(LEVELS.0[usize::from(byte & 15)]);
                out[i + 16] = d * f32::from(LEVELS.0[usize::from(byte >> 4)]);
            }
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (block, x) in blocks.as_chunks_mut::<18>().0.iter_mut().zip(x.as_chunks::<32>().0) {
            let d = fit_scale(LEVELS, x, f16_scale);
            let inverse = inverse(d);
            put_f16(block, 0, d);
            put_nibbles(&mut block[2..], &x.map(|v| LEVELS.index(v * inverse)));
        }
    }

    fn largest(&self) -> f32 {
        LARGEST_SCALE * 113.0
    }
}
