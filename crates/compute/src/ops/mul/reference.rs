//! Element by element.

use super::super::check::repeated_index;
use crate::tensor::{HostTensor, positions};

pub(super) fn run(inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    let (a, b) = (inputs[0].f32s(), inputs[1].f32s());
    let results = positions(output).zip(a).map(|(at, &a)| {
        let b = b[repeated_index(inputs[1].dims(), &at)];
        (f64::from(a) * f64::from(b)) as f32
    });
    HostTensor::filled(output, results.collect())
}
