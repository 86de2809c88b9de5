//! Root-mean-square normalisation over the last dimension.

mod formula;
mod gpu;
mod host;
mod reference;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Operation, check, product};
use crate::ComputeError;
use crate::device::formula::Formula;
use crate::error::Mismatch;
use crate::graph::{GraphBuilder, Operand, Sizes, Value, ValueType};
use crate::host::call::Call;
use crate::tensor::HostTensor;
use crate::train::step::{Gradients, Step};

/// x / √(mean(x²) + eps) · weight. Operands: x (…, width), weight (width).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RmsNorm {
    /// Added to the mean of squares.
    pub eps: f32,
}

impl Operation for RmsNorm {
    fn name(&self) -> &'static str {
        "rms_norm"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let [x, weight] = check::operands(inputs)?;
        check::rank_from(x, "x", 1)?;
        check::shape(weight, "weight", &[check::last(x)])?;
        Ok(x.clone())
    }

    fn flops(&self, _: &[Vec<u64>], output: &[u64]) -> u64 {
        product(output).saturating_mul(4)
    }

    fn reference(&self, inputs: &[&HostTensor], output: &[usize], _: &Sizes) -> Result<HostTensor, Mismatch> {
        Ok(reference::run(self, inputs, output))
    }

    fn host(&self, call: &mut Call<'_>) -> Result<(), Mismatch> {
        host::run(self, call);
        Ok(())
    }

    fn gpu(&self, call: &crate::gpu::Call<'_>) -> Result<Vec<crate::gpu::Dispatch>, Mismatch> {
        gpu::run(self, call)
    }

    fn formula(&self, formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
        Ok(formula::run(self, formula))
    }

    fn backward(&self, step: &Step<'_>) -> Result<Gradients, Mismatch> {
        step.by_burn(self)
    }

    fn in_place(&self) -> Vec<usize> {
        vec![0]
    }
}

impl GraphBuilder {
    /// RMS normalisation over the last dimension: of a token's features, or of each head when x is
    /// (…, heads, head_dim). weight: (width); where a model stores w for 1 + w, add a constant 1, which
    /// folds away at load. Errors: shapes that do not fit each other.
    pub fn rms_norm(
        &mut self,
        x: impl Into<Operand>,
        weight: impl Into<Operand>,
        eps: f32,
    ) -> Result<Value, ComputeError> {
        let inputs = self.operands([Some(x.into()), Some(weight.into())])?;
        self.push(RmsNorm { eps }, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{assert_close, f32s, noise, run};
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        // Mean of squares 12.5.
        let (x, w) = (f32s(&[2, 2], &[3.0, 4.0, 0.0, 0.0]), f32s(&[2], &[1.0, 2.0]));
        let expected = f32s(&[2, 2], &[0.848_528_1, 2.262_741_7, 0.0, 0.0]);
        // eps 1e-6 shows up as 4e-8, the constants carry eight digits.
        assert_close(&run(RmsNorm { eps: 1e-6 }, &[&x, &w]), &expected, 2e-7);
    }

    proptest! {
        #[test]
        fn the_result_has_a_mean_square_of_one(rows in 1usize..4, width in 1usize..67, seed: u64) {
            let (x, ones) = (noise(&[rows, width], seed), f32s(&[width], &vec![1.0; width]));
            for row in run(RmsNorm { eps: 0.0 }, &[&x, &ones]).f32s().chunks(width) {
                let mean = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / width as f64;
                prop_assert!((mean - 1.0).abs() < 1e-6, "{mean}");
            }
        }
    }
}
