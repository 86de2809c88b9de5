//! Golden plans, and random graphs played inside a planned arena.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::graph::Symbol;
use crate::graph::sample::{WIDTH, random_graph, vit};
use crate::ops::proof::noise;
use crate::reference::tests::{decoder, random_weights};
use crate::reference::{Executor, host_dims, reference};
use crate::{HostTensor, OwnedWeight, rewrite::rewrite};

fn settings(bounds: Sizes) -> PlanSettings {
    PlanSettings { bounds, numerics: Numerics::Exact, kv: KvFormat::F16 }
}

fn f32_plan(graph: &Graph, bounds: Sizes) -> Plan {
    Plan::new(graph, &settings(bounds), &|_| Ok(DType::F32)).unwrap()
}

/// `UPDATE_GOLDEN=1 cargo test -p bedside-compute` writes the files anew.
fn golden(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{} differs", path.display());
}

#[test]
fn the_plan_of_a_vit_is_golden() {
    let graph = vit().unwrap();
    let fused = rewrite(&graph, &random_weights(&graph, 1)).unwrap().graph;
    let plan = Plan::new(&fused, &settings(Sizes::new().with(Symbol::Images, 2)), &|name| {
        Ok(if name.contains("ffn") && name.ends_with("weight") { DType::Q8_0 } else { DType::F16 })
    });
    let plan = plan.unwrap();
    plan.verify(&fused).unwrap();
    golden("vit.txt", &plan.to_string());
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    let newer = json.replacen("\"version\":1", "\"version\":2", 1);
    assert!(serde_json::from_str::<Plan>(&newer).unwrap_err().to_string().contains("plan version 2"));
}

#[test]
fn the_two_plans_of_a_decoder_are_golden() {
    let graph = decoder();
    let format = |name: &str| Ok(if name.contains("attn_output") { DType::Q4_0 } else { DType::F16 });
    let plans =
        [("token", 1, KvFormat::Q8_0, Numerics::Fast), ("prefill", 8, KvFormat::Q8_0, Numerics::Fast)].map(
            |(name, tokens, kv, numerics)| {
                let bounds = Sizes::new().with(Symbol::Tokens, tokens).with(Symbol::Past, 24 - tokens);
                let plan = Plan::new(&graph, &PlanSettings { bounds, numerics, kv }, &format).unwrap();
                plan.verify(&graph).unwrap();
                golden(&format!("decoder_{name}.txt"), &plan.to_string());
                plan
            },
        );
    let [token, prefill] = &plans;
    let (both, large) = (Totals::shared(&[token, prefill]), prefill.totals());
    assert_eq!(both.total_bytes(), large.total_bytes());
    assert_eq!(token.totals().weights_bytes, large.weights_bytes);
    assert_eq!(large.kv_cache_bytes, 4 * aligned(24 * 2 * 34));
}

#[test]
fn a_budget_refuses_with_the_numbers() {
    let plan = f32_plan(&vit().unwrap(), Sizes::new().with(Symbol::Images, 1));
    let total = plan.totals().total_bytes();
    Budget { bytes: total }.check(plan.totals()).unwrap();
    let error = Budget { bytes: total - 1 }.check(plan.totals()).unwrap_err();
    let ComputeError::Budget { budget, total: needed, weights, activations, kv_cache, staging } =
        error.clone()
    else {
        panic!("{error}")
    };
    assert_eq!((budget, needed), (total - 1, total));
    assert_eq!(weights + activations + kv_cache + staging, total);
    assert!(error.to_string().contains(&format!("{total} bytes are needed")));
}

#[test]
fn what_cannot_be_planned_is_named() {
    let graph = decoder();
    let bounds = Sizes::new().with(Symbol::Tokens, 4);
    let plan = |bounds, dtype| Plan::new(&graph, &settings(bounds), &|_| Ok(dtype));
    assert!(
        matches!(plan(bounds, DType::F32), Err(ComputeError::Size { dim, .. }) if dim == "past + tokens")
    );
    let bounds = bounds.with(Symbol::Past, 20);
    // The table's rows of 16 elements are no multiple of 32.
    assert!(matches!(plan(bounds, DType::Q8_0), Err(ComputeError::WeightFormat { .. })));
    assert!(matches!(plan(bounds.with(Symbol::Tokens, 1 << 41), DType::F32), Err(ComputeError::Size { .. })));
    let missing = Plan::for_weights(&graph, &settings(bounds), &HashMap::<String, OwnedWeight>::new());
    assert!(matches!(missing, Err(ComputeError::WeightMissing { .. })));
}

