// The non-linearities of ops/activation; kind: activation_code in gpu/mod.rs.
fn activate(kind: u32, x: f32) -> f32 {
    // Compilers make maxima of comparisons, which would lose what is not a number.
    if ((bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u) {
        return x;
    }
    switch kind {
        case 1u: { return 0.5 * x * (1.0 + erf_f32(x * 0.70710678)); }                                  // gelu_erf
        case 2u: { return 0.5 * x * (1.0 + tanh_f32(0.79788456 * (x + 0.044715 * x * x * x))); }        // gelu_tanh
        case 3u: { return x * sigmoid_f32(1.702 * x); }                                                 // quick_gelu
        case 4u: { return x * sigmoid_f32(x); }                                                         // silu
        case 5u: { return select(x, 0.0, x < 0.0); }                                                    // relu
        case 6u: { return select(select(x, 0.0, x < 0.0), 6.0, x > 6.0); }                              // relu6
        case 7u: { return x * clamp(x + 3.0, 0.0, 6.0) / 6.0; }                                         // hard_swish
        case 8u: { return sigmoid_f32(x); }                                                             // sigmoid
        default: { return x; }
    }
}
