// MXFP4 by rows: 16 bytes of nibbles of every block, then the E8M0 exponent of every block; filled up to 16 bytes.
// Low nibbles are elements 0 to 15, high ones 16 to 31. x = 2^(e - 127) number(code); 255 is no NaN, as in ggml.
fn row_WEIGHT(row: u32) -> u32 {
    return row * ((params.weight_columns / 32u * 17u + 15u) / 16u);
}

fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
    let codes = (pair_of(WEIGHT[row + block], part) >> vec2<u32>(4u * (part >> 1u))) & vec2<u32>(0x0f0f0f0fu);
    let i = params.weight_columns / 2u + block;
    let e = (WEIGHT[row + (i >> 4u)][(i >> 2u) & 3u] >> (8u * (i & 3u))) & 255u;
    // Numbers are doubled, so the scale is half. Below 2^-126 it would be subnormal, which devices may take for zero: four
    // times as much then, and a quarter of the numbers.
    let tiny = e < 2u;
    let scale = bitcast<f32>(select(e - 1u, e + 1u, tiny) << 23u);
    let factor = select(1.0, 0.25, tiny);
    return Eight(e2m1_doubled(codes.x) * factor * scale, e2m1_doubled(codes.y) * factor * scale);
}
