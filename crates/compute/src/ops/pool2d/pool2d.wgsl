struct Pool2dParams {
    first_group: u32,
    elements: u32,
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

@group(0) @binding(0) var<uniform> params: Pool2dParams;           // twin: Pool2dParams in gpu.rs
@group(0) @binding(1) var<storage, read> x: array<f32>;            // (planes, rows, columns)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;      // (planes, out_rows, out_columns)

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
    let i = group_index(group, groups) * THREADS + thread;
    if (i >= params.elements) {
        return;
    }
    let column = i % params.out_columns;
    let row = i / params.out_columns % params.out_rows;
    let first = i / params.out_columns / params.out_rows * params.rows * params.columns;
    var sum = 0.0;
    var largest = bitcast<f32>(params.rows * 0u + 0xff800000u); // -infinity, which WGSL has no constant for
    for (var r = 0u; r < params.kernel_rows; r++) {
        // Positions in the padding wrap to a huge number and fail the comparison.
        let at_row = row * params.stride_rows + r - params.top;
        if (at_row >= params.rows) {
            continue;
        }
        for (var c = 0u; c < params.kernel_columns; c++) {
            let at_column = column * params.stride_columns + c - params.left;
            if (at_column < params.columns) {
                let value = x[first + at_row * params.columns + at_column];
                sum += value;
                largest = max(largest, value);
            }
        }
    }
//# if MEAN
    y[i] = sum / f32(params.kernel_rows * params.kernel_columns);
//# else
    y[i] = largest;
//# end
}
