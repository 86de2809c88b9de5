//! burn's own, on an image that is padded first: what burn makes of windows that begin behind the image is
//! not what the reference makes of them.

use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions, PadMode};
use burn::tensor::{Bool, Tensor, TensorData};

use super::{Pool2d, Pool2dKind};
use crate::device::formula::Formula;
use crate::ops::conv2d::pairs;

pub(super) fn run(op: &Pool2d, formula: &Formula<'_>) -> Tensor<1> {
    let [kernel, stride] = [op.kernel, op.stride].map(|pair| pair.map(|n| n as usize));
    let x: Tensor<4> = formula.terms[0].whole();
    // Below every number of an image, and finite: shaders know no infinity.
    let around = if op.kind == Pool2dKind::Max { f32::MIN } else { 0.0 };
    let padding = pairs(&op.padding);
    let x = match padding {
        [(0, 0), (0, 0)] => x,
        _ => x.pad(padding, PadMode::Constant(around)),
    };
    let y = match op.kind {
        Pool2dKind::Average => avg_pool2d(x, AvgPoolOptions::new(kernel).with_stride(stride)),
        Pool2dKind::Max => {
            let y = max_pool2d(x, MaxPoolOptions::new(kernel).with_stride(stride));
            match outside(op, formula) {
                Some(outside) => y.mask_fill(outside, f32::NEG_INFINITY),
                None => y,
            }
        }
    };
    y.reshape([formula.elements()])
}

/// Windows without an element of the image, whose maximum is -∞; `None` if there are none.
fn outside(op: &Pool2d, formula: &Formula<'_>) -> Option<Tensor<4, Bool>> {
    let (image, windows) = (&formula.terms[0].dims[2..], &formula.dims[2..]);
    let padding = pairs(&op.padding);
    let holds_some = |axis: usize, at: usize| {
        let (start, before) = (at * op.stride[axis] as usize, padding[axis].0);
        start + op.kernel[axis] as usize > before && start < before + image[axis]
    };
    let at = (0..windows[0]).flat_map(|row| (0..windows[1]).map(move |column| (row, column)));
    let outside: Vec<bool> = at.map(|(row, column)| !(holds_some(0, row) && holds_some(1, column))).collect();
    if !outside.contains(&true) {
        return None;
    }
    let outside = TensorData::new(outside, [1, 1, windows[0], windows[1]]);
    Some(Tensor::<4, Bool>::from_data(outside, formula.device).expand([
        formula.dims[0],
        formula.dims[1],
        windows[0],
        windows[1],
    ]))
}
