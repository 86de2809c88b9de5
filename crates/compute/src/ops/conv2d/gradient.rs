//! burn's own convolution.

use burn::tensor::Tensor;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;

use super::{Conv2d, Padding};
use crate::error::Mismatch;
use crate::ops::Activation;
use crate::train::step::{Gradients, Step};

pub(super) fn run(op: &Conv2d, step: &Step<'_>) -> Result<Gradients, Mismatch> {
    let options = options(op.stride, &op.padding, op.groups as usize);
    convolution(step, options, op.bias, op.activation)
}

/// Strides and padding as burn writes them. The shape check has refused zeros.
pub(in crate::ops) fn options(stride: [u32; 2], padding: &Padding, groups: usize) -> ConvOptions<2> {
    let pairs = [(padding.top, padding.bottom), (padding.left, padding.right)];
    let pairs = pairs.map(|(before, after)| (before as usize, after as usize));
    ConvOptions::new_with_padding(stride.map(|s| s as usize), pairs, [1, 1], groups)
}

/// Convolution, bias, activation.
pub(in crate::ops) fn convolution(
    step: &Step<'_>,
    options: ConvOptions<2>,
    bias: bool,
    activation: Activation,
) -> Result<Gradients, Mismatch> {
    step.by_burn(|terms| {
        let bias = bias.then(|| terms[2].whole());
        let y: Tensor<4> = conv2d(terms[0].whole(), terms[1].whole(), bias, options);
        activation.formula(y.reshape([step.upstream.len()]))
    })
}
