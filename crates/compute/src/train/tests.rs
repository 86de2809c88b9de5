//! Gradients against central differences of the reference executor.

use std::cell::Cell;
use std::collections::HashMap;

use bedside_tensor::{DType, TensorView};
use proptest::prelude::*;

use super::*;
use crate::graph::sample::vit;
use crate::graph::{Dim, Symbol};
use crate::host::tests::networks::{positions_and, text};
use crate::ops::proof::{difference, f32s, noise, u32s};
use crate::ops::*;
use crate::reference::{self, tests::decoder, tests::random_weights};
use crate::source::OwnedWeight;

/// Step of a difference. The reference rounds results to f32, 6e-8 of a result near 1: 6e-6 in a slope.
const STEP: f32 = 0.01;

/// Of the largest slope: the rounding above, and a third derivative times STEP² / 6.
const TOLERANCE: f64 = 2e-3;

/// Elements of each operand that are tried.
const TRIED: usize = 16;

/// On the host, and on the processor as a device.
fn both(graph: &Graph, weights: &dyn WeightSource, wanted: &[&str]) -> [Differentiator; 2] {
    [
        Differentiator::new(graph, weights, wanted, one()).unwrap(),
        Differentiator::on_device(graph, weights, wanted, &Device::cpu()).unwrap(),
    ]
}

fn one() -> NonZeroUsize {
    NonZeroUsize::MIN
}

/// Σ upstream · output, in f64, of the reference.
fn loss(
    graph: &Graph,
    weights: &dyn WeightSource,
    sizes: &Sizes,
    inputs: &[(&str, HostTensor)],
    (name, upstream): (&str, &HostTensor),
) -> f64 {
    let y = reference::Executor::new(graph, weights).unwrap().run(sizes, inputs).unwrap();
    dot(&y[name], upstream)
}

fn dot(y: &HostTensor, upstream: &HostTensor) -> f64 {
    y.f32s().iter().zip(upstream.f32s()).map(|(y, u)| f64::from(*y) * f64::from(*u)).sum()
}

/// The gradient of one leaf agrees with differences at some of its elements. `at`: the loss with the leaf
/// replaced.
#[track_caller]
fn agrees(what: &str, leaf: &HostTensor, gradient: &HostTensor, at: impl Fn(&HostTensor) -> f64) {
    assert_eq!(leaf.dims(), gradient.dims(), "{what}");
    let n = leaf.f32s().len();
    let places: Vec<usize> = (0..n.min(TRIED)).map(|i| i * n.div_ceil(TRIED) % n).collect();
    let moved = |place: usize, step: f32| {
        let mut numbers = leaf.f32s().to_vec();
        numbers[place] += step;
        (f64::from(numbers[place]), at(&HostTensor::f32(leaf.dims(), numbers).unwrap()))
    };
    let slope = |&place: &usize| {
        let ((up_x, up), (down_x, down)) = (moved(place, STEP), moved(place, -STEP));
        ((up - down) / (up_x - down_x)) as f32
    };
    let slopes: Vec<f32> = places.iter().map(slope).collect();
    let got: Vec<f32> = places.iter().map(|&place| gradient.f32s()[place]).collect();
    let d = difference(&f32s(&[got.len()], &got), &f32s(&[slopes.len()], &slopes));
    assert!(d <= TOLERANCE, "{what}: differ by {d:e}: {got:?} and {slopes:?}");
}

/// Gradients of one operation with respect to each of its f32 operands but those in `constant`.
#[track_caller]
fn check(op: impl Into<Op>, operands: &[&HostTensor], constant: &[usize]) {
    let op = op.into();
    let mut g = Graph::builder("one op");
    let names: Vec<String> = (0..operands.len()).map(|i| format!("x{i}")).collect();
    let mut values = Vec::new();
    for (name, x) in names.iter().zip(operands) {
        let dims: Vec<Dim> = x.dims().iter().map(|&d| Dim::from(d)).collect();
        values.push(g.input(name, dims, x.element()).unwrap());
    }
    let y = g.push(op.clone(), values).unwrap();
    g.output("y", y).unwrap();
    let graph = g.finish().unwrap();
    let none: HashMap<String, OwnedWeight> = HashMap::new();
    let inputs: Vec<(&str, HostTensor)> =
        names.iter().map(String::as_str).zip(operands.iter().map(|&x| x.clone())).collect();
    let wanted: Vec<&str> = (0..operands.len())
        .filter(|i| operands[*i].as_f32().is_some() && !constant.contains(i))
        .map(|i| names[i].as_str())
        .collect();
    for (place, differentiator) in ["host", "device"].iter().zip(both(&graph, &none, &wanted)) {
        let tape = differentiator.forward(&Sizes::new(), &inputs).unwrap();
        let upstream = noise(tape.output("y").unwrap().dims(), 99);
        let gradients = tape.backward(&[("y", upstream.clone())]).unwrap();
        for (i, (name, x)) in inputs.iter().enumerate().filter(|(_, (name, _))| wanted.contains(name)) {
            agrees(&format!("{op:?} {name} on the {place}"), x, &gradients[*name], |moved| {
                let mut inputs = inputs.clone();
                inputs[i].1 = moved.clone();
                loss(&graph, &none, &Sizes::new(), &inputs, ("y", &upstream))
            });
        }
    }
}

