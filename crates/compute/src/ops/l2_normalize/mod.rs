//! Division by the Euclidean length of the last dimension.

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

/// x / max(√Σx², eps) over the last dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct L2Normalize {
    /// Least length: PyTorch's `normalize` uses 1e-12; 0 divides by the length itself.
    pub eps: f32,
}

impl Operation for L2Normalize {
    fn name(&self) -> &'static str {
        "l2_normalize"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let [x] = check::operands(inputs)?;
        check::rank_from(x, "x", 1)?;
        Ok(x.clone())
    }

    fn flops(&self, _: &[Vec<u64>], output: &[u64]) -> u64 {
        product(output).saturating_mul(3)
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
    /// x / max(‖x‖, eps) over the last dimension: embeddings of unit length.
    /// Errors: an operand that is not f32 or has no dimension.
    pub fn l2_normalize(&mut self, x: impl Into<Operand>, eps: f32) -> Result<Value, ComputeError> {
        let x = self.operand(x)?;
        self.push(L2Normalize { eps }, vec![x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{assert_close, f32s, run};

    #[test]
    fn by_hand() {
        let x = f32s(&[2, 2], &[3.0, -4.0, 0.0, 0.0]);
        assert_close(&run(L2Normalize { eps: 1e-12 }, &[&x]), &f32s(&[2, 2], &[0.6, -0.8, 0.0, 0.0]), 1e-7);
    }
}
