//! One block per position before the axis.

use super::Slice;
use crate::error::Mismatch;
use crate::host::call::Call;

pub(super) fn run(op: &Slice, call: &mut Call<'_>) -> Result<(), Mismatch> {
    let (dims, len) = (call.inputs[0].dims, call.dims[op.axis]);
    let outside = || Mismatch::new("range", format!("a part of {}", dims[op.axis]), format!("from {}", op.start));
    let start = op.start.at(call.sizes).map_err(|_| outside())? as usize; // at most 2^40
    if start + len > dims[op.axis] {
        return Err(outside());
    }
    let inner: usize = dims[op.axis + 1..].iter().product();
    let from = call.bits(0).chunks_exact(dims[op.axis] * inner);
    for (to, from) in call.out_bits().chunks_exact_mut(len * inner).zip(from) {
        to.copy_from_slice(&from[start * inner..][..len * inner]);
    }
    Ok(())
}
