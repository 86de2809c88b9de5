// Activations as `fast` sees them: 32 int8 codes, the scale (largest / 127) and the sums of sixteen. Twin: quantize_block
// in linear/host/activations.rs.
struct QuantizeParams {
    first_group: u32,
    blocks: u32, // of all rows together
}

@group(0) @binding(0) var<uniform> params: QuantizeParams;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;               // (blocks, 8)
@group(0) @binding(2) var<storage, read_write> x_codes: array<vec4<u32>>;   // (blocks, 2)
@group(0) @binding(3) var<storage, read_write> x_factors: array<vec2<u32>>; // (blocks)

// Least magnitude that is not taken for zero: 2^-100, as bits.
const SMALLEST = 0x0d800000u;
const INFINITE = 0x7f800000u;
const NOT_A_NUMBER = 0x7fc00000u;

fn largest_bits(v: vec4<f32>) -> u32 {
    let bits = bitcast<vec4<u32>>(v) & vec4<u32>(0x7fffffffu);
    return max(max(bits.x, bits.y), max(bits.z, bits.w));
}

// Four codes as a word; ties go to the even one.
fn codes_of(v: vec4<f32>, inverse: f32) -> u32 {
    let codes = bitcast<vec4<u32>>(vec4<i32>(round(v * inverse))) & vec4<u32>(255u);
    return codes.x | (codes.y << 8u) | (codes.z << 16u) | (codes.w << 24u);
}

fn sum_of(codes: vec4<u32>) -> i32 {
    let ones = 0x01010101u;
    return dot4I8Packed(codes.x, ones) + dot4I8Packed(codes.y, ones) + dot4I8Packed(codes.z, ones) + dot4I8Packed(codes.w, ones);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let block = group_index(group, groups) * 64u + lane;
    if (block >= params.blocks) {
        return;
    }
//# for i in 8
    let v_$i = x[8u * block + $iu];
//# next
    let top = max(
        max(max(largest_bits(v_0), largest_bits(v_1)), max(largest_bits(v_2), largest_bits(v_3))),
        max(max(largest_bits(v_4), largest_bits(v_5)), max(largest_bits(v_6), largest_bits(v_7))),
    );
    // As bits, NaN is larger than all numbers. Its block becomes zeros with a scale that is not a number.
    if (top >= INFINITE || top < SMALLEST) {
        x_codes[2u * block] = vec4<u32>();
        x_codes[2u * block + 1u] = vec4<u32>();
        x_factors[block] = vec2<u32>(select(0u, NOT_A_NUMBER, top >= INFINITE), 0u);
        return;
    }
    let largest = bitcast<f32>(top);
    let inverse = 127.0 / largest;
    let low = vec4<u32>(codes_of(v_0, inverse), codes_of(v_1, inverse), codes_of(v_2, inverse), codes_of(v_3, inverse));
    let high = vec4<u32>(codes_of(v_4, inverse), codes_of(v_5, inverse), codes_of(v_6, inverse), codes_of(v_7, inverse));
    x_codes[2u * block] = low;
    x_codes[2u * block + 1u] = high;
    let sums = (bitcast<u32>(sum_of(low)) & 0xffffu) | (bitcast<u32>(sum_of(high)) << 16u);
    x_factors[block] = vec2<u32>(bitcast<u32>(largest / 127.0), sums);
}
