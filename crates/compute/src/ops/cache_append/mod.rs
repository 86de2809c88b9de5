//! New keys or values written into a KV cache at `past`, in place.

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
use crate::graph::{Dim, GraphBuilder, Operand, Sizes, Symbol, Value, ValueType};
use crate::host::call::Call;
use crate::tensor::HostTensor;
use crate::train::step::{Gradients, Step};

/// Operands: a state (capacity, …), x (n, …). Result: (past + n, …), the filled part of the cache; it is
/// the state's memory, so nothing is copied but x.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheAppend;

impl Operation for CacheAppend {
    fn name(&self) -> &'static str {
        "cache_append"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let [state, x] = check::operands(inputs)?;
        check::rank_from(state, "state", 2)?;
        check::rank_from(x, "x", 2)?;
        if state.dims[1..] != x.dims[1..] {
            let expected = ValueType::f32(state.dims[1..].to_vec());
            return Err(Mismatch::new("rows of x", expected, ValueType::f32(x.dims[1..].to_vec())));
        }
        let mut y = x.clone();
        y.dims[0] = Symbol::Past + x.dims[0];
        Ok(y)
    }

    fn flops(&self, _: &[Vec<u64>], _: &[u64]) -> u64 {
        0
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

    fn view(&self, _: &[ValueType]) -> Option<Dim> {
        Some(Dim::constant(0))
    }

    fn elements_read(&self, input: usize, inputs: &[Vec<u64>], _: &[u64]) -> u64 {
        if input == 0 { 0 } else { product(&inputs[input]) }
    }
}

impl GraphBuilder {
    /// Write x (n, kv_heads, head_dim) into `state` (capacity, kv_heads, head_dim) at row `past`.
    /// Result: its first past + n rows. Errors: shapes; at run time a cache that is full.
    pub fn cache_append(&mut self, state: Value, x: impl Into<Operand>) -> Result<Value, ComputeError> {
        let x = self.operand(x)?;
        self.push(CacheAppend, vec![state, x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dims;
    use crate::graph::Symbol::{Past, Tokens};
    use crate::ops::proof::f32s;

    #[test]
    fn rows_go_behind_the_past() {
        let state = f32s(&[4, 2], &[1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
        let x = f32s(&[1, 2], &[5.0, 6.0]);
        let y = CacheAppend.reference(&[&state, &x], &[3, 2], &Sizes::new()).unwrap();
        assert_eq!(y, f32s(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        assert!(CacheAppend.reference(&[&state, &x], &[5, 2], &Sizes::new()).is_err());
    }

    #[test]
    fn the_result_grows_with_the_past() {
        let state = ValueType::f32(dims![16, 2, 4]);
        let y = CacheAppend.infer(&[state.clone(), ValueType::f32(dims![Tokens, 2, 4])]).unwrap();
        assert_eq!(y, ValueType::f32(dims![Past + Tokens, 2, 4]));
        assert!(CacheAppend.infer(&[state, ValueType::f32(dims![Tokens, 2, 5])]).is_err());
    }
}
