// Q2_K by rows: 64 bytes of codes of every block of 256, sixteen bytes of scale and minimum nibbles of every block, d and
// dmin (f16) of every block; filled up to 16 bytes. x = d scale code - dmin min.
fn row_WEIGHT(row: u32) -> u32 {
    return row * ((params.weight_columns / 256u * 84u + 15u) / 16u);
}

fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
    let blocks = params.weight_columns / 256u;
    let at = block >> 3u;
    let i = block & 7u;
    let words = WEIGHT[row + 4u * at + 2u * (i >> 2u) + (part >> 1u)];
    let codes = (pair_of(words, part) >> vec2<u32>(2u * (i & 3u))) & vec2<u32>(0x03030303u);
    let nibbles = u32(signed_byte_of(WEIGHT[row + 4u * blocks + at], 2u * i + (part >> 1u)));
    let dd = 20u * blocks + at;
    let factors = unpack2x16float(WEIGHT[row + (dd >> 2u)][dd & 3u]);
    let scale = factors * vec2<f32>(vec2<u32>(nibbles & 15u, (nibbles >> 4u) & 15u));
    return Eight(unsigned_bytes(codes.x) * scale.x - scale.y, unsigned_bytes(codes.y) * scale.x - scale.y);
}
