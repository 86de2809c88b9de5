//! One block per position before the axis.

use super::{Slice, reference};
use crate::error::Mismatch;
use crate::host::call::Call;

pub(super) fn run(op: &Slice, call: &mut Call<'_>) -> Result<(), Mismatch> {
    let (dims, len) = (call.inputs[0].dims, call.dims[op.axis]);
    let start = reference::start(op, dims[op.axis], len, call.sizes)?;
    let inner: usize = dims[op.axis + 1..].iter().product();
    let from = call.bits(0).chunks_exact(dims[op.axis] * inner);
    for (to, from) in call.out_bits().chunks_exact_mut(len * inner).zip(from) {
        to.copy_from_slice(&from[start * inner..][..len * inner]);
    }
    Ok(())
}
