//! Each operation over shapes with 1, primes and ±1 around the sizes at which the host changes its way.
//! Tolerances are relative to the largest magnitude. f32 rounds by 6e-8; a sum of n products by about √n of
//! that, and the host's own exponential and error function by 2.4e-7 and 6e-7.

use proptest::prelude::*;

use super::{agree, both_refuse};
use crate::HostTensor;
use crate::ops::proof::{f32s, noise, run as reference, u32s};
use crate::ops::*;

/// Copies and single roundings.
const EXACT: f64 = 1.2e-7;

/// One transcendental function.
const FUNCTION: f64 = 1e-6;

/// Sums of up to a few thousand products.
const PRODUCT: f64 = 3e-6;

pub(crate) const ACTIVATIONS: [Activation; 9] = [
    Activation::None,
    Activation::GeluErf,
    Activation::GeluTanh,
    Activation::QuickGelu,
    Activation::Silu,
    Activation::Relu,
    Activation::Relu6,
    Activation::HardSwish,
    Activation::Sigmoid,
];

pub(crate) fn size() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![1usize, 2, 3, 5, 7, 8, 9, 13, 31, 32, 33, 64, 65])
}

pub(crate) fn small() -> impl Strategy<Value = usize> {
    1usize..6
}

pub(crate) fn wide(dims: &[usize], seed: u64) -> HostTensor {
    let scaled = noise(dims, seed).f32s().iter().map(|v| v * 9.0).collect();
    HostTensor::f32(dims, scaled).unwrap()
}

pub(crate) fn indices(dims: &[usize], below: usize, seed: u64) -> HostTensor {
    let unit = noise(dims, seed);
    let values = unit.f32s().iter().map(|v| ((v + 1.0) / 2.0 * below as f32) as u32 % below as u32).collect();
    HostTensor::u32(dims, values).unwrap()
}

