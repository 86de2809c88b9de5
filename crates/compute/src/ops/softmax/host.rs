//! Row by row in place.

use crate::host::call::Call;
use crate::host::math::{exp, largest, sum};
use crate::host::rows::each_row;

pub(super) fn run(call: &mut Call<'_>) {
    call.begin_with(0);
    let width = call.dims[call.dims.len() - 1];
    each_row(call.out, width, |_, row| {
        let largest = largest(row);
        row.iter_mut().for_each(|v| *v = exp(*v - largest));
        let factor = (1.0 / sum(row, |v| v)) as f32;
        row.iter_mut().for_each(|v| *v *= factor);
    });
}
