// New rows into a KV cache, one word of it to a thread; layout: Cache in gpu/dispatch.rs.
struct CacheAppendParams {
    first_group: u32,
    words: u32,        // threads
    start: u32,        // first element written
    end: u32,          // past the last one
    scales: u32,       // q8_0: first word of the scales
}

@group(0) @binding(0) var<uniform> params: CacheAppendParams;          // twin: CacheAppendParams in gpu.rs
@group(0) @binding(1) var<storage, read_write> cache: array<u32>;      // (capacity, kv_heads, head_dim)
@group(0) @binding(2) var<storage, read> x: array<f32>;                // (n, kv_heads, head_dim)
@group(0) @binding(3) var<storage, read_write> status: array<atomic<u32>, 1>; // 1: a number that cannot be kept

fn is_finite(value: f32) -> bool {
    return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

// The nearest f16, the even one of two, as its bits: drivers' own conversions may cut instead. Beyond f16: infinity.
fn half_bits(value: f32) -> u32 {
    let bits = bitcast<u32>(value);
    let sign = (bits >> 16u) & 0x8000u;
    let magnitude = bits & 0x7fffffffu;
    if (magnitude >= 0x477ff000u) {
        return sign | 0x7c00u;
    }
    if (magnitude < 0x33000000u) {
        return sign;
    }
    var kept: u32;
    var lost: u32;
    var unit: u32;
    if (magnitude < 0x38800000u) {
        // Below 2^-14 the exponent stays and digits fall away.
        let shift = 126u - (magnitude >> 23u);
        let digits = (magnitude & 0x7fffffu) | 0x800000u;
        kept = digits >> shift;
        unit = 1u << shift;
        lost = digits & (unit - 1u);
    } else {
        kept = (magnitude - 0x38000000u) >> 13u;
        unit = 0x2000u;
        lost = magnitude & 0x1fffu;
    }
    let half = unit >> 1u;
    if (lost > half || (lost == half && (kept & 1u) == 1u)) {
        kept += 1u;
    }
    return sign | kept;
}

//# if KV_F16
// One half of a word: new where it is written, else as it was.
fn kept_half(element: u32, old: u32) -> u32 {
    if (element < params.start || element >= params.end) {
        return old;
    }
    let bits = half_bits(x[element - params.start]);
    if ((bits & 0x7c00u) == 0x7c00u) {
        atomicMax(&status[0], 1u);
    }
    return bits;
}
//# end
//# if KV_Q8_0
// One block of 32: its codes are written here, its scale is returned. Source: ggml quantize_row_q8_0_ref.
fn kept_block(block: u32, old: u32) -> u32 {
    let first = block * 32u;
    if (first < params.start || first >= params.end) {
        return old;
    }
    let begin = first - params.start;
    var largest = 0.0;
    for (var j = 0u; j < 32u; j++) {
        let value = x[begin + j];
        if (!is_finite(value)) {
            atomicMax(&status[0], 1u);
        }
        largest = max(largest, abs(value));
    }
    let scale = largest / 127.0;
    var inverse = 0.0;
    if (scale > 0.0) {
        inverse = 1.0 / scale;
    }
    for (var word = 0u; word < 8u; word++) {
        var codes = 0u;
        for (var j = 0u; j < 4u; j++) {
            let value = x[begin + word * 4u + j] * inverse;
            // Halves away from zero.
            let code = i32(sign(value) * floor(abs(value) + 0.5));
            codes |= (bitcast<u32>(clamp(code, -127, 127)) & 0xffu) << (8u * j);
        }
        cache[block * 8u + word] = codes;
    }
    let bits = half_bits(scale);
    if ((bits & 0x7c00u) == 0x7c00u) {
        atomicMax(&status[0], 1u);
    }
    return bits;
}
//# end

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
    let i = group_index(group, groups) * THREADS + thread;
    if (i >= params.words) {
        return;
    }
//# if KV_F32
    let value = x[i];
    if (!is_finite(value)) {
        atomicMax(&status[0], 1u);
    }
    cache[params.start + i] = bitcast<u32>(value);
//# end
//# if KV_F16
    let word = params.start / 2u + i;
    let old = cache[word];
    let low = kept_half(word * 2u, old & 0xffffu);
    let high = kept_half(word * 2u + 1u, old >> 16u);
    cache[word] = low | (high << 16u);
//# end
//# if KV_Q8_0
    // Two blocks share a word of scales.
    let pair = params.start / 64u + i;
    let old = cache[params.scales + pair];
    let low = kept_block(pair * 2u, old & 0xffffu);
    let high = kept_block(pair * 2u + 1u, old >> 16u);
    cache[params.scales + pair] = low | (high << 16u);
//# end
}
