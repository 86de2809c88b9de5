//! A formula, for burn. The gradient of a maximum goes to the first of equals.

use burn::tensor::{Tensor, TensorData};

use super::{Pool, PoolKind};
use crate::error::Mismatch;
use crate::train::step::{Gradients, Step};

/// What stands for -∞, which would make 0 · ∞ of products.
const HIDDEN: f32 = -1e30;

pub(super) fn run(op: &Pool, step: &Step<'_>) -> Result<Gradients, Mismatch> {
    let dims = step.inputs[0].dims;
    let outer: usize = dims[..op.axis].iter().product();
    let (length, inner) = (dims[op.axis], dims[op.axis + 1..].iter().product::<usize>());
    if length == 0 {
        return Ok(vec![Some(Vec::new())]);
    }
    let seen: Vec<f32> = match op.masked {
        true => step.indices(1).iter().map(|&m| f32::from(u8::from(m != 0))).collect(),
        false => vec![1.0; outer * length],
    };
    step.by_burn(|terms| {
        let x: Tensor<3> = terms[0].shaped([outer, length, inner]);
        let seen = Tensor::<3>::from_data(TensorData::new(seen, [outer, length, 1]), &x.device());
        match op.kind {
            PoolKind::Mean => {
                let count = seen.clone().sum_dim(1).clamp_min(1.0);
                (x * seen).sum_dim(1) / count
            }
            PoolKind::Max => {
                let hidden = seen.clone().neg().add_scalar(1.0).mul_scalar(HIDDEN);
                (x * seen + hidden).max_dim(1)
            }
        }
    })
}
