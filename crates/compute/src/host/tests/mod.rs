//! The host executor against the references.

pub(crate) mod networks;
pub(crate) mod ops;

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;

use bedside_tensor::DType;

use super::Executor;
use crate::graph::{Dim, Graph, Node, Sizes, ValueType};
use crate::kv::KvFormat;
use crate::ops::proof::{difference, run, try_run};
use crate::ops::{Numerics, Op};
use crate::plan::{Plan, PlanSettings};
use crate::source::{OwnedWeight, WeightSource};
use crate::{ComputeError, Element, HostTensor};

/// An executor with f32 caches and exact numerics.
fn executor(graph: &Graph, weights: &dyn WeightSource, bounds: Sizes, threads: usize) -> Executor {
    with_kv(graph, weights, bounds, KvFormat::F32, threads)
}

fn with_kv(
    graph: &Graph,
    weights: &dyn WeightSource,
    bounds: Sizes,
    kv: KvFormat,
    threads: usize,
) -> Executor {
    let settings = PlanSettings { bounds, numerics: Numerics::Exact, kv };
    let plan = Plan::for_weights(graph, &settings, weights).unwrap();
    Executor::new(graph, &plan, weights, NonZeroUsize::new(threads).unwrap()).unwrap()
}

/// Where the operands of a lone operation come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Operands {
    /// Inputs that nobody reads later: results may take their place.
    Inputs,
    /// Inputs that are outputs too.
    KeptInputs,
    /// The first is an input, others are weights where they are f32.
    Weights,
}

/// A graph of one operation, its inputs and its weights.
pub(crate) fn lone(
    op: &Op,
    operands: &[&HostTensor],
    how: Operands,
) -> (Graph, HashMap<String, OwnedWeight>) {
    let mut g = Graph::builder("one op");
    let (mut values, mut weights) = (Vec::new(), HashMap::new());
    for (i, x) in operands.iter().enumerate() {
        let (name, dims) = (format!("x{i}"), x.dims().iter().map(|&d| Dim::from(d)).collect::<Vec<_>>());
        let value = match x.as_f32() {
            Some(numbers) if how == Operands::Weights && i > 0 => {
                let fixed: Vec<u64> = x.dims().iter().map(|&d| d as u64).collect();
                weights.insert(name.clone(), OwnedWeight::new(&name, DType::F32, &fixed, numbers).unwrap());
                let value = ValueType::f32(dims);
                g.push_node(Node { name, op: Op::Weight, inputs: vec![], value }).unwrap()
            }
            _ => g.input(&name, dims, x.element()).unwrap(),
        };
        if how == Operands::KeptInputs {
            g.output(&format!("kept {i}"), value).unwrap();
        }
        values.push(value);
    }
    let y = g.push(op.clone(), values).unwrap();
    g.output("y", y).unwrap();
    (g.finish().unwrap(), weights)
}

fn outputs(
    op: &Op,
    operands: &[&HostTensor],
    how: Operands,
    threads: usize,
) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
    let (graph, weights) = lone(op, operands, how);
    let names: Vec<String> = graph.inputs().map(|node| node.name.clone()).collect();
    let number = |name: &str| name[1..].parse::<usize>().unwrap();
    let inputs: Vec<(&str, HostTensor)> =
        names.iter().map(|name| (name.as_str(), operands[number(name)].clone())).collect();
    executor(&graph, &weights, Sizes::new(), threads).run(&Sizes::new(), &inputs)
}

/// The host's result equals the reference's within `tolerance` of the largest magnitude (at least 1),
/// wherever the operands lie, and is the same on two threads.
#[track_caller]
fn agree(op: impl Into<Op>, operands: &[&HostTensor], tolerance: f64) {
    let op = op.into();
    let expected = run(op.clone(), operands);
    for how in [Operands::Inputs, Operands::KeptInputs, Operands::Weights] {
        let got = outputs(&op, operands, how, 1).unwrap();
        close(&got["y"], &expected, tolerance, &format!("{op:?} {how:?}"));
        for (i, x) in operands.iter().enumerate().filter(|_| how == Operands::KeptInputs) {
            assert_eq!(&got[&format!("kept {i}")], *x, "{op:?} changed what it reads");
        }
        let shared = outputs(&op, operands, how, 2).unwrap();
        assert_eq!(bits(&got["y"]), bits(&shared["y"]), "{op:?} {how:?} depends on the number of threads");
    }
}

#[track_caller]
pub(crate) fn close(got: &HostTensor, expected: &HostTensor, tolerance: f64, what: &str) {
    if expected.element() == Element::U32 {
        return assert_eq!(got, expected, "{what}");
    }
    assert_eq!(got.dims(), expected.dims(), "{what}");
    // Infinities stand where they should; differences are of the rest.
    let finite = |x: &HostTensor, other: &HostTensor| {
        let pairs = x.f32s().iter().zip(other.f32s());
        let kept = pairs.map(|(&a, &b)| if a == b && a.is_infinite() { 0.0 } else { a });
        HostTensor::filled(x.dims(), kept.collect())
    };
    let d = difference(&finite(got, expected), &finite(expected, got));
    assert!(d <= tolerance, "{what}: differ by {d:e}");
}

pub(crate) fn bits(x: &HostTensor) -> Vec<u32> {
    match x.as_f32() {
        Some(numbers) => numbers.iter().map(|v| v.to_bits()).collect(),
        None => x.u32s().to_vec(),
    }
}

/// The host refuses what the reference refuses.
#[track_caller]
fn both_refuse(op: impl Into<Op>, operands: &[&HostTensor]) {
    let op = op.into();
    let expected = try_run(op.clone(), operands).unwrap_err();
    let got = outputs(&op, operands, Operands::Inputs, 1).unwrap_err();
    let ComputeError::Operand { what, expected: wanted, got, .. } = got else { panic!("{got}") };
    assert_eq!((what, wanted, got), (expected.what, expected.expected, expected.got));
}
