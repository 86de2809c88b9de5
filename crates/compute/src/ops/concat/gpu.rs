//! A copy of each part to its place.

use super::Concat;
use crate::error::Mismatch;
use crate::gpu::copy::{self, Moved};
use crate::gpu::strided::repeated;
use crate::gpu::{Call, Dispatch};
use crate::tensor::strides;

pub(super) fn run(op: &Concat, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let axis = op.axis;
    let part = |input: usize| {
        copy::run(call, input, move |shapes| {
            let to = strides(shapes.output);
            let before: usize = shapes.inputs[..input].iter().map(|dims| dims[axis]).sum();
            let mut sizes = shapes.output.to_vec();
            sizes[axis] = shapes.inputs[input][axis];
            let from = repeated(&sizes, shapes.inputs[input]);
            Ok(Moved { sizes, from, from_start: 0, to_start: before * to[axis], to })
        })
    };
    (0..call.inputs.len()).map(part).collect()
}
