//! Row by row in place; mean and variance in f64.

use super::LayerNorm;
use crate::host::call::Call;
use crate::host::math::sum;
use crate::host::rows::each_row;

pub(super) fn run(op: &LayerNorm, call: &mut Call<'_>) {
    call.begin_with(0);
    let weight = call.numbers(1);
    let bias = op.bias.then(|| call.numbers(2));
    let width = weight.len();
    each_row(call.out, width, |_, row| {
        let mean = sum(row, |v| v) / width as f64;
        let variance = sum(row, |v| (v - mean) * (v - mean)) / width as f64;
        let factor = (1.0 / (variance + f64::from(op.eps)).sqrt()) as f32;
        // Two parts of the mean, so that a large one costs no digits.
        let (mean, rest) = (mean as f32, (mean - f64::from(mean as f32)) as f32);
        let scaled = row.iter_mut().zip(weight);
        scaled.for_each(|(v, w)| *v = ((*v - mean) - rest) * factor * w);
        if let Some(bias) = bias {
            row.iter_mut().zip(bias).for_each(|(v, b)| *v += b);
        }
    });
}