/// Dimensions that repeat over `dims`: the last `rank` of them, some of length 1.
pub(crate) fn repeating(dims: &[usize], rank: usize, ones: u8) -> Vec<usize> {
    let tail = &dims[dims.len() - rank.min(dims.len())..];
    tail.iter().enumerate().map(|(i, &d)| if ones >> i & 1 == 1 { 1 } else { d }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn activation(rows in small(), width in size(), which in 0usize..9, seed: u64) {
        agree(ACTIVATIONS[which], &[&wide(&[rows, width], seed)], FUNCTION);
    }

    #[test]
    fn add_and_mul(a in small(), b in size(), c in size(), rank in 0usize..4, ones: u8, seed: u64) {
        let x = wide(&[a, b, c], seed);
        let y = wide(&repeating(x.dims(), rank, ones), seed ^ 1);
        agree(Add, &[&x, &y], EXACT);
        agree(Mul, &[&x, &y], EXACT);
    }

    #[test]
    fn scale(rows in small(), width in size(), factor in -3f32..3.0, seed: u64) {
        agree(Scale { factor }, &[&wide(&[rows, width], seed)], EXACT);
    }

    #[test]
    fn norms(rows in size(), width in size(), bias: bool, shift in -50f32..50.0, seed: u64) {
        let x: Vec<f32> = wide(&[rows, width], seed).f32s().iter().map(|v| v + shift).collect();
        let x = f32s(&[rows, width], &x);
        let (w, b) = (noise(&[width], seed ^ 1), noise(&[width], seed ^ 2));
        let operands: &[&HostTensor] = if bias { &[&x, &w, &b] } else { &[&x, &w] };
        agree(LayerNorm { eps: 1e-5, bias }, operands, FUNCTION);
        agree(RmsNorm { eps: 1e-6 }, &[&x, &w], FUNCTION);
        agree(L2Normalize { eps: 1e-12 }, &[&x], EXACT);
        agree(Softmax, &[&x], FUNCTION);
    }

    #[test]
    fn batch_norm(n in small(), channels in size(), plane in size(), seed: u64) {
        let x = wide(&[n, channels, plane], seed);
        let part = |i: u64| noise(&[channels], seed ^ i);
        let variance: Vec<f32> = part(4).f32s().iter().map(|v| v + 1.5).collect();
        let operands = [&x, &part(1), &part(2), &part(3), &f32s(&[channels], &variance)];
        agree(BatchNorm { eps: 1e-5 }, &operands, EXACT);
    }

    #[test]
    fn linear(
        rows in prop::sample::select(vec![1usize, 2, 4, 5, 33, 197]),
        n in prop::sample::select(vec![1usize, 7, 64, 511, 513, 1025]),
        k in size(), bias: bool, residual: bool, which in 0usize..9, seed: u64,
    ) {
        let op = Linear { bias, activation: ACTIVATIONS[which], residual };
        let (x, w) = (noise(&[rows, k], seed), noise(&[n, k], seed ^ 1));
        let (b, r) = (noise(&[n], seed ^ 2), noise(&[rows, n], seed ^ 3));
        let mut operands = vec![&x, &w];
        operands.extend(bias.then_some(&b));
        operands.extend(residual.then_some(&r));
        agree(op, &operands, PRODUCT);
    }

    #[test]
    fn conv2d(
        n in 1usize..3, channels in small(), out in small(), groups in 1u32..4,
        rows in 1usize..20, columns in 1usize..20, kernel in (1usize..4, 1usize..4),
        stride in (1u32..4, 1u32..4), pads in prop::array::uniform4(0u32..4), bias: bool, which in 0usize..9, seed: u64,
    ) {
        let [top, bottom, left, right] = pads;
        prop_assume!(rows + (top + bottom) as usize >= kernel.0 && columns + (left + right) as usize >= kernel.1);
        let padding = Padding { top, bottom, left, right };
        let stride = [stride.0, stride.1];
        let (channels, out) = (channels * groups as usize, out * groups as usize);
        let x = noise(&[n, channels, rows, columns], seed);
        let w = noise(&[out, channels / groups as usize, kernel.0, kernel.1], seed ^ 1);
        let b = noise(&[out], seed ^ 2);
        let activation = ACTIVATIONS[which];
        let op = Conv2d { stride, padding, groups, bias, activation };
        let operands: &[&HostTensor] = if bias { &[&x, &w, &b] } else { &[&x, &w] };
        agree(op, operands, PRODUCT);
        let (w, b) = (noise(&[channels, 1, kernel.0, kernel.1], seed ^ 1), noise(&[channels], seed ^ 2));
        let op = DepthwiseConv2d { stride, padding, bias, activation };
        let operands: &[&HostTensor] = if bias { &[&x, &w, &b] } else { &[&x, &w] };
        agree(op, operands, PRODUCT);
        for kind in [Pool2dKind::Max, Pool2dKind::Average] {
            let kernel = [kernel.0 as u32, kernel.1 as u32];
            agree(Pool2d { kind, kernel, stride, padding }, &[&x], FUNCTION);
        }
    }

    #[test]
    fn attention(
        batch in 1usize..3, queries in prop::sample::select(vec![1usize, 2, 5, 31, 32, 33, 65]),
        past in prop::sample::select(vec![0usize, 1, 30, 33]), kv in 1usize..3, per in 1usize..4,
        head_dim in prop::sample::select(vec![1usize, 5, 8, 33]), pattern in 0usize..6, mask in 0usize..4,
        softcap: bool, shared: bool, seed: u64,
    ) {
        let keys = past + queries;
        let q = wide(&[if shared { 1 } else { batch }, queries, kv * per, head_dim], seed);
        let (k, v) = (noise(&[batch, keys, kv, head_dim], seed ^ 1), noise(&[batch, keys, kv, head_dim], seed ^ 2));
        let pattern = [
            Pattern::Bidirectional,
            Pattern::Causal { window: None },
            Pattern::Causal { window: Some(4) },
            Pattern::PrefixLm { window: None },
            Pattern::PrefixLm { window: Some(7) },
            Pattern::Block,
        ][pattern];
        let segments = indices(&[batch, keys], 3, seed ^ 3);
        let masks = [
            indices(&[queries, keys], 2, seed ^ 4),
            wide(&[batch, 1, keys], seed ^ 4),
            indices(&[1], 2, seed),
        ];
        let softcap = softcap.then_some(3.0);
        let op = Attention { pattern, scale: 0.3, softcap, masked: mask < 3 };
        let mut operands = vec![&q, &k, &v];
        operands.extend(pattern.has_segments().then_some(&segments));
        operands.extend(masks.get(mask));
        agree(op, &operands, PRODUCT);
    }

    #[test]
    fn rope(tokens in size(), heads in small(), pairs in 1u32..9, more in 0usize..3, which in 0usize..6, seed: u64) {
        let rotary = pairs * 4;
        let head_dim = rotary as usize + more;
        let x = wide(&[2, tokens, heads, head_dim], seed);
        let sections = [pairs / 2, pairs, 2 * pairs - pairs - pairs / 2];
        let axes = [RopeAxes::One, RopeAxes::RowColumn, RopeAxes::Multimodal { sections }][which % 3];
        let pairing = [Pairing::Neox, Pairing::Interleaved][which % 2];
        let positions = [vec![tokens], vec![2, tokens], vec![3, tokens]][which % 3].clone();
        let positions = indices(&positions, 5000, seed ^ 1);
        let factors: Vec<f32> = noise(&[rotary as usize / 2], seed).f32s().iter().map(|v| v + 2.0).collect();
        let factors = f32s(&[rotary as usize / 2], &factors);
        let op = Rope { pairing, axes, rotary, theta: 10_000.0, position_scale: 1.0, factors: false };
        agree(op.clone(), &[&x, &positions], 3e-7);
        agree(Rope { factors: true, position_scale: 8.0, ..op }, &[&x, &positions, &factors], 3e-7);
    }

    #[test]
    fn moves(a in small(), b in size(), c in size(), axis in 0usize..3, order in 0usize..6, seed: u64) {
        let dims = [a, b, c];
        let x = noise(&dims, seed);
        let u = indices(&dims, 1000, seed);
        let axes = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]][order].to_vec();
        let (start, len) = (seed as usize % dims[axis], 1 + (seed >> 8) as usize % (dims[axis] - seed as usize % dims[axis]));
        let slice = Slice { axis, start: start.into(), len: len.into() };
        let reshape = Reshape { dims: vec![(a * b).into(), c.into()] };
        for x in [&x, &u] {
            agree(Permute { axes: axes.clone() }, &[x], 0.0);
            agree(slice.clone(), &[x], 0.0);
            agree(reshape.clone(), &[x], 0.0);
        }
        let mut other = dims;
        other[axis] = 2;
        let mut thin = [1, 1, 1];
        thin[axis] = 3;
        agree(Concat { axis }, &[&x, &noise(&other, seed ^ 1), &noise(&thin, seed ^ 2)], 0.0);
        agree(Concat { axis }, &[&noise(&thin, seed ^ 2), &x], 0.0);
    }

    #[test]
    fn lookups(rows in size(), width in size(), n in small(), batch in 1usize..3, seed: u64) {
        let table = noise(&[rows, width], seed);
        agree(Embedding, &[&indices(&[batch, n], rows, seed), &table], 0.0);
        agree(Gather { batched: false }, &[&table, &indices(&[n], rows, seed)], 0.0);
        let x = noise(&[batch, rows, width], seed);
        agree(Gather { batched: true }, &[&x, &indices(&[batch, n], rows, seed)], 0.0);
    }

    #[test]
    fn pool(a in small(), b in size(), c in size(), axis in 0usize..3, masked: bool, seed: u64) {
        let x = wide(&[a, b, c], seed);
        let mask = indices(&x.dims()[..=axis], 2, seed ^ 1);
        let operands: &[&HostTensor] = if masked { &[&x, &mask] } else { &[&x] };
        for kind in [PoolKind::Mean, PoolKind::Max] {
            agree(Pool { kind, axis, masked }, operands, EXACT);
        }
    }
}

