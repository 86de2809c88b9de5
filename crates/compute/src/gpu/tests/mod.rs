//! The GPU executor: its shaders without a GPU, and its results on every adapter there is, with the adapter's own
//! limits and with those of a small device.

mod faults;
mod networks;
mod ops;
mod shaders;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use bedside_tensor::DType;

pub(crate) use shaders::validate;

use super::dispatch::Kernel;
use super::{
    Adapter, AdapterChoice, Backend, Capabilities, Device, DeviceOptions, Executor, Variants, adapters,
};
use crate::graph::Sizes;
use crate::host::tests::{Operands, close, lone};
use crate::kv::KvFormat;
use crate::ops::proof::run;
use crate::ops::{Numerics, Op};
use crate::plan::{Plan, PlanSettings};
use crate::source::OwnedWeight;
use crate::{ComputeError, HostTensor};

/// Adapters of this machine, OpenGL's left out: its one context stands still for a second when several threads want
/// it, which the tests do, and then gives up. `networks::opengl_agrees_with_the_reference` is its own.
pub(crate) fn found() -> Vec<Adapter> {
    adapters(None).into_iter().filter(|adapter| adapter.backend != Backend::Gl).collect()
}

/// Every adapter, twice; none: the calling test is recorded as skipped.
#[track_caller]
pub(crate) fn devices() -> &'static [Device] {
    static DEVICES: LazyLock<Vec<Device>> = LazyLock::new(|| {
        let mut opened = Vec::new();
        for adapter in found() {
            for clamp in [None, Some(Capabilities::SMALL)] {
                let named = AdapterChoice::Named(adapter.name.clone());
                let options = DeviceOptions { adapter: named, backend: Some(adapter.backend), clamp };
                opened.push(Device::open(&options, None).unwrap());
            }
        }
        opened
    });
    if DEVICES.is_empty() {
        bedside_tests::skip("gpu", "no adapter, not even a software one");
    }
    &DEVICES
}

thread_local! {
    /// Operation whose kernels are made wrong, for tests of who notices.
    static WRONG: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// While it lives, executors that this thread loads compute this operation wrongly, as a driver with a fault does.
pub(crate) struct Wrong;

impl Wrong {
    pub(crate) fn new(operation: &'static str) -> Self {
        WRONG.set(Some(operation));
        Self
    }
}

impl Drop for Wrong {
    fn drop(&mut self) {
        WRONG.set(None);
    }
}

/// Exponentials a little too large, if this operation is to be wrong.
pub(super) fn make_wrong(kernel: &mut Kernel) {
    if WRONG.get().is_some_and(|operation| kernel.label.starts_with(operation)) {
        let wrong = kernel.wgsl.replace("fma(p * r, r, r) + 1.0", "fma(p * r, r, r) * 1.01 + 1.0");
        assert_ne!(wrong, kernel.wgsl, "{} has nothing to make wrong", kernel.label);
        kernel.wgsl = wrong.into();
    }
}

/// Name of a device in messages.
fn named(device: &Device) -> String {
    let clamped = if device.capabilities().f16 { "own limits" } else { "small" };
    format!("{} ({clamped})", device.adapter())
}

/// The executor of a lone operation, and its inputs.
fn alone(
    op: &Op,
    operands: &[&HostTensor],
    how: Operands,
    device: &Device,
) -> Result<(Executor, Vec<(String, HostTensor)>), ComputeError> {
    let (graph, weights) = lone(op, operands, how);
    let settings = PlanSettings { bounds: Sizes::new(), numerics: Numerics::Exact, kv: KvFormat::F32 };
    let plan = Plan::for_weights(&graph, &settings, &weights)?;
    let number = |name: &str| name[1..].parse::<usize>().unwrap();
    let inputs =
        graph.inputs().map(|node| (node.name.clone(), operands[number(&node.name)].clone())).collect();
    Ok((Executor::new(&graph, &plan, &weights, device, None)?, inputs))
}

pub(crate) fn outputs(
    op: &Op,
    operands: &[&HostTensor],
    how: Operands,
    device: &Device,
) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
    let (mut executor, inputs) = alone(op, operands, how, device)?;
    let inputs: Vec<(&str, HostTensor)> = inputs.iter().map(|(name, x)| (name.as_str(), x.clone())).collect();
    executor.run(&Sizes::new(), &inputs)
}

