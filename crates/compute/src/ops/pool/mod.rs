//! Mean or maximum over one axis, such as the tokens of each text.

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
use crate::graph::{Element, GraphBuilder, Operand, Sizes, Value, ValueType};
use crate::host::call::Call;
use crate::tensor::HostTensor;
use crate::train::step::{Gradients, Step};

/// What becomes of the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// Arithmetic mean.
    Mean,
    /// Largest element.
    Max,
}

/// Operands: x, then if `masked` a u32 mask of x's dimensions up to and including the axis; positions where
/// it is 0 are left out. Where all are left out the mean is 0 and the maximum -∞.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Mean or maximum.
    pub kind: PoolKind,
    /// The axis that disappears.
    pub axis: usize,
    /// A mask follows x.
    pub masked: bool,
}

impl Operation for Pool {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        check::count(inputs, 1 + usize::from(self.masked))?;
        let x = &inputs[0];
        check::rank_from(x, "x", self.axis.saturating_add(1))?;
        if self.masked {
            check::typed_shape(&inputs[1], "mask", Element::U32, &x.dims[..=self.axis])?;
        }
        let mut y = x.clone();
        y.dims.remove(self.axis);
        Ok(y)
    }

    fn flops(&self, inputs: &[Vec<u64>], _: &[u64]) -> u64 {
        product(&inputs[0])
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
}

impl GraphBuilder {
    /// Mean or maximum over `axis`, which disappears. `mask`: u32 of x's dimensions up to and including the
    /// axis, 0 leaves a position out. Errors: shapes that do not fit each other.
    pub fn pool(
        &mut self,
        x: impl Into<Operand>,
        kind: PoolKind,
        axis: usize,
        mask: Option<Value>,
    ) -> Result<Value, ComputeError> {
        let inputs = self.operands([Some(x.into()), mask.map(Into::into)])?;
        self.push(Pool { kind, axis, masked: mask.is_some() }, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{f32s, run, try_run, u32s};

    #[test]
    fn by_hand() {
        let x = f32s(&[2, 2, 2], &[1.0, 2.0, 3.0, 6.0, -1.0, 0.0, -3.0, 4.0]);
        struct Case {
            kind: PoolKind,
            axis: usize,
            mask: Option<HostTensor>,
            expected: HostTensor,
        }
        let case = |kind, axis, mask, expected: &[f32]| Case { kind, axis, mask, expected: f32s(&[2, 2], expected) };
        let cases = [
            case(PoolKind::Mean, 1, None, &[2.0, 4.0, -2.0, 2.0]),
            case(PoolKind::Max, 1, None, &[3.0, 6.0, -1.0, 4.0]),
            case(PoolKind::Mean, 0, None, &[0.0, 1.0, 0.0, 5.0]),
            case(PoolKind::Max, 2, None, &[2.0, 6.0, 0.0, 4.0]),
            case(PoolKind::Mean, 1, Some(u32s(&[2, 2], &[1, 0, 7, 1])), &[1.0, 2.0, -2.0, 2.0]),
            case(PoolKind::Mean, 1, Some(u32s(&[2, 2], &[0, 0, 0, 1])), &[0.0, 0.0, -3.0, 4.0]),
            case(PoolKind::Max, 1, Some(u32s(&[2, 2], &[1, 0, 0, 1])), &[1.0, 2.0, -3.0, 4.0]),
        ];
        for Case { kind, axis, mask, expected } in cases {
            let op = Pool { kind, axis, masked: mask.is_some() };
            let inputs: Vec<&HostTensor> = std::iter::once(&x).chain(&mask).collect();
            assert_eq!(run(op.clone(), &inputs), expected, "{op:?}");
        }
        assert!(try_run(Pool { kind: PoolKind::Max, axis: 3, masked: false }, &[&x]).is_err());
        let mask = u32s(&[2], &[1, 1]);
        assert!(try_run(Pool { kind: PoolKind::Mean, axis: 1, masked: true }, &[&x, &mask]).is_err());
    }
}
