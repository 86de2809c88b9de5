//! A formula, for burn.

use super::L2Normalize;
use crate::error::Mismatch;
use crate::train::step::{Gradients, Step};

pub(super) fn run(op: &L2Normalize, step: &Step<'_>) -> Result<Gradients, Mismatch> {
    step.by_burn(|terms| {
        let x = terms[0].rows();
        let length = (x.clone() * x.clone()).sum_dim(1).sqrt();
        x / length.clamp_min(f64::from(op.eps))
    })
}
