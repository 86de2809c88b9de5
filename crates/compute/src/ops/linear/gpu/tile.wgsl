// A workgroup of 16 x 16 lanes makes a tile of 64 QUADS_DOWN rows x 64 QUADS_ACROSS outputs; a lane 4 QUADS_DOWN x 4
// QUADS_ACROSS of them. DEPTH columns of x and of the restored weight lie in workgroup memory, column by column.
const DOWN = 64u * QUADS_DOWN;
const ACROSS = 64u * QUADS_ACROSS;

var<workgroup> x_tile: array<vec4<f32>, DEPTH * DOWN / 4u>;             // (DEPTH, DOWN)
var<workgroup> weight_tile: array<vec4<f32>, DEPTH * ACROSS / 4u>;      // (DEPTH, ACROSS)

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let across = (params.part_outputs + ACROSS - 1u) / ACROSS;
    let index = group_index(group, groups);
    let first_row = index / across * DOWN;
    if (first_row >= params.rows) {
        return;
    }
    let first_output = index % across * ACROSS;
    let down_lane = lane / 16u;
    let across_lane = lane % 16u;
//# for r in QUADS_DOWN
//# for c in QUADS_ACROSS
//# for i in 4
    var sum_$r_$c_$i = vec4<f32>();
//# next
//# next
//# next
    for (var k = 0u; k < params.weight_columns; k += DEPTH) {
        for (var i = lane; i < DOWN * DEPTH / 8u; i += 256u) {
            let m = i % DOWN;
            let part = i / DOWN;
            let eight = eight_x(min(first_row + m, params.rows - 1u) * params.weight_columns, k + 8u * part);
            let at = part * 8u * (DOWN / 4u) + m / 4u;
//# for j in 4
            x_tile[at + $ju * (DOWN / 4u)][m % 4u] = eight.low[$j];
            x_tile[at + ($ju + 4u) * (DOWN / 4u)][m % 4u] = eight.high[$j];
//# next
        }
        for (var i = lane; i < ACROSS * DEPTH / 8u; i += 256u) {
            let n = i % ACROSS;
            let first = k + i / ACROSS * 8u;
            let row = row_weight(min(first_output + n, params.part_outputs - 1u));
            var eight = Eight();
            if (first < params.weight_columns) {
                eight = eight_weight(row, first >> 5u, (first >> 3u) & 3u);
            }
            let at = i / ACROSS * 8u * (ACROSS / 4u) + n / 4u;
//# for j in 4
            weight_tile[at + $ju * (ACROSS / 4u)][n % 4u] = eight.low[$j];
            weight_tile[at + ($ju + 4u) * (ACROSS / 4u)][n % 4u] = eight.high[$j];
//# next
        }
        workgroupBarrier();
        for (var d = 0u; d < DEPTH; d += 4u) {
//# for e in 4
//# for r in QUADS_DOWN
            let x_$e_$r = x_tile[(d + $eu) * (DOWN / 4u) + $ru * 16u + down_lane];
//# next
//# for c in QUADS_ACROSS
            let w_$e_$c = weight_tile[(d + $eu) * (ACROSS / 4u) + $cu * 16u + across_lane];
//# next
//# for r in QUADS_DOWN
//# for c in QUADS_ACROSS
//# for i in 4
            sum_$r_$c_$i += x_$e_$r[$i] * w_$e_$c;
//# next
//# next
//# next
//# next
        }
        workgroupBarrier();
    }
    // One copy of what follows, however many sums: compiling it is what a first run waits for.
    var sums: array<vec4<f32>, 4u * QUADS_DOWN * QUADS_ACROSS>;
//# for r in QUADS_DOWN
//# for c in QUADS_ACROSS
//# for i in 4
    sums[($ru * QUADS_ACROSS + $cu) * 4u + $iu] = sum_$r_$c_$i;
//# next
//# next
//# next
    for (var i = 0u; i < 16u * QUADS_DOWN * QUADS_ACROSS; i++) {
        let quad = i / 16u;
        let row = first_row + (quad / QUADS_ACROSS * 16u + down_lane) * 4u + i / 4u % 4u;
        let output = first_output + (quad % QUADS_ACROSS * 16u + across_lane) * 4u + i % 4u;
        if (row < params.rows && output < params.part_outputs) {
            finish(row, output, sums[i / 4u][i % 4u]);
        }
    }
}
