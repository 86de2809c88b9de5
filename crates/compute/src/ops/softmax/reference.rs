//! Maximum, exponentials, quotient.

use crate::tensor::HostTensor;

pub(super) fn run(inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    let x = inputs[0];
    let mut y = Vec::with_capacity(x.len());
    for row in x.f32s().chunks_exact(x.row_len().max(1)) {
        let largest = row.iter().fold(f64::NEG_INFINITY, |m, &v| m.max(f64::from(v)));
        let exponentials: Vec<f64> = row.iter().map(|&v| (f64::from(v) - largest).exp()).collect();
        let sum: f64 = exponentials.iter().sum();
        y.extend(exponentials.iter().map(|e| (e / sum) as f32));
    }
    HostTensor::filled(output, y)
}
