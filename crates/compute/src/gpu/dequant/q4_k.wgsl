// Q4_K as in the file: 144 bytes for 256 elements: d, dmin (f16) and twelve bytes of scales; 128 bytes of nibbles, of
// which 32 serve two sub-blocks of 32, low and high. x = d scale code - dmin min.
fn row_WEIGHT(row: u32) -> u32 {
    return row * (params.weight_columns / 256u * 9u);
}

// Scale of elements 0 to 15, of 16 to 31, and the offset.
fn scales_WEIGHT(row: u32, block: u32) -> vec3<f32> {
    let head = WEIGHT[row + (block >> 3u) * 9u];
    let scale = unpack2x16float(head.x) * vec2<f32>(six_bit_pair(head, block & 7u));
    return vec3<f32>(scale.x, scale.x, -scale.y);
}

fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
    let i = block & 7u;
    let words = WEIGHT[row + (block >> 3u) * 9u + 1u + 2u * (i >> 1u) + (part >> 1u)];
    let codes = (pair_of(words, part) >> vec2<u32>(4u * (i & 1u))) & vec2<u32>(0x0f0f0f0fu);
    let scales = scales_WEIGHT(row, block);
    return Eight(unsigned_bytes(codes.x) * scales.x + scales.z, unsigned_bytes(codes.y) * scales.x + scales.z);
}

// For integer dot products: unsigned codes, nothing to take from them.
const ZERO_WEIGHT = 0;

fn codes_WEIGHT(row: u32, block: u32) -> Codes {
    let i = block & 7u;
    let at = row + (block >> 3u) * 9u + 1u + 2u * (i >> 1u);
    let shift = vec4<u32>(4u * (i & 1u));
    return Codes((WEIGHT[at] >> shift) & vec4<u32>(0x0f0f0f0fu), (WEIGHT[at + 1u] >> shift) & vec4<u32>(0x0f0f0f0fu));
}
