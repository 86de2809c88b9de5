// Q4_1 by rows: 16 bytes of nibbles of every block, then d and m (f16) of every block; filled up to 16 bytes.
// Low nibbles are elements 0 to 15, high ones 16 to 31. x = d code + m.
fn row_WEIGHT(row: u32) -> u32 {
    return row * ((params.weight_columns / 32u * 20u + 15u) / 16u);
}

// d and m.
fn halves_WEIGHT(row: u32, block: u32) -> vec2<f32> {
    let i = params.weight_columns / 8u + block;
    return unpack2x16float(WEIGHT[row + (i >> 2u)][i & 3u]);
}

fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
    let codes = (pair_of(WEIGHT[row + block], part) >> vec2<u32>(4u * (part >> 1u))) & vec2<u32>(0x0f0f0f0fu);
    let dm = halves_WEIGHT(row, block);
    return Eight(unsigned_bytes(codes.x) * dm.x + dm.y, unsigned_bytes(codes.y) * dm.x + dm.y);
}

// For integer dot products: unsigned codes, nothing to take from them.
const ZERO_WEIGHT = 0;

fn codes_WEIGHT(row: u32, block: u32) -> Codes {
    let words = WEIGHT[row + block];
    return Codes(words & vec4<u32>(0x0f0f0f0fu), (words >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu));
}

// Scale of elements 0 to 15, of 16 to 31, and the offset.
fn scales_WEIGHT(row: u32, block: u32) -> vec3<f32> {
    let dm = halves_WEIGHT(row, block);
    return vec3<f32>(dm.x, dm.x, dm.y);
}
