//! By hand: a turn back by the same angles.

use super::{Rope, host};
use crate::error::Mismatch;
use crate::host::call::{Call, Data, Seen};
use crate::train::step::{Gradients, Step};

pub(super) fn run(op: &Rope, step: &Step<'_>) -> Result<Gradients, Mismatch> {
    if step.needs.iter().skip(1).any(|&needed| needed) {
        return Err(Mismatch::new("gradient of rope", "none with respect to its factors", "one"));
    }
    let mut inputs = step.inputs.to_vec();
    inputs[0] = Seen { dims: step.dims, data: Data::Numbers(step.upstream) };
    let mut gradient = vec![0.0; step.upstream.len()];
    let (dims, sizes, pool) = (step.dims, step.sizes, step.pool);
    host::turn(op, &mut Call { inputs: &inputs, dims, out: &mut gradient, sizes, pool }, -1.0);
    Ok(vec![Some(gradient)])
}
