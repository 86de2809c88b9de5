//! Row by row.

use burn::tensor::Tensor;

use super::L2Normalize;
use crate::device::formula::Formula;

pub(super) fn run(op: &L2Normalize, formula: &Formula<'_>) -> Tensor<1> {
    let x = formula.terms[0].rows();
    let length = (x.clone() * x.clone()).sum_dim(1).sqrt();
    (x / length.clamp_min(f64::from(op.eps))).reshape([formula.elements()])
}
