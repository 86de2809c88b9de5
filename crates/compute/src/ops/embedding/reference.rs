//! Row after row.

use crate::error::Mismatch;
use crate::tensor::HostTensor;

pub(super) fn run(inputs: &[&HostTensor], output: &[usize]) -> Result<HostTensor, Mismatch> {
    let (ids, table) = (inputs[0].u32s(), inputs[1]);
    let (rows, width) = (table.dims()[0], table.dims()[1]);
    let mut y = Vec::with_capacity(ids.len() * width);
    for &id in ids {
        let row = id as usize;
        if row >= rows {
            return Err(Mismatch::new("id", format!("less than {rows}"), id));
        }
        y.extend_from_slice(&table.f32s()[row * width..][..width]);
    }
    Ok(HostTensor::filled(output, y))
}
