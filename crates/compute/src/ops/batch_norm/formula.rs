//! The statistics are constants of the network, but have gradients like any operand.

use burn::tensor::Tensor;

use super::BatchNorm;
use crate::device::formula::{Formula, Term};

pub(super) fn run(op: &BatchNorm, formula: &Formula<'_>) -> Tensor<1> {
    let (n, channels) = (formula.dims[0], formula.dims[1]);
    let plane = formula.elements() / n / channels;
    let channelwise = |term: &Term<'_>| -> Tensor<3> { term.shaped([1, channels, 1]) };
    let [weight, bias, mean, variance] = [1, 2, 3, 4].map(|i| channelwise(&formula.terms[i]));
    let x: Tensor<3> = formula.terms[0].shaped([n, channels, plane]);
    let y = (x - mean) / (variance + f64::from(op.eps)).sqrt() * weight + bias;
    y.reshape([formula.elements()])
}
