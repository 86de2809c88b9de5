//! One element at a time.

use super::Slice;
use crate::error::Mismatch;
use crate::graph::Sizes;
use crate::tensor::{HostTensor, positions, strides};

pub(super) fn run(
    op: &Slice,
    inputs: &[&HostTensor],
    output: &[usize],
    sizes: &Sizes,
) -> Result<HostTensor, Mismatch> {
    let (strides, whole) = (strides(inputs[0].dims()), inputs[0].dims()[op.axis]);
    let start = start(op, whole, output[op.axis], sizes)?;
    let from = |at: Vec<usize>| {
        let position: usize = at.iter().zip(&strides).map(|(i, s)| i * s).sum();
        position + start * strides[op.axis]
    };
    Ok(inputs[0].picked(output, positions(output).map(from)))
}

/// First position. Errors: a range that leaves the `whole` axis.
pub(super) fn start(op: &Slice, whole: usize, len: usize, sizes: &Sizes) -> Result<usize, Mismatch> {
    let outside = || Mismatch::new("range", format!("a part of {whole}"), format!("from {}", op.start));
    let start = op.start.at(sizes).map_err(|_| outside())? as usize; // at most 2^40
    if start + len > whole { Err(outside()) } else { Ok(start) }
}
