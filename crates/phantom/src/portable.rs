//! Elementary functions made of `+ - * /` and `sqrt` only.
//!
//! IEEE 754 fixes those operations to the bit and Rust neither reorders nor fuses them, so the results are the
//! same on every machine. The functions of `std` (`sin`, `exp`, `ln`, `powf`) come from the platform's library
//! and are not. Each is a textbook series after range reduction; the tests hold them against `std`.

use std::f64::consts::{FRAC_PI_2, LN_2, LOG2_10, LOG2_E, PI, TAU};

/// 1/n! for n from 0 to 13.
const INVERSE_FACTORIALS: [f64; 14] = {
    let mut table = [1.0; 14];
    let mut n = 1;
    while n < 14 {
        table[n] = table[n - 1] / n as f64;
        n += 1;
    }
    table
};

/// (-1)^n / (2n + 1)! for n from 0 to 9.
const SINE: [f64; 10] = {
    let mut table = [1.0; 10];
    let mut n = 1;
    while n < 10 {
        table[n] = -table[n - 1] / ((2 * n) as f64 * (2 * n + 1) as f64);
        n += 1;
    }
    table
};

/// 2 to the power `x`; `x` outside -1000…1000 is held at those ends. Relative error below 1e-13.
pub(crate) fn exp2(x: f64) -> f64 {
    let x = x.clamp(-1000.0, 1000.0);
    let whole = (x + 0.5).floor();
    let t = (x - whole) * LN_2; // |t| <= ln(2) / 2
    let sum = INVERSE_FACTORIALS.iter().rev().fold(0.0, |sum, c| sum * t + c);
    sum * f64::from_bits(((whole as i64 + 1023) as u64) << 52)
}

/// e to the power `x`.
pub(crate) fn exp(x: f64) -> f64 {
    exp2(x * LOG2_E)
}

/// Decibels to an amplitude ratio: 20 dB are a factor 10.
pub(crate) fn amplitude(db: f64) -> f64 {
    exp2(db * (LOG2_10 / 20.0))
}

/// Base-2 logarithm of a positive normal `x`, error below 1e-6; one loop of it vectorises.
#[inline]
pub(crate) fn log2(x: f32) -> f32 {
    // Bits of sqrt(1/2): the mantissa then lies in sqrt(1/2)…sqrt(2).
    let shifted = x.to_bits().wrapping_sub(0x3f35_04f3);
    let exponent = (shifted as i32) >> 23;
    let mantissa = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(0x3f35_04f3));
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let s2 = s * s;
    // log2(m) = 2/ln(2) * atanh(s)
    let series = 1.0 + s2 * (1.0 / 3.0 + s2 * (0.2 + s2 * (1.0 / 7.0 + s2 / 9.0)));
    exponent as f32 + std::f32::consts::LOG2_E * 2.0 * s * series
}

/// Sine of `x` radians.
pub(crate) fn sin(x: f64) -> f64 {
    let mut t = x - (x / TAU + 0.5).floor() * TAU; // -pi…pi
    if t > FRAC_PI_2 {
        t = PI - t;
    } else if t < -FRAC_PI_2 {
        t = -PI - t;
    }
    let t2 = t * t;
    // t - t^3/3! + t^5/5! …, up to t^19.
    let sum = SINE.iter().rev().fold(0.0, |sum, c| sum * t2 + c);
    t * sum
}

/// Cosine of `x` radians.
pub(crate) fn cos(x: f64) -> f64 {
    sin(x + FRAC_PI_2)
}

/// Arc tangent of `t`, radians. Error below 1e-10.
pub(crate) fn atan(t: f64) -> f64 {
    let a = t.abs();
    let (a, inverse) = if a > 1.0 { (1.0 / a, true) } else { (a, false) };
    // tan(pi/12): above it, atan(a) = pi/6 + atan((a sqrt(3) - 1) / (sqrt(3) + a))
    let root = 1.732_050_807_568_877_2;
    let (u, base) =
        if a > 0.267_949_192_431_122_7 { ((a * root - 1.0) / (root + a), PI / 6.0) } else { (a, 0.0) };
    let u2 = u * u;
    let mut sum = 0.0;
    for n in (0..=8).rev() {
        sum = 1.0 / f64::from(2 * n + 1) - u2 * sum;
    }
    let angle = base + u * sum;
    let angle = if inverse { FRAC_PI_2 - angle } else { angle };
    if t < 0.0 { -angle } else { angle }
}

/// Degrees to radians.
pub(crate) fn radians(degrees: f64) -> f64 {
    degrees * (PI / 180.0)
}

/// 0 at or below `low`, 1 at or above `high`, smooth between (3 t² - 2 t³).
pub(crate) fn smooth_step(low: f64, high: f64, x: f64) -> f64 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_agree_with_the_platform() {
        for n in -4000..4000 {
            let x = f64::from(n) * 0.0137;
            assert!((sin(x) - x.sin()).abs() < 1e-12, "sin {x}");
            assert!((cos(x) - x.cos()).abs() < 1e-12, "cos {x}");
            assert!((atan(x) - x.atan()).abs() < 1e-10, "atan {x}");
            assert!((exp2(x) / x.exp2() - 1.0).abs() < 1e-12, "exp2 {x}");
            assert!((exp(x * 0.1) / (x * 0.1).exp() - 1.0).abs() < 1e-12, "exp {x}");
            let y = (x * 0.5).exp2() as f32;
            assert!((log2(y) - y.log2()).abs() < 4e-6, "log2 {y}: {} {}", log2(y), y.log2());
        }
        assert!((amplitude(20.0) - 10.0).abs() < 1e-12);
        assert_eq!(exp2(f64::MAX), exp2(1000.0));
    }
}
