//! The factor.

use burn::tensor::Tensor;

use super::Scale;
use crate::device::formula::Formula;

pub(super) fn run(op: &Scale, formula: &Formula<'_>) -> Tensor<1> {
    formula.terms[0].flat() * f64::from(op.factor)
}
