// A thread computes CHANNELS channels of one position: its image elements are read once for all of them, and the
// weights are the same for the whole workgroup.
struct Conv2dParams {
    first_group: u32,
    positions: u32,
    tiles: u32,
    channels: u32,
    channels_per_group: u32,
    out_channels: u32,
    out_per_group: u32,
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
    strips: u32,
}

@group(0) @binding(0) var<uniform> params: Conv2dParams;           // twin: Conv2dParams in gpu.rs
@group(0) @binding(1) var<storage, read> x: array<f32>;            // (n, channels, rows, columns)
@group(0) @binding(2) var<storage, read> weight: array<f32>;       // (out_channels, channels_per_group, kernel_rows, kernel_columns)
@group(0) @binding(3) var<storage, read_write> y: array<f32>;      // (n, out_channels, out_rows, out_columns)
//# if BIAS
@group(0) @binding(4) var<storage, read> bias: array<f32>;         // (out_channels)
//# end

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
    // Workgroups count (image and group of channels, tile of CHANNELS, strip of THREADS positions).
    let index = group_index(group, groups);
    let tile = index / params.strips % params.tiles;
    let image_and_group = index / params.strips / params.tiles;
    let parts = params.out_channels / params.out_per_group;
    let image = image_and_group / parts;
    let part = image_and_group % parts;
    let position = index % params.strips * THREADS + thread;
    if (position >= params.positions) {
        return;
    }
    let row = position / params.out_columns * params.stride_rows;
    let column = position % params.out_columns * params.stride_columns;
    let window = params.kernel_rows * params.kernel_columns;
    let per_out = params.channels_per_group * window;
    // Past the last channel the last one is computed again, and not written.
    let last = params.out_per_group - 1u;
    var sums: array<f32, CHANNELS>;
    var taps: array<u32, CHANNELS>;
    for (var k = 0u; k < CHANNELS; k++) {
        sums[k] = 0.0;
        taps[k] = (part * params.out_per_group + min(tile * CHANNELS + k, last)) * per_out;
    }
    for (var c = 0u; c < params.channels_per_group; c++) {
        let plane = (image * params.channels + part * params.channels_per_group + c) * params.rows * params.columns;
        for (var r = 0u; r < params.kernel_rows; r++) {
            // Positions in the padding wrap to a huge number and fail the comparison.
            let at_row = row + r - params.top;
            let row_inside = at_row < params.rows;
            for (var s = 0u; s < params.kernel_columns; s++) {
                let at_column = column + s - params.left;
                var value = 0.0;
                if (row_inside && at_column < params.columns) {
                    value = x[plane + at_row * params.columns + at_column];
                }
                let tap = c * window + r * params.kernel_columns + s;
                for (var k = 0u; k < CHANNELS; k++) {
                    sums[k] += value * weight[taps[k] + tap];
                }
            }
        }
    }
    for (var k = 0u; k < CHANNELS; k++) {
        let channel = tile * CHANNELS + k;
        if (channel <= last) {
            let out = part * params.out_per_group + channel;
            var sum = sums[k];
//# if BIAS
            sum += bias[out];
//# end
            y[(image * params.out_channels + out) * params.positions + position] = activate(ACTIVATION, sum);
        }
    }
}
