//! The same elements under other dimensions; costs nothing.

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
use crate::graph::{Dim, GraphBuilder, Operand, Sizes, Value, ValueType};
use crate::host::call::Call;
use crate::tensor::HostTensor;
use crate::train::step::{Gradients, Step};

/// Row-major order is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reshape {
    /// Dimensions of the result.
    pub dims: Vec<Dim>,
}

impl Operation for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let [x] = check::operands(inputs)?;
        let y = ValueType { dims: self.dims.clone(), element: x.element };
        if x.elements() != y.elements() {
            return Err(Mismatch::new("elements", x.elements(), y.elements()));
        }
        Ok(y)
    }

    fn flops(&self, _: &[Vec<u64>], _: &[u64]) -> u64 {
        0
    }

    fn reference(&self, inputs: &[&HostTensor], output: &[usize], _: &Sizes) -> Result<HostTensor, Mismatch> {
        Ok(reference::run(inputs, output))
    }

    fn host(&self, call: &mut Call<'_>) -> Result<(), Mismatch> {
        host::run(call);
        Ok(())
    }

    fn gpu(&self, call: &crate::gpu::Call<'_>) -> Result<Vec<crate::gpu::Dispatch>, Mismatch> {
        gpu::run(call)
    }

    fn formula(&self, formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
        Ok(formula::run(formula))
    }

    fn backward(&self, step: &Step<'_>) -> Result<Gradients, Mismatch> {
        step.by_moving(self)
    }

    fn view(&self, _: &[ValueType]) -> Option<Dim> {
        Some(Dim::constant(0))
    }
}

impl GraphBuilder {
    /// The same elements, row-major, as `dims`. Errors: another number of elements, for whatever values
    /// the symbols take.
    pub fn reshape(
        &mut self,
        x: impl Into<Operand>,
        dims: impl Into<Vec<Dim>>,
    ) -> Result<Value, ComputeError> {
        let x = self.operand(x)?;
        self.push(Reshape { dims: dims.into() }, vec![x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dims;
    use crate::graph::Symbol;
    use crate::ops::proof::{f32s, run, try_run};

    #[test]
    fn by_hand() {
        let x = f32s(&[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let y = run(Reshape { dims: dims![3, 1, 2].into() }, &[&x]);
        assert_eq!(y, f32s(&[3, 1, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
        let error = try_run(Reshape { dims: dims![4].into() }, &[&x]).unwrap_err();
        assert_eq!((error.expected.as_str(), error.got.as_str()), ("6", "4"));
    }

    #[test]
    fn symbols_are_compared_as_polynomials() {
        let x = ValueType::f32(dims![Symbol::Images, 14, 14, 768]);
        let merged = Reshape { dims: dims![Symbol::Images * 196, 768].into() };
        assert!(merged.infer(std::slice::from_ref(&x)).is_ok());
        let wrong = Reshape { dims: dims![Symbol::Tokens, 196, 768].into() };
        assert!(wrong.infer(&[x]).is_err());
    }
}
