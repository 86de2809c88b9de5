struct DepthwiseParams {
    first_group: u32,
    elements: u32,
    channels: u32,
    rows: u32,
    columns: u32,
    out_rows: u32,
    out_columns: u32,
    kernel_rows: u32,
    kernel_columns: u32,
    stride_rows: u32,
    stride_columns: u32,
    top: u32,
    left: u32,
}

@group(0) @binding(0) var<uniform> params: DepthwiseParams;        // twin: DepthwiseParams in gpu.rs
@group(0) @binding(1) var<storage, read> x: array<f32>;            // (n, channels, rows, columns)
@group(0) @binding(2) var<storage, read> weight: array<f32>;       // (channels, 1, kernel_rows, kernel_columns)
@group(0) @binding(3) var<storage, read_write> y: array<f32>;      // (n, channels, out_rows, out_columns)
//# if BIAS
@group(0) @binding(4) var<storage, read> bias: array<f32>;         // (channels)
//# end

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
    let i = group_index(group, groups) * THREADS + thread;
    if (i >= params.elements) {
        return;
    }
    let column = i % params.out_columns;
    let row = i / params.out_columns % params.out_rows;
    let plane = i / params.out_columns / params.out_rows;
    let channel = plane % params.channels;
    let first = plane * params.rows * params.columns;
    let taps = channel * params.kernel_rows * params.kernel_columns;
    var sum = 0.0;
//# if BIAS
    sum = bias[channel];
//# end
    for (var r = 0u; r < params.kernel_rows; r++) {
        // Positions in the padding wrap to a huge number and fail the comparison.
        let at_row = row * params.stride_rows + r - params.top;
        if (at_row >= params.rows) {
            continue;
        }
        for (var c = 0u; c < params.kernel_columns; c++) {
            let at_column = column * params.stride_columns + c - params.left;
            if (at_column < params.columns) {
                sum += x[first + at_row * params.columns + at_column] * weight[taps + r * params.kernel_columns + c];
            }
        }
    }
    y[i] = activate(ACTIVATION, sum);
}
