//! Batch normalisation with the statistics of training; the rewrites fold it into a preceding layer.

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

/// (x - mean) / √(variance + eps) · weight + bias per channel; channels are the second dimension.
/// Operands: x (n, channels, …), then weight, bias, mean and variance, each (channels).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchNorm {
    /// Added to the variance.
    pub eps: f32,
}

impl BatchNorm {
    /// Factor and offset of each channel, in f64. Operands: weight, bias, mean, variance.
    pub(crate) fn affine(&self, operands: [&[f32]; 4]) -> Vec<(f64, f64)> {
        reference::affine(self, operands)
    }
}

impl Operation for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let [x, channelwise @ ..] = check::operands::<5>(inputs)?;
        check::rank_from(x, "x", 2)?;
        for (value, what) in channelwise.iter().zip(["weight", "bias", "mean", "variance"]) {
            check::shape(value, what, &[x.dims[1]])?;
        }
        Ok(x.clone())
    }

    fn flops(&self, _: &[Vec<u64>], output: &[u64]) -> u64 {
        product(output).saturating_mul(2)
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
    /// Batch normalisation of x (n, channels, …) with stored statistics.
    /// `statistics`: weight, bias, mean and variance, each (channels).
    /// Errors: shapes that do not fit each other.
    pub fn batch_norm(
        &mut self,
        x: impl Into<Operand>,
        statistics: [crate::WeightRef; 4],
        eps: f32,
    ) -> Result<Value, ComputeError> {
        let operands = std::iter::once(x.into()).chain(statistics.map(Operand::from));
        let inputs = self.operands(operands.map(Some))?;
        self.push(BatchNorm { eps }, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{assert_close, f32s, run, try_run};

    #[test]
    fn by_hand() {
        let x = f32s(&[1, 2, 2], &[1.0, 3.0, 10.0, 20.0]);
        let per = |a, b| f32s(&[2], &[a, b]);
        // Channel 0: (x - 1) / 2 · 3 + 1. Channel 1: (x - 10) / 5 · 1 + 0.
        let inputs = [&x, &per(3.0, 1.0), &per(1.0, 0.0), &per(1.0, 10.0), &per(4.0, 25.0)];
        assert_close(&run(BatchNorm { eps: 0.0 }, &inputs), &f32s(&[1, 2, 2], &[1.0, 4.0, 0.0, 2.0]), 1e-7);
        assert!(try_run(BatchNorm { eps: 0.0 }, &inputs[..4]).is_err());
    }
}
