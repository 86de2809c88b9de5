//! Tiles against the formats' own dequantizers, to the bit; products against f64 sums.

use proptest::prelude::*;

use super::super::tests::{Blocks, assert_same, noise, packed_formats, pool};
use super::super::{BlockLinear, format::FORMATS};
use super::*;
use crate::Numerics;
use bedside_tensor::DType;

/// Formats of each way to fill a tile.
fn formats() -> Vec<DType> {
    let other = [
        DType::F32,
        DType::F16,
        DType::BF16,
        DType::IQ4_NL,
        DType::Q2_K,
        DType::Q3_K,
        DType::IQ4_XS,
        DType::MXFP4,
    ];
    packed_formats().chain(other).collect()
}

#[test]
fn tiles_hold_the_dequantized_bits() {
    for dtype in formats() {
        let (rows, columns) = (45, 512);
        let blocks = Blocks::quantized(dtype, rows, columns, 21);
        let expected = blocks.view().to_f32().unwrap();
        for tier in Tier::available() {
            let linear = BlockLinear::with_tier("w", blocks.view(), Numerics::Exact, tier).unwrap();
            for (index, first) in [(0, 0), (0, 256), (1, 0), (1, 256)] {
                let mut tile = Tile([[f32::NAN; WIDTH]; DEPTH]);
                fill(&linear.weights, tier, index, first, &mut tile.0);
                for (k, column) in tile.0.iter().enumerate() {
                    for (lane, value) in column.iter().enumerate() {
                        let row = index * WIDTH + lane;
                        let expected = if row < rows { expected[row * columns + first + k] } else { 0.0 };
                        assert_eq!(
                            value.to_bits() << 1,
                            expected.to_bits() << 1,
                            "{dtype} {tier:?} {row} {k}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn threads_and_company_change_nothing_and_neither_does_the_vector_tier() {
    for dtype in formats() {
        let (blocks, x) = (Blocks::quantized(dtype, 331, 512, 23), noise(139 * 512, 24));
        let mut vector: Option<Vec<f32>> = None;
        for tier in Tier::available() {
            let one = blocks.forward(Numerics::Exact, tier, &x, &pool(1));
            for threads in [2, 3] {
                let got = blocks.forward(Numerics::Exact, tier, &x, &pool(threads));
                assert_same(&got, &one, format_args!("{dtype} {tier:?} {threads} threads"));
            }
            let alone = blocks.forward(Numerics::Exact, tier, &x[137 * 512..138 * 512], &pool(1));
            assert_same(&alone, &one[137 * 331..138 * 331], format_args!("{dtype} {tier:?} one row alone"));
            if tier > Tier::Portable {
                let first = vector.get_or_insert_with(|| one.clone());
                assert_same(&one, first, format_args!("{dtype} {tier:?}"));
            }
        }
    }
}

#[test]
fn gradients_do_not_depend_on_threads() {
    for dtype in [DType::Q8_0, DType::Q4_K, DType::IQ4_NL] {
        let (blocks, dy) = (Blocks::quantized(dtype, 331, 768, 25), noise(19 * 331, 26));
        let linear = BlockLinear::new("w", blocks.view(), Numerics::Fast).unwrap();
        let run = |threads| {
            let mut dx = vec![f32::NAN; 19 * 768];
            linear.backward_input(&dy, 19, &mut dx, &pool(threads));
            dx
        };
        assert_same(&run(2), &run(1), dtype);
        assert_same(&run(3), &run(1), dtype);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Sums of n products in f32 differ from the exact ones by at most n roundings (2^-24) of Σ |w| |x|,
    /// two for each step of the portable tier.
    #[test]
    fn any_shape_forward_and_backward(
        rows in prop::sample::select(vec![1usize, 2, 3, 4, 5, 7, 8, 9, 11, 13, 17]),
        outputs in prop::sample::select(vec![1usize, 2, 7, 15, 16, 17, 31, 32, 33, 47, 64, 65]),
        columns in prop::sample::select(vec![1usize, 2, 31, 33, 255, 256, 257, 300, 512, 513]),
        blocks in prop::sample::select(vec![1usize, 2, 3, 7, 8, 9, 11, 16, 17]),
        format in 0..FORMATS.len() + 8, seed: u64,
    ) {
        let dtype = formats()[format];
        let columns = match dtype.block_len() {
            1 => columns,
            32 => blocks * 32,
            _ => blocks.div_ceil(6) * 256,
        };
        let weight = Blocks::quantized(dtype, outputs, columns, seed);
        let (x, dy) = (noise(rows * columns, seed ^ 1), noise(rows * outputs, seed ^ 2));
        let w = weight.view().to_f32().unwrap();
        for tier in Tier::available() {
            let got = weight.forward(Numerics::Exact, tier, &x, &pool(1));
            for (got, (expected, size)) in got.iter().zip(weight.expected(&x)) {
                let bound = 2.0 * columns as f64 * 2.0f64.powi(-24) * size;
                prop_assert!((f64::from(*got) - expected).abs() <= bound, "{dtype} {tier:?}: {got} for {expected}");
            }
            let linear = BlockLinear::with_tier("w", weight.view(), Numerics::Fast, tier).unwrap();
            let mut dx = vec![f32::NAN; rows * columns];
            linear.backward_input(&dy, rows, &mut dx, &pool(1));
            for (i, got) in dx.iter().enumerate() {
                let (row, k) = (i / columns, i % columns);
                let product = |n: usize| f64::from(dy[row * outputs + n]) * f64::from(w[n * columns + k]);
                let expected: f64 = (0..outputs).map(product).sum();
                let size: f64 = (0..outputs).map(|n| product(n).abs()).sum();
                let bound = 2.0 * outputs as f64 * 2.0f64.powi(-24) * size;
                prop_assert!((f64::from(*got) - expected).abs() <= bound, "{dtype} {tier:?}: {got} for {expected}");
            }
        }
    }
}
