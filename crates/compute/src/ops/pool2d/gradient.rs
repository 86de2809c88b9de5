//! burn's own.

use burn::tensor::Tensor;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

use super::{Pool2d, Pool2dKind};
use crate::error::Mismatch;
use crate::train::step::{Gradients, Step};

pub(super) fn run(op: &Pool2d, step: &Step<'_>) -> Result<Gradients, Mismatch> {
    let [kernel, stride] = [op.kernel, op.stride].map(|pair| pair.map(|n| n as usize));
    let padding = &op.padding;
    let pairs = [(padding.top, padding.bottom), (padding.left, padding.right)];
    let pairs = pairs.map(|(before, after)| (before as usize, after as usize));
    step.by_burn(|terms| {
        let x: Tensor<4> = terms[0].whole();
        match op.kind {
            Pool2dKind::Max => {
                max_pool2d(x, MaxPoolOptions::new(kernel).with_stride(stride).with_padding_pairs(pairs))
            }
            Pool2dKind::Average => {
                avg_pool2d(x, AvgPoolOptions::new(kernel).with_stride(stride).with_padding_pairs(pairs))
            }
        }
    })
}
