// Each lane holds ROWS x OUTPUTS sums in registers. The rows of x are the same for the whole workgroup, so that its loads
// are uniform; the outputs of a lane lie LANES apart. Nothing is shared: no workgroup memory, no barrier. A step takes eight
// columns (PARTS 1) or, if WIDE, a block of 32 (PARTS 4); if FAST, a block of codes.
@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let across = (params.part_outputs + LANES * OUTPUTS - 1u) / (LANES * OUTPUTS);
    let index = group_index(group, groups);
    let row = index / across * ROWS;
    if (row >= params.rows) {
        return;
    }
    let output = index % across * (LANES * OUTPUTS) + lane;
//# if FAST
    let x_columns = params.weight_columns / 32u;
//# else
    let x_columns = params.weight_columns;
//# end
//# for r in ROWS
    let x_start_$r = min(row + $ru, params.rows - 1u) * x_columns;
//# next
//# for c in OUTPUTS
    let weight_row_$c = row_weight(min(output + $cu * LANES, params.part_outputs - 1u));
//# next
//# for r in ROWS
//# for c in OUTPUTS
    var sum_$r_$c = 0.0;
//# next
//# next
//# if FAST
    for (var block = 0u; block < x_columns; block++) {
//# for c in OUTPUTS
        let w_$c = codes_weight(weight_row_$c, block);
        let scales_$c = scales_weight(weight_row_$c, block);
//# next
//# for r in ROWS
        let at_$r = x_start_$r + block;
        let x_$r = Codes(x_codes[2u * at_$r], x_codes[2u * at_$r + 1u]);
        let factors_$r = x_factors[at_$r];
//# for c in OUTPUTS
        sum_$r_$c += block_product(x_$r, factors_$r, w_$c, scales_$c);
//# next
//# next
    }
//# else
    for (var k = 0u; k < params.weight_columns; k += 8u * PARTS) {
//# for p in PARTS
//# if WIDE
        let part_$p = $pu;
//# else
        let part_$p = (k >> 3u) & 3u;
//# end
//# for c in OUTPUTS
        let w_$p_$c = eight_weight(weight_row_$c, k >> 5u, part_$p);
//# next
//# for r in ROWS
        let x_$p_$r = eight_x(x_start_$r, k + 8u * $pu);
//# for c in OUTPUTS
        sum_$r_$c += dot(x_$p_$r.low, w_$p_$c.low) + dot(x_$p_$r.high, w_$p_$c.high);
//# next
//# next
//# next
    }
//# end
    // One copy of what follows, however many sums: compiling it is what a first run waits for.
    var sums: array<f32, ROWS * OUTPUTS>;
//# for r in ROWS
//# for c in OUTPUTS
    sums[$ru * OUTPUTS + $cu] = sum_$r_$c;
//# next
//# next
    for (var i = 0u; i < ROWS * OUTPUTS; i++) {
        let at = output + i % OUTPUTS * LANES;
        if (row + i / OUTPUTS < params.rows && at < params.part_outputs) {
            finish(row + i / OUTPUTS, at, sums[i]);
        }
    }
}