#[test]
fn a_plan_that_was_tampered_with_is_refused() {
    let graph = vit().unwrap();
    let plan = f32_plan(&graph, Sizes::new().with(Symbol::Images, 2));
    plan.verify(&graph).unwrap();
    assert!(matches!(plan.verify(&decoder()), Err(ComputeError::Plan { .. })));
    let mut caught = 0;
    for i in 0..plan.placements.len() {
        if let Place::Arena { offset } = plan.placements[i].place {
            let mut bad = plan.clone();
            bad.placements[i].place = Place::Arena { offset: offset + 1 };
            assert!(bad.verify(&graph).is_err());
            bad.placements[i].place = Place::Arena { offset: plan.totals.activations_bytes };
            assert!(bad.verify(&graph).is_err());
            bad.placements[i].place = Place::Arena { offset: 0 };
            caught += usize::from(bad.verify(&graph).is_err());
        }
    }
    // The rest lie at 0 anyway, or there is free at their time.
    assert!(caught >= 4, "{caught}");
}

/// The arena as an executor would use it, filled with NaN where nothing was written.
struct Arena<'a> {
    plan: &'a Plan,
    sizes: Sizes,
    words: Vec<u32>,
}

impl Arena<'_> {
    /// Word at which a value starts; `None` outside the arena.
    fn start(&self, value: Value) -> Option<usize> {
        match &self.plan.placements()[value.index()].place {
            Place::Arena { offset } => Some(*offset as usize / 4),
            Place::View { of, offset } => {
                Some(self.start(*of)? + offset.at(&self.sizes).unwrap() as usize / 4)
            }
            _ => None,
        }
    }

    fn write(&mut self, start: usize, x: &HostTensor) {
        let words: Vec<u32> = match x.as_f32() {
            Some(numbers) => numbers.iter().map(|v| v.to_bits()).collect(),
            None => x.u32s().to_vec(),
        };
        self.words[start..start + words.len()].copy_from_slice(&words);
    }

    fn read(&self, start: usize, value: &ValueType) -> HostTensor {
        let dims = host_dims(value, &self.sizes).unwrap();
        let words = &self.words[start..start + dims.iter().product::<usize>()];
        match value.element {
            crate::Element::F32 => HostTensor::f32(&dims, words.iter().map(|&w| f32::from_bits(w)).collect()),
            crate::Element::U32 => HostTensor::u32(&dims, words.to_vec()),
        }
        .unwrap()
    }

    /// Play a graph without states.
    fn play(
        &mut self,
        graph: &Graph,
        weights: &dyn WeightSource,
        inputs: &[(&str, HostTensor)],
    ) -> Vec<HostTensor> {
        let mut outside: HashMap<Value, HostTensor> = HashMap::new();
        for (value, node) in graph.values().filter(|(_, node)| node.op.operation().is_none()) {
            match node.leaf_f32(weights).unwrap() {
                Some(leaf) => drop(outside.insert(value, leaf)),
                None => {
                    let (_, x) = inputs.iter().find(|(name, _)| *name == node.name).unwrap();
                    self.write(self.start(value).unwrap(), x);
                }
            }
        }
        for (value, node) in graph.values().filter(|(_, node)| node.op.operation().is_some()) {
            if let Some(scratch) = self.plan.placements()[value.index()].scratch {
                let words = scratch.offset as usize / 4..(scratch.offset + scratch.bytes) as usize / 4;
                self.words[words].fill(f32::NAN.to_bits());
            }
            let operand = |input: &Value| match self.start(*input) {
                Some(start) => self.read(start, &graph.node(*input).value),
                None => outside[input].clone(),
            };
            let operands: Vec<HostTensor> = node.inputs.iter().map(operand).collect();
            let dims = host_dims(&node.value, &self.sizes).unwrap();
            let made = reference(node, &operands.iter().collect::<Vec<_>>(), &dims, &self.sizes).unwrap();
            match (self.start(value), &self.plan.placements()[value.index()].place) {
                (Some(_), Place::View { .. }) => {} // nothing moves
                (Some(start), _) => self.write(start, &made),
                (None, _) => drop(outside.insert(value, made)),
            }
        }
        let start = |value: Value| self.start(value).unwrap();
        let read = |o: &crate::Output| self.read(start(o.value), &graph.node(o.value).value);
        graph.outputs().iter().map(read).collect()
    }
}