#[test]
fn large_products_agree_where_tiles_end() {
    for (rows, n, k) in [(1023, 3, 40), (1025, 65, 33), (3, 4097, 17), (6, 4097, 17), (1, 513, 2050)] {
        let (x, w, r) = (noise(&[rows, k], 1), noise(&[n, k], 2), noise(&[rows, n], 3));
        let op = Linear { bias: false, activation: Activation::Silu, residual: true };
        agree(op, &[&x, &w, &r], PRODUCT);
    }
    // More laid-out windows than fit one tile.
    let (x, w) = (noise(&[1, 24, 110, 111], 1), noise(&[2, 24, 3, 3], 2));
    agree(Conv2d { padding: Padding::all(1), ..Conv2d::strided(1) }, &[&x, &w], PRODUCT);
}

#[test]
fn products_that_burn_shares_among_threads_are_the_same_on_any_number() {
    // burn shares products from 192³ multiplications on; more columns than one of its blocks of sums.
    for (rows, n, k) in [(400, 301, 257), (197, 300, 1101), (512, 768, 2050)] {
        let (x, w) = (noise(&[rows, k], 1), noise(&[n, k], 2));
        let op = Op::from(Linear { bias: false, activation: Activation::GeluErf, residual: false });
        let run = |threads| super::outputs(&op, &[&x, &w], super::Operands::Weights, threads).unwrap();
        let one = run(1);
        for threads in [2, 3, 7] {
            assert_eq!(super::bits(&one["y"]), super::bits(&run(threads)["y"]), "{threads} threads");
        }
        if rows < 500 {
            super::close(&one["y"], &reference(op.clone(), &[&x, &w]), PRODUCT, "large product");
        }
    }
}

