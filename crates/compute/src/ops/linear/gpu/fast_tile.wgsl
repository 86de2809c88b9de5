// A workgroup of 16 x 16 lanes makes a tile of 64 rows x 64 outputs; a lane 4 x 4 of them. One block of 32 columns of codes
// lies in workgroup memory: word by word, four rows to a vector.
var<workgroup> x_tile: array<vec4<u32>, 128>;       // (8 words, 64 rows)
var<workgroup> x_factor_tile: array<vec2<u32>, 64>; // scale and sums of each row
var<workgroup> weight_tile: array<vec4<u32>, 128>;  // (8 words, 64 outputs)
var<workgroup> scale_tile: array<vec4<f32>, 64>;    // scales and offset of each output

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let across = (params.part_outputs + 63u) / 64u;
    let index = group_index(group, groups);
    let first_row = index / across * 64u;
    if (first_row >= params.rows) {
        return;
    }
    let first_output = index % across * 64u;
    let blocks = params.weight_columns / 32u;
    let down_lane = lane / 16u;
    let across_lane = lane % 16u;
//# for i in 4
    var sum_$i = vec4<f32>();
//# next
    for (var block = 0u; block < blocks; block++) {
        let m = lane % 64u;
        if (lane < 64u) {
            let at = min(first_row + m, params.rows - 1u) * blocks + block;
            let low = x_codes[2u * at];
            let high = x_codes[2u * at + 1u];
//# for g in 4
            x_tile[16u * $gu + m / 4u][m % 4u] = low[$g];
            x_tile[16u * ($gu + 4u) + m / 4u][m % 4u] = high[$g];
//# next
            x_factor_tile[m] = x_factors[at];
        } else if (lane < 128u) {
            let row = row_weight(min(first_output + m, params.part_outputs - 1u));
            let codes = codes_weight(row, block);
//# for g in 4
            weight_tile[16u * $gu + m / 4u][m % 4u] = codes.low[$g];
            weight_tile[16u * ($gu + 4u) + m / 4u][m % 4u] = codes.high[$g];
//# next
            scale_tile[m] = vec4<f32>(scales_weight(row, block), 0.0);
        }
        workgroupBarrier();
//# for g in 8
        let x_$g = x_tile[16u * $gu + down_lane];
        let w_$g = weight_tile[16u * $gu + across_lane];
//# next
//# for j in 4
        let scales_$j = scale_tile[4u * across_lane + $ju];
        let codes_$j = Codes(
            vec4<u32>(w_0[$j], w_1[$j], w_2[$j], w_3[$j]),
            vec4<u32>(w_4[$j], w_5[$j], w_6[$j], w_7[$j]),
        );
//# next
//# for i in 4
        let factors_$i = x_factor_tile[4u * down_lane + $iu];
        let x_codes_$i = Codes(
            vec4<u32>(x_0[$i], x_1[$i], x_2[$i], x_3[$i]),
            vec4<u32>(x_4[$i], x_5[$i], x_6[$i], x_7[$i]),
        );
//# for j in 4
        sum_$i[$j] += block_product(x_codes_$i, factors_$i, codes_$j, scales_$j.xyz);
//# next
//# next
        workgroupBarrier();
    }
    // One copy of what follows: compiling it is what a first run waits for.
    var sums: array<vec4<f32>, 4>;
//# for i in 4
    sums[$i] = sum_$i;
//# next
    for (var i = 0u; i < 16u; i++) {
        let row = first_row + 4u * down_lane + i / 4u;
        let output = first_output + 4u * across_lane + i % 4u;
        if (row < params.rows && output < params.part_outputs) {
            finish(row, output, sums[i / 4u][i % 4u]);
        }
    }
}
