//! One known answer: a small graph with operands that are always the same numbers, played by the reference and by the
//! device.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::Executor;
use super::super::device::Device;
use super::super::tune::Variants;
use super::Check;
use crate::graph::{Dim, Element, Graph, Node, Sizes, Symbol, Value};
use crate::kv::KvFormat;
use crate::ops::{Numerics, Op};
use crate::plan::{Plan, PlanSettings};
use crate::reference;
use crate::source::WeightSource;
use crate::tensor::HostTensor;
use crate::{ComputeError, ValueType};

/// Differences that roundings in f32 explain: sums of a few thousand products, in any order.
pub(super) const EXACT: f64 = 2e-5;

/// Activations rounded to int8: 1 / 254 of the largest of a block, and as much again by chance.
pub(super) const FAST: f64 = 2e-2;

/// Keys and values rounded to f16 or int8 may fall on the other side.
pub(super) const CACHED: f64 = 2e-3;

/// Tokens, patches and so on of a check: more than one row, not a multiple of anything.
const SIZE: u64 = 5;

/// A graph, its weights and its inputs.
pub(in crate::gpu) struct Case<'a> {
    pub(super) what: String,
    pub(super) graph: Graph,
    pub(super) weights: Box<dyn WeightSource + 'a>,
    pub(super) inputs: Vec<(String, HostTensor)>,
    pub(super) sizes: Sizes,
    pub(super) kv: KvFormat,
    pub(super) numerics: Numerics,
    pub(super) allowed: f64,
}

/// Variants of each family that a case could take.
pub(super) type Asked = BTreeMap<String, Vec<&'static str>>;

impl Case<'_> {
    fn inputs(&self) -> Vec<(&str, HostTensor)> {
        self.inputs.iter().map(|(name, x)| (name.as_str(), x.clone())).collect()
    }

    pub(super) fn expected(&self) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
        let executor = reference::Executor::new(&self.graph, &*self.weights)?;
        executor.with_kv(self.kv)?.run(&self.sizes, &self.inputs())
    }

    pub(super) fn failed(&self, problem: String) -> Check {
        let (what, allowed) = (self.what.clone(), self.allowed);
        Check { what, kernels: Vec::new(), error: None, allowed, problem: Some(problem) }
    }

    /// Against what the reference gave.
    pub(super) fn check(
        &self,
        device: &Device,
        variants: &Variants,
        expected: &BTreeMap<String, HostTensor>,
    ) -> (Check, Asked) {
        let mut executor = match self.executor(device, variants) {
            Ok(executor) => executor,
            Err(error) => return (self.failed(error.to_string()), Asked::new()),
        };
        let (kernels, asked) = (executor.kernels(), executor.asked());
        let check = match executor.run(&self.sizes, &self.inputs()) {
            Ok(got) => {
                let error = difference(&got, expected);
                let problem = error.is_none().then(|| "numbers that are not finite".to_owned());
                Check { what: self.what.clone(), kernels, error, allowed: self.allowed, problem }
            }
            Err(error) => Check { kernels, ..self.failed(error.to_string()) },
        };
        (check, asked)
    }

    /// The best of a few runs, by the nodes' own times. Errors: what the device refuses.
    pub(in crate::gpu) fn seconds(
        &self,
        device: &Device,
        variants: &Variants,
        runs: usize,
    ) -> Result<Duration, ComputeError> {
        let mut executor = self.executor(device, variants)?;
        let mut best = Duration::MAX;
        for _ in 0..=runs {
            best = best.min(executor.profile(&self.sizes, &self.inputs())?.iter().sum());
        }
        Ok(best)
    }

    pub(in crate::gpu) fn executor(
        &self,
        device: &Device,
        variants: &Variants,
    ) -> Result<Executor, ComputeError> {
        let settings = PlanSettings { bounds: self.sizes, numerics: self.numerics, kv: self.kv };
        let plan = Plan::for_weights(&self.graph, &settings, &*self.weights)?;
        Executor::with_variants(&self.graph, &plan, &*self.weights, device, variants.clone())
    }
}

/// Largest difference, of the largest expected magnitude (at least 1); `None` if a result is not finite where it
/// should be, or is not there.
fn difference(got: &BTreeMap<String, HostTensor>, expected: &BTreeMap<String, HostTensor>) -> Option<f64> {
    let mut largest = 0.0f64;
    for (name, expected) in expected {
        let got = got.get(name)?;
        let (Some(numbers), Some(right)) = (got.as_f32(), expected.as_f32()) else {
            if got != expected {
                return None;
            }
            continue;
        };
        let scale = right.iter().fold(1.0f64, |m, v| m.max(f64::from(v.abs())));
        for (a, b) in numbers.iter().zip(right) {
            let apart = f64::from((a - b).abs()) / scale;
            if apart.is_nan() || numbers.len() != right.len() {
                return None;
            }
            largest = largest.max(apart);
        }
    }
    Some(largest)
}

/// Always the same numbers in [-1, 1): SplitMix64.
pub(super) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        // 24 bits fill an f32.
        ((z ^ (z >> 31)) >> 40) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Operands of these types: noise, or indices that every operation takes.
