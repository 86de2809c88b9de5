// TABLE: what the formats share: eight restored elements, codes of 32, and bytes as numbers.

// Eight consecutive elements of a row.
struct Eight {
    low: vec4<f32>,
    high: vec4<f32>,
}

// Codes of 32 consecutive elements, four bytes to a word, the first in the low byte.
struct Codes {
    low: vec4<u32>,  // elements 0 to 15
    high: vec4<u32>, // elements 16 to 31
}

// Two of four words: the first two (part 0 or 2) or the last two (1 or 3).
fn pair_of(words: vec4<u32>, part: u32) -> vec2<u32> {
    return select(words.xy, words.zw, (part & 1u) == 1u);
}

fn unsigned_bytes(word: u32) -> vec4<f32> {
    return vec4<f32>(unpack4xU8(word));
}

fn signed_bytes(word: u32) -> vec4<f32> {
    return vec4<f32>(unpack4xI8(word));
}

// Four bits into the lowest bit of four bytes.
fn spread_bits(bits: u32) -> u32 {
    return ((bits & 15u) * 0x00204081u) & 0x01010101u;
}

// Byte `index` of four words, sign extended.
fn signed_byte_of(words: vec4<u32>, index: u32) -> i32 {
    let upper = select(words.xy, words.zw, index >= 8u);
    let word = select(upper.x, upper.y, (index & 4u) != 0u);
    return bitcast<i32>(word << (24u - 8u * (index & 3u))) >> 24u;
}

// Six-bit scale and minimum of sub-block i: `packed` holds the twelve bytes of Q4_K and Q5_K in y, z and w.
fn six_bit_pair(packed: vec4<u32>, i: u32) -> vec2<u32> {
    let shift = 8u * (i & 3u);
    let first = (packed.yz >> vec2<u32>(shift)) & vec2<u32>(255u);
    let low = packed.w >> shift;
    let later = vec2<u32>(low & 15u, (low >> 4u) & 15u) | ((first >> vec2<u32>(6u)) << vec2<u32>(4u));
    return select(first & vec2<u32>(63u), later, i >= 4u);
}

// Levels of IQ4_NL and IQ4_XS for four codes, one in each byte. Source: ggml's kvalues_iq4nl.
fn iq4_levels(codes: u32) -> vec4<f32> {
    // Levels 0 to 15 as bytes: -127 -104 -83 -65, -49 -35 -22 -10, 1 13 25 38, 53 69 89 113.
    let code = unpack4xU8(codes);
    let second = (code & vec4<u32>(4u)) != vec4<u32>(0u);
    let below = select(vec4<u32>(0xbfad9881u), vec4<u32>(0xf6eaddcfu), second);
    let above = select(vec4<u32>(0x26190d01u), vec4<u32>(0x71594535u), second);
    let levels = select(below, above, code >= vec4<u32>(8u));
    let shift = vec4<u32>(24u) - vec4<u32>(8u) * (code & vec4<u32>(3u));
    return vec4<f32>(bitcast<vec4<i32>>(levels << shift) >> vec4<u32>(24u));
}

// Doubled E2M1 numbers for four codes, one in each byte. Source: OCP Microscaling Formats 1.0.
fn e2m1_doubled(codes: u32) -> vec4<f32> {
    let code = unpack4xU8(codes);
    let exponent = (code >> vec4<u32>(1u)) & vec4<u32>(3u);
    let implied = select(vec4<u32>(2u), vec4<u32>(0u), exponent == vec4<u32>(0u));
    let magnitude = ((code & vec4<u32>(1u)) | implied) << (max(exponent, vec4<u32>(1u)) - vec4<u32>(1u));
    let negative = (code & vec4<u32>(8u)) != vec4<u32>(0u);
    return vec4<f32>(select(vec4<i32>(magnitude), -vec4<i32>(magnitude), negative));
}
