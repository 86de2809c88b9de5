// Q8_0 by rows: 32 signed bytes of every block, then d (f16) of every block; filled up to 16 bytes. x = d code.
fn row_WEIGHT(row: u32) -> u32 {
    return row * ((params.weight_columns / 32u * 34u + 15u) / 16u);
}

fn half_WEIGHT(row: u32, i: u32) -> f32 {
    return unpack2x16float(WEIGHT[row + (i >> 3u)][(i >> 1u) & 3u])[i & 1u];
}

fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
    let codes = pair_of(WEIGHT[row + 2u * block + (part >> 1u)], part);
    let d = half_WEIGHT(row, params.weight_columns / 2u + block);
    return Eight(signed_bytes(codes.x) * d, signed_bytes(codes.y) * d);
}

// For integer dot products: signed codes, nothing to take from them.
const ZERO_WEIGHT = 0;

fn codes_WEIGHT(row: u32, block: u32) -> Codes {
    return Codes(WEIGHT[row + 2u * block], WEIGHT[row + 2u * block + 1u]);
}

// Scale of elements 0 to 15, of 16 to 31, and the offset.
fn scales_WEIGHT(row: u32, block: u32) -> vec3<f32> {
    let d = half_WEIGHT(row, params.weight_columns / 2u + block);
    return vec3<f32>(d, d, 0.0);
}
