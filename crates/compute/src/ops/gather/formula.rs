//! Rows by number.

use burn::tensor::Tensor;

use super::Gather;
use crate::device::formula::Formula;
use crate::error::Mismatch;

pub(super) fn run(op: &Gather, formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
    let (x, axis) = (&formula.terms[0], usize::from(op.batched));
    let (rows, per_batch) = (x.dims[axis], formula.dims[axis]);
    let inner = x.dims[axis + 1..].iter().product::<usize>();
    // A table without rows refuses every number before it is looked at.
    let table: Tensor<2> = match x.elements() {
        0 => x.shaped([1, 1]),
        elements => x.shaped([elements / inner, inner]),
    };
    let batch = |i: usize| if op.batched { i / per_batch * rows } else { 0 };
    formula.pick(table, ("index", formula.indices(1)), rows, batch)
}
