//! Row by row in place; the length in f64.

use super::L2Normalize;
use crate::host::call::Call;
use crate::host::math::sum;
use crate::host::rows::each_row;

pub(super) fn run(op: &L2Normalize, call: &mut Call<'_>) {
    call.begin_with(0);
    let width = call.dims[call.dims.len() - 1];
    each_row(call.out, width, |_, row| {
        let length = sum(row, |v| v * v).sqrt().max(f64::from(op.eps));
        row.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
    });
}
