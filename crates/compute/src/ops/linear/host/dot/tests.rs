//! Each tier against loops that know neither panels nor lanes, to the bit.

use proptest::prelude::*;

use super::super::activations::ActivationBlock;
use super::super::format::{FORMATS, Unpacked};
use super::super::tests::{Blocks, assert_same, bits, noise, packed_formats, pool};
use super::*;
use crate::Numerics;
use bedside_tensor::DType;

fn zeros(count: usize) -> Vec<ActivationBlock> {
    let mut blocks = Vec::new();
    activations::make_room(&mut blocks, count);
    blocks
}

fn half(bytes: [u8; 2]) -> f32 {
    let mut value = [0.0];
    DType::F16.dequantize(&bytes, &mut value).unwrap();
    value[0]
}

/// Scale of each sixteen elements, and offset.
fn scales(format: &Format, from: &Unpacked) -> ([f32; 2], f32) {
    let [d, m] = from.halves.map(half);
    match (format.superblock, format.affine) {
        (false, false) => ([d; 2], 0.0),
        (false, true) => ([d; 2], m),
        (true, true) => ([d * f32::from(from.bytes[0]); 2], -(m * f32::from(from.bytes[1]))),
        (true, false) => (from.bytes.map(|scale| d * f32::from(scale as i8)), 0.0),
    }
}

/// The module's numerics, written down plainly.
fn plain(format: &Format, row: &[u8], x: &[f32]) -> f32 {
    let mut y = 0.0f32;
    for (b, x) in x.chunks(32).enumerate() {
        let mut block = [zeros(1)[0]];
        activations::quantize(Tier::Portable, x, &mut block);
        let (ActivationBlock { codes, scale: x_scale, .. }, from) = (block[0], (format.unpack)(row, b));
        let (scale, offset) = scales(format, &from);
        let zero = if format.affine { 0 } else { 1 << (format.bits - 1) };
        let x = codes.as_flattened();
        let product = |i: usize| (i32::from(from.codes[i]) - zero) * i32::from(x[i]);
        if format.bits == 6 {
            for (part, scale) in scale.iter().enumerate() {
                let dot: i32 = (16 * part..16 * part + 16).map(product).sum();
                y += dot as f32 * (scale * x_scale);
            }
        } else {
            y += (0..32).map(product).sum::<i32>() as f32 * (scale[0] * x_scale);
        }
        if format.affine {
            let sum: i32 = x.iter().map(|&x| i32::from(x)).sum();
            y += offset * (x_scale * sum as f32);
        }
    }
    y
}

#[track_caller]
fn check(blocks: &Blocks, x: &[f32], what: &str) {
    let view = blocks.view();
    let format = Format::of(view.dtype()).unwrap();
    let rows = 0..view.shape().rows();
    let expected: Vec<f32> = x
        .chunks(blocks.columns())
        .flat_map(|x| rows.clone().map(move |r| plain(format, view.row(r).unwrap(), x)))
        .collect();
    let pool = pool(1);
    for tier in Tier::available() {
        let got = blocks.forward(Numerics::Fast, tier, x, &pool);
        assert_same(&got, &expected, format_args!("{what} {} {}", view.dtype(), tier.name()));
    }
}

#[test]
fn unpacked_codes_and_scales_are_what_the_reference_dequantizes() {
    for format in FORMATS {
        let bytes: Vec<u8> = bits(5).take(40 * 512).map(|b| b as u8).collect();
        let finite = |_, i| (bits(i as u64).next().unwrap() as u16) & 0xbfff;
        let blocks = Blocks::made(format.dtype, (8, 512), |r, i| bytes[r * 544 + i], finite);
        let expected = blocks.view().to_f32().unwrap();
        let mut got = Vec::new();
        for row in 0..8 {
            for b in 0..16 {
                let from = (format.unpack)(blocks.view().row(row).unwrap(), b);
                let (scale, offset) = scales(format, &from);
                let zero = if format.affine { 0 } else { 1 << (format.bits - 1) };
                let code = |i: usize| (i32::from(from.codes[i]) - zero) as f32;
                got.extend((0..32).map(|i| {
                    let product = scale[i / 16] * code(i);
                    if format.affine { product + offset } else { product }
                }));
            }
        }
        assert_same(&got, &expected, format.dtype);
    }
}

/// 256 rows whose bytes count up, sixteen times: each byte of a block takes every value in every lane.
/// Activations: one column of each block at a time, both signs, and all columns at their largest.
#[test]
fn every_code_in_every_lane_and_column() {
    let columns = 256;
    let mut x = Vec::new();
    for column in 0..32 {
        let sign = if column % 2 == 0 { 1.0 } else { -1.0 };
        x.extend((0..columns).map(|i| if i % 32 == column { sign } else { 0.0 }));
    }
    x.extend((0..columns).map(|_| 1.0));
    x.extend((0..columns).map(|_| -1.0));
    x.extend((0..columns).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }));
    for dtype in packed_formats() {
        for shift in 0..16 {
            let blocks = Blocks::made(
                dtype,
                (256, columns),
                |row, i| (row + i + shift) as u8,
                |_, i| 0x3c00 | i as u16 & 15,
            );
            check(&blocks, &x, "counting bytes");
        }
        for byte in [0, 0x7f, 0x80, 0xff] {
            let blocks = Blocks::made(dtype, (17, columns), |_, _| byte, |_, _| 0x3c00);
            check(&blocks, &x, "equal bytes");
        }
    }
}

