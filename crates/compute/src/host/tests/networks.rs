//! Whole networks against the reference executor, and what must hold over many runs.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use bedside_tensor::DType;
use proptest::prelude::*;

use super::{bits, close, executor, with_kv};
use crate::graph::sample::{WIDTH, random_graph, vit};
use crate::graph::{Dim, Element, Graph, GraphBuilder, Node, Sizes, Symbol, Value, weight};
use crate::host::{Executor, MAX_THREADS};
use crate::kv::KvFormat;
use crate::ops::proof::{noise, u32s};
use crate::ops::{
    Activation, Attend, Conv2d, DepthwiseConv2d, Numerics, Padding, Pairing, Pool2d, Pool2dKind, PoolKind,
    Rope, RopeAxes, Visible,
};
use crate::plan::{Place, Plan, PlanSettings};
use crate::reference;
use crate::reference::tests::{decoder, random_weights};
use crate::rewrite::rewrite;
use crate::source::{Overlay, OwnedWeight, WeightSource};
use crate::{ComputeError, HostTensor, dims};

/// A few layers of f32 roundings.
const NETWORK: f64 = 1e-5;

pub(crate) fn images(n: u64) -> Sizes {
    Sizes::new().with(Symbol::Images, n)
}

pub(crate) fn positions_and(ids: &[u32], past: u32) -> [(&'static str, HostTensor); 2] {
    let positions: Vec<u32> = (past..).take(ids.len()).collect();
    [("ids", u32s(&[ids.len()], ids)), ("positions", u32s(&[ids.len()], &positions))]
}

pub(crate) fn text(tokens: u64, past: u64) -> Sizes {
    Sizes::new().with(Symbol::Tokens, tokens).with(Symbol::Past, past)
}

/// Host and reference on the same inputs, before and after the rewrites.
#[track_caller]
fn agree(graph: &Graph, weights: &dyn WeightSource, sizes: Sizes, inputs: &[(&str, HostTensor)]) {
    let expected = reference::Executor::new(graph, weights).unwrap().run(&sizes, inputs).unwrap();
    let got = executor(graph, weights, sizes, 1).run(&sizes, inputs).unwrap();
    let rewritten = rewrite(graph, weights).unwrap();
    let overlay = Overlay::new(weights, &rewritten.weights);
    let fused = executor(&rewritten.graph, &overlay, sizes, 2).run(&sizes, inputs).unwrap();
    for (name, expected) in &expected {
        close(&got[name], expected, NETWORK, name);
        close(&fused[name], expected, NETWORK, &format!("{name}, rewritten"));
    }
}

/// Qwen2.5-VL's vision in small: patches in window order, two-dimensional rope, windows, gated layers.
pub(crate) fn window_vision() -> Graph {
    let mut g = Graph::builder("windows");
    let patches = Symbol::Patches;
    let x = g.input("patches", dims![patches, 24], Element::F32).unwrap();
    let order = g.input("order", dims![patches], Element::U32).unwrap();
    let positions = g.input("positions", dims![2, patches], Element::U32).unwrap();
    let windows = g.input("windows", dims![patches], Element::U32).unwrap();
    let x = g.gather(x, order).unwrap();
    let x = g.linear(x, weight("embed.weight", [32, 24]), None, Activation::None).unwrap();
    let h = g.rms_norm(x, weight("norm.weight", [32]), 1e-6).unwrap();
    let qkv = g
        .linear(h, weight("qkv.weight", [96, 32]), Some(weight("qkv.bias", [96])), Activation::None)
        .unwrap();
    let rope = Rope { axes: RopeAxes::RowColumn, pairing: Pairing::Neox, ..Rope::neox(8, 10_000.0) };
    let part = |g: &mut GraphBuilder, i: i32, turn: bool| {
        let y = g.slice(qkv, 1, i * 32, 32)?;
        let y = g.reshape(y, dims![patches, 4, 8])?;
        if turn { g.rope(y, positions, rope.clone(), None) } else { Ok(y) }
    };
    let (q, k, v) = (part(&mut g, 0, true), part(&mut g, 1, true), part(&mut g, 2, false));
    let attend = Attend { visible: Visible::Block { segments: windows }, ..Attend::all(0.35) };
    let y = g.attention(q.unwrap(), k.unwrap(), v.unwrap(), attend).unwrap();
    let y = g.reshape(y, dims![patches, 32]).unwrap();
    let x = g.add(x, y).unwrap();
    let gate = g.linear(x, weight("gate.weight", [40, 32]), None, Activation::Silu).unwrap();
    let up = g.linear(x, weight("up.weight", [40, 32]), None, Activation::None).unwrap();
    let y = g.mul(gate, up).unwrap();
    let y = g.linear(y, weight("down.weight", [32, 40]), None, Activation::None).unwrap();
    let x = g.add(x, y).unwrap();
    g.output("features", x).unwrap();
    g.finish().unwrap()
}

/// What [`window_vision`] asks for at 37 patches.
pub(crate) fn window_inputs() -> [(&'static str, HostTensor); 4] {
    let n = 37;
    let order: Vec<u32> = (0..n).map(|i| i * 7 % n).collect();
    let places: Vec<u32> = (0..2 * n).map(|i| i % 11).collect();
    let windows: Vec<u32> = (0..n).map(|i| i / 8).collect();
    [
        ("patches", noise(&[37, 24], 6)),
        ("order", u32s(&[37], &order)),
        ("positions", u32s(&[2, 37], &places)),
        ("windows", u32s(&[37], &windows)),
    ]
}

/// A mobile network in small: stem, inverted residual with squeeze and excite, head.
pub(crate) fn mobile() -> Graph {
    mobile_parts().unwrap()
}

fn mobile_parts() -> Result<Graph, ComputeError> {
    let images = Dim::from(Symbol::Images);
    let mut g = Graph::builder("mobile");
    let x = g.input("pixels", dims![images, 3, 33, 31], Element::F32)?;
    let same = Conv2d { padding: Padding { top: 0, bottom: 1, left: 1, right: 1 }, ..Conv2d::strided(2) };
    let x = g.conv2d(x, weight("stem.weight", [8, 3, 3, 3]), None, same)?;
    let x = normalised(&mut g, x, "stem", 8)?;
    let x = g.activation(x, Activation::HardSwish)?;
    let h = g.conv2d(x, weight("expand.weight", [24, 8, 1, 1]), None, Conv2d::strided(1))?;
    let h = normalised(&mut g, h, "expand", 24)?;
    let h = g.activation(h, Activation::Relu6)?;
    let depthwise = DepthwiseConv2d {
        stride: [1, 1],
        padding: Padding::all(2),
        bias: false,
        activation: Activation::None,
    };
    let bias = Some(weight("depthwise.bias", [24]));
    let h = g.depthwise_conv2d(h, weight("depthwise.weight", [24, 1, 5, 5]), bias, depthwise)?;
    let flat = g.reshape(h, dims![images, 24, 16 * 16])?;
    let squeezed = g.pool(flat, PoolKind::Mean, 2, None)?;
    let gate = g.linear(squeezed, weight("excite.weight", [24, 24]), None, Activation::Sigmoid)?;
    let gate = g.reshape(gate, dims![images, 24, 1, 1])?;
    let h = g.mul(h, gate)?;
    let h = g.conv2d(h, weight("project.weight", [8, 24, 1, 1]), None, Conv2d::strided(1))?;
    let x = g.add(x, h)?;
    let pool = Pool2d { kind: Pool2dKind::Max, kernel: [3, 3], stride: [2, 2], padding: Padding::all(1) };
    let x = g.pool2d(x, pool)?;
    let x = g.reshape(x, dims![images, 8 * 8 * 8])?;
    let x = g.linear(x, weight("head.weight", [5, 512]), None, Activation::None)?;
    let x = g.softmax(x)?;
    g.output("probabilities", x)?;
    g.finish()
}

fn normalised(g: &mut GraphBuilder, x: Value, name: &str, channels: i32) -> Result<Value, ComputeError> {
    let part = |part: &str| weight(format!("{name}.{part}"), [channels]);
    g.batch_norm(x, [part("norm.weight"), part("bias"), part("mean"), part("variance")], 1e-5)
}

#[test]
fn encoders_agree_with_the_reference() {
    let graph = vit().unwrap();
    let weights = random_weights(&graph, 3);
    agree(&graph, &weights, images(3), &[("pixels", noise(&[3, 3, 32, 32], 5))]);
    let graph = mobile();
    let weights = random_weights(&graph, 4);
    agree(&graph, &weights, images(2), &[("pixels", noise(&[2, 3, 33, 31], 5))]);
    let graph = window_vision();
    let weights = random_weights(&graph, 5);
    let sizes = Sizes::new().with(Symbol::Patches, 37);
    agree(&graph, &weights, sizes, &window_inputs());
}

#[test]
fn a_decoder_agrees_token_by_token_and_in_chunks() {
    let graph = decoder();
    let weights = random_weights(&graph, 7);
    let ids: [u32; 9] = [3, 17, 39, 0, 5, 5, 21, 8, 30];
    let chunks: [&[usize]; 4] = [&[9], &[1; 9], &[5, 1, 1, 2], &[8, 1]];
    for kv in [KvFormat::F32, KvFormat::F16, KvFormat::Q8_0] {
        for lens in chunks {
            let mut expected = reference::Executor::new(&graph, &weights).unwrap().with_kv(kv).unwrap();
            let mut got = with_kv(&graph, &weights, text(9, 24), kv, 1);
            let mut past = 0;
            for &len in lens {
                let inputs = positions_and(&ids[past..past + len], past as u32);
                let sizes = text(len as u64, past as u64);
                let expected = expected.run(&sizes, &inputs).unwrap();
                let got = got.run(&sizes, &inputs).unwrap();
                // A rounding to f16 or int8 may fall on the other side.
                let tolerance = if kv == KvFormat::F32 { NETWORK } else { 1e-3 };
                close(&got["logits"], &expected["logits"], tolerance, &format!("{kv} {lens:?} {past}"));
                past += len;
            }
        }
    }
}

/// The decoder with every matrix in blocks, a tied embedding among them.
pub(crate) fn in_blocks(graph: &Graph, dtype: DType) -> HashMap<String, OwnedWeight> {
    let mut weights = random_weights(graph, 7);
    let is_matrix = |node: &&Node| node.value.dims.len() == 2;
    for node in graph.weights().filter(is_matrix) {
        let (numbers, dims) =
            (weights[&node.name].view().to_f32().unwrap(), node.value.at(&Sizes::new()).unwrap());
        if dims[1] % dtype.block_len() as u64 == 0 {
            weights.insert(node.name.clone(), OwnedWeight::new(&node.name, dtype, &dims, &numbers).unwrap());
        }
    }
    weights
}

#[test]
fn weights_in_blocks_agree_with_the_same_weights_dequantized() {
    let graph = wide_decoder();
    // `fast` rounds activations to 1 / 254 of the largest of 32; the documentation of the linear kernels
    // states its error per layer, and here are nine layers.
    for (numerics, tolerance) in [(Numerics::Exact, NETWORK), (Numerics::Fast, 5e-2)] {
        for dtype in [DType::F16, DType::Q8_0, DType::Q4_1, DType::Q6_K, DType::IQ4_NL] {
            let weights = in_blocks(&graph, dtype);
            let settings = PlanSettings { bounds: text(6, 24), numerics, kv: KvFormat::F32 };
            let plan = Plan::for_weights(&graph, &settings, &weights).unwrap();
            assert!(
                plan.placements()
                    .iter()
                    .any(|p| p.place == Place::Weight { format: dtype.name().to_owned() })
            );
            let mut host = Executor::new(&graph, &plan, &weights, NonZeroUsize::MIN).unwrap();
            let mut expected = reference::Executor::new(&graph, &weights).unwrap();
            for (ids, past) in [(&[3u32, 17, 39, 0, 5][..], 0), (&[21], 5)] {
                let (inputs, sizes) = (positions_and(ids, past), text(ids.len() as u64, past.into()));
                let expected = expected.run(&sizes, &inputs).unwrap();
                let got = host.run(&sizes, &inputs).unwrap();
                close(&got["logits"], &expected["logits"], tolerance, &format!("{numerics} {dtype:?}"));
            }
        }
    }
}

#[test]
fn a_plan_of_another_model_is_refused() {
    let graph = wide_decoder();
    let bounds = text(6, 24);
    let settings = PlanSettings { bounds, numerics: Numerics::Exact, kv: KvFormat::F32 };
    let plan = Plan::for_weights(&graph, &settings, &in_blocks(&graph, DType::Q8_0)).unwrap();
    let other = in_blocks(&graph, DType::Q4_1);
    let refused = Executor::new(&graph, &plan, &other, NonZeroUsize::MIN).err().unwrap();
    assert!(matches!(refused, ComputeError::Plan { .. }), "{refused}");
    let refused = Executor::new(&vit().unwrap(), &plan, &other, NonZeroUsize::MIN).err().unwrap();
    assert!(matches!(refused, ComputeError::Plan { .. }), "{refused}");
    let threads = NonZeroUsize::new(MAX_THREADS + 1).unwrap();
    let refused = Executor::new(&graph, &plan, &in_blocks(&graph, DType::Q8_0), threads).err().unwrap();
    assert!(matches!(refused, ComputeError::Threads { .. }), "{refused}");
    // A plan that calls an operation a view of what it reads.
    let mut forged = serde_json::to_value(&plan).unwrap();
    let rope = forged["placements"].as_array_mut().unwrap().iter_mut().find(|p| p["op"] == "rope").unwrap();
    let of = graph.values().find(|(_, node)| node.op.name() == "rope").unwrap().1.inputs[0];
    rope["place"] = serde_json::json!({ "view": { "of": of, "offset": "0" } });
    let forged: Plan = serde_json::from_value(forged).unwrap();
    let refused =
        Executor::new(&graph, &forged, &in_blocks(&graph, DType::Q8_0), NonZeroUsize::MIN).err().unwrap();
    assert!(matches!(refused, ComputeError::Plan { .. }), "{refused}");
}

/// One block of width 256, so that every format's blocks fit.
pub(crate) fn wide_decoder() -> Graph {
    wide_parts().unwrap()
}

fn wide_parts() -> Result<Graph, ComputeError> {
    let mut g = Graph::builder("wide");
    let ids = g.input("ids", dims![Symbol::Tokens], Element::U32)?;
    let positions = g.input("positions", dims![Symbol::Tokens], Element::U32)?;
    let table = weight("token_embd.weight", [40, 256]);
    let square = |name: &str| weight(format!("{name}.weight"), [256, 256]);
    let x = g.embedding(ids, table.clone())?;
    let h = g.rms_norm(x, weight("attn_norm.weight", [256]), 1e-6)?;
    let mut heads = [h; 3];
    for (value, name) in heads.iter_mut().zip(["q", "k", "v"]) {
        let y = g.linear(h, square(name), None, Activation::None)?;
        *value = g.reshape(y, dims![Symbol::Tokens, 4, 64])?;
    }
    let rope = Rope::interleaved(64, 10_000.0);
    let [q, k, v] = heads;
    let (q, k) = (g.rope(q, positions, rope.clone(), None)?, g.rope(k, positions, rope, None)?);
    let (k_cache, v_cache) = (g.state("k", dims![24, 4, 64])?, g.state("v", dims![24, 4, 64])?);
    let (k, v) = (g.cache_append(k_cache, k)?, g.cache_append(v_cache, v)?);
    let y = g.attention(q, k, v, Attend::causal(0.125))?;
    let y = g.reshape(y, dims![Symbol::Tokens, 256])?;
    let y = g.linear(y, square("out"), None, Activation::None)?;
    let x = g.add(x, y)?;
    let y = g.linear(x, square("up"), None, Activation::Silu)?;
    let y = g.linear(y, square("down"), None, Activation::None)?;
    let x = g.add(x, y)?;
    let x = g.rms_norm(x, weight("norm.weight", [256]), 1e-6)?;
    let logits = g.linear(x, table, None, Activation::None)?;
    g.output("logits", logits)?;
    g.finish()
}

#[test]
fn wrong_runs_are_refused_and_the_next_one_is_right() {
    let graph = decoder();
    let weights = random_weights(&graph, 7);
    let mut host = executor(&graph, &weights, text(4, 24), 1);
    let right = host.run(&text(2, 0), &positions_and(&[1, 2], 0)).unwrap();
    let mut refused = |sizes: Sizes, inputs: &[(&str, HostTensor)]| host.run(&sizes, inputs).unwrap_err();
    let both = positions_and(&[1, 2], 0);
    let missing = refused(text(2, 0), &both[..1]);
    assert!(matches!(missing, ComputeError::InputMissing { name } if name == "positions"));
    let unknown = refused(text(2, 0), &[both[0].clone(), ("mask", u32s(&[1], &[1]))]);
    assert!(matches!(unknown, ComputeError::InputUnknown { .. }));
    let shape = refused(text(3, 0), &both);
    assert!(matches!(shape, ComputeError::Input { .. }));
    let element = refused(text(2, 0), &[("ids", noise(&[2], 1)), both[1].clone()]);
    assert!(matches!(element, ComputeError::Input { .. }));
    let index = refused(text(2, 0), &positions_and(&[1, 40], 0));
    assert!(index.to_string().contains("(embedding): id: expected less than 40, got 40"), "{index}");
    let none = refused(text(0, 0), &positions_and(&[], 0));
    assert!(none.to_string().contains("(slice): range: expected a part of 0"), "{none}");
    for sizes in [text(5, 0), text(1, 25), Sizes::new(), Sizes::new().with(Symbol::Tokens, 2)] {
        let size = refused(sizes, &both);
        assert!(matches!(size, ComputeError::Size { .. }), "{sizes}: {size}");
    }
    let full = refused(text(2, 23), &both);
    assert!(matches!(full, ComputeError::CacheFull { capacity: 24, needed: 25, .. }));
    let again = host.run(&text(2, 0), &both).unwrap();
    assert_eq!(bits(&right["logits"]), bits(&again["logits"]));
    assert!(host.run(&text(1, 23), &positions_and(&[1], 23)).is_ok());
}

#[test]
fn threads_change_nothing() {
    let (vit, decoder) = (vit().unwrap(), decoder());
    let (vit_weights, decoder_weights) = (random_weights(&vit, 3), random_weights(&decoder, 7));
    let results: Vec<Vec<Vec<u32>>> = [1, 2, 3]
        .map(|threads| {
            let mut host = executor(&vit, &vit_weights, images(5), threads);
            let seen = host.run(&images(5), &[("pixels", noise(&[5, 3, 32, 32], 5))]).unwrap();
            let mut host = executor(&decoder, &decoder_weights, text(9, 24), threads);
            let chunk = host.run(&text(9, 0), &positions_and(&[3, 1, 4, 1, 5, 9, 2, 6, 5], 0)).unwrap();
            let token = host.run(&text(1, 9), &positions_and(&[7], 9)).unwrap();
            vec![bits(&seen["embedding"]), bits(&chunk["logits"]), bits(&token["logits"])]
        })
        .into();
    assert!(results[0] == results[1] && results[0] == results[2]);
}

#[test]
fn runs_repeat_bit_for_bit_in_flat_memory() {
    if !alone("host::tests::networks::runs_repeat_bit_for_bit_in_flat_memory") {
        return;
    }
    let graph = vit().unwrap();
    let weights = random_weights(&graph, 3);
    let mut host = executor(&graph, &weights, images(4), 2);
    let pixels = [("pixels", noise(&[4, 3, 32, 32], 5))];
    let first = host.run(&images(4), &pixels).unwrap();
    let mut before = None;
    for run in 0..200 {
        let again = host.run(&images(4), &pixels).unwrap();
        assert_eq!(bits(&first["embedding"]), bits(&again["embedding"]), "run {run}");
        if run == 20 {
            before = resident_bytes();
        }
    }
    // The allocator keeps memory for later; the exact figure is `tests/host_memory.rs`'s.
    if let (Some(before), Some(after)) = (before, resident_bytes()) {
        assert!(after < before + (256 << 20), "{before} bytes became {after}");
    }
}

/// Whether this process runs the test called `name` and no other. If not, one is begun that does, and has to
/// pass: what is resident tells of one test only where it is alone.
pub(crate) fn alone(name: &str) -> bool {
    const ALONE: &str = "BEDSIDE_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let output = child.args([name, "--exact", "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let passed = output.status.success() && said.contains("1 passed");
    assert!(passed, "{said}{}", String::from_utf8_lossy(&output.stderr));
    false
}

pub(crate) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_networks_agree(graph in random_graph(), tokens in 1u64..5, seed: u64) {
        let weights = random_weights(&graph, seed);
        let sizes = Sizes::new().with(Symbol::Tokens, tokens);
        let dims = [tokens as usize, WIDTH as usize];
        let mut inputs = vec![("x", noise(&dims, seed)), ("y", noise(&dims, seed ^ 1))];
        inputs.retain(|(name, _)| graph.inputs().any(|node| node.name == *name));
        let expected = reference::Executor::new(&graph, &weights).unwrap().run(&sizes, &inputs).unwrap();
        let got = executor(&graph, &weights, sizes.with(Symbol::Tokens, tokens + 2), 1).run(&sizes, &inputs).unwrap();
        for (name, expected) in &expected {
            // Norms of nearly constant rows enlarge roundings.
            close(&got[name], expected, 1e-3, name);
        }
    }
}
