//! TABLE: known answers for every operation and format.

use std::collections::HashMap;

use bedside_tensor::DType;

use super::super::dequant;
use super::Depth;
use super::case::{CACHED, Case, EXACT, FAST, numbers, operand};
use crate::graph::{Dim, Element, Graph, Node, Sizes, Symbol, ValueType};
use crate::kv::KvFormat;
use crate::ops::*;
use crate::source::OwnedWeight;
use crate::tensor::HostTensor;
use crate::{ComputeError, dims};

/// Columns of a weight: two of the largest blocks.
const COLUMNS: usize = 512;

/// All of them; those that cannot even be described are left out, which a test rules out.
pub(super) fn all(depth: Depth) -> Vec<Case<'static>> {
    let mut cases = Vec::new();
    cases.extend(lone_cases().into_iter().flatten());
    for dtype in dequant::formats() {
        cases.extend(format_cases(dtype, depth).into_iter().flatten());
    }
    for kv in [KvFormat::F32, KvFormat::F16, KvFormat::Q8_0] {
        cases.extend(cached(kv, 64));
    }
    cases
}

/// One operation on inputs of these dimensions; `below`: bound of indices.
fn lone(
    op: impl Into<Op>,
    shapes: &[(&[usize], Element)],
    below: u32,
) -> Result<Case<'static>, ComputeError> {
    let op = op.into();
    let mut g = Graph::builder("check");
    let (mut values, mut inputs) = (Vec::new(), Vec::new());
    for (i, (dims, element)) in shapes.iter().enumerate() {
        let dims: Vec<Dim> = dims.iter().map(|&d| Dim::from(d)).collect();
        let value = ValueType { dims: dims.clone(), element: *element };
        let name = format!("operand {i}");
        values.push(g.input(&name, dims, *element)?);
        inputs.push((name, operand(&value, below, &Sizes::new(), i as u64 + 1)?));
    }
    let what = format!("{} {:?}", op.name(), shapes.iter().map(|(dims, _)| *dims).collect::<Vec<_>>());
    let y = g.push(op, values)?;
    g.output("result", y)?;
    Ok(Case {
        what,
        graph: g.finish()?,
        weights: Box::new(HashMap::<String, OwnedWeight>::new()),
        inputs,
        sizes: Sizes::new(),
        kv: KvFormat::F32,
        numerics: Numerics::Exact,
        allowed: EXACT,
    })
}

/// Every operation but those on weights in blocks.
fn lone_cases() -> Vec<Result<Case<'static>, ComputeError>> {
    use Element::{F32, U32};
    let same: &[usize] = &[5, 67];
    let image: &[usize] = &[2, 6, 13, 11];
    let padding = Padding { top: 1, bottom: 2, left: 0, right: 1 };
    let conv = |groups| Conv2d { stride: [2, 1], padding, groups, bias: true, activation: Activation::Relu6 };
    let depthwise =
        DepthwiseConv2d { stride: [1, 2], padding, bias: true, activation: Activation::HardSwish };
    let pool2d = |kind| Pool2d { kind, kernel: [3, 2], stride: [2, 2], padding };
    let rope = Rope { pairing: Pairing::Interleaved, ..Rope::neox(32, 10_000.0) };
    let mut cases = vec![
        lone(Add, &[(same, F32), (&[67], F32)], 1),
        lone(Mul, &[(same, F32), (&[5, 1], F32)], 1),
        lone(Scale { factor: 0.37 }, &[(same, F32)], 1),
        lone(LayerNorm { eps: 1e-5, bias: true }, &[(same, F32), (&[67], F32), (&[67], F32)], 1),
        lone(RmsNorm { eps: 1e-5 }, &[(same, F32), (&[67], F32)], 1),
        lone(L2Normalize { eps: 1e-12 }, &[(same, F32)], 1),
        lone(Softmax, &[(same, F32)], 1),
        lone(Permute { axes: vec![2, 0, 3, 1] }, &[(image, F32)], 1),
        lone(Slice { axis: 1, start: 3.into(), len: 31.into() }, &[(same, F32)], 1),
        lone(Concat { axis: 1 }, &[(same, F32), (&[1, 3], F32)], 1),
        lone(Gather { batched: false }, &[(same, F32), (&[9], U32)], 5),
        lone(Pool { kind: PoolKind::Mean, axis: 0, masked: true }, &[(same, F32), (&[5], U32)], 2),
        lone(Pool { kind: PoolKind::Max, axis: 1, masked: false }, &[(same, F32)], 1),
        lone(pool2d(Pool2dKind::Max), &[(image, F32)], 1),
        lone(pool2d(Pool2dKind::Average), &[(image, F32)], 1),
        lone(conv(1), &[(image, F32), (&[10, 6, 3, 2], F32), (&[10], F32)], 1),
        lone(conv(2), &[(image, F32), (&[10, 3, 3, 2], F32), (&[10], F32)], 1),
        lone(depthwise, &[(image, F32), (&[6, 1, 3, 2], F32), (&[6], F32)], 1),
        lone(Rope::neox(32, 10_000.0), &[(&[5, 2, 40], F32), (&[5], U32)], 5000),
        lone(rope, &[(&[5, 2, 40], F32), (&[5], U32)], 5000),
    ];
    let activations = [
        Activation::GeluErf,
        Activation::GeluTanh,
        Activation::QuickGelu,
        Activation::Silu,
        Activation::Relu,
        Activation::Relu6,
        Activation::HardSwish,
        Activation::Sigmoid,
    ];
    cases.extend(activations.map(|activation| lone(activation, &[(same, F32)], 1)));
    for (queries, keys) in [(1usize, 37usize), (33, 33)] {
        let pattern = Pattern::Causal { window: None };
        let attention = Attention { pattern, scale: 0.2, softcap: None, masked: false };
        let (q, k) = ([queries, 4, 32], [keys, 2, 32]);
        cases.push(lone(attention.clone(), &[(&q, F32), (&k, F32), (&k, F32)], 1));
        let masked = Attention { pattern: Pattern::Bidirectional, masked: true, ..attention };
        cases.push(lone(masked, &[(&q, F32), (&k, F32), (&k, F32), (&[queries, keys], U32)], 3));
    }
    cases
}

