// Sum of the products of sixteen codes.
fn dot_sixteen(a: vec4<u32>, b: vec4<u32>) -> i32 {
    return dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y) + dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w);
}

// Sums of the first and of the last sixteen codes.
fn sums_of(factors: vec2<u32>) -> vec2<i32> {
    return bitcast<vec2<i32>>(vec2<u32>(factors.y << 16u, factors.y)) >> vec2<u32>(16u);
}

// One block of x times one of the weight, as the host defines `fast` (linear/host/dot): exact integers, then f32.
fn block_product(x: Codes, factors: vec2<u32>, w: Codes, scales: vec3<f32>) -> f32 {
    let sums = sums_of(factors);
    let x_scale = bitcast<f32>(factors.x);
//# if SIXTEENS
    let first = dot_sixteen(w.low, x.low) - ZERO_weight * sums.x;
    let last = dot_sixteen(w.high, x.high) - ZERO_weight * sums.y;
    return f32(first) * (scales.x * x_scale) + f32(last) * (scales.y * x_scale);
//# else
    let dot = dot_sixteen(w.low, x.low) + dot_sixteen(w.high, x.high) - ZERO_weight * (sums.x + sums.y);
//# if AFFINE
    return f32(dot) * (scales.x * x_scale) + scales.z * (x_scale * f32(sums.x + sums.y));
//# else
    return f32(dot) * (scales.x * x_scale);
//# end
//# end
}
