//! Layer normalisation over the last dimension.

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

/// (x - mean) / √(variance + eps) · weight + bias, with the variance over n (not n - 1).
/// Operands: x (…, width), weight (width), bias (width) if there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerNorm {
    /// Added to the variance: CLIP 1e-5, SigLIP 1e-6, BERT 1e-12.
    pub eps: f32,
    /// A bias follows the weight.
    pub bias: bool,
}

impl Operation for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        check::count(inputs, 2 + usize::from(self.bias))?;
        let x = &inputs[0];
        check::rank_from(x, "x", 1)?;
        check::shape(&inputs[1], "weight", &[check::last(x)])?;
        if self.bias {
            check::shape(&inputs[2], "bias", &[check::last(x)])?;
        }
        Ok(x.clone())
    }

    fn flops(&self, _: &[Vec<u64>], output: &[u64]) -> u64 {
        product(output).saturating_mul(8)
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
    /// Layer normalisation over the last dimension. x: (…, width), weight and bias: (width).
    /// Errors: shapes that do not fit each other.
    pub fn layer_norm(
        &mut self,
        x: impl Into<Operand>,
        weight: impl Into<Operand>,
        bias: Option<crate::WeightRef>,
        eps: f32,
    ) -> Result<Value, ComputeError> {
        let op = LayerNorm { eps, bias: bias.is_some() };
        let inputs = self.operands([Some(x.into()), Some(weight.into()), bias.map(Into::into)])?;
        self.push(op, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{assert_close, f32s, noise, run, try_run};
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        // Mean 2, variance 2/3: (x - 2) · √1.5.
        let x = f32s(&[1, 3], &[1.0, 2.0, 3.0]);
        let (w, b) = (f32s(&[3], &[1.0, 1.0, 2.0]), f32s(&[3], &[0.0, 5.0, 0.0]));
        let expected = f32s(&[1, 3], &[-1.224_744_9, 5.0, 2.449_489_8]);
        assert_close(&run(LayerNorm { eps: 0.0, bias: true }, &[&x, &w, &b]), &expected, 1e-7);
        // eps 1/3 makes the variance 1.
        let expected = f32s(&[1, 3], &[-1.0, 0.0, 2.0]);
        assert_close(&run(LayerNorm { eps: 1.0 / 3.0, bias: false }, &[&x, &w]), &expected, 1e-7);
        assert!(try_run(LayerNorm { eps: 0.0, bias: false }, &[&x, &f32s(&[2], &[1.0; 2])]).is_err());
    }

    proptest! {
        #[test]
        fn a_shift_and_a_factor_change_nothing(rows in 1usize..4, width in 2usize..67, seed: u64) {
            let (x, ones) = (noise(&[rows, width], seed), f32s(&[width], &vec![1.0; width]));
            let moved: Vec<f32> = x.f32s().iter().map(|v| v * 4.0 + 2.0).collect();
            let op = LayerNorm { eps: 0.0, bias: false };
            let (a, b) = (run(op.clone(), &[&x, &ones]), run(op, &[&f32s(&[rows, width], &moved), &ones]));
            // Moving the input rounds it: 2.4e-7 absolute on values whose deviation may be 100 times smaller
            // than 1 only when width is tiny.
            assert_close(&a, &b, 1e-3);
        }
    }
}