/// Pairs of values that are in use at one step share no byte, unless one is a view of the other or takes
/// its place at that very step.
fn assert_apart(graph: &Graph, plan: &Plan) {
    let placed: Vec<(usize, Region)> = plan
        .placements()
        .iter()
        .enumerate()
        .filter_map(|(i, p)| match p.place {
            Place::Arena { offset } => Some((i, Region { offset, bytes: aligned(p.bytes) })),
            _ => None,
        })
        .collect();
    for &(i, a) in &placed {
        let (first, last) = (&plan.placements()[i], plan.placements()[i].last);
        for &(j, b) in placed.iter().filter(|(j, _)| *j > i) {
            let later = &plan.placements()[j];
            if later.first <= last && first.first <= later.last && a.overlaps(&b) {
                let operation = graph.nodes()[j].op.operation().expect("inputs never overlap");
                let allowed = operation.in_place().iter().any(|&k| {
                    let mut root = graph.nodes()[j].inputs[k];
                    while let Place::View { of, .. } = plan.placements()[root.index()].place {
                        root = of;
                    }
                    root.index() == i
                });
                assert!(
                    allowed && a == b && later.first == last,
                    "{} and {}\n{plan}",
                    first.name,
                    later.name
                );
            }
        }
    }
    let ends = placed.iter().map(|(_, region)| region.offset + region.bytes);
    let scratch = plan.placements().iter().filter_map(|p| p.scratch).map(|s| s.offset + aligned(s.bytes));
    assert_eq!(plan.totals().activations_bytes, ends.chain(scratch).max().unwrap_or(0));
    assert!(plan.totals().activations_least_bytes <= plan.totals().activations_bytes);
}

proptest! {
    #[test]
    fn a_run_in_the_arena_equals_the_reference(
        graph in random_graph(), seed: u64, tokens in 1usize..6, spare in 0u64..3, fast: bool, quantized: bool,
    ) {
        let mut weights = random_weights(&graph, seed);
        if quantized {
            for (name, weight) in weights.iter_mut().filter(|(name, _)| name.ends_with(".weight")) {
                let values = weight.view().to_f32().unwrap();
                *weight = OwnedWeight::new(name, DType::Q8_0, &[32, 32], &values).unwrap();
            }
        }
        let numerics = if fast { Numerics::Fast } else { Numerics::Exact };
        let bounds = Sizes::new().with(Symbol::Tokens, tokens as u64 + spare);
        let settings = PlanSettings { bounds, numerics, kv: KvFormat::F32 };
        let plan = Plan::for_weights(&graph, &settings, &weights).unwrap();
        plan.verify(&graph).unwrap();
        assert_apart(&graph, &plan);

        let sizes = Sizes::new().with(Symbol::Tokens, tokens as u64);
        let x = |seed| noise(&[tokens, WIDTH as usize], seed);
        let inputs = [("x", x(seed)), ("y", x(seed ^ 1))];
        let expected = Executor::new(&graph, &weights).unwrap().run(&sizes, &inputs).unwrap();
        let words = vec![f32::NAN.to_bits(); plan.totals().activations_bytes as usize / 4];
        let got = Arena { plan: &plan, sizes, words }.play(&graph, &weights, &inputs);
        for (output, got) in graph.outputs().iter().zip(&got) {
            // Compared as bits: NaN equals itself.
            let bits = |x: &HostTensor| x.f32s().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(got), bits(&expected[&output.name]));
        }
    }
}
