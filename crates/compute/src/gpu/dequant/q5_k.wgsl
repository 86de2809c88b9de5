// Q5_K as in the file: 176 bytes for 256 elements: d, dmin (f16) and twelve bytes of scales; 32 bytes of fifth bits, of
// which bit i belongs to sub-block i; 128 bytes of nibbles, of which 32 serve two sub-blocks of 32, low and high.
// x = d scale code - dmin min.
fn row_WEIGHT(row: u32) -> u32 {
    return row * (params.weight_columns / 256u * 11u);
}

// Scale of elements 0 to 15, of 16 to 31, and the offset.
fn scales_WEIGHT(row: u32, block: u32) -> vec3<f32> {
    let head = WEIGHT[row + (block >> 3u) * 11u];
    let scale = unpack2x16float(head.x) * vec2<f32>(six_bit_pair(head, block & 7u));
    return vec3<f32>(scale.x, scale.x, -scale.y);
}

fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
    let i = block & 7u;
    let start = row + (block >> 3u) * 11u + (part >> 1u);
    let nibbles = (pair_of(WEIGHT[start + 3u + 2u * (i >> 1u)], part) >> vec2<u32>(4u * (i & 1u))) & vec2<u32>(0x0f0f0f0fu);
    let fifth = (pair_of(WEIGHT[start + 1u], part) >> vec2<u32>(i)) & vec2<u32>(0x01010101u);
    let codes = nibbles | (fifth << vec2<u32>(4u));
    let scales = scales_WEIGHT(row, block);
    return Eight(unsigned_bytes(codes.x) * scales.x + scales.z, unsigned_bytes(codes.y) * scales.x + scales.z);
}

// For integer dot products: unsigned codes, nothing to take from them.
const ZERO_WEIGHT = 0;

fn half_codes_WEIGHT(start: u32, i: u32) -> vec4<u32> {
    let nibbles = (WEIGHT[start + 3u + 2u * (i >> 1u)] >> vec4<u32>(4u * (i & 1u))) & vec4<u32>(0x0f0f0f0fu);
    let fifth = (WEIGHT[start + 1u] >> vec4<u32>(i)) & vec4<u32>(0x01010101u);
    return nibbles | (fifth << vec4<u32>(4u));
}

fn codes_WEIGHT(row: u32, block: u32) -> Codes {
    let start = row + (block >> 3u) * 11u;
    return Codes(half_codes_WEIGHT(start, block & 7u), half_codes_WEIGHT(start + 1u, block & 7u));
}
