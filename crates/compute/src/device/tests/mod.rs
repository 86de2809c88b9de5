//! The device executor against the references: on the processor, and with the feature `burn-gpu` on a GPU.

pub(crate) mod cases;
#[cfg(feature = "burn-gpu")]
mod gpu;
mod networks;
mod ops;

use super::{Device, Executor};
use crate::ComputeError;
use crate::graph::Sizes;
use crate::host::tests::{Operands, close, lone};
use crate::ops::Op;
use crate::ops::proof::run;
use crate::tensor::HostTensor;

/// One operation with its operands; `tolerance`: of the largest magnitude (at least 1).
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) op: Op,
    pub(crate) operands: Vec<HostTensor>,
    pub(crate) tolerance: f64,
}

impl Case {
    pub(crate) fn new(op: impl Into<Op>, operands: &[&HostTensor], tolerance: f64) -> Self {
        Self { op: op.into(), operands: operands.iter().map(|&x| x.clone()).collect(), tolerance }
    }

    pub(crate) fn operands(&self) -> Vec<&HostTensor> {
        self.operands.iter().collect()
    }
}

/// The result of a lone operation on a device.
fn output(op: &Op, operands: &[&HostTensor], device: &Device) -> Result<HostTensor, ComputeError> {
    let (graph, weights) = lone(op, operands, Operands::Inputs);
    let names: Vec<String> = graph.inputs().map(|node| node.name.clone()).collect();
    let number = |name: &str| name[1..].parse::<usize>().unwrap();
    let inputs: Vec<(&str, HostTensor)> =
        names.iter().map(|name| (name.as_str(), operands[number(name)].clone())).collect();
    let mut outputs = Executor::new(&graph, &weights, device)?.run(&Sizes::new(), &inputs)?;
    Ok(outputs.remove("y").unwrap())
}

/// The device's results equal the references'.
#[track_caller]
fn agree(cases: &[Case], device: &Device) {
    for case in cases {
        let expected = run(case.op.clone(), &case.operands());
        let got = output(&case.op, &case.operands(), device).unwrap();
        close(&got, &expected, case.tolerance, &format!("{:?} on {device:?}", case.op));
    }
}
