//! Operations over shapes with 1, primes and ±1 around powers of two. Tolerances are of the largest magnitude:
//! f32 rounds by 6e-8, a sum of n products by about √n of that, and functions of a device by a few roundings.

use proptest::prelude::*;

use super::Case;
use crate::HostTensor;
use crate::host::tests::ops::{ACTIVATIONS, indices, repeating, size, small, wide};
use crate::ops::proof::{f32s, noise};
use crate::ops::*;

/// Copies and single roundings.
const EXACT: f64 = 1.2e-7;

/// A few roundings and one function; WGSL allows exp and tanh that much for arguments up to 30.
const FUNCTION: f64 = 1e-5;

/// Sums of up to a few thousand products in f32, in any order.
const PRODUCT: f64 = 1e-5;

/// Mean and variance in f32 of rows around 50: 50 · 6e-8 of a few units, several times.
const NORM: f64 = 3e-5;

/// What a test plays: a name, and cases for it.
pub(crate) type Kind = (&'static str, BoxedStrategy<Vec<Case>>);

/// All operations.
pub(crate) fn all() -> Vec<Kind> {
    vec![
        ("activation", activation().boxed()),
        ("add and mul", add_and_mul().boxed()),
        ("rows", rows().boxed()),
        ("batch_norm", batch_norm().boxed()),
        ("linear", linear().boxed()),
        ("images", images().boxed()),
        ("attention", attention().boxed()),
        ("rope", rope().boxed()),
        ("moves", moves().boxed()),
        ("concat", concat().boxed()),
        ("lookups", lookups().boxed()),
        ("pool", pool().boxed()),
    ]
}

fn activation() -> impl Strategy<Value = Vec<Case>> {
    (small(), size(), 0usize..9, any::<u64>()).prop_map(|(rows, width, which, seed)| {
        vec![Case::new(ACTIVATIONS[which], &[&wide(&[rows, width], seed)], FUNCTION)]
    })
}

fn add_and_mul() -> impl Strategy<Value = Vec<Case>> {
    (small(), size(), size(), 0usize..4, any::<u8>(), any::<u64>()).prop_map(|(a, b, c, rank, ones, seed)| {
        let x = wide(&[a, b, c], seed);
        let y = wide(&repeating(x.dims(), rank, ones), seed ^ 1);
        let factor = (seed % 61) as f32 / 10.0 - 3.0;
        vec![
            Case::new(Add, &[&x, &y], EXACT),
            Case::new(Mul, &[&x, &y], EXACT),
            Case::new(Scale { factor }, &[&x], EXACT),
        ]
    })
}

fn rows() -> impl Strategy<Value = Vec<Case>> {
    (size(), size(), any::<bool>(), -50f32..50.0, any::<u64>()).prop_map(
        |(rows, width, bias, shift, seed)| {
            let x: Vec<f32> = wide(&[rows, width], seed).f32s().iter().map(|v| v + shift).collect();
            let x = f32s(&[rows, width], &x);
            let (w, b) = (noise(&[width], seed ^ 1), noise(&[width], seed ^ 2));
            let operands: &[&HostTensor] = if bias { &[&x, &w, &b] } else { &[&x, &w] };
            vec![
                // An eps that keeps rows of nearly equal numbers from enlarging the roundings of their mean.
                Case::new(LayerNorm { eps: 1e-2, bias }, operands, NORM),
                Case::new(RmsNorm { eps: 1e-6 }, &[&x, &w], FUNCTION),
                Case::new(L2Normalize { eps: 1e-12 }, &[&x], FUNCTION),
                Case::new(Softmax, &[&x], FUNCTION),
            ]
        },
    )
}

fn batch_norm() -> impl Strategy<Value = Vec<Case>> {
    (small(), size(), size(), any::<u64>()).prop_map(|(n, channels, plane, seed)| {
        let x = wide(&[n, channels, plane], seed);
        let part = |i: u64| noise(&[channels], seed ^ i);
        let variance: Vec<f32> = part(4).f32s().iter().map(|v| v + 1.5).collect();
        let operands = [&x, &part(1), &part(2), &part(3), &f32s(&[channels], &variance)];
        vec![Case::new(BatchNorm { eps: 1e-5 }, &operands, 1e-6)]
    })
}

fn linear() -> impl Strategy<Value = Vec<Case>> {
    let rows = prop::sample::select(vec![1usize, 2, 5, 33, 197]);
    let n = prop::sample::select(vec![1usize, 7, 64, 513]);
    (rows, n, size(), any::<bool>(), any::<bool>(), 0usize..9, any::<u64>()).prop_map(
        |(rows, n, k, bias, residual, which, seed)| {
            let op = Linear { bias, activation: ACTIVATIONS[which], residual };
            let (x, w) = (noise(&[rows, k], seed), noise(&[n, k], seed ^ 1));
            let (b, r) = (noise(&[n], seed ^ 2), noise(&[rows, n], seed ^ 3));
            let mut operands = vec![&x, &w];
            operands.extend(bias.then_some(&b));
            operands.extend(residual.then_some(&r));
            vec![Case::new(op, &operands, PRODUCT)]
        },
    )
}

fn images() -> impl Strategy<Value = Vec<Case>> {
    let sizes = (1usize..3, small(), small(), 1u32..4, 1usize..20, 1usize..20);
    let windows = ((1usize..4, 1usize..4), (1u32..4, 1u32..4), prop::array::uniform4(0u32..4));
    let fits = |(sizes, windows, ..): &(Sizes, Windows, bool, usize, u64)| {
        let ((_, _, _, _, rows, columns), (kernel, _, [top, bottom, left, right])) = (sizes, windows);
        rows + (top + bottom) as usize >= kernel.0 && columns + (left + right) as usize >= kernel.1
    };
    let all = (sizes, windows, any::<bool>(), 0usize..9, any::<u64>());
    all.prop_filter("a window that fits", fits).prop_map(|(sizes, windows, bias, which, seed)| {
        image_cases(sizes, windows, bias, ACTIVATIONS[which], seed)
    })
}

type Sizes = (usize, usize, usize, u32, usize, usize);
type Windows = ((usize, usize), (u32, u32), [u32; 4]);

fn image_cases(sizes: Sizes, windows: Windows, bias: bool, activation: Activation, seed: u64) -> Vec<Case> {
    let (n, channels, out, groups, rows, columns) = sizes;
    let (kernel, stride, [top, bottom, left, right]) = windows;
    let (padding, stride) = (Padding { top, bottom, left, right }, [stride.0, stride.1]);
    let (channels, out) = (channels * groups as usize, out * groups as usize);
    let x = noise(&[n, channels, rows, columns], seed);
    let w = noise(&[out, channels / groups as usize, kernel.0, kernel.1], seed ^ 1);
    let b = noise(&[out], seed ^ 2);
    let operands: &[&HostTensor] = if bias { &[&x, &w, &b] } else { &[&x, &w] };
    let mut cases = vec![Case::new(Conv2d { stride, padding, groups, bias, activation }, operands, PRODUCT)];
    let (w, b) = (noise(&[channels, 1, kernel.0, kernel.1], seed ^ 1), noise(&[channels], seed ^ 2));
    let operands: &[&HostTensor] = if bias { &[&x, &w, &b] } else { &[&x, &w] };
    cases.push(Case::new(DepthwiseConv2d { stride, padding, bias, activation }, operands, PRODUCT));
    let kernel = [kernel.0 as u32, kernel.1 as u32];
    for kind in [Pool2dKind::Max, Pool2dKind::Average] {
        cases.push(Case::new(Pool2d { kind, kernel, stride, padding }, &[&x], 1e-6));
    }
    cases
}

fn attention() -> impl Strategy<Value = Vec<Case>> {
    let queries = prop::sample::select(vec![1usize, 2, 5, 32, 33]);
    let past = prop::sample::select(vec![0usize, 1, 30]);
    let head_dim = prop::sample::select(vec![1usize, 5, 8, 33]);
    let shape = (1usize..3, queries, past, 1usize..3, 1usize..4, head_dim);
    (shape, 0usize..6, 0usize..5, any::<bool>(), any::<bool>(), any::<u64>()).prop_map(
        |((batch, queries, past, kv, per, head_dim), pattern, mask, softcap, shared, seed)| {
            let keys = past + queries;
            let q = wide(&[if shared { 1 } else { batch }, queries, kv * per, head_dim], seed);
            let [k, v] = [1, 2].map(|i| noise(&[batch, keys, kv, head_dim], seed ^ i));
            let pattern = [
                Pattern::Bidirectional,
                Pattern::Causal { window: None },
                Pattern::Causal { window: Some(4) },
                Pattern::PrefixLm { window: None },
                Pattern::PrefixLm { window: Some(7) },
                Pattern::Block,
            ][pattern];
            let segments = indices(&[batch, keys], 3, seed ^ 3);
            let added = wide(&[batch, 1, keys], seed ^ 4);
            let some: Vec<f32> =
                added.f32s().iter().map(|v| if *v > 2.0 { f32::NEG_INFINITY } else { *v }).collect();
            let masks = [
                indices(&[queries, keys], 2, seed ^ 4),
                f32s(added.dims(), &some),
                added,
                indices(&[1], 2, seed),
            ];
            let softcap = softcap.then_some(3.0);
            let op = Attention { pattern, scale: 0.3, softcap, masked: mask < 4 };
            let mut operands = vec![&q, &k, &v];
            operands.extend(pattern.has_segments().then_some(&segments));
            operands.extend(masks.get(mask));
            vec![Case::new(op, &operands, PRODUCT)]
        },
    )
}

fn rope() -> impl Strategy<Value = Vec<Case>> {
    (size(), small(), 1u32..9, 0usize..3, 0usize..6, any::<u64>()).prop_map(
        |(tokens, heads, pairs, more, which, seed)| {
            let rotary = pairs * 4;
            let x = wide(&[2, tokens, heads, rotary as usize + more], seed);
            let sections = [pairs / 2, pairs, pairs - pairs / 2];
            let axes = [RopeAxes::One, RopeAxes::RowColumn, RopeAxes::Multimodal { sections }][which % 3];
            let pairing = [Pairing::Neox, Pairing::Interleaved][which % 2];
            let positions = [vec![tokens], vec![2, tokens], vec![3, tokens]][which % 3].clone();
            let positions = indices(&positions, 5000, seed ^ 1);
            let factors = noise(&[rotary as usize / 2], seed);
            let factors: Vec<f32> = factors.f32s().iter().map(|v| v + 2.0).collect();
            let factors = f32s(&[rotary as usize / 2], &factors);
            let op = Rope { pairing, axes, rotary, theta: 10_000.0, position_scale: 1.0, factors: false };
            let stretched = Rope { factors: true, position_scale: 8.0, ..op.clone() };
            vec![
                Case::new(op, &[&x, &positions], 3e-7),
                Case::new(stretched, &[&x, &positions, &factors], 3e-7),
            ]
        },
    )
}

fn moves() -> impl Strategy<Value = Vec<Case>> {
    let dims = (small(), size(), size(), 1usize..4);
    (dims, 0usize..4, Just(vec![0, 1, 2, 3]).prop_shuffle(), any::<u64>()).prop_map(
        |((a, b, c, d), axis, axes, seed)| {
            let dims = [a, b, c, d];
            let start = seed as usize % dims[axis];
            let len = 1 + (seed >> 8) as usize % (dims[axis] - start);
            let slice = Slice { axis, start: start.into(), len: len.into() };
            let reshape = Reshape { dims: vec![(a * b).into(), (c * d).into()] };
            let mut cases = Vec::new();
            for x in [noise(&dims, seed), indices(&dims, 1000, seed)] {
                cases.push(Case::new(Permute { axes: axes.clone() }, &[&x], 0.0));
                cases.push(Case::new(slice.clone(), &[&x], 0.0));
                cases.push(Case::new(reshape.clone(), &[&x], 0.0));
            }
            cases
        },
    )
}

fn concat() -> impl Strategy<Value = Vec<Case>> {
    (small(), size(), size(), 0usize..3, any::<u64>()).prop_map(|(a, b, c, axis, seed)| {
        let x = noise(&[a, b, c], seed);
        let (mut other, mut thin, mut none) = ([a, b, c], [1, 1, 1], [a, b, c]);
        (other[axis], thin[axis], none[axis]) = (2, 3, 0);
        let (other, thin) = (noise(&other, seed ^ 1), noise(&thin, seed ^ 2));
        vec![
            Case::new(Concat { axis }, &[&x, &other, &thin], 0.0),
            Case::new(Concat { axis }, &[&thin, &x], 0.0),
            Case::new(Concat { axis }, &[&noise(&none, 1), &x], 0.0),
        ]
    })
}

fn lookups() -> impl Strategy<Value = Vec<Case>> {
    (size(), size(), small(), 1usize..3, any::<u64>()).prop_map(|(rows, width, n, batch, seed)| {
        let (table, x) = (noise(&[rows, width], seed), noise(&[batch, rows, width], seed));
        let (few, per_batch) = (indices(&[n], rows, seed), indices(&[batch, n], rows, seed));
        vec![
            Case::new(Embedding, &[&per_batch, &table], 0.0),
            Case::new(Gather { batched: false }, &[&table, &few], 0.0),
            Case::new(Gather { batched: true }, &[&x, &per_batch], 0.0),
        ]
    })
}

fn pool() -> impl Strategy<Value = Vec<Case>> {
    (small(), size(), size(), 0usize..3, any::<bool>(), any::<u64>()).prop_map(
        |(a, b, c, axis, masked, seed)| {
            let x = wide(&[a, b, c], seed);
            let mask = indices(&x.dims()[..=axis], 2, seed ^ 1);
            let operands: &[&HostTensor] = if masked { &[&x, &mask] } else { &[&x] };
            let kinds = [PoolKind::Mean, PoolKind::Max];
            kinds.map(|kind| Case::new(Pool { kind, axis, masked }, operands, 1e-6)).to_vec()
        },
    )
}
