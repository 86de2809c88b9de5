//! F32: IEEE 754 binary32, little-endian.

use super::BlockCodec;

/// The F32 codec.
pub(crate) struct F32;

impl BlockCodec for F32 {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (value, bytes) in out.iter_mut().zip(blocks.as_chunks::<4>().0) {
            *value = f32::from_le_bytes(*bytes);
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (bytes, value) in blocks.as_chunks_mut::<4>().0.iter_mut().zip(x) {
            *bytes = value.to_le_bytes();
        }
    }

    fn largest(&self) -> f32 {
        f32::MAX
    }
}
