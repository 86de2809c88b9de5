//! Row by row in place; the mean of squares in f64.

use super::RmsNorm;
use crate::host::call::Call;
use crate::host::math::sum;
use crate::host::rows::each_row;
use crate::host::vector::{Loop, vectorized};

pub(super) fn run(op: &RmsNorm, call: &mut Call<'_>) {
    call.begin_with(0);
    let weight = call.numbers(1);
    let eps = f64::from(op.eps);
    each_row(call.out, weight.len(), |_, row| vectorized(Row { row, weight, eps }));
}

struct Row<'x> {
    row: &'x mut [f32],
    weight: &'x [f32],
    eps: f64,
}

impl Loop for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { row, weight, eps } = self;
        let mean = sum(row, |v| v * v) / row.len() as f64;
        let factor = (1.0 / (mean + eps).sqrt()) as f32;
        row.iter_mut().zip(weight).for_each(|(v, w)| *v = *v * factor * w);
    }
}
