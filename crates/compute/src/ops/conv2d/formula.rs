//! burn's own convolution.

use burn::tensor::Tensor;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;

use super::{Conv2d, Padding};
use crate::device::formula::Formula;
use crate::ops::Activation;

pub(super) fn run(op: &Conv2d, formula: &Formula<'_>) -> Tensor<1> {
    convolution(formula, options(op.stride, &op.padding, op.groups as usize), op.bias, op.activation)
}

/// Strides and padding as burn writes them. The shape check has refused zeros.
pub(in crate::ops) fn options(stride: [u32; 2], padding: &Padding, groups: usize) -> ConvOptions<2> {
    ConvOptions::new_with_padding(stride.map(|s| s as usize), pairs(padding), [1, 1], groups)
}

/// Before and after, of rows and of columns.
pub(in crate::ops) fn pairs(padding: &Padding) -> [(usize, usize); 2] {
    let pairs = [(padding.top, padding.bottom), (padding.left, padding.right)];
    pairs.map(|(before, after)| (before as usize, after as usize))
}

/// Convolution, bias, activation.
pub(in crate::ops) fn convolution(
    formula: &Formula<'_>,
    options: ConvOptions<2>,
    bias: bool,
    activation: Activation,
) -> Tensor<1> {
    let terms = formula.terms;
    let bias = bias.then(|| terms[2].whole());
    let y: Tensor<4> = conv2d(terms[0].whole(), terms[1].whole(), bias, options);
    activation.apply_tensor(y.reshape([formula.elements()]))
}
