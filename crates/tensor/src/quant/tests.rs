//! What must hold for every block format; the bits themselves are checked against goldens in
//! `tests/crossing/quant_golden.rs`.

use proptest::prelude::*;

use crate::{DType, TensorError};

fn supported() -> impl Iterator<Item = DType> {
    DType::ALL.iter().copied().filter(|t| t.is_supported())
}

/// Pseudo-random numbers for tests that want a fixed set: xorshift64*.
fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next() + next() + next()).collect()
}

#[test]
fn the_faster_twin_equals_the_reference_on_every_byte() {
    for dtype in supported() {
        let codec = dtype.codec().unwrap();
        for seed in 1..40 {
            let elements = dtype.block_len() * seed as usize;
            let bytes: Vec<u8> = noise(seed, dtype.block_bytes() * seed as usize)
                .into_iter()
                .map(|v| (v.abs() * 977.0) as u8)
                .collect();
            let (mut plain, mut fast) = (vec![0.0f32; elements], vec![0.0f32; elements]);
            codec.reference(&bytes, &mut plain);
            codec.dequantize(&bytes, &mut fast);
            let same =
                plain.iter().zip(&fast).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan());
            assert!(same, "{dtype}");
        }
    }
}

/// Greatest error of one element, as a part of the block's largest magnitude, for data that fills its range
/// evenly: half a step of the codes, plus what rounding scales to f16 or to whole numbers costs.
fn bound(dtype: DType) -> f32 {
    match dtype.name() {
        "F32" => 0.0,
        "F16" => 1.0 / 2048.0,
        "BF16" => 1.0 / 256.0,
        "Q8_0" => 0.6 / 127.0,
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
    fn quantize_then_dequantize_stays_close(seed in 1u64.., exponent in -12i32..12, shift in -1.0f32..1.0) {
        for dtype in supported() {
            let scale = 2.0f32.powi(exponent);
            let x: Vec<f32> = noise(seed, 512).iter().map(|v| (v + shift) * scale).collect();
            let blocks = dtype.quantize(&x).unwrap();
            prop_assert_eq!(&blocks, &dtype.quantize(&x).unwrap(), "not repeatable: {}", dtype);
            let mut restored = vec![0.0; x.len()];
            dtype.dequantize(&blocks, &mut restored).unwrap();
            let peak = x.iter().fold(0.0f32, |peak, v| peak.max(v.abs()));
            for (a, b) in x.iter().zip(&restored) {
                // Below 2^-20 of the scale the steps of f16 subnormals show.
                prop_assert!((a - b).abs() <= bound(dtype) * peak + 2.0f32.powi(-20), "{dtype}: {a} became {b}, peak {peak}");
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
