//! Each function on a tensor.

use burn::tensor::{Tensor, activation};

use super::Activation;

pub(super) fn run(op: Activation, x: Tensor<1>) -> Tensor<1> {
    match op {
        Activation::None => x,
        Activation::GeluErf => {
            let inner = x.clone() * std::f64::consts::FRAC_1_SQRT_2;
            x * (inner.erf() + 1.0) * 0.5
        }
        Activation::GeluTanh => {
            let cube = x.clone() * x.clone() * x.clone() * 0.044_715;
            let inner = (x.clone() + cube) * (2.0 / std::f64::consts::PI).sqrt();
            x * (inner.tanh() + 1.0) * 0.5
        }
        Activation::QuickGelu => x.clone() * activation::sigmoid(x * 1.702),
        Activation::Silu => x.clone() * activation::sigmoid(x),
        Activation::Relu => activation::relu(x),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::HardSwish => x.clone() * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::Sigmoid => activation::sigmoid(x),
    }
}
