// e^x within 2 units in the last place; 0 below -104, infinite above 89. Twin of host/math.rs.
// Source of the polynomial: Cephes expf.
fn exp_f32(x: f32) -> f32 {
    let c = clamp(x, -104.0, 89.0);
    let n = round(c * 1.44269504);
    let r = (c - n * 0.693359375) - n * -2.12194440e-4;
    var p = 1.9875691500e-4;
    p = fma(p, r, 1.3981999507e-3);
    p = fma(p, r, 8.3334519073e-3);
    p = fma(p, r, 4.1665795894e-2);
    p = fma(p, r, 1.6666665459e-1);
    p = fma(p, r, 5.0000001201e-1);
    let y = fma(p * r, r, r) + 1.0;
    // Two factors, so that neither leaves the range of f32.
    let i = i32(n);
    let half = i >> 1u;
    return y * power_of_two(half) * power_of_two(i - half);
}

fn power_of_two(n: i32) -> f32 {
    return bitcast<f32>(u32(n + 127) << 23u);
}

// 1 / (1 + e^-x).
fn sigmoid_f32(x: f32) -> f32 {
    return 1.0 / (1.0 + exp_f32(-x));
}

// Some drivers' own tanh overflows for large numbers; near 0 the quotient would cancel.
fn tanh_f32(x: f32) -> f32 {
    let a = abs(x);
    if (a < 0.25) {
        // Taylor series; the term left out is below 1e-8 of x.
        let s = x * x;
        var p = fma(s, -0.00886323552990220, 0.0218694885361552);
        p = fma(p, s, -0.0539682539682540);
        p = fma(p, s, 0.133333333333333);
        p = fma(p, s, -0.333333333333333);
        return fma(p * s, x, x);
    }
    let t = 1.0 - 2.0 / (exp_f32(2.0 * a) + 1.0);
    return select(t, -t, x < 0.0);
}

// The error function within 6e-7. Twin of host/math.rs. Source: Eigen generic_fast_erf_float.
fn erf_f32(x: f32) -> f32 {
    let c = clamp(x, -4.0, 4.0);
    let s = c * c;
    var p = -2.72614225801306e-10;
    p = fma(p, s, 2.77068142495902e-08);
    p = fma(p, s, -2.10102402082508e-06);
    p = fma(p, s, -5.69250639462346e-05);
    p = fma(p, s, -7.34990630326855e-04);
    p = fma(p, s, -2.95459980854025e-03);
    p = fma(p, s, -1.60960333262415e-02);
    var q = -1.45660718464996e-05;
    q = fma(q, s, -2.13374055278905e-04);
    q = fma(q, s, -1.68282697438203e-03);
    q = fma(q, s, -7.37332916720468e-03);
    q = fma(q, s, -1.42647390514189e-02);
    return c * p / q;
}
