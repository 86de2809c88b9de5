//! Functions of one f32, written so that the compiler makes vector code of loops over them.
//! Errors are stated against f64 and tested below.

/// e^x within 2 units in the last place; 0 below -104, infinite above 89.
/// Source of the polynomial: Cephes `expf`.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding 1.5 · 2^23 rounds to an integer, which then lies in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-104.0, 89.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let mut p = 1.987_569_2e-4;
    p = p * r + 1.398_2e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 5e-1;
    let y = p * r * r + r + 1.0;
    // Two factors, so that neither leaves the range of f32.
    // Wrapping, since a check for overflow would keep the loop from becoming vector code.
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = n >> 1;
    y * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) << 23) as u32)
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The error function within 6e-7. Source of the rational function: Eigen `generic_fast_erf_float`.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let s = x * x;
    let mut p = -2.726_142_3e-10;
    p = p * s + 2.770_681_4e-8;
    p = p * s - 2.101_024e-6;
    p = p * s - 5.692_506_4e-5;
    p = p * s - 7.349_906e-4;
    p = p * s - 2.954_6e-3;
    p = p * s - 1.609_603_3e-2;
    let mut q = -1.456_607_2e-5;
    q = q * s - 2.133_740_6e-4;
    q = q * s - 1.682_827e-3;
    q = q * s - 7.373_329e-3;
    q = q * s - 1.426_473_9e-2;
    x * p / q
}

/// Lanes of a sum or maximum: eight chains hide the latency of one step.
const LANES: usize = 8;

/// The largest number, NaN left out; -∞ of none.
#[inline(always)]
pub(crate) fn largest(x: &[f32]) -> f32 {
    let greater = |m: f32, v: f32| if v > m { v } else { m };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = x.chunks_exact(LANES);
    let rest = chunks.remainder().iter().fold(f32::NEG_INFINITY, |m, &v| greater(m, v));
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &v)| *lane = greater(*lane, v));
    }
    lanes.iter().fold(rest, |m, &v| greater(m, v))
}

/// Σ f(x) in f64.
#[inline(always)]
pub(crate) fn sum(x: &[f32], f: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0f64; LANES];
    let chunks = x.chunks_exact(LANES);
    let rest: f64 = chunks.remainder().iter().map(|&v| f(f64::from(v))).sum();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &v)| *lane += f(f64::from(v)));
    }
    lanes.iter().sum::<f64>() + rest
}

/// Σ a b in f32.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        lanes.iter_mut().zip(a.iter().zip(b)).for_each(|(lane, (a, b))| *lane += a * b);
    }
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Activation;

    #[test]
    fn functions_keep_their_stated_errors() {
        for i in -1_000_000..1_000_000 {
            let x = i as f32 * 1e-4;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            // 2^-22 is two units in the last place; below 2^-126 numbers have fewer digits.
            assert!(error < 2.4e-7 || exact > f32::MAX.into() || exact < 1.2e-38, "exp {x}: {error}");
        }
        assert!(
            exp(f32::NEG_INFINITY) == 0.0 && exp(f32::INFINITY) == f32::INFINITY && exp(f32::NAN).is_nan()
        );
        assert!(exp(0.0) == 1.0);
        for i in -60_000..60_000 {
            let x = i as f32 * 1e-4;
            // erf from the reference's gelu: 2 gelu(√2 x) / (√2 x) - 1.
            let wide = f64::from(x) * std::f64::consts::SQRT_2;
            let exact = if i == 0 { 0.0 } else { 2.0 * Activation::GeluErf.apply(wide) / wide - 1.0 };
            assert!((f64::from(erf(x)) - exact).abs() < 6e-7, "erf {x}");
        }
    }

    #[test]
    fn sums_and_maxima_take_every_element() {
        for n in 0..40u8 {
            let x: Vec<f32> = (0..n).map(f32::from).collect();
            let squares: f64 = x.iter().map(|&v| f64::from(v * v)).sum();
            assert_eq!(sum(&x, |v| v * v), squares);
            assert_eq!(f64::from(dot(&x, &x)), squares);
            let mut turned: Vec<f32> = x.iter().map(|v| (v * 7.0) % 40.0 - 50.0).collect();
            let expected = turned.iter().fold(f32::NEG_INFINITY, |m, &v| m.max(v));
            turned.push(f32::NAN);
            assert!(largest(&turned) == expected);
        }
    }
}
