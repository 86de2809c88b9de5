// Q5_0 by rows: 16 bytes of nibbles of every block, 32 fifth bits of every block, d (f16) of every block; filled
// up to 16 bytes. Low nibbles are elements 0 to 15, high ones 16 to 31. x = d (code - 16).
fn row_WEIGHT(row: u32) -> u32 {
    return row * ((params.weight_columns / 32u * 22u + 15u) / 16u);
}

fn half_WEIGHT(row: u32, i: u32) -> f32 {
    return unpack2x16float(WEIGHT[row + (i >> 3u)][(i >> 1u) & 3u])[i & 1u];
}

fn word_WEIGHT(row: u32, i: u32) -> u32 {
    return WEIGHT[row + (i >> 2u)][i & 3u];
}

fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
    let nibbles = (pair_of(WEIGHT[row + block], part) >> vec2<u32>(4u * (part >> 1u))) & vec2<u32>(0x0f0f0f0fu);
    let fifth = word_WEIGHT(row, params.weight_columns / 8u + block) >> (8u * part);
    let d = half_WEIGHT(row, params.weight_columns / 16u * 5u + block);
    let low = nibbles.x | (spread_bits(fifth) << 4u);
    let high = nibbles.y | (spread_bits(fifth >> 4u) << 4u);
    return Eight((unsigned_bytes(low) - 16.0) * d, (unsigned_bytes(high) - 16.0) * d);
}

// For integer dot products: unsigned codes, of which 16 is to be taken.
const ZERO_WEIGHT = 16;

fn codes_WEIGHT(row: u32, block: u32) -> Codes {
    let words = WEIGHT[row + block];
    let fifth = word_WEIGHT(row, params.weight_columns / 8u + block);
    let first = vec4<u32>(spread_bits(fifth), spread_bits(fifth >> 4u), spread_bits(fifth >> 8u), spread_bits(fifth >> 12u));
    let last = vec4<u32>(spread_bits(fifth >> 16u), spread_bits(fifth >> 20u), spread_bits(fifth >> 24u), spread_bits(fifth >> 28u));
    let nibbles = vec4<u32>(0x0f0f0f0fu);
    return Codes(
        (words & nibbles) | (first << vec4<u32>(4u)),
        ((words >> vec4<u32>(4u)) & nibbles) | (last << vec4<u32>(4u)),
    );
}

// Scale of elements 0 to 15, of 16 to 31, and the offset.
fn scales_WEIGHT(row: u32, block: u32) -> vec3<f32> {
    let d = half_WEIGHT(row, params.weight_columns / 16u * 5u + block);
    return vec3<f32>(d, d, 0.0);
}
