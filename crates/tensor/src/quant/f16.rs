//! F16: IEEE 754 binary16, little-endian. Rounds to nearest even.

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::BlockCodec;

/// The F16 codec.
pub(crate) struct F16;

/// Numbers converted at a time by the faster twin: one page of f32.
const STEP: usize = 1024;

impl BlockCodec for F16 {
    fn reference(&self, blocks: &[u8], out: &mut [f32]) {
        for (value, bytes) in out.iter_mut().zip(blocks.as_chunks::<2>().0) {
            *value = f16::from_le_bytes(*bytes).to_f32();
        }
    }

    /// Through the conversion instructions that `half` finds at run time; the copy aligns the bytes.
    fn dequantize(&self, blocks: &[u8], out: &mut [f32]) {
        let mut aligned = [f16::ZERO; STEP];
        for (out, bytes) in out.chunks_mut(STEP).zip(blocks.chunks(2 * STEP)) {
            let aligned = &mut aligned[..out.len()];
            for (value, bytes) in aligned.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *value = f16::from_le_bytes(*bytes);
            }
            aligned.convert_to_f32_slice(out);
        }
    }

    fn quantize(&self, x: &[f32], blocks: &mut [u8]) {
        for (bytes, value) in blocks.as_chunks_mut::<2>().0.iter_mut().zip(x) {
            *bytes = f16::from_f32(*value).to_le_bytes();
        }
    }
}
