// F32: rows of params.weight_columns numbers, one after another. `row`: position of the first.
fn row_WEIGHT(row: u32) -> u32 {
    return row * params.weight_columns;
}

fn number_WEIGHT(i: u32) -> f32 {
    return bitcast<f32>(WEIGHT[i >> 2u][i & 3u]);
}

// Elements 32 block + 8 part and on; 0 beyond the row.
fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
//# if WHOLE
    let at = (row >> 2u) + 8u * block + 2u * part;
    return Eight(bitcast<vec4<f32>>(WEIGHT[at]), bitcast<vec4<f32>>(WEIGHT[at + 1u]));
//# else
    let first = 32u * block + 8u * part;
    var eight: Eight;
    for (var i = 0u; i < 4u; i++) {
        if (first + i < params.weight_columns) { eight.low[i] = number_WEIGHT(row + first + i); }
        if (first + i + 4u < params.weight_columns) { eight.high[i] = number_WEIGHT(row + first + i + 4u); }
    }
    return eight;
//# end
}
