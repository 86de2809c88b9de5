//! Networks for the tests of plan, rewrites and executors: random small ones, a small ViT.

use proptest::prelude::*;

use super::{Dim, Element, Graph, GraphBuilder, Symbol, Value, weight};
use crate::ops::{Activation, Attend, BatchNorm, Conv2d, Op, PoolKind, Visible};
use crate::{ComputeError, dims};

pub(crate) const WIDTH: i32 = 32;

/// One step of a random network: which operation, and which of the values so far it reads.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    op: usize,
    a: usize,
    b: usize,
}

/// Up to 14 operations on values of (tokens, 32), every kind that a plan or rewrite treats apart.
pub(crate) fn random_graph() -> impl Strategy<Value = Graph> {
    let choice = (0usize..20, 0usize..8, 0usize..8).prop_map(|(op, a, b)| Choice { op, a, b });
    prop::collection::vec(choice, 1..14).prop_map(|choices| build(&choices).unwrap())
}

fn build(choices: &[Choice]) -> Result<Graph, ComputeError> {
    let mut g = Graph::builder("random");
    let mut values = vec![
        g.input("x", dims![Symbol::Tokens, WIDTH], Element::F32)?,
        g.input("y", dims![Symbol::Tokens, WIDTH], Element::F32)?,
    ];
    for (i, choice) in choices.iter().enumerate() {
        // Mostly recent values, so that chains form.
        let pick = |back: usize| values[values.len() - 1 - back * back / 10 % values.len()];
        let value = step(&mut g, choice.op, i, pick(choice.a), pick(choice.b))?;
        values.push(value);
    }
    g.output("last", values[values.len() - 1])?;
    g.output("middle", values[values.len() / 2])?;
    g.finish()
}

fn step(g: &mut GraphBuilder, op: usize, i: usize, a: Value, b: Value) -> Result<Value, ComputeError> {
    let vector = |part: &str| weight(format!("{i}.{part}"), [WIDTH]);
    let matrix = || weight(format!("{i}.weight"), [WIDTH, WIDTH]);
    match op {
        0..=3 => g.linear(a, matrix(), (op == 0).then(|| vector("bias")), Activation::None),
        4 => g.add(a, vector("bias")),
        5 => g.activation(a, Activation::GeluErf),
        6 => g.activation(a, Activation::HardSwish),
        7 | 8 => g.add(a, b),
        9 => g.mul(a, b),
        10 => g.mul(a, vector("gamma")),
        11 => g.scale(a, if i.is_multiple_of(3) { 1.0 } else { 0.75 }),
        12 => g.layer_norm(a, vector("norm"), Some(vector("bias")), 1e-5),
        13 => {
            let norm = g.add(vector("norm"), vector("shift"))?;
            g.rms_norm(a, norm, 1e-5)
        }
        14 => g.softmax(a),
        15 => {
            let split = g.reshape(a, dims![Symbol::Tokens, 4, 8])?;
            let swapped = g.permute(split, &[0, 2, 1])?;
            g.reshape(swapped, dims![Symbol::Tokens, WIDTH])
        }
        16 => {
            let (low, high) = (g.slice(a, 1, 0, 8)?, g.slice(b, 1, 8, 24)?);
            g.concat([low, high], 1)
        }
        17 => {
            let transposed = g.weight(matrix())?;
            let transposed = g.permute(transposed, &[1, 0])?;
            g.linear(a, transposed, None, Activation::None)
        }
        18 => convolution(g, i, a),
        _ => attention(g, a, b),
    }
}

fn convolution(g: &mut GraphBuilder, i: usize, a: Value) -> Result<Value, ComputeError> {
    let image = g.reshape(a, dims![Symbol::Tokens, 8, 2, 2])?;
    let w = weight(format!("{i}.conv"), [8, 8, 1, 1]);
    let image = g.conv2d(image, w, None, Conv2d::strided(1))?;
    let part = |name: &str| weight(format!("{i}.{name}"), [8]);
    let norm = [part("norm"), part("bias"), part("mean"), part("variance")];
    let image = g.batch_norm(image, norm, 1e-5)?;
    let image = g.activation(image, Activation::Relu6)?;
    g.reshape(image, dims![Symbol::Tokens, WIDTH])
}