/// Numbers at least 0.06 from one another and 0.03 from -3, 0, 3 and 6, where slopes jump.
fn spread(dims: &[usize], seed: u64) -> HostTensor {
    let n = dims.iter().product::<usize>();
    let start = (seed % 1009) as usize;
    let numbers = (0..n).map(|i| ((i + start) * 37 % 191) as f32 * 0.06 - 3.99).collect();
    HostTensor::f32(dims, numbers).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn rows(rows in 1usize..5, width in prop::sample::select(vec![2usize, 7, 32]), seed: u64) {
        let (x, w, b) = (noise(&[rows, width], seed), noise(&[width], seed ^ 1), noise(&[width], seed ^ 2));
        // An eps that keeps a row of nearly equal numbers smooth.
        check(LayerNorm { eps: 0.1, bias: true }, &[&x, &w, &b], &[]);
        check(LayerNorm { eps: 0.1, bias: false }, &[&x, &w], &[]);
        check(RmsNorm { eps: 0.1 }, &[&x, &w], &[]);
        check(Softmax, &[&x], &[]);
        let away: Vec<f32> = x.f32s().iter().map(|v| v + 2.0).collect();
        check(L2Normalize { eps: 1e-12 }, &[&f32s(&[rows, width], &away)], &[]);
        check(Scale { factor: -1.7 }, &[&x], &[]);
    }

    #[test]
    fn pointwise(rows in 1usize..4, width in 1usize..9, seed: u64) {
        use Activation::*;
        for activation in [None, GeluErf, GeluTanh, QuickGelu, Silu, Relu, Relu6, HardSwish, Sigmoid] {
            check(activation, &[&spread(&[rows, width], seed)], &[]);
        }
        let (x, y) = (noise(&[rows, 3, width], seed), noise(&[rows, 3, width], seed ^ 1));
        for b in [&y, &noise(&[width], seed), &noise(&[3, 1], seed), &noise(&[1], seed), &noise(&[], seed)] {
            check(Add, &[&x, b], &[]);
            check(Mul, &[&x, b], &[]);
        }
        let part = |i: u64| noise(&[3], seed ^ i);
        let variance: Vec<f32> = part(4).f32s().iter().map(|v| v + 1.5).collect();
        check(BatchNorm { eps: 1e-5 }, &[&x, &part(1), &part(2), &part(3), &f32s(&[3], &variance)], &[]);
    }

    #[test]
    fn linear(rows in 1usize..6, n in 1usize..9, k in 1usize..9, bias: bool, residual: bool, seed: u64) {
        let (x, w) = (noise(&[rows, k], seed), noise(&[n, k], seed ^ 1));
        let (b, r) = (noise(&[n], seed ^ 2), noise(&[rows, n], seed ^ 3));
        let mut operands = vec![&x, &w];
        operands.extend(bias.then_some(&b));
        operands.extend(residual.then_some(&r));
        for activation in [Activation::None, Activation::GeluErf, Activation::Silu] {
            check(Linear { bias, activation, residual }, &operands, &[]);
        }
    }

    #[test]
    fn images(
        n in 1usize..3, channels in 1usize..3, out in 1usize..3, groups in 1u32..3, size in (3usize..7, 3usize..7),
        kernel in (1usize..4, 1usize..4), stride in (1u32..3, 1u32..3), pads in prop::array::uniform4(0u32..2),
        bias: bool, seed: u64,
    ) {
        let [top, bottom, left, right] = pads;
        let (padding, stride) = (Padding { top, bottom, left, right }, [stride.0, stride.1]);
        let (channels, out) = (channels * groups as usize, out * groups as usize);
        let x = noise(&[n, channels, size.0, size.1], seed);
        let w = noise(&[out, channels / groups as usize, kernel.0, kernel.1], seed ^ 1);
        let b = noise(&[out], seed ^ 2);
        let activation = Activation::Silu;
        let operands: &[&HostTensor] = if bias { &[&x, &w, &b] } else { &[&x, &w] };
        check(Conv2d { stride, padding, groups, bias, activation }, operands, &[]);
        let (w, b) = (noise(&[channels, 1, kernel.0, kernel.1], seed ^ 1), noise(&[channels], seed ^ 2));
        let operands: &[&HostTensor] = if bias { &[&x, &w, &b] } else { &[&x, &w] };
        check(DepthwiseConv2d { stride, padding, bias, activation }, operands, &[]);
        let x = spread(&[n, channels, size.0, size.1], seed);
        let kernel = [kernel.0 as u32, kernel.1 as u32];
        check(Pool2d { kind: Pool2dKind::Average, kernel, stride, padding }, &[&x], &[]);
        // Every window must hold an element of the image.
        if kernel.into_iter().all(|k| k > 1) {
            check(Pool2d { kind: Pool2dKind::Max, kernel, stride, padding }, &[&x], &[]);
        }
    }

    #[test]
    fn attention(
        batch in 1usize..3, queries in 1usize..5, past in 0usize..3, kv in 1usize..3, per in 1usize..3,
        pattern in 0usize..5, mask in 0usize..3, softcap: bool, shared: bool, seed: u64,
    ) {
        let keys = past + queries;
        let q = noise(&[if shared { 1 } else { batch }, queries, kv * per, 3], seed);
        let (k, v) = (noise(&[batch, keys, kv, 3], seed ^ 1), noise(&[batch, keys, kv, 3], seed ^ 2));
        let pattern = [
            Pattern::Bidirectional,
            Pattern::Causal { window: None },
            Pattern::Causal { window: Some(2) },
            Pattern::PrefixLm { window: Some(1) },
            Pattern::Block,
        ][pattern];
        let segments: Vec<u32> = (0..keys as u32).map(|i| i % 2).collect();
        let segments = u32s(&[keys], &segments);
        let hidden: Vec<u32> = (0..(queries * keys) as u32).map(|i| i % 3).collect();
        let masks = [u32s(&[queries, keys], &hidden), noise(&[batch, 1, keys], seed ^ 4)];
        let softcap = softcap.then_some(3.0);
        let op = Attention { pattern, scale: 0.6, softcap, masked: mask < 2 };
        let mut operands = vec![&q, &k, &v];
        operands.extend(pattern.has_segments().then_some(&segments));
        operands.extend(masks.get(mask));
        check(op, &operands, &[]);
    }

    #[test]
    fn rope_and_pool(tokens in 1usize..5, heads in 1usize..3, masked: bool, axis in 0usize..3, seed: u64) {
        let x = noise(&[tokens, heads, 9], seed);
        let positions: Vec<u32> = (0..tokens as u32).map(|i| i * 3).collect();
        for op in [Rope::neox(8, 100.0), Rope::interleaved(8, 100.0)] {
            check(op, &[&x, &u32s(&[tokens], &positions)], &[]);
        }
        let x = spread(&[tokens, heads, 9], seed);
        let n = x.dims()[..=axis].iter().product::<usize>() as u32;
        let mask = u32s(&x.dims()[..=axis], &(0..n).map(|i| u32::from(i % 4 != 1)).collect::<Vec<_>>());
        let operands: &[&HostTensor] = if masked { &[&x, &mask] } else { &[&x] };
        check(Pool { kind: PoolKind::Mean, axis, masked }, operands, &[]);
        // Where all are left out the maximum is -∞, which has no slope.
        if !masked {
            check(Pool { kind: PoolKind::Max, axis, masked }, operands, &[]);
        }
    }

    #[test]
    fn moves(a in 1usize..4, b in 1usize..4, c in 1usize..4, seed: u64) {
        let x = noise(&[a, b, c], seed);
        check(Permute { axes: vec![2, 0, 1] }, &[&x], &[]);
        check(Reshape { dims: vec![(a * b).into(), c.into()] }, &[&x], &[]);
        check(Slice { axis: 1, start: (b - 1).into(), len: 1.into() }, &[&x], &[]);
        check(Concat { axis: 1 }, &[&x, &noise(&[1, 2, 1], seed), &x], &[]);
        let rows: Vec<u32> = (0..5).map(|i| i % a as u32).collect();
        check(Gather { batched: false }, &[&x, &u32s(&[5], &rows)], &[]);
        check(Embedding, &[&u32s(&[5], &rows), &noise(&[a, c], seed)], &[]);
    }
}

