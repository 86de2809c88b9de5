//! Rows of a table that may be in any weight format.

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

/// Operands: ids u32 (…), table (rows, width) in any format. Result: (…, width).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Embedding;

impl Operation for Embedding {
    fn name(&self) -> &'static str {
        "embedding"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let [ids, table] = check::operands(inputs)?;
        check::element(ids, "ids", Element::U32)?;
        check::rank(table, "table", 2)?;
        let mut y = ValueType::f32(ids.dims.clone());
        y.dims.push(table.dims[1]);
        Ok(y)
    }

    fn flops(&self, _: &[Vec<u64>], output: &[u64]) -> u64 {
        product(output)
    }

    fn reference(&self, inputs: &[&HostTensor], output: &[usize], _: &Sizes) -> Result<HostTensor, Mismatch> {
        reference::run(inputs, output)
    }

    fn host(&self, call: &mut Call<'_>) -> Result<(), Mismatch> {
        host::run(call)
    }

    fn gpu(&self, call: &crate::gpu::Call<'_>) -> Result<Vec<crate::gpu::Dispatch>, Mismatch> {
        gpu::run(self, call)
    }

    fn formula(&self, formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
        formula::run(formula)
    }

    fn backward(&self, step: &Step<'_>) -> Result<Gradients, Mismatch> {
        step.by_moving(self)
    }

    fn any_format(&self, input: usize) -> bool {
        input == 1
    }

    fn elements_read(&self, input: usize, inputs: &[Vec<u64>], output: &[u64]) -> u64 {
        if input == 1 { product(output) } else { product(&inputs[input]) }
    }
}

impl GraphBuilder {
    /// Rows of `table` (rows, width) by u32 `ids` (…). Result: (…, width).
    /// Errors: shapes; at run time an id past the last row.
    pub fn embedding(
        &mut self,
        ids: impl Into<Operand>,
        table: impl Into<Operand>,
    ) -> Result<Value, ComputeError> {
        let inputs = self.operands([Some(ids.into()), Some(table.into())])?;
        self.push(Embedding, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{f32s, run, try_run, u32s};

    #[test]
    fn by_hand() {
        let table = f32s(&[3, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let y = run(Embedding, &[&u32s(&[2, 2], &[2, 0, 1, 2]), &table]);
        assert_eq!(y, f32s(&[2, 2, 2], &[4.0, 5.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
        let past = try_run(Embedding, &[&u32s(&[1], &[3]), &table]).unwrap_err();
        assert_eq!((past.what, past.expected.as_str(), past.got.as_str()), ("id", "less than 3", "3"));
        assert!(try_run(Embedding, &[&table, &table]).is_err());
    }
}