/// On every device, wherever the operands lie, the result equals the reference's within `tolerance` of the largest
/// magnitude (at least 1).
#[track_caller]
pub(crate) fn agree(op: impl Into<Op>, operands: &[&HostTensor], tolerance: f64) {
    let op = op.into();
    let expected = run(op.clone(), operands);
    for device in devices() {
        for how in places(&op, operands) {
            let got = outputs(&op, operands, how, device)
                .unwrap_or_else(|error| panic!("{op:?} {how:?} on {}: {error}", named(device)));
            close(&got["y"], &expected, tolerance, &format!("{op:?} {how:?} on {}", named(device)));
            for (i, x) in operands.iter().enumerate().filter(|_| how == Operands::KeptInputs) {
                assert_eq!(&got[&format!("kept {i}")], *x, "{op:?} changed what it reads");
            }
        }
    }
}

/// Where the operands may lie: rope's factors are a weight on a GPU, and no weight is infinite.
fn places(op: &Op, operands: &[&HostTensor]) -> Vec<Operands> {
    let finite = operands.iter().all(|x| x.as_f32().is_none_or(|x| x.iter().all(|v| v.is_finite())));
    match op {
        Op::Rope(rope) if rope.factors => vec![Operands::Weights],
        _ if !finite => vec![Operands::Inputs, Operands::KeptInputs],
        _ => vec![Operands::Inputs, Operands::KeptInputs, Operands::Weights],
    }
}

/// On every device, with operand 1 as a weight in blocks of `dtype`, the result equals the reference's on the same
/// weight dequantized.
#[track_caller]
pub(crate) fn agree_with_weight(
    op: impl Into<Op>,
    operands: &[&HostTensor],
    dtype: DType,
    numerics: Numerics,
    tolerance: f64,
) {
    let op = op.into();
    for device in devices() {
        let (got, expected) = with_weight(&op, operands, (dtype, numerics), device, Variants::default());
        let got = got.unwrap_or_else(|error| panic!("{op:?} {dtype:?} on {}: {error}", named(device)));
        close(&got, &expected, tolerance, &format!("{op:?} {dtype:?} {numerics} on {}", named(device)));
    }
}

/// Result and reference of a lone operation whose operand 1 is a weight in blocks.
pub(crate) fn with_weight(
    op: &Op,
    operands: &[&HostTensor],
    (dtype, numerics): (DType, Numerics),
    device: &Device,
    variants: Variants,
) -> (Result<HostTensor, ComputeError>, HostTensor) {
    let (graph, mut weights) = lone(op, operands, Operands::Weights);
    let dims: Vec<u64> = operands[1].dims().iter().map(|&d| d as u64).collect();
    let weight = OwnedWeight::new("x1", dtype, &dims, operands[1].as_f32().unwrap()).unwrap();
    let restored = HostTensor::f32(operands[1].dims(), weight.view().to_f32().unwrap()).unwrap();
    weights.insert("x1".to_owned(), weight);
    let mut dequantized = operands.to_vec();
    dequantized[1] = &restored;
    let expected = run(op.clone(), &dequantized);
    let settings = PlanSettings { bounds: Sizes::new(), numerics, kv: KvFormat::F32 };
    let plan = Plan::for_weights(&graph, &settings, &weights).unwrap();
    let executor = Executor::with_variants(&graph, &plan, &weights, device, variants);
    let number = |name: &str| name[1..].parse::<usize>().unwrap();
    let inputs: Vec<(&str, HostTensor)> =
        graph.inputs().map(|node| (node.name.as_str(), operands[number(&node.name)].clone())).collect();
    let got = executor.and_then(|mut executor| executor.run(&Sizes::new(), &inputs));
    (got.map(|mut outputs| outputs.remove("y").unwrap()), expected)
}
