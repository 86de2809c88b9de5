//! Outer × axis × inner loops.

use super::{Pool, PoolKind};
use crate::tensor::HostTensor;

pub(super) fn run(op: &Pool, inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    let (x, dims) = (inputs[0].f32s(), inputs[0].dims());
    let mask = op.masked.then(|| inputs[1].u32s());
    let length = dims[op.axis];
    let inner: usize = dims[op.axis + 1..].iter().product();
    let mut y = vec![0.0; output.iter().product()];
    for (i, out) in y.iter_mut().enumerate() {
        let (outer, column) = (i / inner, i % inner);
        let (mut sum, mut largest, mut count) = (0.0f64, f64::NEG_INFINITY, 0.0f64);
        for position in (0..length).map(|j| outer * length + j) {
            if mask.is_none_or(|mask| mask[position] != 0) {
                let value = f64::from(x[position * inner + column]);
                (sum, count) = (sum + value, count + 1.0);
                largest = largest.max(value);
            }
        }
        *out = match op.kind {
            PoolKind::Mean => (sum / count.max(1.0)) as f32,
            PoolKind::Max => largest as f32,
        };
    }
    HostTensor::filled(output, y)
}
