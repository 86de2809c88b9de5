//! Pairs turned by sines and cosines from the host, where angles are f64. Nothing has a gradient but x.

use burn::tensor::Tensor;

use super::{Pairing, Rope, host};
use crate::device::formula::Formula;
use crate::error::Mismatch;

pub(super) fn run(op: &Rope, formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
    let [tokens, heads, head_dim] = formula.dims[formula.dims.len() - 3..] else {
        unreachable!("the shape check asks for three dimensions")
    };
    let (half, rotary) = (op.rotary as usize / 2, op.rotary as usize);
    let (sin, cos) = host::table(op, formula.indices(1), factors(op, formula)?.as_deref(), tokens);
    let [sin, cos] = [sin, cos].map(|table| formula.upload(table, [1, tokens, 1, half, 1]));
    let batch = formula.elements() / (tokens * heads * head_dim);
    let x: Tensor<4> = formula.terms[0].shaped([batch, tokens, heads, head_dim]);
    // The pairs' members lie along axis 3 (halves) or 4 (neighbours).
    let member = match op.pairing {
        Pairing::Neox => 3,
        Pairing::Interleaved => 4,
    };
    let turned = x.clone().slice_dim(3, 0..rotary);
    let turned: Tensor<5> = match op.pairing {
        Pairing::Neox => turned.reshape([batch, tokens, heads, 2, half]),
        Pairing::Interleaved => turned.reshape([batch, tokens, heads, half, 2]),
    };
    let [a, b]: [Tensor<5>; 2] =
        [0..1, 1..2].map(|at| turned.clone().slice_dim(member, at).reshape([batch, tokens, heads, half, 1]));
    let first = a.clone() * cos.clone() - b.clone() * sin.clone();
    let second = a * sin + b * cos;
    let parts = match op.pairing {
        Pairing::Neox => [first, second].map(|part| part.reshape([batch, tokens, heads, 1, half])).to_vec(),
        Pairing::Interleaved => vec![first, second],
    };
    let turned = Tensor::cat(parts, member).reshape([batch, tokens, heads, rotary]);
    let y = match rotary == head_dim {
        true => turned,
        false => Tensor::cat(vec![turned, x.slice_dim(3, rotary..head_dim)], 3),
    };
    Ok(y.reshape([formula.elements()]))
}

/// The factors, read back. Errors: they are to have a gradient, or the device does not give them.
fn factors(op: &Rope, formula: &Formula<'_>) -> Result<Option<Vec<f32>>, Mismatch> {
    if !op.factors {
        return Ok(None);
    }
    let factors = formula.terms[2].flat();
    if factors.is_tracked() {
        return Err(Mismatch::new("gradient of rope", "none with respect to its factors", "one"));
    }
    let numbers = factors.try_into_data().ok().and_then(|data| data.try_into_vec::<f32>().ok());
    numbers.map(Some).ok_or_else(|| Mismatch::new("factors", "numbers on the device", "a device that failed"))
}
