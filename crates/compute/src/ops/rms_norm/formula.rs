//! Row by row.

use burn::tensor::Tensor;

use super::RmsNorm;
use crate::device::formula::Formula;

pub(super) fn run(op: &RmsNorm, formula: &Formula<'_>) -> Tensor<1> {
    let x = formula.terms[0].rows();
    let width = x.dims()[1];
    let mean = (x.clone() * x.clone()).mean_dim(1);
    let y = x / (mean + f64::from(op.eps)).sqrt() * formula.terms[1].shaped([1, width]);
    y.reshape([formula.elements()])
}
