//! What must hold for every block format; the bits themselves are checked against goldens in
//! `tests/crossing/quant_golden.rs`.

use proptest::prelude::*;

use super::BlockCodec;
use crate::{DType, TensorError};

fn supported() -> impl Iterator<Item = DType> {
    DType::ALL.iter().copied().filter(|t| t.is_supported())
}

/// Pseudo-random bits for tests that want a fixed set: xorshift64*.
fn bits(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

/// Sums of three even numbers from −1 to 1.
fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut next = bits(seed);
    let mut even = || (next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0;
    (0..count).map(|_| even() + even() + even()).collect()
}

/// Formats without a faster twin compare the reference with itself, which costs nothing.
#[test]
fn the_faster_twin_equals_the_reference_in_every_bit() {
    for dtype in supported() {
        let codec = dtype.codec().unwrap();
        let mut next = bits(7);
        for blocks in [1, 2, 3, 31, 32, 33, 1023, 1025] {
            let bytes: Vec<u8> = (0..blocks * dtype.block_bytes()).map(|_| (next() >> 56) as u8).collect();
            same_bits(dtype, codec, &bytes);
        }
    }
    let every: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
    for dtype in [DType::F16, DType::BF16] {
        same_bits(dtype, dtype.codec().unwrap(), &every);
    }
}

fn same_bits(dtype: DType, codec: &dyn BlockCodec, bytes: &[u8]) {
    let elements = bytes.len() / dtype.block_bytes() * dtype.block_len();
    let (mut plain, mut fast) = (vec![0.0f32; elements], vec![0.0f32; elements]);
    codec.reference(bytes, &mut plain);
    codec.dequantize(bytes, &mut fast);
    let mut nan = 0;
    for (a, b) in plain.iter().zip(&fast) {
        nan += usize::from(a.is_nan());
        // Which NaN comes out is the processor's affair.
        assert!(a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(), "{dtype}: {a} and {b}");
    }
    assert!(elements < 1000 || nan * 4 < elements, "{dtype}: {nan} NaN of {elements} prove nothing");
}

/// Greatest error of one element, as a part of the block's largest magnitude, for data that fills its range
/// evenly: half a step of the codes, plus what rounding scales to f16 or to whole numbers costs.
fn bound(dtype: DType) -> f32 {
    match dtype.name() {
        "F32" => 0.0,
        "F16" => 1.0 / 2048.0,
        "BF16" => 1.0 / 256.0,
        // A peak may be clipped by a step when that helps the rest of its block.
        "Q8_0" => 1.1 / 127.0,
        "Q6_K" => 0.9 / 31.0,
        "Q5_0" | "Q5_1" => 1.4 / 16.0,
        "Q5_K" => 1.6 / 16.0,
        "Q3_K" => 1.5 / 4.0,
        "Q2_K" => 0.75,
        "MXFP4" => 0.34,
        _ => 1.6 / 8.0,
    }
}

proptest! {
    #[test]
    fn quantize_then_dequantize_stays_close(seed in 1u64.., exponent in -26i32..12, shift in -1.0f32..1.0) {
        for dtype in supported() {
            let scale = 2.0f32.powi(exponent);
            let x: Vec<f32> = noise(seed, 512).iter().map(|v| (v + shift) * scale).collect();
            let blocks = dtype.quantize(&x).unwrap();
            prop_assert_eq!(&blocks, &dtype.quantize(&x).unwrap(), "not repeatable: {}", dtype);
            let mut restored = vec![0.0; x.len()];
            dtype.dequantize(&blocks, &mut restored).unwrap();
            let peak = x.iter().fold(0.0f32, |peak, v| peak.max(v.abs()));
            for (a, b) in x.iter().zip(&restored) {
                // Half a step of a subnormal scale, times the highest code: 2^-25 × 128.
                prop_assert!((a - b).abs() <= bound(dtype) * peak + 2.0f32.powi(-18), "{dtype}: {a} became {b}, peak {peak}");
            }
        }
    }

    #[test]
    fn any_finite_row_in_range_stays_finite(bits in prop::collection::vec(any::<u32>(), 256)) {
        for dtype in supported() {
            let limit = dtype.codec().unwrap().largest();
            let x: Vec<f32> = bits.iter().map(|b| f32::from_bits(*b)).map(|v| if v.is_finite() { v.clamp(-limit, limit) } else { 1.0 }).collect();
            let blocks = dtype.quantize(&x).unwrap();
            let mut restored = vec![0.0; x.len()];
            dtype.dequantize(&blocks, &mut restored).unwrap();
            prop_assert!(restored.iter().all(|v| v.is_finite()), "{dtype}");
        }
    }
}

/// Blocks whose scale would round to 0 keep what the smallest scale can keep.
#[test]
fn small_blocks_are_not_lost() {
    for dtype in supported() {
        let x: Vec<f32> = noise(3, 512).iter().map(|v| v * 2.0f32.powi(-22)).collect();
        let mut restored = vec![0.0; x.len()];
        dtype.dequantize(&dtype.quantize(&x).unwrap(), &mut restored).unwrap();
        let error: f32 = x.iter().zip(&restored).map(|(a, b)| (a - b) * (a - b)).sum();
        let relative = (error / x.iter().map(|v| v * v).sum::<f32>()).sqrt();
        // The codebook's levels next to 0 are −10, 1 and 13: of the smallest scale that is coarse.
        let bound = if dtype == DType::IQ4_NL || dtype == DType::IQ4_XS { 0.8 } else { 0.5 };
        assert!(relative < bound, "{dtype}: {relative}");
    }
}

#[test]
fn what_the_scales_cannot_hold_is_refused() {
    for dtype in supported() {
        let limit = dtype.codec().unwrap().largest();
        let above = (limit * 1.01).min(f32::MAX);
        if above == limit {
            continue;
        }
        let mut x = vec![0.0; dtype.block_len() * 2];
        x[dtype.block_len()] = above;
        let refused = dtype.quantize(&x);
        assert!(
            matches!(refused, Err(TensorError::OutOfRange { index, .. }) if index == dtype.block_len()),
            "{dtype}"
        );
    }
}
