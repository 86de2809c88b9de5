struct SoftmaxParams {
    first_group: u32,
    rows: u32,
    width: u32,
}

@group(0) @binding(0) var<uniform> params: SoftmaxParams; // twin: SoftmaxParams in gpu.rs
@group(0) @binding(1) var<storage, read> operand: array<f32>; // (rows, width)
@group(0) @binding(2) var<storage, read_write> result: array<f32>; // (rows, width)

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
    let row_and_lane = row_of(group_index(group, groups), thread);
    let lane = row_and_lane.y;
    if (row_and_lane.x >= params.rows) {
        return;
    }
    let first = row_and_lane.x * params.width;
    var most = -3.4e38;
    for (var j = lane; j < params.width; j += LANES) {
        most = max(most, operand[first + j]);
    }
    let largest = row_max(lane, most);
    var sum = 0.0;
    for (var j = lane; j < params.width; j += LANES) {
        sum += exp_f32(operand[first + j] - largest);
    }
    let all = row_sum(lane, sum);
    for (var j = lane; j < params.width; j += LANES) {
        result[first + j] = exp_f32(operand[first + j] - largest) / all;
    }
}
