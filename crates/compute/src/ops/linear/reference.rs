//! Row by row, column by column.

use super::Linear;
use crate::tensor::HostTensor;

pub(super) fn run(op: &Linear, inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    let (x, weight) = (inputs[0].f32s(), inputs[1].f32s());
    let (n, k) = (inputs[1].dims()[0], inputs[1].dims()[1]);
    let bias = op.bias.then(|| inputs[2].f32s());
    let residual = op.residual.then(|| inputs[op.residual_operand()].f32s());
    let mut y = vec![0.0; output.iter().product()];
    for (i, out) in y.iter_mut().enumerate() {
        let (row, column) = (i / n, i % n);
        let mut sum = 0.0f64;
        for j in 0..k {
            sum += f64::from(x[row * k + j]) * f64::from(weight[column * k + j]);
        }
        sum += bias.map_or(0.0, |bias| f64::from(bias[column]));
        *out = (op.activation.apply(sum) + residual.map_or(0.0, |r| f64::from(r[i]))) as f32;
    }
    HostTensor::filled(output, y)
}
