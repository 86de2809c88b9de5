//! Dimensions in another order.

mod formula;
mod gpu;
mod host;
mod reference;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Operation, check};
use crate::ComputeError;
use crate::device::formula::Formula;
use crate::error::Mismatch;
use crate::graph::{GraphBuilder, Operand, Sizes, Value, ValueType};
use crate::host::call::Call;
use crate::tensor::HostTensor;
use crate::train::step::{Gradients, Step};

/// Dimension i of the result is dimension `axes[i]` of the operand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permute {
    /// Each axis once.
    pub axes: Vec<usize>,
}

impl Operation for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let [x] = check::operands(inputs)?;
        let mut sorted = self.axes.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..x.dims.len()) {
            let expected = format!("each axis of {x} once");
            return Err(Mismatch::new("axes", expected, format!("{:?}", self.axes)));
        }
        let dims = self.axes.iter().map(|&axis| x.dims[axis]).collect();
        Ok(ValueType { dims, element: x.element })
    }

    fn flops(&self, _: &[Vec<u64>], _: &[u64]) -> u64 {
        0
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
        step.by_moving(self)
    }
}

impl GraphBuilder {
    /// Dimension i of the result is dimension `axes[i]` of x. Errors: axes that are no permutation.
    pub fn permute(&mut self, x: impl Into<Operand>, axes: &[usize]) -> Result<Value, ComputeError> {
        let x = self.operand(x)?;
        self.push(Permute { axes: axes.to_vec() }, vec![x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{f32s, noise, run, try_run};
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        let x = f32s(&[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let y = run(Permute { axes: vec![1, 0] }, &[&x]);
        assert_eq!(y, f32s(&[3, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
        for axes in [vec![0], vec![0, 0], vec![1, 2], vec![0, 1, 2]] {
            assert!(try_run(Permute { axes }, &[&x]).is_err());
        }
    }

    proptest! {
        #[test]
        fn the_inverse_restores(
            dims in prop::collection::vec(1usize..5, 4),
            axes in Just(vec![0, 1, 2, 3]).prop_shuffle(), seed: u64,
        ) {
            let x = noise(&dims, seed);
            let mut inverse = vec![0; 4];
            for (i, &axis) in axes.iter().enumerate() {
                inverse[axis] = i;
            }
            prop_assert_eq!(run(Permute { axes: inverse }, &[&run(Permute { axes }, &[&x])]), x);
        }
    }
}
