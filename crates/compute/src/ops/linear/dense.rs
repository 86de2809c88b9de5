//! Linear layer on the host: products by [`BlockLinear`], and bias, activation and residual on each piece of
//! them while it is still near.

use super::Linear;
use super::host::tile::{WIDTH, Wide};
use super::host::BlockLinear;
use crate::host::call::{Call, Data};
use crate::host::vector::{Loop, vectorized};
use crate::ops::Activation;

pub(super) fn run(op: &Linear, call: &mut Call<'_>) {
    let weight = call.inputs[1];
    match weight.data {
        Data::Product(product) => Layer::of(op, call).run(call, product),
        _ => {
            // Not a weight of the model: multiplied from where it lies.
            let [n, k] = [weight.dims[0], weight.dims[1]];
            let product = BlockLinear::of_numbers(weight.numbers(), n, k);
            Layer::of(op, call).run(call, &product);
        }
    }
}

/// What becomes of the products.
struct Layer<'a> {
    activation: Activation,
    bias: Option<&'a [f32]>,
    residual: Residual<'a>,
    columns: usize,
}

enum Residual<'a> {
    None,
    Here,
    Numbers(&'a [f32]),
}

impl<'a> Layer<'a> {
    fn of(op: &Linear, call: &Call<'a>) -> Self {
        let residual = op.residual_operand();
        let residual = match op.residual {
            false => Residual::None,
            true if call.is_here(residual) => Residual::Here,
            true => Residual::Numbers(call.numbers(residual)),
        };
        let bias = op.bias.then(|| call.numbers(2));
        Self { activation: op.activation, bias, residual, columns: call.inputs[1].dims[0] }
    }

    fn run(&self, call: &mut Call<'_>, product: &BlockLinear<'_>) {
        let x = call.numbers(0);
        let rows = call.out.len() / self.columns;
        product.forward_with(x, rows, call.out, call.pool, &|at, sums, out| {
            vectorized(Piece { layer: self, at, sums, out });
        });
    }
}

/// Some rows × up to 32 columns of the result, from `at` (row, column) on.
struct Piece<'p, 'o> {
    layer: &'p Layer<'p>,
    at: [usize; 2],
    sums: &'p mut [Wide],
    out: &'p mut dyn Iterator<Item = &'o mut [f32]>,
}

impl Loop for Piece<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { layer, at: [first, column], sums, out } = self;
        let mut bias = [0.0; WIDTH];
        if let Some(given) = layer.bias {
            let end = given.len().min(column + WIDTH);
            bias[..end - column].copy_from_slice(&given[column..end]);
            for sums in sums.iter_mut() {
                sums.iter_mut().zip(&bias).for_each(|(sum, bias)| *sum += bias);
            }
        }
        layer.activation.apply_inline(sums.as_flattened_mut());
        for (r, (sums, out)) in sums.iter().zip(out).enumerate() {
            match layer.residual {
                Residual::None => out.copy_from_slice(&sums[..out.len()]),
                Residual::Here => out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum),
                Residual::Numbers(numbers) => {
                    let residual = &numbers[(first + r) * layer.columns + column..][..out.len()];
                    out.iter_mut().zip(sums).zip(residual).for_each(|((out, sum), r)| *out = sum + r);
                }
            }
        }
    }
}
