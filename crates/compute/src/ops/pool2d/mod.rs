//! Largest element or mean of windows of an image, channels first.

mod formula;
mod gpu;
mod host;
mod reference;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::conv2d::windows;
use super::{Operation, Padding, check, product};
use crate::ComputeError;
use crate::device::formula::Formula;
use crate::error::Mismatch;
use crate::graph::{GraphBuilder, Operand, Sizes, Value, ValueType};
use crate::host::call::Call;
use crate::tensor::HostTensor;
use crate::train::step::{Gradients, Step};

/// What becomes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pool2dKind {
    /// Largest element; padding never wins. A window wholly inside the padding gives -∞.
    Max,
    /// Mean over the whole window, padding counted as zeros (PyTorch's default).
    Average,
}

/// Operand: x (n, channels, rows, columns).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool2d {
    /// Largest or mean.
    pub kind: Pool2dKind,
    /// Rows and columns of a window.
    pub kernel: [u32; 2],
    /// Rows and columns between neighbouring windows.
    pub stride: [u32; 2],
    /// Around the image.
    pub padding: Padding,
}

impl Operation for Pool2d {
    fn name(&self) -> &'static str {
        "pool2d"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let [x] = check::operands(inputs)?;
        check::rank(x, "x", 4)?;
        let [rows, columns] = windows(&x.dims, self.kernel.map(u64::from), self.stride, &self.padding)?;
        Ok(ValueType::f32([x.dims[0], x.dims[1], rows, columns]))
    }

    fn flops(&self, _: &[Vec<u64>], output: &[u64]) -> u64 {
        product(output).saturating_mul(product(&self.kernel.map(u64::from)))
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
    /// Windows of x (n, channels, rows, columns). Result: (n, channels, rows', columns').
    /// Errors: a window larger than the padded image, symbolic rows or columns.
    pub fn pool2d(&mut self, x: impl Into<Operand>, op: Pool2d) -> Result<Value, ComputeError> {
        let x = self.operand(x)?;
        self.push(op, vec![x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{f32s, run, try_run};

    #[test]
    fn by_hand() {
        let x = f32s(&[1, 1, 2, 4], &[1.0, 2.0, -3.0, -4.0, 5.0, 6.0, -7.0, -8.0]);
        let op = |kind, padding| Pool2d { kind, kernel: [2, 2], stride: [2, 2], padding };
        let none = Padding::default();
        assert_eq!(run(op(Pool2dKind::Average, none), &[&x]), f32s(&[1, 1, 1, 2], &[3.5, -5.5]));
        assert_eq!(run(op(Pool2dKind::Max, none), &[&x]), f32s(&[1, 1, 1, 2], &[6.0, -3.0]));
        let around = Padding { left: 1, right: 1, ..none };
        assert_eq!(run(op(Pool2dKind::Max, around), &[&x]), f32s(&[1, 1, 1, 3], &[5.0, 6.0, -4.0]));
        assert_eq!(run(op(Pool2dKind::Average, around), &[&x]), f32s(&[1, 1, 1, 3], &[1.5, -0.5, -3.0]));
        assert!(try_run(Pool2d { kernel: [3, 1], ..op(Pool2dKind::Max, none) }, &[&x]).is_err());
    }
}
