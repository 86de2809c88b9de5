//! Each element of the result looks for its part.

use super::super::check::repeated_index;
use super::Concat;
use crate::tensor::{HostTensor, positions};

pub(super) fn run(op: &Concat, inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    let element = |mut at: Vec<usize>| {
        for part in inputs {
            let length = part.dims()[op.axis];
            if at[op.axis] < length {
                // A part of length 1 along the axis is at position 0 there, repeated or not.
                return part.f32s()[repeated_index(part.dims(), &at)];
            }
            at[op.axis] -= length;
        }
        f32::NAN // unreachable: the axis of the result is the sum of the parts'
    };
    HostTensor::filled(output, positions(output).map(element).collect())
}
