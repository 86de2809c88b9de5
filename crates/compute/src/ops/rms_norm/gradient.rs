//! A formula, for burn.

use super::RmsNorm;
use crate::error::Mismatch;
use crate::train::step::{Gradients, Step};

pub(super) fn run(op: &RmsNorm, step: &Step<'_>) -> Result<Gradients, Mismatch> {
    step.by_burn(|terms| {
        let x = terms[0].rows();
        let width = x.dims()[1];
        let mean = (x.clone() * x.clone()).mean_dim(1);
        x / (mean + f64::from(op.eps)).sqrt() * terms[1].shaped([1, width])
    })
}
