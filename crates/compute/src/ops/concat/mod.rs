//! Values one after the other along one axis.

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
use crate::graph::{Dim, GraphBuilder, Sizes, Value, ValueType};
use crate::host::call::Call;
use crate::tensor::HostTensor;
use crate::train::step::{Gradients, Step};

/// Dimensions other than the axis are equal, or 1 and repeated: a class token (1, 1, width) goes before the
/// patches of every image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concat {
    /// The axis that grows.
    pub axis: usize,
}

impl Concat {
    fn joined(&self, y: &mut ValueType, part: &ValueType) -> Result<(), Mismatch> {
        let refuse = |expected: &ValueType| Mismatch::new("part", expected, part);
        if part.dims.len() != y.dims.len() {
            return Err(refuse(y));
        }
        for (axis, &theirs) in part.dims.iter().enumerate() {
            let mine = y.dims[axis];
            y.dims[axis] = match axis == self.axis {
                true => mine + theirs,
                false if theirs == mine || theirs == Dim::constant(1) => mine,
                false if mine == Dim::constant(1) => theirs,
                false => return Err(refuse(y)),
            };
        }
        Ok(())
    }
}

impl Operation for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let [first, rest @ ..] = inputs else {
            return Err(Mismatch::new("number of operands", "at least 1", 0));
        };
        check::rank_from(first, "part", self.axis.saturating_add(1))?;
        let mut y = first.clone();
        for part in rest {
            check::rank_from(part, "part", 1)?;
            self.joined(&mut y, part)?;
        }
        Ok(y)
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
    /// Values one after the other along `axis`; other dimensions are equal, or 1 and repeated.
    /// Errors: shapes that do not fit each other.
    pub fn concat(
        &mut self,
        parts: impl IntoIterator<Item = Value>,
        axis: usize,
    ) -> Result<Value, ComputeError> {
        self.push(Concat { axis }, parts.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{f32s, run, try_run};

    #[test]
    fn by_hand() {
        let (a, b) = (f32s(&[2, 1], &[1.0, 2.0]), f32s(&[2, 2], &[3.0, 4.0, 5.0, 6.0]));
        assert_eq!(run(Concat { axis: 1 }, &[&a, &b]), f32s(&[2, 3], &[1.0, 3.0, 4.0, 2.0, 5.0, 6.0]));
        assert_eq!(run(Concat { axis: 0 }, &[&a, &a]), f32s(&[4, 1], &[1.0, 2.0, 1.0, 2.0]));
        assert!(try_run(Concat { axis: 0 }, &[&b, &f32s(&[1, 3], &[0.0; 3])]).is_err());
        assert!(try_run(Concat { axis: 2 }, &[&a, &b]).is_err());
        assert!(try_run(Concat { axis: 0 }, &[]).is_err());
    }

    #[test]
    fn a_class_token_repeats_over_the_images() {
        let (class, patches) = (f32s(&[1, 1, 2], &[9.0, 8.0]), f32s(&[2, 1, 2], &[1.0, 2.0, 3.0, 4.0]));
        let expected = f32s(&[2, 2, 2], &[9.0, 8.0, 1.0, 2.0, 9.0, 8.0, 3.0, 4.0]);
        assert_eq!(run(Concat { axis: 1 }, &[&class, &patches]), expected);
    }
}
