//! Pointwise non-linearities.

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
use crate::host::vector::vectorized;
use crate::tensor::HostTensor;
use crate::train::step::{Gradients, Step};

/// Which function; also what [`Linear`](super::Linear) and the convolutions apply to their result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x.
    None,
    /// x · Φ(x): x / 2 · (1 + erf(x / √2)). BERT, OpenCLIP, timm.
    GeluErf,
    /// x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))). SigLIP, Gemma.
    GeluTanh,
    /// x · sigmoid(1.702 x). OpenAI CLIP.
    QuickGelu,
    /// x · sigmoid(x). Llama.
    Silu,
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6). MobileNet, EfficientNet-Lite.
    Relu6,
    /// x · relu6(x + 3) / 6. MobileNetV3.
    HardSwish,
    /// 1 / (1 + e^-x). Squeeze-and-excite gates.
    Sigmoid,
}

impl Activation {
    /// The function itself, in f64.
    pub(crate) fn apply(self, x: f64) -> f64 {
        reference::apply(self, x)
    }

    /// The function over a slice, in f32.
    pub(crate) fn apply_host(self, x: &mut [f32]) {
        vectorized(host::Whole(self, x));
    }

    /// As `apply_host`, to become part of a vectorized loop.
    #[inline(always)]
    pub(crate) fn apply_inline(self, x: &mut [f32]) {
        host::apply(self, x);
    }

    /// The function on a burn tensor.
    pub(crate) fn apply_tensor(self, x: Tensor<1>) -> Tensor<1> {
        formula::run(self, x)
    }

    /// Rough operations per element.
    pub(crate) fn flops_per_element(self) -> u64 {
        match self {
            Activation::None => 0,
            Activation::Relu | Activation::Relu6 => 1,
            Activation::HardSwish => 4,
            // An exponential counts as 8.
            _ => 10,
        }
    }
}

impl Operation for Activation {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let [x] = check::operands(inputs)?;
        check::element(x, "x", Element::F32)?;
        Ok(x.clone())
    }

    fn flops(&self, _inputs: &[Vec<u64>], output: &[u64]) -> u64 {
        product(output).saturating_mul(self.flops_per_element())
    }

    fn reference(&self, inputs: &[&HostTensor], output: &[usize], _: &Sizes) -> Result<HostTensor, Mismatch> {
        let y = inputs[0].f32s().iter().map(|&x| self.apply(f64::from(x)) as f32).collect();
        Ok(HostTensor::filled(output, y))
    }

    fn host(&self, call: &mut Call<'_>) -> Result<(), Mismatch> {
        host::run(*self, call);
        Ok(())
    }

    fn gpu(&self, call: &crate::gpu::Call<'_>) -> Result<Vec<crate::gpu::Dispatch>, Mismatch> {
        gpu::run(*self, call)
    }

    fn formula(&self, formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
        Ok(self.apply_tensor(formula.terms[0].flat()))
    }

    fn backward(&self, step: &Step<'_>) -> Result<Gradients, Mismatch> {
        step.by_burn(self)
    }

    fn in_place(&self) -> Vec<usize> {
        vec![0]
    }
}

impl GraphBuilder {
    /// A non-linearity on its own. Any shape. Errors: an operand that is not f32.
    pub fn activation(
        &mut self,
        x: impl Into<Operand>,
        activation: Activation,
    ) -> Result<Value, ComputeError> {
        let x = self.operand(x)?;
        self.push(activation, vec![x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Activation::*;

    #[test]
    fn known_values() {
        // Python 3 `math`: erf, tanh and exp in f64, rounded to 10 digits.
        let cases: [(Activation, &[(f64, f64)]); 9] = [
            (None, &[(-1.5, -1.5), (2.0, 2.0)]),
            (GeluErf, &[(-1.0, -0.158_655_253_9), (0.0, 0.0), (0.5, 0.345_731_230_6), (3.0, 2.995_950_305_9)]),
            (GeluTanh, &[(-1.0, -0.158_808_009_4), (0.5, 0.345_714_011_5), (3.0, 2.996_362_608_1)]),
            (QuickGelu, &[(-1.0, -0.154_204_234_1), (0.5, 0.350_388_436_6), (3.0, 2.981_928_690_3)]),
            (Silu, &[(-1.0, -0.268_941_421_4), (0.5, 0.311_229_665_6), (-800.0, 0.0)]),
            (Relu, &[(-1.0, 0.0), (2.5, 2.5)]),
            (Relu6, &[(-1.0, 0.0), (2.5, 2.5), (7.0, 6.0)]),
            (HardSwish, &[(-4.0, 0.0), (-1.0, -1.0 / 3.0), (1.0, 2.0 / 3.0), (5.0, 5.0)]),
            (Sigmoid, &[(0.0, 0.5), (2.0, 0.880_797_078), (-800.0, 0.0)]),
        ];
        for (activation, points) in cases {
            for &(x, y) in points {
                let got = activation.apply(x);
                // The constants carry ten digits.
                assert!((got - y).abs() < 2e-9, "{activation:?}({x}) = {got}, expected {y}");
            }
        }
    }
}
