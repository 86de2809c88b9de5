//! burn's own convolution with as many groups as channels.

use super::DepthwiseConv2d;
use crate::error::Mismatch;
use crate::ops::conv2d::{convolution, options};
use crate::train::step::{Gradients, Step};

pub(super) fn run(op: &DepthwiseConv2d, step: &Step<'_>) -> Result<Gradients, Mismatch> {
    convolution(step, options(op.stride, &op.padding, step.dims[1]), op.bias, op.activation)
}
