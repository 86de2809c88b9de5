//! Element by element, in vector code.

use super::Activation;
use crate::host::call::Call;
use crate::host::math::{erf, exp, sigmoid};
use crate::host::rows::each_row;
use crate::host::vector::Loop;

/// Elements of one task.
const CHUNK: usize = 1024;

pub(super) fn run(op: Activation, call: &mut Call<'_>) {
    call.begin_with(0);
    each_row(call.out, CHUNK, |_, chunk| op.apply_host(chunk));
}

/// The function over a slice.
pub(super) struct Whole<'x>(pub(super) Activation, pub(super) &'x mut [f32]);

impl Loop for Whole<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        apply(self.0, self.1);
    }
}

/// The same as a part of another loop.
#[inline(always)]
pub(super) fn apply(op: Activation, x: &mut [f32]) {
    match op {
        Activation::None => {}
        Activation::GeluErf => each(x, |x| 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))),
        // 1 + tanh(u) = 2 sigmoid(2u)
        Activation::GeluTanh => each(x, |x| {
            x * sigmoid(2.0 * 0.797_884_6 * (x + 0.044_715 * x * x * x)) // √(2/π)
        }),
        Activation::QuickGelu => each(x, |x| x * sigmoid(1.702 * x)),
        Activation::Silu => each(x, |x| x / (1.0 + exp(-x))),
        // Not `max`, which would turn NaN into 0.
        Activation::Relu => each(x, |x| if x < 0.0 { 0.0 } else { x }),
        Activation::Relu6 => each(x, |x| x.clamp(0.0, 6.0)),
        Activation::HardSwish => each(x, |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0),
        Activation::Sigmoid => each(x, sigmoid),
    }
}

#[inline(always)]
fn each(x: &mut [f32], f: impl Fn(f32) -> f32) {
    x.iter_mut().for_each(|x| *x = f(*x));
}
