struct LayerNormParams {
    first_group: u32,
    rows: u32,
    width: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: LayerNormParams; // twin: LayerNormParams in gpu.rs
@group(0) @binding(1) var<storage, read> operand: array<f32>; // (rows, width)
@group(0) @binding(2) var<storage, read_write> result: array<f32>; // (rows, width)
@group(0) @binding(3) var<storage, read> weight: array<f32>; // (width)
//# if BIAS
@group(0) @binding(4) var<storage, read> bias: array<f32>; // (width)
//# end

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
    let row_and_lane = row_of(group_index(group, groups), thread);
    let lane = row_and_lane.y;
    if (row_and_lane.x >= params.rows) {
        return;
    }
    let first = row_and_lane.x * params.width;
    let n = f32(params.width);
    var sum = 0.0;
    for (var j = lane; j < params.width; j += LANES) {
        sum += operand[first + j];
    }
    let rough = row_sum(lane, sum) / n;
    // The mean of what is left restores the digits that a sum of large numbers lost.
    var rest = 0.0;
    for (var j = lane; j < params.width; j += LANES) {
        rest += operand[first + j] - rough;
    }
    let mean = rough + row_sum(lane, rest) / n;
    var squares = 0.0;
    for (var j = lane; j < params.width; j += LANES) {
        let d = operand[first + j] - mean;
        squares += d * d;
    }
    let deviation = sqrt(row_sum(lane, squares) / n + params.eps);
    for (var j = lane; j < params.width; j += LANES) {
        var normal = (operand[first + j] - mean) / deviation * weight[j];
//# if BIAS
        normal += bias[j];
//# end
        result[first + j] = normal;
    }
}
