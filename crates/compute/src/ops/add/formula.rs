//! One sum; the second repeats.

use burn::tensor::Tensor;

use crate::device::formula::Formula;
use crate::device::repeat;

pub(super) fn run(formula: &Formula<'_>) -> Tensor<1> {
    let [a, b] = [0, 1].map(|i| formula.terms[i].flat());
    let (a, b) = repeat::pair(a, b, formula.terms[1].dims, formula.dims);
    (a + b).reshape([formula.elements()])
}
