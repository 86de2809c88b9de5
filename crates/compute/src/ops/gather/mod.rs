//! Rows of a computed value by index: the end token of each text, patches in window order.

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

/// Operands: x, indices u32.
/// Not `batched`: x (rows, …), indices (n) → (n, …).
/// `batched`: x (batch, rows, …), indices (batch, n) → (batch, n, …).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gather {
    /// Each batch entry has its own indices.
    pub batched: bool,
}

impl Operation for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let [x, indices] = check::operands(inputs)?;
        let axis = usize::from(self.batched);
        check::rank_from(x, "x", axis + 1)?;
        check::element(indices, "indices", Element::U32)?;
        if indices.dims.len() != axis + 1 {
            return Err(Mismatch::new("indices", format!("{} dimensions", axis + 1), indices));
        }
        if self.batched {
            check::same("batch of indices", x.dims[0], indices.dims[0])?;
        }
        let mut y = x.clone();
        y.dims[axis] = indices.dims[axis];
        Ok(y)
    }

    fn flops(&self, _: &[Vec<u64>], _: &[u64]) -> u64 {
        0
    }

    fn reference(&self, inputs: &[&HostTensor], output: &[usize], _: &Sizes) -> Result<HostTensor, Mismatch> {
        reference::run(self, inputs, output)
    }

    fn host(&self, call: &mut Call<'_>) -> Result<(), Mismatch> {
        host::run(self, call)
    }

    fn gpu(&self, call: &crate::gpu::Call<'_>) -> Result<Vec<crate::gpu::Dispatch>, Mismatch> {
        gpu::run(self, call)
    }

    fn formula(&self, formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
        formula::run(self, formula)
    }

    fn backward(&self, step: &Step<'_>) -> Result<Gradients, Mismatch> {
        step.by_moving(self)
    }

    fn elements_read(&self, input: usize, inputs: &[Vec<u64>], output: &[u64]) -> u64 {
        if input == 0 { product(output) } else { product(&inputs[input]) }
    }
}

impl GraphBuilder {
    /// Rows of x (rows, …) by u32 `indices` (n). Result: (n, …).
    /// Errors: shapes; at run time an index past the last row.
    pub fn gather(
        &mut self,
        x: impl Into<Operand>,
        indices: impl Into<Operand>,
    ) -> Result<Value, ComputeError> {
        let inputs = self.operands([Some(x.into()), Some(indices.into())])?;
        self.push(Gather { batched: false }, inputs)
    }

    /// Rows of each batch entry: x (batch, rows, …), u32 `indices` (batch, n). Result: (batch, n, …).
    /// Errors: shapes; at run time an index past the last row.
    pub fn gather_batched(
        &mut self,
        x: impl Into<Operand>,
        indices: impl Into<Operand>,
    ) -> Result<Value, ComputeError> {
        let inputs = self.operands([Some(x.into()), Some(indices.into())])?;
        self.push(Gather { batched: true }, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{f32s, run, try_run, u32s};

    #[test]
    fn by_hand() {
        let x = f32s(&[3, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let plain = Gather { batched: false };
        assert_eq!(run(plain.clone(), &[&x, &u32s(&[2], &[2, 2])]), f32s(&[2, 2], &[4.0, 5.0, 4.0, 5.0]));
        assert!(try_run(plain, &[&x, &u32s(&[1], &[3])]).is_err());
        let x = f32s(&[2, 3, 1], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let batched = Gather { batched: true };
        let y = run(batched.clone(), &[&x, &u32s(&[2, 2], &[0, 2, 1, 1])]);
        assert_eq!(y, f32s(&[2, 2, 1], &[0.0, 2.0, 4.0, 4.0]));
        assert!(try_run(batched.clone(), &[&x, &u32s(&[3, 1], &[0; 3])]).is_err());
        assert!(try_run(batched, &[&x, &u32s(&[2], &[0; 2])]).is_err());
    }
}
