//! GGML block formats, one file each. A new one is a file here, its `mod` and `use` below, and a line in
//! the table of `dtype.rs`.
//!
//! Sources for every layout: ggml's `ggml-common.h` (structures) and `ggml-quants.c` (meaning of the bits),
//! ggml 0.25. How to find good scales is ours: see `fit.rs` and `superblock.rs`.

#![allow(non_camel_case_types, reason = "codecs are called as ggml calls the formats")]

mod bits;
mod fit;
mod superblock;

mod bf16;
mod f16;
mod f32;
mod iq4_nl;
mod iq4_xs;
mod mxfp4;
mod q2_k;
mod q3_k;
mod q4_0;
mod q4_1;
mod q4_k;
mod q5_0;
mod q5_1;
mod q5_k;
mod q6_k;
mod q8_0;

pub(crate) use self::bf16::BF16;
pub(crate) use self::f16::F16;
pub(crate) use self::f32::F32;
pub(crate) use self::iq4_nl::IQ4_NL;
pub(crate) use self::iq4_xs::IQ4_XS;
pub(crate) use self::mxfp4::MXFP4;
pub(crate) use self::q2_k::Q2_K;
pub(crate) use self::q3_k::Q3_K;
pub(crate) use self::q4_0::Q4_0;
pub(crate) use self::q4_1::Q4_1;
pub(crate) use self::q4_k::Q4_K;
pub(crate) use self::q5_0::Q5_0;
pub(crate) use self::q5_1::Q5_1;
pub(crate) use self::q5_k::Q5_K;
pub(crate) use self::q6_k::Q6_K;
pub(crate) use self::q8_0::Q8_0;

#[cfg(test)]
mod tests;

/// One block format. Callers go through [`DType`](crate::DType), which checks every length;
/// implementations may rely on whole blocks and matching slices.
pub trait BlockCodec: Sync {
    /// Restore f32 values: plain loops in the order of ggml's own arithmetic. It is what the faster twin,
    /// the GPU kernels and the quantizer are judged by.
    fn reference(&self, blocks: &[u8], out: &mut [f32]);

    /// The same values, bit for bit, faster where that took another way of writing it.
    fn dequantize(&self, blocks: &[u8], out: &mut [f32]) {
        self.reference(blocks, out);
    }

    /// Find blocks with small squared error. `x`: finite, magnitudes up to [`BlockCodec::largest`].
    fn quantize(&self, x: &[f32], blocks: &mut [u8]);

    /// Greatest magnitude that [`BlockCodec::quantize`] takes. For formats with f16 scales that is 65504
    /// times the highest code, less a part that the search may add to the scale; for those that store an
    /// offset as f16, and for F16 itself, 65504.
    fn largest(&self) -> f32 {
        half::f16::MAX.to_f32_const()
    }
}
