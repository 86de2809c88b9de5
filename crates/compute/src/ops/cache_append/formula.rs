//! For a state that is an ordinary value, as in training: the rows before, then the new ones. The device's
//! executor writes into its cache instead.

use burn::tensor::Tensor;

use crate::device::formula::Formula;
use crate::error::Mismatch;

pub(super) fn run(formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
    let [state, x] = [&formula.terms[0], &formula.terms[1]];
    let past = formula.elements().checked_sub(x.elements()).filter(|&past| past <= state.elements());
    let past = past.ok_or_else(|| Mismatch::new("rows of the cache", state.dims[0], formula.dims[0]))?;
    Ok(match (past, x.elements()) {
        (0, _) => x.flat(),
        (_, 0) => state.flat().slice_dim(0, 0..past),
        _ => Tensor::cat(vec![state.flat().slice_dim(0, 0..past), x.flat()], 0),
    })
}
