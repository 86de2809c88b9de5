// IQ4_NL by rows: 16 bytes of nibbles of every block, then d (f16) of every block; filled up to 16 bytes.
// Low nibbles are elements 0 to 15, high ones 16 to 31. x = d level(code).
fn row_WEIGHT(row: u32) -> u32 {
    return row * ((params.weight_columns / 32u * 18u + 15u) / 16u);
}

fn half_WEIGHT(row: u32, i: u32) -> f32 {
    return unpack2x16float(WEIGHT[row + (i >> 3u)][(i >> 1u) & 3u])[i & 1u];
}

fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
    let codes = (pair_of(WEIGHT[row + block], part) >> vec2<u32>(4u * (part >> 1u))) & vec2<u32>(0x0f0f0f0fu);
    let d = half_WEIGHT(row, params.weight_columns / 4u + block);
    return Eight(iq4_levels(codes.x) * d, iq4_levels(codes.y) * d);
}
