// Splits of the keys put together: a lane takes four features of one head of one query.
struct MergeParams {
    first_group: u32,
    rows: u32, // (batch, queries, heads)
    splits: u32,
}

@group(0) @binding(0) var<uniform> params: MergeParams;
@group(0) @binding(7) var<storage, read_write> partial: array<vec4<f32>>; // (rows, splits, HEAD_QUADS + 1): the mix; its largest score, its sum

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = group_index(group, groups) * 64u + lane;
    let row = index / HEAD_QUADS;
    let d = index % HEAD_QUADS;
    if (row >= params.rows) {
        return;
    }
    let first = row * params.splits;
    var largest = partial[first * (HEAD_QUADS + 1u) + HEAD_QUADS].x;
    for (var split = 1u; split < params.splits; split++) {
        largest = max(largest, partial[(first + split) * (HEAD_QUADS + 1u) + HEAD_QUADS].x);
    }
    var sum = 0.0;
    var mix = vec4<f32>();
    for (var split = 0u; split < params.splits; split++) {
        let at = (first + split) * (HEAD_QUADS + 1u);
        let fade = exp_f32(partial[at + HEAD_QUADS].x - largest);
        sum += partial[at + HEAD_QUADS].y * fade;
        mix += partial[at + d] * fade;
    }
    // A query that sees nothing gives zeros.
    put_quad(row, d, mix * select(1.0 / sum, 0.0, sum == 0.0));
}
