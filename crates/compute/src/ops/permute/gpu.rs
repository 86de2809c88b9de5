//! A copy in another order.

use super::Permute;
use crate::error::Mismatch;
use crate::gpu::copy::{self, Moved};
use crate::gpu::{Call, Dispatch};
use crate::tensor::strides;

pub(super) fn run(op: &Permute, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let axes = op.axes.clone();
    let copied = copy::run(call, 0, move |shapes| {
        let own = strides(shapes.inputs[0]);
        let from = axes.iter().map(|&axis| own[axis]).collect();
        let (sizes, to) = (shapes.output.to_vec(), strides(shapes.output));
        Ok(Moved { sizes, from, from_start: 0, to, to_start: 0 })
    })?;
    Ok(vec![copied])
}
