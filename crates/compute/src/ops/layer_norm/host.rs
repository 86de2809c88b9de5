//! Row by row in place; mean and variance in f64.

use super::LayerNorm;
use crate::host::call::Call;
use crate::host::math::sum;
use crate::host::rows::each_row;
use crate::host::vector::{Loop, vectorized};

pub(super) fn run(op: &LayerNorm, call: &mut Call<'_>) {
    call.begin_with(0);
    let weight = call.numbers(1);
    let bias = op.bias.then(|| call.numbers(2));
    let eps = f64::from(op.eps);
    each_row(call.out, weight.len(), |_, row| vectorized(Row { row, weight, bias, eps }));
}

struct Row<'x> {
    row: &'x mut [f32],
    weight: &'x [f32],
    bias: Option<&'x [f32]>,
    eps: f64,
}

impl Loop for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { row, weight, bias, eps } = self;
        let width = row.len() as f64;
        let mean = sum(row, |v| v) / width;
        let variance = sum(row, |v| (v - mean) * (v - mean)) / width;
        let factor = (1.0 / (variance + eps).sqrt()) as f32;
        // Two parts of the mean, so that a large one costs no digits.
        let (mean, rest) = (mean as f32, (mean - f64::from(mean as f32)) as f32);
        let scaled = row.iter_mut().zip(weight);
        scaled.for_each(|(v, w)| *v = ((*v - mean) - rest) * factor * w);
        if let Some(bias) = bias {
            row.iter_mut().zip(bias).for_each(|(v, b)| *v += b);
        }
    }
}