fn attention(g: &mut GraphBuilder, a: Value, b: Value) -> Result<Value, ComputeError> {
    let heads = dims![Symbol::Tokens, 4, 8];
    let (q, k) = (g.reshape(a, heads)?, g.reshape(b, heads)?);
    let causal = Attend { visible: Visible::Causal { window: Some(3) }, ..Attend::all(0.35) };
    let y = g.attention(q, k, k, causal)?;
    g.reshape(y, dims![Symbol::Tokens, WIDTH])
}

/// A ViT of one block: 32 px, patches of 8, width 64, 2 heads; class token, pre-norm, projection.
pub(crate) fn vit() -> Result<Graph, ComputeError> {
    let images = Dim::from(Symbol::Images);
    let mut g = Graph::builder("vit");
    let pixels = g.input("pixels", dims![images, 3, 32, 32], Element::F32)?;
    let bias = |name: &str, n: i32| Some(weight(name, [n]));
    g.scope("v");
    let patches = weight("v.patch_embd.weight", [64, 3, 8, 8]);
    let x = g.conv2d(pixels, patches, bias("v.patch_embd.bias", 64), Conv2d::strided(8))?;
    let x = g.reshape(x, dims![images, 64, 16])?;
    let x = g.permute(x, &[0, 2, 1])?; // (images, patches, width)
    let class = g.weight(weight("v.class_embd", [1, 1, 64]))?;
    let x = g.concat([class, x], 1)?;
    let x = g.add(x, weight("v.position_embd.weight", [17, 64]))?;
    g.scope("v.blk.0");
    let h = g.layer_norm(x, weight("v.blk.0.ln1.weight", [64]), bias("v.blk.0.ln1.bias", 64), 1e-5)?;
    let mut heads = [h; 3];
    for (value, part) in heads.iter_mut().zip(["q", "k", "v"]) {
        let name = format!("v.blk.0.attn_{part}");
        let w = weight(format!("{name}.weight"), [64, 64]);
        let y = g.linear(h, w, bias(&format!("{name}.bias"), 64), Activation::None)?;
        *value = g.reshape(y, dims![images, 17, 2, 32])?;
    }
    let [q, k, v] = heads;
    let y = g.attention(q, k, v, Attend::all(32f32.powf(-0.5)))?;
    let y = g.reshape(y, dims![images, 17, 64])?;
    let w = weight("v.blk.0.attn_out.weight", [64, 64]);
    let y = g.linear(y, w, bias("v.blk.0.attn_out.bias", 64), Activation::None)?;
    let x = g.add(x, y)?;
    let h = g.layer_norm(x, weight("v.blk.0.ln2.weight", [64]), bias("v.blk.0.ln2.bias", 64), 1e-5)?;
    let up = weight("v.blk.0.ffn_up.weight", [256, 64]);
    let h = g.linear(h, up, bias("v.blk.0.ffn_up.bias", 256), Activation::QuickGelu)?;
    let down = weight("v.blk.0.ffn_down.weight", [64, 256]);
    let y = g.linear(h, down, bias("v.blk.0.ffn_down.bias", 64), Activation::None)?;
    let x = g.add(x, y)?;
    g.scope("v");
    let pooled = g.pool(x, PoolKind::Mean, 1, None)?;
    let y = g.linear(pooled, weight("v.proj.weight", [32, 64]), None, Activation::None)?;
    let y = g.l2_normalize(y, 0.0)?;
    g.output("embedding", y)?;
    g.finish()
}

/// Whether the graph has an operation of this kind.
pub(crate) fn has_batch_norm(graph: &Graph) -> bool {
    graph.nodes().iter().any(|node| matches!(node.op, Op::BatchNorm(BatchNorm { .. })))
}
