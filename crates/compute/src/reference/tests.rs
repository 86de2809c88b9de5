//! Small networks end to end.

use std::collections::HashMap;

use super::*;
use crate::graph::{Dim, Element, GraphBuilder, Symbol, weight};
use crate::ops::proof::{assert_close, f32s, noise, u32s};
use crate::ops::{Activation, Attend, Rope};
use crate::{OwnedWeight, dims};
use bedside_tensor::{DType, TensorView};

struct Views<'a>(&'a [(&'a str, &'a TensorView<'a>)]);

impl WeightSource for Views<'_> {
    fn weight(&self, name: &str) -> Result<TensorView<'_>, ComputeError> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, view)| **view).ok_or_else(|| ComputeError::WeightMissing { name: name.to_owned() })
    }
}

/// One operation through the executor: operands are the inputs, then the weights.
pub(crate) fn one_op(op: Op, inputs: &[HostTensor], weights: &[(&str, &TensorView<'_>)]) -> HostTensor {
    let mut g = Graph::builder("one op");
    let names: Vec<String> = (0..inputs.len()).map(|i| format!("x{i}")).collect();
    let mut operands = Vec::new();
    for (name, x) in names.iter().zip(inputs) {
        let dims: Vec<Dim> = x.dims().iter().map(|&d| d.into()).collect();
        operands.push(g.input(name, dims, x.element()).unwrap());
    }
    for (name, view) in weights {
        let value = ValueType::f32(view.shape().dims().iter().map(|&d| Dim::from(d)).collect::<Vec<_>>());
        let node = Node { name: (*name).to_owned(), op: Op::Weight, inputs: vec![], value };
        operands.push(g.push_node(node).unwrap());
    }
    let y = g.push(op, operands).unwrap();
    g.output("y", y).unwrap();
    let graph = g.finish().unwrap();
    let source = Views(weights);
    let mut executor = Executor::new(&graph, &source).unwrap();
    let named: Vec<(&str, HostTensor)> =
        names.iter().map(String::as_str).zip(inputs.iter().cloned()).collect();
    executor.run(&Sizes::new(), &named).unwrap().remove("y").unwrap()
}

/// Random f32 weights for everything a graph asks for, in [-0.3, 0.3), norms near 1.
pub(crate) fn random_weights(graph: &Graph, seed: u64) -> HashMap<String, OwnedWeight> {
    let make = |(i, node): (usize, &Node)| {
        let dims = node.value.at(&Sizes::new()).unwrap();
        let host: Vec<usize> = dims.iter().map(|&d| d as usize).collect();
        let near = if node.name.contains("norm") || node.name.contains("var") { 1.0 } else { 0.0 };
        let values: Vec<f32> =
            noise(&host, seed ^ (i as u64) << 20).f32s().iter().map(|v| v * 0.3 + near).collect();
        (node.name.clone(), OwnedWeight::new(&node.name, DType::F32, &dims, &values).unwrap())
    };
    graph.weights().enumerate().map(make).collect()
}

/// A decoder of two blocks: width 16, 4 heads on 2 kv heads of 32 features, context 24.
pub(crate) fn decoder() -> Graph {
    const WIDTH: i32 = 16;
    let mut g = Graph::builder("decoder");
    let ids = g.input("ids", dims![Symbol::Tokens], Element::U32).unwrap();
    let positions = g.input("positions", dims![Symbol::Tokens], Element::U32).unwrap();
    let table = weight("token_embd.weight", [40, WIDTH]);
    let mut x = g.embedding(ids, table.clone()).unwrap();
    for i in 0..2 {
        x = block(&mut g, x, positions, &format!("blk.{i}")).unwrap();
    }
    let x = g.slice(x, 0, Symbol::Tokens - 1, 1).unwrap();
    let x = g.rms_norm(x, weight("output_norm.weight", [WIDTH]), 1e-6).unwrap();
    let logits = g.linear(x, table, None, Activation::None).unwrap();
    g.output("logits", logits).unwrap();
    g.finish().unwrap()
}

fn block(g: &mut GraphBuilder, x: Value, positions: Value, name: &str) -> Result<Value, ComputeError> {
    let (width, heads, kv_heads, head_dim, hidden) = (16, 4, 2, 32, 48);
    g.scope(name);
    let rope = Rope::neox(32, 10_000.0);
    let w = |part: &str, out: i32, columns: i32| weight(format!("{name}.{part}.weight"), [out, columns]);
    let h = g.rms_norm(x, weight(format!("{name}.attn_norm.weight"), [width]), 1e-6)?;
    let q = g.linear(h, w("attn_q", heads * head_dim, width), None, Activation::None)?;
    let k = g.linear(h, w("attn_k", kv_heads * head_dim, width), None, Activation::None)?;
    let v = g.linear(h, w("attn_v", kv_heads * head_dim, width), None, Activation::None)?;
    let q = g.reshape(q, dims![Symbol::Tokens, heads, head_dim])?;
    let k = g.reshape(k, dims![Symbol::Tokens, kv_heads, head_dim])?;
    let v = g.reshape(v, dims![Symbol::Tokens, kv_heads, head_dim])?;
    let (q, k) = (g.rope(q, positions, rope.clone(), None)?, g.rope(k, positions, rope, None)?);
    let k_cache = g.state(&format!("{name}.k"), dims![24, kv_heads, head_dim])?;
    let v_cache = g.state(&format!("{name}.v"), dims![24, kv_heads, head_dim])?;
    let (k, v) = (g.cache_append(k_cache, k)?, g.cache_append(v_cache, v)?);
    let y = g.attention(q, k, v, Attend::causal(0.177))?;
    let y = g.reshape(y, dims![Symbol::Tokens, heads * head_dim])?;
    let y = g.linear(y, w("attn_output", width, heads * head_dim), None, Activation::None)?;
    let x = g.add(x, y)?;
    let h = g.rms_norm(x, weight(format!("{name}.ffn_norm.weight"), [width]), 1e-6)?;
    let gate = g.linear(h, w("ffn_gate", hidden, width), None, Activation::Silu)?;
    let up = g.linear(h, w("ffn_up", hidden, width), None, Activation::None)?;
    let h = g.mul(gate, up)?;
    let y = g.linear(h, w("ffn_down", width, hidden), None, Activation::None)?;
    g.add(x, y)
}

/// Run `ids` in chunks; the logits of the last token.
fn chunks(graph: &Graph, weights: &dyn WeightSource, kv: KvFormat, chunks: &[&[u32]]) -> HostTensor {
    let mut executor = Executor::new(graph, weights).unwrap().with_kv(kv).unwrap();
    let (mut past, mut logits) = (0, None);
    for ids in chunks {
        let sizes = Sizes::new().with(Symbol::Tokens, ids.len() as u64).with(Symbol::Past, past.into());
        let positions: Vec<u32> = (past..).take(ids.len()).collect();
        let inputs = [("ids", u32s(&[ids.len()], ids)), ("positions", u32s(&[ids.len()], &positions))];
        logits = executor.run(&sizes, &inputs).unwrap().remove("logits");
        past += ids.len() as u32;
    }
    logits.unwrap()
}

#[test]
fn a_cached_decoder_equals_one_pass() {
    let graph = decoder();
    let weights = random_weights(&graph, 7);
    let ids: [u32; 7] = [3, 17, 39, 0, 5, 5, 21];
    let whole = chunks(&graph, &weights, KvFormat::F32, &[&ids]);
    let split = chunks(&graph, &weights, KvFormat::F32, &[&ids[..3], &ids[3..4], &ids[4..]]);
    assert_eq!(whole, split);
    // f16 rounds keys and values by 2^-12, q8_0 by half a 127th of the largest of a block.
    for (kv, tolerance) in [(KvFormat::F16, 1e-3), (KvFormat::Q8_0, 2e-2)] {
        let rounded = chunks(&graph, &weights, kv, &[&ids[..5], &ids[5..]]);
        assert_ne!(rounded, whole);
        eprintln!("{kv}");
        assert_close(&rounded, &whole, tolerance);
    }
}

#[test]
fn wrong_inputs_are_named() {
    let graph = decoder();
    let weights = random_weights(&graph, 7);
    let mut executor = Executor::new(&graph, &weights).unwrap();
    let sizes = Sizes::new().with(Symbol::Tokens, 2).with(Symbol::Past, 0);
    let (ids, positions) = (("ids", u32s(&[2], &[1, 2])), ("positions", u32s(&[2], &[0, 1])));
    let mut run = |sizes: &Sizes, inputs: &[(&str, HostTensor)]| executor.run(sizes, inputs).unwrap_err();
    let both = [ids.clone(), positions.clone()];
    let missing = run(&sizes, &both[..1]);
    assert!(matches!(missing, ComputeError::InputMissing { name } if name == "positions"));
    let unknown = run(&sizes, &[ids.clone(), ("mask", u32s(&[1], &[1]))]);
    assert!(matches!(unknown, ComputeError::InputUnknown { name, .. } if name == "mask"));
    let shape = run(&sizes, &[("ids", u32s(&[3], &[1, 2, 3])), positions.clone()]);
    assert!(matches!(shape, ComputeError::Input { name, .. } if name == "ids"));
    let element = run(&sizes, &[("ids", f32s(&[2], &[1.0, 2.0])), positions.clone()]);
    assert!(matches!(element, ComputeError::Input { .. }));
    let index = run(&sizes, &[("ids", u32s(&[2], &[1, 40])), positions]);
    assert!(index.to_string().contains("(embedding): id: expected less than 40, got 40"), "{index}");
    let unset = run(&Sizes::new().with(Symbol::Tokens, 2), &both);
    assert!(matches!(unset, ComputeError::Size { .. }));
    let full = run(&sizes.with(Symbol::Past, 23), &both);
    assert!(matches!(full, ComputeError::CacheFull { capacity: 24, needed: 25, .. }));
    let mut weights = weights.clone();
    weights.remove("blk.1.ffn_up.weight");
    assert!(matches!(Executor::new(&graph, &weights), Err(ComputeError::WeightMissing { .. })));
}

#[test]
fn every_symbol_of_a_graph_must_be_set() {
    let graph = decoder();
    let bytes = graph.states().map(|node| KvFormat::Q8_0.state_bytes(node).unwrap()).sum::<u64>();
    assert_eq!(bytes, 4 * 24 * 2 * 34);
}
