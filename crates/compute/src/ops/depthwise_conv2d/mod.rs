//! Convolution of each channel with its own window.

mod formula;
mod gpu;
mod host;
mod reference;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::conv2d::windows;
use super::{Activation, Operation, Padding, check, product};
use crate::ComputeError;
use crate::device::formula::Formula;
use crate::error::Mismatch;
use crate::graph::{Dim, GraphBuilder, Operand, Sizes, Value, ValueType};
use crate::host::call::Call;
use crate::tensor::HostTensor;
use crate::train::step::{Gradients, Step};

/// Operands: x (n, channels, rows, columns), weight (channels, 1, kernel rows, kernel columns), then bias
/// (channels) if there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepthwiseConv2d {
    /// Rows and columns between neighbouring windows.
    pub stride: [u32; 2],
    /// Zeros around the image.
    pub padding: Padding,
    /// A bias follows the weight.
    pub bias: bool,
    /// Applied last.
    pub activation: Activation,
}

impl Operation for DepthwiseConv2d {
    fn name(&self) -> &'static str {
        "depthwise_conv2d"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        check::count(inputs, 2 + usize::from(self.bias))?;
        let (x, weight) = (&inputs[0], &inputs[1]);
        check::rank(x, "x", 4)?;
        check::rank(weight, "weight", 4)?;
        check::same("channels of weight", x.dims[1], weight.dims[0])?;
        check::same("second dimension of weight", Dim::constant(1), weight.dims[1])?;
        if self.bias {
            check::shape(&inputs[2], "bias", &[x.dims[1]])?;
        }
        let kernel =
            [check::constant("weight", weight.dims[2])?, check::constant("weight", weight.dims[3])?];
        let [rows, columns] = windows(&x.dims, kernel, self.stride, &self.padding)?;
        Ok(ValueType::f32([x.dims[0], x.dims[1], rows, columns]))
    }

    fn flops(&self, inputs: &[Vec<u64>], output: &[u64]) -> u64 {
        let per_element = product(&inputs[1][2..]).saturating_mul(2).saturating_add(12);
        product(output).saturating_mul(per_element)
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
    /// x (n, channels, rows, columns), each channel ∗ its plane of weight (channels, 1, kernel rows, kernel
    /// columns). Result: (n, channels, rows', columns'). `op.bias` is set from `bias`.
    /// Errors: shapes that do not fit each other, symbolic rows or columns.
    pub fn depthwise_conv2d(
        &mut self,
        x: impl Into<Operand>,
        weight: impl Into<Operand>,
        bias: Option<crate::WeightRef>,
        op: DepthwiseConv2d,
    ) -> Result<Value, ComputeError> {
        let op = DepthwiseConv2d { bias: bias.is_some(), ..op };
        let inputs = self.operands([Some(x.into()), Some(weight.into()), bias.map(Into::into)])?;
        self.push(op, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{f32s, run, try_run};

    /// Against grouped convolution: see `conv2d`.
    #[test]
    fn by_hand() {
        let x = f32s(&[1, 2, 1, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let w = f32s(&[2, 1, 1, 2], &[1.0, 1.0, 0.0, -1.0]);
        let padding = Padding { right: 1, ..Padding::default() };
        let op = DepthwiseConv2d { stride: [1, 1], padding, bias: true, activation: Activation::Relu6 };
        let y = run(op.clone(), &[&x, &w, &f32s(&[2], &[0.0, 6.0])]);
        assert_eq!(y, f32s(&[1, 2, 1, 3], &[3.0, 5.0, 3.0, 1.0, 0.0, 6.0]));
        assert!(try_run(op, &[&x, &f32s(&[1, 2, 1, 2], &[0.0; 4]), &f32s(&[2], &[0.0; 2])]).is_err());
    }
}
