// IQ4_XS by rows: 128 bytes of nibbles of every block of 256, 16 for each sub-block of 32; then of every block d (f16), the
// upper two bits of eight scales and their lower four; filled up to 16 bytes. x = d (scale - 32) level(code).
fn row_WEIGHT(row: u32) -> u32 {
    return row * ((params.weight_columns / 256u * 136u + 15u) / 16u);
}

fn word_WEIGHT(row: u32, i: u32) -> u32 {
    return WEIGHT[row + (i >> 2u)][i & 3u];
}

fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
    let i = block & 7u;
    let codes = (pair_of(WEIGHT[row + block], part) >> vec2<u32>(4u * (part >> 1u))) & vec2<u32>(0x0f0f0f0fu);
    let head = params.weight_columns / 8u + 2u * (block >> 3u);
    let first = word_WEIGHT(row, head);
    let low = (word_WEIGHT(row, head + 1u) >> (4u * i)) & 15u;
    let high = (first >> (16u + 2u * i)) & 3u;
    let scale = unpack2x16float(first).x * f32(i32(low | (high << 4u)) - 32);
    return Eight(iq4_levels(codes.x) * scale, iq4_levels(codes.y) * scale);
}
