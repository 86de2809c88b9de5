//! burn's own convolution with as many groups as channels.

use burn::tensor::Tensor;

use super::DepthwiseConv2d;
use crate::device::formula::Formula;
use crate::ops::conv2d::{convolution, options};

pub(super) fn run(op: &DepthwiseConv2d, formula: &Formula<'_>) -> Tensor<1> {
    let options = options(op.stride, &op.padding, formula.dims[1]);
    convolution(formula, options, op.bias, op.activation)
}
