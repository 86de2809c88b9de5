//! Over the middle of (outer, axis, inner). The gradient of a maximum goes to the first of equals.

use burn::tensor::{Bool, Tensor, TensorData};

use super::{Pool, PoolKind};
use crate::device::formula::Formula;

pub(super) fn run(op: &Pool, formula: &Formula<'_>) -> Tensor<1> {
    let dims = formula.terms[0].dims;
    let outer: usize = dims[..op.axis].iter().product();
    let (length, inner) = (dims[op.axis], dims[op.axis + 1..].iter().product::<usize>());
    if length == 0 {
        return match op.kind {
            PoolKind::Mean => formula.zeros(),
            PoolKind::Max => formula.zeros() + f32::NEG_INFINITY,
        };
    }
    let x: Tensor<3> = formula.terms[0].shaped([outer, length, inner]);
    let y = match (op.kind, op.masked) {
        (PoolKind::Mean, false) => x.mean_dim(1),
        (PoolKind::Max, false) => x.max_dim(1),
        (PoolKind::Mean, true) => {
            let seen = formula.indices(1).iter().map(|&m| f32::from(u8::from(m != 0))).collect();
            let seen: Tensor<3> = formula.upload(seen, [outer, length, 1]);
            let count = seen.clone().sum_dim(1).clamp_min(1.0);
            (x * seen).sum_dim(1) / count
        }
        (PoolKind::Max, true) => {
            let hidden: Vec<bool> = formula.indices(1).iter().map(|&m| m == 0).collect();
            let hidden = TensorData::new(hidden, [outer, length, 1]);
            let hidden = Tensor::<3, Bool>::from_data(hidden, formula.device).expand([outer, length, inner]);
            x.mask_fill(hidden, f32::NEG_INFINITY).max_dim(1)
        }
    };
    y.reshape([formula.elements()])
}
