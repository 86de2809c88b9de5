
// Element i, counted along the rows.
fn dequant_WEIGHT(i: u32) -> f32 {
    let column = i % params.weight_columns;
    let eight = eight_WEIGHT(row_WEIGHT(i / params.weight_columns), column >> 5u, (column >> 3u) & 3u);
    return select(eight.low, eight.high, (column & 4u) != 0u)[column & 3u];
}
