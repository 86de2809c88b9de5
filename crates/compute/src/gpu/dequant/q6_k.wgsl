// Q6_K by rows: 128 bytes of low nibbles of every block of 256, 64 bytes of high bits of every block, sixteen scales (i8)
// of every block, d (f16) of every block; filled up to 16 bytes. x = d scale (code - 32).
fn row_WEIGHT(row: u32) -> u32 {
    return row * ((params.weight_columns / 256u * 210u + 15u) / 16u);
}

fn scale_WEIGHT(row: u32, block: u32, sixteen: u32) -> f32 {
    let blocks = params.weight_columns / 256u;
    let at = block >> 3u;
    let i = 104u * blocks + at;
    let d = unpack2x16float(WEIGHT[row + (i >> 3u)][(i >> 1u) & 3u])[i & 1u];
    return d * f32(signed_byte_of(WEIGHT[row + 12u * blocks + at], 2u * (block & 7u) + sixteen));
}

// Scale of elements 0 to 15, of 16 to 31, and the offset.
fn scales_WEIGHT(row: u32, block: u32) -> vec3<f32> {
    return vec3<f32>(scale_WEIGHT(row, block, 0u), scale_WEIGHT(row, block, 1u), 0.0);
}

// Codes of sixteen elements.
fn sixteen_WEIGHT(row: u32, block: u32, sixteen: u32) -> vec4<u32> {
    let at = block >> 3u;
    let part = (block >> 2u) & 1u;
    let s = block & 3u;
    let low = WEIGHT[row + 8u * at + 4u * part + 2u * (s & 1u) + sixteen] >> vec4<u32>(4u * (s >> 1u));
    let high = WEIGHT[row + params.weight_columns / 32u + 4u * at + 2u * part + sixteen] >> vec4<u32>(2u * s);
    return (low & vec4<u32>(0x0f0f0f0fu)) | ((high & vec4<u32>(0x03030303u)) << vec4<u32>(4u));
}

fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
    let codes = pair_of(sixteen_WEIGHT(row, block, part >> 1u), part);
    let scale = scale_WEIGHT(row, block, part >> 1u);
    return Eight((unsigned_bytes(codes.x) - 32.0) * scale, (unsigned_bytes(codes.y) - 32.0) * scale);
}

// For integer dot products: unsigned codes, of which 32 is to be taken.
const ZERO_WEIGHT = 32;

fn codes_WEIGHT(row: u32, block: u32) -> Codes {
    return Codes(sixteen_WEIGHT(row, block, 0u), sixteen_WEIGHT(row, block, 1u));
}
