//! A formula, for burn. The statistics are constants of the network, but have gradients like any operand.

use burn::tensor::Tensor;

use super::BatchNorm;
use crate::error::Mismatch;
use crate::train::step::{Gradients, Step, Term};

pub(super) fn run(op: &BatchNorm, step: &Step<'_>) -> Result<Gradients, Mismatch> {
    let (n, channels) = (step.dims[0], step.dims[1]);
    let plane = step.upstream.len() / n / channels;
    let channelwise = |term: &Term<'_>| -> Tensor<3> { term.shaped([1, channels, 1]) };
    step.by_burn(|terms| {
        let [weight, bias, mean, variance] = [1, 2, 3, 4].map(|i| channelwise(&terms[i]));
        let x: Tensor<3> = terms[0].shaped([n, channels, plane]);
        (x - mean) / (variance + f64::from(op.eps)).sqrt() * weight + bias
    })
}
