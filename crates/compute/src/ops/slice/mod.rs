//! A range along one axis.

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
use crate::graph::{Dim, GraphBuilder, Operand, Sizes, Value, ValueType};
use crate::host::call::Call;
use crate::tensor::HostTensor;
use crate::train::step::{Gradients, Step};

/// `start .. start + len` along `axis`. Contiguous ones cost nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// The axis that shrinks.
    pub axis: usize,
    /// First position; `tokens - 1` for the last token.
    pub start: Dim,
    /// Number of positions.
    pub len: Dim,
}

impl Operation for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let [x] = check::operands(inputs)?;
        let Some(&whole) = x.dims.get(self.axis) else {
            return Err(Mismatch::new("x", format!("more than {} dimensions", self.axis), x));
        };
        // Where symbols cancel, the range is checked now; otherwise when it runs.
        let left = (whole - self.start - self.len).as_constant();
        let negative = |dim: Option<i64>| dim.is_some_and(|d| d < 0);
        if negative(left) || negative(self.start.as_constant()) || negative(self.len.as_constant()) {
            let got = format!("{} from {}", self.len, self.start);
            return Err(Mismatch::new("range", format!("a part of {whole}"), got));
        }
        let mut y = x.clone();
        y.dims[self.axis] = self.len;
        Ok(y)
    }

    fn flops(&self, _: &[Vec<u64>], _: &[u64]) -> u64 {
        0
    }

    fn reference(
        &self,
        inputs: &[&HostTensor],
        output: &[usize],
        sizes: &Sizes,
    ) -> Result<HostTensor, Mismatch> {
        reference::run(self, inputs, output, sizes)
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

    fn view(&self, inputs: &[ValueType]) -> Option<Dim> {
        let dims = &inputs[0].dims;
        if dims[..self.axis].iter().any(|&dim| dim != Dim::constant(1)) {
            return None; // the result's rows are apart in memory
        }
        if self.start == Dim::constant(0) {
            return Some(self.start);
        }
        let inner: Option<Vec<i64>> = dims[self.axis + 1..].iter().map(Dim::as_constant).collect();
        let inner = inner?.iter().try_fold(1i64, |n, &d| n.checked_mul(d))?;
        Some(self.start * inner)
    }

    fn elements_read(&self, _: usize, _: &[Vec<u64>], output: &[u64]) -> u64 {
        product(output)
    }
}

impl GraphBuilder {
    /// `len` positions from `start` along `axis`. Errors: a range that leaves x, when that is known now;
    /// otherwise at run time.
    pub fn slice(
        &mut self,
        x: impl Into<Operand>,
        axis: usize,
        start: impl Into<Dim>,
        len: impl Into<Dim>,
    ) -> Result<Value, ComputeError> {
        let x = self.operand(x)?;
        self.push(Slice { axis, start: start.into(), len: len.into() }, vec![x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dims;
    use crate::graph::Symbol::{Images, Tokens};
    use crate::ops::proof::{f32s, run, try_run};

    fn slice(axis: usize, start: impl Into<Dim>, len: impl Into<Dim>) -> Slice {
        Slice { axis, start: start.into(), len: len.into() }
    }

    #[test]
    fn by_hand() {
        let x = f32s(&[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(run(slice(1, 1, 2), &[&x]), f32s(&[2, 2], &[1.0, 2.0, 4.0, 5.0]));
        assert_eq!(run(slice(0, 1, 1), &[&x]), f32s(&[1, 3], &[3.0, 4.0, 5.0]));
        assert!(try_run(slice(1, 2, 2), &[&x]).is_err());
        assert!(try_run(slice(2, 0, 1), &[&x]).is_err());
    }

    #[test]
    fn symbolic_ranges() {
        let x = [ValueType::f32(dims![Tokens, 768])];
        assert!(slice(0, Tokens - 1, 1).infer(&x).is_ok());
        assert!(slice(0, Tokens, 1).infer(&x).is_err());
        let x = crate::ops::proof::noise(&[4, 2], 1);
        let late = slice(0, Tokens - 1, 1);
        let sizes = Sizes::new().with(Tokens, 6);
        assert!(late.reference(&[&x], &[1, 2], &sizes).is_err());
    }

    #[test]
    fn contiguous_slices_are_views() {
        let tokens = [ValueType::f32(dims![Tokens, 8])];
        assert_eq!(slice(0, Tokens - 1, 1).view(&tokens), Some(Tokens * 8 - 8));
        assert_eq!(slice(1, 2, 2).view(&tokens), None);
        let one = [ValueType::f32(dims![1, 4, 8])];
        assert_eq!(slice(1, 2, 1).view(&one), Some(16.into()));
        let symbolic = [ValueType::f32(dims![4, Images])];
        assert_eq!(slice(0, 0, 1).view(&symbolic), Some(0.into()));
        assert_eq!(slice(0, 1, 1).view(&symbolic), None);
    }
}
