//! Two-dimensional convolution (cross-correlation, as PyTorch's), channels first.

mod formula;
mod gpu;
mod host;
mod reference;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Activation, Operation, check, product};
use crate::ComputeError;
use crate::device::formula::Formula;
use crate::error::Mismatch;
use crate::graph::{Dim, GraphBuilder, Operand, Sizes, Value, ValueType};
use crate::host::call::Call;
use crate::tensor::HostTensor;
pub(in crate::ops) use formula::{convolution, options, pairs};

use crate::train::step::{Gradients, Step};

/// Zeros around the image. The sides may differ: TensorFlow's SAME pads right and bottom more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Padding {
    /// Rows above.
    pub top: u32,
    /// Rows below.
    pub bottom: u32,
    /// Columns on the left.
    pub left: u32,
    /// Columns on the right.
    pub right: u32,
}

impl Padding {
    /// The same on all four sides.
    pub const fn all(size: u32) -> Self {
        Self { top: size, bottom: size, left: size, right: size }
    }
}

/// Operands: x (n, channels, rows, columns), weight (out, channels / groups, kernel rows, kernel columns),
/// then bias (out) if there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conv2d {
    /// Rows and columns between neighbouring windows.
    pub stride: [u32; 2],
    /// Zeros around the image.
    pub padding: Padding,
    /// Channels are split into as many groups that do not see each other.
    pub groups: u32,
    /// A bias follows the weight.
    pub bias: bool,
    /// Applied last.
    pub activation: Activation,
}

/// Rows and columns of the result of sliding a window over `x` (n, channels, rows, columns).
pub(crate) fn windows(
    x: &[Dim],
    kernel: [u64; 2],
    stride: [u32; 2],
    padding: &Padding,
) -> Result<[Dim; 2], Mismatch> {
    let sides = [padding.top.saturating_add(padding.bottom), padding.left.saturating_add(padding.right)];
    let mut result = [Dim::constant(0); 2];
    for axis in 0..2 {
        let size = check::constant("rows and columns of x", x[2 + axis])?.saturating_add(sides[axis].into());
        let step = u64::from(stride[axis]);
        if step == 0 || kernel[axis] == 0 || kernel[axis] > size {
            let got = format!("{} every {step}", kernel[axis]);
            return Err(Mismatch::new("window", format!("1 to {size} every 1 or more"), got));
        }
        result[axis] = ((size - kernel[axis]) / step + 1).into();
    }
    Ok(result)
}

impl Operation for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        check::count(inputs, 2 + usize::from(self.bias))?;
        let (x, weight) = (&inputs[0], &inputs[1]);
        check::rank(x, "x", 4)?;
        check::rank(weight, "weight", 4)?;
        let constant = |what, dim| check::constant(what, dim);
        let (channels, out) = (constant("channels of x", x.dims[1])?, constant("weight", weight.dims[0])?);
        let groups = u64::from(self.groups);
        if groups == 0 || !channels.is_multiple_of(groups) || !out.is_multiple_of(groups) {
            let expected = format!("a divisor of {channels} and {out}");
            return Err(Mismatch::new("groups", expected, groups));
        }
        check::same("channels of weight", (channels / groups).into(), weight.dims[1])?;
        if self.bias {
            check::shape(&inputs[2], "bias", &[weight.dims[0]])?;
        }
        let kernel = [constant("weight", weight.dims[2])?, constant("weight", weight.dims[3])?];
        let [rows, columns] = windows(&x.dims, kernel, self.stride, &self.padding)?;
        Ok(ValueType::f32([x.dims[0], weight.dims[0], rows, columns]))
    }

    fn flops(&self, inputs: &[Vec<u64>], output: &[u64]) -> u64 {
        let per_element = product(&inputs[1][1..]).saturating_mul(2).saturating_add(12);
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
    /// x (n, channels, rows, columns) ∗ weight (out, channels / groups, kernel rows, kernel columns).
    /// Result: (n, out, rows', columns'). `op.bias` is set from `bias`.
    /// Errors: shapes that do not fit each other, symbolic rows or columns.
    pub fn conv2d(
        &mut self,
        x: impl Into<Operand>,
        weight: impl Into<Operand>,
        bias: Option<crate::WeightRef>,
        op: Conv2d,
    ) -> Result<Value, ComputeError> {
        let op = Conv2d { bias: bias.is_some(), ..op };
        let inputs = self.operands([Some(x.into()), Some(weight.into()), bias.map(Into::into)])?;
        self.push(op, inputs)
    }
}

