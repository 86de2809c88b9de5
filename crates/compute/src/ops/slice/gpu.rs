//! A copy of the range, where it does not lie in one piece.

use super::Slice;
use super::reference::start;
use crate::error::Mismatch;
use crate::gpu::copy::{self, Moved};
use crate::gpu::{Call, Dispatch};
use crate::tensor::strides;

pub(super) fn run(op: &Slice, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let op = op.clone();
    let copied = copy::run(call, 0, move |shapes| {
        let (from, whole) = (strides(shapes.inputs[0]), shapes.inputs[0][op.axis]);
        let first = start(&op, whole, shapes.output[op.axis], shapes.sizes)?;
        let (sizes, to) = (shapes.output.to_vec(), strides(shapes.output));
        Ok(Moved { sizes, from_start: first * from[op.axis], from, to, to_start: 0 })
    })?;
    Ok(vec![copied])
}
