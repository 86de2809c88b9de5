//! Softmax over the last dimension.

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

/// e^(x - max) / Σ e^(x - max) over the last dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Softmax;

impl Operation for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let [x] = check::operands(inputs)?;
        check::rank_from(x, "x", 1)?;
        Ok(x.clone())
    }

    fn flops(&self, _: &[Vec<u64>], output: &[u64]) -> u64 {
        product(output).saturating_mul(12)
    }

    fn reference(&self, inputs: &[&HostTensor], output: &[usize], _: &Sizes) -> Result<HostTensor, Mismatch> {
        Ok(reference::run(inputs, output))
    }

    fn host(&self, call: &mut Call<'_>) -> Result<(), Mismatch> {
        host::run(call);
        Ok(())
    }

    fn gpu(&self, call: &crate::gpu::Call<'_>) -> Result<Vec<crate::gpu::Dispatch>, Mismatch> {
        gpu::run(self, call)
    }

    fn formula(&self, formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
        Ok(formula::run(formula))
    }

    fn backward(&self, step: &Step<'_>) -> Result<Gradients, Mismatch> {
        step.by_burn(self)
    }

    fn in_place(&self) -> Vec<usize> {
        vec![0]
    }
}

impl GraphBuilder {
    /// Softmax over the last dimension. Errors: an operand that is not f32 or has no dimension.
    pub fn softmax(&mut self, x: impl Into<Operand>) -> Result<Value, ComputeError> {
        let x = self.operand(x)?;
        self.push(Softmax, vec![x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{assert_close, f32s, noise, run};
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        // e^ln2 : 1 = 2 : 1; large numbers do not overflow.
        let ln2 = std::f32::consts::LN_2;
        let x = f32s(&[2, 2], &[ln2, 0.0, 1000.0, 1000.0]);
        let expected = f32s(&[2, 2], &[2.0 / 3.0, 1.0 / 3.0, 0.5, 0.5]);
        assert_close(&run(Softmax, &[&x]), &expected, 1e-7);
    }

    proptest! {
        #[test]
        fn rows_sum_to_one(rows in 1usize..4, width in 1usize..67, seed: u64) {
            for row in run(Softmax, &[&noise(&[rows, width], seed)]).f32s().chunks(width) {
                let sum: f64 = row.iter().map(|&v| f64::from(v)).sum();
                prop_assert!((sum - 1.0).abs() < 1e-6 && row.iter().all(|&v| v > 0.0));
            }
        }
    }
}
