//! Factor and offset of each channel, then every element.

use super::BatchNorm;
use crate::tensor::HostTensor;

pub(super) fn affine(op: &BatchNorm, [weight, bias, mean, variance]: [&[f32]; 4]) -> Vec<(f64, f64)> {
    (0..weight.len())
        .map(|c| {
            let factor = f64::from(weight[c]) / (f64::from(variance[c]) + f64::from(op.eps)).sqrt();
            (factor, f64::from(bias[c]) - f64::from(mean[c]) * factor)
        })
        .collect()
}

pub(super) fn run(op: &BatchNorm, inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    let affine = affine(op, [inputs[1].f32s(), inputs[2].f32s(), inputs[3].f32s(), inputs[4].f32s()]);
    let inner: usize = output[2..].iter().product();
    let scaled = inputs[0].f32s().iter().enumerate().map(|(i, &v)| {
        let (factor, offset) = affine[i / inner % affine.len()];
        (f64::from(v) * factor + offset) as f32
    });
    HostTensor::filled(output, scaled.collect())
}
