//! Each rewrite leaves results as they were.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::graph::sample::{WIDTH, has_batch_norm, random_graph};
use crate::graph::{Element, Sizes, Symbol, weight};
use crate::ops::proof::{difference, noise};
use crate::ops::{Activation, Op};
use crate::reference::{Executor, tests::random_weights};
use crate::{HostTensor, Overlay, dims};
use bedside_tensor::DType;

/// Fused layers keep f64 where the original rounded to f32 between nodes (6e-8 relative each, up to 14 nodes
/// in a row), and folded weights are rounded once; layer norms of nearly equal numbers amplify that.
const TOLERANCE: f64 = 2e-4;

fn play(graph: &Graph, weights: &dyn WeightSource, tokens: usize, seed: u64) -> Vec<HostTensor> {
    let mut executor = Executor::new(graph, weights).unwrap();
    let sizes = Sizes::new().with(Symbol::Tokens, tokens as u64);
    let x = |seed| noise(&[tokens, WIDTH as usize], seed);
    executor.run(&sizes, &[("x", x(seed)), ("y", x(seed ^ 1))]).unwrap().into_values().collect()
}

/// Every other matrix in Q8_0.
fn mixed_weights(graph: &Graph, seed: u64) -> HashMap<String, OwnedWeight> {
    let mut weights = random_weights(graph, seed);
    for (i, (name, weight)) in weights.iter_mut().enumerate() {
        if name.ends_with(".weight") && i % 2 == 0 {
            let view = weight.view();
            let (dims, values) = (view.shape().dims().to_vec(), view.to_f32().unwrap());
            *weight = OwnedWeight::new(name, DType::Q8_0, &dims, &values).unwrap();
        }
    }
    weights
}

proptest! {
    #[test]
    fn results_are_unchanged(graph in random_graph(), seed: u64, tokens in 1usize..6) {
        let weights = mixed_weights(&graph, seed);
        let after = rewrite(&graph, &weights).unwrap();
        let overlay = Overlay::new(&weights, &after.weights);
        let (before, now) = (play(&graph, &weights, tokens, seed), play(&after.graph, &overlay, tokens, seed));
        for (before, now) in before.iter().zip(&now) {
            // A value that overflowed or became NaN does so in both.
            if before.f32s().iter().all(|v| v.is_finite()) {
                let d = difference(now, before);
                prop_assert!(d <= TOLERANCE, "{d} after {:?}", after.log);
            }
        }
        prop_assert!(after.graph.nodes().len() <= graph.nodes().len() + 2 * after.weights.len());
        for entry in &after.log {
            prop_assert!(graph.nodes().iter().any(|node| node.name == entry.node), "{entry}");
        }
        // Nothing more to do the second time.
        let again = rewrite(&after.graph, &overlay).unwrap();
        prop_assert!(again.log.is_empty(), "{:?} after {:?}", again.log, after.log);
    }
}

struct Case {
    name: &'static str,
    build: fn(&mut crate::GraphBuilder) -> crate::Value,
    log: &'static [(RewriteKind, &'static str)],
    ops: &'static [&'static str],
}

fn linear(g: &mut crate::GraphBuilder, x: crate::Value, name: &str) -> crate::Value {
    g.linear(x, weight(name, [WIDTH, WIDTH]), None, Activation::None).unwrap()
}

fn input(g: &mut crate::GraphBuilder) -> crate::Value {
    g.input("x", dims![Symbol::Tokens, WIDTH], Element::F32).unwrap()
}

const CASES: &[Case] = &[
    Case {
        name: "bias, activation and residual",
        build: |g| {
            let x = input(g);
            let y = linear(g, x, "w");
            let y = g.add(y, weight("b", [WIDTH])).unwrap();
            let y = g.activation(y, Activation::Silu).unwrap();
            g.add(x, y).unwrap()
        },
        log: &[
            (RewriteKind::BiasFused, "add#4"),
            (RewriteKind::ActivationFused, "activation#5"),
            (RewriteKind::ResidualFused, "add#6"),
        ],
        ops: &["linear"],
    },
    Case {
        name: "a layer that is read twice stays",
        build: |g| {
            let x = input(g);
            let y = linear(g, x, "w");
            let z = g.activation(y, Activation::Silu).unwrap();
            g.mul(z, y).unwrap()
        },
        log: &[],
        ops: &["linear", "activation", "mul"],
    },
    Case {
        name: "layer scale and scale",
        build: |g| {
            let x = input(g);
            let y = linear(g, x, "w");
            let y = g.mul(y, weight("gamma", [WIDTH])).unwrap();
            let y = g.scale(y, 0.5).unwrap();
            let y = g.scale(y, 1.0).unwrap();
            g.softmax(y).unwrap()
        },
        log: &[
            (RewriteKind::ScaleFolded, "mul#4"),
            (RewriteKind::ScaleFolded, "scale#5"),
            (RewriteKind::ScaleFolded, "scale#6"),
        ],
        ops: &["linear", "softmax"],
    },
    Case {
        name: "a transposed weight",
        build: |g| {
            let x = input(g);
            let w = g.weight(weight("w", [WIDTH, 5])).unwrap();
            let w = g.permute(w, &[1, 0]).unwrap();
            g.linear(x, w, None, Activation::None).unwrap()
        },
        log: &[(RewriteKind::ConstantFolded, "permute#2")],
        ops: &["linear"],
    },
    Case {
        name: "a node nobody reads",
        build: |g| {
            let x = input(g);
            linear(g, x, "unread");
            g.softmax(x).unwrap()
        },
        log: &[(RewriteKind::Removed, "linear#2")],
        ops: &["softmax"],
    },
];

