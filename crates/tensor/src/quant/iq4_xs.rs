//! IQ4_XS: 256 elements in 136 bytes: `d` f16, upper 2 bits of eight scales (u16), lower 4 bits (4 bytes),
//! 128 bytes of nibbles, 16 bytes for each sub-block of 32. `x = d × (scale − 32) × level`, levels of IQ4_NL.

use super::BlockCodec;
use super::bits::{f16_at, put_f16, put_nibbles};
use super::fit::inverse;
use super::iq4_nl::LEVELS;
use super::superblock::{SUPER, fit_symmetric};

/// The IQ4_XS codec.
pub(crate) struct IQ4_XS;

const SUB: usize = 32;

/// Scale of sub-block `i`, −32 to 31.
fn scale(block: &[u8; 136], i: usize) -> i8 {
    let high = u16::from_le_bytes([block[2], block[3]]);
    let low = block[4 + i / 2] >> (4 * (i % 2)) & 15;
    (low | ((high >> (2 * i) & 3) << 4) as u8) as i8 - 32
}

impl BlockCodec for IQ4_XS {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (block, out) in blocks.as_chunks::<136>().0.iter().zip(out.as_chunks_mut::<SUPER>().0) {
            let d = f16_at(block, 0);
            for (i, out) in out.as_chunks_mut::<SUB>().0.iter_mut().enumerate() {
                let dl = d * f32::from(scale(block, i));
                for (j, byte) in block[8 + 16 * i..][..16].iter().enumerate() {
                    out[j] = dl * f32::from(LEVELS.0[usize::from(byte & 15)]);
                    out[j + 16] = dl * f32::from(LEVELS.0[usize::from(byte >> 4)]);
                }
            }
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (block, x) in blocks.as_chunks_mut::<136>().0.iter_mut().zip(x.as_chunks::<SUPER>().0) {
            let fit = fit_symmetric(LEVELS, x, SUB, -32, 31);
            block.fill(0);
            put_f16(block, 0, fit.factor);
            for (i, x) in x.as_chunks::<SUB>().0.iter().enumerate() {
                let stored = (fit.scales[i] + 32) as u8;
                block[2 + i / 4] |= stored >> 4 << (2 * (i % 4));
                block[4 + i / 2] |= (stored & 15) << (4 * (i % 2));
                let step = fit.factor * f32::from(fit.scales[i]);
                let inverse = inverse(step);
                put_nibbles(&mut block[8 + 16 * i..][..16], &x.map(|v| LEVELS.index(v * inverse)));
            }
        }
    }
}