#[test]
fn not_a_number_stays_one() {
    let x = f32s(&[1, 3], &[f32::NAN, 1.0, -1.0]);
    for op in ACTIVATIONS.map(Op::from).into_iter().chain([Softmax.into()]) {
        let y = super::outputs(&op, &[&x], super::Operands::Inputs, 1).unwrap();
        assert!(y["y"].f32s()[0].is_nan(), "{op:?}");
    }
}

#[test]
fn indices_out_of_range_are_refused() {
    let x = noise(&[3, 4], 1);
    both_refuse(Embedding, &[&u32s(&[2], &[0, 3]), &x]);
    both_refuse(Gather { batched: false }, &[&x, &u32s(&[2], &[2, u32::MAX])]);
}

#[test]
fn empty_values_are_no_trouble() {
    let none = noise(&[0, 4], 1);
    agree(Activation::Silu, &[&none], 0.0);
    agree(Softmax, &[&none], 0.0);
    for kind in [PoolKind::Mean, PoolKind::Max] {
        let op = Op::from(Pool { kind, axis: 0, masked: false });
        let y = super::outputs(&op, &[&none], super::Operands::Inputs, 1).unwrap();
        let expected = if kind == PoolKind::Mean { 0.0 } else { f32::NEG_INFINITY };
        assert_eq!(y["y"].f32s(), [expected; 4]);
    }
    let (q, k) = (noise(&[2, 1, 4], 1), noise(&[0, 1, 4], 1));
    let op =
        Attention { pattern: Pattern::Causal { window: None }, scale: 1.0, softcap: None, masked: false };
    let y = super::outputs(&op.into(), &[&q, &k, &k], super::Operands::Inputs, 1).unwrap();
    assert_eq!(y["y"].f32s(), [0.0; 8]);
}