/// The vision transformer: pixels, a convolution, a class token, an attention weight, a norm, the head.
#[test]
fn a_vision_transformer_agrees_with_differences() {
    let graph = vit().unwrap();
    let weights = random_weights(&graph, 11);
    let sizes = Sizes::new().with(Symbol::Images, 2);
    let pixels = noise(&[2, 3, 32, 32], 5);
    let wanted = [
        "pixels",
        "v.patch_embd.weight",
        "v.class_embd",
        "v.position_embd.weight",
        "v.blk.0.ln1.weight",
        "v.blk.0.attn_q.weight",
        "v.blk.0.attn_out.bias",
        "v.blk.0.ffn_up.weight",
        "v.proj.weight",
    ];
    let upstream = noise(&[2, 32], 17);
    for differentiator in both(&graph, &weights, &wanted) {
        let tape = differentiator.forward(&sizes, &[("pixels", pixels.clone())]).unwrap();
        let gradients = tape.backward(&[("embedding", upstream.clone())]).unwrap();
        for name in wanted {
            let leaf = match differentiator.weight(name) {
                Some(numbers) => f32s(gradients[name].dims(), numbers),
                None => pixels.clone(),
            };
            agrees(name, &leaf, &gradients[name], |moved| {
                let (mut weights, mut pixels) = (weights.clone(), pixels.clone());
                match name {
                    "pixels" => pixels = moved.clone(),
                    _ => drop(weights.insert(name.to_owned(), owned(name, moved))),
                }
                loss(&graph, &weights, &sizes, &[("pixels", pixels)], ("embedding", &upstream))
            });
        }
    }
}

