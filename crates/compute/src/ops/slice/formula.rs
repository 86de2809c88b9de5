//! A range of the middle of (outer, axis, inner).

use burn::tensor::Tensor;

use super::{Slice, reference};
use crate::device::formula::Formula;
use crate::error::Mismatch;

pub(super) fn run(op: &Slice, formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
    let (dims, len) = (formula.terms[0].dims, formula.dims[op.axis]);
    let start = reference::start(op, dims[op.axis], len, formula.sizes)?;
    let outer = dims[..op.axis].iter().product::<usize>();
    let inner = dims[op.axis + 1..].iter().product::<usize>();
    let x: Tensor<3> = formula.terms[0].shaped([outer, dims[op.axis], inner]);
    Ok(x.slice_dim(1, start..start + len).reshape([formula.elements()]))
}
