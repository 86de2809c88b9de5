//! Row after row, dequantized where the table is in blocks.

use crate::error::Mismatch;
use crate::host::call::{Call, Data};

pub(super) fn run(call: &mut Call<'_>) -> Result<(), Mismatch> {
    let (ids, table) = (call.indices(0), call.inputs[1]);
    let (rows, width) = (table.dims[0], table.dims[1]);
    for (&id, out) in ids.iter().zip(call.out.chunks_exact_mut(width)) {
        let row = id as usize;
        if row >= rows {
            return Err(Mismatch::new("id", format!("less than {rows}"), id));
        }
        match table.data {
            Data::Blocks(blocks) => blocks.read(row, out),
            Data::Product(product) => product.read_rows(row, out),
            _ => out.copy_from_slice(&table.numbers()[row * width..][..width]),
        }
    }
    Ok(())
}
