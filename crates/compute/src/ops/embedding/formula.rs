//! Rows by number.

use burn::tensor::Tensor;

use crate::device::formula::Formula;
use crate::error::Mismatch;

pub(super) fn run(formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
    let table = &formula.terms[1];
    formula.pick(table.whole(), ("id", formula.indices(0)), table.dims[0], |_| 0)
}
