struct RopeParams {
    first_group: u32,
    elements: u32,
    tokens: u32,
    heads: u32,
    head_dim: u32,
    rotary: u32,
    interleaved: u32,
}

@group(0) @binding(0) var<uniform> params: RopeParams;             // twin: RopeParams in gpu.rs
@group(0) @binding(1) var<storage, read> operand: array<f32>;            // (…, tokens, heads, head_dim)
@group(0) @binding(2) var<storage, read> positions: array<u32>;    // (axes, tokens)
@group(0) @binding(3) var<storage, read> turns: array<u32>;        // (rotary / 2, 3): axis; turns per position, a fraction of 64 bits: high, low
@group(0) @binding(4) var<storage, read_write> result: array<f32>;      // (…, tokens, heads, head_dim)

// High 32 bits of a product.
fn multiply_high(a: u32, b: u32) -> u32 {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let cross = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let other = (a & 0xffffu) * (b >> 16u) + (cross & 0xffffu);
    return (a >> 16u) * (b >> 16u) + (cross >> 16u) + (other >> 16u);
}

// Sine and cosine of a fraction of a turn, in 2^-32. The nearest quarter is taken out first, so that what is left is
// small and exact. Source of the polynomials: Cephes sinf, cosf.
fn sine_cosine(turn: u32) -> vec2<f32> {
    let quarter = (turn + 0x20000000u) >> 30u;
    let rest = f32(bitcast<i32>(turn - (quarter << 30u))) * 1.4629180792671596e-9; // 2 pi / 2^32
    let square = rest * rest;
    let s = rest + rest * square * (-1.6666654611e-1 + square * (8.3321608736e-3 - square * 1.9515295891e-4));
    let c = 1.0 - 0.5 * square
        + square * square * (4.166664568298827e-2 + square * (-1.388731625493765e-3 + square * 2.443315711809948e-5));
    switch quarter & 3u {
        case 1u: { return vec2<f32>(c, -s); }
        case 2u: { return vec2<f32>(-s, -c); }
        case 3u: { return vec2<f32>(-c, s); }
        default: { return vec2<f32>(s, c); }
    }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
    // Elements count (…, tokens, heads, places): a pair that turns, or a feature that passes.
    let i = group_index(group, groups) * THREADS + thread;
    if (i >= params.elements) {
        return;
    }
    let pairs = params.rotary / 2u;
    let places = params.head_dim - pairs;
    let place = i % places;
    let head = i / places;
    let first = head * params.head_dim;
    if (place >= pairs) {
        result[first + place + pairs] = operand[first + place + pairs];
        return;
    }
    let token = head / params.heads % params.tokens;
    let position = positions[turns[place * 3u] * params.tokens + token];
    let turn = position * turns[place * 3u + 1u] + multiply_high(position, turns[place * 3u + 2u]);
    let turned = sine_cosine(turn);
    var a = first + place;
    var b = a + pairs;
    if (params.interleaved != 0u) {
        a = first + 2u * place;
        b = a + 1u;
    }
    let u = operand[a];
    let v = operand[b];
    result[a] = u * turned.y - v * turned.x;
    result[b] = u * turned.x + v * turned.y;
}