#[test]
fn extreme_scales_and_activations() {
    let halves = [0, 0x8000, 1, 0x8001, 0x03ff, 0x0400, 0x7bff, 0xfbff, 0x3c00, 0xbc00];
    let numbers = [0.0, -0.0, 1.0, f32::MAX, f32::MIN_POSITIVE, 1e-45, 1e-30, 7e-31, f32::NAN, f32::INFINITY];
    let bytes: Vec<u8> = bits(9).take(4096).map(|b| b as u8).collect();
    for dtype in packed_formats() {
        let made =
            Blocks::made(dtype, (33, 512), |r, i| bytes[(r * 97 + i) % 4096], |r, i| halves[(r + i) % 10]);
        let mut x = noise(numbers.len() * 512, 10);
        for (i, x) in x.chunks_mut(512).enumerate() {
            let place = 37 * i % 512;
            x[place] = numbers[i];
            if i >= 4 {
                x[place / 32 * 32..place].fill(0.0);
                x[place + 1..(place / 32 + 1) * 32].fill(0.0);
            }
        }
        check(&made, &x, "extremes");
    }
}

#[test]
fn a_number_that_is_not_finite_reaches_every_output_of_its_row() {
    let blocks = Blocks::quantized(DType::Q4_1, 20, 64, 11);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut x = noise(3 * 64, 12);
        x[64 + 40] = bad;
        for tier in Tier::available() {
            let y = blocks.forward(Numerics::Fast, tier, &x, &pool(1));
            assert!(y[20..40].iter().all(|v| v.is_nan()));
            assert!(y[..20].iter().chain(&y[40..]).all(|v| v.is_finite()));
        }
    }
}

#[test]
fn activations_are_the_nearest_codes_on_every_tier() {
    for seed in 0..200 {
        let scale = 2.0f32.powi(seed as i32 % 120 - 60);
        let x: Vec<f32> = noise(96, seed).iter().map(|v| v * scale).collect();
        let mut expected = zeros(3);
        activations::quantize(Tier::Portable, &x, &mut expected);
        for (block, x) in expected.iter().zip(x.chunks(32)) {
            let amax = x.iter().fold(0.0f32, |m, v| m.max(v.abs()));
            assert_eq!(block.scale, amax / 127.0);
            for (code, v) in block.codes.as_flattened().iter().zip(x) {
                assert_eq!(f32::from(*code), (v * (127.0 / amax)).round_ties_even());
            }
            let sum: i32 = block.codes.as_flattened().iter().map(|&c| i32::from(c)).sum();
            assert_eq!(block.sum(), sum);
        }
        for tier in Tier::available() {
            let mut got = zeros(3);
            activations::quantize(tier, &x, &mut got);
            assert_eq!(got, expected, "{tier:?}");
        }
    }
}

#[test]
fn threads_and_company_change_nothing() {
    for dtype in packed_formats() {
        // Over 2^20 multiplications, so that they are divided; widths and rows that no tile divides.
        let (blocks, x) = (Blocks::quantized(dtype, 331, 512, 13), noise(139 * 512, 14));
        for tier in Tier::available() {
            let one = blocks.forward(Numerics::Fast, tier, &x, &pool(1));
            for threads in [2, 3] {
                let got = blocks.forward(Numerics::Fast, tier, &x, &pool(threads));
                assert_same(&got, &one, format_args!("{dtype} {tier:?} {threads} threads"));
            }
            let alone = blocks.forward(Numerics::Fast, tier, &x[137 * 512..138 * 512], &pool(1));
            assert_same(&alone, &one[137 * 331..138 * 331], format_args!("{dtype} {tier:?} one row alone"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_shape(
        rows in prop::sample::select(vec![1usize, 2, 3, 4, 5, 7, 8, 9, 11, 13, 17]),
        outputs in prop::sample::select(vec![1usize, 2, 7, 15, 16, 17, 31, 32, 33, 47]),
        blocks in prop::sample::select(vec![1usize, 2, 3, 7, 8, 9, 11, 16, 17, 18]),
        format in 0..FORMATS.len(), seed: u64,
    ) {
        let format = &FORMATS[format];
        let columns = if format.superblock { blocks.div_ceil(6) * 256 } else { blocks * 32 };
        let weight = Blocks::quantized(format.dtype, outputs, columns, seed);
        check(&weight, &noise(rows * columns, seed ^ 1), "any shape");
    }
}
