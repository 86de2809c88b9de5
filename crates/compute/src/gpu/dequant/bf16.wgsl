// BF16: rows filled up with zeros to whole blocks of 32 numbers, 64 bytes each. `row`: position of the first.
fn row_WEIGHT(row: u32) -> u32 {
    return row * ((params.weight_columns + 31u) / 32u * 4u);
}

fn eight_WEIGHT(row: u32, block: u32, part: u32) -> Eight {
    let words = WEIGHT[row + 4u * block + part];
    let even = bitcast<vec4<f32>>(words << vec4<u32>(16u));
    let odd = bitcast<vec4<f32>>(words & vec4<u32>(0xffff0000u));
    return Eight(vec4<f32>(even.x, odd.x, even.y, odd.y), vec4<f32>(even.z, odd.z, even.w, odd.w));
}