fn owned(name: &str, x: &HostTensor) -> OwnedWeight {
    let dims: Vec<u64> = x.dims().iter().map(|&d| d as u64).collect();
    OwnedWeight::new(name, DType::F32, &dims, x.f32s()).unwrap()
}

fn adapted(rank: u32) -> (Graph, HashMap<String, OwnedWeight>) {
    let targets = ["v.blk.0.attn_q.weight", "v.blk.0.ffn_up.weight"];
    let graph = insert_low_rank(&vit().unwrap(), &targets, LowRank { rank, scale: 0.5 }).unwrap();
    let mut weights = random_weights(&graph, 11);
    // The layers in blocks, as a frozen model's would be.
    let is_layer = |node: &&Node| node.name.ends_with(".weight") && node.name.contains("blk.0.");
    for node in graph.weights().filter(is_layer).filter(|node| node.value.dims.len() == 2) {
        let weight = &weights[&node.name];
        let (numbers, dims) = (weight.view().to_f32().unwrap(), weight.view().shape().dims().to_vec());
        weights
            .insert(node.name.clone(), OwnedWeight::new(&node.name, DType::Q8_0, &dims, &numbers).unwrap());
    }
    (graph, weights)
}

#[test]
fn low_rank_factors_beside_quantized_weights_agree_with_differences() {
    let (graph, mut weights) = adapted(3);
    let names: Vec<String> =
        graph.weights().filter(|node| node.name.contains(".lora_")).map(|node| node.name.clone()).collect();
    assert_eq!(names.len(), 4);
    for name in &names {
        let node = graph.weights().find(|node| node.name == *name).unwrap();
        let dims = node.value.at(&Sizes::new()).unwrap();
        let host: Vec<usize> = dims.iter().map(|&d| d as usize).collect();
        weights
            .insert(name.clone(), OwnedWeight::new(name, DType::F32, &dims, noise(&host, 3).f32s()).unwrap());
    }
    let sizes = Sizes::new().with(Symbol::Images, 1);
    let pixels = [("pixels", noise(&[1, 3, 32, 32], 5))];
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    let upstream = noise(&[1, 32], 17);
    for differentiator in both(&graph, &weights, &wanted) {
        let tape = differentiator.forward(&sizes, &pixels).unwrap();
        let gradients = tape.backward(&[("embedding", upstream.clone())]).unwrap();
        for &name in &wanted {
            let leaf = f32s(gradients[name].dims(), differentiator.weight(name).unwrap());
            agrees(name, &leaf, &gradients[name], |moved| {
                let mut weights = weights.clone();
                weights.insert(name.to_owned(), owned(name, moved));
                loss(&graph, &weights, &sizes, &pixels, ("embedding", &upstream))
            });
        }
    }
}

