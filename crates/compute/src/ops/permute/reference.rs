//! One element at a time.

use super::Permute;
use crate::tensor::{HostTensor, positions, strides};

pub(super) fn run(op: &Permute, inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    let strides = strides(inputs[0].dims());
    let from = positions(output).map(|at| at.iter().zip(&op.axes).map(|(i, &axis)| i * strides[axis]).sum());
    inputs[0].picked(output, from)
}
