//! Linear layer: y = activation(x Wᵀ + b) + residual.

mod dense;
mod formula;
mod gpu;
mod gradient;
pub(crate) mod host;
mod reference;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Activation, Numerics, Operation, check, product};
use crate::ComputeError;
use crate::device::formula::Formula;
use crate::error::Mismatch;
use crate::graph::{GraphBuilder, Operand, Sizes, Value, ValueType};
use crate::host::call::Call;
use crate::tensor::HostTensor;
use crate::train::step::{Gradients, Step};

/// Elements that share a scale when `fast` quantizes activations (Q8_0's block).
pub(crate) const FAST_BLOCK: u64 = 32;

/// Bytes of such a block: 32 int8 and, as f32, its scale and the sum that formats with a minimum need.
pub(crate) const FAST_BLOCK_BYTES: u64 = 40;

/// Bytes that `exact` dequantizes at a time: 32 rows × 256 columns.
pub(crate) const EXACT_TILE_BYTES: u64 = 32 << 10;

/// Most rows of x whose sums are held at a time, and bytes of each.
const SUM_ROWS: u64 = 512;
const SUM_BYTES: u64 = 128;

/// Operands: x (…, in), weight (out, in) in any format, then bias (out) and residual (…, out) if there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    /// A bias follows the weight.
    pub bias: bool,
    /// Applied after the bias.
    pub activation: Activation,
    /// Added last; the last operand.
    pub residual: bool,
}

impl Linear {
    /// Position of the residual among the operands.
    pub(crate) fn residual_operand(&self) -> usize {
        2 + usize::from(self.bias)
    }
}

impl Operation for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        check::count(inputs, 2 + usize::from(self.bias) + usize::from(self.residual))?;
        let (x, weight) = (&inputs[0], &inputs[1]);
        check::rank_from(x, "x", 1)?;
        check::rank(weight, "weight", 2)?;
        check::same("columns of x (rows of weight)", weight.dims[1], check::last(x))?;
        let mut y = x.clone();
        y.dims[x.dims.len() - 1] = weight.dims[0];
        if self.bias {
            check::shape(&inputs[2], "bias", &[weight.dims[0]])?;
        }
        if self.residual {
            check::shape(&inputs[self.residual_operand()], "residual", &y.dims)?;
        }
        Ok(y)
    }

    fn flops(&self, inputs: &[Vec<u64>], output: &[u64]) -> u64 {
        let per_element = inputs[1][1].saturating_mul(2) + self.activation.flops_per_element() + 2;
        product(output).saturating_mul(per_element)
    }

    fn reference(&self, inputs: &[&HostTensor], output: &[usize], _: &Sizes) -> Result<HostTensor, Mismatch> {
        Ok(reference::run(self, inputs, output))
    }

    fn host(&self, call: &mut Call<'_>) -> Result<(), Mismatch> {
        dense::run(self, call);
        Ok(())
    }

    fn gpu(&self, call: &crate::gpu::Call<'_>) -> Result<Vec<crate::gpu::Dispatch>, Mismatch> {
        gpu::run(self, call)
    }

    fn formula(&self, formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
        Ok(formula::run(self, formula))
    }

    fn backward(&self, step: &Step<'_>) -> Result<Gradients, Mismatch> {
        gradient::run(self, step)
    }

    fn multiplies_by(&self, input: usize) -> bool {
        input == 1
    }

    fn in_place(&self) -> Vec<usize> {
        if self.residual { vec![self.residual_operand()] } else { Vec::new() }
    }

    fn any_format(&self, input: usize) -> bool {
        input == 1
    }

    fn scratch_bytes(&self, inputs: &[Vec<u64>], numerics: Numerics) -> u64 {
        let (columns, rows) = (inputs[1][1], product(&inputs[0][..inputs[0].len() - 1]));
        let sums = rows.min(SUM_ROWS) * SUM_BYTES;
        let beside = match numerics {
            Numerics::Exact => EXACT_TILE_BYTES,
            Numerics::Fast => {
                rows.saturating_mul(columns.div_ceil(FAST_BLOCK)).saturating_mul(FAST_BLOCK_BYTES)
            }
        };
        beside.saturating_add(sums)
    }
}

