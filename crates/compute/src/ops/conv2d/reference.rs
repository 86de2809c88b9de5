//! Seven loops.

use super::Conv2d;
use crate::tensor::{HostTensor, positions};

pub(super) fn run(op: &Conv2d, inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    let (x, weight) = (inputs[0], inputs[1]);
    let bias = op.bias.then(|| inputs[2].f32s());
    let per_group = output[1] / op.groups as usize;
    let y = positions(output).map(|at| {
        let (n, out) = (at[0], at[1]);
        let mut sum = bias.map_or(0.0, |bias| f64::from(bias[out]));
        for c in 0..weight.dims()[1] {
            let channel = out / per_group * weight.dims()[1] + c;
            sum += window(op, x, weight, [n, channel], [out, c], [at[2], at[3]]);
        }
        op.activation.apply(sum) as f32
    });
    HostTensor::filled(output, y.collect())
}

/// Sum of one kernel plane over one image plane at one position.
fn window(
    op: &Conv2d,
    x: &HostTensor,
    weight: &HostTensor,
    image: [usize; 2],
    kernel: [usize; 2],
    at: [usize; 2],
) -> f64 {
    let (rows, columns) = (x.dims()[2], x.dims()[3]);
    let (kernel_rows, kernel_columns) = (weight.dims()[2], weight.dims()[3]);
    let plane = &x.f32s()[(image[0] * x.dims()[1] + image[1]) * rows * columns..];
    let taps = &weight.f32s()[(kernel[0] * weight.dims()[1] + kernel[1]) * kernel_rows * kernel_columns..];
    let mut sum = 0.0;
    for i in 0..kernel_rows {
        for j in 0..kernel_columns {
            // Positions in the padding wrap to a huge number and fail the comparison.
            let row = (at[0] * op.stride[0] as usize + i).wrapping_sub(op.padding.top as usize);
            let column = (at[1] * op.stride[1] as usize + j).wrapping_sub(op.padding.left as usize);
            if row < rows && column < columns {
                sum += f64::from(plane[row * columns + column]) * f64::from(taps[i * kernel_columns + j]);
            }
        }
    }
    sum
}
