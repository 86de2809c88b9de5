// A workgroup makes OUTPUTS results of one row: its lanes take eight columns each (if FAST, a block of 32 codes), LANES of
// them apart, and add up their sums, by subgroups if SUBGROUP.
var<workgroup> partial: array<f32, LANES * OUTPUTS>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
//# if SUBGROUP
    @builtin(subgroup_invocation_id) subgroup_lane: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
//# end
) {
    let across = (params.part_outputs + OUTPUTS - 1u) / OUTPUTS;
    let index = group_index(group, groups);
    let row = index / across;
    if (row >= params.rows) {
        return;
    }
    let output = index % across * OUTPUTS;
//# for c in OUTPUTS
    let weight_row_$c = row_weight(min(output + $cu, params.part_outputs - 1u));
    var sum_$c = 0.0;
//# next
//# if FAST
    for (var block = lane; block < params.weight_columns / 32u; block += LANES) {
        let at = row * (params.weight_columns / 32u) + block;
        let x = Codes(x_codes[2u * at], x_codes[2u * at + 1u]);
        let factors = x_factors[at];
//# for c in OUTPUTS
        sum_$c += block_product(x, factors, codes_weight(weight_row_$c, block), scales_weight(weight_row_$c, block));
//# next
    }
//# else
    for (var k = 8u * lane; k < params.weight_columns; k += 8u * LANES) {
        let x_eight = eight_x(row * params.weight_columns, k);
//# for c in OUTPUTS
        let w_$c = eight_weight(weight_row_$c, k >> 5u, (k >> 3u) & 3u);
        sum_$c += dot(x_eight.low, w_$c.low) + dot(x_eight.high, w_$c.high);
//# next
    }
//# end
//# if SUBGROUP
//# for c in OUTPUTS
    let subgroup_sum_$c = subgroupAdd(sum_$c);
//# next
    if (subgroup_lane == 0u) {
//# for c in OUTPUTS
        partial[$cu * LANES + subgroup] = subgroup_sum_$c;
//# next
    }
    workgroupBarrier();
    if (lane < OUTPUTS && output + lane < params.part_outputs) {
        var sum = partial[lane * LANES];
        for (var i = 1u; i < subgroups; i++) {
            sum += partial[lane * LANES + i];
        }
        finish(row, output + lane, sum);
    }
//# else
//# for c in OUTPUTS
    partial[$cu * LANES + lane] = sum_$c;
//# next
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) {
//# for c in OUTPUTS
            partial[$cu * LANES + lane] += partial[$cu * LANES + lane + half];
//# next
        }
    }
    workgroupBarrier();
    if (lane < OUTPUTS && output + lane < params.part_outputs) {
        finish(row, output + lane, partial[lane * LANES]);
    }
//# end
}
