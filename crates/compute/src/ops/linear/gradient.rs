//! By hand. With p = x Wᵀ + b and dp = dy · activation'(p): dx = dp W, dW = dpᵀ x, db = Σ dp over rows, and
//! the residual's is dy. Weights in blocks are constants; their rows are dequantized tile by tile.

use burn::tensor::{Device, Tensor};

use super::{Linear, dense};
use crate::error::Mismatch;
use crate::host::call::{Call, Data, Seen};
use crate::host::matmul::{matrix, product};
use crate::ops::{Activation, Operation};
use crate::train::step::{Gradients, Step};

pub(super) fn run(op: &Linear, step: &Step<'_>) -> Result<Gradients, Mismatch> {
    let weight = step.inputs[1];
    let (n, k) = (weight.dims[0], weight.dims[1]);
    let rows = step.upstream.len() / n;
    let dp = before_activation(op, step)?;
    let dx = step.needs[0].then(|| match weight.data {
        Data::Product(blocks) => {
            let mut dx = vec![0.0; rows * k];
            blocks.backward_input(&dp, rows, &mut dx, step.pool);
            dx
        }
        _ => product(of(&dp, rows, n), of(weight.numbers(), n, k)),
    });
    let dw = step.needs[1].then(|| product(of(&dp, rows, n).transpose(), of(step.numbers(0), rows, k)));
    let mut gradients = vec![dx, dw];
    if op.bias {
        gradients.push(step.needs[2].then(|| column_sums(&dp, n)));
    }
    if op.residual {
        gradients.push(step.needs[op.residual_operand()].then(|| step.upstream.to_vec()));
    }
    Ok(gradients)
}

/// dp: the gradient before activation, whose argument is computed again.
fn before_activation(op: &Linear, step: &Step<'_>) -> Result<Vec<f32>, Mismatch> {
    if op.activation == Activation::None {
        return Ok(step.upstream.to_vec());
    }
    let plain = Linear { activation: Activation::None, residual: false, ..op.clone() };
    let mut before = vec![0.0; step.upstream.len()];
    let inputs = &step.inputs[..plain.residual_operand()];
    let (dims, sizes, pool) = (step.dims, step.sizes, step.pool);
    dense::run(&plain, &mut Call { inputs, dims, out: &mut before, sizes, pool });
    let before = [Seen { dims, data: Data::Numbers(&before) }];
    let through = Step { inputs: &before, needs: &[true], ..*step };
    let mut gradients = op.activation.backward(&through)?;
    Ok(gradients.pop().flatten().unwrap_or_default())
}

fn of(numbers: &[f32], rows: usize, columns: usize) -> Tensor<2> {
    matrix(numbers.to_vec(), [rows, columns], &Device::flex())
}

fn column_sums(rows: &[f32], columns: usize) -> Vec<f32> {
    let mut sums = vec![0.0f64; columns];
    for row in rows.chunks_exact(columns) {
        sums.iter_mut().zip(row).for_each(|(sum, &v)| *sum += f64::from(v));
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}