#[test]
fn factors_of_zero_change_nothing() {
    let plain = vit().unwrap();
    let (graph, mut weights) = adapted(2);
    for node in graph.weights().filter(|node| node.name.ends_with(".lora_b")) {
        let dims = node.value.at(&Sizes::new()).unwrap();
        let zeros = vec![0.0; dims.iter().product::<u64>() as usize];
        weights.insert(node.name.clone(), OwnedWeight::new(&node.name, DType::F32, &dims, &zeros).unwrap());
    }
    let sizes = Sizes::new().with(Symbol::Images, 1);
    let pixels = [("pixels", noise(&[1, 3, 32, 32], 5))];
    let run =
        |graph: &Graph| reference::Executor::new(graph, &weights).unwrap().run(&sizes, &pixels).unwrap();
    let (expected, got) = (run(&plain), run(&graph));
    // The rewritten layers round once more.
    assert!(difference(&got["embedding"], &expected["embedding"]) < 1e-6);
}

#[test]
fn gradients_do_not_depend_on_threads() {
    let graph = vit().unwrap();
    let weights = random_weights(&graph, 11);
    let sizes = Sizes::new().with(Symbol::Images, 3);
    let results = [1, 2, 3].map(|threads| {
        let threads = NonZeroUsize::new(threads).unwrap();
        let wanted = ["pixels", "v.blk.0.attn_k.weight", "v.position_embd.weight"];
        let differentiator = Differentiator::new(&graph, &weights, &wanted, threads).unwrap();
        let tape = differentiator.forward(&sizes, &[("pixels", noise(&[3, 3, 32, 32], 5))]).unwrap();
        tape.backward(&[("embedding", noise(&[3, 32], 17))]).unwrap()
    });
    assert!(results[0] == results[1] && results[0] == results[2]);
}

#[test]
fn a_few_steps_downhill_lower_the_loss() {
    let graph = vit().unwrap();
    let weights = random_weights(&graph, 11);
    let sizes = Sizes::new().with(Symbol::Images, 2);
    let pixels = [("pixels", noise(&[2, 3, 32, 32], 5))];
    let target = noise(&[2, 32], 17);
    let name = "v.blk.0.ffn_down.weight";
    for mut differentiator in both(&graph, &weights, &[name]) {
        let mut losses = Vec::new();
        for _ in 0..10 {
            let tape = differentiator.forward(&sizes, &pixels).unwrap();
            let y = tape.output("embedding").unwrap();
            let error: Vec<f32> = y.f32s().iter().zip(target.f32s()).map(|(y, t)| y - t).collect();
            losses.push(error.iter().map(|e| e * e).sum::<f32>());
            let gradients = tape.backward(&[("embedding", f32s(&[2, 32], &error))]).unwrap();
            let step = gradients[name].f32s().to_vec();
            differentiator.weight_mut(name).unwrap().iter_mut().zip(step).for_each(|(w, g)| *w -= 0.3 * g);
        }
        assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    }
}

/// Weights that change between two runs.
struct Changing<'a> {
    before: &'a HashMap<String, OwnedWeight>,
    after: &'a HashMap<String, OwnedWeight>,
    changed: Cell<bool>,
}

impl WeightSource for Changing<'_> {
    fn weight(&self, name: &str) -> Result<TensorView<'_>, ComputeError> {
        if self.changed.get() { self.after.weight(name) } else { self.before.weight(name) }
    }
}

