//! Two passes: mean, then variance.

use super::LayerNorm;
use crate::tensor::HostTensor;

pub(super) fn run(op: &LayerNorm, inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    let (x, weight) = (inputs[0].f32s(), inputs[1].f32s());
    let bias = op.bias.then(|| inputs[2].f32s());
    let width = weight.len();
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks_exact(width) {
        let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / width as f64;
        let variance = row.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / width as f64;
        let deviation = (variance + f64::from(op.eps)).sqrt();
        for (j, &v) in row.iter().enumerate() {
            let normal = (f64::from(v) - mean) / deviation * f64::from(weight[j]);
            y.push((normal + bias.map_or(0.0, |bias| f64::from(bias[j]))) as f32);
        }
    }
    HostTensor::filled(output, y)
}
