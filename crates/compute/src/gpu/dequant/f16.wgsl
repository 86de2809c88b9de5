// F16: rows filled up with zeros to whole blocks of 32 numbers, 64 bytes each. `row`: position of the first.
fn row_WEIGHT(row: u32) -> u32 {
    return row * ((params.weight_columns + 31u) / 32u * 4u);
}

fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
    let words = WEIGHT[row + 4u * block + part];
    return Eight(
        vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y)),
        vec4<f32>(unpack2x16float(words.z), unpack2x16float(words.w)),
    );
}