/// A decoder's second chunk, with the rows of the first as constants, has the gradients that differences of
/// the reference give, whose caches hold the same rows.
#[test]
fn a_past_is_given_as_rows() {
    let graph = decoder();
    let mut with_rows = Graph::builder("rows");
    let mut values = Vec::new();
    for node in graph.nodes() {
        let inputs = node.inputs.iter().map(|input| values[input.index()]).collect();
        let value = with_rows.push_node(Node { inputs, ..node.clone() }).unwrap();
        values.push(value);
        if matches!(node.op, Op::CacheAppend(_)) {
            with_rows.output(&graph.node(node.inputs[0]).name, value).unwrap();
        }
    }
    with_rows.output("logits", values[graph.outputs()[0].value.index()]).unwrap();
    let graph = with_rows.finish().unwrap();
    let weights = random_weights(&graph, 7);
    let (first, second) = (positions_and(&[3, 17, 39], 0), positions_and(&[5, 21], 3));
    let wanted = ["blk.0.attn_k.weight", "blk.1.ffn_up.weight"];
    let upstream = noise(&[1, 40], 3);
    // The rows of the first chunk stay as they are when a weight moves.
    let rows = reference::Executor::new(&graph, &weights).unwrap().run(&text(3, 0), &first).unwrap();
    for differentiator in both(&graph, &weights, &wanted) {
        let missing = differentiator.forward(&text(2, 3), &second).err().unwrap();
        assert!(matches!(missing, ComputeError::InputMissing { .. }), "{missing}");
        let mut inputs = second.to_vec();
        inputs.extend(graph.states().map(|state| (state.name.as_str(), rows[&state.name].clone())));
        let tape = differentiator.forward(&text(2, 3), &inputs).unwrap();
        let mut whole = reference::Executor::new(&graph, &weights).unwrap();
        whole.run(&text(3, 0), &first).unwrap();
        let expected = whole.run(&text(2, 3), &second).unwrap();
        assert!(difference(tape.output("logits").unwrap(), &expected["logits"]) < 1e-5);
        let gradients = tape.backward(&[("logits", upstream.clone())]).unwrap();
        for name in wanted {
            let leaf = f32s(gradients[name].dims(), differentiator.weight(name).unwrap());
            agrees(name, &leaf, &gradients[name], |moved| {
                let mut after = weights.clone();
                after.insert(name.to_owned(), owned(name, moved));
                let source = Changing { before: &weights, after: &after, changed: Cell::new(false) };
                let mut reference = reference::Executor::new(&graph, &source).unwrap();
                reference.run(&text(3, 0), &first).unwrap();
                source.changed.set(true);
                let y = reference.run(&text(2, 3), &second).unwrap();
                dot(&y["logits"], &upstream)
            });
        }
    }
}

#[test]
fn what_has_no_gradient_is_refused() {
    let graph = vit().unwrap();
    let weights = random_weights(&graph, 11);
    let unknown = Differentiator::new(&graph, &weights, &["v.missing"], one()).err().unwrap();
    assert_eq!(unknown, ComputeError::WeightMissing { name: "v.missing".to_owned() });
    let differentiator = Differentiator::new(&graph, &weights, &["v.class_embd"], one()).unwrap();
    assert!(differentiator.weight("v.proj.weight").is_none());
    let sizes = Sizes::new().with(Symbol::Images, 1);
    let tape = differentiator.forward(&sizes, &[("pixels", noise(&[1, 3, 32, 32], 5))]).unwrap();
    let wrong = |name: &str, dims: &[usize]| tape.backward(&[(name, noise(dims, 1))]).unwrap_err();
    assert!(matches!(wrong("logits", &[1, 32]), ComputeError::OutputUnknown { .. }));
    assert!(matches!(wrong("embedding", &[32]), ComputeError::Upstream { .. }));
    let none = tape.backward(&[]).unwrap();
    let on_device = Differentiator::on_device(&graph, &weights, &["v.class_embd"], &Device::cpu()).unwrap();
    let again = on_device.forward(&sizes, &[("pixels", noise(&[1, 3, 32, 32], 5))]).unwrap();
    let upstream = [("embedding", noise(&[1, 32], 1))];
    // The second time burn's record is gone and made again.
    let (first, second) = (again.backward(&upstream).unwrap(), again.backward(&upstream).unwrap());
    assert_eq!(first, second);
    assert_eq!(again.backward(&[]).unwrap(), none);
    assert_eq!(none["v.class_embd"].f32s(), [0.0; 64]);
    let targets = ["v.patch_embd.weight"];
    assert!(insert_low_rank(&graph, &targets, LowRank { rank: 2, scale: 1.0 }).is_err());
    assert!(insert_low_rank(&graph, &["v.proj.weight"], LowRank { rank: 0, scale: 1.0 }).is_err());
}
