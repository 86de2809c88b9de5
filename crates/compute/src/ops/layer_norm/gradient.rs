//! A formula, for burn.

use super::LayerNorm;
use crate::error::Mismatch;
use crate::train::step::{Gradients, Step};

pub(super) fn run(op: &LayerNorm, step: &Step<'_>) -> Result<Gradients, Mismatch> {
    step.by_burn(|terms| {
        let x = terms[0].rows();
        let width = x.dims()[1];
        let centred = x.clone() - x.mean_dim(1);
        let variance = (centred.clone() * centred.clone()).mean_dim(1);
        let y = centred / (variance + f64::from(op.eps)).sqrt() * terms[1].shaped([1, width]);
        if op.bias { y + terms[2].shaped([1, width]) } else { y }
    })
}
