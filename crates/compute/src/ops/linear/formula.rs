//! One product of matrices.

use burn::tensor::Tensor;

use super::Linear;
use crate::device::formula::Formula;

pub(super) fn run(op: &Linear, formula: &Formula<'_>) -> Tensor<1> {
    let terms = formula.terms;
    let weight: Tensor<2> = terms[1].whole(); // (out, in)
    let [out, columns] = weight.dims();
    let x: Tensor<2> = terms[0].shaped([terms[0].elements() / columns, columns]);
    let y = x.matmul(weight.transpose()); // (rows, out)
    let y = if op.bias { y + terms[2].shaped([1, out]) } else { y };
    let y = op.activation.apply_tensor(y.reshape([formula.elements()]));
    if op.residual { y + terms[op.residual_operand()].flat() } else { y }
}
