//! Every window, every element.

use super::{Pool2d, Pool2dKind};
use crate::tensor::{HostTensor, positions};

pub(super) fn run(op: &Pool2d, inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    let x = inputs[0];
    let (rows, columns) = (x.dims()[2], x.dims()[3]);
    let [kernel_rows, kernel_columns] = op.kernel.map(|k| k as usize);
    let y = positions(output).map(|at| {
        let plane = &x.f32s()[(at[0] * x.dims()[1] + at[1]) * rows * columns..];
        let (mut sum, mut largest) = (0.0f64, f64::NEG_INFINITY);
        for i in 0..kernel_rows {
            for j in 0..kernel_columns {
                // Positions in the padding wrap to a huge number and fail the comparison.
                let row = (at[2] * op.stride[0] as usize + i).wrapping_sub(op.padding.top as usize);
                let column = (at[3] * op.stride[1] as usize + j).wrapping_sub(op.padding.left as usize);
                if row < rows && column < columns {
                    let value = f64::from(plane[row * columns + column]);
                    (sum, largest) = (sum + value, largest.max(value));
                }
            }
        }
        match op.kind {
            Pool2dKind::Max => largest as f32,
            Pool2dKind::Average => (sum / (kernel_rows * kernel_columns) as f64) as f32,
        }
    });
    HostTensor::filled(output, y.collect())
}
