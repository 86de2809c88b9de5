//! Row by row.

use burn::tensor::Tensor;

use super::LayerNorm;
use crate::device::formula::Formula;

pub(super) fn run(op: &LayerNorm, formula: &Formula<'_>) -> Tensor<1> {
    let terms = formula.terms;
    let x = terms[0].rows();
    let width = x.dims()[1];
    let centred = x.clone() - x.mean_dim(1);
    let variance = (centred.clone() * centred.clone()).mean_dim(1);
    let y = centred / (variance + f64::from(op.eps)).sqrt() * terms[1].shaped([1, width]);
    let y = if op.bias { y + terms[2].shaped([1, width]) } else { y };
    y.reshape([formula.elements()])
}
