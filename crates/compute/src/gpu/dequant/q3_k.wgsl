// Q3_K by rows: 64 bytes of low bits of every block of 256, 32 bytes of high bits of every block, twelve bytes with
// sixteen six-bit scales of every block, d (f16) of every block; filled up to 16 bytes. x = d (scale - 32) (code - 4).
fn row_WEIGHT(row: u32) -> u32 {
    return row * ((params.weight_columns / 256u * 110u + 15u) / 16u);
}

fn word_WEIGHT(row: u32, i: u32) -> u32 {
    return WEIGHT[row + (i >> 2u)][i & 3u];
}

// Scale of the sixteen elements j of block `at`: four low bits in bytes 0 to 7, two high bits in bytes 8 to 11.
fn scale_WEIGHT(row: u32, at: u32, j: u32) -> f32 {
    let blocks = params.weight_columns / 256u;
    let words = 24u * blocks + 3u * at;
    let low = word_WEIGHT(row, words + ((j >> 2u) & 1u)) >> (8u * (j & 3u) + 4u * (j >> 3u));
    let high = word_WEIGHT(row, words + 2u) >> (8u * (j & 3u) + 2u * (j >> 2u));
    let i = 54u * blocks + at;
    let d = unpack2x16float(word_WEIGHT(row, i >> 1u))[i & 1u];
    return d * f32(i32((low & 15u) | ((high & 3u) << 4u)) - 32);
}

fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
    let blocks = params.weight_columns / 256u;
    let at = block >> 3u;
    let i = block & 7u;
    let low_bits = pair_of(WEIGHT[row + 4u * at + 2u * (i >> 2u) + (part >> 1u)], part) >> vec2<u32>(2u * (i & 3u));
    let high_bits = pair_of(WEIGHT[row + 4u * blocks + 2u * at + (part >> 1u)], part) >> vec2<u32>(i);
    let codes = (low_bits & vec2<u32>(0x03030303u)) | ((high_bits & vec2<u32>(0x01010101u)) << vec2<u32>(2u));
    let scale = scale_WEIGHT(row, at, 2u * i + (part >> 1u));
    return Eight((unsigned_bytes(codes.x) - 4.0) * scale, (unsigned_bytes(codes.y) - 4.0) * scale);
}
