//! Part by part, row by row; rows of length 1 along a repeated axis are repeated.

use super::Concat;
use crate::host::call::Call;
use crate::host::rows::repeated_row;
use crate::tensor::strides;

pub(super) fn run(op: &Concat, call: &mut Call<'_>) {
    let strides = strides(call.dims);
    let mut start = 0;
    for part in call.inputs {
        let mut dims = call.dims.to_vec(); // the part, repeated
        dims[op.axis] = part.dims[op.axis];
        let (width, own) = (dims[dims.len() - 1], part.row_len());
        let rows: usize = dims[..dims.len() - 1].iter().product();
        for row in (0..rows).filter(|_| width > 0) {
            let from = repeated_row(row, &dims, part.dims);
            let to = start * strides[op.axis] + place(row, &dims, &strides);
            let (from, to) = (&part.numbers()[from..][..own], &mut call.out[to..][..width]);
            if own == width { to.copy_from_slice(from) } else { to.fill(from[0]) }
        }
        start += part.dims[op.axis];
    }
}

/// Where row `row` of a part of `dims` begins in the result.
fn place(mut row: usize, dims: &[usize], strides: &[usize]) -> usize {
    let outer = dims[..dims.len() - 1].iter().zip(strides).rev();
    let mut place = 0;
    for (size, stride) in outer {
        place += row % size * stride;
        row /= size;
    }
    place
}
