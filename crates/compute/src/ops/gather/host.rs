//! Row after row of each batch entry.

use super::Gather;
use crate::error::Mismatch;
use crate::host::call::Call;

pub(super) fn run(op: &Gather, call: &mut Call<'_>) -> Result<(), Mismatch> {
    let axis = usize::from(op.batched);
    let (dims, indices, from) = (call.inputs[0].dims, call.indices(1), call.bits(0));
    let (rows, inner) = (dims[axis], dims[axis + 1..].iter().product::<usize>());
    let per_batch = call.dims[axis];
    for (i, (to, &index)) in call.out_bits().chunks_exact_mut(inner).zip(indices).enumerate() {
        if index as usize >= rows {
            return Err(Mismatch::new("index", format!("less than {rows}"), index));
        }
        let batch = if op.batched { i / per_batch } else { 0 };
        to.copy_from_slice(&from[(batch * rows + index as usize) * inner..][..inner]);
    }
    Ok(())
}
