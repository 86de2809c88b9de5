// Q4_0 by rows: 16 bytes of nibbles of every block, then d (f16) of every block; filled up to 16 bytes.
// Low nibbles are elements 0 to 15, high ones 16 to 31. x = d (code - 8).
fn row_WEIGHT(row: u32) -> u32 {
    return row * ((params.weight_columns / 32u * 18u + 15u) / 16u);
}

fn half_WEIGHT(row: u32, i: u32) -> f32 {
    return unpack2x16float(WEIGHT[row + (i >> 3u)][(i >> 1u) & 3u])[i & 1u];
}

fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
    let codes = (pair_of(WEIGHT[row + block], part) >> vec2<u32>(4u * (part >> 1u))) & vec2<u32>(0x0f0f0f0fu);
    let d = half_WEIGHT(row, params.weight_columns / 4u + block);
    return Eight((unsigned_bytes(codes.x) - 8.0) * d, (unsigned_bytes(codes.y) - 8.0) * d);
}

// For integer dot products: unsigned codes, of which 8 is to be taken.
const ZERO_WEIGHT = 8;

fn codes_WEIGHT(row: u32, block: u32) -> Codes {
    let words = WEIGHT[row + block];
    return Codes(words & vec4<u32>(0x0f0f0f0fu), (words >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu));
}

// Scale of elements 0 to 15, of 16 to 31, and the offset.
fn scales_WEIGHT(row: u32, block: u32) -> vec3<f32> {
    let d = half_WEIGHT(row, params.weight_columns / 4u + block);
    return vec3<f32>(d, d, 0.0);
}