impl GraphBuilder {
    /// y = activation(x Wᵀ + b). x: (…, in), weight: (out, in) in any format, bias: (out). Result: (…, out).
    /// A residual is simply [`GraphBuilder::add`]ed: the rewrites fold it in.
    /// Errors: shapes that do not fit each other.
    pub fn linear(
        &mut self,
        x: impl Into<Operand>,
        weight: impl Into<Operand>,
        bias: Option<crate::WeightRef>,
        activation: Activation,
    ) -> Result<Value, ComputeError> {
        let op = Linear { bias: bias.is_some(), activation, residual: false };
        let inputs = self.operands([Some(x.into()), Some(weight.into()), bias.map(Into::into)])?;
        self.push(op, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::proof::{assert_close, f32s, noise, run, try_run};
    use crate::ops::{Add, Op};
    use bedside_tensor::{DType, TensorView};
    use proptest::prelude::*;

    const PLAIN: Linear = Linear { bias: false, activation: Activation::None, residual: false };

    #[test]
    fn by_hand() {
        let x = f32s(&[2, 3], &[1.0, 2.0, 3.0, -1.0, 0.5, 4.0]);
        let w = f32s(&[2, 3], &[1.0, 0.0, 2.0, 0.0, 1.0, -1.0]);
        let (b, r) = (f32s(&[2], &[0.5, -0.5]), f32s(&[2, 2], &[10.0, 20.0, 30.0, 40.0]));
        assert_eq!(run(PLAIN, &[&x, &w]), f32s(&[2, 2], &[7.0, -1.0, 7.0, -3.5]));
        let all = Linear { bias: true, activation: Activation::Relu, residual: true };
        assert_eq!(run(all.clone(), &[&x, &w, &b, &r]), f32s(&[2, 2], &[17.5, 20.0, 37.5, 40.0]));
        assert_eq!(all.in_place(), [3]);
        assert_eq!(try_run(PLAIN, &[&x, &f32s(&[2, 2], &[0.0; 4])]).unwrap_err().expected, "2");
        assert_eq!(try_run(all, &[&x, &w]).unwrap_err().what, "number of operands");
    }

    #[test]
    fn scratch_is_what_the_numerics_ask_for() {
        let inputs = [vec![3, 5, 64], vec![1000, 64]];
        assert_eq!(PLAIN.scratch_bytes(&inputs, Numerics::Exact), 32 * 1024 + 15 * 128);
        assert_eq!(PLAIN.scratch_bytes(&inputs, Numerics::Fast), 15 * 2 * 40 + 15 * 128);
    }

    proptest! {
        #[test]
        fn folding_bias_activation_and_residual_changes_rounding_only(
            rows in 1usize..5, n in 1usize..34, k in prop::sample::select(vec![1usize, 7, 31, 32, 33]), seed: u64,
        ) {
            let (x, w) = (noise(&[rows, k], seed), noise(&[n, k], seed ^ 1));
            let (b, r) = (noise(&[n], seed ^ 2), noise(&[rows, n], seed ^ 3));
            let y = run(Add, &[&run(PLAIN, &[&x, &w]), &b]);
            let y = run(Add, &[&run(Activation::GeluTanh, &[&y]), &r]);
            let all = Linear { bias: true, activation: Activation::GeluTanh, residual: true };
            // Three roundings to f32 (6e-8 each) are saved.
            assert_close(&run(all, &[&x, &w, &b, &r]), &y, 1e-6);
        }

        #[test]
        fn quantized_weights_equal_the_same_weights_dequantized(
            rows in 1usize..4, n in 1usize..7, blocks in 1usize..4, seed: u64,
            dtype in prop::sample::select(vec![DType::F16, DType::BF16, DType::Q8_0, DType::Q4_0]),
        ) {
            let w = noise(&[n, blocks * 32], seed);
            let bytes = dtype.quantize(w.f32s()).unwrap();
            let view = TensorView::new(dtype, &[n as u64, blocks as u64 * 32], &bytes).unwrap();
            let restored = HostTensor::f32(w.dims(), view.to_f32().unwrap()).unwrap();
            let x = noise(&[rows, blocks * 32], seed ^ 1);
            let got = crate::reference::tests::one_op(Op::from(PLAIN), std::slice::from_ref(&x), &[("w", &view)]);
            prop_assert_eq!(got, run(PLAIN, &[&x, &restored]));
        }
    }
}
