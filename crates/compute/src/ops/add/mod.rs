//! Sum of two values, element by element; the second may repeat over the first.

mod formula;
mod gpu;
mod gradient;
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

/// a + b. From the last dimension on, each dimension of b is a's or 1; missing ones repeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Add;

impl Operation for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let [a, b] = check::operands(inputs)?;
        check::element(a, "a", Element::F32)?;
        check::element(b, "b", Element::F32)?;
        check::repeats(b, "b", &a.dims)?;
        Ok(a.clone())
    }

    fn flops(&self, _: &[Vec<u64>], output: &[u64]) -> u64 {
        product(output)
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
        Ok(gradient::run(step))
    }

    /// The plan refuses an operand that is smaller than the result.
    fn in_place(&self) -> Vec<usize> {
        vec![0, 1]
    }
}

impl GraphBuilder {
    /// a + b; b may repeat over a: see [`Add`]. Result: a's shape. Errors: a shape that does not repeat.
    pub fn add(&mut self, a: impl Into<Operand>, b: impl Into<Operand>) -> Result<Value, ComputeError> {
        let inputs = self.operands([Some(a.into()), Some(b.into())])?;
        self.push(Add, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{f32s, run, try_run};

    #[test]
    fn by_hand() {
        let a = f32s(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let case = |b: HostTensor, expected: &[f32]| {
            assert_eq!(run(Add, &[&a, &b]), f32s(&[2, 3], expected), "{:?}", b.dims());
        };
        case(f32s(&[2, 3], &[10.0, 20.0, 30.0, 40.0, 50.0, 60.0]), &[11.0, 22.0, 33.0, 44.0, 55.0, 66.0]);
        case(f32s(&[3], &[10.0, 20.0, 30.0]), &[11.0, 22.0, 33.0, 14.0, 25.0, 36.0]);
        case(f32s(&[2, 1], &[10.0, 20.0]), &[11.0, 12.0, 13.0, 24.0, 25.0, 26.0]);
        case(f32s(&[], &[1.0]), &[2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert!(try_run(Add, &[&a, &f32s(&[2], &[1.0, 2.0])]).is_err());
        assert!(try_run(Add, &[&a, &f32s(&[1, 2, 3], &[1.0; 6])]).is_err());
    }
}
