//! BF16: the upper half of a binary32, little-endian. Rounds to nearest even.

use half::bf16;

use super::BlockCodec;

/// The BF16 codec.
pub(crate) struct BF16;

impl BlockCodec for BF16 {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (value, bytes) in out.iter_mut().zip(blocks.as_chunks::<2>().0) {
            *value = f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16);
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (bytes, value) in blocks.as_chunks_mut::<2>().0.iter_mut().zip(x) {
            *bytes = bf16::from_f32(*value).to_le_bytes();
        }
    }

    fn largest(&self) -> f32 {
        f32::from_bits(u32::from(bf16::MAX.to_bits()) << 16)
    }
}