/// Look-ups and products with a weight of one format.
fn format_cases(dtype: DType, depth: Depth) -> Vec<Result<Case<'static>, ComputeError>> {
    let rows: &[usize] = if depth == Depth::Full { &[1, 3, 40] } else { &[1, 40] };
    let mut cases = vec![embedding(dtype)];
    for &rows in rows {
        cases.push(linear(dtype, rows, Numerics::Exact));
        if dtype.is_quantized() {
            cases.push(linear(dtype, rows, Numerics::Fast));
        }
    }
    cases
}

fn weighted(
    op: Op,
    x: (&str, HostTensor),
    (dtype, rows): (DType, usize),
    numerics: Numerics,
) -> Result<Case<'static>, ComputeError> {
    let dims = [rows as u64, COLUMNS as u64];
    let weight = OwnedWeight::new("weight", dtype, &dims, &numbers(rows * COLUMNS, 7))?;
    let mut g = Graph::builder("check");
    let shape: Vec<Dim> = x.1.dims().iter().map(|&d| Dim::from(d)).collect();
    let input = g.input(x.0, shape, x.1.element())?;
    let value = ValueType::f32([Dim::from(rows), Dim::from(COLUMNS)]);
    let table = g.push_node(Node { name: "weight".to_owned(), op: Op::Weight, inputs: vec![], value })?;
    let y = g.push(op.clone(), vec![input, table])?;
    g.output("result", y)?;
    let fast = numerics == Numerics::Fast;
    Ok(Case {
        what: format!("{} {:?} × {} [{rows}, {COLUMNS}], {numerics}", op.name(), x.1.dims(), dtype.name()),
        graph: g.finish()?,
        weights: Box::new(HashMap::from([("weight".to_owned(), weight)])),
        inputs: vec![(x.0.to_owned(), x.1)],
        sizes: Sizes::new(),
        kv: KvFormat::F32,
        numerics,
        allowed: if fast { FAST } else { EXACT },
    })
}

fn linear(dtype: DType, rows: usize, numerics: Numerics) -> Result<Case<'static>, ComputeError> {
    let x = HostTensor::f32(&[rows, COLUMNS], numbers(rows * COLUMNS, 3))?;
    let op = Linear { bias: false, activation: Activation::None, residual: false };
    weighted(op.into(), ("x", x), (dtype, 70), numerics)
}

fn embedding(dtype: DType) -> Result<Case<'static>, ComputeError> {
    weighted(Embedding.into(), ("ids", HostTensor::u32(&[3], vec![6, 0, 3])?), (dtype, 7), Numerics::Exact)
}

/// Keys and values through a cache of this format.
fn cached(kv: KvFormat, head_dim: usize) -> Result<Case<'static>, ComputeError> {
    let mut g = Graph::builder("check");
    let mut inputs = Vec::new();
    let tokens = 5usize;
    let mut input = |g: &mut crate::GraphBuilder, name: &str, heads: usize, seed| {
        let dims = dims![Symbol::Tokens, heads, head_dim];
        let x = HostTensor::f32(&[tokens, heads, head_dim], numbers(tokens * heads * head_dim, seed))?;
        inputs.push((name.to_owned(), x));
        g.input(name, dims, Element::F32)
    };
    let (q, k, v) = (input(&mut g, "q", 4, 1)?, input(&mut g, "k", 2, 2)?, input(&mut g, "v", 2, 3)?);
    let (keys, values) = (g.state("keys", dims![7, 2, head_dim])?, g.state("values", dims![7, 2, head_dim])?);
    let (k, v) = (g.cache_append(keys, k)?, g.cache_append(values, v)?);
    let y = g.attention(q, k, v, Attend::causal(0.2))?;
    g.output("result", y)?;
    Ok(Case {
        what: format!("attention over a cache in {kv}, head_dim {head_dim}"),
        graph: g.finish()?,
        weights: Box::new(HashMap::<String, OwnedWeight>::new()),
        inputs,
        sizes: Sizes::new().with(Symbol::Tokens, tokens as u64).with(Symbol::Past, 0),
        kv,
        numerics: Numerics::Exact,
        allowed: if kv == KvFormat::F32 { EXACT } else { CACHED },
    })
}

/// For graphs with caches: their head_dims in the plan's format.
pub(super) fn of_caches(graph: &Graph, kv: KvFormat) -> Result<Vec<Case<'static>>, ComputeError> {
    let mut head_dims = std::collections::BTreeSet::new();
    for state in graph.states() {
        head_dims.extend(state.value.at(&Sizes::new())?.last().copied());
    }
    head_dims.into_iter().map(|head_dim| cached(kv, head_dim as usize)).collect()
}

#[cfg(test)]
pub(super) fn undescribed() -> Vec<ComputeError> {
    let formats = dequant::formats().flat_map(|dtype| format_cases(dtype, Depth::Full));
    lone_cases().into_iter().chain(formats).filter_map(Result::err).collect()
}
