//! Factor and offset of each channel, then plane by plane.

use super::BatchNorm;
use crate::host::call::Call;
use crate::host::rows::each_row;

pub(super) fn run(op: &BatchNorm, call: &mut Call<'_>) {
    call.begin_with(0);
    let affine = op.affine([1, 2, 3, 4].map(|i| call.numbers(i)));
    let plane = call.dims[2..].iter().product();
    each_row(call.out, plane, |i, plane| {
        let (factor, offset) = affine[i % affine.len()];
        plane.iter_mut().for_each(|x| *x = (f64::from(*x) * factor + offset) as f32);
    });
}