#[test]
fn each_rewrite_is_listed_with_what_it_went_into() {
    for case in CASES {
        let mut g = Graph::builder(case.name);
        let y = (case.build)(&mut g);
        g.output("y", y).unwrap();
        let graph = g.finish().unwrap();
        let after = rewrite(&graph, &random_weights(&graph, 1)).unwrap();
        let log: Vec<(RewriteKind, &str)> = after.log.iter().map(|e| (e.kind, e.node.as_str())).collect();
        assert_eq!(log, case.log, "{}", case.name);
        let ops = after.graph.nodes().iter().filter(|n| n.op.operation().is_some());
        assert_eq!(ops.map(|n| n.op.name()).collect::<Vec<_>>(), case.ops, "{}", case.name);
        assert!(after.weights.keys().all(|name| after.graph.weights().any(|w| w.name == *name)));
    }
}

#[test]
fn a_batch_norm_goes_into_its_convolution_and_a_quantized_layer_is_left_alone() {
    let mut g = Graph::builder("norms");
    let x = g.input("x", dims![Symbol::Tokens, WIDTH], Element::F32).unwrap();
    let image = g.reshape(x, dims![Symbol::Tokens, 8, 2, 2]).unwrap();
    let conv = crate::Conv2d::strided(1);
    let image = g.conv2d(image, weight("conv", [8, 8, 1, 1]), Some(weight("cb", [8])), conv).unwrap();
    let part = |name: &str, n: i32| weight(name, [n]);
    let norm = |p: &str, n| ["norm", "bias", "mean", "var"].map(|name| part(&format!("{p}.{name}"), n));
    let image = g.batch_norm(image, norm("bn", 8), 1e-3).unwrap();
    let x = g.reshape(image, dims![Symbol::Tokens, WIDTH]).unwrap();
    let y = g.linear(x, weight("fc.weight", [WIDTH, WIDTH]), None, Activation::None).unwrap();
    let y = g.batch_norm(y, norm("fc", WIDTH), 1e-3).unwrap();
    g.output("y", y).unwrap();
    let graph = g.finish().unwrap();
    let mut weights = random_weights(&graph, 3);
    let plain = rewrite(&graph, &weights).unwrap();
    assert!(!has_batch_norm(&plain.graph) && plain.log.len() == 2, "{:?}", plain.log);
    let run = |graph: &Graph, weights: &dyn WeightSource| {
        let sizes = Sizes::new().with(Symbol::Tokens, 3);
        let mut executor = Executor::new(graph, weights).unwrap();
        executor.run(&sizes, &[("x", noise(&[3, 32], 9))]).unwrap().remove("y").unwrap()
    };
    let (before, after) = (run(&graph, &weights), run(&plain.graph, &Overlay::new(&weights, &plain.weights)));
    // Two layers of folded weights, each rounded once.
    assert!(difference(&after, &before) < 1e-6);

    let fc = weights["fc.weight"].view().to_f32().unwrap();
    let blocks = OwnedWeight::new("fc.weight", DType::Q8_0, &[32, 32], &fc).unwrap();
    weights.insert("fc.weight".to_owned(), blocks);
    let kept = rewrite(&graph, &weights).unwrap();
    assert!(has_batch_norm(&kept.graph));
    assert!(kept.graph.weights().any(|node| node.name == "fc.weight" && matches!(node.op, Op::Weight)));
}

#[test]
fn writes_to_a_cache_and_inputs_stay() {
    let mut g = Graph::builder("cache");
    let x = g.input("x", dims![Symbol::Tokens, 2, 4], Element::F32).unwrap();
    g.input("unused", dims![1], Element::F32).unwrap();
    let state = g.state("k", dims![16, 2, 4]).unwrap();
    g.cache_append(state, x).unwrap();
    g.output("x", x).unwrap();
    let graph = g.finish().unwrap();
    let after = rewrite(&graph, &HashMap::new()).unwrap();
    assert_eq!(after.graph, graph);
    assert_eq!(after.log, []);
}
