//! Row after row of each batch entry.

use super::Gather;
use crate::error::Mismatch;
use crate::tensor::HostTensor;

pub(super) fn run(op: &Gather, inputs: &[&HostTensor], output: &[usize]) -> Result<HostTensor, Mismatch> {
    let (x, indices) = (inputs[0], inputs[1]);
    let axis = usize::from(op.batched);
    let (rows, inner) = (x.dims()[axis], x.dims()[axis + 1..].iter().product::<usize>());
    let mut y = Vec::with_capacity(output.iter().product());
    for (i, &index) in indices.u32s().iter().enumerate() {
        if index as usize >= rows {
            return Err(Mismatch::new("index", format!("less than {rows}"), index));
        }
        let batch = if op.batched { i / indices.dims()[1] } else { 0 };
        y.extend_from_slice(&x.f32s()[(batch * rows + index as usize) * inner..][..inner]);
    }
    Ok(HostTensor::filled(output, y))
}
