//! Six loops.

use super::DepthwiseConv2d;
use crate::tensor::{HostTensor, positions};

pub(super) fn run(op: &DepthwiseConv2d, inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    let (x, weight) = (inputs[0], inputs[1]);
    let bias = op.bias.then(|| inputs[2].f32s());
    let (rows, columns) = (x.dims()[2], x.dims()[3]);
    let (kernel_rows, kernel_columns) = (weight.dims()[2], weight.dims()[3]);
    let y = positions(output).map(|at| {
        let channel = at[1];
        let plane = &x.f32s()[(at[0] * x.dims()[1] + channel) * rows * columns..];
        let taps = &weight.f32s()[channel * kernel_rows * kernel_columns..];
        let mut sum = bias.map_or(0.0, |bias| f64::from(bias[channel]));
        for i in 0..kernel_rows {
            for j in 0..kernel_columns {
                // Positions in the padding wrap to a huge number and fail the comparison.
                let row = (at[2] * op.stride[0] as usize + i).wrapping_sub(op.padding.top as usize);
                let column = (at[3] * op.stride[1] as usize + j).wrapping_sub(op.padding.left as usize);
                if row < rows && column < columns {
                    let value = f64::from(plane[row * columns + column]);
                    sum += value * f64::from(taps[i * kernel_columns + j]);
                }
            }
        }
        op.activation.apply(sum) as f32
    });
    HostTensor::filled(output, y.collect())
}
