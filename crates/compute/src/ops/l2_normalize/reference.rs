//! Length, then the quotient.

use super::L2Normalize;
use crate::tensor::HostTensor;

pub(super) fn run(op: &L2Normalize, inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    let x = inputs[0];
    let mut y = Vec::with_capacity(x.len());
    for row in x.f32s().chunks_exact(x.row_len().max(1)) {
        let length = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        let length = length.max(f64::from(op.eps));
        y.extend(row.iter().map(|&v| (f64::from(v) / length) as f32));
    }
    HostTensor::filled(output, y)
}