impl Conv2d {
    /// Equal strides, no padding, one group: a patch embedding when the stride is the kernel.
    pub const fn strided(stride: u32) -> Self {
        let stride = [stride, stride];
        Self { stride, padding: Padding::all(0), groups: 1, bias: false, activation: Activation::None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{assert_close, f32s, noise, run, try_run};
    use crate::ops::{DepthwiseConv2d, Linear};
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        let x = f32s(&[1, 1, 3, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        let w = f32s(&[1, 1, 2, 2], &[1.0, 0.0, 0.0, -1.0]);
        let plain = Conv2d::strided(1);
        assert_eq!(run(plain.clone(), &[&x, &w]), f32s(&[1, 1, 2, 2], &[-4.0; 4]));
        // SAME for an even kernel: a row below, a column on the right.
        let same = Conv2d { padding: Padding { bottom: 1, right: 1, ..Padding::default() }, ..plain.clone() };
        let expected = [-4.0, -4.0, 3.0, -4.0, -4.0, 6.0, 7.0, 8.0, 9.0];
        assert_eq!(run(same, &[&x, &w]), f32s(&[1, 1, 3, 3], &expected));
        let all = Conv2d {
            stride: [2, 2],
            padding: Padding::all(1),
            bias: true,
            activation: Activation::Relu,
            ..plain.clone()
        };
        // Windows at (-1,-1), (-1,1), (1,-1), (1,1): -1, -3, -7, 5 - 9; plus the bias 3, then relu.
        assert_eq!(run(all, &[&x, &w, &f32s(&[1], &[3.0])]), f32s(&[1, 1, 2, 2], &[2.0, 0.0, 0.0, 0.0]));
        assert!(try_run(Conv2d { groups: 0, ..plain.clone() }, &[&x, &w]).is_err());
        assert!(try_run(Conv2d { stride: [0, 1], ..plain.clone() }, &[&x, &w]).is_err());
        assert!(try_run(plain.clone(), &[&x, &f32s(&[1, 1, 4, 1], &[0.0; 4])]).is_err());
        assert!(try_run(plain, &[&x, &f32s(&[1, 2, 1, 1], &[0.0; 2])]).is_err());
    }

    proptest! {
        #[test]
        fn a_group_per_channel_is_depthwise(
            channels in 1usize..6, rows in 3usize..8, columns in 3usize..9, stride in 1u32..4, pad in 0u32..3, seed: u64,
        ) {
            let x = noise(&[2, channels, rows, columns], seed);
            let (w, b) = (noise(&[channels, 1, 3, 2], seed ^ 1), noise(&[channels], seed ^ 2));
            let (stride, padding) = ([stride, 1], Padding { top: pad, ..Padding::all(1) });
            let activation = Activation::HardSwish;
            let grouped = Conv2d { stride, padding, groups: channels as u32, bias: true, activation };
            let depthwise = DepthwiseConv2d { stride, padding, bias: true, activation };
            prop_assert_eq!(run(grouped, &[&x, &w, &b]), run(depthwise, &[&x, &w, &b]));
        }

        #[test]
        fn a_one_by_one_window_is_a_linear_layer(
            channels in 1usize..9, out in 1usize..9, rows in 1usize..5, seed: u64,
        ) {
            let (x, w) = (noise(&[1, channels, rows, 1], seed), noise(&[out, channels, 1, 1], seed ^ 1));
            let y = run(Conv2d::strided(1), &[&x, &w]).reshaped(&[out, rows]);
            let transpose = |x: &HostTensor| run(crate::ops::Permute { axes: vec![1, 0] }, &[x]);
            let linear = Linear { bias: false, activation: Activation::None, residual: false };
            let rows_first = transpose(&x.reshaped(&[channels, rows]));
            let expected = run(linear, &[&rows_first, &w.reshaped(&[out, channels])]);
            // The sums run in the same order.
            assert_close(&transpose(&y), &expected, 0.0);
        }
    }
}
