//! The functions as their definitions write them, in f64.

use super::Activation;

pub(super) fn apply(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::None => x,
        Activation::GeluErf => 0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2)),
        Activation::GeluTanh => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
            0.5 * x * (1.0 + inner.tanh())
        }
        Activation::QuickGelu => x * sigmoid(1.702 * x),
        Activation::Silu => x * sigmoid(x),
        // Not `max`, which would turn NaN into 0.
        Activation::Relu => if x < 0.0 { 0.0 } else { x },
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::Sigmoid => sigmoid(x),
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The error function, since std has none: its Taylor series where that converges without cancellation,
/// the continued fraction of erfc beyond. Source: Abramowitz & Stegun 7.1.5 and 7.1.14; error below 1e-13.
fn erf(x: f64) -> f64 {
    let a = x.abs();
    let positive = match a {
        a if a < 2.5 => {
            let (mut term, mut sum) = (a, a);
            for n in 1..100 {
                let n = f64::from(n);
                term *= -a * a / n;
                sum += term / (2.0 * n + 1.0);
            }
            sum * 2.0 / std::f64::consts::PI.sqrt()
        }
        a if a < 7.0 => {
            // erfc(a) = e^(-a²)/√π · 1/(a + (1/2)/(a + (2/2)/(a + (3/2)/(a + …))))
            let mut fraction = a;
            for k in (1..200).rev() {
                fraction = a + f64::from(k) / 2.0 / fraction;
            }
            1.0 - (-a * a).exp() / (std::f64::consts::PI.sqrt() * fraction)
        }
        a if a.is_nan() => a,
        _ => 1.0, // erfc(7) < 1e-22
    };
    if x < 0.0 { -positive } else { positive }
}

#[cfg(test)]
mod tests {
    use super::erf;

    #[test]
    fn erf_is_exact_enough_to_judge_f32() {
        // Python 3 `math.erf`.
        for (x, y) in [
            (0.1, 0.112_462_916_018_284_89),
            (1.0, 0.842_700_792_949_714_9),
            (2.4, 0.999_311_486_103_355),
            (2.5, 0.999_593_047_982_555),
            (2.6, 0.999_763_965_583_470_7),
            (4.0, 0.999_999_984_582_742_1),
            (8.0, 1.0),
        ] {
            assert!((erf(x) - y).abs() < 1e-13, "{x}: {}", erf(x));
            assert!((erf(-x) + y).abs() < 1e-13);
        }
        assert!(erf(f64::NAN).is_nan());
    }
}