pub(super) fn operand(
    value: &ValueType,
    below: u32,
    sizes: &Sizes,
    seed: u64,
) -> Result<HostTensor, ComputeError> {
    let dims = reference::host_dims(value, sizes)?;
    let count: usize = dims.iter().product();
    match value.element {
        Element::F32 => HostTensor::f32(&dims, numbers(count, seed)),
        Element::U32 => {
            // At most as many as fit memory.
            let index = |i: usize| (i as u32).wrapping_mul(2_654_435_761) >> 7;
            HostTensor::u32(&dims, (0..count).map(|i| index(i) % below.max(1)).collect())
        }
    }
}

/// A case for each distinct operation of a graph: its op, the shapes of its operands at these sizes, and its weights as
/// they are. Operations on caches are no cases of their own.
pub(super) fn of_plan<'a>(
    graph: &Graph,
    plan: &Plan,
    source: &'a dyn WeightSource,
    sizes: &Sizes,
) -> Result<Vec<Case<'a>>, ComputeError> {
    let (mut cases, mut seen) = (Vec::new(), BTreeSet::new());
    for (value, node) in graph.values() {
        let computes = node.op.operation().is_some() && !matches!(node.op, Op::CacheAppend(_));
        // Sizes that the graph cannot have, such as the last of no tokens, are no case.
        if !computes || node.value.at(sizes).is_err() || !seen.insert(kind(graph, node, source)?) {
            continue;
        }
        if let Some(case) = of_node(graph, value, source, plan.settings(), sizes)? {
            cases.push(case);
        }
    }
    Ok(cases)
}

/// What makes two nodes the same to a kernel.
fn kind(graph: &Graph, node: &Node, source: &dyn WeightSource) -> Result<String, ComputeError> {
    let mut kind = format!("{:?} {}", node.op, node.value);
    for &input in &node.inputs {
        let operand = graph.node(input);
        let format = match operand.op {
            Op::Weight => source.weight(&operand.name)?.dtype().name(),
            _ => operand.op.name(),
        };
        kind.push_str(&format!(" {} {format}", operand.value));
    }
    Ok(kind)
}

/// Small values for symbols that have a bound.
pub(super) fn small(bounds: &Sizes) -> Sizes {
    Symbol::ALL.iter().fold(Sizes::new(), |sizes, &symbol| match bounds.get(symbol) {
        Some(_) if symbol == Symbol::Past => sizes.with(symbol, 0),
        Some(bound) => sizes.with(symbol, bound.min(SIZE)),
        None => sizes,
    })
}

fn of_node<'a>(
    graph: &Graph,
    value: Value,
    source: &'a dyn WeightSource,
    settings: &PlanSettings,
    sizes: &Sizes,
) -> Result<Option<Case<'a>>, ComputeError> {
    let node = graph.node(value);
    let mut g = Graph::builder("check");
    let (mut operands, mut inputs) = (Vec::new(), Vec::new());
    for (i, &input) in node.inputs.iter().enumerate() {
        let operand_node = graph.node(input);
        if matches!(operand_node.op, Op::Weight | Op::Constant(_)) {
            operands.push(g.push_node(operand_node.clone())?);
            continue;
        }
        let dims = reference::host_dims(&operand_node.value, sizes)?;
        let fixed: Vec<Dim> = dims.iter().map(|&d| Dim::from(d)).collect();
        let name = format!("operand {i}");
        let value = ValueType { dims: fixed.clone(), element: operand_node.value.element };
        operands.push(g.input(&name, fixed, value.element)?);
        inputs.push((name, operand(&value, below(graph, node, sizes)?, sizes, i as u64 + 1)?));
    }
    let op = concrete(&node.op, &node.value, sizes)?;
    let result = g.push(op, operands)?;
    g.output("result", result)?;
    let fast = settings.numerics == Numerics::Fast && matches!(node.op, Op::Linear(_));
    Ok(Some(Case {
        what: format!("{} {} of the model", node.op.name(), node.value),
        graph: g.finish()?,
        weights: Box::new(Borrowed(source)),
        inputs,
        sizes: *sizes,
        kv: settings.kv,
        numerics: settings.numerics,
        allowed: if fast { FAST } else { EXACT },
    }))
}

/// Sizes that an operation carries itself, at the sizes of the check.
fn concrete(op: &Op, value: &ValueType, sizes: &Sizes) -> Result<Op, ComputeError> {
    Ok(match op {
        Op::Reshape(_) => {
            let dims = reference::host_dims(value, sizes)?.into_iter().map(Dim::from).collect();
            Op::Reshape(crate::ops::Reshape { dims })
        }
        Op::Slice(slice) => {
            let (start, len) = (slice.start.at(sizes)?.into(), slice.len.at(sizes)?.into());
            Op::Slice(crate::ops::Slice { axis: slice.axis, start, len })
        }
        other => other.clone(),
    })
}

/// Indices are below this.
fn below(graph: &Graph, node: &Node, sizes: &Sizes) -> Result<u32, ComputeError> {
    let rows = |operand: usize, axis: usize| -> Result<u32, ComputeError> {
        let dims = graph.node(node.inputs[operand]).value.at(sizes)?;
        Ok(u32::try_from(dims[axis]).unwrap_or(u32::MAX))
    };
    match &node.op {
        Op::Embedding(_) => rows(1, 0),
        Op::Gather(gather) => rows(0, usize::from(gather.batched)),
        // Masks, segments, positions.
        _ => Ok(3),
    }
}

/// A source behind a reference.
struct Borrowed<'a>(&'a dyn WeightSource);

impl WeightSource for Borrowed<'_> {
    fn weight(&self, name: &str) -> Result<bedside_tensor::TensorView<'_>, ComputeError> {
        self.0.weight(name)
    }
}
